"""Damaged data sets: the clip, the file and the remedy are named."""

import argparse
import os
import shutil
import struct
import sys
import zlib

import numpy as np
import pytest
from mmavs.datasets import AVSBenchDataset
from mmavs.engine import error_line
from PIL import Image
from support import tries
from support.tries import Outcome, Try, check, rows
from support.tries_inputs import CLIP, SIZE, run_config

FRAME = f'{CLIP}/frames/3.jpg'
LABEL = f'{CLIP}/labels_rgb/2.png'
IDS = f'{CLIP}/labels_semantic/2.png'
WAV = f'{CLIP}/audio.wav'
TABLE = 'data/metadata.csv'
OF_CLIP = "of clip 'a'"
NO_SOUND = 'not a readable wav or flac: Format not recognised; replace'


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, content):
    content = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(content)


def cut(name, size):
    """Keep the first bytes of a file."""
    return lambda folder: os.truncate(folder / name, size)


def link_to_itself(name):
    def prepare(folder):
        (folder / name).unlink()
        (folder / name).symlink_to(folder / name)

    return prepare


def as_folder(name):
    def prepare(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return prepare


def picture(name, array, **options):
    """Replace an image by an array of any shape."""
    pixels = np.asarray(array, np.uint8)
    return lambda folder: Image.fromarray(pixels).save(
        folder / name, **options
    )


def bomb(name):
    """A PNG whose header announces 40000x40000 pixels."""

    def prepare(folder):
        content = bytearray((folder / name).read_bytes())
        content[16:24] = struct.pack('>II', 40000, 40000)
        content[29:33] = struct.pack('>I', zlib.crc32(content[12:29]))
        (folder / name).write_bytes(content)

    return prepare


def table(edit, encoding='utf-8'):
    """Edit the text of the table."""

    def prepare(folder):
        text = (folder / TABLE).read_text()
        (folder / TABLE).write_bytes(edit(text).encode(encoding))

    return prepare


def rename_clip(name):
    """Rename clip a, in the table and on disk."""

    def prepare(folder):
        (folder / CLIP).rename(folder / 'data/v1m' / name)
        table(lambda text: text.replace('a,a,', f'{name},{name},'))(folder)

    return prepare


def row(uid='z', split='test', label='v1m'):
    return f'{uid},{uid},0,0,dog,{split},{label}\n'


GREY = np.full(SIZE, 200)
COLOUR = np.full((*SIZE, 3), (1, 2, 3))
WORKS = 'clip a: 5 frames'

BINARY = [
    Try('works', '', WORKS, 0),
    Try('works-bom', '', WORKS, 0, table(lambda text: '\ufeff' + text)),
    Try('works-crlf', '', WORKS, 0, table(lambda t: t.replace('\n', '\r\n'))),
    Try('works-blank-last-line', '', WORKS, 0, table(lambda t: t + '\n')),
    Try('works-spaces', '', 'clip my clip: 5', 0, rename_clip('my clip')),
    Try('works-umlauts', '', 'clip für β: 5', 0, rename_clip('für β')),
    Try('works-grey-labels', '', WORKS, 0, picture(LABEL, GREY)),
    Try(
        'frame-missing',
        '',
        f'no frame file .*{FRAME} {OF_CLIP}.*expected layout',
        1,
        remove(FRAME),
    ),
    Try(
        'frame-cut',
        '',
        f'cannot read .*[Tt]runcated.*{FRAME} {OF_CLIP}',
        1,
        cut(FRAME, 500),
    ),
    Try(
        'frame-empty',
        '',
        f'cannot read .*{FRAME} {OF_CLIP}',
        1,
        write(FRAME, ''),
    ),
    Try(
        'frame-is-text',
        '',
        f'cannot read .*{FRAME} {OF_CLIP}',
        1,
        write(FRAME, 'no image'),
    ),
    Try(
        'frame-is-folder',
        '',
        f'cannot read .*{FRAME} {OF_CLIP}',
        1,
        as_folder(FRAME),
    ),
    Try(
        'frame-links-to-itself',
        '',
        f'cannot read .*{FRAME} {OF_CLIP}',
        1,
        link_to_itself(FRAME),
    ),
    Try(
        'frame-of-another-size',
        '',
        "frames of clip 'a' must have one size, "
        r'got .*set LoadClipFrames\(size',
        1,
        picture(FRAME, np.zeros((40, 40, 3))),
    ),
    Try(
        'frame-bomb',
        '',
        f'cannot read .*pixels.*{FRAME} {OF_CLIP}',
        1,
        lambda folder: (
            shutil.copy(folder / LABEL, folder / FRAME) and bomb(FRAME)(folder)
        ),
    ),
    Try(
        'label-missing',
        '',
        f'no mask file .*{LABEL} {OF_CLIP}',
        1,
        remove(LABEL),
    ),
    Try(
        'label-cut', '', f'cannot read .*{LABEL} {OF_CLIP}', 1, cut(LABEL, 60)
    ),
    Try(
        'label-empty',
        '',
        f'cannot read .*{LABEL} {OF_CLIP}',
        1,
        write(LABEL, ''),
    ),
    Try(
        'label-bomb',
        '',
        f'cannot read .*pixels.*{LABEL} {OF_CLIP}',
        1,
        bomb(LABEL),
    ),
    Try(
        'label-of-another-aspect',
        '',
        'a label must have the aspect ratio '
        rf'of its frame, .* got \(32, 64\); .*squash.*{LABEL}',
        1,
        picture(LABEL, np.zeros((32, 64, 3))),
    ),
    Try(
        'label-jpeg',
        '',
        f'labels must be stored without loss .PNG., got a JPEG.*{LABEL}',
        1,
        picture(LABEL, COLOUR, format='JPEG'),
    ),
    Try(
        'sound-missing',
        '',
        f"sound of clip 'a' .*is missing: .*{WAV}; exp",
        1,
        remove(WAV),
    ),
    Try(
        'sound-empty',
        '',
        f"sound of clip 'a'.*{WAV}.*: {NO_SOUND}",
        1,
        write(WAV, ''),
    ),
    Try(
        'sound-is-text',
        '',
        f"sound of clip 'a'.*{WAV}.*: {NO_SOUND}",
        1,
        write(WAV, 'no sound ' * 20),
    ),
    Try(
        'sound-garbage',
        '',
        f"sound of clip 'a'.*{WAV}.*: {NO_SOUND}",
        1,
        write(WAV, bytes(range(256)) * 8),
    ),
    Try(
        'sound-cut-in-the-header',
        '',
        f"sound of clip 'a'.*{WAV}.*: not a readable wav",
        1,
        cut(WAV, 30),
    ),
    Try(
        'sound-without-samples',
        '',
        f"sound of clip 'a'.*{WAV}.*no samples",
        1,
        cut(WAV, 44),
    ),
    Try(
        'sound-cut',
        '',
        f"sound of clip 'a'.*{WAV}.*: it is cut off: 40000",
        1,
        cut(WAV, 40000),
    ),
    Try(
        'sound-is-folder',
        '',
        f"sound of clip 'a' .*is missing: {WAV}; expected layout",
        1,
        as_folder(WAV),
    ),
    Try(
        'sound-links-to-itself',
        '',
        f'is missing: {WAV}; expected',
        1,
        link_to_itself(WAV),
    ),
    Try(
        'table-missing',
        '',
        f'{TABLE} not found; .* Check data_root',
        1,
        remove(TABLE),
    ),
    Try(
        'table-empty',
        '',
        f'{TABLE}: expected columns .* missing; got the '
        r'header \[\]',
        1,
        write(TABLE, ''),
    ),
    Try(
        'table-header-only',
        '',
        'no clip with split in .*test.* among the 0 clips',
        1,
        table(lambda text: text.split('\n')[0]),
    ),
    Try(
        'table-is-folder',
        '',
        f'{TABLE} not found; expected',
        1,
        as_folder(TABLE),
    ),
    Try(
        'table-utf-16',
        '',
        f'{TABLE}: expected text in UTF-8, got byte .*; save',
        1,
        table(str, 'utf-16'),
    ),
    Try(
        'table-latin-1',
        '',
        f'{TABLE}: expected text in UTF-8, got byte .*; save',
        1,
        table(lambda text: text + row('für'), 'latin-1'),
    ),
    Try(
        'table-column-missing',
        '',
        rf"{TABLE}: .*\['split'\] missing; got",
        1,
        table(lambda text: text.replace('split', 'part')),
    ),
    Try(
        'table-semicolons',
        '',
        rf'{TABLE}: expected columns .*missing; got',
        1,
        table(lambda text: text.replace(',', ';')),
    ),
    Try(
        'table-short-row',
        '',
        f'{TABLE}, row 6: label .* got None',
        1,
        table(lambda text: text + 'z,z,0\n'),
    ),
    Try(
        'table-long-field',
        '',
        f'{TABLE}, line 6: .*field larger than field limit',
        1,
        table(lambda text: text + 'x' * 200_000),
    ),
    Try(
        'table-twice',
        '',
        f"{TABLE}, row 6: uid 'a' .* already in row 2",
        1,
        table(lambda text: text + row('a')),
    ),
    Try(
        'table-slash',
        '',
        f"{TABLE}, row 6: uid must name a folder, got 'x/",
        1,
        table(lambda text: text + row('x/y')),
    ),
    Try(
        'table-parent',
        '',
        f'{TABLE}, row 6: uid must name a folder',
        1,
        table(lambda text: text + row('..')),
    ),
    Try(
        'table-no-uid',
        '',
        "uid must name a folder, got ''",
        1,
        table(lambda text: text + row('')),
    ),
    Try(
        'table-split',
        '',
        f"{TABLE}, row 6: split must be one of .*'dev'",
        1,
        table(lambda text: text + row(split='dev')),
    ),
    Try(
        'table-subset',
        '',
        f'{TABLE}, row 6: label .the subset. must be one',
        1,
        table(lambda text: text + row(label='v3')),
    ),
    Try(
        'clip-folder-missing',
        '',
        "no frame file .* of clip 'z'",
        1,
        table(lambda text: text.split('\n')[0] + '\n' + row()),
    ),
]
SEMANTIC = [
    Try('works', '', WORKS, 0),
    Try(
        'colour-of-no-class',
        '',
        rf'\(1, 2, 3\).*{LABEL}.*unknown_colour',
        1,
        picture(LABEL, COLOUR),
    ),
    Try(
        'black-and-white',
        '',
        f'{LABEL}.*black-and-white labels',
        1,
        picture(LABEL, np.full((*SIZE, 3), 255)),
    ),
    Try('grey', '', rf'\(200, 200, 200\).*{LABEL}', 1, picture(LABEL, GREY)),
]
STORED_IDS = [
    Try('works', '', WORKS, 0),
    Try(
        'id-of-no-class',
        '',
        rf'class ids must be 0..70, got 200 .*{IDS}',
        1,
        picture(IDS, GREY),
    ),
    Try(
        'colours',
        '',
        'labels_semantic must be 8-bit grey images of class '
        f"ids, got mode 'RGB' .*{IDS}",
        1,
        picture(IDS, COLOUR),
    ),
    Try('missing', '', f'no mask file .*{IDS}', 1, remove(IDS)),
]


def load(row, place, capsys, **options):
    """Build the data set and load its first clip, as the tools do."""
    if row.prepare is not None:
        row.prepare(place)
    cfg = run_config(**options).test_dataloader.dataset
    cfg.pop('type')
    cfg.pipeline[1].label = options.get('labels', 'binary')
    code, args = 0, argparse.Namespace(traceback=False)
    capsys.readouterr()
    try:
        with tries.own_globals(), error_line(args):
            dataset = AVSBenchDataset(**cfg)
            item = dataset[0]
            # The sound is decoded when its samples are needed.
            assert np.isfinite(item['inputs']['audio'].numpy()).all()
            uid = item['data_samples'][0].clip_id
            print(f'clip {uid}: {len(item["data_samples"])} frames')
    except SystemExit as end:
        print(end.code, file=sys.stderr)
        code = 1
    tries.check_outcome(
        Outcome(code, *capsys.readouterr()), row.line, row.code
    )


@rows(BINARY)
def test_binary(row, place, capsys):
    load(row, place, capsys)


@rows(SEMANTIC)
def test_semantic(row, place, capsys):
    load(row, place, capsys, labels='semantic')


@rows(STORED_IDS)
def test_stored_ids(row, place, capsys):
    folder = 'labels_semantic'
    load(row, place, capsys, labels='semantic', label_folder=folder)


@pytest.mark.parametrize(
    'name',
    [
        'frame-missing',
        'label-cut',
        'sound-missing',
        'sound-cut',
        'table-slash',
    ],
)
def test_the_tool_says_the_same(name, place, capsys):
    (row,) = (row for row in BINARY if row.name == name)
    row = row._replace(words='test.py stub.py stub.pth')
    check(row, place, capsys)
