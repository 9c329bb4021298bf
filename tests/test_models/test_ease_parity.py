"""A small EASE equals stored numbers of the published code.

``tests/parity/ease`` compares with the published code itself, at the
published sizes.
"""

import pytest
from support.ease_cases import TINY, TINY_PVT
from support.ease_parity import FLOAT64, our_float64_side
from support.float64 import assert_digest_is_stored, digest


@pytest.mark.parametrize('case', [TINY, TINY_PVT], ids=lambda case: case.name)
def test_stored_numbers(case):
    """Predictions, losses and gradients."""
    numbers = digest(*our_float64_side(case))
    assert_digest_is_stored(FLOAT64, case.name, numbers)
