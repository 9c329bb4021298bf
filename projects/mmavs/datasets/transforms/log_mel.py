"""VGGish's log-mel examples, one per frame, with a cache on disk."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import get_args

import numpy as np
from mmengine.logging import print_log
from mmseg.registry import TRANSFORMS

from mmavs.atomic_file import atomic_path

from ...structures import AudioPicture
from ..log_mel import (
    NUM_MEL_BANDS,
    NUM_MEL_FRAMES,
    SAMPLE_RATE,
    LongRule,
    ShortRule,
    example_spans,
    fit_examples,
    log_mel_examples,
)
from ..waveform import Waveform
from .audio_front_end import AudioFrontEnd, AudioRows

#: Part of every cache key; increase it when log_mel.py's results change.
_LOG_MEL_VERSION = 1


@TRANSFORMS.register_module()
class LogMel(AudioFrontEnd):
    """Compute VGGish's input from a clip's sound, one example per frame.

    Required keys: ``waveform``, ``num_frames``.

    Added keys: ``log_mel`` (T, 1, 96, 64) float32; ``audio_spans``. Unless
    ``long='centre'`` applies, example t belongs to frame t, although it
    covers [0.96 t, 0.96 (t + 1) + 0.015] seconds; see
    :func:`mmavs.datasets.log_mel.log_mel_examples`.

    Args:
        short (str): 'repeat_last', 'zeros' or 'error': rule for clips whose
            sound is shorter than their frames. See
            :func:`mmavs.datasets.log_mel.fit_examples`; note that zero is not
            silence.
        long (str): 'cut', 'centre' or 'error': rule for clips whose sound is
            longer.
        cache_dir (str | None): Folder that caches the examples of each file,
            shared by all rules and numbers of frames. On a cache hit the
            sound is read but not decoded or resampled. Several processes may
            use it at the same time.

    Raises:
        ValueError: If a rule is unknown.
    """

    key = 'log_mel'

    def __init__(
        self,
        short: ShortRule = 'repeat_last',
        long: LongRule = 'cut',
        cache_dir: str | None = None,
    ) -> None:
        for name, rule, rules in (
            ('short', short, get_args(ShortRule)),
            ('long', long, get_args(LongRule)),
        ):
            if rule not in rules:
                raise ValueError(f'{name} must be in {rules}, got {rule!r}.')
        self.short: ShortRule = short
        self.long: LongRule = long
        self.cache_dir = None if cache_dir is None else Path(cache_dir)

    def make_rows(self, waveform: Waveform, num_frames: int) -> AudioRows:
        """Compute or read the examples and fit them to the frames.

        Args:
            waveform (Waveform): The clip's sound, mono at 16 kHz.
            num_frames (int): T.

        Returns:
            AudioRows: (T, 1, 96, 64) float32 and their seconds.

        Raises:
            ValueError: If the sound is not mono at 16 kHz, or a rule is
                ``'error'`` and applies.
        """
        if waveform.sample_rate != SAMPLE_RATE:
            raise ValueError(
                f'VGGish takes {SAMPLE_RATE} samples per second, got '
                f'{waveform.sample_rate}; set '
                f'LoadWaveform(sample_rate={SAMPLE_RATE})'
            )
        if not waveform.mono:
            raise ValueError(
                'VGGish takes mono sound, got every channel; set '
                'LoadWaveform(mono=True)'
            )
        examples = self._examples(waveform)
        spans = example_spans(
            len(examples), num_frames, short=self.short, long=self.long
        )
        rows = fit_examples(
            examples, num_frames, short=self.short, long=self.long
        )
        return AudioRows(rows, spans)

    def picture(self, rows: np.ndarray) -> AudioPicture:
        """Draw spectrograms, with time to the right and frequency upwards.

        Args:
            rows (np.ndarray): (T, 1, 96, 64).

        Returns:
            AudioPicture: T images of 64 bands.
        """
        # (T, 1, 96, 64) -> (T, 64, 96)
        panels = rows[:, 0].transpose(0, 2, 1)
        return AudioPicture(f'log-mel\n{NUM_MEL_BANDS} bands', panels)

    def _examples(self, waveform: Waveform) -> np.ndarray:
        if self.cache_dir is None:
            return log_mel_examples(waveform.samples)
        path = self.cache_dir / f'{waveform.digest}-{_LOG_MEL_VERSION}.logmel'
        examples = _read_cache(path)
        if examples is None:
            examples = log_mel_examples(waveform.samples)
            _write_cache(path, examples)
        return examples

    def __repr__(self) -> str:
        cache_dir = None if self.cache_dir is None else str(self.cache_dir)
        return (
            f'{type(self).__name__}(short={self.short!r}, '
            f'long={self.long!r}, cache_dir={cache_dir!r})'
        )


_CHECKSUM_BYTES = 16


def _checksum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_CHECKSUM_BYTES).digest()


def _read_cache(path: Path) -> np.ndarray | None:
    """Examples of a cache file; None if there is none or it is damaged.

    A file counts as damaged, and is replaced, only if its content does not
    match its checksum. Any other fault raises an error.
    """
    if not path.is_file():
        return None
    content = path.read_bytes()
    checksum, payload = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    if checksum != _checksum(payload):
        print_log(
            f'{path} is damaged (wrong checksum); it is computed again.',
            logger='current',
            level=logging.WARNING,
        )
        return None
    examples = np.frombuffer(payload, '<f4')
    # An array over bytes is read-only, which torch warns about.
    return examples.reshape(-1, 1, NUM_MEL_FRAMES, NUM_MEL_BANDS).copy()


def _write_cache(path: Path, examples: np.ndarray) -> None:
    """Write a cache file atomically."""
    payload = examples.astype('<f4').tobytes()
    with atomic_path(path) as part:
        part.write_bytes(_checksum(payload) + payload)
