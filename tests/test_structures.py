"""ClipFeatures with and without padded frames."""

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


def test_features_without_padding_by_hand():
    """Clips of 1 and 2 frames, padded to 2 and 3."""
    rows = torch.arange(5.0)
    features = ClipFeatures(
        visual=(rows.view(5, 1, 1, 1), 10 * rows.view(5, 1, 1, 1)),
        audio_embed=rows.view(5, 1) + 100,
        mask_prior=rows.view(5, 1, 1, 1) + 200,
        num_frames=(2, 3),
        valid=torch.tensor([True, False, True, True, False]),
        audio_tokens=rows.view(5, 1, 1) + 300,
    )
    kept = features.without_padding()
    assert kept.num_frames == (1, 2)
    assert kept.valid is None
    assert kept.visual[0].flatten().tolist() == [0, 2, 3]
    assert kept.visual[1].flatten().tolist() == [0, 20, 30]
    assert kept.audio_embed.flatten().tolist() == [100, 102, 103]
    assert kept.mask_prior.flatten().tolist() == [200, 202, 203]
    assert kept.audio_tokens.flatten().tolist() == [300, 302, 303]


def test_features_without_padding_pass_untouched():
    features = _features(None)
    assert features.without_padding() is features
