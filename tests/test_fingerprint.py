"""Hashes of files and configs."""

import hashlib

from mmavs.fingerprint import hash_config, hash_file
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
