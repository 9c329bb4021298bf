"""Divide frames and sound of any length into clips for a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np

#: Which second of sound a frame gets: the one in which it is displayed,
#: which is the sound of one mask per second, or the one around it.
SoundWindow = Literal['second', 'centred']


class Window(NamedTuple):
    """T frames, one second apart, that a model processes together.

    Attributes:
        frames (np.ndarray): (T, H, W, 3) uint8.
        time (Fraction): Time of the first frame, in seconds.
        numbers (tuple[int, ...]): Numbers of the T masks, in the order of
            all masks of the video.
        num_new (int): Number of frames, at the end, that no earlier window
            contains.
    """

    frames: np.ndarray
    time: Fraction
    numbers: tuple[int, ...]
    num_new: int


def cut_windows(
    frames: Iterable[np.ndarray], times: Iterable[Fraction], *, length: int
) -> Iterator[Window]:
    """Collect frames that are a whole number of seconds apart into windows.

    A model is trained with one frame per second. At N masks per second, the
    frames are therefore divided into N sequences of one frame per second, and
    each sequence is cut into windows on its own. The sequence of the times
    ``l + 15/16`` gives the windows of one mask per second, so its masks do
    not depend on N. The last window of a sequence overlaps the one before it
    so that it is full.

    Args:
        frames (Iterable[np.ndarray]): Frames (H, W, 3), in order.
        times (Iterable[Fraction]): Their times, from
            :class:`mmavs.video.MaskTimes`.
        length (int): T; less in sequences that are shorter.

    Yields:
        Window: As soon as it is full; at the end, the remaining ones.
    """
    sequences: dict[Fraction, _Sequence] = {}
    for number, (frame, time) in enumerate(zip(frames, times, strict=False)):
        sequence = sequences.setdefault(time % 1, _Sequence(length))
        sequence.add(frame, time, number)
        if sequence.num_new == length:
            yield sequence.take()
    for sequence in sequences.values():
        if sequence.num_new:
            yield sequence.take()


class _Sequence:
    """The last frames of a sequence with one frame per second."""

    def __init__(self, length: int) -> None:
        self._items: deque[tuple[np.ndarray, Fraction, int]] = deque(
            maxlen=length
        )
        self.num_new = 0

    def add(self, frame: np.ndarray, time: Fraction, number: int) -> None:
        self._items.append((frame, time, number))
        self.num_new += 1

    def take(self) -> Window:
        frames, times, numbers = zip(*self._items, strict=True)
        num_new, self.num_new = self.num_new, 0
        return Window(np.stack(frames), times[0], numbers, num_new)


def cut_sound(
    waveform: np.ndarray,
    sample_rate: int,
    window: Window,
    *,
    align: SoundWindow = 'second',
) -> np.ndarray:
    """Cut the sound of a window.

    With ``'second'``, the window gets what there is of its sound, as in a
    test on clips: the sound of a last, incomplete second is shorter. With
    ``'centred'``, sound that would lie before the beginning or after the end
    is mirrored, since a model would take zeros for silence.

    Args:
        waveform (np.ndarray): (S,), the whole sound.
        sample_rate (int): Samples per second.
        window (Window): T frames.
        align (SoundWindow): See :data:`SoundWindow`.

    Returns:
        np.ndarray: (s,), T seconds or, with ``'second'``, at most that.
    """
    num_samples = len(window.frames) * sample_rate
    if align == 'second':
        first = int(window.time) * sample_rate
        return waveform[first : first + num_samples]
    first = round((window.time - Fraction(1, 2)) * sample_rate)
    before = max(-first, 0)
    after = max(first + num_samples - len(waveform), 0)
    if before or after:
        waveform = np.pad(waveform, (before, after), mode='reflect')
    return waveform[first + before :][:num_samples]


class Clip(NamedTuple):
    """Input of a model.

    Attributes:
        frames (np.ndarray): (T, H, W, 3) uint8, RGB.
        sound (np.ndarray): (s,) floats, from the start of the first second.
        sample_rate (int): Samples per second.
        name (str): For error messages.
    """

    frames: np.ndarray
    sound: np.ndarray
    sample_rate: int
    name: str


class Sound(NamedTuple):
    """The whole sound, and how windows are cut from it.

    Attributes:
        waveform (np.ndarray): (S,) floats in [-1, 1].
        sample_rate (int): Samples per second.
        name (str): For error messages.
        align (SoundWindow): See :data:`SoundWindow`.
    """

    waveform: np.ndarray
    sample_rate: int
    name: str = 'the clip'
    align: SoundWindow = 'second'

    def clip_of(self, window: Window) -> Clip:
        """Add its sound to a window.

        Args:
            window (Window): T frames.

        Returns:
            Clip: Input of a model.
        """
        return Clip(
            window.frames,
            cut_sound(
                self.waveform, self.sample_rate, window, align=self.align
            ),
            self.sample_rate,
            name=f'{self.name} from second {int(window.time)}',
        )
