"""Compare PVTv2-B5 with the published one of AVSegFormer and AVSBench.

Set MMAVS_REFERENCE_ROOT to a folder with AVSegFormer at 7083cb6.
"""

import mmavs  # noqa: F401  registers everything
import pytest
import torch
from mmavs.converters.name_table import convert
from mmavs.converters.pvt_v2 import TABLE
from mmavs.testing import SteadyPath
from mmavs.testing.avsegformer import import_network, why_not
from mmcv.cnn.bricks import DropPath
from mmseg.registry import MODELS
from support.aavs_seeded import seeded_state_dict

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.fixture(scope='module')
def sides():
    """The published backbone and ours, with the same seeded weights."""
    theirs = import_network().pvt.pvt_v2_b5(init_weights_path=None)
    shapes = {k: tuple(v.shape) for k, v in theirs.state_dict().items()}
    weights = seeded_state_dict(shapes)
    theirs.load_state_dict(weights)
    mine = MODELS.build(dict(type='PVTv2'))
    converted, _ = convert(weights, TABLE, expected=mine.state_dict())
    mine.load_state_dict(converted)
    return theirs.eval(), mine.eval()


@pytest.mark.parametrize('size', [(224, 224), (96, 160)])
def test_maps_agree(sides, size):
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 3, *size, generator=generator)
    with torch.no_grad():
        theirs, mine = (side(frames) for side in sides)
    assert len(theirs) == len(mine) == 4
    for one, other in zip(theirs, mine, strict=True):
        assert one.shape == other.shape
        assert 0.1 < one.std() < 10
        worst = (one - other).abs().max().item()
        print(f'{tuple(one.shape)}: max error {worst:.2e}')
        assert worst < 1e-5


def test_stochastic_depth_agrees(sides):
    """52 blocks have two branches with the same rate; the first rate is 0."""
    theirs, mine = sides
    rates = [
        module.drop_prob
        for module in theirs.modules()
        if isinstance(module, SteadyPath)
    ]
    paths = [m for m in mine.modules() if isinstance(m, DropPath)]
    assert len(paths) == 2 * 52
    # The published blocks have one module for both of their branches.
    assert rates == [path.drop_prob for path in paths[2::2]]
    assert rates == [path.drop_prob for path in paths[3::2]]
    assert paths[0].drop_prob == 0
    assert rates[-1] == pytest.approx(0.1)


def test_as_many_parameters(sides):
    counts = [sum(p.numel() for p in side.parameters()) for side in sides]
    assert counts[0] == counts[1]
    assert 81.3e6 < counts[1] < 81.5e6
