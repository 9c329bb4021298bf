"""Print the parameters and the operations of a model.

Usage::

    python tools/analysis_tools/get_flops.py CONFIG [--shape H W]

The model segments one clip of random content, with the number of frames of
the data set's clips. Audio backbones are included. A multiplication with the
addition that follows counts as two operations; mmseg's get_flops.py counts
one, so its numbers are half as large.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from mmavs.apis.flops import count_flops, random_inputs
from mmavs.config_file import (
    OptionsAction,
    check_entries,
    check_option_types,
    read_config,
)
from mmavs.datasets import build_unread
from mmavs.engine import add_traceback_argument, error_line, quiet_libraries
from mmengine.analysis import parameter_count
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from rich.box import ASCII
from rich.console import Console
from rich.table import Column, Table

_HEAD, _MODEL = 'decode_head', 'model'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file, or the name of one')
    parser.add_argument(
        '--shape',
        type=int,
        nargs='+',
        metavar='H',
        help='height and width of the frames, or one number for both '
        "(default: those of the config's test pipeline)",
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='override settings of the config, as in tools/test.py',
    )
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    if args.shape is not None:
        if len(args.shape) > 2 or min(args.shape) < 1:
            parser.error(
                '--shape: expected one or two positive numbers, got '
                f'{args.shape}'
            )
        args.shape = (args.shape[0], args.shape[-1])
    return args


def print_costs(
    flops: Mapping[str, int],
    parameters: Mapping[str, int],
    num_frames: int,
) -> None:
    """Print a row for the whole model and for each part.

    Args:
        flops (Mapping[str, int]): Of a clip, by name of the part.
        parameters (Mapping[str, int]): By name of the part; ``''`` is the
            whole model.
        num_frames (int): Frames of the clip.
    """
    table = Table(
        'part',
        Column('parameters (M)', justify='right'),
        Column('GFLOPs per frame', justify='right'),
        box=ASCII,
    )
    for name, count in flops.items():
        table.add_row(
            name,
            f'{parameters["" if name == _MODEL else name] / 1e6:.3f}',
            f'{count / num_frames / 1e9:.3f}',
        )
    Console(width=100).print(table)


def run(args: argparse.Namespace) -> None:
    """Build the model, count and print.

    Args:
        args (argparse.Namespace): The command line.
    """
    cfg = read_config(args.config)
    if args.cfg_options is not None:
        check_option_types(cfg, args.cfg_options)
        cfg.merge_from_dict(args.cfg_options)
    check_entries(cfg, 'model', 'test_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    num_frames = build_unread(cfg.test_dataloader.dataset).usual_num_frames
    inputs = random_inputs(cfg, num_frames, shape=args.shape)
    model = MODELS.build(cfg.model).eval()
    model.requires_grad_(False)  # torch's counter adds hooks otherwise
    counts = count_flops(lambda: model(inputs, mode='predict'))
    parts = {}
    for name, _ in model.named_children():
        count = counts.get(f'{type(model).__name__}.{name}')
        if count and name != _HEAD:
            parts[name] = count
    # The head also computes in methods that the counter does not assign.
    parts[_HEAD] = counts['Global'] - sum(parts.values())
    parts[_MODEL] = counts['Global']
    height, width = inputs['frames'].shape[-2:]
    print(f'Input: {num_frames} frames of {height}x{width} and their sound')
    print_costs(parts, parameter_count(model), num_frames)


def main() -> None:
    """Print the costs; wrong input ends in one line."""
    args = parse_args()
    quiet_libraries()
    with error_line(args):
        run(args)


if __name__ == '__main__':
    main()
