"""benchmarks/dataloader.py: clips, and equal items of all its loaders."""

import pytest

from benchmarks import dataloader
from benchmarks.dataloader import check_equal, make_loaders, write_clips


@pytest.fixture
def root(tmp_path):
    write_clips(tmp_path, 1)
    return tmp_path


def test_every_loader_gives_the_clip(root, monkeypatch):
    monkeypatch.setattr(
        dataloader.published_loaders, 'why_not', lambda system: 'not here'
    )
    result = dataloader.measure('tpavi', root, rounds=1)
    assert result['max_difference'] is None
    names = ['plain', 'cached', 'packed', 'packed, normalised']
    assert list(result['loaders']) == names
    for row in result['loaders'].values():
        assert row['clips_per_second'] > 0


def test_a_difference_is_an_error(root, monkeypatch):
    monkeypatch.setattr(
        dataloader.published_loaders, 'why_not', lambda system: 'not here'
    )
    loaders = make_loaders('tpavi', root)
    plain = loaders['plain'](0)
    plain['inputs']['frames'][0, 0, 0, 0] ^= 1
    loaders['plain'] = [plain].__getitem__
    with pytest.raises(RuntimeError, match='a packed clip differs'):
        check_equal(loaders)
