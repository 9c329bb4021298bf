"""The segmentor of the Stepping Stones paper."""

from __future__ import annotations

from mmseg.registry import MODELS

from ..segmentor import AVSegmentor


@MODELS.register_module()
class AAVS(AVSegmentor):
    """Adaptive audio-visual segmentation (https://arxiv.org/abs/2407.11820).

    An :class:`AVSegmentor` of ``AdapterSwin``, ``VGGish`` and ``AAVSHead``,
    configured in ``configs/aavs``. Each frame uses only its own row of audio:
    there is no temporal modelling.
    """
