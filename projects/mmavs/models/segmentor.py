"""Segmentor of frames and sound."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmavs.structures import AudioFeatures, ClipFeatures, VisualFeatures
from mmavs.training_step import not_finite

from .feature_cache import FeatureCache
from .layers import use_nnpack_conv, use_onednn_linear

_UNMATCHABLE = ('invalid numeric entries', 'cost matrix is infeasible')


@MODELS.register_module()
class AVSegmentor(EncoderDecoder):
    """mmseg's ``EncoderDecoder`` with a second backbone, for audio.

    ``inputs`` is the dictionary that the data preprocessor returns; time is
    folded into the batch, N frames of all clips::

        extract_feat(): backbone(frames), neck, audio_backbone(audio)
                        -> ClipFeatures -> decode_head

    Padded frames pass through the backbones, whose batch norms include them
    as published. They are then removed, unless the decode head sets
    ``needs_padding = True``.

    Args:
        audio_backbone (dict): Config of a module that maps rows of audio
            (N, ...), one per frame, to embeddings (N, audio_channels) or to
            ``mmavs.structures.AudioFeatures``. It checks the shape of its
            input.
        feature_cache_dir (str | None): Folder in which
            :class:`FeatureCache` keeps what frozen backbones compute. While
            it is set, a frozen backbone runs in eval mode in training, too:
            without stochastic depth, and with the running statistics of its
            batch norms. Useful if the pipeline changes no frame at random.
        test_cfg (dict | None): ``mode`` must be ``'whole'``.
        kwargs: Arguments of mmseg's ``EncoderDecoder``.

    Attributes:
        autocast_dtype (torch.dtype | None): Type in which predictions are
            computed by autocast; None computes in the type of the weights.
            Does not affect losses.

    Raises:
        ValueError: If ``test_cfg`` selects sliding windows, or
            ``feature_cache_dir`` is a file.
    """

    autocast_dtype: torch.dtype | None = None

    def __init__(
        self,
        *,
        audio_backbone: dict,
        feature_cache_dir: str | None = None,
        test_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        # mmseg reads test_cfg.mode as an attribute.
        test_cfg = ConfigDict(test_cfg or dict(mode='whole'))
        if test_cfg.get('mode', 'whole') != 'whole':
            raise ValueError(
                "test_cfg.mode must be 'whole', got "
                f'{test_cfg["mode"]!r}: the audio describes whole frames.'
            )
        # Without a default scope, mmengine's base class would not find
        # modules that are registered in mmseg.
        is_set = DefaultScope.get_current_instance() is not None
        with DefaultScope.overwrite_default_scope(None if is_set else 'mmseg'):
            super().__init__(test_cfg=test_cfg, **kwargs)
            self.audio_backbone = MODELS.build(audio_backbone)
        use_onednn_linear(self)
        use_nnpack_conv(self)
        self._caches: dict[nn.Module, FeatureCache] = {}
        if feature_cache_dir is not None:
            for module, config in (
                (self.backbone, kwargs['backbone']),
                (self.audio_backbone, audio_backbone),
            ):
                self._caches[module] = FeatureCache(feature_cache_dir, config)

    def extract_visual(self, inputs: dict[str, Any]) -> VisualFeatures:
        """Compute the part of the prediction that does not use the sound.

        As ``inputs['visual']`` the result replaces this part in predictions
        of the same frames with other sounds; they are the same as without.
        For prediction only. A decode head whose first part does not use the
        sound provides it as ``decode_pixels(maps)`` and reads
        ``ClipFeatures.pixels``.

        Args:
            inputs (dict): ``frames`` (N, 3, H, W), and ``valid`` (N,) if
                clips were padded.

        Returns:
            VisualFeatures: Features of the frames.
        """
        maps = self._visual_maps(inputs)
        decode = getattr(self.decode_head, 'decode_pixels', None)
        if decode is None:
            return VisualFeatures(maps)
        valid = inputs.get('valid')
        rows = maps if valid is None else tuple(x[valid] for x in maps)
        return VisualFeatures(maps, decode(rows))

    def _visual_maps(self, inputs: dict[str, Any]) -> tuple[Tensor, ...]:
        maps = self._run_backbone(self.backbone, inputs['frames'])
        if self.with_neck:
            maps = self.neck(maps)
        return tuple(maps)

    def _run_backbone(
        self, backbone: nn.Module, rows: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the tensors of a backbone's output."""

        def forward(rows: Tensor) -> tuple[Tensor, ...]:
            output = backbone(rows)
            if isinstance(output, Tensor):
                return (output,)
            return tuple(tensor for tensor in output if tensor is not None)

        cache = self._caches.get(backbone)
        return (
            forward(rows)
            if cache is None
            else cache.run(backbone, rows, forward)
        )

    def extract_feat(self, inputs: dict[str, Any]) -> ClipFeatures:
        """Extract visual and audio features.

        Args:
            inputs (dict): ``frames`` (N, 3, H, W), ``audio`` (N, ...), the
                input of the audio backbone, ``num_frames`` (one int per
                clip), in stage two ``mask_prior`` (N, 1, h, w), ``valid``
                (N,) if clips were padded, and ``visual``, the result of
                :meth:`extract_visual` for these frames, if it is known.

        Returns:
            ClipFeatures: Input of the decode head.

        Raises:
            ValueError: If the numbers of frames and audio rows differ, or
                the audio backbone does not support the shape of ``audio``.
        """
        visual: VisualFeatures = inputs.get('visual') or VisualFeatures(
            self._visual_maps(inputs)
        )
        sound = AudioFeatures(
            *self._run_backbone(self.audio_backbone, inputs['audio'])
        )
        if len(sound.embed) != len(inputs['frames']):
            raise ValueError(
                f'expected one audio row per frame, got {len(sound.embed)} '
                f'rows for {len(inputs["frames"])} frames; check the audio '
                'front end (such as LogMel), the audio backbone and the data '
                "preprocessor's inputs."
            )
        features = ClipFeatures(
            visual=visual.maps,
            audio_embed=sound.embed,
            mask_prior=inputs.get('mask_prior'),
            num_frames=tuple(inputs['num_frames']),
            valid=inputs.get('valid'),
            audio_tokens=sound.tokens,
            pixels=visual.pixels,
        )
        if getattr(self.decode_head, 'needs_padding', False):
            return features
        return features.without_padding()

    def compilable_parts(self) -> list[nn.Module]:
        """Return the modules that ``torch.compile`` can compile.

        Returns:
            list[nn.Module]: Backbones, neck and decode head. The segmentor's
            own code builds data samples, which are no tensors.
        """
        parts = [self.backbone, self.audio_backbone, self.decode_head]
        return [*parts, self.neck] if self.with_neck else parts

    def encode_decode(
        self, inputs: dict[str, Any], batch_img_metas: list[dict]
    ) -> Tensor:
        """Compute the logits of a batch, in ``autocast_dtype`` if set.

        Args:
            inputs (dict): See :meth:`extract_feat`.
            batch_img_metas (list[dict]): Metainfo of the N samples.

        Returns:
            Tensor: (N, C, H, W), of the type of the frames if
            ``autocast_dtype`` is set.
        """
        if self.autocast_dtype is None:
            # An autocast of the caller, such as test_cfg.fp16, stays on.
            return super().encode_decode(inputs, batch_img_metas)
        frames = inputs['frames']
        with torch.autocast(frames.device.type, dtype=self.autocast_dtype):
            logits = super().encode_decode(inputs, batch_img_metas)
        return logits.to(frames.dtype)

    def loss(
        self,
        inputs: dict[str, Any],
        data_samples: list[SegDataSample],
    ) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            inputs (dict): See :meth:`extract_feat`.
            data_samples (list[SegDataSample]): N samples with
                ``gt_sem_seg``, one for each frame that is not padding.

        Returns:
            dict[str, Tensor]: Losses by name.

        Raises:
            ValueError: If the predictions that a Hungarian assigner matches
                are NaN or infinite.
        """
        try:
            return super().loss(inputs, data_samples)
        except ValueError as error:
            # Messages of scipy.optimize.linear_sum_assignment.
            if not any(text in str(error) for text in _UNMATCHABLE):
                raise
            raise not_finite('the predictions', data_samples) from error

    def predict(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[SegDataSample] | None = None,
    ) -> list[SegDataSample]:
        """Segment every frame.

        Args:
            inputs (dict): See :meth:`extract_feat`.
            data_samples (list[SegDataSample] | None): N samples, one for
                each frame that is not padding; results have the size of
                their ``ori_shape``. None gives results the size of the
                frames.

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
        """Resize the logits and compute the prediction.

        mmseg stores the sigmoid of a single channel, and thresholds it at
        0.3; here ``seg_logits`` are always logits, and a pixel is predicted
        as sounding if its logit is above 0.

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
