"""Bottleneck adapters, and projections with an adapter."""

from __future__ import annotations

from typing import Literal

import torch.nn as nn
from torch import Tensor

from .onednn_linear import OneDNNLinear

AdapterMode = Literal['residual', 'append', 'replace']
ADAPTER_MODES: tuple[AdapterMode, ...] = ('residual', 'append', 'replace')


class Adapter(nn.Sequential):
    """Linear, ReLU, Linear bottleneck in a side branch of a frozen network.

    It has no normalisation, scale or residual connection. Behaviour follows
    ``Stepping-Stones@de6a17b:avs/transformers/models/swin/modeling_swin.py``
    (after Houlsby et al., https://arxiv.org/abs/1902.00751).

    Args:
        embed_dims (int): Width C of input and output.
        reduction (int): The bottleneck is ``embed_dims // reduction`` wide.
        init (str): ``'normal'`` draws weights from N(0, 0.02), ``'xavier'``
            from Xavier's uniform distribution; biases are zero.
    """

    def __init__(
        self,
        embed_dims: int,
        *,
        reduction: int = 4,
        init: Literal['normal', 'xavier'] = 'normal',
    ) -> None:
        hidden_dims = embed_dims // reduction
        super().__init__(
            nn.Linear(embed_dims, hidden_dims),
            nn.ReLU(inplace=True),
            nn.Linear(hidden_dims, embed_dims),
        )
        self.init = init
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the weights as the published code does."""
        for linear in self:
            if not isinstance(linear, nn.Linear):
                continue
            if self.init == 'normal':
                nn.init.normal_(linear.weight, std=0.02)
            else:
                nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)


class AdaptedLinear(OneDNNLinear):
    """An output projection with an adapter as its child ``adapter``.

    It replaces an ``nn.Linear`` and keeps its state dict names, so that
    pretrained weights load unchanged.

    Args:
        in_features (int): Input width.
        out_features (int): Output width, also the adapter's.
        mode (str): With projection ``p`` and adapter ``a``: ``'residual'``
            gives ``p(x) + a(p(x))``, ``'append'`` ``a(p(x))``, ``'replace'``
            ``a(x)``. In the last the projection's weights are kept for the
            state dict and take no gradient.
        init (str): See :class:`Adapter`.

    Raises:
        ValueError: If ``mode`` is unknown, or is ``'replace'`` while the
            widths differ.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        mode: AdapterMode,
        init: Literal['normal', 'xavier'] = 'normal',
    ) -> None:
        if mode not in ADAPTER_MODES:
            raise ValueError(
                f'adapter mode must be one of {ADAPTER_MODES}, got {mode!r}.'
            )
        if mode == 'replace' and in_features != out_features:
            raise ValueError(
                "adapter mode 'replace' needs a projection of equal widths, "
                f'got {in_features} -> {out_features}.'
            )
        super().__init__(in_features, out_features)
        self.mode = mode
        self.adapter = Adapter(out_features, init=init)
        if mode == 'replace':
            self.weight.requires_grad_(False)
            self.bias.requires_grad_(False)

    @classmethod
    def like(
        cls,
        linear: nn.Module,
        *,
        mode: AdapterMode,
        init: Literal['normal', 'xavier'] = 'normal',
    ) -> AdaptedLinear:
        """Build a newly initialised replacement of ``linear``."""
        assert isinstance(linear, nn.Linear)
        return cls(
            linear.in_features, linear.out_features, mode=mode, init=init
        )

    def forward(self, x: Tensor) -> Tensor:
        """Project and adapt (..., in_features) to (..., out_features)."""
        if self.mode == 'replace':
            return self.adapter(x)
        y = super().forward(x)
        adapted = self.adapter(y)
        return adapted.add_(y) if self.mode == 'residual' else adapted


def init_adapters(module: nn.Module) -> None:
    """Initialise every adapter in ``module`` again.

    mmdet's modules initialise all parameters inside them, so adapters are
    initialised by their own rule afterwards.
    """
    for child in module.modules():
        if isinstance(child, Adapter):
            child.init_weights()
