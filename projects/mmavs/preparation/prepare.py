"""Prepare a data set from a download."""

from __future__ import annotations

import csv
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile
from PIL import Image

from mmavs.datasets.avsbench import parse_metadata
from mmavs.parallel import map_in_processes
from mmavs.video.reading import scan_video

from .clip_sources import ClipSources
from .object_release import find_object_clips
from .place import (
    Link,
    check_space,
    copy_video,
    is_other_file,
    is_placed,
    partial_path,
    place,
    remove_partial,
)
from .semantic_release import find_semantic_clips
from .source_files import list_files
from .video_frames import sample_frames

_NUM_NAMED = 5  # of the missing files
_TABLE = 'metadata.csv'


class Preparation(NamedTuple):
    """Options of a preparation.

    Attributes:
        src (Path): Folder of the download, or its zip archive.
        dst (Path): Root of the data set.
        link (Link): ``'sym'``, ``'hard'`` or ``'copy'``.
        subsets (tuple[str, ...] | None): Subsets to prepare; None for all.
        force (bool): Replace files of another origin.
        num_workers (int): Processes that write files.
    """

    src: Path
    dst: Path
    link: Link = 'sym'
    subsets: tuple[str, ...] | None = None
    force: bool = False
    num_workers: int = 1


def prepare(options: Preparation) -> list[ClipSources]:
    """Link or copy a release into the layout that mmavs reads.

    All files of the download are checked to exist before any is written.
    ``metadata.csv`` is written last, so that it marks a complete data set.
    Files that are in place already are left, so that an interrupted run
    continues. In a complete data set every existing file is left, for example
    labels that were cleaned, and only missing ones are written. The download
    is not changed.

    Args:
        options (Preparation): What to do.

    Returns:
        list[ClipSources]: The clips of the data set.

    Raises:
        FileExistsError: If ``dst`` has another data set or another file of
            the same name, and ``force`` is False.
        FileNotFoundError: If ``src`` or one of its files is missing.
        OSError: If the disk is full.
        ValueError: If ``dst`` lies in ``src``, or the release is faulty.
    """
    _check_destination(options)
    clips = _find_clips(options)
    _check_files(clips)
    keep = not options.force and _is_complete(clips, options.dst)
    if not options.force and not keep:
        _check_targets(clips, options.dst)
    _check_space(clips, options)
    write = functools.partial(
        _write_clip, dst=options.dst, link=options.link, keep=keep
    )
    for _ in map_in_processes(
        write, clips, num_workers=options.num_workers, description='clips'
    ):
        pass
    _write_table(clips, options.dst)
    return clips


def _check_destination(options: Preparation) -> None:
    src, dst = options.src.resolve(), options.dst.resolve()
    if dst == src or dst.is_relative_to(src):
        raise ValueError(
            f'{options.dst}: expected a folder outside of the release '
            f'{options.src}, which is not changed; choose another folder.'
        )
    if options.dst.exists() and not options.dst.is_dir():
        raise ValueError(
            f'{options.dst}: expected a folder, got a file; choose another '
            'folder.'
        )


def _find_clips(options: Preparation) -> list[ClipSources]:
    files = list_files(options.src)
    clips = find_semantic_clips(options.src, files)
    if not clips:
        clips = find_object_clips(options.src, files)
    if not clips:
        raise FileNotFoundError(
            f'{options.src}: expected metadata.csv (AVSBench-semantic), or '
            'Single-source/ or Multi-sources/ with clips '
            '(AVSBench-object), got none of them; give the folder of the '
            'download or its zip archive.'
        )
    if options.subsets is not None:
        clips = [clip for clip in clips if clip.subset in options.subsets]
        if not clips:
            raise ValueError(
                f'{options.src}: expected clips of {options.subsets}, got '
                'none; give other --subsets.'
            )
    return clips


def _check_files(clips: Sequence[ClipSources]) -> None:
    """Raise FileNotFoundError if any file is missing."""
    missing = [
        str(file)
        for clip in clips
        for file in clip.files.values()
        if not file.member and not os.path.isfile(file.path)
    ]
    if missing:
        named = '\n  '.join(missing[:_NUM_NAMED])
        raise FileNotFoundError(
            f'{len(missing)} files of {len(clips)} clips are missing, nothing '
            f'was written. The first of them:\n  {named}\nA video of the clip '
            'can replace its frames and its sound, see docs/data.md; '
            'pickles of log-mels cannot.'
        )


def _is_complete(clips: Sequence[ClipSources], dst: Path) -> bool:
    """Return whether ``dst`` holds the data set of these clips."""
    table = dst / _TABLE
    if not table.exists():
        return False
    rows = parse_metadata(table.read_bytes(), str(table))
    found = {(row['label'], row['uid'], row['split']) for row in rows}
    if found != {(clip.subset, clip.uid, clip.split) for clip in clips}:
        raise FileExistsError(
            f'{dst} holds a data set already (metadata.csv), with other '
            'clips; choose another folder, or replace the files of the '
            'same names with --force.'
        )
    return True


def _check_targets(clips: Sequence[ClipSources], dst: Path) -> None:
    """Raise FileExistsError if a file of another origin is in the way."""
    for clip in clips:
        for name, source in clip.files.items():
            target = dst / clip.subset / clip.uid / name
            if is_other_file(source, target):
                raise FileExistsError(
                    f'{target}: expected no file, or the content of {source}, '
                    'got another file; choose another folder, or replace the '
                    'files of the same names with --force.'
                )


def _check_space(clips: Sequence[ClipSources], options: Preparation) -> None:
    num_bytes = sum(
        file.size()
        for clip in clips
        for name, file in clip.files.items()
        if (options.link == 'copy' or file.member)
        and not is_placed(
            file, options.dst / clip.subset / clip.uid / name, options.link
        )
    )
    check_space(options.dst, num_bytes)


def _write_clip(clip: ClipSources, dst: Path, link: Link, keep: bool) -> None:
    folder = dst / clip.subset / clip.uid
    remove_partial(folder)
    for name, source in clip.files.items():
        # A link to a missing file does not exist, and is replaced.
        if not keep or not (folder / name).exists():
            place(source, folder / name, link)
    _take_from_video(clip, folder)
    remove_partial(folder)


def _take_from_video(clip: ClipSources, folder: Path) -> None:
    """Write the frames and the sound that only the video has."""
    frames = [
        t
        for t in clip.missing_frames
        if not (folder / f'frames/{t}.jpg').exists()
    ]
    needs_sound = clip.lacks_sound and not (folder / 'audio.wav').exists()
    if not frames and not needs_sound:
        return
    assert clip.video is not None
    video = copy_video(clip.video, folder)
    if frames:
        images = sample_frames(video, clip.num_frames, clip.frame_size)
        for t in frames:
            with partial_path(folder / f'frames/{t}.jpg') as path:
                # PNG, so that no pixel changes; readers look at the content.
                Image.fromarray(images[t]).save(path, format='PNG')
    if needs_sound:
        scanned = scan_video(video)
        with partial_path(folder / 'audio.wav') as path:
            soundfile.write(
                path,
                scanned.waveform,
                scanned.facts.sound_rate,
                format='WAV',
            )


def _write_table(clips: Sequence[ClipSources], dst: Path) -> None:
    with (
        partial_path(dst / _TABLE) as path,
        path.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.DictWriter(
            file,
            list(clips[0].row),
            lineterminator='\n',
            extrasaction='ignore',
        )
        writer.writeheader()
        writer.writerows(clip.row for clip in clips)
