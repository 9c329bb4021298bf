"""Hashes of files and configs."""

import hashlib

import pytest
from mmavs.fingerprint import hash_config, hash_excerpt, hash_file
from mmengine.config import Config


def test_hash_of_a_file_is_its_sha256(tmp_path):
    path = tmp_path / 'model.pth'
    path.write_bytes(bytes(range(256)) * 8193)  # two blocks and a part
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert hash_file(str(path)) == expected


def test_hash_of_a_config_ignores_the_order_of_keys():
    one = Config({'model': {'a': 1, 'b': (1, 2)}}).to_dict()
    two = Config({'model': {'b': (1, 2), 'a': 1}}).to_dict()
    other = Config({'model': {'b': (1, 2), 'a': 2}}).to_dict()
    assert hash_config(one) == hash_config(two)
    assert hash_config(one) != hash_config(other)


@pytest.mark.parametrize('place', [0, 16383, 50000, 99999])
def test_hash_of_an_excerpt_notes_start_middle_and_end(tmp_path, place):
    path = tmp_path / 'audio.wav'
    content = bytearray(100000)
    path.write_bytes(content)
    before = hash_excerpt(path)
    content[place] = 1
    path.write_bytes(content)
    assert hash_excerpt(path) != before
    content[place] = 0
    content[30000] = 1  # between the start and the middle: not read
    path.write_bytes(content)
    assert hash_excerpt(path) == before


def test_hash_of_an_excerpt_notes_the_size(tmp_path):
    hashes = set()
    for size in (0, 1, 100, 50000, 50001):
        (tmp_path / 'a').write_bytes(bytes(size))
        hashes.add(hash_excerpt(tmp_path / 'a'))
    assert len(hashes) == 5
