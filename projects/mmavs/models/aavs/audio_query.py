"""Condition object queries on sound."""

from __future__ import annotations

from typing import Literal

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

AUDIO_QUERY_MODES = ('adaptive', 'repeat', 'none')


class AudioQueryGenerator(BaseModule):
    """Condition each frame's query content on the frame's audio.

    With learnable content ``c_q``, query position ``p_q`` (the paper's audio
    prototype) and projected audio ``a_t``:

    - ``'adaptive'``: ``c_q + cos(p_q, a_t) * a_t``, the paper's generator
      (https://arxiv.org/abs/2407.11820, section 3.1). No softmax and no
      temperature; the cosine keeps its sign.
    - ``'repeat'``: ``c_q + a_t``, the same audio for every query, the
      baseline of the paper's Table 3.
    - ``'none'``: ``c_q``; the audio is not used. For visual-only baselines.

    Behaviour of ``'adaptive'`` follows ``Stepping-Stones@de6a17b:avs/
    transformers/models/mask2former/modeling_mask2former.py``. That of
    ``'repeat'`` follows the paper's text, since its code was not published.

    Args:
        mode (str): One of the three above.
        audio_channels (int): Width of the audio embedding; 128 for VGGish.
        hidden_channels (int): Width between the projection's two layers.
        embed_dims (int): Query width C.

    Raises:
        ValueError: If ``mode`` is unknown.
    """

    def __init__(
        self,
        mode: Literal['adaptive', 'repeat', 'none'] = 'adaptive',
        *,
        audio_channels: int = 128,
        hidden_channels: int = 512,
        embed_dims: int = 256,
    ) -> None:
        super().__init__()
        if mode not in AUDIO_QUERY_MODES:
            raise ValueError(
                f'audio_query must be one of {AUDIO_QUERY_MODES}, '
                f'got {mode!r}.'
            )
        self.mode = mode
        if mode != 'none':
            self.audio_proj = nn.Sequential(
                nn.Linear(audio_channels, hidden_channels),
                nn.ReLU(inplace=True),
                nn.Linear(hidden_channels, embed_dims),
            )

    def forward(
        self, query: Tensor, query_pos: Tensor, audio_embed: Tensor
    ) -> Tensor:
        """Add each frame's audio to its queries.

        Args:
            query (Tensor): (N, Q, C), query content.
            query_pos (Tensor): (N, Q, C), compared with the audio.
            audio_embed (Tensor): (N, audio_channels); row n is computed from
                the audio of frame n.

        Returns:
            Tensor: (N, Q, C).
        """
        if self.mode == 'none':
            return query
        audio = self.audio_proj(audio_embed).unsqueeze(1)  # (N, 1, C)
        if self.mode == 'repeat':
            return query + audio
        similarity = F.cosine_similarity(query_pos, audio, dim=-1)  # (N, Q)
        return query + similarity.unsqueeze(-1) * audio
