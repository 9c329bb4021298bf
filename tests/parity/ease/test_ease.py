"""Compare EASE with the published code.

Set MMAVS_REFERENCE_ROOT to a folder with EASE at 12ab645.
"""

import pytest
import torch
from mmavs.testing.ease import why_not
from support.ease_cases import CASES, TINY, TINY_PVT
from support.ease_parity import (
    FLOAT64,
    build_ease,
    our_float64_side,
    our_outputs,
)
from support.float64 import (
    assert_agree,
    assert_digest_is_stored,
    digest,
    gradients,
)
from support.reference_ease import (
    build_reference,
    reference_outputs,
    their_float64_side,
    their_gradients,
)

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
TOLERANCES = {'classes': 1e-4, 'masks': 1e-4, 'losses': 1e-5}
#: Of a parameter's gradient, relative to its norm.
GRADIENT_TOLERANCE = 1e-4
#: Compared with float32 gradients as well. Those of the small PVTv2 differ by
#: up to 2e-4 from rounding alone, see the comparison in float64.
WITH_GRADIENTS = ('tiny', 'vit-s-224', 'vit-b-224', 'pvt-224')
DOUBLE = [c for c in CASES if c.name in ('tiny', 'tiny-pvt', 'vit-s-224')]


@pytest.fixture(scope='module', params=CASES, ids=[c.name for c in CASES])
def case(request):
    return request.param


@pytest.fixture(scope='module')
def sides(case):
    """Outputs and gradients, theirs and ours."""
    network, model = build_reference(case), build_ease(case)
    with torch.set_grad_enabled(case.name in WITH_GRADIENTS):
        theirs = reference_outputs(network, case)
        ours = our_outputs(model, case)
    grads = None
    if case.name in WITH_GRADIENTS:
        grads = (
            their_gradients(network, case, theirs['losses']),
            gradients(model, ours['losses'].sum()),
        )
    return theirs, ours, grads


def test_outputs_agree(case, sides):
    theirs, ours, _ = sides
    names = ['classes', 'masks'] + ['losses'] * case.training
    assert set(theirs) == set(ours) == set(names)
    num_predictions = case.joint_blocks + 1 if case.training else 1
    assert len(ours['masks']) == num_predictions
    for name in names:
        assert ours[name].shape == theirs[name].shape
        worst = (ours[name] - theirs[name]).abs().max().item()
        largest = theirs[name].abs().max().item()
        print(f'{case.name} {name}: {worst:.2e} of {largest:.1f}')
        assert worst < TOLERANCES[name], name


def test_gradients_agree(case, sides):
    theirs, ours = sides[2] or pytest.skip('no gradients')
    largest = max(grad.norm().item() for grad in ours.values())
    worst = 0.0
    for name, grad in ours.items():
        norm = theirs[name].norm().item()
        if norm > 1e-6 * largest:
            error = (theirs[name].view_as(grad) - grad).norm().item() / norm
            worst = max(worst, error)
            assert error < GRADIENT_TOLERANCE, name
    print(f'{case.name} gradients: relative error {worst:.2e}')


def test_there_is_something_to_compare(case, sides):
    theirs = sides[0]
    assert theirs['masks'].std() > 0.1
    assert theirs['classes'].std() > 0.1
    inside = (theirs['masks'] > 0).float().mean()
    assert 0.1 < inside < 0.9
    if case.training:
        assert (theirs['losses'] > 0.01).all()


@pytest.mark.parametrize('case', DOUBLE, ids=[c.name for c in DOUBLE])
def test_float64(case):
    theirs, ours = their_float64_side(case), our_float64_side(case)
    assert_agree(theirs, ours)
    if case in (TINY, TINY_PVT):
        assert_digest_is_stored(FLOAT64, case.name, digest(*theirs))
