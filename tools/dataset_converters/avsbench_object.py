"""Put the first release of AVSBench into the layout that mmavs reads.

Usage: ``python tools/dataset_converters/avsbench_object.py SRC DST``

SRC holds ``Single-source/`` (S4), ``Multi-sources/`` (MS3) or both, as
AVSBench-object is released. DST gets ``metadata.csv``, ``v1s/`` and ``v1m/``
with links to SRC, or copies. Uids are those of AVSBench-semantic, so that
masks predicted on one serve the other.

Nothing is written until every file is known to be there. Frames keep their
bytes: they are PNG under names that end in .jpg, which readers of images tell
by content. Labels are black and white, for S4 and MS3 alone. The sound is
``audio_wav/``, or else that of ``raw_videos/``; the pickles in
``audio_log_mel/`` hold no sound.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile
from mmavs.atomic_file import atomic_path
from mmavs.datasets.avsbench import NUM_FRAMES, SPLITS
from mmavs.video.reading import scan_video
from rich.progress import track

_MILLISECONDS = 1000
_NUM_NAMED = 5  # of the missing files


class Clip(NamedTuple):
    """A clip's place in both layouts; files of SRC.

    Attributes:
        subset (str): v1s or v1m.
        uid (str): Name in AVSBench-semantic.
        split (str): train, val or test.
        frames (list[Path]): T files.
        masks (list[Path]): T files; of a v1s training clip the first alone.
        sound (Path): A wav.
        video (Path): Where the sound comes from if there is no wav.
    """

    subset: str
    uid: str
    split: str
    frames: list[Path]
    masks: list[Path]
    sound: Path
    video: Path


def find_clips(src: Path) -> list[Clip]:
    """List the clips of the tables below SRC.

    Args:
        src (Path): See the module.

    Returns:
        list[Clip]: S4's, then MS3's, in the order of the tables.

    Raises:
        FileNotFoundError: If neither folder is there, or one lacks its table.
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
    """S4: files by split and category, counted from 1."""
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
    """MS3: frames and videos not by split, and .mp4 in names of frames."""
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
    """Rows of a table by position, since releases name columns otherwise."""
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
    """Make sure that all files of all clips are there.

    Args:
        clips (Sequence[Clip]): What to look for.

    Raises:
        FileNotFoundError: If any is missing; says how many, and names some.
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
            '(audio_log_mel holds no sound that could be used instead)'
        )


def write_clip(clip: Clip, dst: Path, *, copy: bool) -> None:
    """Link or copy the files of a clip.

    Args:
        clip (Clip): The clip.
        dst (Path): Root of the new data set.
        copy (bool): Copy instead of linking.
    """
    folder = dst / clip.subset / clip.uid
    for t, path in enumerate(clip.frames):
        _place(path, folder / 'frames' / f'{t}.jpg', copy=copy)
    for t, path in enumerate(clip.masks):
        _place(path, folder / 'labels_rgb' / f'{t}.png', copy=copy)
    if clip.sound.is_file():
        _place(clip.sound, folder / 'audio.wav', copy=copy)
        return
    video = scan_video(clip.video)
    with atomic_path(folder / 'audio.wav') as path:
        soundfile.write(path, video.waveform, video.facts.sound_rate)


def _place(source: Path, target: Path, *, copy: bool) -> None:
    with atomic_path(target) as path:
        if copy:
            shutil.copyfile(source, path)
        else:
            os.symlink(source.resolve(), path)


def write_table(clips: Sequence[Clip], dst: Path) -> None:
    """Write ``metadata.csv``, which makes the data set complete.

    Args:
        clips (Sequence[Clip]): The clips.
        dst (Path): Root of the new data set.
    """
    with (
        atomic_path(dst / 'metadata.csv') as path,
        path.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file)
        writer.writerow(['uid', 'split', 'label'])
        writer.writerows([clip.uid, clip.split, clip.subset] for clip in clips)


def convert(src: str, dst: str, *, copy: bool = False) -> list[Clip]:
    """Convert a release.

    Args:
        src (str): See the module.
        dst (str): Root of the new data set.
        copy (bool): Copy instead of linking.

    Returns:
        list[Clip]: What was written.

    Raises:
        FileExistsError: If there is a data set at ``dst``.
        FileNotFoundError: If a file is missing.
        ValueError: If a table or a video is faulty.
    """
    if Path(dst, 'metadata.csv').exists():
        raise FileExistsError(
            f'{dst} holds a data set already (metadata.csv); give another '
            'folder.'
        )
    clips = find_clips(Path(src))
    check_files(clips)
    for clip in track(clips, description='clips'):
        write_clip(clip, Path(dst), copy=copy)
    write_table(clips, Path(dst))
    return clips


def main(argv: list[str] | None = None) -> None:
    """Convert and print what was done."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('src', help='folder of the release')
    parser.add_argument('dst', help='folder for the data set')
    parser.add_argument(
        '--copy', action='store_true', help='copy files instead of linking'
    )
    args = parser.parse_args(argv)
    try:
        clips = convert(args.src, args.dst, copy=args.copy)
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        sys.exit(f'{parser.prog}: {error}')
    for subset in ('v1s', 'v1m'):
        splits = [clip.split for clip in clips if clip.subset == subset]
        counts = '/'.join(str(splits.count(split)) for split in SPLITS)
        print(f'{subset}: {counts} clips for {"/".join(SPLITS)}')
    print(f'The data set is in {args.dst}')


if __name__ == '__main__':
    main()
