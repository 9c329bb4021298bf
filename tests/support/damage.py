"""A miniature of AVSBench and ways to damage it.

Each entry of :data:`DAMAGES` changes one thing in the tree of
:func:`write_tree`, and names the finding that must come of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from mmavs.datasets.metainfo import AVSBENCH_PALETTE
from PIL import Image

from support.avsbench_tree import Clip, write_avsbench_tree

Change = Callable[[Path], object]

SIZE = (24, 32)
#: Of different classes, so that no two clips have the same frames.
CLIPS = (
    Clip('v1s', 'train', 'one_0_5000', 17, SIZE),
    Clip('v1s', 'test', 'two_0_5000', 28, SIZE),
    Clip('v1m', 'val', 'three', 3, SIZE),
    Clip('v2', 'test', 'four_0_10000', 70, SIZE),
)
COUNTS = {(clip.subset, clip.split): 1 for clip in CLIPS}

TABLE = 'metadata.csv'
TRAIN, TEST = 'v1s/one_0_5000', 'v1s/two_0_5000'
FRAMES = f'{TEST}/frames'
FRAME = f'{FRAMES}/3.jpg'
LABEL = f'{TEST}/labels_rgb/2.png'
IDS = f'{TEST}/labels_semantic/2.png'
WAV = f'{TEST}/audio.wav'
PREPARE = 'python tools/dataset_converters/prepare_avsbench.py SRC'
RESTORE = rf'^rm -f -- \S+ && {PREPARE}'
RESTORE_FOLDER = rf'^rm -rf -- \S+ && {PREPARE}'
REMOVE = r'^rm -f -- \S+$'
#: A colour of the palette that no clip has.
SPECK_COLOUR = AVSBENCH_PALETTE[5]


class Damage(NamedTuple):
    """One kind of damage.

    Attributes:
        name (str): Id of the test.
        apply (Change): Damages the tree at a path.
        kind (str): The finding.
        path (str): What the finding must name, below the root.
        text (str): Regular expression for the finding's text.
        mend (str): Regular expression for its command.
    """

    name: str
    apply: Change
    kind: str
    path: str
    text: str
    mend: str = RESTORE


def write_tree(root: Path) -> Path:
    """Write the undamaged tree."""
    return write_avsbench_tree(root, CLIPS)


def remove(name: str) -> Change:
    """Remove a file or a folder."""

    def apply(root: Path) -> None:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    return apply


def write(name: str, content: bytes) -> Change:
    """Write a file."""
    return lambda root: (root / name).write_bytes(content)


def cut(name: str, size: int) -> Change:
    """Keep the first bytes of a file."""
    return lambda root: os.truncate(root / name, size)


def close(name: str) -> Change:
    """Take all permissions away."""
    return lambda root: (root / name).chmod(0)


def link(name: str, target: str) -> Change:
    """Replace a file by a symbolic link."""

    def apply(root: Path) -> None:
        (root / name).unlink()
        (root / name).symlink_to(target)

    return apply


def as_folder(name: str) -> Change:
    """Replace a file by a folder."""

    def apply(root: Path) -> None:
        (root / name).unlink()
        (root / name).mkdir()

    return apply


def rename(name: str, new: str) -> Change:
    """Rename a file."""
    return lambda root: (root / name).rename(root / new)


def copy(name: str, new: str) -> Change:
    """Copy a file or a folder."""

    def apply(root: Path) -> None:
        if (root / name).is_dir():
            shutil.copytree(root / name, root / new)
        else:
            shutil.copyfile(root / name, root / new)

    return apply


def image(
    name: str,
    edit: Callable[[Image.Image], Image.Image],
    file_format: str | None = None,
) -> Change:
    """Change an image."""

    def apply(root: Path) -> None:
        with Image.open(root / name) as opened:
            opened.load()
        edit(opened).save(root / name, format=file_format)

    return apply


def pixels(pattern: str, edit: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Change the pixels of all images that match a pattern."""

    def apply(root: Path) -> None:
        for path in sorted(root.glob(pattern)):
            array = np.array(Image.open(path))
            Image.fromarray(edit(array).astype(np.uint8)).save(path)

    return apply


