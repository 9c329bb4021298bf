"""The times of a video at which its frames are segmented."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

from .reading import VideoFacts

#: At one mask per second, the frame of second l is the one displayed at
#: l + 15/16 seconds, as in AVSBench@f7414af
#: ``preprocess_scripts/preprocess_s4.py``: 16 frames per second are extracted
#: and the last is kept, ``int(l * fps + 15 / 16 * fps)``.
FRAME_OFFSET_SECONDS = Fraction(15, 16)

#: Masks per second, or ``'full'``: one for every frame of the video.
MaskRate = int | Literal['full']


class MaskTimes:
    """Times at which a video is segmented, and the mask of each frame.

    At ``rate`` 1 there is one time per second, ``l + 15/16``, as in the
    published data, and its mask belongs to all frames of second ``l``. At a
    rate of N, there are N - 1 further times between two of these, at equal
    distances, so the times of rate 1 are among those of every rate. A frame
    then belongs to the time nearest to the middle of its display.

    Args:
        facts (VideoFacts): Of the video.
        rate (MaskRate): Masks per second, 1 or more. ``'full'`` gives every
            frame a mask of its own: the smallest N for which each frame is
            displayed at one of the times, for a video of constant rate its
            frames per second. N is at most twice the average frame rate; of
            a video whose frames follow each other faster at places, some
            frames then share a mask.

    Raises:
        ValueError: If ``rate`` is neither.
    """

    def __init__(self, facts: VideoFacts, rate: MaskRate = 1) -> None:
        if rate != 'full' and (not isinstance(rate, int) or rate < 1):
            raise ValueError(
                "the mask rate must be 'full' or a number of masks per "
                f'second, 1 or more, got {rate!r}.'
            )
        self.rate = _every_frame(facts) if rate == 'full' else rate
        self._num_seconds = facts.num_seconds
        self._duration = Fraction(facts.duration)
        self._half_frame = min(1 / Fraction(facts.fps), Fraction(1, self.rate))
        self._half_frame /= 2
        #: The first time; the greatest step back from 15/16 s.
        steps = math.floor(FRAME_OFFSET_SECONDS * self.rate)
        self._first = FRAME_OFFSET_SECONDS - Fraction(steps, self.rate)
        self._num_regular = max(
            math.ceil((self._duration - self._first) * self.rate), 0
        )
        # The last second may end before 15/16 of it; its last frame is
        # segmented, as in the published data.
        self._last = facts.num_seconds - 1 + FRAME_OFFSET_SECONDS
        if self._num_regular:
            before = self._regular(self._num_regular - 1)
            self._has_extra = before < self._last
        else:
            self._has_extra = True

    def __len__(self) -> int:
        """Return the number of masks."""
        if self.rate == 1:
            return self._num_seconds
        return self._num_regular + self._has_extra

    def __getitem__(self, index: int) -> Fraction:
        """Return the time of a mask, in seconds after the first frame."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self.rate > 1 and index == self._num_regular:
            return self._last
        return self._regular(index)

    def __iter__(self) -> Iterator[Fraction]:
        """Iterate over the times in order."""
        return (self[index] for index in range(len(self)))

    def index_of(self, seconds: Fraction) -> int:
        """Find the mask of a frame.

        Args:
            seconds (Fraction): When its display begins, in seconds after
                the first frame.

        Returns:
            int: Index of the mask.
        """
        if self.rate == 1:
            index = int(seconds)
        else:
            middle = (seconds + self._half_frame - self._first) * self.rate
            index = max(math.ceil(middle - Fraction(1, 2)), 0)
        return min(index, len(self) - 1)

    def span(self, index: int) -> tuple[float, float]:
        """Return the seconds for which a mask stands.

        Args:
            index (int): Index of the mask.

        Returns:
            tuple[float, float]: Start and end, at most the video's duration;
            the spans of all masks follow each other without a gap.
        """

        def start_of(index: int) -> Fraction:
            if index == 0:
                return Fraction(0)
            if index == len(self):
                return self._duration
            if self.rate == 1:
                return Fraction(index)
            middle = Fraction(1, 2) / self.rate
            return self._regular(index) - middle - self._half_frame

        start, end = start_of(index), start_of(index + 1)
        start = min(max(start, Fraction(0)), self._duration)
        return float(start), float(min(max(end, start), self._duration))

    def _regular(self, index: int) -> Fraction:
        return self._first + Fraction(index, self.rate)


def _every_frame(facts: VideoFacts) -> int:
    """Return the rate at which each frame is displayed at a time."""
    average = max(math.ceil(facts.fps), 1)
    return min(max(math.ceil(facts.peak_fps), average), 2 * average)
