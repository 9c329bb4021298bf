"""Temporal pixel-wise audio-visual interaction, without its large matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor

ATTEND = ('audio', 'visual', 'both')


def split_windows(num_frames: Sequence[int], window: int | None) -> list[int]:
    """Divide clips into windows of frames that attend to each other.

    A window never crosses the end of a clip. The last window of a clip whose
    length is not a multiple of ``window`` is shorter: clips of (7, 5) frames
    with a window of 5 give 5, 2, 5.

    Args:
        num_frames (Sequence[int]): Frames of each clip.
        window (int | None): Frames of a window; None uses whole clips.

    Returns:
        list[int]: Frames of each window, in order.
    """
    lengths: list[int] = []
    for total in num_frames:
        size = window or total
        lengths += [
            min(size, total - start) for start in range(0, total, size)
        ]
    return lengths


class TPAVIBlock(BaseModule):
    """Let every pixel attend to the audio of all frames of its window.

    The non-local block of AVSBench (https://arxiv.org/abs/2207.05042,
    section 4.2), ``mode='dot'``. With x a window of t frames of h*w pixels,
    a its projected sound and n = t*h*w::

        z = LayerNorm(x + BN(out_proj(theta(x)^T phi(a) g(x) / n)))

    The published code repeats the audio over all pixels and computes
    theta^T phi as an n x n matrix: 15680^2 numbers for five frames of 56x56.
    But phi is equal for all pixels of a frame, so the matrix has only t
    different columns, and with G_s the mean of g over frame s::

        theta_p^T phi(a) g(x) / n = 1/t sum_s (theta_p . phi_s) G_s

    exactly. All four projections are linear without an operation in between,
    so theta and out_proj need not be applied to pixels either: they are
    applied to phi_s and G_s, t vectors each. Per pixel, only t scores remain.

    Behaviour follows ``AVSBench@f7414af:avs_scripts/avss/model/TPAVI.py``;
    reimplemented, no code taken.

    Args:
        channels (int): Width C of the visual map.
        audio_channels (int): Width of the audio embedding.
        audio_bias (bool): Whether ``audio_proj`` has a bias: as published,
            True for S4 and MS3, False for AVSS.
        attend (str): ``'audio'`` as published; ``'visual'`` attends to the
            frames instead of the audio; ``'both'`` is the mean of the two.
        norm_cfg (dict): Norm of the attended map; its affine parameters are
            initialised to zero.

    Raises:
        ValueError: If ``attend`` is unknown.
    """

    def __init__(
        self,
        channels: int,
        audio_channels: int = 128,
        *,
        audio_bias: bool = True,
        attend: Literal['audio', 'visual', 'both'] = 'audio',
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        if attend not in ATTEND:
            raise ValueError(f'attend must be one of {ATTEND}, got {attend!r}')
        self.attend = attend
        hidden = channels // 2
        if attend != 'visual':
            self.audio_proj = nn.Linear(
                audio_channels, channels, bias=audio_bias
            )
        self.theta = nn.Linear(channels, hidden)
        self.phi = nn.Linear(channels, hidden)
        self.g = nn.Linear(channels, hidden)
        self.out_proj = nn.Linear(hidden, channels)
        self.bn = build_norm_layer(norm_cfg or dict(type='BN'), channels)[1]
        # At initialisation the block is a LayerNorm of its input.
        nn.init.zeros_(self.bn.weight)
        nn.init.zeros_(self.bn.bias)
        self.norm = nn.LayerNorm(channels)

    def forward(
        self, x: Tensor, audio_embed: Tensor, windows: Sequence[int]
    ) -> tuple[Tensor, Tensor | None]:
        """Attend within windows.

        Args:
            x (Tensor): (N, C, H, W), frames of all windows.
            audio_embed (Tensor): (N, audio_channels).
            windows (Sequence[int]): Frames of each; sums to N. See
                :func:`split_windows`.

        Returns:
            tuple[Tensor, Tensor | None]: The map (N, C, H, W) and the
            projected audio (N, C), None if the block does not use audio.
        """
        audio = None
        results = []
        if self.attend != 'audio':
            results.append(self._add(x, self._attend_frames(x, windows)))
        if self.attend != 'visual':
            audio = self.audio_proj(audio_embed)
            results.append(self._add(x, self._attend_sound(x, audio, windows)))
        return sum(results[1:], results[0]) / len(results), audio

    def _attend_sound(
        self, x: Tensor, audio: Tensor, windows: Sequence[int]
    ) -> Tensor:
        """Compute out_proj(theta(x)^T phi(a) g(x) / n), (N, C, H, W)."""
        sizes = list(windows)
        pixels = x.flatten(2)  # (N, C, H*W)
        phi = self.phi(audio)  # (N, C/2)
        # theta(x) . phi = x . (theta.weight^T phi) + theta.bias . phi
        keys = phi @ self.theta.weight  # (N, C)
        offsets = phi @ self.theta.bias  # (N,)
        values = self.g(pixels.mean(-1)) @ self.out_proj.weight.T  # (N, C)
        attended = []
        for frames, key, offset, value in zip(
            pixels.split(sizes),
            keys.split(sizes),
            offsets.split(sizes),
            values.split(sizes),
            strict=True,
        ):
            scores = key @ frames + offset[:, None]  # (t, t, H*W)
            attended.append((value / len(value)).T @ scores)
        out = torch.cat(attended) + self.out_proj.bias[:, None]
        return out.view_as(x)

    def _attend_frames(self, x: Tensor, windows: Sequence[int]) -> Tensor:
        """Compute the same with x instead of a: theta^T (phi g^T) / n."""
        attended = []
        for frames in x.split(list(windows)):
            pixels = frames.permute(0, 2, 3, 1).flatten(0, 2)  # (n, C)
            phi, g = self.phi(pixels), self.g(pixels)
            out = self.out_proj(self.theta(pixels) @ (phi.T @ g / len(pixels)))
            attended.append(out.view(len(frames), *x.shape[2:], -1))
        return torch.cat(attended).permute(0, 3, 1, 2)

    def _add(self, x: Tensor, attended: Tensor) -> Tensor:
        out = (x + self.bn(attended)).permute(0, 2, 3, 1)
        return self.norm(out).permute(0, 3, 1, 2)
