"""Both stages of AAVS and their gradients, in float64."""

import pytest
from support.aavs_parity import (
    FLOAT64,
    STAGE_ONE,
    STAGE_TWO,
    our_float64_side,
)
from support.float64 import assert_agree, assert_digest_is_stored, digest
from support.reference_aavs import their_float64_side, why_not

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.mark.parametrize(
    'stage', [STAGE_ONE, STAGE_TWO], ids=['stage1', 'stage2']
)
def test_outputs_and_gradients_agree(stage):
    """Of all parameters, including those that no published run trains."""
    theirs, ours = their_float64_side(stage), our_float64_side(stage)
    assert_agree(theirs, ours)
    assert_digest_is_stored(FLOAT64, f'stage{stage.number}', digest(*theirs))
