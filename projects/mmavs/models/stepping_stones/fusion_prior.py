"""Mask prior of heads that only fuse it with their mask feature."""

from __future__ import annotations

from mmseg.registry import MODELS

from .mask_prior import MaskPrior


def build_fusion_prior(cfg: dict | None, embed_dims: int) -> MaskPrior | None:
    """Build and check the mask prior of a head without masked attention.

    Such a head only calls ``prior.fuse(mask_feature, features.mask_prior)``
    (https://arxiv.org/abs/2407.11820, section 4.3).

    Args:
        cfg (dict | None): ``dict(type='MaskPrior', robust_key=False,
            init_attention=False)``; None builds nothing.
        embed_dims (int): Channels of the mask feature.

    Returns:
        MaskPrior | None: The prior.

    Raises:
        ValueError: If an option is enabled that such a head does not support,
            or the fusion is disabled.
    """
    if cfg is None:
        return None
    prior = MODELS.build(cfg, default_args=dict(embed_dims=embed_dims))
    unusable = [
        name
        for name in ('robust_key', 'init_attention')
        if getattr(prior, name)
    ]
    if unusable or not prior.fuse_mask_feature:
        raise ValueError(
            'this head has no masked attention: its mask_prior must be '
            "dict(type='MaskPrior', robust_key=False, init_attention=False), "
            f'got {dict(cfg)}.'
        )
    return prior
