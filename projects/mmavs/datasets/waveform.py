"""The sound of a clip, decoded only when its samples are needed."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import version
from typing import NamedTuple

import numpy as np

from .log_mel import (
    SAMPLE_RATE,
    check_header,
    check_samples,
    decode_channels,
    resample,
)


class SoundError(ValueError):
    """Sound that cannot be read; the message names its origin."""


class DecodedSound(NamedTuple):
    """Samples that do not come from a file.

    Attributes:
        channels (np.ndarray): (S, C) float64, nominally in [-1, 1].
        rate (int): Samples per second.
    """

    channels: np.ndarray
    rate: int


@functools.cache
def _resampy_version() -> str:
    # Releases of resampy differ by up to 0.4 in the top mel band.
    return version('resampy')


class Waveform:
    """Sound at a given sample rate, decoded and resampled when needed.

    Args:
        content (bytes | DecodedSound): The whole wav or flac file, or samples
            (see :meth:`from_samples`).
        sample_rate (int): Samples per second of :attr:`samples`.
        mono (bool): Whether :attr:`samples` is the mean of the channels.
        origin (str): Name of the sound in error messages, such as its path.

    Raises:
        SoundError: If the header is not that of a sound file, or there are
            no samples.
    """

    def __init__(
        self,
        content: bytes | DecodedSound,
        *,
        sample_rate: int = SAMPLE_RATE,
        mono: bool = True,
        origin: str = 'sound in memory',
    ) -> None:
        self._content = content
        self.sample_rate = sample_rate
        self.mono = mono
        self.origin = origin
        if isinstance(content, bytes):
            try:
                check_header(content)
            except ValueError as error:
                raise SoundError(f'{origin}: {error}.') from error
        elif not content.channels.size:
            raise SoundError(f'{origin}: it holds no samples.')

    @classmethod
    def from_samples(
        cls,
        samples: np.ndarray,
        rate: int,
        *,
        sample_rate: int = SAMPLE_RATE,
        mono: bool = True,
        origin: str = 'sound in memory',
    ) -> Waveform:
        """Wrap samples that do not come from a file, such as a video's sound.

        Args:
            samples (np.ndarray): (S,) or (S, C), floats in [-1, 1].
            rate (int): Their samples per second.
            sample_rate (int): Samples per second of :attr:`samples`.
            mono (bool): Whether :attr:`samples` is the mean of the channels.
            origin (str): Name of the sound in error messages.

        Returns:
            Waveform: The wrapped sound.

        Raises:
            SoundError: If the samples are not floats, have another shape, or
                are empty.
        """
        if samples.ndim not in (1, 2) or samples.dtype.kind != 'f':
            raise SoundError(
                f'{origin}: expected samples (S,) or (S, C) of floats, got '
                f'{samples.shape} {samples.dtype}; divide 16-bit integers by '
                '32768.'
            )
        channels = samples[:, None] if samples.ndim == 1 else samples
        channels = np.ascontiguousarray(channels, np.float64)
        return cls(
            DecodedSound(channels, rate),
            sample_rate=sample_rate,
            mono=mono,
            origin=origin,
        )

    @functools.cached_property
    def digest(self) -> str:
        """Hexadecimal digest of the sound and the load parameters."""
        digest = hashlib.blake2b(digest_size=16)
        if isinstance(self._content, bytes):
            digest.update(self._content)
        else:
            channels, rate = self._content
            digest.update(channels.tobytes())
            digest.update(f'|samples{channels.shape}|{rate}'.encode())
        loading = f'|{self.sample_rate}|kaiser_best|{_resampy_version()}'
        if not self.mono:
            loading += '|channels'
        digest.update(loading.encode())
        return digest.hexdigest()

    @functools.cached_property
    def samples(self) -> np.ndarray:
        """Samples at ``sample_rate``, float64, nominally in [-1, 1].

        (S,), the mean of the channels, if ``mono``, else (C, S).

        Raises:
            SoundError: If the content cannot be decoded.
        """
        try:
            channels, rate = self._decode()
            check_samples(channels)
        except ValueError as error:
            raise SoundError(f'{self.origin}: {error}.') from error
        if self.mono:
            return resample(channels.mean(axis=1), rate, self.sample_rate)
        return resample(
            np.ascontiguousarray(channels.T), rate, self.sample_rate
        )

    def _decode(self) -> tuple[np.ndarray, int]:
        """Return (S, C) float64 and the samples per second."""
        if isinstance(self._content, bytes):
            return decode_channels(self._content)
        return self._content
