"""Read a video's frames and sound; write masks over a video."""

from .mask_folder import check_mask_folder, save_mask, writing_masks
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
    'check_mask_folder',
    'check_output',
    'iter_seconds',
    'read_video',
    'save_mask',
    'scan_video',
    'write_overlay',
    'writing_masks',
]
