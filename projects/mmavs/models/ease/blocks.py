"""Blocks and final norm of a network that the decode head owns."""

from __future__ import annotations

from mmengine.model import ModuleList
from torch import nn

from ..layers.dino_block import DinoBlock, dino_settings
from .pvt_block import NORM_EPS, PVTBlock, PVTJointBlock, pvt_settings


def build_blocks(
    arch: str | dict, variant: str, *, num_blocks: int, joint_blocks: int
) -> tuple[ModuleList, nn.LayerNorm]:
    """Build the last blocks of a network, and the norm after them.

    Args:
        arch (str | dict): Sizes, see :func:`.dino_settings` and
            :func:`.pvt_settings`.
        variant (str): ``'dinov2'``, ``'dinov3'`` or ``'pvtv2'``.
        num_blocks (int): Number of blocks.
        joint_blocks (int): Those of them, at the end, that run on queries.

    Returns:
        tuple[ModuleList, nn.LayerNorm]: Blocks and norm.

    Raises:
        ValueError: If a name is unknown.
    """
    if variant == 'pvtv2':
        stage = pvt_settings(arch)
        alone = num_blocks - joint_blocks
        blocks = [PVTBlock(stage) for _ in range(alone)]
        blocks += [PVTJointBlock(stage) for _ in range(joint_blocks)]
        return ModuleList(blocks), nn.LayerNorm(stage.embed_dims, NORM_EPS)
    settings = dino_settings(arch, variant)
    norm = nn.LayerNorm(settings.embed_dims, settings.norm_eps)
    return ModuleList([DinoBlock(settings) for _ in range(num_blocks)]), norm
