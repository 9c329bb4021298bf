"""Convert the public PVTv2 weights to mmavs.

Usage: ``python tools/model_converters/pvt_v2.py SRC DST``

SRC is ``pvt_v2_b5.pth`` as published by whai362/PVT (ImageNet-1k), or another
variant. Set DST in a config as ``init_cfg=dict(type='Pretrained',
checkpoint=DST)`` of the backbone ``PVTv2``.
"""

from __future__ import annotations

from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.pvt_v2 import convert_pvt_v2


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    run(parser.parse_args(), convert_pvt_v2)


if __name__ == '__main__':
    main()
