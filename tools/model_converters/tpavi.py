r"""Convert a checkpoint of AVSBench's baseline (TPAVI) to mmavs.

Usage::

    python tools/model_converters/tpavi.py SRC DST --vggish VGGISH \
        --backbone {r50,pvtv2-b5} [--task {s4,ms3,avss}]

SRC is a checkpoint written by AVSBench's train.py; the authors released those
of AVSS. DST is a complete model for ``tools/test.py``,
``tools/segment_video.py`` and ``load_from``; VGGish, which SRC does not
contain, is added from torchvggish's public file.
"""

from __future__ import annotations

from pathlib import Path

from mmavs.converters.checkpoint_files import read_state_dict
from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.target_model import model_tensors
from mmavs.converters.tpavi import BACKBONES, TASKS, convert_tpavi
from mmengine.config import Config
from torch import Tensor

CONFIGS = Path(__file__).parents[2] / 'configs' / 'tpavi'
#: In the names of the configs.
EPOCHS = {'s4': 15, 'ms3': 30, 'avss': 60}


def target(backbone: str, task: str) -> dict[str, Tensor]:
    """Give names and shapes of the model that DST is for."""
    epochs = EPOCHS[task]
    name = f'tpavi_{backbone}_1xb4-{epochs}e_{task}-224x224.py'
    return model_tensors(Config.fromfile(CONFIGS / name).model)


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    parser.add_argument(
        '--vggish',
        type=Path,
        required=True,
        help="torchvggish's vggish-10086976.pth",
    )
    parser.add_argument('--backbone', choices=BACKBONES, required=True)
    parser.add_argument(
        '--task', choices=TASKS, default='avss', help='default: avss'
    )
    args = parser.parse_args()
    run(
        args,
        lambda source: convert_tpavi(
            source,
            read_state_dict(args.vggish),
            backbone=args.backbone,
            task=args.task,
            expected=target(args.backbone, args.task),
        ),
        release=f'OpenNLPLab/AVSBench, {args.task}, {args.backbone}',
    )


if __name__ == '__main__':
    main()
