"""A small audio backbone to train from scratch."""

from __future__ import annotations

import itertools
import math

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

#: ln 100: silence is -ln 100 in log-mel (ln of the offset 0.01), and a
#: full-scale tone peaks near +ln 100 (half the sum, 200, of the window).
#: Dividing by it scales sounds to [-1, 1] without statistics of a data set.
_LOG_MEL_SCALE = math.log(100)


@MODELS.register_module()
class LogMelCNN(BaseModule):
    """Four strided convolutions over log-mel examples, pooled over time.

    0.23 M parameters at the default width, 0.2 ms per example on one CPU core
    (max pooling instead of strides takes 2 ms and does not converge faster).
    Frequency is not pooled, because it carries timbre. Norms are group norms:
    batches often contain a few clips of similar examples, on which batch norms
    converge half as fast. With group norms, an example's embedding depends
    neither on the rest of its batch nor on the mode. Not from a paper.

    Args:
        base_channels (int): Channels of the first stage, doubled by each of
            the next three; a multiple of 8.
        out_channels (int): Width of the embedding; 128 as in VGGish.
        init_cfg (dict | list[dict] | None): Initialisation.
    """

    def __init__(
        self,
        base_channels: int = 16,
        out_channels: int = 128,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if base_channels <= 0 or base_channels % 8:
            raise ValueError(
                'base_channels must be a positive multiple of 8 (the groups '
                f'of the norms), got {base_channels}.'
            )
        self.out_channels = out_channels
        widths = [1] + [base_channels * 2**stage for stage in range(4)]
        self.stages = nn.Sequential(
            *[
                ConvModule(
                    in_channels,
                    channels,
                    3,
                    stride=2,
                    padding=1,
                    norm_cfg=dict(type='GN', num_groups=8),
                )
                for in_channels, channels in itertools.pairwise(widths)
            ]
        )
        # 64 bands become 4; mean and maximum over time are concatenated.
        self.proj = nn.Linear(2 * 4 * widths[-1], out_channels)

    def forward(self, audio: Tensor) -> Tensor:
        """Embed each example independently.

        Args:
            audio (Tensor): (N, 1, 96, 64) log-mel examples, time before
                frequency.

        Returns:
            Tensor: (N, out_channels), signed.

        Raises:
            ValueError: If the input has another shape.
        """
        if audio.shape[1:] != (1, 96, 64):
            raise ValueError(
                'audio must be (N, 1, 96, 64), got '
                f'{tuple(audio.shape)}; use the LogMel transform and '
                "PackClip(audio_key='log_mel')."
            )
        maps = self.stages(audio / _LOG_MEL_SCALE)  # (N, C, 6, 4)
        pooled = torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1)
        return self.proj(pooled.flatten(1))
