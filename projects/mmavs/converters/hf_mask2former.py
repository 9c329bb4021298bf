"""Convert Hugging Face's Mask2Former (Swin-B) to the initialisation of AAVS.

The release is ``facebook/mask2former-swin-base-ade-semantic``. The class head
is not converted, and in stage one the queries are not, either: AAVS
initialises them itself, as it does its adapters and its audio projection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .name_table import Into, Report, Table, convert

_SWIN_DEPTHS = (2, 2, 18, 2)
# Patterns of names that AAVS initialises itself or that only AAVS has.
_OWN = (
    r'^audio_backbone\.',
    r'^decode_head\.(audio_query|cls_embed|mask_prior)\.',
    r'\.adapter\.',
    r'relative_position_index$',
)
_QUERIES = (r'^decode_head\.query_(embed|feat)\.',)

#: Source key -> why it is not converted.
SKIPPED = {
    'model.transformer_module.queries_embedder.weight': (
        'AAVS has 30 queries and initialises them itself'
    ),
    'model.transformer_module.queries_features.weight': (
        'AAVS has 30 queries and initialises them itself'
    ),
    'class_predictor.{weight,bias}': 'AAVS has other classes than ADE20k',
    'criterion.empty_weight': "computed from the config's class_weight",
    'model.pixel_level_module.encoder.encoder.layers.{}.blocks.{}'
    '.attention.self.relative_position_index': (
        'computed by the Swin from its window size'
    ),
}


def unfold_order(weight: Tensor) -> Tensor:
    """Reorder the input channels of Swin's patch merging.

    Hugging Face concatenates the channels of the four neighbours (row,
    column) in the order (0,0), (1,0), (0,1), (1,1); mmdet's ``nn.Unfold``
    lists the neighbours of each channel together, row by row.

    Args:
        weight (Tensor): (..., 4 * C), linear weight or norm vector.

    Returns:
        Tensor: Same shape, the last dimension reordered.
    """
    blocks = weight.unflatten(-1, (4, -1))
    by_row = blocks[..., [0, 2, 1, 3], :]
    return by_row.transpose(-1, -2).flatten(-2).contiguous()


def mask2former_table(prefix: str = '') -> dict:
    """Return the table without queries, class head and position indices.

    Args:
        prefix (str): Prefix of the names of
            ``Mask2FormerForUniversalSegmentation``.

    Returns:
        dict: See :mod:`.name_table`.
    """
    pixel = f'{prefix}model.pixel_level_module.'
    return {
        **_swin_rows(f'{pixel}encoder.'),
        **_pixel_decoder_rows(f'{pixel}decoder.'),
        **_decoder_rows(f'{prefix}model.transformer_module.'),
    }


def _swin_rows(src: str) -> dict:
    rows: dict = {
        f'{src}embeddings.patch_embeddings.projection.{{weight,bias}}': (
            'backbone.patch_embed.projection.{}'
        ),
        f'{src}embeddings.norm.{{weight,bias}}': (
            'backbone.patch_embed.norm.{}'
        ),
        f'{src}hidden_states_norms.stage{{1..4}}.{{weight,bias}}': (
            'backbone.norm{0..3}.{}'
        ),
        f'{src}encoder.layers.{{0..2}}.downsample.reduction.weight': Into(
            'backbone.stages.{}.downsample.reduction.weight', unfold_order
        ),
        f'{src}encoder.layers.{{0..2}}.downsample.norm.{{weight,bias}}': Into(
            'backbone.stages.{}.downsample.norm.{}', unfold_order
        ),
    }
    for stage, depth in enumerate(_SWIN_DEPTHS):
        block = f'{src}encoder.layers.{stage}.blocks.{{0..{depth - 1}}}.'
        rows.update(_swin_block_rows(block, f'backbone.stages.{stage}.'))
    return rows


def _swin_block_rows(block: str, stage: str) -> dict:
    attn = f'{block}attention.self.'
    into = f'{stage}blocks.{{}}.'
    return {
        (
            f'{attn}query.{{weight,bias}}',
            f'{attn}key.{{weight,bias}}',
            f'{attn}value.{{weight,bias}}',
        ): f'{into}attn.w_msa.qkv.{{}}',
        f'{attn}relative_position_bias_table': (
            f'{into}attn.w_msa.relative_position_bias_table'
        ),
        f'{block}attention.output.dense.{{weight,bias}}': (
            f'{into}attn.w_msa.proj.{{}}'
        ),
        f'{block}layernorm_before.{{weight,bias}}': f'{into}norm1.{{}}',
        f'{block}layernorm_after.{{weight,bias}}': f'{into}norm2.{{}}',
        f'{block}intermediate.dense.{{weight,bias}}': (
            f'{into}ffn.layers.0.0.{{}}'
        ),
        f'{block}output.dense.{{weight,bias}}': f'{into}ffn.layers.1.{{}}',
    }


def _pixel_decoder_rows(src: str) -> dict:
    layer = f'{src}encoder.layers.{{0..5}}.'
    decoder = 'decode_head.pixel_decoder.'
    into = f'{decoder}encoder.layers.{{}}.'
    linears = 'sampling_offsets,attention_weights,value_proj,output_proj'
    return {
        f'{src}level_embed': f'{decoder}level_encoding.weight',
        f'{src}mask_projection.{{weight,bias}}': f'{decoder}mask_feature.{{}}',
        f'{src}input_projections.{{0..2}}.{{0,1}}.{{weight,bias}}': (
            f'{decoder}input_convs.{{}}.{{conv,gn}}.{{}}'
        ),
        f'{src}adapter_1.0.weight': f'{decoder}lateral_convs.0.conv.weight',
        f'{src}adapter_1.1.{{weight,bias}}': (
            f'{decoder}lateral_convs.0.gn.{{}}'
        ),
        f'{src}layer_1.0.weight': f'{decoder}output_convs.0.conv.weight',
        f'{src}layer_1.1.{{weight,bias}}': (
            f'{decoder}output_convs.0.gn.{{}}'
        ),
        f'{layer}self_attn.{{{linears}}}.{{weight,bias}}': (
            f'{into}self_attn.{{}}.{{}}'
        ),
        f'{layer}self_attn_layer_norm.{{weight,bias}}': f'{into}norms.0.{{}}',
        f'{layer}fc{{1,2}}.{{weight,bias}}': (
            f'{into}ffn.layers.{{0.0,1}}.{{}}'
        ),
        f'{layer}final_layer_norm.{{weight,bias}}': f'{into}norms.1.{{}}',
    }


def _decoder_rows(src: str) -> dict:
    layer = f'{src}decoder.layers.{{0..8}}.'
    into = 'decode_head.transformer_decoder.layers.{}.'
    norms = 'cross_attn_layer_norm,self_attn_layer_norm,final_layer_norm'
    embedder = f'{src}decoder.mask_predictor.mask_embedder.'
    return {
        f'{src}level_embed.weight': 'decode_head.level_embed.weight',
        f'{src}decoder.layernorm.{{weight,bias}}': (
            'decode_head.transformer_decoder.post_norm.{}'
        ),
        f'{embedder}{{0..2}}.0.{{weight,bias}}': (
            'decode_head.mask_embed.{0,2,4}.{}'
        ),
        f'{layer}cross_attn.in_proj_{{weight,bias}}': (
            f'{into}cross_attn.attn.in_proj_{{}}'
        ),
        f'{layer}cross_attn.out_proj.{{weight,bias}}': (
            f'{into}cross_attn.attn.out_proj.{{}}'
        ),
        (
            f'{layer}self_attn.q_proj.{{weight,bias}}',
            f'{layer}self_attn.k_proj.{{weight,bias}}',
            f'{layer}self_attn.v_proj.{{weight,bias}}',
        ): f'{into}self_attn.attn.in_proj_{{}}',
        f'{layer}self_attn.out_proj.{{weight,bias}}': (
            f'{into}self_attn.attn.out_proj.{{}}'
        ),
        f'{layer}{{{norms}}}.{{weight,bias}}': f'{into}norms.{{0..2}}.{{}}',
        f'{layer}fc{{1,2}}.{{weight,bias}}': (
            f'{into}ffn.layers.{{0.0,1}}.{{}}'
        ),
    }


TABLE: Table = {**mask2former_table(), **dict.fromkeys(SKIPPED)}
TABLE_WITH_QUERIES: Table = {
    **TABLE,
    'model.transformer_module.queries_embedder.weight': (
        'decode_head.query_embed.weight'
    ),
    'model.transformer_module.queries_features.weight': (
        'decode_head.query_feat.weight'
    ),
}


def convert_mask2former(
    source: Mapping[str, Tensor],
    *,
    keep_queries: bool = False,
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of the release.

    Args:
        source (Mapping[str, Tensor]): Tensors of the file.
        keep_queries (bool): Convert the 100 queries too, as stage two of
            Stepping Stones requires.
        expected (Mapping[str, Tensor] | None): ``state_dict()`` of the model
            that will load the result; except for what AAVS initialises
            itself, names and shapes must agree.

    Returns:
        tuple[dict[str, Tensor], Report]: float32 tensors and the report.

    Raises:
        ValueError: If names or shapes differ, for example with another Swin.
    """
    table = TABLE_WITH_QUERIES if keep_queries else TABLE
    if expected is not None:
        own = _OWN if keep_queries else (*_OWN, *_QUERIES)
        expected = {
            name: tensor
            for name, tensor in expected.items()
            if not re.search('|'.join(own), name)
        }
    converted, report = convert(source, table, expected=expected)
    report.notes += [
        f'skipped {name}: {reason}'
        for name, reason in SKIPPED.items()
        if table[name] is None
    ]
    return {k: v.to(torch.float32) for k, v in converted.items()}, report
