"""Convert a published AAVS checkpoint to mmavs.

Usage::

    python tools/model_converters/aavs.py SRC DST --vggish VGGISH [--stage 2]

SRC is a checkpoint of the first stage of Stepping Stones (binary masks, folder
``avs`` of the release) or, with ``--stage 2``, of the second (71 classes,
folder ``avss``). DST is a complete model for ``tools/test.py``,
``tools/segment_video.py`` and ``load_from``; VGGish, which the release does
not contain, is added from torchvggish's public file.
"""

from __future__ import annotations

from pathlib import Path

from mmavs.converters.aavs import TABLES, convert_aavs
from mmavs.converters.checkpoint_files import read_state_dict
from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.target_model import model_tensors
from mmengine.config import Config
from torch import Tensor

CONFIGS = Path(__file__).parents[2] / 'configs'
#: By stage of the paper.
TARGETS = {
    1: CONFIGS / 'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py',
    2: CONFIGS / 'stepping_stones/aavs_swin-b_stage2_1xb1-60e_avss-384x384.py',
}


def target(stage: int) -> dict[str, Tensor]:
    """Give names and shapes of the model that DST is for."""
    return model_tensors(Config.fromfile(TARGETS[stage]).model)


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
        '--stage',
        type=int,
        choices=sorted(TABLES),
        default=1,
        help='stage of the paper that SRC belongs to (default: 1)',
    )
    args = parser.parse_args()
    run(
        args,
        lambda source: convert_aavs(
            source,
            read_state_dict(args.vggish),
            stage=args.stage,
            expected=target(args.stage),
        ),
        release=f'GeWu-Lab/Stepping-Stones, stage {args.stage}',
    )


if __name__ == '__main__':
    main()
