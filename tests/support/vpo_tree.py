"""Write a tiny VPO in the layout of CAVP's release, for tests.

VPO-SS has a dog, VPO-MS a cat and a car in one picture, VPO-MSMI two dogs and
the picture of VPO-MS. Sounds are constant, so that mixtures can be computed
by hand: 0.25 in dog.wav, 0.5 in cat.wav, -0.125 in car.wav.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

#: COCO's category ids.
CAR, CAT, DOG = 3, 17, 18
LEVELS = dict(dog=0.25, cat=0.5, car=-0.125)
#: (H, W)
SIZE = (32, 48)

_COLUMNS = (
    'img_Id ann_Ids cateName cateId vgg_file split multi_instance audio_pos'
).split()


def write_vpo_release(root: Path) -> Path:
    """Write ``VPO`` and ``VGGSound`` below root.

    Args:
        root (Path): A folder.

    Returns:
        Path: ``root``.
    """
    vpo = root / 'VPO'
    for name, level in LEVELS.items():
        path = root / 'VGGSound' / f'{name}.wav'
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(5 * 16000, level), 16000, 'FLOAT')
    rows = []
    for number in range(35, 39):
        split = 'train' if number < 38 else 'val'
        rows.append([number, 70 + number, 'dog', DOG, 'dog', split, 0, 0.5])
        stem = f'dog/{number:012d}'
        mask = _mask({DOG: (slice(8), slice(number - 30))})
        _write(vpo / 'VPO-SS', stem, f'{stem}_{70 + number:012d}', mask)
    _write_table(vpo / 'VPO-SS/vpo_ss_data_stereo.csv', rows)
    both = [
        [5, 1, 'cat', CAT, 'cat', 'train', 0, 0.25],
        [5, 2, 'car', CAR, 'car', 'train', 0, 1.0],
    ]
    mask = _mask({CAT: (slice(8), slice(8)), CAR: (slice(8, 16), slice(8))})
    stem = f'{5:012d}'
    _write(vpo / 'VPO-MS', stem, stem, mask)
    _write_table(vpo / 'VPO-MS/vpo_ms_data_stereo.csv', both)
    dogs = [
        [6, 3, 'dog', DOG, 'dog', 'val', 1, 0.0],
        [6, 4, 'dog', DOG, 'dog', 'val', 1, 1.0],
    ]
    mask = _mask({DOG: (slice(8), slice(24, 48))})
    _write(vpo / 'VPO-MSMI', f'{6:012d}', f'{6:012d}', mask)
    _write_table(vpo / 'VPO-MSMI/vpo_msmi_data_stereo.csv', [*both, *dogs])
    return root


def _mask(objects: dict[int, tuple[slice, slice]]) -> np.ndarray:
    ids = np.zeros(SIZE, np.uint8)
    for value, place in objects.items():
        ids[place] = value
    return ids


def _write(folder: Path, frame: str, mask: str, ids: np.ndarray) -> None:
    for kind, name, image in (
        ('data', f'{frame}.jpg', np.repeat(ids[..., None] * 3, 3, axis=2)),
        ('mask', f'{mask}.png', ids),
    ):
        path = folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def _write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with path.open('w', newline='') as file:
        csv.writer(file).writerows([_COLUMNS, *rows])
