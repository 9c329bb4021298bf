"""tools/eval_masks.py: what it prints, and wrong masks."""

import json

import numpy as np
import pytest
from PIL import Image
from support.tries import Try, check, rows

TOOL = 'eval_masks.py pred data --task ms3 --size 32 32 --workers 1'


def write_predictions(folder, values=(0, 255)):
    """The labels themselves, of both test clips."""
    for clip in 'ab':
        target = folder / 'pred' / clip
        target.mkdir(parents=True)
        for t in range(5):
            label = folder / f'data/v1m/{clip}/labels_rgb/{t}.png'
            inside = np.array(Image.open(label)).any(-1)
            mask = np.where(inside, values[1], values[0]).astype(np.uint8)
            Image.fromarray(mask).save(target / f'{t}.png')


def predictions(then=lambda folder: None, **options):
    def prepare(folder):
        write_predictions(folder, **options)
        then(folder)

    return prepare


def resize(folder):
    path = folder / 'pred/b/2.png'
    Image.open(path).resize((8, 4)).save(path)


TRIES = [
    Try('nothing', 'eval_masks.py', 'arguments are required', 2),
    Try('no-folder', TOOL, 'pred: expected a folder of masks'),
    Try(
        'no-clip',
        TOOL,
        r"masks of clip 'a' \(subset 'v1m'\) in the folder .*found neither",
        1,
        lambda folder: (folder / 'pred').mkdir(),
    ),
    Try(
        'too-few',
        TOOL,
        r'expected 5 masks \(\*.png\), one per frame, got 4 in pred/b',
        1,
        predictions(lambda folder: (folder / 'pred/b/3.png').unlink()),
    ),
    Try(
        'other-size',
        TOOL,
        'expected 32x32 .*got 4x8 in pred/b/2.png; set --size',
        1,
        predictions(resize),
    ),
    Try(
        'zero-and-one',
        TOOL,
        'values up to 255, got 0 and 1 in pred/a; set --white 1',
        1,
        predictions(values=(0, 1)),
    ),
    Try(
        'colours',
        TOOL,
        "8-bit grey images .*got mode 'RGB' in pred/a/0.png",
        1,
        predictions(
            lambda folder: Image.new('RGB', (32, 32), 'red').save(
                folder / 'pred/a/0.png'
            )
        ),
    ),
    Try(
        'unknown-class',
        TOOL.replace('ms3', 'avss'),
        r'class ids must be 0\.\.70, got 255 in pred/a/0.png',
        1,
        predictions(),
    ),
    Try(
        'keeps-files',
        f'{TOOL} --out old.json',
        'old.json: expected a file that does not exist yet; .*--force',
        1,
        predictions(lambda folder: (folder / 'old.json').write_text('')),
    ),
    Try(
        'classes-of-binary-masks',
        f'{TOOL} --per-class c.csv',
        '--per-class needs --task avss or vpo',
        2,
    ),
    Try('no-draws', f'{TOOL} --resamples 0', 'must be 1 or more, got 0', 2),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)


def test_two_folders(place, capsys):
    """The labels score 1; empty masks score 0 and differ by all of that."""
    write_predictions(place)
    (place / 'pred').rename(place / 'other')
    for path in (place / 'other').glob('*/*.png'):
        Image.new('L', (32, 32)).save(path)
    write_predictions(place)
    row = Try(
        'two',
        f'{TOOL} --other other --resamples 20 --out scores.json '
        '--per-clip clips.csv',
        r'frame/F +1.0000 \[ *1.0000, +1.0000\]',
        0,
    )
    check(row, place, capsys)
    written = json.loads((place / 'scores.json').read_text())
    assert written['clips'] == 2
    for name in ('split/mIoU', 'stepping_stones/F', 'avsbench-bs2/mIoU'):
        score = written['scores'][name]
        assert score['pred_dir']['value'] == 1
        assert score['difference']['low'] == score['difference']['value']
    assert written['scores']['split/mIoU']['other']['value'] == 0
    table = (place / 'clips.csv').read_text().splitlines()
    assert len(table) == 3
    assert table[1].startswith('0,v1m,a,5,5,1.0,1.0,')


def test_classes(place, capsys):
    """Empty masks of AVSS: only the background is right."""
    write_predictions(place, values=(0, 0))
    row = Try(
        'avss',
        f'{TOOL.replace("ms3", "avss")} --resamples 5 --per-class c.csv '
        '--per-clip clips.csv',
        'present/mIoU +0.',
        0,
    )
    check(row, place, capsys)
    assert len((place / 'c.csv').read_text().splitlines()) == 72
    rows_of_clips = (place / 'clips.csv').read_text().splitlines()
    background = float(rows_of_clips[1].split(',')[4])
    # Background and one class, which is missed.
    assert background == pytest.approx(0.5, abs=0.1)


def test_vpo(place, capsys):
    """A dog that is found, and a cat (id 6) that is taken for a dog (9)."""
    lines = ['uid,frame,mask,a_obj,split,type']
    for uid, label, predicted in (('x', 9, 9), ('y', 6, 9)):
        truth = np.zeros((32, 32), np.uint8)
        truth[:16] = label
        folder = place / f'vpo/VPO-SS/{uid}/labels_semantic'
        folder.mkdir(parents=True)
        Image.fromarray(truth).save(folder / 'mask.png')
        (place / 'pred' / uid).mkdir(parents=True)
        mask = np.where(truth > 0, predicted, 0).astype(np.uint8)
        Image.fromarray(mask).save(place / f'pred/{uid}/0.png')
        lines.append(f'{uid},frame.jpg,mask.png,dog,test,VPO-SS')
    (place / 'vpo/vpo_data_clean.csv').write_text('\n'.join(lines) + '\n')
    words = TOOL.replace('ms3', 'vpo').replace('data', 'vpo')
    # Background 1, dog 1/2, cat 0.
    row = Try('vpo', f'{words} --resamples 5', 'dataset/mIoU +0.5000', 0)
    outcome = check(row, place, capsys)
    assert 'avsbench' not in outcome.out
