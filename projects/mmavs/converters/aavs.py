"""Convert the published checkpoints of AAVS (Stepping Stones).

The first stage (binary masks, folder ``avs`` of the release) has 1038
tensors, the second (71 classes, folder ``avss``) 1041. Neither contains
VGGish, which is read from torchvggish's public file.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .hf_mask2former import mask2former_table
from .name_table import Report, Table, convert
from .vggish import add_vggish, without_vggish

_WRAPPER = 'model.'
_SWIN = f'{_WRAPPER}model.pixel_level_module.encoder.encoder.'
_PIXEL_DECODER = f'{_WRAPPER}model.pixel_level_module.decoder.'
_DECODER = f'{_WRAPPER}model.transformer_module.'
_SWIN_DEPTHS = (2, 2, 18, 2)

#: Source key -> why it is not converted.
SKIPPED = {
    f'{_WRAPPER}criterion.empty_weight': (
        "computed from the config's class_weight"
    ),
}


def _aavs_rows() -> dict:
    """Queries, class head, audio projection and adapters."""
    decoder = 'decode_head.transformer_decoder.layers.{}.self_attn.attn.'
    pixel_decoder = 'decode_head.pixel_decoder.encoder.layers.{}.self_attn.'
    rows = {
        f'{_DECODER}queries_embedder.weight': 'decode_head.query_embed.weight',
        f'{_DECODER}queries_features.weight': 'decode_head.query_feat.weight',
        f'{_WRAPPER}class_predictor.{{weight,bias}}': (
            'decode_head.cls_embed.{}'
        ),
        'audio_proj.{0,2}.{weight,bias}': (
            'decode_head.audio_query.audio_proj.{}.{}'
        ),
        f'{_PIXEL_DECODER}encoder.layers.{{0..5}}.self_attn.avs_adapt'
        '.{0,2}.{weight,bias}': (
            f'{pixel_decoder}output_proj.adapter.{{}}.{{}}'
        ),
        f'{_DECODER}decoder.layers.{{0..8}}.self_attn.avs_adapt'
        '.{0,2}.{weight,bias}': f'{decoder}out_proj.adapter.{{}}.{{}}',
    }
    for stage, depth in enumerate(_SWIN_DEPTHS):
        block = f'{_SWIN}layers.{stage}.blocks.{{0..{depth - 1}}}.'
        into = f'backbone.stages.{stage}.blocks.{{}}.'
        index = 'relative_position_index'
        rows |= {
            f'{block}attention.output.swin_adapt_1.{{0,2}}.{{weight,bias}}': (
                f'{into}attn.w_msa.proj.adapter.{{}}.{{}}'
            ),
            f'{block}output.swin_adapt_3.{{0,2}}.{{weight,bias}}': (
                f'{into}ffn.layers.1.adapter.{{}}.{{}}'
            ),
            f'{block}attention.self.{index}': f'{into}attn.w_msa.{index}',
        }
    return rows


STAGE_ONE_TABLE: Table = {
    **mask2former_table(prefix=_WRAPPER),
    **_aavs_rows(),
    **dict.fromkeys(SKIPPED),
}
STAGE_TWO_TABLE: Table = {
    **STAGE_ONE_TABLE,
    **{
        f'{_DECODER}{kind}_embed.weight': (
            f'decode_head.mask_prior.{kind}_embed.weight'
        )
        for kind in ('silence', 'uncertain', 'audio')
    },
}
#: By stage of the paper.
TABLES = {1: STAGE_ONE_TABLE, 2: STAGE_TWO_TABLE}


def convert_aavs(
    source: Mapping[str, Tensor],
    vggish: Mapping[str, Tensor],
    *,
    stage: int,
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert a checkpoint of one of the two stages.

    Args:
        source (Mapping[str, Tensor]): Tensors of the checkpoint.
        vggish (Mapping[str, Tensor]): Tensors of torchvggish's public file.
        stage (int): 1 or 2, the stage of the paper.
        expected (Mapping[str, Tensor] | None): ``state_dict()`` of the model
            that will load the result; names and shapes must agree.

    Returns:
        tuple[dict[str, Tensor], Report]: The complete model, VGGish included,
        and the report.

    Raises:
        ValueError: If the checkpoint is of the other stage or of another
            release, or VGGish is not complete.
    """
    if expected is not None:
        expected = without_vggish(expected)
    converted, report = convert(source, TABLES[stage], expected=expected)
    report.notes += [
        f'skipped {name}: {reason}' for name, reason in SKIPPED.items()
    ]
    add_vggish(converted, report, vggish)
    return converted, report
