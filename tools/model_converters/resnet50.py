"""Convert torchvision's ResNet-50 weights to mmavs.

Usage: ``python tools/model_converters/resnet50.py SRC DST``

SRC is ``resnet50-19c8e357.pth`` (ImageNet-1k, the initialisation of
AVSegFormer and AVSBench) or another ResNet-50 of torchvision. Set DST in a
config as ``init_cfg=dict(type='Pretrained', checkpoint=DST)`` of mmseg's
``ResNet``.
"""

from __future__ import annotations

from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.resnet50 import convert_resnet50


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    run(parser.parse_args(), convert_resnet50)


if __name__ == '__main__':
    main()
