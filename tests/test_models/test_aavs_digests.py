"""AAVS gives the published outputs and losses in float64.

``tests/data/aavs/float64.json`` holds digests of what the published code
computed from seeded weights. Gradients take minutes at this size:
``tests/parity`` compares them, and all outputs, where that code is.
"""

import pytest
from support.aavs_parity import FLOAT64, STAGE_ONE, STAGE_TWO, our_float64_side
from support.float64 import assert_digest_is_stored, digest


@pytest.mark.slow
@pytest.mark.parametrize(
    'stage', [STAGE_ONE, STAGE_TWO], ids=['stage1', 'stage2']
)
def test_digest_is_that_of_the_published_code(stage):
    numbers = digest(*our_float64_side(stage, with_gradients=False))
    case = f'stage{stage.number}'
    assert_digest_is_stored(FLOAT64, case, numbers, outputs_only=True)
