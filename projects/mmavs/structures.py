"""Data types that packages share: metadata keys, features, audio to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from torch import Tensor

#: Class id of pixels without a label. Only whole frames are unlabelled:
#: AVSBench labels only frame 0 of the training clips of v1s.
UNLABELLED = 255

#: Metainfo that every per-frame ``SegDataSample`` of a clip carries.
#: ``audio_span`` is an :data:`AudioSpan`.
CLIP_META_KEYS = (
    'clip_id',
    'subset',
    'split',
    'task',
    'frame_index',
    'num_frames',
    'sample_idx',
    'frame_path',
    'mask_path',
    'audio_path',
    'audio_span',
    'sound_from',
    'ori_shape',
    'img_shape',
    'pad_shape',
)

#: Start and end, in seconds, of the audio that one row covers; None for a
#: row that is zero padding.
AudioSpan = tuple[float, float] | None


class AudioFeatures(NamedTuple):
    """Output of an audio backbone for N rows of audio.

    Attributes:
        embed (Tensor): (N, A), one vector for each row.
        tokens (Tensor | None): (N, S, A), a sequence for each row; None if
            the backbone has none.
    """

    embed: Tensor
    tokens: Tensor | None = None


class VisualFeatures(NamedTuple):
    """Features of a batch of frames that do not depend on the sound.

    Attributes:
        maps (tuple[Tensor, ...]): L maps of the backbone and neck, as
            ``ClipFeatures.visual``, padding frames included.
        pixels (tuple | None): What the decode head's ``decode_pixels``
            returns for the frames that are not padding; None if the head has
            no such method.
    """

    maps: tuple[Tensor, ...]
    pixels: tuple | None = None


class ClipFeatures(NamedTuple):
    """Features of a batch of clips, time folded into the batch.

    The input of every decode head. ``N`` is the number of frames of all clips
    in the batch. Padding frames (``AVSDataPreprocessor(pad_clips_to=...)``)
    are removed, unless the head sets ``needs_padding = True``.

    Attributes:
        visual (tuple[Tensor, ...]): L maps (N, C_l, H_l, W_l), fine to coarse.
        audio_embed (Tensor): (N, audio_channels); row n is computed from the
            audio of frame n.
        mask_prior (Tensor | None): (N, 1, h, w) in [0, 1], stage two only.
        num_frames (tuple[int, ...]): Frames of each clip; sums to N. Modules
            that mix time steps use it to unfold the batch.
        valid (Tensor | None): (N,) bool, False for padding frames; None when
            there are none. Only valid frames have data samples.
        audio_tokens (Tensor | None): (N, S, audio_channels), from audio
            backbones that return :class:`AudioFeatures` with tokens.
    """

    visual: tuple[Tensor, ...]
    audio_embed: Tensor
    mask_prior: Tensor | None
    num_frames: tuple[int, ...]
    valid: Tensor | None = None
    audio_tokens: Tensor | None = None
    pixels: tuple | None = None

    def zero_padding(self, rows: Tensor) -> Tensor:
        """Set the rows of padding frames to zero.

        Args:
            rows (Tensor): (N, ...).

        Returns:
            Tensor: (N, ...), ``rows`` itself when there is no padding.
        """
        if self.valid is None:
            return rows
        flag = self.valid.to(rows.dtype)
        return rows * flag.view(-1, *[1] * (rows.dim() - 1))

    def drop_padding(self, rows: Tensor) -> Tensor:
        """Keep the rows of valid frames, which have a data sample.

        Args:
            rows (Tensor): (N, ...).

        Returns:
            Tensor: (number of valid frames, ...).
        """
        return rows if self.valid is None else rows[self.valid]

    def without_padding(self) -> ClipFeatures:
        """Remove the padding frames from every field.

        Returns:
            ClipFeatures: Features of the valid frames; ``num_frames`` counts
            the valid frames of each clip. ``self`` when there is no padding.
        """
        if self.valid is None:
            return self
        drop = self.drop_padding
        prior, tokens = self.mask_prior, self.audio_tokens
        clips = self.valid.split(self.num_frames)
        return ClipFeatures(
            visual=tuple(drop(level) for level in self.visual),
            audio_embed=drop(self.audio_embed),
            mask_prior=None if prior is None else drop(prior),
            num_frames=tuple(int(flags.sum()) for flags in clips),
            audio_tokens=None if tokens is None else drop(tokens),
            pixels=self.pixels,
        )


@dataclass(frozen=True)
class AudioPicture:
    """How to draw the audio rows of a clip of T frames.

    Attributes:
        label (str): Names the rows at the left of the sheet.
        panels (np.ndarray): T panels. (T, bands, steps) with the lowest band
            first for ``kind='image'``, (T, channels, samples) for
            ``'waveform'``.
        kind (str): ``'image'`` or ``'waveform'``.
    """

    label: str
    panels: np.ndarray
    kind: Literal['image', 'waveform'] = 'image'

    def __len__(self) -> int:
        """Number of frames T."""
        return len(self.panels)
