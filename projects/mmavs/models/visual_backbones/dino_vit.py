"""DINOv2 and DINOv3 Vision Transformers as visual backbones."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, ModuleList
from mmengine.model.weight_init import trunc_normal_
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..layers.dino_block import DinoBlock, dino_settings, rope_table

_PATCH_SIZES = {'dinov2': 14, 'dinov3': 16}
_REGISTERS = {'dinov2': 0, 'dinov3': 4}
_INIT_STD = 0.02


@MODELS.register_module()
class DinoViT(BaseModule):
    """Plain Vision Transformer of DINOv2, DINOv3 or LingBot-Vision.

    Call graph::

        forward(): patch_embed -> [cls, registers, patches] -> blocks
                   -> norm, unless the last blocks belong to the head

    Behaviour follows ``facebookresearch/dinov2``, ``facebookresearch/dinov3``
    and their counterparts in ``transformers`` (``Dinov2Model``,
    ``DINOv3ViTModel``); reimplemented, no code taken. LingBot-Vision has the
    architecture of DINOv3.

    DINOv2 adds learned positions, interpolated to the grid of the frame.
    DINOv3 rotates queries and keys of patches (RoPE), from the grid alone.
    Every H x W that is a multiple of the patch size works.

    Args:
        arch (str | dict): ``'small'``, ``'base'``, ``'large'``, or sizes, see
            :func:`mmavs.models.layers.dino_block.dino_settings`.
        variant (str): ``'dinov2'`` or ``'dinov3'``.
        patch_size (int | None): Side of a patch; None takes 14 for DINOv2
            and 16 for DINOv3.
        num_registers (int | None): Register tokens; None takes 0 for DINOv2
            and 4 for DINOv3.
        pretrain_grid (int): Side of the learned grid of positions (DINOv2):
            37 for weights trained at 518.
        joint_blocks (int): Number of last blocks, and with them the final
            norm, that belong to the decode head. 0 keeps all of them here.
        rope_rescale (float | None): In training, all coordinates of RoPE are
            multiplied by one factor per call, log-uniform in
            [1 / rope_rescale, rope_rescale] (DINOv3: 2.0). None draws none.
        drop_path_rate (float): Stochastic depth; block i of n has
            ``drop_path_rate * i / n``.
        frozen (bool): Keep parameters and mode (eval) fixed and record no
            gradients.
        with_cp (bool): Recompute the blocks in the backward pass instead of
            storing their activations.
        init_cfg (dict | None): Initialisation, usually
            ``dict(type='Pretrained', checkpoint=...)`` with a file of
            ``tools/model_converters/dino.py``.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        variant: str = 'dinov3',
        *,
        patch_size: int | None = None,
        num_registers: int | None = None,
        pretrain_grid: int = 37,
        joint_blocks: int = 0,
        rope_rescale: float | None = None,
        drop_path_rate: float = 0.0,
        frozen: bool = False,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.settings = dino_settings(arch, variant)
        num_layers = self.settings.num_layers
        if not 0 <= joint_blocks <= num_layers:
            raise ValueError(
                f'joint_blocks must be in 0..{num_layers}, got {joint_blocks}'
            )
        if rope_rescale is not None and rope_rescale < 1:
            raise ValueError(
                f'rope_rescale must be None or at least 1, got {rope_rescale}'
            )
        dims = self.settings.embed_dims
        self.patch_size = patch_size or _PATCH_SIZES[variant]
        if num_registers is None:
            num_registers = _REGISTERS[variant]
        self.num_registers = num_registers
        self.joint_blocks = joint_blocks
        self.rope_rescale = rope_rescale
        self.frozen = frozen
        self.with_cp = with_cp

        self.patch_embed = nn.Conv2d(
            3, dims, self.patch_size, stride=self.patch_size
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dims))
        if num_registers:
            self.register_tokens = nn.Parameter(
                torch.zeros(1, num_registers, dims)
            )
        if variant == 'dinov2':
            self.pos_embed = nn.Parameter(
                torch.zeros(1, 1 + pretrain_grid**2, dims)
            )
        else:
            self.register_parameter('pos_embed', None)
        self.blocks = ModuleList(
            [
                DinoBlock(self.settings, drop_path_rate * i / num_layers)
                for i in range(num_layers - joint_blocks)
            ]
        )
        self.norm: nn.Module | None = None
        if not joint_blocks:
            self.norm = nn.LayerNorm(dims, eps=self.settings.norm_eps)
        self.requires_grad_(not frozen)
        self.train()

    def init_weights(self) -> None:
        """Draw what no checkpoint sets."""
        for parameter in self.parameters(recurse=False):
            trunc_normal_(parameter, std=_INIT_STD)
        super().init_weights()

    def train(self, mode: bool = True) -> DinoViT:
        """Switch the mode, except when frozen."""
        return super().train(mode and not self.frozen)

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Encode frames.

        Args:
            frames (Tensor): (N, 3, H, W), normalised.

        Returns:
            tuple[Tensor, ...]: With ``joint_blocks=0`` the normalised patch
            map (N, D, h, w) alone. Else the tokens for the head's blocks,
            not normalised: patches (N, D, h, w), prefix (N, D, 1, R) with
            cls first, and, for DINOv3, the table of positions
            (N, 2 * d, h, w) that the head's blocks must use.

        Raises:
            ValueError: If H or W is no multiple of the patch size.
        """
        if any(side % self.patch_size for side in frames.shape[-2:]):
            raise ValueError(
                'DinoViT takes frames whose sides are multiples of '
                f'patch_size={self.patch_size}, got '
                f'{tuple(frames.shape[-2:])}; set ClipResize(frame_size=...).'
            )
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.frozen
        ):
            return self._encode(frames)

    def _encode(self, frames: Tensor) -> tuple[Tensor, ...]:
        patches = self.patch_embed(frames)
        grid = (patches.shape[-2], patches.shape[-1])
        tokens = self._with_prefix(patches.flatten(2).transpose(1, 2), grid)
        rope = self._rope(grid, frames.device)
        for block in self.blocks:
            if self.with_cp and self.training:
                tokens = checkpoint(block, tokens, rope, use_reentrant=False)
            else:
                tokens = block(tokens, rope)
        if self.norm is not None:
            tokens = self.norm(tokens)
        num_patches = math.prod(grid)
        prefix = tokens[:, :-num_patches]
        patches = tokens[:, -num_patches:]
        patch_map = patches.transpose(1, 2).unflatten(2, grid)
        if not self.joint_blocks:
            return (patch_map,)
        # As a map of one row, the prefix passes where maps pass.
        maps = (patch_map, prefix.transpose(1, 2).unsqueeze(2))
        if rope is None:
            return maps
        return (*maps, rope.expand(frames.shape[0], -1, -1, -1))

    def _with_prefix(self, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        """Put cls and registers before the patches; add positions."""
        cls: Tensor = self.cls_token
        if self.pos_embed is not None:
            cls = cls + self.pos_embed[:, :1]
            patches = patches + self._positions(grid)
        prefix = [cls]
        if self.num_registers:
            prefix.append(self.register_tokens)
        rows = torch.cat(prefix, 1).expand(patches.shape[0], -1, -1)
        return torch.cat([rows, patches], 1)

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Interpolate the learned positions to (1, h * w, D)."""
        learned = self.pos_embed[:, 1:]
        side = math.isqrt(learned.shape[1])
        if grid == (side, side):
            return learned
        maps = learned.transpose(1, 2).unflatten(2, (side, side))
        maps = F.interpolate(
            maps.float(),
            grid,
            mode='bicubic',
            # As released: with registers the filter widens when it shrinks.
            antialias=bool(self.num_registers),
        )
        return maps.flatten(2).transpose(1, 2).to(learned.dtype)

    def _rope(
        self, grid: tuple[int, int], device: torch.device
    ) -> Tensor | None:
        if self.pos_embed is not None:
            return None
        scale = 1.0
        if self.training and self.rope_rescale is not None:
            bound = math.log(self.rope_rescale)
            scale = math.exp(bound * (2 * torch.rand(()).item() - 1))
        head_dims = self.settings.embed_dims // self.settings.num_heads
        return rope_table(*grid, head_dims, scale=scale, device=device)
