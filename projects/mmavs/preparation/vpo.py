"""Convert VPO from the release of CAVP to the layout of DDESeg's repack."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.io import wavfile

from mmavs.datasets.image_file import open_image
from mmavs.datasets.log_mel import SAMPLE_RATE
from mmavs.datasets.vpo import (
    SOUND_FILES,
    VPO_CLASSES,
    VPO_SUBSETS,
)
from mmavs.parallel import map_in_processes

from .place import Link, partial_path, place, remove_partial
from .source_files import SourceFile
from .vpo_sound import Source, mix_sounds

#: COCO's category ids, and three that CAVP added, -> names.
_COCO_NAMES = {
    3: 'car', 4: 'motorcycle', 5: 'airplane', 6: 'bus', 16: 'bird',
    17: 'cat', 18: 'dog', 19: 'horse', 20: 'sheep', 21: 'cow',
    22: 'elephant', 24: 'zebra', 37: 'sports ball', 41: 'skateboard',
    43: 'tennis racket', 74: 'mouse', 76: 'keyboard', 77: 'cell phone',
    92: 'male', 93: 'female', 94: 'baby',
}  # fmt: skip
_TABLE = 'vpo_data_clean.csv'
_COLUMNS = ('img_Id', 'ann_Ids', 'cateName', 'vgg_file', 'split')
_NUM_NAMED = 5  # of the missing files


class Picture(NamedTuple):
    """A clip to write.

    Attributes:
        subset (str): VPO-SS, VPO-MS or VPO-MSMI.
        uid (str): Name of its folder.
        split (str): train or test.
        frame (Path): A JPEG.
        mask (Path): PNG of COCO's category ids.
        sources (list[Source]): What sounds.
    """

    subset: str
    uid: str
    split: str
    frame: Path
    mask: Path
    sources: list[Source]


def convert_vpo(
    src: Path,
    vggsound: Path,
    dst: Path,
    *,
    link: Link = 'sym',
    num_workers: int = 1,
) -> list[Picture]:
    """Convert all subsets that are there.

    An interrupted conversion continues when it is repeated; the table is
    written last.

    Args:
        src (Path): Folder with ``VPO-SS``, ``VPO-MS``, ``VPO-MSMI`` or some
            of them.
        vggsound (Path): Folder of VGGSound's wav files.
        dst (Path): Root of the data set.
        link (Link): How pictures are placed.
        num_workers (int): Processes that write files.

    Returns:
        list[Picture]: The clips.

    Raises:
        FileNotFoundError: If no subset or a file is missing.
        OSError: If the disk is full.
        ValueError: If ``dst`` lies in a source, or a table, a mask or a sound
            is faulty.
    """
    for source in (src, vggsound):
        if dst.resolve().is_relative_to(source.resolve()):
            raise ValueError(
                f'{dst}: expected a folder outside of {source}, which is not '
                'changed; choose another folder.'
            )
    pictures = []
    for subset in VPO_SUBSETS:
        if (src / subset).is_dir():
            pictures += _read_subset(src, subset, vggsound)
    if not pictures:
        raise FileNotFoundError(
            f'{src}: expected one of the folders {", ".join(VPO_SUBSETS)} '
            'with clips, as released by CAVP, got none.'
        )
    _check_files(pictures)
    write = functools.partial(_write_picture, dst=dst, link=link)
    for _ in map_in_processes(
        write, pictures, num_workers=num_workers, description='pictures'
    ):
        pass
    _write_table(pictures, dst)
    return pictures


def _read_subset(src: Path, subset: str, vggsound: Path) -> list[Picture]:
    """Read a table; the rows of one picture of VPO-MS(MI) are one clip."""
    rows = _read_table(src / subset)
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        key = f'{int(_number(src / subset, row, "img_Id")):012d}'
        if subset == 'VPO-SS':
            key += f'_{row["ann_Ids"].zfill(12)}'
        groups.setdefault(key, []).append(row)
    if subset == 'VPO-SS':
        # One sound each, also if a table lists an object twice.
        groups = {
            key if number == 0 else f'{key}_{number + 1}': [row]
            for key, same in groups.items()
            for number, row in enumerate(same)
        }
    return [
        _picture(src, subset, uid, rows, vggsound)
        for uid, rows in groups.items()
    ]


def _read_table(folder: Path) -> list[dict[str, str]]:
    name = folder.name.lower().replace('-', '_')
    paths = [folder / f'{name}_data_stereo.csv', folder / f'{name}_data.csv']
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f'{folder}: expected the table {paths[0].name} or '
            f'{paths[1].name}, got neither.'
        )
    with path.open(newline='', encoding='utf-8-sig') as file:
        reader = csv.DictReader(file)
        missing = [k for k in _COLUMNS if k not in (reader.fieldnames or [])]
        if missing:
            raise ValueError(
                f'{path}: expected the columns {_COLUMNS}, {missing} missing '
                f'in {reader.fieldnames}'
            )
        return list(reader)


def _picture(
    src: Path,
    subset: str,
    uid: str,
    rows: Sequence[Mapping[str, str]],
    vggsound: Path,
) -> Picture:
    first = rows[0]
    # VPO-MSMI has the files of pictures with several instances of a class.
    home = src / subset
    if subset == 'VPO-MSMI' and 'multi_instance' in first:
        if _number(home, first, 'multi_instance') == 0:
            home = src / 'VPO-MS'
    if subset == 'VPO-SS':
        name = first['cateName']
        stem = f'{uid[:12]}_{first["ann_Ids"].zfill(12)}'
        frame = home / 'data' / name / f'{uid[:12]}.jpg'
        mask = home / 'mask' / name / f'{stem}.png'
    else:
        frame = home / 'data' / f'{uid}.jpg'
        mask = home / 'mask' / f'{uid}.png'
    sources = [
        Source(
            row['cateName'],
            vggsound / f'{row["vgg_file"]}.wav',
            _number(home, row, 'audio_pos') if row.get('audio_pos') else None,
        )
        for row in rows
    ]
    unknown = [s.name for s in sources if s.name not in VPO_CLASSES]
    if unknown:
        raise ValueError(
            f'{home}: picture {uid}: expected classes of VPO, got {unknown}'
        )
    split = 'train' if first['split'] == 'train' else 'test'
    return Picture(subset, uid, split, frame, mask, sources)


def _number(folder: Path, row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except ValueError as error:
        raise ValueError(
            f'{folder}: expected a number as {column} in the table, got '
            f'{row[column]!r}'
        ) from error


def _check_files(pictures: Sequence[Picture]) -> None:
    missing = [
        str(path)
        for picture in pictures
        for path in (
            picture.frame,
            picture.mask,
            *(source.path for source in picture.sources),
        )
        if not path.is_file()
    ]
    if missing:
        named = '\n  '.join(missing[:_NUM_NAMED])
        raise FileNotFoundError(
            f'{len(missing)} files of {len(pictures)} pictures are missing, '
            f'nothing was written. The first of them:\n  {named}'
        )


def _write_picture(picture: Picture, dst: Path, link: Link) -> None:
    folder = dst / picture.subset / picture.uid
    remove_partial(folder)
    place(SourceFile(str(picture.frame)), folder / 'frames/0.jpg', link)
    label = folder / 'labels_semantic/0.png'
    if not label.exists():
        ids = _class_ids(picture.mask)
        with partial_path(label) as path:
            Image.fromarray(ids).save(path, format='PNG')
    for kind, name in SOUND_FILES.items():
        is_known = all(s.position is not None for s in picture.sources)
        if (folder / name).exists() or (kind == 'stereo' and not is_known):
            continue
        mixed = mix_sounds(picture.sources, stereo=kind == 'stereo')
        with partial_path(folder / name) as path:
            # Floats, as sums of sounds may exceed [-1, 1]. libsndfile would
            # write the time into the file, and a repeated conversion would
            # give another one.
            wavfile.write(path, SAMPLE_RATE, mixed.astype(np.float32))


def _class_ids(path: Path) -> np.ndarray:
    """Convert COCO's category ids (h, w) to class ids, uint8."""
    stored = np.array(open_image(path, str(path)))
    table = np.full(256, 255, np.uint8)
    table[0] = 0
    for coco_id, name in _COCO_NAMES.items():
        table[coco_id] = VPO_CLASSES.index(name)
    if stored.ndim != 2 or stored.dtype != np.uint8:
        raise ValueError(
            f'{path}: expected an 8-bit image of category ids, got '
            f'{stored.shape} {stored.dtype}'
        )
    ids = table[stored]
    if (ids == 255).any():
        unknown = sorted(set(stored[ids == 255].tolist()))
        raise ValueError(
            f'{path}: expected category ids of VPO, got {unknown}'
        )
    return ids


def _write_table(pictures: Sequence[Picture], dst: Path) -> None:
    with (
        partial_path(dst / _TABLE) as path,
        path.open('w', newline='', encoding='utf-8') as file,
    ):
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow('uid frame mask category split type'.split())
        for item in pictures:
            names = {source.name for source in item.sources}
            ids = sorted(VPO_CLASSES.index(name) for name in names)
            uid = f'{item.subset}/{item.uid}'
            writer.writerow(
                [uid, '0.jpg', '0.png', ids, item.split, item.subset]
            )
