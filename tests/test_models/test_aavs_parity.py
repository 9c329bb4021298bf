"""AAVS gives the numbers of the published code.

``tests/data/aavs/stage1_expected.npz`` holds what the published code computed
from seeded weights; ``tests/parity`` computes it again where that code is.
"""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from aavs_parity import CONFIG, build_aavs, load_seeded, our_outputs, thin_out
from aavs_seeded import DATA_DIR
from mmengine.config import Config
from mmseg.registry import HOOKS

FIXTURE = DATA_DIR / 'stage1_expected.npz'
NUM_FRAMES = 2

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def expected() -> dict[str, np.ndarray]:
    with np.load(FIXTURE) as stored:
        return dict(stored)


@pytest.fixture(scope='module')
def model() -> torch.nn.Module:
    return build_aavs()


@pytest.fixture(scope='module')
def ours(model) -> dict[str, np.ndarray]:
    load_seeded(model)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        return thin_out(our_outputs(model, NUM_FRAMES, patch))


@pytest.mark.parametrize(
    ('name', 'tolerance'),
    [
        ('pixels', 1e-5),
        ('backbone_0', 1e-4),
        ('backbone_1', 1e-4),
        ('backbone_2', 1e-4),
        ('backbone_3', 1e-4),
        ('memory_0', 1e-4),
        ('mask_feature', 1e-4),
        ('cls', 1e-4),
        ('mask', 1e-3),
        ('mask_mean', 1e-3),
        ('mask_mean_square', 1e-3),
        ('scores', 1e-3),
        ('losses', 1e-4),
    ],
)
def test_output_is_the_published_one(ours, expected, name, tolerance):
    np.testing.assert_allclose(
        ours[name], expected[name], rtol=0, atol=tolerance
    )


def test_fixture_covers_every_prediction_and_could_tell_them_apart(expected):
    """A model that gave the same for each layer, frame or query would fail."""
    cls, mask = expected['cls'], expected['mask']
    assert cls.shape == (10, NUM_FRAMES, 30, 3)
    assert mask.shape == (10, NUM_FRAMES, 30, 6, 6)
    assert expected['losses'].shape == (10, 3)
    for axis in range(3):
        assert np.abs(np.diff(cls, axis=axis)).max(axis=-1).min() > 1e-3
        assert np.abs(np.diff(mask, axis=axis)).max(axis=(-1, -2)).min() > 0.01
    assert np.abs(np.diff(expected['losses'], axis=0)).min() > 1e-3


@pytest.mark.parametrize(
    ('epoch', 'published'), [(0, 709_827), (31, 7_719_491)]
)
def test_the_config_trains_as_many_parameters(model, epoch, published):
    """Counted in the published code for its two phases."""
    hook = HOOKS.build(Config.fromfile(CONFIG).default_hooks.tuning)
    hook.before_train(
        SimpleNamespace(model=model, epoch=epoch, logger=mock.Mock())
    )
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == published
