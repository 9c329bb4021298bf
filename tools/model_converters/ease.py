"""Convert a published checkpoint of EASE to mmavs.

Usage::

    python tools/model_converters/ease.py SRC DST --vggish VGGISH \
        --arch {base,large,pvtv2-b5} --task {s4,ms3,avss} [--size {224,384}]

SRC is ``ease-{vit-b,vit-l,pvtv2}-{224,384}-{s4,ms3,ss}.pt``. DST is a
complete model; VGGish, which SRC does not contain, is added from torchvggish's
public file.
"""

from __future__ import annotations

from pathlib import Path

from mmavs.converters.checkpoint_files import read_state_dict
from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.ease import convert_ease
from mmavs.converters.target_model import model_tensors
from mmengine.config import Config
from torch import Tensor

MODELS = Path(__file__).parents[2] / 'configs/_base_/models'
#: Queries of PVTv2-B5 by the side of its frames.
PVT_QUERIES = {224: 29, 384: 49}
NUM_CLASSES = {'s4': 2, 'ms3': 2, 'avss': 71}


def target(arch: str, task: str, size: int) -> dict[str, Tensor]:
    """Give names and shapes of the model that DST is for."""
    pvt = arch == 'pvtv2-b5'
    base = 'ease_pvtv2-b5.py' if pvt else 'ease_vit-b.py'
    model = Config.fromfile(MODELS / base).model
    num_classes = NUM_CLASSES[task]
    if pvt:
        model.decode_head.num_queries = PVT_QUERIES[size]
    else:
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
    parser.add_argument(
        '--arch', choices=['base', 'large', 'pvtv2-b5'], required=True
    )
    parser.add_argument('--task', choices=list(NUM_CLASSES), required=True)
    parser.add_argument(
        '--size',
        type=int,
        choices=list(PVT_QUERIES),
        default=224,
        help='side of the frames; only PVTv2-B5 depends on it',
    )
    args = parser.parse_args()
    run(
        args,
        lambda source: convert_ease(
            source,
            read_state_dict(args.vggish),
            target(args.arch, args.task, args.size),
        ),
        release=f'ilpoviertola/EASE, {args.arch}, {args.task}',
    )


if __name__ == '__main__':
    main()
