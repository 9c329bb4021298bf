"""Where the files of a clip come from and go to."""

from __future__ import annotations

from typing import NamedTuple

from .source_files import SourceFile


class ClipSources(NamedTuple):
    """A clip of a release.

    Attributes:
        subset (str): v1s, v1m or v2.
        uid (str): Name in AVSBench-semantic.
        split (str): train, val or test.
        row (dict[str, str]): Row of the table to write.
        files (dict[str, SourceFile]): Name in the folder of the clip, such as
            ``'frames/0.jpg'``, -> source.
        num_frames (int): T.
        video (SourceFile | None): Source of missing frames and sound.
        frame_size (tuple[int, int] | None): (H, W) of frames that are taken
            from the video; None for the video's own size.
    """

    subset: str
    uid: str
    split: str
    row: dict[str, str]
    files: dict[str, SourceFile]
    num_frames: int
    video: SourceFile | None = None
    frame_size: tuple[int, int] | None = None

    @property
    def missing_frames(self) -> list[int]:
        """Frames that must come from the video."""
        frames = range(self.num_frames)
        return [t for t in frames if f'frames/{t}.jpg' not in self.files]

    @property
    def lacks_sound(self) -> bool:
        """Whether the sound must come from the video."""
        return 'audio.wav' not in self.files
