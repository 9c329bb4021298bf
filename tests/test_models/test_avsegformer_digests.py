"""AVSegFormer gives the published outputs and gradients in float64.

``tests/data/avsegformer/float64.json`` holds digests of what the published
code computed from seeded weights; ``tests/parity`` compares everything where
that code is. ``test_avsegformer_parity.py`` compares the outputs of all six
variants.
"""

import pytest
from support.avsegformer_parity import FLOAT64, SMALL, our_float64_side
from support.float64 import assert_digest_is_stored, digest


@pytest.mark.slow
@pytest.mark.parametrize(
    'variant', SMALL, ids=[variant.name for variant in SMALL]
)
def test_digest_is_that_of_the_published_code(variant):
    numbers = digest(*our_float64_side(variant))
    assert_digest_is_stored(FLOAT64, variant.name, numbers)
