"""The transformer block of DINOv2 and DINOv3, shared by backbone and heads."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn

from .onednn_linear import linear_gelu
from .query_attention import self_attention_weights

_INIT_STD = 0.02
#: Base of the rotation frequencies of DINOv3.
_ROPE_BASE = 100.0


class DinoSettings(NamedTuple):
    """Sizes and switches that all blocks of a network share.

    Attributes:
        embed_dims (int): Token width D.
        num_layers (int): Blocks of the whole network.
        num_heads (int): Attention heads.
        mlp_channels (int): Hidden width of the MLP.
        mlp (str): ``'gelu'``, or ``'swiglu'`` (gated).
        key_bias (bool): Whether the keys have a bias (DINOv2).
        norm_eps (float): Epsilon of every layer norm.
    """

    embed_dims: int
    num_layers: int
    num_heads: int
    mlp_channels: int
    mlp: Literal['gelu', 'swiglu']
    key_bias: bool
    norm_eps: float


#: Architecture -> (D, blocks, heads, hidden width of the MLP).
_SIZES = {
    'small': (384, 12, 6, 1536),
    'base': (768, 12, 12, 3072),
    'large': (1024, 24, 16, 4096),
}
_VARIANTS: dict[str, dict[str, Any]] = {
    'dinov2': dict(key_bias=True, norm_eps=1e-6),
    'dinov3': dict(key_bias=False, norm_eps=1e-5),
}


def dino_settings(arch: str | dict, variant: str) -> DinoSettings:
    """Look up a network's settings.

    Args:
        arch (str | dict): ``'small'``, ``'base'`` or ``'large'``; or a dict
            with ``embed_dims``, ``num_layers``, ``num_heads``,
            ``mlp_channels`` and optionally ``mlp``.
        variant (str): ``'dinov2'`` or ``'dinov3'``.

    Returns:
        DinoSettings: The settings.

    Raises:
        ValueError: If a name is unknown, or D is not a multiple of 4 times
            the number of heads.
    """
    if variant not in _VARIANTS:
        raise ValueError(
            f'variant must be one of {sorted(_VARIANTS)}, got {variant!r}'
        )
    if isinstance(arch, str):
        if arch not in _SIZES:
            raise ValueError(
                f'arch must be one of {sorted(_SIZES)} or a dict of sizes, '
                f'got {arch!r}'
            )
        names = ('embed_dims', 'num_layers', 'num_heads', 'mlp_channels')
        arch = dict(zip(names, _SIZES[arch], strict=True))
    settings = DinoSettings(**{'mlp': 'gelu', **arch}, **_VARIANTS[variant])
    if settings.embed_dims % (4 * settings.num_heads):
        raise ValueError(
            'embed_dims must be a multiple of 4 * num_heads, got '
            f'{settings.embed_dims} and {settings.num_heads} heads'
        )
    if settings.mlp not in ('gelu', 'swiglu'):
        raise ValueError(
            f"mlp must be 'gelu' or 'swiglu', got {settings.mlp!r}"
        )
    return settings


def rope_table(
    height: int,
    width: int,
    head_dims: int,
    *,
    scale: float = 1.0,
    device: torch.device | None = None,
) -> Tensor:
    """Compute the rotary position table of DINOv3.

    The centre of each patch has coordinates in [-1, 1] on both axes. The
    table holds cosine and sine of 2 pi * coordinate * frequency, first for
    y, then for x, each repeated for the second half of the channels.

    Args:
        height (int): Rows h of patches.
        width (int): Columns w of patches.
        head_dims (int): Channels d of one head, a multiple of 4.
        scale (float): Factor on all coordinates.
        device (torch.device | None): Device of the result.

    Returns:
        Tensor: (1, 2 * d, h, w) float32, d channels of cosine, d of sine.
    """
    steps = torch.arange(head_dims // 4, dtype=torch.float32, device=device)
    frequency = _ROPE_BASE ** (-steps * 4 / head_dims)
    axes = [
        (torch.arange(n, dtype=torch.float32, device=device) + 0.5) / n
        for n in (height, width)
    ]
    y, x = torch.meshgrid(*axes, indexing='ij')
    centres = (torch.stack([y, x], -1) * 2 - 1) * scale  # (h, w, 2)
    angles = 2 * math.pi * centres[..., None] * frequency  # (h, w, 2, d/4)
    angles = angles.flatten(2).repeat(1, 1, 2)  # (h, w, d)
    return torch.cat([angles.cos(), angles.sin()], -1).permute(2, 0, 1)[None]


def rotate(tokens: Tensor, rope: Tensor) -> Tensor:
    """Rotate queries or keys of patches by their positions.

    Args:
        tokens (Tensor): (N, M, S, d); the last h * w of S are patches, the
            others keep their values.
        rope (Tensor): (1 or N, 2 * d, h, w), see :func:`rope_table`.

    Returns:
        Tensor: (N, M, S, d).
    """
    table = rope.flatten(2).transpose(1, 2)[:, None].to(tokens.dtype)
    cos, sin = table.chunk(2, dim=-1)  # (1 or N, 1, h*w, d)
    num_patches = table.shape[2]
    prefix = tokens[:, :, :-num_patches]
    patches = tokens[:, :, -num_patches:]
    first, second = patches.chunk(2, dim=-1)
    turned = torch.cat([-second, first], dim=-1)
    return torch.cat([prefix, patches * cos + turned * sin], dim=2)


class DinoAttention(BaseModule):
    """Self-attention with an optional mask and rotary positions.

    Args:
        settings (DinoSettings): Of the network.
    """

    def __init__(self, settings: DinoSettings) -> None:
        super().__init__()
        dims = settings.embed_dims
        self.num_heads = settings.num_heads
        self.qkv = nn.Linear(dims, 3 * dims, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dims))
        self.v_bias = nn.Parameter(torch.zeros(dims))
        if settings.key_bias:
            self.k_bias = nn.Parameter(torch.zeros(dims))
        else:
            self.register_buffer('k_bias', torch.zeros(dims), persistent=False)
        self.proj = nn.Linear(dims, dims)

    def forward(
        self,
        x: Tensor,
        rope: Tensor | None = None,
        allowed: Tensor | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            x (Tensor): (N, S, D).
            rope (Tensor | None): See :func:`rotate`.
            allowed (Tensor | None): (N, S, S) bool, True where a row may
                attend to a column, for all heads.

        Returns:
            Tensor: (N, S, D).
        """
        query, key, value = self._project(x, rope)
        out = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if allowed is None else allowed[:, None],
        )
        return self.proj(out.transpose(1, 2).flatten(2))

    def weights(
        self, x: Tensor, rope: Tensor | None, allowed: Tensor | None
    ) -> Tensor:
        """Compute the attention weights.

        Args:
            x (Tensor): As in :meth:`forward`.
            rope (Tensor | None): As in the same.
            allowed (Tensor | None): As in the same.

        Returns:
            Tensor: (N, S, S), mean over heads.
        """
        query, key, _ = self._project(x, rope)
        return self_attention_weights(query, key, allowed)

    def _project(
        self, x: Tensor, rope: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (N, M, S, d) each."""
        bias = torch.cat([self.q_bias, self.k_bias, self.v_bias])
        qkv = F.linear(x, self.qkv.weight, bias)
        # (N, S, 3 * D) -> 3 x (N, M, S, d)
        qkv = qkv.unflatten(-1, (3, self.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if rope is not None:
            query, key = rotate(query, rope), rotate(key, rope)
        return query, key, value


class DinoMLP(BaseModule):
    """Two linear layers with GELU, or gated with SiLU (SwiGLU).

    Args:
        settings (DinoSettings): Of the network.
    """

    def __init__(self, settings: DinoSettings) -> None:
        super().__init__()
        dims, hidden = settings.embed_dims, settings.mlp_channels
        self.gated = settings.mlp == 'swiglu'
        # Gated: the first half of the rows is the gate.
        self.fc1 = nn.Linear(dims, 2 * hidden if self.gated else hidden)
        self.fc2 = nn.Linear(hidden, dims)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token.

        Args:
            x (Tensor): (N, S, D).

        Returns:
            Tensor: (N, S, D).
        """
        if self.gated:
            gate, value = self.fc1(x).chunk(2, dim=-1)
            return self.fc2(F.silu(gate) * value)
        return self.fc2(linear_gelu(self.fc1, x))


class LayerScale(nn.Module):
    """Multiply each channel by a learned factor.

    Args:
        embed_dims (int): Channels.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(embed_dims))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (..., D)."""
        return x * self.gamma


class DinoBlock(BaseModule):
    """Pre-norm transformer block with layer scale.

    DINOv2 (https://arxiv.org/abs/2304.07193) and DINOv3
    (https://arxiv.org/abs/2508.10104) differ in the settings alone.

    Args:
        settings (DinoSettings): Of the network.
        drop_path_rate (float): Probability in [0, 1) that a residual branch
            is left out in training, drawn for each sample.
    """

    def __init__(
        self, settings: DinoSettings, drop_path_rate: float = 0.0
    ) -> None:
        super().__init__()
        dims, eps = settings.embed_dims, settings.norm_eps
        self.norm1 = nn.LayerNorm(dims, eps=eps)
        self.attn = DinoAttention(settings)
        self.ls1 = LayerScale(dims)
        self.norm2 = nn.LayerNorm(dims, eps=eps)
        self.mlp = DinoMLP(settings)
        self.ls2 = LayerScale(dims)
        self.drop_path = DropPath(drop_path_rate)

    def init_weights(self) -> None:
        """Draw linear weights from a truncated normal, zero the biases."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=_INIT_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self,
        x: Tensor,
        rope: Tensor | None = None,
        allowed: Tensor | None = None,
    ) -> Tensor:
        """Transform tokens.

        Args:
            x (Tensor): (N, S, D).
            rope (Tensor | None): Positions of the last h * w tokens, see
                :func:`rotate`; None for DINOv2.
            allowed (Tensor | None): See :class:`DinoAttention`.

        Returns:
            Tensor: (N, S, D).
        """
        attended = self.attn(self.norm1(x), rope, allowed)
        x = x + self.drop_path(self.ls1(attended))
        return x + self.drop_path(self.ls2(self.mlp(self.norm2(x))))

    def attention(
        self, x: Tensor, rope: Tensor | None, allowed: Tensor | None
    ) -> Tensor:
        """Compute the attention weights of the block.

        Args:
            x (Tensor): As in :meth:`forward`.
            rope (Tensor | None): As in the same.
            allowed (Tensor | None): As in the same.

        Returns:
            Tensor: (N, S, S), mean over heads.
        """
        return self.attn.weights(self.norm1(x), rope, allowed)
