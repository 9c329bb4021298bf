"""Decode sound files and compute VGGish's log-mel examples.

Pure functions; the transforms that use them are in ``transforms/``.
The front end is VGGish's (https://arxiv.org/abs/1609.09430) as published for
AVSBench (``AVSBench@f7414af:avs_scripts/avs_s4/torchvggish``); AAVS,
AVSegFormer and TPAVI use it.
"""

from __future__ import annotations

import functools
import io
from typing import Literal

import numpy as np
import soundfile
from numpy.lib.stride_tricks import sliding_window_view

SAMPLE_RATE = 16000
#: Mel frames and mel bands of one example.
NUM_MEL_FRAMES, NUM_MEL_BANDS = 96, 64
#: 25 ms windows every 10 ms, zero-padded to the next power of two.
_WINDOW_SAMPLES, _HOP_SAMPLES, _FFT_SAMPLES = 400, 160, 512
_MEL_MIN_HZ, _MEL_MAX_HZ = 125.0, 7500.0
_LOG_OFFSET = 0.01
#: Samples of one example: 15600, or 0.975 s (0.96 s, and the last window
#: exceeds its hop by 15 ms).
MIN_SAMPLES = (NUM_MEL_FRAMES - 1) * _HOP_SAMPLES + _WINDOW_SAMPLES
#: Step between the starts of examples, and length of an example.
STEP_SECONDS = NUM_MEL_FRAMES * _HOP_SAMPLES / SAMPLE_RATE
EXAMPLE_SECONDS = MIN_SAMPLES / SAMPLE_RATE

#: Full scale is 1. Above this, samples are damaged or have another scale.
MAX_PEAK = 100
#: Below this, the header is damaged; resampling would fill the memory.
_MIN_RATE = 1000
#: Streaming writers leave sizes like 0xFFFFFFFF or 0x7FFFF024 in the header.
_STREAMED_RIFF_BYTES = 0x7FFFF000
#: What libsndfile reports for a flac without a length.
_UNKNOWN_SAMPLES = 2**63 - 1

ShortRule = Literal['repeat_last', 'zeros', 'error']
LongRule = Literal['cut', 'centre', 'error']


def check_header(content: bytes) -> None:
    """Raise ValueError if the file is unreadable, empty or truncated.

    Args:
        content (bytes): The whole wav or flac file.

    Raises:
        ValueError: If it is not a sound file, is empty, does not state its
            length, has less than 1000 samples a second, or is a wav that is
            shorter than its header says. A truncated flac is detected only
            when it is decoded.
    """
    try:
        info = soundfile.info(io.BytesIO(content))
    except soundfile.SoundFileError as error:
        raise _unreadable(error) from error
    if info.frames == 0:
        raise ValueError('it holds no samples')
    if info.frames >= _UNKNOWN_SAMPLES:
        raise ValueError(
            'its header does not say how long it is, because the encoder '
            'wrote into a pipe; encode it again into a file'
        )
    if info.samplerate < _MIN_RATE:
        raise ValueError(
            f'expected {_MIN_RATE} samples a second or more, its header says '
            f'{info.samplerate}; convert it again from its source'
        )
    # libsndfile reads a truncated wav without an error.
    riff_bytes = 8 + int.from_bytes(content[4:8], 'little')
    streamed = riff_bytes >= _STREAMED_RIFF_BYTES
    # Some writers count a final padding byte that they do not write.
    cut_off = len(content) + 1 < riff_bytes
    if content[:4] == b'RIFF' and cut_off and not streamed:
        raise ValueError(
            f'it is cut off: {len(content)} of {riff_bytes} bytes are there'
        )


def _unreadable(error: soundfile.SoundFileError) -> ValueError:
    # Without the repr of the object that soundfile reads from.
    text = getattr(error, 'error_string', str(error)).rstrip('.')
    return ValueError(
        f'not a readable wav or flac: {text}; replace or convert the file'
    )


