"""AAVS's head: predictions, targets and losses."""

import pytest
import torch
from mmavs.models.aavs.pixel_decoder import CheckpointedEncoderLayer
from PIL import Image
from support.tiny_models import build, random_features, samples_of, tiny_config

CHANNELS = [16, 32, 64, 128]


def _head(**overrides):
    cfg = tiny_config()
    cfg.decode_head.update(overrides)
    return build(cfg).decode_head


def test_one_prediction_before_and_after_each_layer():
    head = _head()
    with torch.no_grad():
        cls_scores, mask_logits = head(random_features(CHANNELS))
    # three decoder layers; ten queries; two classes and "no object"
    assert [tuple(s.shape) for s in cls_scores] == [(5, 10, 3)] * 4
    assert [tuple(m.shape) for m in mask_logits] == [(5, 10, 16, 16)] * 4


def test_exchanging_the_sound_of_two_frames_changes_their_masks():
    head = _head()
    features = random_features(CHANNELS)
    swapped = features._replace(
        audio_embed=features.audio_embed[[1, 0, 2, 3, 4]]
    )
    with torch.no_grad():
        before = head(features)[1][-1]
        after = head(swapped)[1][-1]
    difference = (before - after).abs().flatten(1).amax(1)
    assert (difference[:2] > 1e-3).all()
    # Frames that kept their sound keep their masks.
    assert (difference[2:] < 1e-5).all()


def test_deaf_head_does_not_hear():
    head = _head(audio_query='none')
    features = random_features(CHANNELS)
    silent = features._replace(audio_embed=features.audio_embed * 0)
    with torch.no_grad():
        assert torch.equal(head(features)[1][-1], head(silent)[1][-1])


def test_frames_do_not_meet():
    """There is no temporal modelling: a frame alone gives the same result."""
    head = _head()
    features = random_features(CHANNELS)
    third = features._replace(
        visual=tuple(v[2:3] for v in features.visual),
        audio_embed=features.audio_embed[2:3],
        num_frames=(1,),
    )
    with torch.no_grad():
        together = head(features)[1][-1][2]
        alone = head(third)[1][-1][0]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('mode', ['replace', 'append'])
def test_adapters_stand_where_they_should(mode):
    head = _head(adapter_mode=mode)
    names = {n for n, _ in head.named_parameters() if 'adapter' in n}
    # two linear layers with weight and bias, in one encoder layer and three
    # decoder layers; cross-attention has none
    assert len(names) == 4 * (1 + 3)
    assert not [n for n in names if 'cross_attn' in n]
    used = head.transformer_decoder.layers[0].self_attn.attn.out_proj.weight
    assert used.requires_grad == (mode == 'append')


def test_truth_is_enlarged_as_pillow_does():
    """Targets have the frame size; Pillow's NEAREST selects the pixels."""
    torch.manual_seed(0)
    masks = (torch.rand(1, 28, 28) > 0.5).long()
    instances, _ = _head()._seg_data_to_instance_data(
        samples_of(masks, size=48)
    )
    expected = Image.fromarray(masks[0].byte().numpy()).resize(
        (48, 48), Image.Resampling.NEAREST
    )
    sounding = instances[0].masks[instances[0].labels.tolist().index(1)]
    assert sounding.byte().numpy().tobytes() == expected.tobytes()


def test_background_is_a_class_and_absent_classes_are_not():
    masks = torch.zeros(2, 16, 16)
    masks[1, :4] = 1
    instances, _ = _head()._seg_data_to_instance_data(samples_of(masks))
    # a silent frame has one target, the background that fills it
    assert instances[0].labels.tolist() == [0]
    assert instances[0].masks.float().mean() == 1
    assert instances[1].labels.tolist() == [0, 1]


def test_silent_clips_are_left_out_of_the_loss():
    """Two clips, of 2 and 3 frames; the first is silent."""
    masks = torch.zeros(5, 16, 16)
    masks[2:, 4:8, 4:8] = 1
    features = random_features(CHANNELS)
    sounding = features._replace(
        visual=tuple(v[2:] for v in features.visual),
        audio_embed=features.audio_embed[2:],
        num_frames=(3,),
    )
    head = _head(skip_silent_clips=True)
    torch.manual_seed(0)
    both = head.loss(features, samples_of(masks), {})
    torch.manual_seed(0)
    alone = head.loss(sounding, samples_of(masks[2:]), {})
    assert both.keys() == alone.keys()
    assert len(both) == 12
    for name, value in both.items():
        torch.testing.assert_close(value, alone[name], rtol=1e-4, atol=1e-5)


def test_batch_of_silent_clips_moves_nothing():
    head = _head(skip_silent_clips=True)
    losses = head.loss(
        random_features(CHANNELS), samples_of(torch.zeros(5, 16, 16)), {}
    )
    total = sum(losses.values())
    assert total.item() == 0
    total.backward()
    grads = [p.grad for p in head.parameters() if p.grad is not None]
    assert grads
    assert not any(grad.any() for grad in grads)


def test_frames_without_labels_are_refused():
    """Leaving them out would train on them as silent."""
    masks = torch.zeros(5, 16, 16)
    masks[3] = 255
    samples = samples_of(masks)
    samples[3].set_metainfo(dict(clip_id='a', frame_index=3))
    for skip in (False, True):
        head = _head(skip_silent_clips=skip)
        with pytest.raises(
            ValueError, match=r"frame 3 of clip 'a' .*255.*'repeat_first'"
        ):
            head.loss(random_features(CHANNELS), samples, {})


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="adapter_mode .* got 'beside'"):
        _head(adapter_mode='beside')
    with pytest.raises(ValueError, match="audio_query .* got 'loud'"):
        _head(audio_query='loud')


def test_checkpointing_the_pixel_decoder_gives_the_same_gradients():
    features = random_features(CHANNELS)
    results = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        decoder = dict(tiny_config().decode_head.pixel_decoder)
        head = _head(pixel_decoder=dict(decoder, with_cp=with_cp)).train()
        assert with_cp == isinstance(
            head.pixel_decoder.encoder.layers[0], CheckpointedEncoderLayer
        )
        decoder = head.pixel_decoder
        torch.manual_seed(1)
        for parameter in decoder.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        mask_feature, maps = decoder(list(features.visual))
        (mask_feature.sum() + sum(x.square().sum() for x in maps)).backward()
        results.append([p.grad for p in decoder.encoder.parameters()])
    assert sum(gradient is not None for gradient in results[0]) > 10
    for plain, recomputed in zip(*results, strict=True):
        torch.testing.assert_close(plain, recomputed)
