"""Files are replaced completely or not at all."""

import json
import os
import resource

import pytest
from mmavs.atomic_file import atomic_path, write_json


@pytest.mark.parametrize('durable', [False, True])
def test_a_block_that_raises_leaves_the_old_file(tmp_path, durable):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    def fail():
        with atomic_path(path, durable=durable) as temporary:
            temporary.write_text('half')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['a.txt']


def test_writers_of_one_path_use_files_of_their_own(tmp_path):
    path = tmp_path / 'new' / 'a.png'
    with atomic_path(path) as one, atomic_path(path) as two:
        assert one != two
        assert {one.suffix, two.suffix} == {'.png'}
        assert {one.parent, two.parent} == {path.parent}
        one.write_text('one')
        two.write_text('two')
    # The inner block ends first.
    assert path.read_text() == 'one'
    assert os.listdir(path.parent) == ['a.png']


def test_durable_files_are_synced_before_the_rename(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, 'fsync', lambda fd: calls.append('fsync'))
    replace = os.replace

    def replaced(*args):
        calls.append('replace')
        replace(*args)

    monkeypatch.setattr(os, 'replace', replaced)
    with atomic_path(tmp_path / 'a', durable=True) as temporary:
        temporary.write_text('new')
    assert calls == ['fsync', 'replace']


def test_the_rest_of_a_killed_durable_write_is_replaced(tmp_path):
    (tmp_path / '.a.pth.partial').write_text('what a killed process left')
    with atomic_path(tmp_path / 'a.pth', durable=True) as temporary:
        temporary.write_text('new')
    assert os.listdir(tmp_path) == ['a.pth']


def test_what_is_no_json_leaves_the_old_file(tmp_path):
    path = tmp_path / 'new' / 'a.json'
    write_json(path, {'mIoU': 0.5})
    assert json.loads(path.read_text()) == {'mIoU': 0.5}
    with pytest.raises(TypeError, match='not JSON serializable'):
        write_json(path, {'mIoU': object()})
    assert json.loads(path.read_text()) == {'mIoU': 0.5}


def test_a_full_disk_leaves_nothing(tmp_path):
    """Files of more than 100 bytes cannot be written here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match='File too large'):
            write_json(tmp_path / 'result.json', {'a': 'x' * 200})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