def decode_channels(content: bytes) -> tuple[np.ndarray, int]:
    """Decode a wav or flac file.

    Integer samples of b bits are divided by 2^(b-1). For files of up to 16
    bits the result equals that of the published code exactly. That code
    truncates files of more bits to 16 and reads floating-point files as
    zeros; here both keep their values.

    Args:
        content (bytes): The whole file.

    Returns:
        tuple[np.ndarray, int]: Samples (S, C) float64, nominally in [-1, 1];
        and the rate in samples per second.

    Raises:
        ValueError: As :func:`check_header`, and if a flac is truncated.
    """
    check_header(content)
    try:
        return soundfile.read(
            io.BytesIO(content), dtype='float64', always_2d=True
        )
    except soundfile.SoundFileError as error:
        raise _unreadable(error) from error


def check_samples(samples: np.ndarray) -> None:
    """Check that samples are numbers of the usual scale.

    Args:
        samples (np.ndarray): Of any shape; full scale is 1.

    Raises:
        ValueError: If any sample is NaN, infinite or above 100.
    """
    peak = np.abs(samples).max(initial=0)
    if not np.isfinite(peak):
        raise ValueError('it holds samples that are not finite')
    if peak > MAX_PEAK:
        raise ValueError(
            f'expected sound samples in -1..1, got {peak:.3g}; divide samples '
            'of another scale by its largest value'
        )


def decode(content: bytes) -> tuple[np.ndarray, int]:
    """Decode a wav or flac file to mono.

    Args:
        content (bytes): The whole file.

    Returns:
        tuple[np.ndarray, int]: Samples (S,) float64, the mean of the
        channels; and the rate in samples per second.

    Raises:
        ValueError: As :func:`decode_channels`, and :func:`check_samples`.
    """
    channels, rate = decode_channels(content)
    check_samples(channels)
    return channels.mean(axis=1), rate


def resample(samples: np.ndarray, rate: int, target_rate: int) -> np.ndarray:
    """Resample with resampy's ``kaiser_best``, as the published code does.

    Args:
        samples (np.ndarray): (..., S) float64.
        rate (int): Samples per second of ``samples``.
        target_rate (int): Samples per second of the result.

    Returns:
        np.ndarray: (..., S * target_rate / rate) float64; ``samples`` itself
        when the rates are equal.
    """
    if rate == target_rate:
        return samples
    # Imported here because it loads numba, which is not needed for sound at
    # the target rate.
    import resampy

    return resampy.resample(
        samples, rate, target_rate, axis=-1, filter='kaiser_best'
    )


@functools.cache
def mel_matrix() -> np.ndarray:
    """Weights (257, 64) from magnitudes of FFT bins to HTK mel bands.

    Triangular filters, linear in mel, not in hertz; the weight of the 0 Hz
    bin is 0.
    """
    bins = _hertz_to_mel(
        np.linspace(0.0, SAMPLE_RATE / 2, _FFT_SAMPLES // 2 + 1)
    )[:, None]
    edges = np.linspace(
        _hertz_to_mel(_MEL_MIN_HZ),
        _hertz_to_mel(_MEL_MAX_HZ),
        NUM_MEL_BANDS + 2,
    )
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    weights.setflags(write=False)
    return weights


def _hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)


