"""Convert a published checkpoint of EASE (DINOv3 backbone) to mmavs.

Usage::

    python tools/model_converters/ease.py SRC DST --vggish VGGISH \
        --arch {base,large} --task {s4,ms3,avss}

SRC is ``ease-vit-{b,l}-{224,384}-{s4,ms3,ss}.pt``. DST is a complete model;
VGGish, which SRC does not contain, is added from torchvggish's public file.
"""

from __future__ import annotations

from pathlib import Path

from mmavs.converters.checkpoint_files import read_state_dict
from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.ease import convert_ease
from mmavs.converters.target_model import model_tensors
from mmengine.config import Config
from torch import Tensor

BASE = Path(__file__).parents[2] / 'configs/_base_/models/ease_vit-b.py'
NUM_CLASSES = {'s4': 2, 'ms3': 2, 'avss': 71}


def target(arch: str, task: str) -> dict[str, Tensor]:
    """Give names and shapes of the model that DST is for."""
    model = Config.fromfile(BASE).model
    num_classes = NUM_CLASSES[task]
    model.backbone.arch = model.decode_head.arch = arch
    model.decode_head.num_classes = num_classes
    model.decode_head.loss_cls.class_weight = [1.0] * num_classes + [0.1]
    return model_tensors(model)


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    parser.add_argument(
        '--vggish',
        type=Path,
        required=True,
        help="torchvggish's vggish-10086976.pth",
    )
    parser.add_argument('--arch', choices=['base', 'large'], required=True)
    parser.add_argument('--task', choices=list(NUM_CLASSES), required=True)
    args = parser.parse_args()
    run(
        args,
        lambda source: convert_ease(
            source,
            read_state_dict(args.vggish),
            target(args.arch, args.task),
        ),
        release=f'ilpoviertola/EASE, {args.arch}, {args.task}',
    )


if __name__ == '__main__':
    main()
