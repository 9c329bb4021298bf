"""A segmentor as a function of tensors, with layers that can be exported."""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn.bricks.transformer import FFN
from mmdet.models.backbones.swin import WindowMSA
from torch import Tensor, nn

from ...models import AVSegmentor
from ...models.avsegformer.mask_head import AVSegFormerMaskHead
from ...models.layers import swap_class
from ...models.layers.deformable_attention import (
    GridSampleDeformableAttention,
    MultiScaleDeformableAttention,
)
from ...models.layers.tiled_ffn import TiledFFN
from ...models.layers.window_attention import FusedWindowMSA
from .attention_masks import has_attention_masks, recorded_masks


class WholeMaskHead(AVSegFormerMaskHead):
    """AVSegFormer's mask head without tiles, on all frames together.

    A traced graph would repeat the operators for every tile of every frame.
    """

    def forward(self, query: Tensor, mask_feature: Tensor) -> Tensor:
        """Predict logits.

        Args:
            query (Tensor): (N, Q, C).
            mask_feature (Tensor): (N, C, H, W).

        Returns:
            Tensor: (N, K, scale_factor * H, scale_factor * W).
        """
        first, *others = (x for x in self.mlp if isinstance(x, nn.Linear))
        pixels = mask_feature.flatten(2)
        # W (Q F) = (W Q) F, as in the base class.
        mixed = (first.weight @ query) @ pixels + first.bias[:, None]
        for layer in others:
            mixed = layer.weight @ mixed.relu() + layer.bias[:, None]
        return self.conv_seg(mask_feature + mixed.view_as(mask_feature))


#: Layers that are fast in PyTorch -> equal ones of plain operators.
_PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    TiledFFN: FFN,
    FusedWindowMSA: WindowMSA,
    MultiScaleDeformableAttention: GridSampleDeformableAttention,
    AVSegFormerMaskHead: WholeMaskHead,
}


class ExportableNetwork(nn.Module):
    """From the inputs of one clip to its logits.

    Args:
        model (AVSegmentor): A model in evaluation mode. Its layers are
            replaced, in place, by equal ones of plain operators.
        inputs (Sequence[str]): Names of the inputs, ``frames`` first: keys of
            the dictionary that :meth:`AVSegmentor.extract_feat` takes.

    Attributes:
        num_masks (int): Number of attention masks that follow the logits, see
            :mod:`.attention_masks`; known after a call.
    """

    def __init__(self, model: AVSegmentor, inputs: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = tuple(inputs)
        self.num_masks = 0
        for fast, plain in _PLAIN.items():
            swap_class(model, fast, plain)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Compute the logits of a clip.

        Args:
            *inputs (Tensor): (T, ...), in the order of the names.

        Returns:
            Tensor | tuple[Tensor, ...]: Logits (T, K, h, w); of a model with
            hard attention masks these follow.
        """
        named = dict(zip(self.names, inputs, strict=True))
        if not has_attention_masks(self.model):
            return clip_logits(self.model, named)
        with recorded_masks(self.model) as masks:
            logits = clip_logits(self.model, named)
        # The mask after the last layer is not used.
        del masks[-1]
        self.num_masks = len(masks)
        return (logits, *masks)


def clip_logits(model: AVSegmentor, inputs: dict[str, Tensor]) -> Tensor:
    """Compute the logits of a clip as the segmentor does.

    Args:
        model (AVSegmentor): In evaluation mode.
        inputs (dict[str, Tensor]): (T, ...) by name.

    Returns:
        Tensor: (T, K, h, w).
    """
    num_frames, _, height, width = map(int, inputs['frames'].shape)
    size = (height, width)
    meta = dict(ori_shape=size, img_shape=size, pad_shape=size)
    return model.encode_decode(
        dict(inputs, num_frames=(num_frames,)), [meta] * num_frames
    )
