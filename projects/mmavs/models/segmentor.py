"""Segmentor of frames and sound."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.config import ConfigDict
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmavs.structures import ClipFeatures


@MODELS.register_module()
class AVSegmentor(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with a second, audio backbone.

    ``inputs`` is the dictionary that the data preprocessor makes; time is
    folded, N frames of all clips in the batch::

        extract_feat(): backbone(frames), audio_backbone(log_mel)
                        -> ClipFeatures -> decode_head

    Args:
        audio_backbone (dict): Config of a module that takes log-mel examples
            (N, 1, 96, 64) to embeddings (N, audio_channels).
        test_cfg (dict | None): ``mode`` must be ``'whole'``.
        kwargs: Arguments of mmseg's ``EncoderDecoder``.

    Raises:
        ValueError: If ``test_cfg`` asks for sliding windows.
    """

    def __init__(
        self,
        *,
        audio_backbone: dict,
        test_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        # mmseg reads test_cfg.mode, which a plain dictionary has not.
        test_cfg = ConfigDict(test_cfg or dict(mode='whole'))
        if test_cfg.get('mode', 'whole') != 'whole':
            raise ValueError(
                "test_cfg.mode must be 'whole', got "
                f'{test_cfg["mode"]!r}: sound belongs to whole frames.'
            )
        super().__init__(test_cfg=test_cfg, **kwargs)
        self.audio_backbone = MODELS.build(audio_backbone)

    def extract_feat(self, inputs: dict[str, Any]) -> ClipFeatures:
        """Extract visual and audio features.

        Args:
            inputs (dict): ``frames`` (N, 3, H, W), ``log_mel``
                (N, 1, 96, 64), ``num_frames`` (one int per clip), in stage
                two ``mask_prior`` (N, 1, h, w), and ``valid`` (N,) if clips
                were padded.

        Returns:
            ClipFeatures: What every decode head takes.
        """
        visual = self.backbone(inputs['frames'])
        if self.with_neck:
            visual = self.neck(visual)
        return ClipFeatures(
            visual=tuple(visual),
            audio_embed=self.audio_backbone(inputs['log_mel']),
            mask_prior=inputs.get('mask_prior'),
            num_frames=tuple(inputs['num_frames']),
            valid=inputs.get('valid'),
        )

    def predict(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[SegDataSample] | None = None,
    ) -> list[SegDataSample]:
        """Segment every frame.

        Args:
            inputs (dict): See :meth:`extract_feat`.
            data_samples (list[SegDataSample] | None): N samples, one for
                each frame that is not padding; results come
                at their ``ori_shape``, or at the size of the frames if there
                are none.

        Returns:
            list[SegDataSample]: N samples with ``seg_logits`` (C, h, w) and
            ``pred_sem_seg`` (1, h, w).
        """
        if data_samples is None:
            frames, valid = inputs['frames'], inputs.get('valid')
            size = tuple(frames.shape[-2:])
            meta = dict(ori_shape=size, img_shape=size, pad_shape=size)
            num_samples = len(frames) if valid is None else int(valid.sum())
            data_samples = [
                SegDataSample(metainfo=meta) for _ in range(num_samples)
            ]
        return super().predict(inputs, data_samples)

    def postprocess_result(
        self,
        seg_logits: Tensor,
        data_samples: list[SegDataSample],
    ) -> list[SegDataSample]:
        """Resize logits and take the prediction from them.

        mmseg stores the sigmoid of a single channel, and cuts it at 0.3; here
        ``seg_logits`` are logits whatever their number, and a pixel sounds if
        its logit is above 0.

        Args:
            seg_logits (Tensor): (N, C, H, W).
            data_samples (list[SegDataSample]): N samples.

        Returns:
            list[SegDataSample]: See :meth:`predict`.
        """
        if seg_logits.shape[1] > 1:
            return super().postprocess_result(seg_logits, data_samples)
        against_zero = torch.cat([torch.zeros_like(seg_logits), seg_logits], 1)
        samples = super().postprocess_result(against_zero, data_samples)
        for sample in samples:
            sample.seg_logits.data = sample.seg_logits.data[1:]
        return samples
