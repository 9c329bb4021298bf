"""Limits of the videos that a visitor may segment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

from ..video.container import find_picture, open_video

_MEGABYTE = 10**6


@dataclass(frozen=True)
class Limits:
    """The largest video that is accepted.

    Attributes:
        megabytes (float): Size of the file; 1 MB is 1,000,000 bytes.
        seconds (float): Duration.
        pixels (int): Width times height.
    """

    megabytes: float = 200
    seconds: float = 60
    pixels: int = 1920 * 1080

    @property
    def num_bytes(self) -> int:
        """Size of the file in bytes."""
        return int(self.megabytes * _MEGABYTE)

    def __str__(self) -> str:
        return (
            f'at most {self.seconds:g} s, {self.megabytes:g} MB and '
            f'{self.pixels / 1e6:.2g} megapixels'
        )

    def check(self, path: Path) -> None:
        """Raise ValueError if a video is too large to be segmented.

        The packets are read but not decoded, so a small file that would
        decode to hours of sound is refused early.

        Args:
            path (Path): The video.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it exceeds a limit, or is not a video.
        """
        with open_video(path) as container:
            num_bytes = path.stat().st_size
            if num_bytes > self.num_bytes:
                raise ValueError(
                    f'{path}: expected at most {self.megabytes:g} MB, got '
                    f'{num_bytes / _MEGABYTE:.1f} MB; upload a shorter video, '
                    'or one with fewer pixels.'
                )
            picture = find_picture(container, path)
            if picture.width * picture.height > self.pixels:
                raise ValueError(
                    f'{path}: expected at most {self.pixels / 1e6:.2g} '
                    f'megapixels, got {picture.width}x{picture.height}; '
                    'reduce the size of the picture, for example with '
                    f'`ffmpeg -i {path.name} -vf scale=1280:-2 smaller.mp4`.'
                )
            seconds = _packet_seconds(container)
            if seconds > self.seconds:
                raise ValueError(
                    f'{path}: expected at most {self.seconds:g} s, got '
                    f'{seconds:.1f} s; cut a part out, for example with '
                    f'`ffmpeg -i {path.name} -t {self.seconds:g} part.mp4`.'
                )


def _packet_seconds(container: av.container.InputContainer) -> float:
    """Seconds between the first and the last picture or sound packet."""
    begin, end = float('inf'), float('-inf')
    for packet in container.demux():
        if packet.pts is None or packet.stream.type not in ('video', 'audio'):
            continue
        start = float(packet.pts * packet.time_base)
        begin = min(begin, start)
        end = max(
            end, start + float((packet.duration or 0) * packet.time_base)
        )
    return max(end - begin, 0.0)
