"""AVSegFormer gives the numbers of the published code.

``tests/support/reference_avsegformer.py`` computed the stored numbers; the
published code is not needed here.
"""

import numpy as np
import pytest
import torch
from support.avsegformer_parity import (
    FIXTURE,
    IDS,
    VARIANTS,
    build_avsegformer,
    our_outputs,
    thin_out,
)

TOLERANCES = {
    'logits': 1e-3,
    'logits_mean_square': 1e-3,
    'mask_feature': 1e-4,
    'mask_feature_mean_square': 1e-4,
    'losses': 1e-5,
}


@pytest.mark.slow
@pytest.mark.parametrize('variant', VARIANTS, ids=IDS)
def test_numbers_of_the_published_code(variant):
    model = build_avsegformer(variant)
    with torch.no_grad():
        mine = thin_out(our_outputs(model, variant))
    name = IDS[VARIANTS.index(variant)]
    with np.load(FIXTURE) as stored:
        assert set(mine) == set(TOLERANCES)
        for key, tolerance in TOLERANCES.items():
            expected = stored[f'{name}/{key}']
            assert mine[key].shape == expected.shape
            assert abs(mine[key] - expected).max() < tolerance, key


def test_every_number_is_of_a_variant():
    with np.load(FIXTURE) as stored:
        assert len(stored.files) == len(VARIANTS) * len(TOLERANCES)
