"""The two tracks of a video on one time line."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame

#: Sound that jumps ahead by more than this has a hole, heard as silence;
#: less is the rounding of time stamps.
_MAX_JITTER_SECONDS = 0.05


def time_of(frame: VideoFrame | AudioFrame) -> Fraction:
    """Give the time stamp of a frame in seconds.

    Args:
        frame (VideoFrame | AudioFrame): A decoded frame.

    Returns:
        Fraction: Its time on the clock of the file.

    Raises:
        ValueError: If it has none, as in bare streams without a container.
    """
    if frame.pts is None or frame.time_base is None:
        raise ValueError(
            f'expected a video whose frames carry time stamps, got {frame} '
            'without one; `ffmpeg -fflags +genpts` makes them.'
        )
    return frame.pts * frame.time_base


class PictureSpan:
    """Number of frames and time stamps of a picture track, undecoded."""

    def __init__(self) -> None:
        self.num_frames = 0
        self.last = Fraction(0)
        self.end = Fraction(0)

    def add(self, packet: av.Packet) -> None:
        """Count a packet."""
        # AVI stores no time of display, only the order of decoding.
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None or packet.is_discard:
            return
        self.num_frames += 1
        duration = packet.duration or 0
        self.last = max(self.last, stamp * packet.time_base)
        self.end = max(self.end, (stamp + duration) * packet.time_base)


class SoundTrack:
    """Decodes a sound track to mono.

    Args:
        stream (AudioStream): The track.
    """

    def __init__(self, stream: AudioStream) -> None:
        self._stream = stream
        self.rate = stream.rate
        self.start: Fraction | None = None
        self._chunks: list[np.ndarray] = []
        self._num_samples = 0
        self._resampler = av.AudioResampler(
            format='fltp', layout=stream.layout, rate=stream.rate
        )

    @property
    def end(self) -> Fraction:
        """Time stamp, in seconds, of the end of what was decoded."""
        return (self.start or 0) + Fraction(self._num_samples, self.rate)

    def add(self, packet: av.Packet) -> None:
        """Decode a packet."""
        for decoded in self._stream.decode(packet):
            self._jump_to(time_of(decoded))
            for frame in self._resampler.resample(decoded):
                # The mean, as VGGish mixes; FFmpeg's mix weighs channels.
                self._append(frame.to_ndarray().mean(0))

    def lay(
        self, start: Fraction, *, shortest: Fraction, longest: int
    ) -> tuple[np.ndarray, float]:
        """Cut and fill the sound so that it runs beside the picture.

        Args:
            start (Fraction): Time stamp of sample 0, in seconds.
            shortest (Fraction): Seconds that are filled with silence.
            longest (int): Seconds after which the sound is cut off.

        Returns:
            tuple[np.ndarray, float]: The (S,) float32 waveform, and how many
            seconds of it come from the track.
        """
        offset = round(((self.start or 0) - start) * self.rate)
        end = min(offset + self._num_samples, longest * self.rate)
        sound_seconds = max(end - max(offset, 0), 0) / self.rate
        length = max(end, round(shortest * self.rate))
        waveform = np.zeros(length, np.float32)
        for chunk in self._chunks:
            samples = chunk[max(-offset, 0) :]
            first = max(offset, 0)
            place = waveform[first : first + len(samples)]
            place[:] = samples[: len(place)]
            offset += len(chunk)
        return waveform, sound_seconds

    def _jump_to(self, time: Fraction) -> None:
        if self.start is None:
            self.start = time
        gap = time - self.end
        if gap > _MAX_JITTER_SECONDS:
            self._append(np.zeros(round(gap * self.rate), np.float32))

    def _append(self, samples: np.ndarray) -> None:
        self._chunks.append(samples)
        self._num_samples += len(samples)