def log_mel_examples(samples: np.ndarray) -> np.ndarray:
    """Cut a waveform into VGGish's examples.

    Example i covers [0.96 i, 0.96 (i + 1) + 0.015] seconds: the step is
    0.96 s, not 1 s, as in every published system. Samples that do not fill an
    example are dropped.

    Args:
        samples (np.ndarray): (S,) float64 at 16 kHz.

    Returns:
        np.ndarray: (n, 1, 96, 64) float32, computed in float64: the natural
        logarithm of mel magnitude + 0.01, so silence is ln 0.01 = -4.605.
        n is 0 for less than ``MIN_SAMPLES``.
    """
    shape = (-1, 1, NUM_MEL_FRAMES, NUM_MEL_BANDS)
    if len(samples) < MIN_SAMPLES:
        return np.zeros((0, *shape[1:]), np.float32)
    windows = sliding_window_view(samples, _WINDOW_SAMPLES)[::_HOP_SAMPLES]
    windows = windows[: len(windows) // NUM_MEL_FRAMES * NUM_MEL_FRAMES]
    phase = 2 * np.pi / _WINDOW_SAMPLES * np.arange(_WINDOW_SAMPLES)
    hann = 0.5 - 0.5 * np.cos(phase)  # periodic, unlike np.hanning
    magnitude = np.abs(np.fft.rfft(windows * hann, _FFT_SAMPLES))
    log_mel = np.log(magnitude @ mel_matrix() + _LOG_OFFSET)
    return log_mel.reshape(shape).astype(np.float32)


def fit_examples(
    examples: np.ndarray,
    num_frames: int,
    *,
    short: ShortRule,
    long: LongRule,
) -> np.ndarray:
    """Give a clip exactly one example per frame.

    Args:
        examples (np.ndarray): (n, 1, 96, 64).
        num_frames (int): T.
        short (str): Rule for n < T. 'repeat_last' repeats the last example
            (S4 and MS3 of all published systems). 'zeros' pads with zeros
            (AVSS of AVSegFormer and TPAVI); note that zero is a moderately
            loud, featureless sound, whereas silence is -4.605. 'error' raises
            an error.
        long (str): Rule for n > T. 'cut' keeps the first T examples,
            'centre' those in the middle (the earlier ones if n - T is odd),
            'error' raises an error.

    Returns:
        np.ndarray: (T, 1, 96, 64).

    Raises:
        ValueError: If the rule is 'error', or if there is no example for
            'repeat_last' to repeat.
    """
    missing = num_frames - len(examples)
    if missing < 0:
        if long == 'error':
            raise ValueError(
                f'it gives {len(examples)} examples of 0.96 s for '
                f"{num_frames} frames; long='cut' keeps the first ones"
            )
        start = _first_example(len(examples), num_frames, long)
        return examples[start : start + num_frames]
    if missing == 0:
        return examples
    if short == 'error':
        raise ValueError(
            f'it gives {len(examples)} examples of 0.96 s for {num_frames} '
            "frames; short='repeat_last' or 'zeros' pads them"
        )
    if short == 'zeros':
        padding = np.zeros((1, *examples.shape[1:]), examples.dtype)
    elif len(examples) == 0:
        raise ValueError(
            'it is shorter than one example of 0.975 s, so there is nothing '
            "that short='repeat_last' could repeat"
        )
    else:
        padding = examples[-1:]
    return np.concatenate([examples, padding.repeat(missing, axis=0)])


def _first_example(num_examples: int, num_frames: int, long: LongRule) -> int:
    """Return the first example that a rule keeps."""
    if long == 'centre':
        return max(num_examples - num_frames, 0) // 2
    return 0


def example_spans(
    num_examples: int,
    num_frames: int,
    *,
    short: ShortRule,
    long: LongRule = 'cut',
) -> list[tuple[float, float] | None]:
    """Return the seconds that each example of :func:`fit_examples` covers.

    Args:
        num_examples (int): n, before fitting.
        num_frames (int): T.
        short (str): The rule given to :func:`fit_examples`.
        long (str): The rule given to :func:`fit_examples`.

    Returns:
        list[tuple[float, float] | None]: T pairs (start, end): example i
        covers [0.96 i, 0.96 i + 0.975]. A repeated example has the seconds of
        the original; rows of zeros have None.
    """
    start = _first_example(num_examples, num_frames, long)
    spans: list[tuple[float, float] | None] = [
        (index * STEP_SECONDS, index * STEP_SECONDS + EXAMPLE_SECONDS)
        for index in range(start, start + min(num_examples, num_frames))
    ]
    padding = spans[-1] if spans and short == 'repeat_last' else None
    return spans + [padding] * (num_frames - len(spans))
