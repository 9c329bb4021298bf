"""The segmentor: from preprocessed inputs to per-frame samples."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from mmavs.structures import AudioFeatures
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from support.tiny_models import build, samples_of, tiny_config

SYNTHETIC = Path(__file__).parents[2] / 'configs' / 'synthetic'


def _inputs() -> dict:
    generator = torch.Generator().manual_seed(0)
    return dict(
        frames=torch.randn(5, 3, 64, 64, generator=generator),
        audio=torch.randn(5, 1, 96, 64, generator=generator) - 3,
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
    swapped = {**inputs, 'audio': inputs['audio'].flip(0)}
    with torch.no_grad():
        before = model.predict(inputs)
        after = model.predict(swapped)
    for one, other in zip(before, after, strict=True):
        changed = one.seg_logits.data != other.seg_logits.data
        # frame 2 of 0..4 keeps its own audio when the order is reversed
        assert changed.any() == (one is not before[2])


def test_sliding_windows_are_refused():
    cfg = tiny_config()
    cfg.test_cfg = dict(mode='slide', crop_size=(64, 64), stride=(32, 32))
    with pytest.raises(ValueError, match="'whole', got 'slide'"):
        build(cfg)


def test_one_channel_stays_a_logit_and_is_cut_at_zero(model):
    """mmseg would store sigmoids and threshold them at 0.3."""
    logits = torch.tensor([[-0.5, 0.0], [1e-6, 2.0]]).view(1, 1, 2, 2)
    (result,) = model.postprocess_result(
        logits, samples_of(torch.zeros(1, 2, 2))
    )
    assert torch.equal(result.seg_logits.data, logits[0])
    assert result.pred_sem_seg.data.tolist() == [[[0, 0], [1, 1]]]
    assert result.pred_sem_seg.data.dtype == torch.int64


def _padded(inputs: dict) -> dict:
    """The clips of 2 and 3 frames, both padded to 4."""
    valid = torch.tensor([1, 1, 0, 0, 1, 1, 1, 0], dtype=torch.bool)
    padded = dict(num_frames=(4, 4), valid=valid)
    for key in ('frames', 'audio'):
        padded[key] = torch.zeros(8, *inputs[key].shape[1:])
        padded[key][valid] = inputs[key]
    return padded


@pytest.mark.parametrize(
    'config',
    ['aavs_tiny_ms3-96x96', 'avsegformer_tiny_ms3-96x96'],
)
def test_padding_does_not_change_predictions(config):
    """Also without data samples; then valid frames only are predicted."""
    model = build(Config.fromfile(SYNTHETIC / f'{config}.py').model)
    samples = samples_of(torch.zeros(5, 64, 64))
    with torch.no_grad():
        plain = model.predict(_inputs(), samples)
        padded = model.predict(_padded(_inputs()))
    assert len(padded) == 5
    for one, other in zip(plain, padded, strict=True):
        torch.testing.assert_close(
            other.seg_logits.data, one.seg_logits.data, rtol=0, atol=1e-5
        )


def test_padding_does_not_change_the_loss_of_silent_clips():
    """The number of frames of a clip does not include its padding."""
    model = build(tiny_config())
    model.decode_head.skip_silent_clips = True
    truth = torch.zeros(5, 64, 64)
    truth[:2, :20] = 1  # of two clips, the second is silent
    losses = []
    for inputs in (_inputs(), _padded(_inputs())):
        torch.manual_seed(0)  # mask losses are taken at random points
        losses.append(model.loss(inputs, samples_of(truth)))
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value)


def test_a_head_that_needs_padding_gets_it(model, monkeypatch):
    monkeypatch.setattr(
        model.decode_head, 'needs_padding', True, raising=False
    )
    features = model.extract_feat(_padded(_inputs()))
    assert features.num_frames == (4, 4)
    assert len(features.audio_embed) == len(features.valid) == 8


def test_audio_backbones_may_return_tokens(model, monkeypatch):
    def forward(audio):
        embed = audio.mean((1, 3))  # (N, 96)
        return AudioFeatures(embed, embed[:, None].expand(-1, 3, -1))

    monkeypatch.setattr(model.audio_backbone, 'forward', forward)
    features = model.extract_feat(_padded(_inputs()))
    assert features.audio_embed.shape == (5, 96)
    assert features.audio_tokens.shape == (5, 3, 96)


@pytest.mark.parametrize('num_rows', [4, 6])
def test_sound_of_another_length_is_refused(model, num_rows):
    inputs = _inputs() | dict(audio=torch.zeros(num_rows, 1, 96, 64))
    with pytest.raises(
        ValueError, match=f'got {num_rows} rows for 5 frames.*LogMel'
    ):
        model.extract_feat(inputs)


def test_predictions_that_are_nan_name_the_clips(model):
    """scipy said: matrix contains invalid numeric entries."""
    samples = samples_of(torch.ones(5, 16, 16))
    for sample, clip in zip(samples, 'aabbb', strict=True):
        sample.set_metainfo(dict(clip_id=f'clip-{clip}'))
    inputs = _inputs()
    inputs['frames'][3, 0, 0, 0] = float('nan')
    with pytest.raises(
        ValueError,
        match=r'the predictions became NaN or infinite \(.*clips clip-a, '
        r'clip-b\)\. The training diverged',
    ):
        model.loss(inputs, samples)


def test_builds_without_a_default_scope(monkeypatch):
    """As after ``import mmavs`` alone; no scope is left behind."""
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())
    model = MODELS.build(tiny_config())
    assert type(model.data_preprocessor).__name__ == 'AVSDataPreprocessor'
    assert DefaultScope.get_current_instance() is None


@pytest.mark.parametrize('system', ['aavs', 'avsegformer', 'tpavi', 'ease'])
def test_visual_features_serve_any_sound(system, monkeypatch):
    """Predictions are equal to the last bit, and nothing visual runs again."""
    config = Config.fromfile(SYNTHETIC / f'{system}_tiny_ms3-96x96.py')
    model = build(config.model)
    inputs = _inputs()
    inputs['frames'] = torch.randn(5, 3, 96, 96)
    if system in ('aavs', 'tpavi'):
        inputs = _padded(inputs)
    other = dict(inputs, audio=inputs['audio'].roll(1, 0))
    with torch.no_grad():
        expected = [model(each, mode='tensor') for each in (inputs, other)]
        visual = model.extract_visual(inputs)
        monkeypatch.setattr(model.backbone, 'forward', None)
        if visual.pixels is not None:
            monkeypatch.setattr(
                model.decode_head.pixel_decoder, 'forward', None
            )
        got = [
            model(dict(each, visual=visual), mode='tensor')
            for each in (inputs, other)
        ]
    assert (visual.pixels is not None) == (system in ('aavs', 'avsegformer'))
    for first, second in zip(expected, got, strict=True):
        torch.testing.assert_close(second, first, rtol=0, atol=0)
