"""Read a video's frames and sound; write masks over a video."""

from .find_videos import find_videos
from .frames import Video, iter_frames, iter_seconds, read_video
from .mask_folder import check_mask_folder, save_mask, writing_masks
from .mask_times import FRAME_OFFSET_SECONDS, MaskRate, MaskTimes
from .overlay import check_output, write_overlay
from .reading import NoAudio, ScannedVideo, VideoFacts, scan_video
from .smoothing import majority_vote

__all__ = [
    'FRAME_OFFSET_SECONDS',
    'MaskRate',
    'MaskTimes',
    'NoAudio',
    'ScannedVideo',
    'Video',
    'VideoFacts',
    'check_mask_folder',
    'check_output',
    'find_videos',
    'iter_frames',
    'iter_seconds',
    'majority_vote',
    'read_video',
    'save_mask',
    'scan_video',
    'write_overlay',
    'writing_masks',
]
