"""Audio-conditioned channel gate of the mask feature."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, einsum, nn


class AVSegFormerChannelMixer(BaseModule):
    """Gate each channel by cross-attention of the audio to the frame.

    The audio embedding is the only query of a cross-attention over all
    pixels; the sigmoid of its output is the gate. Behaviour follows
    ``AVSegFormer@7083cb6:model/utils/fusion_block.py``; reimplemented, no
    code taken.

    With one query, keys and values need not be projected pixel by pixel:
    ``q . (W_k x) = (W_k^T q) . x``, and ``sum_s a_s (W_v x_s) =
    W_v (sum_s a_s x_s)``. The results are equal at no more than an eighth of
    the cost.

    Args:
        embed_dims (int): Width C.
        num_heads (int): Heads; divides C.
    """

    def __init__(self, embed_dims: int, num_heads: int = 8) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = nn.Linear(embed_dims, embed_dims, bias=False)
        self.kv_proj = nn.Linear(embed_dims, 2 * embed_dims, bias=False)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def init_weights(self) -> None:
        """Initialise as published."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, mask_feature: Tensor, audio: Tensor) -> Tensor:
        """Weigh the channels of each frame.

        Args:
            mask_feature (Tensor): (N, C, H, W).
            audio (Tensor): (N, 1, C), projected.

        Returns:
            Tensor: (N, C, H, W).
        """
        heads = (self.num_heads, -1)
        # (h, d, c): rows of a head, columns of the input.
        key, value = (
            weight.unflatten(0, heads)
            for weight in self.kv_proj.weight.chunk(2)
        )
        query = self.q_proj(audio[:, 0]).unflatten(-1, heads)
        query = query * query.shape[-1] ** -0.5
        pixels = mask_feature.flatten(2)  # (N, C, H*W)
        projected_query = einsum('nhd,hdc->nhc', query, key)
        attention = (projected_query @ pixels).softmax(-1)  # (N, h, H*W)
        attended = attention @ pixels.transpose(1, 2)  # (N, h, C)
        out = einsum('nhc,hdc->nhd', attended, value).flatten(1)
        gate = self.proj(out).sigmoid()
        return mask_feature * gate[:, :, None, None]
