"""Mask2Former's pixel decoder with adapters in its deformable attention."""

from __future__ import annotations

from typing import Any, Literal

from mmcv.cnn.bricks.wrappers import Conv2d as MMCVConv2d
from mmdet.models.layers import (
    DeformableDetrTransformerEncoderLayer,
    MSDeformAttnPixelDecoder,
)
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..layers import (
    AdaptedLinear,
    FrozenConv2d,
    SignReLU,
    init_adapters,
    swap_class,
    use_compiled_attention,
    use_tiled_ffn,
)


class CheckpointedEncoderLayer(DeformableDetrTransformerEncoderLayer):
    """mmdet's layer, computed again in the backward pass."""

    def forward(self, query: Tensor, **kwargs: Any) -> Tensor:
        """Run the layer.

        Args:
            query (Tensor): (N, S, C), the pixels of all levels.
            **kwargs (Any): Other arguments of mmdet's layer.

        Returns:
            Tensor: (N, S, C).
        """
        forward = super().forward
        if not self.training:
            return forward(query=query, **kwargs)
        return checkpoint(forward, query=query, use_reentrant=False, **kwargs)


@MODELS.register_module()
class AdapterPixelDecoder(MSDeformAttnPixelDecoder):
    """mmdet's MSDeformAttn pixel decoder on this project's operator.

    Args:
        adapter_mode (str): How the adapter of each deformable attention is
            combined with its output projection: ``'replace'`` (published
            stage one), ``'append'`` (published stage two) or ``'none'``. The
            adapter has no residual connection; the layer keeps its own.
        with_cp (bool): Recompute the layers of the encoder in the backward
            pass instead of keeping their activations: less memory, the same
            gradients.
        kwargs: Arguments of mmdet's ``MSDeformAttnPixelDecoder``.
    """

    def __init__(
        self,
        *,
        adapter_mode: Literal['replace', 'append', 'none'] = 'replace',
        with_cp: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        use_compiled_attention(self.encoder)
        use_tiled_ffn(self.encoder)
        # AAVS trains adapters; all other layers are frozen, and what they
        # would keep for the gradients of their weights is not needed.
        swap_class(self, nn.ReLU, SignReLU)
        swap_class(self, (nn.Conv2d, MMCVConv2d), FrozenConv2d)
        if with_cp:
            swap_class(
                self.encoder,
                DeformableDetrTransformerEncoderLayer,
                CheckpointedEncoderLayer,
            )
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
