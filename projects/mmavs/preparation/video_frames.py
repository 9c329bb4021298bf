"""Take frames and sound from a video as AVSBench's authors did."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmavs.video.container import find_picture, open_video

#: Published scripts take 16 frames per second and keep the last of them.
_OFFSET_SECONDS = 15 / 16


def sample_frames(
    path: Path, num_frames: int, size: tuple[int, int] | None = None
) -> list[np.ndarray]:
    """Decode one frame per second.

    With the frame rate r, rounded to an integer, second t is shown by frame
    floor(t r + 15/16 r), or by the last frame of the video if there are
    fewer. Follows AVSBench@f7414af ``preprocess_scripts/preprocess_s4.py``;
    reimplemented, no code taken.

    Args:
        path (Path): The video.
        num_frames (int): T.
        size (tuple[int, int] | None): (H, W) to which frames are resized by
            OpenCV, bilinear without antialiasing; None for their own size.

    Returns:
        list[np.ndarray]: T frames (H, W, 3) uint8, RGB.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded or has no picture.
    """
    frames: list[np.ndarray] = []
    with open_video(path) as container:
        picture = find_picture(container, path)
        rate = picture.average_rate or picture.guessed_rate
        if not rate:
            raise ValueError(
                f'{path}: expected a video with a frame rate, got none; '
                '`ffmpeg -i OLD -r 25 NEW` gives it one.'
            )
        step = round(rate)
        wanted = [
            int(t * step + _OFFSET_SECONDS * step) for t in range(num_frames)
        ]
        last = None
        for number, frame in enumerate(container.decode(picture)):
            last = frame
            while len(frames) < num_frames and wanted[len(frames)] == number:
                frames.append(frame.to_ndarray(format='rgb24'))
            if len(frames) == num_frames:
                break
        if last is None:
            raise ValueError(f'{path}: expected frames, got none.')
        missing = num_frames - len(frames)
        frames += [last.to_ndarray(format='rgb24')] * missing
    if size is None:
        return frames
    return [cv2.resize(frame, size[::-1]) for frame in frames]
