"""TPAVI and its gradients against the published code in float64."""

import pytest
from support.float64 import assert_agree, assert_digest_is_stored, digest
from support.reference_tpavi import their_float64_side, why_not
from support.tpavi_parity import CASES, FLOAT64, STORED, our_float64_side

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_outputs_and_gradients_agree(case):
    """Of the visual backbone, the neck and the head."""
    theirs, ours = their_float64_side(case), our_float64_side(case)
    assert_agree(theirs, ours)
    if case in STORED:
        assert_digest_is_stored(FLOAT64, case.name, digest(*theirs))
