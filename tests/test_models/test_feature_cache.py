"""Outputs of frozen backbones on disk."""

import errno
from pathlib import Path

import pytest
import torch
from mmavs.models.feature_cache import FeatureCache
from support.tiny_models import build, samples_of, tiny_config
from torch import nn

CONFIG = dict(type='Any')


class Backbone(nn.Module):
    """Two maps, with dropout; it counts its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0), requires_grad=False)
        self.dropout = nn.Dropout(0.5)
        self.rows = 0

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.rows += len(x)
        y = self.dropout(self.scale * x)
        return y, y[:, :1].bfloat16()


def _frames(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None].expand(-1, 3)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob('*.npy'))


@pytest.fixture
def backbone():
    return Backbone().train()


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path, CONFIG)


def test_only_rows_that_are_not_stored_are_computed(backbone, cache, tmp_path):
    first = cache.run(backbone, _frames(1.0, 2.0), backbone)
    assert backbone.rows == 2
    assert len(_files(tmp_path)) == 2
    # Row 3 is new. Another process finds the two others.
    other = FeatureCache(tmp_path, CONFIG)
    maps, small = other.run(backbone, _frames(2.0, 3.0, 1.0), backbone)
    assert backbone.rows == 3
    assert len(_files(tmp_path)) == 3
    # Doubled, and without dropout although the backbone is in training.
    assert torch.equal(maps, _frames(4.0, 6.0, 2.0))
    assert torch.equal(maps[[2, 0]], first[0])
    assert small.dtype == torch.bfloat16
    assert torch.equal(small, _frames(4.0, 6.0, 2.0)[:, :1].bfloat16())
    assert backbone.training
    assert backbone.dropout.training


def test_a_trained_backbone_is_not_stored(backbone, cache, tmp_path):
    backbone.scale.requires_grad_(True)
    maps, _ = cache.run(backbone, _frames(1.0), backbone)
    assert maps.requires_grad
    assert not _files(tmp_path)


def test_other_weights_and_settings_have_other_files(
    backbone, cache, tmp_path
):
    frames = _frames(1.0)
    cache.run(backbone, frames, backbone)
    backbone.scale.mul_(2)
    maps, _ = cache.run(backbone, frames, backbone)
    assert torch.equal(maps, _frames(4.0))
    FeatureCache(tmp_path, dict(type='Other')).run(backbone, frames, backbone)
    with torch.autocast('cpu', torch.bfloat16):
        cache.run(backbone, frames, backbone)
    assert backbone.rows == 4 == len(_files(tmp_path))


def test_a_damaged_file_is_written_again(backbone, cache, tmp_path):
    cache.run(backbone, _frames(1.0), backbone)
    (file,) = _files(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[:-8] + bytes(8))
    maps, _ = cache.run(backbone, _frames(1.0), backbone)
    assert torch.equal(maps, _frames(2.0))
    assert file.read_bytes() == content


def test_a_file_in_place_of_the_folder(tmp_path):
    file = tmp_path / 'features'
    file.write_text('')
    with pytest.raises(ValueError, match='expected a folder, got a file'):
        FeatureCache(file, CONFIG)


def test_a_full_disk(backbone, cache, tmp_path, monkeypatch):
    def fail(*args: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_bytes', fail)
    message = f'no space left for features in {tmp_path}.*feature_cache_dir'
    with pytest.raises(OSError, match=message):
        cache.run(backbone, _frames(1.0), backbone)
    assert not _files(tmp_path)


@pytest.mark.slow
def test_a_model_reads_the_features_of_its_frozen_backbones(tmp_path):
    cfg = tiny_config()
    cfg.feature_cache_dir = str(tmp_path)
    model = build(cfg).train()
    model.backbone.requires_grad_(False)
    inputs = dict(
        frames=torch.randn(2, 3, 64, 64),
        audio=torch.randn(2, 1, 96, 64),
        num_frames=(2,),
    )
    samples = samples_of(torch.ones(2, 64, 64))
    before = model.extract_feat(inputs)
    # The audio backbone is trained.
    assert len(_files(tmp_path)) == 2
    assert before.audio_embed.requires_grad
    model.audio_backbone.requires_grad_(False)
    model.extract_feat(inputs)
    assert len(_files(tmp_path)) == 4
    model.backbone.forward = model.audio_backbone.forward = None
    after = model.extract_feat(inputs)
    for one, other in zip(before.visual, after.visual, strict=True):
        assert torch.equal(one, other)
    model.parse_losses(model.loss(inputs, samples))[0].backward()
    assert model.decode_head.query_embed.weight.grad.any()
