"""mmavs.video.find_videos: files, folders and patterns."""

import pytest
from mmavs.video import find_videos


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ('b.mp4', 'a ü.MKV', 'notes.txt', '.c.mp4', 'sub/d.mov'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        (['b.mp4'], ['b.mp4']),
        (['notes.txt'], ['notes.txt']),
        (['none.mp4'], ['none.mp4']),
        (['.'], ['a ü.MKV', 'b.mp4']),
        (['*.mp4'], ['b.mp4']),
        (['**/*.m*'], ['b.mp4', 'sub/d.mov']),
        (['sub', 'b.mp4', 'b.mp4'], ['sub/d.mov', 'b.mp4']),
    ],
)
def test_found(folder, names, expected):
    assert [path.as_posix() for path in find_videos(names)] == expected


def test_names_with_signs_of_patterns(folder):
    (folder / 'a[1].mp4').touch()
    assert [str(path) for path in find_videos(['a[1].mp4'])] == ['a[1].mp4']


@pytest.mark.parametrize('name', ['*.avi', 'empty'])
def test_nothing(folder, name):
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='expected videos, found none'):
        find_videos([name])
