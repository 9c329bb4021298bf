"""Convert Hugging Face's Mask2Former to the initialisation of AAVS.

Usage::

    python tools/model_converters/hf_mask2former.py SRC DST [--keep-queries]

SRC is ``pytorch_model.bin`` or ``model.safetensors`` of
``facebook/mask2former-swin-base-ade-semantic``. Set DST as ``load_from`` in a
config of AAVS. The class head and the queries are left out, because AAVS has
its own (30 queries, background and sounding). Stage two has 100 queries, as
many as the file, and starts from them: ``--keep-queries``.
"""

from __future__ import annotations

from pathlib import Path

from mmavs.converters.command_line import converter_parser, run
from mmavs.converters.hf_mask2former import convert_mask2former
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
        '--keep-queries',
        action='store_true',
        help='convert the 100 queries too, for AVSS (71 classes)',
    )
    args = parser.parse_args()
    run(
        args,
        lambda source: convert_mask2former(
            source,
            keep_queries=args.keep_queries,
            expected=target(2 if args.keep_queries else 1),
        ),
        release='facebook/mask2former-swin-base-ade-semantic',
    )


if __name__ == '__main__':
    main()
