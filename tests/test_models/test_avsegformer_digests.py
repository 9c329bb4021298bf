"""AVSegFormer gives the published outputs and gradients in float64.

``tests/data/avsegformer/float64.json`` holds digests of what the published
code computed from seeded weights; ``tests/parity`` compares everything where
that code is. ``test_avsegformer_parity.py`` compares the outputs of all six
variants, so three with both backbones and all tasks suffice for gradients.
"""

import pytest
from support.avsegformer_parity import FLOAT64, LIVE, our_float64_side
from support.float64 import assert_digest_is_stored, digest

NAMES = ('r50-s4', 'pvtv2-b5-ms3', 'r50-avss')


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_digest_is_that_of_the_published_code(name):
    (variant,) = [variant for variant in LIVE if variant.name == name]
    numbers = digest(*our_float64_side(variant))
    assert_digest_is_stored(FLOAT64, variant.name, numbers)
