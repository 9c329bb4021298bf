"""Convert the first release of AVSBench to the layout that mmavs reads.

Usage: ``python tools/dataset_converters/avsbench_object.py SRC DST``

SRC holds ``Single-source/`` (S4), ``Multi-sources/`` (MS3) or both, as
AVSBench-object is released. DST gets ``metadata.csv``, ``v1s/`` and ``v1m/``
with links to SRC, or copies. Uids are those of AVSBench-semantic, so that
masks predicted on one data set can be used with the other.

All files are checked before any is written. Frames keep their bytes: PNG
content under names that end in .jpg; image readers detect the format from the
content. Labels are black and white, for S4 and MS3 only. The sound is read
from ``audio_wav/``, or else from ``raw_videos/``; the pickles in
``audio_log_mel/`` hold no waveform. SRC is never written to.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile
from mmavs.atomic_file import atomic_path
from mmavs.datasets.avsbench import NUM_FRAMES, SPLITS
from mmavs.engine import add_traceback_argument, error_line
from mmavs.video.reading import scan_video
from rich.progress import track

_MILLISECONDS = 1000
_NUM_NAMED = 5  # of the missing files


class Clip(NamedTuple):
    """A clip: its name in the new layout and its files in SRC.

    Attributes:
        subset (str): v1s or v1m.
        uid (str): Name in AVSBench-semantic.
        split (str): train, val or test.
        frames (list[Path]): T files.
        masks (list[Path]): T files; a v1s training clip has only the first.
        sound (Path): A wav file.
        video (Path): Source of the sound if the wav file does not exist.
    """

    subset: str
    uid: str
    split: str
    frames: list[Path]
    masks: list[Path]
    sound: Path
    video: Path


def find_clips(src: Path) -> list[Clip]:
    """List the clips in the tables of SRC.

    Args:
        src (Path): Folder of the release.

    Returns:
        list[Clip]: S4's, then MS3's, in the order of the tables.

    Raises:
        FileNotFoundError: If both folders are missing, or one lacks its table.
        ValueError: If a table has too few columns or an unknown split.
    """
    clips = []
    if (src / 'Single-source').is_dir():
        clips += _single_source(src / 'Single-source')
    if (src / 'Multi-sources').is_dir():
        clips += _multi_sources(src / 'Multi-sources')
    if not clips:
        raise FileNotFoundError(
            f'{src}: expected Single-source/ or Multi-sources/ with clips, '
            'as AVSBench-object is released, got neither.'
        )
    return clips


def _single_source(root: Path) -> list[Clip]:
    """List the clips of S4: files by split and category, counted from 1."""
    data = root / 's4_data'
    clips = []
    for name, start, category, split in _rows(root / 's4_meta_data.csv', 4):
        first = int(float(start)) * _MILLISECONDS
        last = first + NUM_FRAMES['v1s'] * _MILLISECONDS
        group = Path(split, category)
        files = [f'{name}_{k}.png' for k in range(1, NUM_FRAMES['v1s'] + 1)]
        masks = files[:1] if split == 'train' else files
        clips.append(
            Clip(
                'v1s',
                f'{name}_{first}_{last}',
                split,
                [data / 'visual_frames' / group / name / f for f in files],
                [data / 'gt_masks' / group / name / f for f in masks],
                data / 'audio_wav' / group / f'{name}.wav',
                data / 'raw_videos' / group / f'{name}.mp4',
            )
        )
    return clips


def _multi_sources(root: Path) -> list[Clip]:
    """List the clips of MS3: only masks and sound are sorted by split."""
    data = root / 'ms3_data'
    clips = []
    numbers = range(1, NUM_FRAMES['v1m'] + 1)
    for name, split in _rows(root / 'ms3_meta_data.csv', 2):
        frames, masks = data / 'visual_frames', data / 'gt_masks' / split
        clips.append(
            Clip(
                'v1m',
                name,
                split,
                [frames / name / f'{name}.mp4_{k}.png' for k in numbers],
                [masks / name / f'{name}_{k}.png' for k in numbers],
                data / 'audio_wav' / split / f'{name}.wav',
                data / 'raw_videos' / f'{name}.mp4',
            )
        )
    return clips


def _rows(path: Path, num_columns: int) -> Iterator[list[str]]:
    """Read rows by column position; releases differ in column names."""
    if not path.is_file():
        raise FileNotFoundError(f'{path} not found; it lists the clips.')
    with path.open(newline='', encoding='utf-8-sig') as file:
        rows = list(csv.reader(file))
    for line, row in enumerate(rows[1:], start=2):
        if len(row) < num_columns or row[num_columns - 1] not in SPLITS:
            raise ValueError(
                f'{path}, row {line}: expected {num_columns} columns, the '
                f'last one of {SPLITS}, got {row}'
            )
        yield row[:num_columns]


def check_files(clips: Sequence[Clip]) -> None:
    """Check that all files of all clips exist.

    Args:
        clips (Sequence[Clip]): The clips.

    Raises:
        FileNotFoundError: If any is missing; gives the count and examples.
    """
    missing = []
    for clip in clips:
        files = [*clip.frames, *clip.masks]
        missing += [str(path) for path in files if not path.is_file()]
        if not clip.sound.is_file() and not clip.video.is_file():
            missing.append(f'{clip.sound} or, in its place, {clip.video}')
    if missing:
        named = '\n  '.join(missing[:_NUM_NAMED])
        raise FileNotFoundError(
            f'{len(missing)} files of {len(clips)} clips are missing, nothing '
            f'was written. The first of them:\n  {named}\n'
            '(audio_log_mel cannot replace the sound)'
        )


def check_targets(clips: Sequence[Clip], dst: Path) -> None:
    """Check that no file of another origin would be replaced.

    Links to SRC and equal copies are left by an interrupted conversion and
    may be replaced.

    Args:
        clips (Sequence[Clip]): The clips.
        dst (Path): Root of the new data set.

    Raises:
        FileExistsError: If another file has the name of a file to write.
    """
    for clip in clips:
        for source, target in _pairs(clip, dst):
            if not os.path.lexists(target):
                continue
            if not target.exists() or not filecmp.cmp(source, target, False):
                raise FileExistsError(
                    f'{target}: expected no file, or the content of {source}, '
                    'got another file; choose another folder, or replace the '
                    'files of the same names with --force.'
                )


def _pairs(clip: Clip, dst: Path) -> Iterator[tuple[Path, Path]]:
    """Yield source and target of each file that is linked or copied."""
    folder = dst / clip.subset / clip.uid
    for t, path in enumerate(clip.frames):
        yield path, folder / 'frames' / f'{t}.jpg'
    for t, path in enumerate(clip.masks):
        yield path, folder / 'labels_rgb' / f'{t}.png'
    if clip.sound.is_file():
        yield clip.sound, folder / 'audio.wav'


def write_clip(clip: Clip, dst: Path, *, copy: bool) -> None:
    """Link or copy the files of a clip.

    Args:
        clip (Clip): The clip.
        dst (Path): Root of the new data set.
        copy (bool): Copy instead of linking.
    """
    for source, target in _pairs(clip, dst):
        _place(source, target, copy=copy)
    if clip.sound.is_file():
        return
    video = scan_video(clip.video)
    with atomic_path(dst / clip.subset / clip.uid / 'audio.wav') as path:
        soundfile.write(path, video.waveform, video.facts.sound_rate)


def _place(source: Path, target: Path, *, copy: bool) -> None:
    with atomic_path(target) as path:
        if copy:
            shutil.copyfile(source, path)
        else:
            os.symlink(source.resolve(), path)


def write_table(clips: Sequence[Clip], dst: Path) -> None:
    """Write ``metadata.csv``, which marks the data set as complete.

    Args:
        clips (Sequence[Clip]): The clips.
        dst (Path): Root of the new data set.
    """
    with (
        atomic_path(dst / 'metadata.csv') as path,
        path.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['uid', 'split', 'label'])
        writer.writerows([clip.uid, clip.split, clip.subset] for clip in clips)


def check_destination(src: Path, dst: Path, *, force: bool) -> None:
    """Raise an error if writing to DST could destroy a user's files.

    Args:
        src (Path): Folder of the release.
        dst (Path): Root of the new data set.
        force (bool): Allow to replace files of a data set at ``dst``.

    Raises:
        ValueError: If ``dst`` is ``src`` or lies in one of its data sets.
        FileExistsError: If ``dst`` holds a data set and ``force`` is False.
    """
    parts = ('Single-source', 'Multi-sources')
    inside = any(
        dst.resolve().is_relative_to((src / part).resolve()) for part in parts
    )
    if inside or dst.resolve() == src.resolve():
        raise ValueError(
            f'{dst}: expected a folder outside of the release {src}, which '
            'is not changed; choose another folder.'
        )
    if os.path.lexists(dst / 'metadata.csv') and not force:
        raise FileExistsError(
            f'{dst} holds a data set already (metadata.csv); choose another '
            'folder, or replace the files of the same names with --force.'
        )


def convert(
    src: str, dst: str, *, copy: bool = False, force: bool = False
) -> list[Clip]:
    """Convert a release.

    Args:
        src (str): Folder of the release.
        dst (str): Root of the new data set.
        copy (bool): Copy instead of linking.
        force (bool): Replace files of a data set at ``dst``.

    Returns:
        list[Clip]: The clips that were written.

    Raises:
        FileExistsError: If ``dst`` holds a data set and ``force`` is False.
        FileNotFoundError: If a file is missing.
        ValueError: If ``dst`` lies in ``src``, or a table or a video is
            faulty.
    """
    check_destination(Path(src), Path(dst), force=force)
    clips = find_clips(Path(src))
    check_files(clips)
    if not force:
        check_targets(clips, Path(dst))
    for clip in track(clips, description='clips'):
        write_clip(clip, Path(dst), copy=copy)
    write_table(clips, Path(dst))
    return clips


def main(argv: list[str] | None = None) -> None:
    """Convert SRC to DST and print the number of clips."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='folder of the release')
    parser.add_argument('dst', help='folder for the data set')
    parser.add_argument(
        '--copy', action='store_true', help='copy files instead of linking'
    )
    parser.add_argument(
        '--force',
        action='store_true',
        help='replace files of a data set at DST',
    )
    add_traceback_argument(parser)
    args = parser.parse_args(argv)
    with error_line(args):
        clips = convert(args.src, args.dst, copy=args.copy, force=args.force)
    for subset in ('v1s', 'v1m'):
        splits = [clip.split for clip in clips if clip.subset == subset]
        counts = '/'.join(str(splits.count(split)) for split in SPLITS)
        print(f'{subset}: {counts} clips for {"/".join(SPLITS)}')
    print(f'The data set is in {args.dst}')


if __name__ == '__main__':
    main()
