"""Convert the public PVTv2 weights to mmavs.

Usage: ``python tools/model_converters/pvt_v2.py SRC DST [--ease]``

SRC is ``pvt_v2_b5.pth`` as published by whai362/PVT (ImageNet-1k), or another
variant. Set DST in a config as ``init_cfg=dict(type='Pretrained',
checkpoint=DST)`` of the backbone ``PVTv2``. With ``--ease`` DST is for the
EASE configs with PVTv2: the last blocks of the third stage go to the head.
"""

from __future__ import annotations

from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.name_table import Report
from mmavs.converters.pvt_v2 import convert_pvt_v2, give_blocks_to_ease
from torch import Tensor


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    parser.add_argument(
        '--ease',
        action='store_true',
        help="write EASE's names, with the last blocks in the head",
    )
    args = parser.parse_args()

    def convert(source: dict[str, Tensor]) -> tuple[dict[str, Tensor], Report]:
        converted, report = convert_pvt_v2(source)
        if args.ease:
            converted = give_blocks_to_ease(converted)
        return converted, report

    run(args, convert)


if __name__ == '__main__':
    main()
