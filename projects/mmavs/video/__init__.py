"""Read a video's frames and sound; write masks over a video."""

from .overlay import check_output, write_overlay
from .reading import (
    ScannedVideo,
    Video,
    VideoFacts,
    iter_seconds,
    read_video,
    scan_video,
)

__all__ = [
    'ScannedVideo',
    'Video',
    'VideoFacts',
    'check_output',
    'iter_seconds',
    'read_video',
    'scan_video',
    'write_overlay',
]
