"""Folders of masks: of other clips, cut off, or with the user's files."""

import json
import shutil

import pytest
from mmavs.fingerprint import hash_file
from PIL import Image
from support.tries import Try, check, rows, run_tool

FILES = 'test_dataloader.dataset.mask_prior.source=files'
ROOT = 'test_dataloader.dataset.mask_prior.root'
CHECK = 'default_hooks.mask_prior_check'
TWO = (
    f'test.py two.py stub.pth --cfg-options {FILES} {ROOT}=masks '
    f'{CHECK}.type=MaskPriorCheckHook'
)
DUMP = 'test.py stub.py stub.pth --dump-masks masks'
INDEX = 'masks/index.json'
MASK = 'masks/v1m/a/2.png'


def cut_index(folder):
    text = (folder / INDEX).read_text()
    (folder / INDEX).write_text(text[: len(text) // 2])


def edit_index(edit):
    def prepare(folder):
        content = json.loads((folder / INDEX).read_text())
        edit(content)
        (folder / INDEX).write_text(json.dumps(content))

    return prepare


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, text):
    def prepare(folder):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return prepare


def resize(folder):
    with Image.open(folder / MASK) as image:
        image.resize((7, 7)).save(folder / MASK)


def swap_sound(folder):
    first, second = (folder / f'data/v1m/{n}/audio.wav' for n in 'ab')
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def swap_frames(folder):
    first, second = (folder / f'data/v1m/{n}/frames/0.jpg' for n in 'ab')
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


REMEDY = '.*masks are made by `python tools/test.py'
READ = [
    Try('works', TWO, r'Epoch\(test\).*mIoU', 0),
    Try(
        'missing',
        TWO.replace('=masks', '=none'),
        f'no index.json, .*none/ind.*{REMEDY}',
    ),
    Try(
        'index-missing',
        TWO,
        f'no index.json, .*interrupted: {INDEX}{REMEDY}',
        1,
        remove(INDEX),
    ),
    Try('index-cut', TWO, f'cannot read .*{INDEX}{REMEDY}', 1, cut_index),
    Try(
        'index-of-nothing',
        TWO,
        'an index needs checkpoint_hash and clips',
        1,
        write(INDEX, '[]'),
    ),
    Try(
        'clip-not-listed',
        TWO,
        f'lists 0 masks, expected 5, of {REMEDY}',
        1,
        edit_index(lambda content: content['clips'].clear()),
    ),
    Try('mask-missing', TWO, f'{MASK}.*of clip .a.{REMEDY}', 1, remove(MASK)),
    Try(
        'mask-empty', TWO, f'cannot read .*{MASK}{REMEDY}', 1, write(MASK, '')
    ),
    Try(
        'mask-of-another-size',
        TWO,
        rf'must be \(24, 24\), got \(7, 7\) in '
        f'{MASK}{REMEDY}',
        1,
        resize,
    ),
    Try(
        'other-size',
        f'{TWO} {CHECK}.size=[96,96]',
        r'must be \(96, 96\), got \(24, 24\)',
    ),
    Try(
        'other-checkpoint',
        f'{TWO} {CHECK}.expect_checkpoint=abc',
        f'predicted by another checkpoint: {INDEX} says .*, expected abc',
    ),
    Try(
        'other-mode',
        f'{TWO} {CHECK}.expect_mode=soft',
        'lists hard masks, expected soft ones',
    ),
    Try(
        'own-sound-with-swap',
        TWO.replace('stub.pth', 'stub.pth --swap-sound'),
        "predicted with sound_from='own', but this run has sound_from="
        f"'next_clip'.*any_sound=True.*{REMEDY}",
    ),
    Try(
        'own-sound-with-swap-allowed',
        TWO.replace('stub.pth', 'stub.pth --swap-sound')
        + f' {CHECK}.any_sound=True',
        r'Epoch\(test\).*mIoU',
        0,
    ),
    Try('other-sound', TWO, f'{INDEX}.*sound', 1, swap_sound),
    Try('other-frames', TWO, f'{INDEX}.*frame', 1, swap_frames),
]
LABEL = 'data/v1m/a/labels_rgb/0.png'
WRITE = [
    Try('works-again', DUMP, '2 of 2 clips have their masks', 0),
    Try(
        'into-the-data',
        DUMP.replace(' masks', ' data'),
        'data: expected a new folder for masks',
        1,
        keeps=[LABEL, 'data/metadata.csv'],
    ),
    Try(
        'into-labels',
        DUMP.replace(' masks', ' data/v1m/a/labels_rgb'),
        'expected a new folder for masks.*Nothing was changed',
        1,
        keeps=[LABEL],
    ),
    Try(
        'into-a-file',
        DUMP.replace(' masks', ' stub.pth'),
        'stub.pth: expected a folder for masks, got a file',
        1,
        keeps=['stub.pth'],
    ),
    Try(
        'beside-a-file',
        DUMP,
        'got notes.txt, which no',
        1,
        write('masks/notes.txt', 'mine'),
        ['masks/notes.txt', MASK],
    ),
    Try(
        'under-a-file',
        DUMP.replace(' masks', ' stub.pth/masks'),
        'stub.pth',
        1,
        keeps=['stub.pth'],
    ),
]


@pytest.fixture(scope='module')
def kept(tmp_path_factory):
    """Where the first test leaves a copy of the masks for the others."""
    return tmp_path_factory.mktemp('kept') / 'masks'


@pytest.fixture
def dumped(place, capsys, kept):
    """The folder with masks that stage one wrote."""
    if kept.exists():
        shutil.copytree(kept, place / 'masks')
        return place
    outcome = run_tool('test.py', DUMP.split()[1:], capsys)
    assert outcome.code == 0, outcome.err
    assert hash_file(place / 'stub.pth') in (place / INDEX).read_text()
    shutil.copytree(place / 'masks', kept)
    return place


@rows(READ)
def test_reading(row, dumped, capsys):
    check(row, dumped, capsys)


@rows(WRITE)
def test_writing(row, dumped, capsys):
    check(row, dumped, capsys)
