"""Measure how much a model's masks depend on the sound.

Usage::

    python tools/robustness.py CONFIG CHECKPOINT [--out JSON] \
        [--sounds silence noise offscreen swap shift]

Tests the config's test split with the clips' own sound (``original``) and
with every sound of ``--sounds``; docs/metrics.md defines the conditions and
the figures. The labels are always those of the clips' own sound. The results
of every clip are kept in the work dir, so that the same command continues an
interrupted run; visual features are computed once for all sounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import mmavs
from mmavs.atomic_file import write_json
from mmavs.config_file import OptionsAction, check_entries
from mmavs.datasets.front_end import find_front_end
from mmavs.datasets.sound_conditions import ORIGINAL, SOUNDS
from mmavs.engine import (
    ToolRunner,
    add_traceback_argument,
    error_line,
    load_config,
)
from mmavs.evaluation.predicted_masks import consistency
from mmavs.evaluation.robustness import NEGATIVES, summarise
from mmavs.fingerprint import hash_config, hash_file
from mmavs.output_path import check_output_file
from mmengine.config import Config
from rich.box import ASCII
from rich.console import Console
from rich.table import Table

#: Name of the definitions of docs/metrics.md.
_PROTOCOL = 'mmavs-robust'
#: Columns of the printed table; six conditions fit.
_WIDTH = 118


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
    parser.add_argument(
        '--work-dir',
        help='folder for logs and the results of single clips',
    )
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


def check_stage(cfg: Config) -> None:
    """Refuse configs of stage two.

    Args:
        cfg (Config): The config.

    Raises:
        ValueError: If the model takes masks of a first stage, which would be
            those of the own sound in every condition.
    """
    if cfg.test_dataloader.dataset.get('mask_prior') is not None:
        raise ValueError(
            'expected a config without mask_prior, got one of stage two: '
            'its masks of stage one would be those of the own sound in '
            'every condition; test stage one, or a model of one stage.'
        )


def run_conditions(
    cfg: Config, args: argparse.Namespace, hashes: Mapping[str, str]
) -> tuple[dict[str, dict[str, float]], str]:
    """Test with every sound and compare the masks.

    Args:
        cfg (Config): Tests with the clips' own sound.
        args (argparse.Namespace): The command line.
        hashes (Mapping[str, str]): Of config and checkpoint.

    Returns:
        tuple: Figures by condition, ``CONS`` and the number of ``clips``
        included; and what computes the input of the audio backbone.
    """
    cfg.test_cfg.update(
        type='SoundConditionsLoop',
        sounds=args.sounds,
        results_dir=str(Path(cfg.work_dir, 'robustness')),
        run_hash=hash_config(dict(hashes, mmavs=mmavs.__version__)),
    )
    cfg.experiment_name = f'{Path(cfg.filename).stem}_robustness'
    runner = ToolRunner.from_cfg(cfg)
    runner.load_for_test(args.checkpoint, args.config)
    figures = runner.test()
    loop = runner.test_loop
    masks = {
        sound: evaluator.metrics[-1].entries
        for sound, evaluator in loop.evaluators.items()
    }
    for sound, row in figures.items():
        row['CONS'] = consistency(masks[ORIGINAL], masks[sound])
        row['clips'] = len(masks[sound])
    front_end = find_front_end(loop.clips.conditions[ORIGINAL])
    return figures, repr(front_end)


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
        sources = [args.checkpoint, cfg.filename]
        check_output_file(args.out, sources=sources, force=args.force)
    check_stage(cfg)
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
    hashes = dict(
        config_hash=config_hash, checkpoint_hash=hash_file(args.checkpoint)
    )
    figures, front_end = run_conditions(cfg, args, hashes)
    summary = None
    if set(NEGATIVES) <= set(figures):
        summary = summarise(figures)
    print_figures(figures, summary)
    if args.out is not None:
        content = dict(
            protocol=_PROTOCOL,
            mmavs=mmavs.__version__,
            config=Path(args.config).stem,
            checkpoint=Path(args.checkpoint).name,
            **hashes,
            split=cfg.test_dataloader.dataset.split,
            num_clips=figures[ORIGINAL]['clips'],
            front_end=front_end,
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
