"""Decode and resize the clips of a config's data sets once.

Usage: ``python tools/dataset_converters/pack_clips.py CONFIG PACK_DIR``.
Training and testing with the data sets' option ``pack_dir=PACK_DIR`` then
read the stored pictures and log-mels instead of decoding files; docs/data.md
shows the command. The same option without this tool fills the store during
the first epoch.

The tool can be stopped at any time, also by ``kill -9``, and started again:
it goes on with what is missing, and replaces damaged files.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmavs.config_file import read_config
from mmavs.datasets.packing import pack_clips, remove_leftovers
from mmavs.datasets.wrappers import clip_configs
from mmavs.engine import add_traceback_argument, error_line
from mmavs.parallel import usable_cores
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

_SPLITS = ('train', 'val', 'test')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config')
    parser.add_argument('pack_dir', type=Path, help='folder of the store')
    parser.add_argument(
        '--splits', nargs='+', choices=_SPLITS, default=_SPLITS
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes (default: one per core)',
    )
    add_traceback_argument(parser)
    return parser.parse_args(argv)


def pack(cfg: Config, args: argparse.Namespace) -> int:
    """Pack the clips of the chosen splits.

    Args:
        cfg (Config): The config.
        args (argparse.Namespace): The command line.

    Returns:
        int: Number of clips.

    Raises:
        ValueError: If there is no data set of clips, or a file of a clip
            cannot be read.
        OSError: If the store cannot be written.
    """
    num_clips = 0
    for split in args.splits:
        loader = cfg.get(f'{split}_dataloader')
        for dataset_cfg in clip_configs(loader.dataset) if loader else ():
            dataset = DATASETS.build(
                {**dataset_cfg, 'pack_dir': str(args.pack_dir)}
            )
            pack_clips(dataset, num_workers=args.workers)
            num_clips += len(dataset)
    if not num_clips:
        raise ValueError(
            f'{args.config}: expected a data set that derives from '
            'mmavs.datasets.BaseClipDataset in the dataloader of '
            f'{", ".join(args.splits)}, got none; see docs/add_a_dataset.md.'
        )
    return num_clips


def main(argv: list[str] | None = None) -> None:
    """Pack, and print what is in the store."""
    args = parse_args(argv)
    with error_line(args):
        cfg = read_config(args.config)
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        removed = remove_leftovers(args.pack_dir)
        if removed:
            print(f'removed {removed} temporary files of a stopped run')
        num_clips = pack(cfg, args)
        files = [path for path in args.pack_dir.rglob('*') if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        print(
            f'{num_clips} clips are packed; {args.pack_dir} has '
            f'{len(files)} files, {size / 1e9:.2f} GB'
        )


if __name__ == '__main__':
    main()
