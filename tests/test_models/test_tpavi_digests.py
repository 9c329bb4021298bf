"""TPAVI gives the published outputs and gradients in float64.

``tests/data/tpavi/float64.json`` holds digests of what the published code
computed from seeded weights; ``tests/parity`` compares everything where that
code is.
"""

import pytest
from support.float64 import assert_digest_is_stored, digest
from support.tpavi_parity import FLOAT64, STORED, our_float64_side


@pytest.mark.slow
@pytest.mark.parametrize('case', STORED, ids=lambda case: case.name)
def test_digest_is_that_of_the_published_code(case):
    numbers = digest(*our_float64_side(case))
    assert_digest_is_stored(FLOAT64, case.name, numbers)
