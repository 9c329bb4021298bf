"""tools/analysis_tools/browse_dataset.py writes a page of clips."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from support.tries import Try, check
from support.tries_inputs import write_inputs

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

TOOL = 'analysis_tools/browse_dataset.py'


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_inputs(tmp_path)


class Links(HTMLParser):
    """Collects the files that a page names."""

    def __init__(self):
        super().__init__()
        self.files = []

    def handle_starttag(self, tag, attrs):
        self.files += [value for name, value in attrs if name == 'src']


def test_page_of_stage_two(place, capsys):
    """Two test clips of v1m: sheets with a prior, and their sound."""
    words = f'{TOOL} two.py --phase test --out page --num-clips 5'
    row = Try('page', words, 'Wrote page/index.html', 0)
    check(row, place, capsys)
    page = (place / 'page' / 'index.html').read_text(encoding='utf-8')
    assert '<h2>v1m / a</h2>' in page
    assert '<h2>v1m / b</h2>' in page
    assert '2 of 2 clips' in page
    links = Links()
    links.feed(page)
    assert links.files == [
        'clips/0.png', 'clips/0.wav', 'clips/1.png', 'clips/1.wav',
    ]  # fmt: skip
    for name in links.files:
        assert (place / 'page' / name).is_file()
    assert (place / 'page/clips/0.wav').read_bytes() == (
        place / 'data/v1m/a/audio.wav'
    ).read_bytes()
    assert not re.search('https?:|<script', page)
    sheet = np.asarray(Image.open(place / 'page/clips/0.png').convert('RGB'))
    # Rows of frames, truth, prior and audio: higher than it would be of three.
    assert sheet.shape[0] > 0.7 * sheet.shape[1]
    # Again: the page of an earlier run is replaced.
    check(row, place, capsys)
