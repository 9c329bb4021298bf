"""Does the model listen? The same video with another sound."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import soundfile

from ..datasets.transforms.replace_sound import replace_samples
from ..video import ScannedVideo
from .segmentation import Segmentation

#: Silence, noise as loud as the video's sound, or another video's sound.
Sound = Literal['muted', 'noise', 'other']
SOUNDS: tuple[Sound, ...] = get_args(Sound)


def replace_sound(
    video: ScannedVideo, sound: Sound, other: ScannedVideo | None = None
) -> ScannedVideo:
    """Give a video another sound of the same length.

    Args:
        video (ScannedVideo): The video.
        sound (Sound): ``'muted'``: zeros. ``'noise'``: white Gaussian noise
            with the RMS of the video's sound, seeded by the video's name, as
            in ``ReplaceSound``. ``'other'``: the sound of ``other``; it is
            repeated if it is shorter.
        other (ScannedVideo | None): Another video, for ``'other'``.

    Returns:
        ScannedVideo: The same picture with the new sound.

    Raises:
        ValueError: If ``sound`` is ``'other'`` and there is none.
    """
    if sound == 'other':
        if other is None:
            raise ValueError(
                'expected another video, whose sound replaces that of the '
                'first one, got none; upload one.'
            )
        rate = other.facts.sound_rate
        seconds = len(video.waveform) / video.facts.sound_rate
        return ScannedVideo(
            video.facts._replace(sound_rate=rate),
            np.resize(other.waveform, round(seconds * rate)),
        )
    kind = 'silence' if sound == 'muted' else 'noise'
    samples = replace_samples(video.waveform, kind, video.facts.path.name)
    return video._replace(waveform=samples.astype(np.float32))


def write_sound(video: ScannedVideo, out: Path) -> None:
    """Write the sound of a video as 16-bit wav.

    Args:
        video (ScannedVideo): The video.
        out (Path): The file; samples outside [-1, 1] are clipped.
    """
    samples = video.waveform.clip(-1, 1)
    soundfile.write(out, samples, video.facts.sound_rate, subtype='PCM_16')


class Agreement(NamedTuple):
    """How much the masks of two sounds have in common.

    Attributes:
        iou (float): Mean IoU of the masks; pixels agree if they have the same
            class, and two empty masks agree. 1: the sound changes nothing.
        area (float): Mean part of the picture that is marked with the
            video's own sound, 0..1.
        other_area (float): The same with the other sound.
    """

    iou: float
    area: float
    other_area: float


def compare(
    own: Segmentation, other: Segmentation, threshold: float
) -> Agreement:
    """Compare the masks of two sounds of a video.

    Args:
        own (Segmentation): With the video's sound.
        other (Segmentation): With another sound, at the same times.
        threshold (float): See :class:`.StoredMasks`.

    Returns:
        Agreement: Means over all masks.
    """
    rows = []
    for a, b in zip(
        own.masks_at(threshold), other.masks_at(threshold), strict=True
    ):
        union = ((a > 0) | (b > 0)).sum()
        common = ((a == b) & (a > 0)).sum()
        iou = common / union if union else 1.0
        rows.append((iou, (a > 0).mean(), (b > 0).mean()))
    return Agreement(*np.mean(rows, axis=0).tolist())
