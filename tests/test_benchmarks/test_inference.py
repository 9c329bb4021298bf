"""benchmarks/inference.py: agreement of masks."""

import pytest
import torch

from benchmarks.inference import mask_agreement


def test_agreement_of_masks_that_differ_in_one_pixel():
    reference = torch.tensor([[[0, 0, 1, 1]]])
    masks = torch.tensor([[[0, 0, 0, 1]]])
    # Background: 2 of 3 pixels; class 1: 1 of 2.
    agreement = mask_agreement(masks, reference)
    assert agreement['equal_pixels'] == 0.75
    assert agreement['iou'] == pytest.approx((2 / 3 + 1 / 2) / 2)
    equal = mask_agreement(reference, reference)
    assert equal == dict(equal_pixels=1.0, iou=1.0)
