"""The segmentor: from preprocessed inputs to per-frame samples."""

import pytest
import torch
from support.tiny_models import build, samples_of, tiny_config


def _inputs() -> dict:
    generator = torch.Generator().manual_seed(0)
    return dict(
        frames=torch.randn(5, 3, 64, 64, generator=generator),
        log_mel=torch.randn(5, 1, 96, 64, generator=generator) - 3,
        num_frames=(2, 3),
    )


@pytest.fixture(scope='module')
def model():
    return build(tiny_config())


def test_features_of_a_batch_of_unequal_clips(model):
    features = model.extract_feat(_inputs())
    shapes = [tuple(v.shape[1:]) for v in features.visual]
    assert shapes == [(16, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2)]
    assert features.audio_embed.shape == (5, 128)
    assert features.num_frames == (2, 3)
    assert features.mask_prior is None


def test_prediction_comes_at_the_size_of_the_truth(model):
    samples = samples_of(torch.zeros(5, 28, 20))
    with torch.no_grad():
        results = model.predict(_inputs(), samples)
    assert len(results) == 5
    for result in results:
        assert result.seg_logits.data.shape == (2, 28, 20)
        assert result.pred_sem_seg.data.shape == (1, 28, 20)
        best = result.seg_logits.data.argmax(0, keepdim=True)
        assert torch.equal(result.pred_sem_seg.data, best)


def test_prediction_without_samples_comes_at_the_size_of_the_frames(model):
    with torch.no_grad():
        results = model.predict(_inputs())
    assert [tuple(r.pred_sem_seg.data.shape) for r in results] == (
        [(1, 64, 64)] * 5
    )


def test_exchanging_sound_changes_the_masks(model):
    inputs = _inputs()
    swapped = {**inputs, 'log_mel': inputs['log_mel'].flip(0)}
    with torch.no_grad():
        before = model.predict(inputs)
        after = model.predict(swapped)
    for one, other in zip(before, after, strict=True):
        changed = one.seg_logits.data != other.seg_logits.data
        # frame 2 of 0..4 keeps its own sound when the order is turned round
        assert changed.any() == (one is not before[2])


def test_sliding_windows_are_refused():
    cfg = tiny_config()
    cfg.test_cfg = dict(mode='slide', crop_size=(64, 64), stride=(32, 32))
    with pytest.raises(ValueError, match="'whole', got 'slide'"):
        build(cfg)


def test_one_channel_stays_a_logit_and_is_cut_at_zero(model):
    """mmseg alone would store sigmoids and cut them at 0.3."""
    logits = torch.tensor([[-0.5, 0.0], [1e-6, 2.0]]).view(1, 1, 2, 2)
    (result,) = model.postprocess_result(
        logits, samples_of(torch.zeros(1, 2, 2))
    )
    assert torch.equal(result.seg_logits.data, logits[0])
    assert result.pred_sem_seg.data.tolist() == [[[0, 0], [1, 1]]]
    assert result.pred_sem_seg.data.dtype == torch.int64


def test_prediction_without_samples_leaves_padding_out(model, monkeypatch):
    """Two clips of 1 and 2 frames, filled up to 2 and 3."""
    valid = torch.tensor([True, False, True, True, False])

    def predict(features, batch_img_metas, test_cfg):
        return features.drop_padding(torch.zeros(5, 2, 8, 8))

    monkeypatch.setattr(model.decode_head, 'predict', predict)
    with torch.no_grad():
        results = model.predict(_inputs() | dict(valid=valid))
    assert len(results) == 3
