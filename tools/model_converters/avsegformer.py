r"""Convert a published AVSegFormer checkpoint to mmavs.

Usage::

    python tools/model_converters/avsegformer.py SRC DST \
        --backbone {r50,pvtv2-b5} --task {s4,ms3,avss}

SRC is one of the six files of the current release (August 2023; older ones
belong to other networks). DST is a complete model, VGGish included, for
``tools/test.py``, ``tools/segment_video.py`` and ``load_from``.
"""

from __future__ import annotations

from pathlib import Path

from mmavs.converters.avsegformer import (
    NUM_CLASSES,
    TABLES,
    convert_avsegformer,
)
from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.target_model import model_tensors
from mmengine.config import Config
from torch import Tensor

CONFIGS = Path(__file__).parents[2] / 'configs' / 'avsegformer'
#: In the names of the configs.
SCHEDULES = {
    's4': '1xb2-30e_s4-512x512',
    'ms3': '1xb2-60e_ms3-512x512',
    'avss': '1xb4-30e_avss-224x224',
}


def target(backbone: str, task: str) -> dict[str, Tensor]:
    """Give names and shapes of the model that DST is for."""
    name = f'avsegformer_{backbone}_{SCHEDULES[task]}.py'
    return model_tensors(Config.fromfile(CONFIGS / name).model)


def main() -> None:
    """Convert SRC to DST and print the report."""
    parser = converter_parser(__doc__)
    parser.add_argument('--backbone', choices=sorted(TABLES), required=True)
    parser.add_argument('--task', choices=sorted(NUM_CLASSES), required=True)
    args = parser.parse_args()
    run(
        args,
        lambda source: convert_avsegformer(
            source,
            args.backbone,
            args.task,
            expected=target(args.backbone, args.task),
        ),
        release=f'vvvb-github/AVSegFormer, {args.backbone}, {args.task}',
    )


if __name__ == '__main__':
    main()
