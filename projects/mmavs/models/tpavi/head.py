"""TPAVI's decode head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmavs.structures import ClipFeatures

from ..layers import uses_nnpack
from ..stepping_stones import build_fusion_prior
from .block import TPAVIBlock, split_windows
from .fusion_decoder import TPAVIFusionDecoder
from .losses import TPAVIMatchingLoss


class TPAVIOutput(NamedTuple):
    """Results for N frames, padded frames included.

    Attributes:
        logits (Tensor): (N, K, H, W).
        mask_feature (Tensor): (N, C, H/2, W/2), input of the last layers.
        maps (list[Tensor]): L maps (N, C, H_l, W_l) after TPAVI and a ReLU:
            input of the fusion and of the matching loss, as published.
        audio (dict[int, Tensor]): Stage -> projected audio (N, C).
    """

    logits: Tensor
    mask_feature: Tensor
    maps: list[Tensor]
    audio: dict[int, Tensor]


@MODELS.register_module()
class TPAVIHead(BaseDecodeHead):
    """Head of AVSBench's baseline (https://arxiv.org/abs/2207.05042).

    Call graph::

        loss(), forward(): run() -> TPAVIBlock of each stage
                           -> TPAVIFusionDecoder -> mask_prior -> logits

    Behaviour follows ``AVSBench@f7414af:avs_scripts/avss/model`` (flags,
    71 classes) and ``avs_s4``, ``avs_ms3``; reimplemented, no code taken.
    Padded frames are included in its attention and its batch norms.

    Args:
        in_channels (Sequence[int]): Channels of the neck's L maps; all equal
            to C.
        tpavi_stages (Sequence[int]): Stages with a :class:`TPAVIBlock`; all
            four as published.
        window (int | None): Number of frames that attend to each other: 5 as
            published, also for clips of ten frames; None uses whole clips.
            See :func:`split_windows` for other lengths.
        audio_channels (int): Width of the audio embedding.
        audio_bias (bool): See :class:`TPAVIBlock`.
        attend (str): See :class:`TPAVIBlock`.
        norm_cfg (dict | None): Norm of the TPAVI blocks; None is BN.
        hidden_channels (int): Width of the first segmentation layer.
        channels (int): Width of the second segmentation layer.
        mask_prior (dict | None): Config of a ``MaskPrior``, which adds
            given masks to the mask feature (stage two). None
            ignores them.
        loss_match (dict | None): Config of a ``TPAVIMatchingLoss``.
        kwargs: Arguments of mmseg's ``BaseDecodeHead``. ``loss_decode`` needs
            ``avg_non_ignore=True``, because frames without label are 255.

    Raises:
        ValueError: If widths differ, a stage does not exist, or the matching
            loss uses the audio of a stage without attention to audio.
    """

    #: Padded frames are not removed by the segmentor.
    needs_padding = True

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        tpavi_stages: Sequence[int] = (0, 1, 2, 3),
        window: int | None = 5,
        audio_channels: int = 128,
        audio_bias: bool = True,
        attend: Literal['audio', 'visual', 'both'] = 'audio',
        norm_cfg: dict | None = None,
        hidden_channels: int = 128,
        channels: int = 32,
        mask_prior: dict | None = None,
        loss_match: dict | None = None,
        dropout_ratio: float = 0.0,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(range(len(in_channels))),
            input_transform='multiple_select',
            channels=channels,
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg,
            **kwargs,
        )
        width = _checked_width(in_channels)
        _check_stages('tpavi_stages', tpavi_stages, len(in_channels))
        if window is not None and window < 1:
            raise ValueError(
                f'window must be None or 1 frame at least, got {window}'
            )
        self.window = window
        self.tpavi = nn.ModuleDict(
            {
                str(stage): TPAVIBlock(
                    width,
                    audio_channels,
                    audio_bias=audio_bias,
                    attend=attend,
                    norm_cfg=norm_cfg,
                )
                for stage in tpavi_stages
            }
        )
        self.fusion = TPAVIFusionDecoder(width, len(in_channels))
        self.seg_convs = nn.ModuleList(
            [
                nn.Conv2d(width, hidden_channels, 3, padding=1),
                nn.Conv2d(hidden_channels, channels, 3, padding=1),
            ]
        )
        self.mask_prior = build_fusion_prior(mask_prior, width)
        self.loss_match = None
        if loss_match is not None:
            self.loss_match = MODELS.build(loss_match)
            with_audio = tpavi_stages if attend != 'visual' else ()
            _check_match(self.loss_match, with_audio, self.out_channels)

    def run(self, features: ClipFeatures) -> TPAVIOutput:
        """Compute everything that prediction and losses need.

        Args:
            features (ClipFeatures): The neck's maps and the audio of N
                frames.

        Returns:
            TPAVIOutput: Padded frames are zero in all but ``audio``.
        """
        zero_padding = features.zero_padding
        maps = [zero_padding(x) for x in features.visual]
        maps, audio = self._attend_to_audio(maps, features)
        mask_feature = self.fusion(maps, zero_padding)
        if self.mask_prior is not None:
            mask_feature = zero_padding(
                self.mask_prior.fuse(mask_feature, features.mask_prior)
            )
        logits = self._classify(mask_feature)
        return TPAVIOutput(zero_padding(logits), mask_feature, maps, audio)

    def _classify(self, mask_feature: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, K, 2 * H, 2 * W)."""
        hidden = self.seg_convs[0](mask_feature)
        # A frame at a time the enlarged map stays in the CPU's cache.
        at_once = hidden.device.type != 'cpu' or torch.is_grad_enabled()
        frames = [hidden] if at_once else hidden.split(1)
        return torch.cat([self._classify_enlarged(x) for x in frames])

    def _classify_enlarged(self, hidden: Tensor) -> Tensor:
        hidden = F.interpolate(
            hidden,
            scale_factor=2,
            mode='bilinear',
            align_corners=self.align_corners,
        )
        return self.cls_seg(F.relu(self.seg_convs[1](hidden)))

    def _attend_to_audio(
        self, maps: list[Tensor], features: ClipFeatures
    ) -> tuple[list[Tensor], dict[int, Tensor]]:
        """Apply TPAVI to its stages, and a ReLU to all stages."""
        embed = features.zero_padding(features.audio_embed)
        windows = split_windows(features.num_frames, self.window)
        audio = {}
        for name, block in self.tpavi.items():
            stage = int(name)
            attended, sound = block(maps[stage], embed, windows)
            maps[stage] = features.zero_padding(attended)
            if sound is not None:
                audio[stage] = sound
        maps = [F.relu(x) for x in maps]
        conv = self.seg_convs[0]
        assert isinstance(conv, nn.Conv2d)
        if uses_nnpack(maps[0], conv.weight, conv.bias):
            # It would copy another layout in every convolution.
            maps = [x.contiguous() for x in maps]
        return maps, audio

    def forward(self, features: ClipFeatures) -> Tensor:
        """Predict logits.

        Args:
            features (ClipFeatures): See :meth:`run`.

        Returns:
            Tensor: Logits (n, K, H, W) of the n frames that are not padding.
        """
        return features.drop_padding(self.run(features).logits)

    def loss(
        self,
        features: ClipFeatures,
        data_samples: list[SegDataSample],
        train_cfg: dict,
    ) -> dict[str, Tensor]:
        """Compute the segmentation loss and the audio-visual matching loss.

        Args:
            features (ClipFeatures): Features of N frames.
            data_samples (list[SegDataSample]): One for each frame that is not
                padding, with ``gt_sem_seg``; 255 is not labelled.
            train_cfg (dict): Not used; part of mmseg's signature.

        Returns:
            dict[str, Tensor]: ``loss_ce``, averaged over labelled pixels;
            ``loss_match`` if there is one; ``acc_seg`` for several classes.
        """
        out = self.run(features)
        logits = features.drop_padding(out.logits)
        truth = self._stack_batch_gt(data_samples)
        labelled = (truth != self.ignore_index).flatten(1).any(1)
        losses = self._label_loss(logits, data_samples, labelled)
        if self.loss_match is not None:
            stages = self.loss_match.stages
            losses['loss_match'] = self.loss_match(
                logits,
                [features.drop_padding(out.maps[s]) for s in stages],
                [features.drop_padding(out.audio[s]) for s in stages],
                labelled,
            )
        return losses

    def _label_loss(
        self,
        logits: Tensor,
        data_samples: list[SegDataSample],
        labelled: Tensor,
    ) -> dict[str, Tensor]:
        if not labelled.any():
            # mmseg's binary loss fails on a batch without any label. This
            # zero keeps every parameter in the graph, as DDP requires.
            return {'loss_ce': 0 * logits.sum()}
        losses = self.loss_by_feat(logits, data_samples)
        if self.out_channels == 1:
            del losses['acc_seg']  # the argmax of one channel is always 0
        return losses


