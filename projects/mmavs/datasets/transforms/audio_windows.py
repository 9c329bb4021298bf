"""Windows of raw waveform, one per frame."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from mmseg.registry import TRANSFORMS

from ...structures import AudioPicture, AudioSpan
from ..log_mel import EXAMPLE_SECONDS, STEP_SECONDS, ShortRule
from ..waveform import Waveform
from .audio_front_end import AudioFrontEnd, AudioRows

Grid = Literal['frames', 'vggish']
EdgeRule = Literal['silence', 'error']

#: Centre of window 0 and step to the next, in seconds.
_GRIDS = {
    'frames': (0.5, 1.0),
    'vggish': (EXAMPLE_SECONDS / 2, STEP_SECONDS),
}


@TRANSFORMS.register_module()
class AudioWindows(AudioFrontEnd):
    """Cut the raw waveform into windows centred on frames.

    For encoders that have their own front end, such as
    :class:`mmavs.models.TransformersAudio`. Sample rate and channels are set
    by ``LoadWaveform(sample_rate=..., mono=...)``.

    Required keys: ``waveform``, ``num_frames``.

    Added keys: ``audio_windows`` (T, C, S) float32, nominally in [-1, 1];
    C is 1 for mono sound, S is ``seconds`` times the sample rate;
    ``audio_spans``.

    Args:
        seconds (float): Length of a window.
        grid (str): Centres of the windows. ``'frames'``: window t at
            t + 0.5 s, the middle of the second of frame t. ``'vggish'``: at
            0.96 t + 0.4875 s, the middle of example t of ``LogMel``.
        edge (str): Rule for windows that extend beyond the sound, as the
            first and last do if ``seconds`` exceeds 1. ``'silence'`` pads
            with zeros, ``'error'`` raises an error.
        short (str): Rule for windows whose centre is after the end of the
            sound. ``'repeat_last'`` repeats the last window before them,
            ``'zeros'`` uses windows of zeros, which are silence, ``'error'``
            raises an error.

    Raises:
        ValueError: If ``seconds`` is not positive or a rule is unknown.
    """

    key = 'audio_windows'

    def __init__(
        self,
        seconds: float,
        *,
        grid: Grid = 'frames',
        edge: EdgeRule = 'silence',
        short: ShortRule = 'repeat_last',
    ) -> None:
        if seconds <= 0:
            raise ValueError(f'seconds must be positive, got {seconds}.')
        for name, rule, rules in (
            ('grid', grid, get_args(Grid)),
            ('edge', edge, get_args(EdgeRule)),
            ('short', short, get_args(ShortRule)),
        ):
            if rule not in rules:
                raise ValueError(f'{name} must be in {rules}, got {rule!r}.')
        self.seconds = seconds
        self.grid: Grid = grid
        self.edge: EdgeRule = edge
        self.short: ShortRule = short

    def make_rows(self, waveform: Waveform, num_frames: int) -> AudioRows:
        """Cut the windows.

        Args:
            waveform (Waveform): The clip's sound.
            num_frames (int): T.

        Returns:
            AudioRows: (T, C, S) float32 and the seconds of sound in each,
            without silence added at an edge.

        Raises:
            ValueError: If a rule is ``'error'`` and applies, or there is no
                window for ``'repeat_last'`` to repeat.
        """
        rate = waveform.sample_rate
        samples = np.atleast_2d(waveform.samples).astype(np.float32)
        size = round(self.seconds * rate)
        first, step = _GRIDS[self.grid]
        centres = [round((first + step * t) * rate) for t in range(num_frames)]
        covered = [c for c in centres if c < samples.shape[1]]
        windows, spans = [], []
        for centre in covered:
            window, span = self._cut(samples, centre - size // 2, size, rate)
            windows.append(window)
            spans.append(span)
        missing = num_frames - len(covered)
        if missing:
            padding = self._padding(windows, spans, num_frames)
            shape = (samples.shape[0], size)
            window, span = padding or (np.zeros(shape, np.float32), None)
            windows += [window] * missing
            spans += [span] * missing
        return AudioRows(np.stack(windows), spans)

    def _cut(
        self, samples: np.ndarray, start: int, size: int, rate: int
    ) -> tuple[np.ndarray, AudioSpan]:
        """Cut a window (C, size) that has at least one sample of sound."""
        low, high = max(start, 0), min(start + size, samples.shape[1])
        if self.edge == 'error' and high - low < size:
            raise ValueError(
                f'a window of {self.seconds} s from {start / rate:g} s '
                f'reaches beyond the sound of {samples.shape[1] / rate:g} s; '
                "edge='silence' puts zeros there"
            )
        window = np.zeros((len(samples), size), np.float32)
        window[:, low - start : high - start] = samples[:, low:high]
        return window, (low / rate, high / rate)

    def _padding(
        self,
        windows: list[np.ndarray],
        spans: list[AudioSpan],
        num_frames: int,
    ) -> tuple[np.ndarray, AudioSpan] | None:
        """Return the window to repeat, or None for a window of zeros."""
        if self.short == 'zeros':
            return None
        if self.short == 'error':
            raise ValueError(
                f'it holds the centre of {len(windows)} windows for '
                f"{num_frames} frames; short='repeat_last' or 'zeros' pads "
                'them'
            )
        if not windows:
            raise ValueError(
                'it ends before the centre of the first window, so there is '
                "nothing that short='repeat_last' could repeat"
            )
        return windows[-1], spans[-1]

    def picture(self, rows: np.ndarray) -> AudioPicture:
        """Draw waveforms, one line per channel.

        Args:
            rows (np.ndarray): (T, C, S).

        Returns:
            AudioPicture: T panels.
        """
        return AudioPicture(f'waveform\n{self.seconds:g} s', rows, 'waveform')

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(seconds={self.seconds}, '
            f'grid={self.grid!r}, edge={self.edge!r}, short={self.short!r})'
        )
