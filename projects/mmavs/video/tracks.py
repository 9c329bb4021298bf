"""Time stamps and samples of the two tracks of a video."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame

from ..datasets.log_mel import MAX_PEAK

#: A larger step between time stamps of the sound is a gap, which is filled
#: with zeros; a smaller one is a rounding error.
_MAX_JITTER_SECONDS = 0.05
#: Damaged files may state any length; a longer track is copied as it grows.
_MAX_EXPECTED_SECONDS = 3600
#: More consecutive B-frames than MPEG-4 encoders write.
_MAX_B_FRAMES = 8


def time_of(frame: VideoFrame | AudioFrame) -> Fraction:
    """Return the time stamp of a frame in seconds.

    Args:
        frame (VideoFrame | AudioFrame): A decoded frame.

    Returns:
        Fraction: Its time stamp in the file.

    Raises:
        ValueError: If it has none, as in raw streams without a container.
    """
    if frame.pts is None or frame.time_base is None:
        raise ValueError(
            f'expected a video whose frames have time stamps, got {frame} '
            'without one; `ffmpeg -fflags +genpts` creates them.'
        )
    return frame.pts * frame.time_base


class DisplayOrder:
    """Sorts the time stamps of decoded frames.

    Decoders return frames in display order, but in some AVI files with
    B-frames (Xvid) the time stamps of neighbouring frames are swapped. Each
    frame gets the smallest time stamp of the next few frames.
    """

    def __init__(self) -> None:
        self._frames: deque[VideoFrame] = deque()
        self._stamps: list[int] = []

    def sort(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """Sort the time stamps of a whole track.

        Args:
            frames (Iterable[VideoFrame]): Frames in display order.

        Yields:
            VideoFrame: The same frames.
        """
        for frame in frames:
            yield from self.add([frame])
        yield from self.add([], is_last=True)

    def add(
        self, frames: Iterable[VideoFrame], *, is_last: bool = False
    ) -> Iterator[VideoFrame]:
        """Add decoded frames and yield those whose time stamps are known.

        Args:
            frames (Iterable[VideoFrame]): The next frames.
            is_last (bool): Whether the track ends with them.

        Yields:
            VideoFrame: Frames in display order.

        Raises:
            ValueError: If a frame has no time stamp.
        """
        for frame in frames:
            time_of(frame)
            self._frames.append(frame)
            heapq.heappush(self._stamps, frame.pts)
        while len(self._frames) > (0 if is_last else _MAX_B_FRAMES):
            frame = self._frames.popleft()
            frame.pts = heapq.heappop(self._stamps)
            yield frame


class PictureSpan:
    """Collects the time stamps of a picture track without decoding."""

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._unit = Fraction(0)
        self.last = Fraction(0)
        self.end = Fraction(0)

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self._stamps)

    @property
    def peak_rate(self) -> float:
        """Frames per second where they follow each other fastest.

        The shortest step is lengthened by one unit of the time stamps, which
        are rounded. 0 if there are fewer than two frames.
        """
        stamps = np.unique(self._stamps)
        if len(stamps) < 2:
            return 0.0
        return float(1 / ((int(np.diff(stamps).min()) + 1) * self._unit))

    def add(self, packet: av.Packet) -> None:
        """Add the time stamp of a packet."""
        # Some AVI packets have no presentation time, only a decoding time.
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None or packet.is_discard:
            return
        self._stamps.append(stamp)
        self._unit = packet.time_base
        duration = packet.duration or 0
        self.last = max(self.last, stamp * packet.time_base)
        self.end = max(self.end, (stamp + duration) * packet.time_base)


class SoundTrack:
    """Decodes a sound track to mono.

    Args:
        stream (AudioStream): The track.
        path (Path): The file, for error messages.
    """

    def __init__(self, stream: AudioStream, path: Path) -> None:
        self._stream = stream
        self._path = path
        self.rate = stream.rate
        self.codec: str = stream.codec_context.codec.canonical_name
        self.start: Fraction | None = None
        # Filled from the start. Untouched zeros take no memory, and the sound
        # of a long video is not held twice.
        self._samples: np.ndarray = np.zeros(
            _expected_samples(stream), np.float32
        )
        self._num_samples = 0
        self._resampler = av.AudioResampler(
            format='fltp', layout=stream.layout, rate=stream.rate
        )

    @property
    def end(self) -> Fraction:
        """Time stamp, in seconds, of the end of the decoded sound."""
        return (self.start or 0) + Fraction(self._num_samples, self.rate)

    def add(self, packet: av.Packet) -> None:
        """Decode a packet.

        Raises:
            ValueError: If a sample is NaN, infinite or far above full scale.
        """
        for decoded in self._stream.decode(packet):
            self._jump_to(time_of(decoded))
            for frame in self._resampler.resample(decoded):
                # The mean, as in VGGish; FFmpeg would weight the channels.
                samples = frame.to_ndarray()
                self._check(samples)
                self._append(samples.mean(0))

    def lay(
        self, start: Fraction, *, shortest: Fraction, longest: int
    ) -> tuple[np.ndarray, float]:
        """Cut and pad the sound to the length of the picture.

        Args:
            start (Fraction): Time stamp of sample 0, in seconds.
            shortest (Fraction): Seconds up to which the sound is padded with
                silence.
            longest (int): Seconds after which the sound is cut off.

        Returns:
            tuple[np.ndarray, float]: The (S,) float32 waveform, and the
            number of its seconds that come from the track.
        """
        offset = round(((self.start or 0) - start) * self.rate)
        end = min(offset + self._num_samples, longest * self.rate)
        sound_seconds = max(end - max(offset, 0), 0) / self.rate
        length = max(end, round(shortest * self.rate))
        skipped = max(-offset, 0)
        if offset <= 0 and skipped + length <= len(self._samples):
            # After the sound come zeros, unless it is cut off.
            waveform = self._samples[skipped : skipped + length]
            return waveform, sound_seconds
        waveform = np.zeros(length, np.float32)
        place = waveform[max(offset, 0) :]
        samples = self._samples[skipped : self._num_samples]
        place[: len(samples)] = samples[: len(place)]
        return waveform, sound_seconds

    def _check(self, samples: np.ndarray) -> None:
        peak = np.abs(samples).max(initial=0)
        if peak <= MAX_PEAK:  # False for NaN, too
            return
        got = f'{peak:.3g}' if np.isfinite(peak) else 'NaN or infinity'
        raise ValueError(
            f'{self._path}: expected sound samples in -1..1, got {got} at '
            f'{float(self.end):.2f} s: the sound track is damaged or has '
            'another scale. Write it again, for example with '
            f'`ffmpeg -i {self._path.name} -c:a aac repaired.mp4`.'
        )

    def _jump_to(self, time: Fraction) -> None:
        if self.start is None:
            self.start = time
        gap = time - self.end
        if gap > _MAX_JITTER_SECONDS:
            self._append(np.zeros(round(gap * self.rate), np.float32))

    def _append(self, samples: np.ndarray) -> None:
        end = self._num_samples + len(samples)
        missing = end - len(self._samples)
        if missing > 0:
            longer = max(missing, len(self._samples) // 2)
            self._samples = np.pad(self._samples, (0, longer))
        self._samples[self._num_samples : end] = samples
        self._num_samples = end


def _expected_samples(stream: AudioStream) -> int:
    """Estimate the number of samples of a track from its stated length."""
    seconds = 0.0
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        assert isinstance(stream.container, av.container.InputContainer)
        seconds = (stream.container.duration or 0) / av.time_base
    seconds = min(max(seconds, 0.0), _MAX_EXPECTED_SECONDS)
    # The last packet is filled up, and silence may follow.
    return int((seconds + 2) * stream.rate)
