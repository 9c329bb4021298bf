"""Convert torchvggish's public VGGish weights to mmavs.

Usage: ``python tools/model_converters/vggish.py SRC DST``

SRC is ``vggish-10086976.pth`` as published by torchvggish. Set DST in a config
as ``init_cfg=dict(type='Pretrained', checkpoint=DST)`` of ``VGGish``.
"""

from __future__ import annotations

from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.vggish import convert_vggish


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    run(parser.parse_args(), convert_vggish)


if __name__ == '__main__':
    main()
