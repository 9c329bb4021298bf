"""Convert public weights of DINOv2, DINOv3 or LingBot-Vision to mmavs.

Usage: ``python tools/model_converters/dino.py SRC DST --arch base``

SRC is a file of transformers, of the authors or of timm; the layout is
recognised. Set DST in a config as ``init_cfg=dict(type='Pretrained',
checkpoint=DST)`` of ``DinoViT``. With ``--joint-blocks 4`` DST is for the
EASE configs: the last blocks go to the head.
"""

from __future__ import annotations

from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.dino import convert_dino, give_blocks_to_head
from mmavs.converters.name_table import Report
from mmavs.converters.target_model import model_tensors
from torch import Tensor


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    parser.add_argument(
        '--arch', choices=['small', 'base', 'large'], required=True
    )
    parser.add_argument(
        '--joint-blocks',
        type=int,
        default=0,
        metavar='N',
        help='put the last N blocks and the final norm into the head',
    )
    args = parser.parse_args()

    def convert(source: dict[str, Tensor]) -> tuple[dict[str, Tensor], Report]:
        converted, report = convert_dino(source)
        expected = model_tensors(
            dict(
                type='DinoViT',
                arch=args.arch,
                variant='dinov2' if 'pos_embed' in converted else 'dinov3',
                num_registers=_num_registers(converted),
            )
        )
        converted, report = convert_dino(source, expected)
        if args.joint_blocks:
            converted = give_blocks_to_head(converted, args.joint_blocks)
        return converted, report

    run(args, convert)


def _num_registers(converted: dict[str, Tensor]) -> int:
    registers = converted.get('register_tokens')
    return 0 if registers is None else registers.shape[1]


if __name__ == '__main__':
    main()
