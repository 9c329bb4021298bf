"""Check the sound of a clip."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from mmavs.datasets.log_mel import (
    EXAMPLE_SECONDS,
    SAMPLE_RATE,
    STEP_SECONDS,
    decode_channels,
)

from .file_state import find_fault
from .findings import Finding, Mending

_EIGHT_BITS = ('PCM_U8', 'PCM_S8', 'ULAW', 'ALAW')
#: A sound may be this much longer than its frames.
_SURPLUS_SECONDS = 1.0


def check_sound(
    path: str, num_seconds: int, clip: str, mending: Mending
) -> list[Finding]:
    """Decode the sound of a clip.

    Args:
        path (str): A wav or flac file.
        num_seconds (int): T, the number of frames.
        clip (str): Name of the clip.
        mending (Mending): Makes the commands.

    Returns:
        list[Finding]: What is wrong with it.
    """
    restore = mending.restore(path)
    fault = find_fault(path)
    if fault is not None:
        is_closed = fault.kind == 'permission'
        mend = mending.allow(path) if is_closed else restore
        kind = f'sound-{fault.kind}'
        return [Finding(kind, path, fault.text, mend, clip=clip)]
    content = Path(path).read_bytes()
    try:
        samples, rate = decode_channels(content)
    except ValueError as error:
        return [
            Finding(_kind(str(error)), path, str(error), restore, clip=clip)
        ]
    if not np.isfinite(samples).all():
        text = 'it holds samples that are not finite'
        return [Finding('sound-not-finite', path, text, restore, clip=clip)]
    coding = soundfile.info(io.BytesIO(content)).subtype
    remarks = _remarks(samples, rate, num_seconds)
    if coding in _EIGHT_BITS:
        remarks['sound-8-bit'] = (
            f'8-bit samples ({coding}): steps of 1/128 are audible noise, '
            'and the published readers expect 16 bits'
        )
    return [
        Finding(kind, path, text, restore, 'warning', clip)
        for kind, text in remarks.items()
    ]


def _kind(text: str) -> str:
    if 'no samples' in text:
        return 'sound-empty'
    return 'sound-cut' if 'cut off' in text else 'sound-unreadable'


def _remarks(
    samples: np.ndarray, rate: int, num_seconds: int
) -> dict[str, str]:
    """Describe sound that can be read but is unusual, by kind."""
    found = {}
    seconds = len(samples) / rate
    # The last of T examples ends here.
    needed = STEP_SECONDS * (num_seconds - 1) + EXAMPLE_SECONDS
    if seconds < needed:
        found['sound-short'] = (
            f'expected at least {needed:.3f} s for {num_seconds} frames, got '
            f'{seconds:.3f} s; the option short of LogMel says what follows'
        )
    if seconds > num_seconds + _SURPLUS_SECONDS:
        found['sound-long'] = (
            f'expected {num_seconds} s for {num_seconds} frames, got '
            f'{seconds:.3f} s; the end is not used'
        )
    if rate < SAMPLE_RATE:
        found['sound-rate'] = (
            f'expected {SAMPLE_RATE} samples per second or more, got {rate}; '
            'high frequencies are missing'
        )
    if not np.ptp(samples, axis=0).any():
        found['sound-silent'] = 'all samples are equal: it is silent'
    return found
