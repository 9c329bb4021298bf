"""Compare AVSegFormer with the published code.

Set MMAVS_REFERENCE_ROOT to a folder with AVSegFormer at 7083cb6.
"""

import numpy as np
import pytest
import torch
from mmavs.testing.avsegformer import import_network, why_not
from support.avsegformer_parity import (
    FIXTURE,
    IDS,
    SIZE,
    VARIANTS,
    build_avsegformer,
    our_outputs,
    thin_out,
)
from support.reference_avsegformer import build_reference, reference_outputs

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
TOLERANCES = {'logits': 1e-3, 'mask_feature': 1e-4, 'losses': 1e-5}


@pytest.fixture(scope='module', params=VARIANTS, ids=IDS)
def sides(request):
    """Variant, the published network and ours, with the same weights."""
    variant = request.param
    network = build_reference(import_network(), variant)
    return variant, network, build_avsegformer(variant)


@pytest.fixture(scope='module')
def outputs(sides):
    variant, network, model = sides
    with torch.no_grad():
        theirs = reference_outputs(network, variant, SIZE)
        return theirs, our_outputs(model, variant)


def test_outputs_agree(sides, outputs):
    variant, _, _ = sides
    theirs, mine = outputs
    assert set(theirs) == set(mine) == set(TOLERANCES)
    num_frames = len(variant.labelled)
    assert theirs['logits'].shape == (
        num_frames,
        variant.num_classes,
        SIZE,
        SIZE,
    )
    for name, tolerance in TOLERANCES.items():
        assert mine[name].shape == theirs[name].shape
        worst = (mine[name] - theirs[name]).abs().max().item()
        print(f'{name}: max error {worst:.2e}')
        assert worst < tolerance, name


def test_there_is_something_to_compare(outputs):
    theirs, _ = outputs
    assert theirs['logits'].std() > 0.1
    assert theirs['mask_feature'].std() > 0.05
    assert (theirs['losses'] > 0.01).all()


def test_filled_up_frames_are_zero_on_both_sides(sides, outputs):
    variant, _, _ = sides
    if variant.valid is None:
        pytest.skip('S4 and MS3 have no frames that fill up')
    for side in outputs:
        for name in ('logits', 'mask_feature'):
            assert not side[name][~variant.valid].any()
            assert side[name][variant.valid].flatten(1).any(1).all()


def test_stored_numbers_are_those_of_the_published_code(sides, outputs):
    """The numbers in ``test_models/test_avsegformer_parity.py``."""
    name = IDS[VARIANTS.index(sides[0])]
    with np.load(FIXTURE) as stored:
        for key, value in thin_out(outputs[0]).items():
            # The last digits depend on the number of threads.
            np.testing.assert_allclose(
                value, stored[f'{name}/{key}'], rtol=1e-4, atol=2e-5
            )
