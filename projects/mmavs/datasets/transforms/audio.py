"""Sound of a clip: from its file to one log-mel example per frame."""

from __future__ import annotations

import functools
import hashlib
import io
import logging
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np
import soundfile
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmseg.registry import TRANSFORMS

from mmavs.atomic_file import atomic_path

from ..log_mel import (
    NUM_MEL_BANDS,
    NUM_MEL_FRAMES,
    SAMPLE_RATE,
    LongRule,
    ShortRule,
    check_header,
    decode,
    fit_examples,
    log_mel_examples,
    resample,
)

#: Part of every cache key; raise it when the numbers of log_mel.py change.
_LOG_MEL_VERSION = 1
_LAYOUT = '<data_root>/<subset>/<clip_id>/audio.wav'


@functools.cache
def _resampy_version() -> str:
    # Releases of resampy differ by up to 0.4 in the top mel band.
    return version('resampy')


class Waveform:
    """The sound of a clip, decoded and resampled only when it is asked for.

    Args:
        content (bytes): The whole wav or flac file.
        sample_rate (int): Samples per second of :attr:`samples`.
        origin (str): What error messages call it, such as its path.

    Raises:
        ValueError: If its header is not that of a sound file, or announces
            no samples.
    """

    def __init__(
        self,
        content: bytes,
        *,
        sample_rate: int = SAMPLE_RATE,
        origin: str = 'sound in memory',
    ) -> None:
        try:
            check_header(content)
        except ValueError as error:
            raise ValueError(f'{origin}: {error}.') from error
        self._content = content
        self.sample_rate = sample_rate
        self.origin = origin

    @classmethod
    def from_samples(
        cls,
        samples: np.ndarray,
        rate: int,
        *,
        sample_rate: int = SAMPLE_RATE,
        origin: str = 'sound in memory',
    ) -> Waveform:
        """Wrap samples that do not come from a file, such as a video's sound.

        Args:
            samples (np.ndarray): (S,) or (S, channels), floats in [-1, 1].
            rate (int): Their samples per second.
            sample_rate (int): Samples per second of :attr:`samples`.
            origin (str): What error messages call it.

        Returns:
            Waveform: The wrapped sound.
        """
        file = io.BytesIO()
        soundfile.write(file, samples, rate, subtype='DOUBLE', format='WAV')
        return cls(file.getvalue(), sample_rate=sample_rate, origin=origin)

    @functools.cached_property
    def digest(self) -> str:
        """Hexadecimal digest of the file's bytes and the load parameters."""
        loading = f'|{self.sample_rate}|kaiser_best|{_resampy_version()}'
        digest = hashlib.blake2b(self._content, digest_size=16)
        digest.update(loading.encode())
        return digest.hexdigest()

    @functools.cached_property
    def samples(self) -> np.ndarray:
        """(S,) float64, mono, nominally in [-1, 1], at ``sample_rate``.

        Raises:
            ValueError: If the content cannot be decoded; names ``origin``.
        """
        try:
            samples, rate = decode(self._content)
        except ValueError as error:
            raise ValueError(f'{self.origin}: {error}.') from error
        return resample(samples, rate, self.sample_rate)


@TRANSFORMS.register_module()
class LoadWaveform(BaseTransform):
    """Read the sound file of a clip, decoding nothing yet.

    Required keys: ``audio_path``, ``subset``, ``clip_id``.

    Added keys: ``waveform`` (:class:`Waveform`).

    Args:
        sample_rate (int): Samples per second after loading.
    """

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        self.sample_rate = sample_rate

    def transform(self, results: dict) -> dict:
        """Read the bytes and look at the header.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``waveform``.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If its header is not that of a sound file.
        """
        path = Path(results['audio_path'])
        clip = f'clip {results["clip_id"]!r} of subset {results["subset"]!r}'
        if not path.is_file():
            raise FileNotFoundError(
                f'The sound of {clip} is missing: {path}; expected layout: '
                f'{_LAYOUT}.'
            )
        results['waveform'] = Waveform(
            path.read_bytes(),
            sample_rate=self.sample_rate,
            origin=f'The sound of {clip} ({path}, layout {_LAYOUT})',
        )
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(sample_rate={self.sample_rate})'


@TRANSFORMS.register_module()
class LogMel(BaseTransform):
    """Turn a clip's sound into VGGish's input, one example per frame.

    Required keys: ``waveform``, ``num_frames``.

    Added keys: ``log_mel`` (T, 1, 96, 64) float32. Example t belongs to
    frame t, although it covers [0.96 t, 0.96 (t + 1) + 0.015] seconds; see
    :func:`mmavs.datasets.log_mel.log_mel_examples`.

    Args:
        short (str): 'repeat_last', 'zeros' or 'error'; what happens to clips
            whose sound is shorter than their frames. See
            :func:`mmavs.datasets.log_mel.fit_examples`; note that zero is not
            silence.
        long (str): 'cut' or 'error', for clips whose sound is longer.
        cache_dir (str | None): Folder that keeps the examples of each file,
            shared by all rules and numbers of frames. On a hit the sound is
            read but neither decoded nor resampled. Safe with many processes.
    """

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

    def transform(self, results: dict) -> dict:
        """Compute or recall the examples and fit them to the frames.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``log_mel``.

        Raises:
            ValueError: If the sound cannot be decoded, is not at 16 kHz, or
                does not fit the frames by the rules.
        """
        waveform: Waveform = results['waveform']
        if waveform.sample_rate != SAMPLE_RATE:
            raise ValueError(
                f'{waveform.origin}: VGGish takes {SAMPLE_RATE} samples per '
                f'second, got {waveform.sample_rate}; set '
                f'LoadWaveform(sample_rate={SAMPLE_RATE}).'
            )
        examples = self._examples(waveform)
        try:
            results['log_mel'] = fit_examples(
                examples,
                results['num_frames'],
                short=self.short,
                long=self.long,
            )
        except ValueError as error:
            raise ValueError(f'{waveform.origin}: {error}.') from error
        return results

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

    A file counts as damaged, and is replaced, only if its content disagrees
    with its own checksum. Everything else that goes wrong is raised.
    """
    if not path.is_file():
        return None
    content = path.read_bytes()
    checksum, payload = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    if checksum != _checksum(payload):
        print_log(
            f'{path} is damaged (its checksum is wrong): computed anew.',
            logger='current',
            level=logging.WARNING,
        )
        return None
    examples = np.frombuffer(payload, '<f4')
    # Copied: an array over bytes is read-only, which torch warns of.
    return examples.reshape(-1, 1, NUM_MEL_FRAMES, NUM_MEL_BANDS).copy()


def _write_cache(path: Path, examples: np.ndarray) -> None:
    """Write a cache file that is never seen half-written."""
    payload = examples.astype('<f4').tobytes()
    with atomic_path(path) as part:
        part.write_bytes(_checksum(payload) + payload)
