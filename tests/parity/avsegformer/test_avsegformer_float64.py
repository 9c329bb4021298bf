"""AVSegFormer and its gradients against the published code in float64."""

import pytest
from mmavs.testing.avsegformer import why_not
from support.avsegformer_parity import (
    FLOAT64,
    IDS,
    LIVE,
    SMALL,
    our_float64_side,
)
from support.float64 import assert_agree, assert_digest_is_stored, digest
from support.reference_avsegformer import their_float64_side

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.mark.parametrize('variant', LIVE, ids=IDS)
def test_outputs_and_gradients_agree(variant):
    """Of the visual backbone, the audio projection and the head."""
    theirs, ours = their_float64_side(variant), our_float64_side(variant)
    assert_agree(theirs, ours)


@pytest.mark.parametrize(
    'variant', SMALL, ids=[variant.name for variant in SMALL]
)
def test_stored_digests_are_those_of_the_published_code(variant):
    numbers = digest(*their_float64_side(variant))
    assert_digest_is_stored(FLOAT64, variant.name, numbers)
