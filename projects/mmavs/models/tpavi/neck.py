"""TPAVI's neck: a sum of dilated convolutions per stage."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn as nn
from mmengine.model import BaseModule, ModuleList
from mmseg.registry import MODELS
from torch import Tensor

_INIT_STD = 0.01


class DilatedSum(BaseModule):
    """Sum of 3x3 convolutions of different dilation, DeepLab-v2's ASPP.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        dilations (Sequence[int]): Dilation of each convolution. Convolutions
            are padded to keep the size and have no norm or activation.
    """

    def __init__(
        self, in_channels: int, out_channels: int, dilations: Sequence[int]
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size=3,
                padding=dilation,
                dilation=dilation,
            )
            for dilation in dilations
        )

    def init_weights(self) -> None:
        """Initialise kernels as published; biases keep torch's default."""
        super().init_weights()
        for name, parameter in self.named_parameters():
            if name.endswith('weight'):
                nn.init.normal_(parameter, std=_INIT_STD)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and sum.

        Args:
            x (Tensor): (N, in_channels, H, W).

        Returns:
            Tensor: (N, out_channels, H, W).
        """
        total = self.convs[0](x)
        for conv in self.convs[1:]:
            total = total + conv(x)
        return total


@MODELS.register_module()
class TPAVINeck(BaseModule):
    """Map every stage of the backbone to the same number of channels.

    Behaviour follows ``AVSBench@f7414af:avs_scripts/avss/model``;
    reimplemented, no code taken.

    Args:
        in_channels (Sequence[int]): Channels of each stage, fine to coarse.
        out_channels (int): Width C of all outputs.
        dilations (Sequence[int]): See :class:`DilatedSum`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 256,
        dilations: Sequence[int] = (3, 6, 12, 18),
    ) -> None:
        super().__init__()
        self.aspp = ModuleList(  # mmengine's: initialises its children
            DilatedSum(channels, out_channels, dilations)
            for channels in in_channels
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Convolve every stage.

        Args:
            inputs (Sequence[Tensor]): L maps (N, C_l, H_l, W_l).

        Returns:
            tuple[Tensor, ...]: L maps (N, C, H_l, W_l).

        Raises:
            ValueError: If the backbone returns another number of stages.
        """
        if len(inputs) != len(self.aspp):
            raise ValueError(
                f'TPAVINeck has in_channels for {len(self.aspp)} stages, the '
                f"backbone gave {len(inputs)}: see its option 'out_indices'."
            )
        return tuple(
            aspp(_channels_last(x))
            for aspp, x in zip(self.aspp, inputs, strict=True)
        )


def _channels_last(x: Tensor) -> Tensor:
    """Lay a map out as the convolutions of the CPU compute it.

    They copy other layouts in every call. All layers of the neck and of the
    head keep the layout, and their results are equal up to rounding. Training
    keeps its layout, so that its results do not change.
    """
    if x.device.type != 'cpu' or torch.is_grad_enabled():
        return x
    return x.contiguous(memory_format=torch.channels_last)
