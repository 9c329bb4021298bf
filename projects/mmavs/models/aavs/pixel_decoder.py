"""Mask2Former's pixel decoder with adapters in its deformable attention."""

from __future__ import annotations

from typing import Any, Literal

from mmdet.models.layers import MSDeformAttnPixelDecoder
from mmseg.registry import MODELS
from torch import nn

from ..layers import (
    AdaptedLinear,
    SignReLU,
    init_adapters,
    swap_class,
    use_compiled_attention,
    use_tiled_ffn,
)


@MODELS.register_module()
class AdapterPixelDecoder(MSDeformAttnPixelDecoder):
    """mmdet's MSDeformAttn pixel decoder on this project's operator.

    Args:
        adapter_mode (str): How the adapter of each deformable attention is
            combined with its output projection: ``'replace'`` (published
            stage one), ``'append'`` (published stage two) or ``'none'``. The
            adapter has no residual connection; the layer keeps its own.
        kwargs: Arguments of mmdet's ``MSDeformAttnPixelDecoder``.
    """

    def __init__(
        self,
        *,
        adapter_mode: Literal['replace', 'append', 'none'] = 'replace',
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        use_compiled_attention(self.encoder)
        use_tiled_ffn(self.encoder)
        for layer in self.encoder.layers:
            # AAVS trains adapters; the linear layers are frozen.
            swap_class(layer.ffn, nn.ReLU, SignReLU)
        if adapter_mode != 'none':
            for layer in self.encoder.layers:
                attn = layer.self_attn
                attn.output_proj = AdaptedLinear.like(
                    attn.output_proj, mode=adapter_mode
                )

    def init_weights(self) -> None:
        """Initialise as mmdet does, then initialise the adapters."""
        super().init_weights()
        init_adapters(self)
