"""Blocks and final norm of a network that the decode head owns."""

from __future__ import annotations

from collections.abc import Sequence

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


def check_blocks(
    num_blocks: int, joint_blocks: int, fuse_before: Sequence[int]
) -> None:
    """Check the numbers of a head's blocks.

    Args:
        num_blocks (int): Blocks of the head.
        joint_blocks (int): Those of them that run on queries.
        fuse_before (Sequence[int]): Blocks that a fuser runs before.

    Raises:
        ValueError: If the numbers do not fit together.
    """
    if not 1 <= joint_blocks <= num_blocks:
        raise ValueError(
            'joint_blocks must be in 1..num_blocks, got '
            f'{joint_blocks} of {num_blocks}'
        )
    wrong = [i for i in fuse_before if i not in range(num_blocks)]
    if wrong or len(set(fuse_before)) != len(fuse_before):
        raise ValueError(
            f'fuse_before must be different blocks of 0..{num_blocks - 1}, '
            f'got {list(fuse_before)}'
        )
