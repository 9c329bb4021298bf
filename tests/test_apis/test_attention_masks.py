"""Attention masks of AAVS, recorded and replaced."""

import pytest
import torch
from mmavs.apis.export.attention_masks import (
    MaskFlips,
    given_masks,
    has_attention_masks,
    recorded_masks,
    total,
)
from mmavs.apis.export.export_file import ExportAgreement
from mmavs.apis.export.network import clip_logits
from mmavs.apis.flops import random_inputs
from mmavs.config_file import read_config
from support.tiny_models import ROOT, build


@pytest.fixture(scope='module')
def run():
    """A seeded model and a function that computes the logits of a clip."""
    cfg = read_config(ROOT / 'configs/synthetic/aavs_tiny_ms3-96x96.py')
    model = build(cfg.model).eval()
    torch.manual_seed(0)
    clip = random_inputs(cfg, 2)
    del clip['num_frames']
    assert has_attention_masks(model)
    return model, lambda: clip_logits(model, clip)


@torch.no_grad()
def test_a_flipped_pixel_is_counted_with_its_logit(run):
    model, logits = run
    with recorded_masks(model) as masks:
        expected = logits()
    masks.pop()
    with given_masks(model, masks) as flips:
        assert torch.equal(logits(), expected)
    assert total(flips)[0] == 0
    assert total(flips).pixels == sum(mask.numel() for mask in masks)

    other = [mask.clone() for mask in masks]
    other[1][0, 0, :3] ^= True
    with given_masks(model, other) as flips:
        assert not torch.equal(logits(), expected)
    assert [f.flipped for f in flips[:2]] == [0, 3]
    assert flips[1].largest > 0
    # The head is as before.
    assert torch.equal(logits(), expected)


def test_only_pixels_close_to_the_threshold_may_flip():
    """Either all logits agree, or they do with equal masks."""
    near, far = MaskFlips(2, 100, 1e-6), MaskFlips(2, 100, 0.5)
    assert ExportAgreement(1e-4).is_within(1e-3)
    assert not ExportAgreement(float('nan')).is_within(1e-3)
    assert not ExportAgreement(1e-2).is_within(1e-3)
    assert ExportAgreement(1e-2, 1e-5, near).is_within(1e-3)
    assert not ExportAgreement(1e-2, 1e-5, far).is_within(1e-3)
    assert not ExportAgreement(1e-2, 5e-3, near).is_within(1e-3)
    assert str(ExportAgreement(1e-2, 1e-5, near)) == (
        'difference of 0.01; with equal attention masks 1e-05, where 2 of 100 '
        'mask pixels differ, whose mask logits are at most 1e-06 from the '
        'threshold'
    )
    assert total([near, far]) == MaskFlips(4, 200, 0.5)
