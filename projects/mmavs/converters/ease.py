"""Convert the published checkpoints of EASE: DINOv3 and PVTv2-B5."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .dino import hf_dinov3_block
from .name_table import Report, Table, convert
from .pvt_v2 import (
    EASE_BLOCKS,
    EASE_JOINT_BLOCKS,
    EASE_STAGE,
    pvt_v2_block,
)
from .vggish import add_vggish

_WB = '{weight,bias}'
_PREFIX = 'network.'
#: Number of the network's last blocks, which are in mmavs' head.
_JOINT_BLOCKS = 4

#: Source keys -> why they are not converted.
SKIPPED = {
    'network.encoder.pixel_{mean,std}': 'AVSDataPreprocessor has them',
    'network.audio_enhance.fusion_s2.weight': 'has no effect',
    'criterion.empty_weight': "computed from the config's class_weight",
}


def _head_table(source: str, target: str) -> dict:
    """Return the rows of all but backbone, fuser and enhancer."""
    layer, into = f'{source}q_gen.layers.{{}}.', f'{target}query_generator.'
    layer_into = f'{into}layers.{{}}.'
    attn = '{self_attn,cross_attn}'
    scale = f'{source}upscale.scale_blocks.{{}}.'
    return {
        f'{source}attn_mask_probs': f'{target}attn_mask_probs',
        f'{source}q.weight': f'{target}query_embed.weight',
        f'{source}q_gen.query.weight': f'{into}query.weight',
        f'{layer}{attn}.in_proj_weight': f'{layer_into}{{}}.in_proj_weight',
        f'{layer}{attn}.out_proj.weight': f'{layer_into}{{}}.out_proj.weight',
        f'{layer}norm{{1..3}}.{_WB}': f'{layer_into}norm{{}}.{{}}',
        f'{layer}ffn.{{0,2}}.{_WB}': f'{layer_into}{{fc1,fc2}}.{{}}',
        f'{source}q_gen.output_proj.{_WB}': f'{into}output_proj.{{}}',
        f'{source}class_head.{_WB}': f'{target}class_head.{{}}',
        f'{source}mask_head.{{0,2,4}}.{_WB}': f'{target}mask_head.{{}}.{{}}',
        f'{scale}conv1.{_WB}': f'{target}upscaler.{{}}.conv1.{{}}',
        f'{scale}conv2.weight': f'{target}upscaler.{{}}.conv2.weight',
        f'{scale}norm.{_WB}': f'{target}upscaler.{{}}.norm.{{}}',
    }


def _enhancer_table(source: str, target: str) -> dict:
    return {
        f'{source}audio_proj.{_WB}': f'{target}audio_proj.{{}}',
        f'{source}edge_fc_s{{1,2}}.0.{_WB}': f'{target}edge_s{{}}.{{}}',
        f'{source}offset_s{{1,2}}.0.{_WB}': f'{target}offset_s{{}}.{{}}',
        f'{source}fusion_s1.weight': f'{target}fusion_s1.weight',
        f'{source}fusion_s2.weight': None,
        f'{source}gumbel_clustering.cluster_centers': f'{target}centres',
    }


def _fuser_table(source: str, target: str) -> dict:
    """Return the rows of the fusers, without their projection of audio."""
    first, second = '_cross_interaction.{q,k,v}_proj.weight', '.weight'
    return {
        f'{source}fc.{_WB}': f'{target}token_score.{{}}',
        f'{source}gumbel_clustering.cluster_centers': f'{target}centres',
        f'{source}av{first}': (
            f'{target}{{audio_q,visual_k,visual_v}}{second}'
        ),
        f'{source}va{first}': (
            f'{target}{{visual_q,audio_k,audio_v}}{second}'
        ),
    }


def ease_table(num_layers: int, num_fusers: int = 1) -> Table:
    """Return the table of a checkpoint with a DINOv3 backbone.

    Args:
        num_layers (int): Blocks of the backbone: 12 for ViT-S and ViT-B, 24
            for ViT-L.
        num_fusers (int): Number of fusers; 1 if all fusion places share one.

    Returns:
        Table: See :mod:`.name_table`.
    """
    backbone = f'{_PREFIX}encoder.backbone.'
    cut = num_layers - _JOINT_BLOCKS
    head, block = 'decode_head.', f'{backbone}blocks.'
    fuser, fuser_into = _fuser_prefixes(num_fusers)
    return {
        **hf_dinov3_block(f'{block}{{0..{cut - 1}}}.', 'backbone.blocks.{}.'),
        **hf_dinov3_block(
            f'{block}{{{cut}..{num_layers - 1}}}.',
            f'{head}blocks.{{0..{_JOINT_BLOCKS - 1}}}.',
        ),
        f'{backbone}patch_embed.{{cls_token,register_tokens}}': 'backbone.{}',
        f'{backbone}patch_embed.patch_embeddings.{_WB}': (
            'backbone.patch_embed.{}'
        ),
        f'{backbone}norm.{_WB}': f'{head}norm.{{}}',
        f'{fuser}aud_proj.weight': f'{fuser_into}audio_proj.weight',
        **_common_table(num_fusers),
    }


def ease_pvt_table(num_layers: int, num_fusers: int = 1) -> Table:
    """Return the table of a checkpoint with a PVTv2 backbone of timm.

    Args:
        num_layers (int): Blocks of the third stage, which is the last one:
            40 for PVTv2-B5.
        num_fusers (int): Number of fusers; 1 if all fusion places share one.

    Returns:
        Table: See :mod:`.name_table`. The fusers have no projection of
        audio, whose width is that of the patches.
    """
    backbone = f'{_PREFIX}encoder.backbone.'
    stages, layers = f'{backbone}stages.', 'backbone.layers.'
    head, names = 'decode_head.', dict(dwconv='dwconv')
    last = f'{stages}{EASE_STAGE}.'
    cut, joint = num_layers - EASE_BLOCKS, num_layers - EASE_JOINT_BLOCKS
    return {
        f'{backbone}patch_embed.{{proj,norm}}.{_WB}': (
            f'{layers}0.0.{{projection,norm}}.{{}}'
        ),
        f'{stages}{{1,2}}.downsample.{{proj,norm}}.{_WB}': (
            f'{layers}{{}}.0.{{projection,norm}}.{{}}'
        ),
        f'{stages}{{0,1}}.norm.{_WB}': f'{layers}{{}}.2.{{}}',
        f'{last}norm.{_WB}': f'{head}norm.{{}}',
        **pvt_v2_block(
            f'{stages}0.blocks.{{}}',
            f'{layers}0.1.{{}}',
            reduced=True,
            **names,
        ),
        **pvt_v2_block(
            f'{stages}1.blocks.{{}}',
            f'{layers}1.1.{{}}',
            reduced=True,
            **names,
        ),
        **pvt_v2_block(
            f'{last}blocks.{{0..{cut - 1}}}',
            f'{layers}{EASE_STAGE}.1.{{}}',
            reduced=True,
            **names,
        ),
        **pvt_v2_block(
            f'{last}blocks.{{{cut}..{joint - 1}}}',
            f'{head}blocks.{{0..{joint - cut - 1}}}',
            reduced=True,
            **names,
        ),
        **pvt_v2_block(
            f'{last}blocks.{{{joint}..{num_layers - 1}}}',
            f'{head}blocks.{{{joint - cut}..{EASE_BLOCKS - 1}}}',
            reduced=False,
            **names,
        ),
        **_common_table(num_fusers),
    }


def _common_table(num_fusers: int) -> dict:
    """Return the rows of what does not depend on the backbone."""
    head = 'decode_head.'
    return {
        f'{_PREFIX}encoder.pixel_{{mean,std}}': None,
        'criterion.empty_weight': None,
        **_head_table(_PREFIX, head),
        **_enhancer_table(
            f'{_PREFIX}audio_enhance.', f'{head}audio_enhancer.'
        ),
        **_fuser_table(*_fuser_prefixes(num_fusers)),
    }


def _fuser_prefixes(num_fusers: int) -> tuple[str, str]:
    """Return the prefixes of a fuser in the file and here."""
    source, target = f'{_PREFIX}fuser.', 'decode_head.fusers.'
    if num_fusers == 1:
        return source, f'{target}0.'
    return f'{source}{{0..{num_fusers - 1}}}.', f'{target}{{}}.'


def convert_ease(
    source: Mapping[str, Tensor],
    vggish: Mapping[str, Tensor] | None,
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert a checkpoint of EASE.

    Args:
        source (Mapping[str, Tensor]): Tensors of the checkpoint.
        vggish (Mapping[str, Tensor] | None): Tensors of torchvggish's public
            file, which the release does not contain; None omits VGGish.
        expected (Mapping[str, Tensor] | None): See
            :func:`.name_table.convert`.

    Returns:
        tuple[dict[str, Tensor], Report]: State dict of the segmentor, and
        the report.

    Raises:
        ValueError: If the checkpoint has another layout.
    """
    backbone = f'{_PREFIX}encoder.backbone.'
    pvt = any(name.startswith(f'{backbone}stages.') for name in source)
    block = f'{backbone}stages.{EASE_STAGE}.blocks.' * pvt
    block = block or f'{backbone}blocks.'
    blocks = {
        int(name.removeprefix(block).split('.')[0])
        for name in source
        if name.startswith(block)
    }
    fusers = {
        name.split('.')[2]
        for name in source
        if name.startswith(f'{_PREFIX}fuser.')
    }
    several = all(name.isdecimal() for name in fusers)
    num_fusers = len(fusers) if several and fusers else 1
    num_layers = max(blocks, default=EASE_BLOCKS) + 1
    make_table = ease_pvt_table if pvt else ease_table
    converted, report = convert(source, make_table(num_layers, num_fusers))
    report.notes += [f'skipped {name}: {why}' for name, why in SKIPPED.items()]
    if vggish is not None:
        add_vggish(converted, report, vggish)
    if expected is not None:
        # Raises if a name or a shape differs.
        convert(converted, {n: n for n in converted}, expected=expected)
    return converted, report
