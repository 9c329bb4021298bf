"""Write one synthetic scene as a video file with sound."""

from __future__ import annotations

import math
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from mmavs.atomic_file import atomic_path

from .classes import choose_classes
from .sampling import sample_scene
from .scene import SECOND, Scene
from .timbres import SAMPLE_RATE

#: Containers that hold both tracks.
_SUFFIXES = ('.mp4', '.mkv', '.mov')
#: Encoders to try; not every build of FFmpeg has the first.
_VIDEO_ENCODERS = ('libx264', 'mpeg4')
#: Comment stored in the file; only a video with this comment is replaced.
_COMMENT = 'synthetic scene of mmavs'


def write_video(
    path: str | Path,
    *,
    duration: float = 10.0,
    frame_rate: int = 8,
    size: int = 224,
    num_classes: int = 6,
    seed: int = 0,
) -> Scene:
    """Write a video of a scene like those of v1m, of any duration.

    Args:
        path (str | Path): Video to write; the suffix selects the container,
            such as ``.mp4``.
        duration (float): Seconds.
        frame_rate (int): Frames per second.
        size (int): Side of the frames in pixels, even.
        num_classes (int): Number of classes to choose from, 3 to 14.
        seed (int): Seed of the scene.

    Returns:
        Scene: The scene; object i sounds in the 0.96 s from 0.96 t s if
        ``objects[i].sounding[t]``.

    Raises:
        FileExistsError: If ``path`` is a file of another origin.
        ValueError: If ``path`` has another ending, ``size`` is odd, the
            number of classes is out of range, or there is not a frame to
            write.
    """
    if Path(path).suffix not in _SUFFIXES:
        raise ValueError(
            f'{path}: expected the name of a video, which ends in '
            f'{", ".join(_SUFFIXES)}; choose another name.'
        )
    num_frames = round(duration * frame_rate)
    if size % 2 or num_frames < 1:
        raise ValueError(
            'a video needs an even size and at least one frame, got '
            f'size={size}, duration={duration}, frame_rate={frame_rate}'
        )
    rng = np.random.default_rng([seed, 3])
    scene = sample_scene(
        rng,
        subset='v1m',
        num_seconds=math.ceil(duration / SECOND),
        size=size,
        classes=choose_classes(num_classes),
    )
    _check_own(Path(path))
    with (
        atomic_path(path) as part,
        av.open(str(part), 'w') as container,
    ):
        container.metadata['comment'] = _COMMENT
        video = container.add_stream(_video_encoder(), rate=frame_rate)
        video.width = video.height = size
        video.pix_fmt = 'yuv420p'
        audio = container.add_stream('aac', rate=SAMPLE_RATE, layout='mono')
        for index in range(num_frames):
            picture, _ = scene.frame(index / frame_rate)
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        sound = scene.sound(rng, duration).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(sound, 'fltp', 'mono')
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = 0
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return scene


def _video_encoder() -> str:
    return next(
        name
        for name in _VIDEO_ENCODERS
        if name in av.codecs_available and av.Codec(name, 'w')
    )


def _check_own(path: Path) -> None:
    """Raise FileExistsError if the file exists and is not of this tool."""
    if not path.exists():
        return
    comment = None
    with suppress(av.error.FFmpegError, OSError), av.open(str(path)) as video:
        comment = video.metadata.get('comment')
    if comment != _COMMENT:
        raise FileExistsError(
            f'{path}: expected no file, or a video of this tool, got a file '
            'of another origin; choose another name.'
        )
