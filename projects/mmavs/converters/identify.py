"""Recognise the model of a checkpoint by the names of its tensors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class _Signature(NamedTuple):
    """A model, names that identify it, and a pattern of its block names."""

    model: str
    names: tuple[str, ...]
    block: str | None = None


_PVT_BLOCK = r'block(\d+)\.(\d+)\.norm1\.weight'
_SIGNATURES = (
    _Signature(
        'AAVS of Stepping Stones, stage two',
        (
            'audio_proj.0.weight',
            'model.model.transformer_module.silence_embed.weight',
        ),
    ),
    _Signature(
        'AAVS of Stepping Stones, stage one',
        (
            'audio_proj.0.weight',
            'model.model.transformer_module.queries_embedder.weight',
        ),
    ),
    _Signature(
        "Hugging Face's Mask2Former with a Swin",
        (
            'model.transformer_module.queries_embedder.weight',
            'model.pixel_level_module.encoder.embeddings.norm.weight',
        ),
        r'model\.pixel_level_module\.encoder\.encoder\.layers\.(\d+)\.blocks'
        r'\.(\d+)\.layernorm_before\.weight',
    ),
    _Signature(
        'AVSegFormer with PVTv2',
        ('head.learnable_query.weight', 'backbone.patch_embed1.proj.weight'),
    ),
    _Signature(
        'AVSegFormer with ResNet-50',
        ('head.learnable_query.weight', 'backbone.layer3_1.0.conv1.weight'),
    ),
    _Signature(
        "AVSBench's TPAVI with PVTv2",
        ('tpavi_b1.g.weight', 'encoder_backbone.patch_embed1.proj.weight'),
    ),
    _Signature(
        "AVSBench's TPAVI with ResNet-50",
        ('tpavi_b1.g.weight', 'resnet.conv1.weight'),
    ),
    _Signature(
        'EASE with DINOv3',
        (
            'network.q.weight',
            'network.encoder.backbone.patch_embed.register_tokens',
        ),
    ),
    _Signature(
        'EASE with PVTv2',
        ('network.q.weight', 'network.encoder.backbone.stages.0.norm.weight'),
    ),
    _Signature(
        "torchvggish's VGGish", ('features.0.weight', 'embeddings.0.weight')
    ),
    _Signature('PVTv2', ('patch_embed1.proj.weight',), _PVT_BLOCK),
    _Signature(
        "torchvision's ResNet",
        ('conv1.weight', 'layer1.0.conv1.weight'),
        r'layer(\d+)\.(\d+)\.conv1\.weight',
    ),
    _Signature(
        'AAVS of mmavs', ('decode_head.audio_query.audio_proj.0.weight',)
    ),
    _Signature(
        'EASE of mmavs',
        ('decode_head.query_embed.weight', 'decode_head.attn_mask_probs'),
    ),
    _Signature('AVSegFormer of mmavs', ('decode_head.mixer.q_proj.weight',)),
    _Signature('TPAVI of mmavs', ('decode_head.tpavi.0.theta.weight',)),
)


def describe_checkpoint(names: Iterable[str]) -> str:
    """Describe the model that a checkpoint is of.

    Args:
        names (Iterable[str]): Names of its tensors.

    Returns:
        str: For example ``'PVTv2 with 3, 4, 6, 3 blocks'``; for an unknown
        model, the first three names.
    """
    names = list(names)
    for signature in _SIGNATURES:
        if set(signature.names) <= set(names):
            blocks = count_blocks(names, signature.block or '')
            listed = ', '.join(map(str, blocks))
            return signature.model + (f' with {listed} blocks' * bool(blocks))
    first = ', '.join(names[:3]) or 'none'
    return f'no model known to mmavs (first names: {first})'


def count_blocks(names: Iterable[str], pattern: str) -> tuple[int, ...]:
    """Count the blocks of each stage of a backbone.

    Args:
        names (Iterable[str]): Names of the tensors.
        pattern (str): Regular expression that matches one whole name per
            block; its first group is the number of the stage.

    Returns:
        tuple[int, ...]: Blocks by stage; empty if no name matches.
    """
    found = [re.fullmatch(pattern, name) for name in names]
    stages = Counter(int(match[1]) for match in found if match)
    return tuple(stages[stage] for stage in sorted(stages))
