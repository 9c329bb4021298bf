"""VGGish, the audio backbone of all three published systems."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class VGGish(BaseModule):
    """VGGish (https://arxiv.org/abs/1609.09430): 72 M parameters.

    Modules are named as in the public weight file ``vggish-10086976.pth`` of
    torchvggish, so that its keys load unchanged. As in AVSBench@f7414af,
    there is no PCA and no 8-bit quantisation of the output.

    Args:
        final_relu (bool): Whether a ReLU follows the last layer. True for
            AVSegFormer and TPAVI, False for AAVS. There is no default,
            because a wrong choice raises no error.
        frozen (bool): Freeze the parameters and keep the module in eval mode
            while the rest of the model trains.
        init_cfg (dict | list[dict] | None): Initialisation, usually
            ``dict(type='Pretrained', checkpoint=...)``.
    """

    #: Width of the embedding.
    out_channels = 128
    #: Output channels of the convolutions; None is a 2x2 max pooling.
    conv_channels = (64, None, 128, None, 256, 256, None, 512, 512, None)
    #: Width of the two hidden fully connected layers.
    hidden_channels = 4096

    def __init__(
        self,
        final_relu: bool,
        frozen: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.final_relu = final_relu
        self.frozen = frozen
        self.features = _make_features(self.conv_channels)
        self.embeddings = nn.Sequential(
            nn.Linear(6 * 4 * self.conv_channels[-2], self.hidden_channels),
            nn.ReLU(),
            nn.Linear(self.hidden_channels, self.hidden_channels),
            nn.ReLU(),
            nn.Linear(self.hidden_channels, self.out_channels),
        )
        self.requires_grad_(not frozen)
        self.train()

    def forward(self, audio: Tensor) -> Tensor:
        """Embed each example independently.

        Args:
            audio (Tensor): (N, 1, 96, 64) log-mel examples, time before
                frequency; see :class:`mmavs.datasets.transforms.LogMel`.

        Returns:
            Tensor: (N, 128), signed unless ``final_relu``.

        Raises:
            ValueError: If the input has another shape.
        """
        if audio.shape[1:] != (1, 96, 64):
            raise ValueError(
                'audio must be (N, 1, 96, 64), got '
                f'{tuple(audio.shape)}; use the LogMel transform and '
                "PackClip(audio_key='log_mel')."
            )
        with torch.no_grad() if self.frozen else nullcontext():
            maps = self.features(audio)  # (N, 512, 6, 4)
            # The weights of embeddings.0 expect (time, frequency, channel).
            embed = self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))
            return embed.relu() if self.final_relu else embed

    def train(self, mode: bool = True) -> VGGish:
        """Switch the mode, except when frozen."""
        return super().train(mode and not self.frozen)


def _make_features(channels_of_layers: Sequence[int | None]) -> nn.Sequential:
    layers: list[nn.Module] = []
    in_channels = 1
    for channels in channels_of_layers:
        if channels is None:
            layers.append(nn.MaxPool2d(2))
            continue
        conv = nn.Conv2d(in_channels, channels, 3, padding=1)
        layers += [conv, nn.ReLU()]
        in_channels = channels
    return nn.Sequential(*layers)
