"""tools/model_converters/hf_mask2former.py on the published names."""

import subprocess
import sys
import types

import pytest
import torch
from support.aavs_parity import (
    CONVERTERS,
    STAGE_TWO,
    build_aavs,
    import_converter,
)
from support.aavs_seeded import HF_KEYS, load_keys

PATCH_EMBED = (
    'model.pixel_level_module.encoder.embeddings.patch_embeddings.projection'
    '.weight'
)
NOT_IN_THE_FILE = (
    'audio_backbone.',  # VGGish has a file of its own
    'decode_head.audio_query.',
    'decode_head.query_embed.',
    'decode_head.query_feat.',
    'decode_head.cls_embed.',
)


@pytest.fixture(scope='module')
def shapes() -> dict[str, torch.Tensor]:
    """The published checkpoint without its numbers."""
    keys = load_keys(HF_KEYS)
    assert len(keys) == 782
    return {
        name: torch.empty(shape, device='meta') for name, shape in keys.items()
    }


def test_all_but_what_aavs_draws_itself_comes_from_the_file(shapes):
    expected = {
        name: tensor
        for name, tensor in build_aavs().state_dict().items()
        if not name.startswith(NOT_IN_THE_FILE)
        and '.adapter.' not in name
        and not name.endswith('relative_position_index')
    }
    convert = import_converter('name_table').convert
    table = import_converter('hf_mask2former').TABLE
    converted, report = convert(shapes, table, expected=expected)
    assert set(converted) == set(expected)
    # 2 queries, 2 of the class head, 1 empty_weight, 24 position indices.
    assert len(report.dropped) == 2 + 2 + 1 + 24


def test_a_file_without_position_indices_is_fine(shapes):
    """Releases of transformers differ in whether they store them."""
    rest = {
        name: tensor
        for name, tensor in shapes.items()
        if not name.endswith('relative_position_index')
    }
    assert len(rest) == len(shapes) - 24
    convert = import_converter('name_table').convert
    _, report = convert(rest, import_converter('hf_mask2former').TABLE)
    assert report.problems == []


def test_a_shallower_swin_is_refused(shapes):
    """Swin-T has 6 blocks in its third stage instead of 18."""
    shallow = {
        name: tensor
        for name, tensor in shapes.items()
        if '.layers.2.blocks.17.' not in name
    }
    assert len(shallow) < len(shapes)
    convert = import_converter('name_table').convert
    with pytest.raises(ValueError, match=r'missing .*blocks\.17'):
        convert(shallow, import_converter('hf_mask2former').TABLE)


@pytest.fixture(scope='module')
def small_file(tmp_path_factory):
    """The right names; four numbers stand for each tensor but one."""
    path = tmp_path_factory.mktemp('hf') / 'pytorch_model.bin'
    weights = {name: torch.zeros(4) for name in load_keys(HF_KEYS)}
    weights[PATCH_EMBED] = torch.zeros(128, 3, 4, 4)
    torch.save(weights, path)
    return path


def test_command_writes_a_checkpoint_and_says_what_it_skipped(
    small_file, tmp_path
):
    """753 = 782 - 29 dropped; 33 attentions join 6 to 2: 753 - 132 = 621."""
    target = tmp_path / 'init.pth'
    done = subprocess.run(
        [sys.executable, CONVERTERS / 'hf_mask2former.py', small_file, target],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '753 tensors became 621' in done.stdout
    assert 'queries_features.weight: the queries are drawn anew' in done.stdout
    content = torch.load(target, weights_only=True)
    assert len(content['state_dict']) == 621


def test_the_second_stage_begins_with_the_queries_of_the_file(
    small_file, tmp_path
):
    """Both embeddings more: 755 become 623, and nothing else changes."""
    target = tmp_path / 'init.pth'
    command = [CONVERTERS / 'hf_mask2former.py', small_file, target]
    done = subprocess.run(
        [sys.executable, *command, '--keep-queries'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert '755 tensors became 623' in done.stdout
    assert 'queries_features' not in done.stdout
    names = torch.load(target, weights_only=True)['state_dict'].keys()
    assert {
        'decode_head.query_embed.weight',
        'decode_head.query_feat.weight',
    } <= names


def test_queries_fit_the_model_of_the_second_stage(shapes):
    """All 100; those of stage one would be 30."""
    expected = build_aavs(STAGE_TWO).state_dict()
    convert = import_converter('name_table').convert
    table = import_converter('hf_mask2former').TABLE_WITH_QUERIES
    converted, _ = convert(shapes, table)
    wrong = [n for n in converted if converted[n].shape != expected[n].shape]
    assert not wrong
    assert converted['decode_head.query_embed.weight'].shape == (100, 256)


def test_a_narrower_swin_is_refused(tmp_path):
    """Swin-S has every name of Swin-B, and 96 channels instead of 128."""
    path = tmp_path / 'small.bin'
    weights = {name: torch.zeros(4) for name in load_keys(HF_KEYS)}
    weights[PATCH_EMBED] = torch.zeros(96, 3, 4, 4)
    torch.save(weights, path)
    done = subprocess.run(
        [sys.executable, CONVERTERS / 'hf_mask2former.py', path, 'x.pth'],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'expected Swin-B with 128 channels, got 96' in done.stderr


def test_safetensors_is_asked_for_by_name(tmp_path, monkeypatch):
    path = tmp_path / 'model.safetensors'
    path.touch()
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    with pytest.raises(ImportError, match='pip install safetensors'):
        import_converter('hf_mask2former')._read(path)


def test_safetensors_file_is_read_by_its_library(tmp_path, monkeypatch):
    path = tmp_path / 'model.safetensors'
    path.touch()
    library = types.ModuleType('safetensors.torch')
    library.load_file = lambda source: {'read': source}
    monkeypatch.setitem(sys.modules, 'safetensors', types.ModuleType('s'))
    monkeypatch.setitem(sys.modules, 'safetensors.torch', library)
    read = import_converter('hf_mask2former')._read
    assert read(path) == {'read': path}
    with pytest.raises(FileNotFoundError, match='No checkpoint at'):
        read(tmp_path / 'absent.safetensors')
