"""tools/analysis_tools/analyze_results.py: pages of masks and of a model."""

import re

import numpy as np
import pytest
from PIL import Image
from support.tries import Try, check
from support.tries_inputs import write_inputs

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

TOOL = 'analysis_tools/analyze_results.py'


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_inputs(tmp_path)


def read_page(folder):
    page = (folder / 'page/index.html').read_text(encoding='utf-8')
    assert not re.search('https?:|<script', page)
    return page


def cells(page):
    """The texts of every row of every table."""
    return [
        re.findall('<t[dh][^>]*>([^<]*)<', row)
        for row in re.findall('<tr>.*?</tr>', page)
    ]


def test_masks_of_classes(place, capsys):
    """Clip a is right; the guitar of clip b is taken for clip a's dog."""
    for clip in 'ab':
        (place / 'pred' / clip).mkdir(parents=True)
        for t in range(5):
            label = place / f'data/v1m/{clip}/labels_semantic/{t}.png'
            ids = np.where(np.array(Image.open(label)) > 0, 17, 0)
            image = Image.fromarray(ids.astype(np.uint8))
            image.save(place / f'pred/{clip}/{t}.png')
    words = f'{TOOL} masks pred data --task avss --size 32 32 --workers 1'
    row = Try('page', f'{words} --out page', 'Wrote page/index.html', 0)
    check(row, place, capsys)
    page = read_page(place)
    table = cells(page)
    # 10 x 10 pixels in each of the five frames.
    assert ['guitar', 'dog', '1.0000', '500'] in table
    # The dog is right in five frames and predicted in five others.
    assert ['dog', '10', '0.5000', '0.5000', '0.5000', '0.5652'] in table
    assert ['guitar', '5', '0.0000', '0.0000', '0.0000', '0.0000'] in table
    # Classes present: background 1, dog 1/2, guitar 0.
    scores = {line[0]: line[1:5] for line in table}
    assert scores['present'] == ['0.5000', '0.5000', '0.2500', '0.2500']
    # F of all pixels of the dog: 1.3 * 500 / (0.3 * 500 + 1000) = 0.5652.
    assert scores['dataset'] == ['0.5000', '0.5217', '0.2500', '0.2826']
    assert '0 of 10 frames have no object' in page
    # The mIoU of the frames of clip b averages 1, 0 and 0.
    worst, best = page.split('<h2>Best clips</h2>')
    assert '<h2>v1m / b    mean IoU 0.333</h2>' in worst
    assert '<h2>v1m / a    mean IoU 1.000</h2>' in best
    # A sine of amplitude 0.3: 20 log10(0.3 / sqrt(2)) = -13.5.
    assert '-13, -13, -13, -13, -13 dBFS' in page
    for name in re.findall('src="(clips/[^"]*)"', page):
        assert (place / 'page' / name).is_file()


def test_model(place, capsys):
    """The stub marks the right half of every frame, which is loud.

    That is 288 of 24 x 24 pixels. The label of 10 x 10 of 32 x 32 pixels
    widens a little when it is made smaller.
    """
    words = f'{TOOL} model stub.py stub.pth --out page'
    check(Try('page', words, 'Wrote page/index.html', 0), place, capsys)
    page = read_page(place)
    assert 'stub, stub.pth: test, 2 clips' in page
    (scores,) = [line for line in cells(page) if line[0] == 'split']
    assert 0 < float(scores[1]) < 100 / 288
    assert 'Confusions' not in page


def test_model_of_stage_two(place, capsys):
    """The sheets show the prior, and the page the classes."""
    words = f'{TOOL} model two.py stub.pth --out page'
    check(Try('page', words, 'Wrote page/index.html', 0), place, capsys)
    assert 'Confusion matrix' in read_page(place)
