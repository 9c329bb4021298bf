"""Frames that only pad a clip."""

import torch
from mmavs.structures import ClipFeatures


def _features(valid):
    return ClipFeatures((), torch.ones(3, 2), None, (3,), valid)


def test_padding_is_zeroed_and_dropped():
    features = _features(torch.tensor([True, True, False]))
    rows = torch.arange(1.0, 7).view(3, 2, 1)
    assert features.zero_padding(rows).flatten().tolist() == (
        [1, 2, 3, 4, 0, 0]
    )
    assert features.drop_padding(rows).flatten().tolist() == [1, 2, 3, 4]


def test_without_padding_rows_pass_untouched():
    rows = torch.ones(3, 2)
    features = _features(None)
    assert features.zero_padding(rows) is rows
    assert features.drop_padding(rows) is rows