def _checked_width(in_channels: Sequence[int]) -> int:
    if len(set(in_channels)) != 1:
        raise ValueError(
            'TPAVIHead takes maps of one width, got in_channels='
            f'{list(in_channels)}; put a TPAVINeck before it.'
        )
    return in_channels[0]


def _check_stages(name: str, stages: Sequence[int], num_stages: int) -> None:
    wrong = [s for s in stages if s not in range(num_stages)]
    if wrong or len(set(stages)) != len(stages):
        raise ValueError(
            f'{name} must be different numbers from 0 to {num_stages - 1}, '
            f'got {list(stages)}'
        )


def _check_match(
    loss: TPAVIMatchingLoss, with_audio: Sequence[int], out_channels: int
) -> None:
    """Raise if this head cannot provide what the matching loss needs."""
    missing = [stage for stage in loss.stages if stage not in with_audio]
    if missing:
        raise ValueError(
            f'loss_match compares the stages {list(loss.stages)}, but '
            f'{missing} have no sound: see tpavi_stages and attend.'
        )
    several = loss.mask == 'foreground'
    if several != (out_channels > 1):
        raise ValueError(
            f'loss_match has mask={loss.mask!r}, which needs '
            f'{"several output channels" if several else "one output channel"}'
            f', but the head has {out_channels}.'
        )