def sound(
    edit: Callable[[np.ndarray], np.ndarray] = lambda samples: samples,
    rate: int = 16000,
    subtype: str = 'PCM_16',
) -> Change:
    """Change the samples or the coding of a sound."""

    def apply(root: Path) -> None:
        samples, _ = soundfile.read(root / WAV)
        soundfile.write(root / WAV, edit(samples), rate, subtype)

    return apply


def table(edit: Callable[[str], str], encoding: str = 'utf-8') -> Change:
    """Change the text of the table."""

    def apply(root: Path) -> None:
        text = edit((root / TABLE).read_text('utf-8'))
        (root / TABLE).write_bytes(text.encode(encoding))

    return apply


def several(*changes: Change) -> Change:
    """Make several changes."""

    def apply(root: Path) -> None:
        for change in changes:
            change(root)

    return apply


def _off_by_one(array: np.ndarray) -> np.ndarray:
    """Change the colour of one object pixel by one step of red."""
    changed = array.copy()
    row, column = np.argwhere(array.any(axis=-1))[0]
    changed[row, column, 0] += 1
    return changed


def _as_white(array: np.ndarray) -> np.ndarray:
    return np.where(array.any(axis=-1, keepdims=True), 255, array)


def _other_corner(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[0, :2] = 5
    return changed


def _row(text: str, number: int) -> str:
    return text.splitlines(keepends=True)[number]


def _swap_splits(text: str) -> str:
    text = text.replace('dog,train', 'dog,test')
    return text.replace('guitar,test', 'guitar,train')


DAMAGES = [
    Damage(
        'frame-missing',
        remove(FRAME),
        'frame-missing',
        FRAME,
        'no such',
        f'^{PREPARE}',
    ),
    Damage(
        'frame-with-another-suffix',
        rename(FRAME, FRAME.replace('.jpg', '.JPEG')),
        'frame-missing',
        FRAME,
        r'there is 3\.JPEG',
        f'^{PREPARE}',
    ),
    Damage('frame-0-bytes', cut(FRAME, 0), 'frame-empty', FRAME, '0 bytes'),
    Damage(
        'frame-truncated',
        cut(FRAME, 400),
        'frame-unreadable',
        FRAME,
        'cannot read',
    ),
    Damage(
        'frame-is-text',
        write(FRAME, b'<html>404</html>'),
        'frame-unreadable',
        FRAME,
        'cannot identify',
    ),
    Damage(
        'frame-of-another-size',
        image(FRAME, lambda old: old.resize((16, 12))),
        'frame-size',
        FRAME,
        r'expected \(H, W\) = \(24, 32\) as in frame 0, got \(12, 16\)',
    ),
    Damage(
        'frame-grey',
        image(FRAME, lambda old: old.convert('L')),
        'frame-mode',
        FRAME,
        'expected mode RGB, got L',
    ),
    Damage(
        'frame-links-to-itself',
        link(FRAME, '3.jpg'),
        'frame-link',
        FRAME,
        'in a circle',
    ),
    Damage(
        'frame-links-nowhere',
        link(FRAME, '/no/where.jpg'),
        'frame-link',
        FRAME,
        'symbolic link to /no/where.jpg, which is missing',
    ),
    Damage(
        'frame-is-a-folder',
        as_folder(FRAME),
        'frame-folder',
        FRAME,
        'expected a file, got a folder',
        RESTORE_FOLDER,
    ),
    Damage(
        'frame-nobody-may-read',
        close(FRAME),
        'frame-permission',
        FRAME,
        r'mode -{10}',
        r'^chmod u\+r -- ',
    ),
    Damage(
        'frame-too-many',
        copy(FRAME, f'{FRAMES}/5.jpg'),
        'file-extra',
        f'{FRAMES}/5.jpg',
        'the clip has 5 frames',
        REMOVE,
    ),
    Damage(
        'temporary-file-of-a-killed-copy',
        write(f'{FRAMES}/.3-abc.jpg', b''),
        'file-leftover',
        f'{FRAMES}/.3-abc.jpg',
        'killed',
        REMOVE,
    ),
    Damage(
        'frames-folder-missing',
        remove(FRAMES),
        'frames-missing',
        FRAMES,
        'folder of 5 frames: there is no such',
        f'^{PREPARE}',
    ),
    Damage(
        'clip-missing',
        remove(TEST),
        'clip-missing',
        TEST,
        'no such',
        f'^{PREPARE}',
    ),
    Damage(
        'clip-nobody-may-list',
        close(FRAMES),
        'frames-permission',
        FRAMES,
        'may not be listed',
        r'^chmod u\+rx -- ',
    ),
    Damage(
        'clip-not-in-the-table',
        copy(TEST, 'v1s/other'),
        'clip-unlisted',
        'v1s/other',
        'the table lists no such clip',
        r'^rm -rf -- \S+$',
    ),
    Damage(
        'label-missing',
        remove(LABEL),
        'label-missing',
        LABEL,
        'no such',
        f'^{PREPARE}',
    ),
    Damage(
        'label-truncated', cut(LABEL, 60), 'label-unreadable', LABEL, 'read'
    ),
    Damage(
        'label-of-another-size',
        image(LABEL, lambda old: old.resize((16, 12), 0)),
        'label-size',
        LABEL,
        r'expected the size of the frame, \(24, 32\), got \(12, 16\)',
    ),
    Damage(
        'label-colour-off-by-one',
        pixels(LABEL, _off_by_one),
        'label-colour',
        LABEL,
        r'got RGB \(\d+, \d+, \d+\) in 1 of 768 pixels',
        'validate_avsbench.py .* --clean-labels$',
    ),
    Damage(
        'label-is-jpeg',
        image(LABEL, lambda old: old, 'JPEG'),
        'label-format',
        LABEL,
        'got a JPEG',
    ),
    Damage(
        'label-16-bit',
        image(IDS, lambda old: old.convert('I;16'), 'PNG'),
        'label-mode',
        IDS,
        "got 'I;16'",
    ),
    Damage(
        'label-black-and-white-among-colours',
        pixels(f'{TEST}/labels_rgb/*.png', _as_white),
        'label-binary',
        f'{TEST}/labels_rgb',
        'black and white labels in 1 clips of v1s',
        RESTORE_FOLDER,
    ),
    Damage(
        'label-id-too-large',
        pixels(IDS, lambda ids: ids * 3),
        'label-id',
        IDS,
        r'expected class ids 0\.\.70, got 84',
    ),
    Damage(
        'label-ids-start-at-1',
        pixels('*/*/labels_semantic/*.png', lambda ids: ids + 1),
        'label-base',
        '',
        'ids that start at 1, in 4 clips',
        'validate_avsbench.py .* --shift-labels$',
    ),
    Damage(
        'label-kinds-disagree',
        pixels(IDS, _other_corner),
        'label-disagree',
        f'{TEST}/labels_semantic',
        'disagree with the colours',
        RESTORE_FOLDER,
    ),
    Damage(
        'sound-missing',
        remove(WAV),
        'sound-missing',
        WAV,
        'no such',
        f'^{PREPARE}',
    ),
    Damage('sound-0-bytes', cut(WAV, 0), 'sound-empty', WAV, '0 bytes'),
    Damage(
        'sound-without-samples',
        sound(lambda samples: samples[:0]),
        'sound-empty',
        WAV,
        'no samples',
    ),
    Damage('sound-truncated', cut(WAV, 5000), 'sound-cut', WAV, 'cut off'),
    Damage(
        'sound-is-no-sound',
        write(WAV, b'x' * 99),
        'sound-unreadable',
        WAV,
        'not a readable wav',
    ),
    Damage(
        'sound-8-bit', sound(subtype='PCM_U8'), 'sound-8-bit', WAV, 'PCM_U8'
    ),
    Damage(
        'sound-not-a-number',
        sound(lambda samples: samples * np.nan, subtype='FLOAT'),
        'sound-not-finite',
        WAV,
        'not finite',
    ),
    Damage(
        'sound-too-short',
        sound(lambda samples: samples[:32000]),
        'sound-short',
        WAV,
        r'at least 4\.815 s for 5 frames, got 2\.000 s',
    ),
    Damage(
        'sound-too-long',
        sound(lambda samples: np.tile(samples, 2)),
        'sound-long',
        WAV,
        r'expected 5 s for 5 frames, got 10\.040 s',
    ),
    Damage('sound-of-8-kHz', sound(rate=8000), 'sound-rate', WAV, 'got 8000'),
    Damage(
        'sound-silent',
        sound(lambda samples: samples * 0),
        'sound-silent',
        WAV,
        'silent',
    ),
    Damage(
        'table-missing',
        remove(TABLE),
        'table-missing',
        TABLE,
        'no such',
        f'^{PREPARE}',
    ),
    Damage(
        'table-with-bom',
        table(lambda text: text, 'utf-8-sig'),
        'table-bom',
        TABLE,
        'byte order mark',
        '^sed -i ',
    ),
    Damage(
        'table-with-cr-lf',
        table(lambda text: text.replace('\n', '\r\n')),
        'table-crlf',
        TABLE,
        'CR LF',
        '^sed -i ',
    ),
    Damage(
        'table-in-latin-1',
        table(lambda text: text.replace('three', 'dr\xe9'), 'latin-1'),
        'table-encoding',
        TABLE,
        'expected UTF-8, got byte 0xe9',
    ),
    Damage(
        'table-without-a-column',
        table(
            lambda text: text.replace(' split ', ' ').replace(
                ',split,', ',part,'
            )
        ),
        'table-columns',
        TABLE,
        r"\['split'\] missing",
    ),
    Damage(
        'table-without-rows',
        table(lambda text: _row(text, 0)),
        'table-rows',
        TABLE,
        'lists no clip',
    ),
    Damage(
        'table-with-a-short-row',
        table(lambda text: text + 'x,x\n'),
        'table-row',
        TABLE,
        'line 6: it has too few columns',
    ),
    Damage(
        'table-with-a-clip-twice',
        table(lambda text: text + _row(text, 2)),
        'table-duplicate',
        TABLE,
        'line 6: clip v1s/two_0_5000 is already in line 3',
        "^sed -i '6d'",
    ),
    Damage(
        'table-with-another-split',
        table(lambda text: text.replace(',val,', ',dev,')),
        'table-split',
        TABLE,
        "line 4: expected one of .* got 'dev'",
    ),
    Damage(
        'table-with-another-subset',
        table(lambda text: text.replace(',v1m', ',ms3')),
        'table-subset',
        TABLE,
        "line 4: expected one of .* got 'ms3'",
    ),
    Damage(
        'table-with-a-path-as-uid',
        table(lambda text: text.replace('three,', '../three,')),
        'table-uid',
        TABLE,
        'expected a folder name',
    ),
    Damage(
        'table-with-a-clip-less',
        several(
            table(lambda text: text.replace(_row(text, 2), '')), remove(TEST)
        ),
        'count',
        TABLE,
        'expected 1 clips of v1s, split test, got 0',
    ),
    Damage(
        'splits-swapped',
        several(
            table(_swap_splits),
            *[remove(f'{TRAIN}/labels_rgb/{t}.png') for t in range(1, 5)],
        ),
        'split-swapped',
        TABLE,
        "line 2: split 'test', but only frame 0 has a label",
        "^sed -i '2s/",
    ),
    Damage(
        'same-uid-in-two-splits',
        several(
            copy(TRAIN, 'v1m/one_0_5000'),
            table(
                lambda text: (
                    text + _row(text, 1).replace('train,v1s', 'test,v1m')
                )
            ),
        ),
        'split-overlap',
        TABLE,
        r'v1s/one_0_5000 \(split train\) and v1m/one_0_5000 \(split test\)',
        "^sed -i '2d'",
    ),
    Damage(
        'same-picture-in-train-and-test',
        copy(f'{TRAIN}/frames/1.jpg', FRAME),
        'same-picture',
        TABLE,
        r'v1s/one_0_5000 \(split train\) and v1s/two_0_5000 \(split test\)',
        "^sed -i '2d'",
    ),
]
