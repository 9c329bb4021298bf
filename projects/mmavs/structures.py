"""What flows between the rooms: clip metadata keys and model features."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

#: Class id of pixels whose class nobody wrote down. Always whole frames:
#: AVSBench labels only frame 0 of the training clips of v1s.
UNLABELLED = 255

#: Metainfo that every per-frame ``SegDataSample`` of a clip carries.
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
    'ori_shape',
    'img_shape',
    'pad_shape',
)


class ClipFeatures(NamedTuple):
    """Features of a batch of clips, time folded into the batch.

    The one argument that every decode head takes. ``N`` is the number of
    frames of all clips in the batch.

    Attributes:
        visual (tuple[Tensor, ...]): L maps (N, C_l, H_l, W_l), fine to coarse.
        audio_embed (Tensor): (N, audio_channels); row n is the second of
            sound that belongs to frame n.
        mask_prior (Tensor | None): (N, 1, h, w) in [0, 1], stage two only.
        num_frames (tuple[int, ...]): Frames of each clip, those that only pad
            included; sums to N. A module that mixes time unfolds with it.
        valid (Tensor | None): (N,) bool, False for frames that only pad
            their clip (``AVSDataPreprocessor(pad_clips_to=...)``); None when
            there are none. Data samples exist for valid frames alone.
    """

    visual: tuple[Tensor, ...]
    audio_embed: Tensor
    mask_prior: Tensor | None
    num_frames: tuple[int, ...]
    valid: Tensor | None = None

    def zero_padding(self, rows: Tensor) -> Tensor:
        """Set the rows of frames that only pad to zero.

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
        """Keep the rows that have a data sample.

        Args:
            rows (Tensor): (N, ...).

        Returns:
            Tensor: (number of valid frames, ...).
        """
        return rows if self.valid is None else rows[self.valid]
