"""Measure how much a model's masks depend on the sound.

Usage::

    python tools/robustness.py CONFIG CHECKPOINT [--out JSON] \
        [--sounds silence noise offscreen swap shift]

Tests the config's test split with the clips' own sound (``original``) and
with every sound of ``--sounds``; docs/metrics.md defines the conditions and
the figures. The labels are always those of the clips' own sound.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import mmavs
from mmavs.atomic_file import write_json
from mmavs.config_file import OptionsAction, check_entries
from mmavs.datasets.front_end import find_front_end
from mmavs.datasets.sound_conditions import SOUNDS, set_sound
from mmavs.engine import (
    ToolRunner,
    add_traceback_argument,
    error_line,
    load_config,
)
from mmavs.evaluation import PredictedMasks
from mmavs.evaluation.predicted_masks import MaskEntry, consistency
from mmavs.evaluation.robustness import NEGATIVES, ORIGINAL, summarise
from mmavs.fingerprint import hash_config, hash_file
from mmavs.output_path import check_output_file
from mmengine.config import Config
from mmseg.registry import DATASETS
from rich.box import ASCII
from rich.console import Console
from rich.table import Table

#: Name of the definitions of docs/metrics.md.
_PROTOCOL = 'mmavs-robust'
#: Columns of the printed table; six conditions fit.
_WIDTH = 118


class ConditionRun(NamedTuple):
    """Result of one condition.

    Attributes:
        figures (dict[str, float]): By name.
        masks (list[MaskEntry]): One per clip.
        front_end (str): What computed the input of the audio backbone.
    """

    figures: dict[str, float]
    masks: list[MaskEntry]
    front_end: str


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--sounds',
        nargs='+',
        choices=SOUNDS,
        default=list(SOUNDS),
        help='conditions besides the own sound (default: all). G-mIoU, G-F '
        f'and G-FPR need {", ".join(NEGATIVES)}',
    )
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument(
        '--force', action='store_true', help='replace --out if it exists'
    )
    parser.add_argument('--work-dir', help='folder for logs')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='override settings of the config, as in tools/test.py',
    )
    add_traceback_argument(parser)
    # load_config reads these; this tool runs in one process.
    parser.set_defaults(launcher='none', local_rank=0)
    args = parser.parse_args(argv)
    args.sounds = list(dict.fromkeys(args.sounds))
    return args


def make_config(cfg: Config, sound: str) -> Config:
    """Make the config that tests with a sound.

    Args:
        cfg (Config): Tests with the clips' own sound.
        sound (str): ``'original'`` or one of ``SOUNDS``.

    Returns:
        Config: A changed copy.
    """
    cfg = copy.deepcopy(cfg)
    evaluators = cfg.test_evaluator
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    cfg.test_evaluator = [*evaluators, dict(type='PredictedMasks')]
    cfg.experiment_name = f'{Path(cfg.filename).stem}_{sound}'
    if sound != ORIGINAL:
        set_sound(cfg.test_dataloader.dataset, sound)
        # The tables of clips and classes are those of the own sound.
        for evaluator in cfg.test_evaluator:
            for name in ('per_clip_csv', 'per_class_csv'):
                evaluator.pop(name, None)
    return cfg


def run_condition(cfg: Config, args: argparse.Namespace) -> ConditionRun:
    """Test under one condition.

    Args:
        cfg (Config): From :func:`make_config`.
        args (argparse.Namespace): The command line.

    Returns:
        ConditionRun: Figures and masks.
    """
    runner = ToolRunner.from_cfg(cfg)
    runner.load_for_test(args.checkpoint, args.config)
    figures = runner.test()
    (kept,) = (
        metric
        for metric in runner.test_evaluator.metrics
        if isinstance(metric, PredictedMasks)
    )
    front_end = find_front_end(runner.test_dataloader.dataset)
    return ConditionRun(figures, kept.entries, repr(front_end))


def check_conditions(configs: Mapping[str, Config]) -> None:
    """Find the sounds of all conditions before the first test.

    Args:
        configs (Mapping[str, Config]): By condition.

    Raises:
        ValueError: If a clip has no sound of another category, or the model
            takes masks of a first stage, which would be those of the own
            sound in every condition.
    """
    for cfg in configs.values():
        dataset = cfg.test_dataloader.dataset
        if dataset.get('mask_prior') is not None:
            raise ValueError(
                'expected a config without mask_prior, got one of stage two: '
                'its masks of stage one would be those of the own sound in '
                'every condition; test stage one, or a model of one stage.'
            )
        DATASETS.build(dict(dataset, pipeline=[]))


def run_conditions(
    configs: Mapping[str, Config], args: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], ConditionRun]:
    """Test under every condition and compare the masks.

    Args:
        configs (Mapping[str, Config]): By condition, ``original`` first.
        args (argparse.Namespace): The command line.

    Returns:
        tuple: Figures by condition, ``CONS`` and the number of ``clips``
        included; and the run with the own sound.
    """
    original = run_condition(configs[ORIGINAL], args)
    num_clips = len(original.masks)
    figures = {ORIGINAL: {**original.figures, 'CONS': 1.0, 'clips': num_clips}}
    for sound in args.sounds:
        run = run_condition(configs[sound], args)
        cons = consistency(original.masks, run.masks)
        figures[sound] = {
            **run.figures,
            'CONS': cons,
            'clips': len(run.masks),
        }
    return figures, original


def print_figures(
    figures: Mapping[str, Mapping[str, float]],
    summary: Mapping[str, float] | None,
) -> None:
    """Print a column per condition, then the summary.

    Args:
        figures (Mapping): By condition and name.
        summary (Mapping | None): G figures; None if a negative is missing.
    """
    console = Console(width=_WIDTH)
    table = Table('', box=ASCII)
    for sound in figures:
        table.add_column(sound, justify='right')
    for name in figures[ORIGINAL]:
        form = 'd' if name == 'clips' else '.4f'
        values = [f'{row[name]:{form}}' for row in figures.values()]
        table.add_row(name, *values)
    console.print(table)
    if summary is None:
        console.print(
            f'G-mIoU, G-F and G-FPR need --sounds {" ".join(NEGATIVES)}'
        )
        return
    for name, value in summary.items():
        console.print(f'{name:24} {value:.4f}', highlight=False)


def measure(args: argparse.Namespace) -> None:
    """Test under all conditions; print the figures and write them.

    Args:
        args (argparse.Namespace): The command line.
    """
    cfg = load_config(args)
    check_entries(
        cfg, 'model', 'test_dataloader', 'test_cfg', 'test_evaluator'
    )
    if args.out is not None:
        check_output_file(
            args.out, sources=[args.checkpoint], force=args.force
        )
    # As tools/test.py: where it runs does not change the result.
    config_hash = hash_config(
        {
            name: value
            for name, value in cfg.to_dict().items()
            if name not in ('launcher', 'work_dir', 'load_from')
        }
    )
    cfg.load_from = None
    cfg.resume = False
    configs = {
        sound: make_config(cfg, sound) for sound in (ORIGINAL, *args.sounds)
    }
    check_conditions(configs)
    figures, original = run_conditions(configs, args)
    summary = None
    if set(NEGATIVES) <= set(figures):
        summary = summarise(figures)
    print_figures(figures, summary)
    if args.out is not None:
        content = dict(
            protocol=_PROTOCOL,
            mmavs=mmavs.__version__,
            config=args.config,
            config_hash=config_hash,
            checkpoint=args.checkpoint,
            checkpoint_hash=hash_file(args.checkpoint),
            split=cfg.test_dataloader.dataset.split,
            num_clips=len(original.masks),
            front_end=original.front_end,
            conditions=figures,
            summary=summary,
        )
        write_json(args.out, content)


def main() -> None:
    """Measure; wrong input ends in one line."""
    args = parse_args()
    with error_line(args):
        measure(args)


if __name__ == '__main__':
    main()
