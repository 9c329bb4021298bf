"""Test a checkpoint: python tools/test.py CONFIG CHECKPOINT [options]."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from mmavs.atomic_file import write_json
from mmavs.config_file import check_entries
from mmavs.datasets import build_unread
from mmavs.engine import (
    ToolRunner,
    add_launch_arguments,
    add_speed_arguments,
    error_line,
    joined_processes,
    load_config,
    speed_up,
    unwrap_model,
    warn_of_test_selection,
)
from mmavs.engine.results import make_result, read_result
from mmavs.evaluation import MaskDump
from mmavs.fingerprint import hash_config, hash_file
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmseg.registry import DATASETS, METRICS

#: Value of ``--split``.
_ALL = 'all'


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(description='Test a checkpoint.')
    add_launch_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', metavar='FILE', help='write the metrics to this JSON file'
    )
    parser.add_argument(
        '--results',
        metavar='FILE',
        help='write a result file: the metrics with the seed, the hashes of '
        'checkpoint and clips, and the versions of the packages',
    )
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='write a picture of every clip: frames, labels, masks and audio',
    )
    parser.add_argument(
        '--show-clips',
        type=int,
        metavar='N',
        help='with --show-dir: only the first N clips',
    )
    parser.add_argument(
        '--dump-masks',
        metavar='DIR',
        help='write the predicted masks and their index, for stage two. With '
        '--out, --results or --show-dir all clips are predicted; otherwise '
        'only clips whose masks are missing, and no metrics are computed',
    )
    parser.add_argument(
        '--split',
        metavar='{train,val,test,all}',
        help='predict the clips of this split instead of test; all: write '
        'masks and pictures of all splits, without metrics',
    )
    parser.add_argument(
        '--soft',
        action='store_true',
        help='with --dump-masks: scores 0..255 instead of hard masks',
    )
    parser.add_argument(
        '--merge-classes',
        action='store_true',
        help='with --dump-masks: write where a semantic model predicts any '
        'class but the background',
    )
    parser.add_argument(
        '--swap-sound',
        action='store_true',
        help='give every clip the sound of another clip, to measure how much '
        'the result depends on it',
    )
    add_speed_arguments(parser)
    args = parser.parse_args()
    if args.dump_masks is None and (args.soft or args.merge_classes):
        option = '--soft' if args.soft else '--merge-classes'
        parser.error(f'{option} needs --dump-masks')
    if args.show_clips is not None:
        if args.show_dir is None:
            parser.error('--show-clips needs --show-dir')
        if args.show_clips < 1:
            parser.error(
                f'--show-clips must be 1 or more, got {args.show_clips}'
            )
    if args.split == _ALL:
        for option in ('out', 'results'):
            if getattr(args, option) is not None:
                parser.error(
                    f'--{option} with --split all would mix training and '
                    'test clips in one score; choose one split'
                )
        if args.dump_masks is None and args.show_dir is None:
            parser.error('--split all needs --dump-masks or --show-dir')
    return args


def add_pictures(cfg: Config, args: argparse.Namespace) -> None:
    """Add the hook that writes pictures.

    Args:
        cfg (Config): ``custom_hooks`` is changed.
        args (argparse.Namespace): The command line.
    """
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or []),
        dict(
            type='AVSVisualizationHook',
            show_dir=args.show_dir,
            max_clips=args.show_clips,
        ),
    ]


def add_dump(
    cfg: Config, args: argparse.Namespace, config_hash: str
) -> MaskDump:
    """Make the test write masks.

    Args:
        cfg (Config): ``test_evaluator`` is changed.
        args (argparse.Namespace): The command line.
        config_hash (str): Of the config as it was given.

    Returns:
        MaskDump: A copy of the metric that the runner will build.

    Raises:
        ValueError: If the folder has files that no dump has written.
    """
    dump = dict(
        type='MaskDump',
        root=args.dump_masks,
        config_hash=config_hash,
        checkpoint_hash=hash_file(args.checkpoint),
        soft=args.soft,
        merge_classes=args.merge_classes,
    )
    cfg.test_evaluator = [*as_list(cfg.get('test_evaluator')), dump]
    built = METRICS.build(dump)
    built.directory.check_writable()
    return built


def set_split(cfg: Config, split: str) -> None:
    """Test on another split.

    Args:
        cfg (Config): ``split`` of the test data set is changed.
        split (str): One that the data set has, or ``'all'``.

    Raises:
        ValueError: If the data set has no such split.
    """
    dataset = cfg.test_dataloader.dataset
    splits = build_unread(dataset).SPLITS
    if split not in (*splits, _ALL):
        raise ValueError(
            f'--split must be one of {(*splits, _ALL)}, got {split!r}'
        )
    dataset.split = list(splits) if split == _ALL else split


def keep_lacking_clips(cfg: Config, dump: MaskDump) -> int:
    """Predict only the clips whose masks are missing.

    Call it before the processes join, so that all of them see the same files.

    Args:
        cfg (Config): ``indices`` of the test data set is changed.
        dump (MaskDump): Knows what it has written.

    Returns:
        int: Number of clips that are left.
    """
    dataset = cfg.test_dataloader.dataset
    clips = DATASETS.build(dict(dataset, pipeline=[], indices=None))
    chosen = dataset.get('indices')
    if chosen is None or isinstance(chosen, int):
        places = list(range(len(clips)))
        # As in mmengine: the first ones, or, if negative, the last.
        if chosen is not None:
            places = places[:chosen] if chosen >= 0 else places[chosen:]
    else:
        places = list(chosen)
    lacking = [
        i
        for i in places
        if not dump.directory.is_written(clips.get_data_info(i), dump.made_by)
    ]
    for i in lacking:
        dump.directory.remove_leftovers(clips.get_data_info(i))
    print_log(
        f'{len(places) - len(lacking)} of {len(places)} clips have their '
        f'masks in {dump.directory.root} already',
        logger='current',
    )
    dataset.indices = lacking
    return len(lacking)


def as_list(evaluators: dict | list | None) -> list:
    """Return the metrics of a config as a list."""
    if evaluators is None:
        return []
    return list(evaluators) if isinstance(evaluators, list) else [evaluators]


def check_writable(
    path: str, option: str, is_own: Callable[[Path], bool]
) -> None:
    """Check, before hours of testing, that a file can be written.

    Args:
        path (str): The file. Its folder is made; an existing file stays.
        option (str): Option that names the file, for the error message.
        is_own (Callable[[Path], bool]): Whether an earlier test has written
            an existing file, which may be replaced.

    Raises:
        ValueError: If ``path`` is a folder, or a file that no test has
            written: it would be lost.
        OSError: If the folder cannot be made or written to.
    """
    if Path(path).is_dir():
        raise ValueError(f'{option} {path}: expected a file, got a folder')
    if os.path.lexists(path) and not is_own(Path(path)):
        raise ValueError(
            f'{option} {path}: expected a new file, or one with the metrics '
            'of an earlier test, got another file; choose another name. '
            'Nothing was changed.'
        )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=Path(path).parent):
        pass


def is_metrics(path: Path) -> bool:
    """Return whether ``--out`` may have written a file.

    Args:
        path (Path): The file.

    Returns:
        bool: Whether it is a JSON object of floats. The tables of a data set
        hold integers.
    """
    if not path.is_file():
        return False
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError:
        return False
    return isinstance(content, dict) and all(
        isinstance(value, float) for value in content.values()
    )


def is_result(path: Path) -> bool:
    """Return whether ``--results`` has written a file."""
    try:
        read_result(path)
    except (ValueError, OSError):
        return False
    return True


def run_test(cfg: Config, args: argparse.Namespace, config_hash: str) -> None:
    """Test, and write the metrics if that was asked for.

    Args:
        cfg (Config): What to test, and how.
        args (argparse.Namespace): The command line.
        config_hash (str): Of the config as it was given.
    """
    runner = ToolRunner.from_cfg(cfg)
    runner.load_for_test(args.checkpoint, args.config)
    model = unwrap_model(runner)
    speed_up(model, args.precision, compiled=args.compile)
    metrics = runner.test()
    if not is_main_process():
        return
    if args.out is not None:
        write_json(args.out, metrics)
    if args.results is not None:
        result = make_result(
            cfg,
            runner.test_dataloader.dataset,
            config_hash=config_hash,
            seed=runner.checkpoint_seed,
            checkpoint=args.checkpoint,
            checkpoint_hash=hash_file(args.checkpoint),
            metrics=metrics,
        )
        write_json(args.results, result)


def test(args: argparse.Namespace) -> None:
    """Test as the command line says.

    Args:
        args (argparse.Namespace): The command line.
    """
    cfg = load_config(args)
    check_entries(cfg, 'model', 'test_dataloader', 'test_cfg')
    warn_of_test_selection(cfg)
    if args.out is not None:
        check_writable(args.out, '--out', is_metrics)
    if args.results is not None:
        check_writable(args.results, '--results', is_result)
    cfg.load_from = None
    cfg.resume = False
    if args.swap_sound:
        cfg.test_dataloader.dataset.sound_from = 'next_clip'
    # Only settings that affect the masks, so that the hash does not depend
    # on the number of processes.
    config = {
        name: value
        for name, value in cfg.to_dict().items()
        if name not in ('launcher', 'work_dir', 'load_from')
    }
    if args.precision != 'float32':
        config['precision'] = args.precision
    config_hash = hash_config(config)
    if args.split is not None:
        set_split(cfg, args.split)
    others = (args.out, args.results, args.show_dir)
    only_masks = args.dump_masks is not None and not any(others)
    if args.split == _ALL or only_masks:
        cfg.test_evaluator = []
    else:
        check_entries(cfg, 'test_evaluator')
    if args.show_dir is not None:
        add_pictures(cfg, args)
    if args.dump_masks is not None:
        dump = add_dump(cfg, args, config_hash)
        if only_masks and not keep_lacking_clips(cfg, dump):
            dump.directory.write_index(dump.made_by)
            return
    with joined_processes(cfg):
        run_test(cfg, args, config_hash)


def main() -> None:
    """Test; wrong input ends in one line."""
    args = parse_args()
    with error_line(args):
        test(args)


if __name__ == '__main__':
    main()
