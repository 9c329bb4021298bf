"""Parts of AVSegFormer: hand-worked numbers and invariants."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmavs.models.avsegformer import (
    AVSegFormerChannelMixer,
    AVSegFormerMaskHead,
    AVSegFormerQueryGenerator,
)
from mmavs.structures import UNLABELLED
from mmengine.config import Config
from support.tiny_models import ROOT, build, random_features, samples_of
from torch import nn

CHANNELS = [16, 32, 64, 128]
SYNTHETIC = ROOT / 'configs/synthetic'


def tiny_cfg(task='ms3', **changes):
    path = SYNTHETIC / f'avsegformer_tiny_{task}-96x96.py'
    cfg = Config.fromfile(path).model.decode_head
    for name, value in changes.items():
        cfg[name] = value
    return cfg


def tiny_head(task='ms3', **changes):
    return build(tiny_cfg(task, **changes))


PRIOR = dict(type='MaskPrior', robust_key=False, init_attention=False)


# --- shapes, lengths, sound


@pytest.mark.parametrize('num_frames', [(1,), (5,), (10,), (5, 10), (1, 3)])
def test_clips_of_any_length(num_frames):
    """Including a single frame, which the published code squeezes."""
    head = tiny_head()
    logits, mask_feature = head(random_features(CHANNELS, num_frames))
    total = sum(num_frames)
    assert logits.shape == (total, 1, 64, 64)
    assert mask_feature.shape == (total, 64, 16, 16)
    losses = head.loss(
        random_features(CHANNELS, num_frames),
        samples_of(torch.ones(total, 64, 64)),
        {},
    )
    assert all(loss.isfinite() for loss in losses.values())


def test_frames_do_not_meet():
    """A frame has the same logits alone and in a batch."""
    head = tiny_head()
    features = random_features(CHANNELS, (4,))
    together, _ = head(features)
    alone = features._replace(
        visual=tuple(x[2:3] for x in features.visual),
        audio_embed=features.audio_embed[2:3],
        num_frames=(1,),
    )
    assert torch.allclose(head(alone)[0], together[2:3], atol=1e-5)


@pytest.mark.parametrize('mode', ['attention', 'repeat'])
def test_other_sound_other_masks(mode):
    """Swapping the audio of two frames changes only these two frames."""
    own = {} if mode == 'attention' else dict(query_generator=None)
    head = tiny_head(audio_query=mode, **own)
    features = random_features(CHANNELS, (3,))
    swapped = features._replace(audio_embed=features.audio_embed[[1, 0, 2]])
    change = (head(swapped)[0] - head(features)[0]).abs().flatten(1).amax(1)
    assert (change[:2] > 1e-3).all()
    assert change[2] < 1e-6


def test_every_parameter_gets_a_gradient():
    """Otherwise distributed training would wait for it."""
    head = tiny_head()
    losses = head.loss(
        random_features(CHANNELS, (2,)), samples_of(torch.ones(2, 64, 64)), {}
    )
    sum(losses.values()).backward()
    assert len(list(head.parameters())) > 50
    assert not [n for n, p in head.named_parameters() if p.grad is None]


# --- losses by hand


def _losses(monkeypatch, head, logits, mask_feature, truth):
    features = random_features(CHANNELS, (len(logits),))
    monkeypatch.setattr(
        head, 'forward', lambda features: (logits, mask_feature)
    )
    return head.loss(features, samples_of(truth, size=2), {})


def test_dice_by_hand(monkeypatch):
    """Logit 0 everywhere: p = 1/2 on 4 pixels, of which 1 sounds.

    a = 1/2; b = 4 / 4 + 0.001; c = 1 + 0.001; loss = 1 - 1 / 2.002.
    """
    truth = torch.tensor([[[1, 0], [0, 0]]])
    losses = _losses(
        monkeypatch,
        tiny_head(),
        torch.zeros(1, 1, 2, 2),
        torch.zeros(1, 64, 2, 2),
        truth,
    )
    dice = 1 - 1 / 2.002
    assert losses['loss_decode'].item() == pytest.approx(dice, rel=1e-5)
    assert losses['loss_mix'].item() == pytest.approx(0.1 * dice, rel=1e-5)


def test_mix_loss_takes_the_mean_over_channels(monkeypatch):
    """Channels of 0 and ln 9 in equal number: mean ln 3, p = 3/4.

    On 4 pixels that all sound: a = 3, b = 4 * 9/16 = 2.25, c = 4;
    loss = 0.1 (1 - 6 / 6.252).
    """
    mask_feature = torch.zeros(1, 64, 2, 2)
    mask_feature[:, ::2] = math.log(9)
    losses = _losses(
        monkeypatch,
        tiny_head(),
        torch.zeros(1, 1, 2, 2),
        mask_feature,
        torch.ones(1, 2, 2),
    )
    expected = 0.1 * (1 - 6 / 6.252)
    assert losses['loss_mix'].item() == pytest.approx(expected, rel=1e-5)


def test_frames_without_labels_do_not_count(monkeypatch):
    """Two classes of 71 with logits 0: cross entropy is ln 71."""
    logits = torch.zeros(3, 71, 2, 2)
    logits[1] = 100 * torch.randn(71, 2, 2)
    truth = torch.zeros(3, 2, 2)
    truth[1] = UNLABELLED
    losses = _losses(
        monkeypatch,
        tiny_head('avss'),
        logits,
        torch.zeros(3, 64, 2, 2),
        truth,
    )
    assert losses['loss_decode'].item() == pytest.approx(
        math.log(71), rel=1e-5
    )


def test_bce_is_an_option(monkeypatch):
    """Logit 0: ln 2 per pixel, whatever the label."""
    bce = dict(type='mmdet.CrossEntropyLoss', use_sigmoid=True)
    truth = torch.tensor([[[1, 0], [0, 0]]])
    losses = _losses(
        monkeypatch,
        tiny_head(loss_decode=bce),
        torch.zeros(1, 1, 2, 2),
        torch.zeros(1, 64, 2, 2),
        truth,
    )
    assert losses['loss_decode'].item() == pytest.approx(math.log(2), rel=1e-5)


def test_a_batch_without_labels_moves_nothing():
    head = tiny_head('avss')
    truth = torch.full((2, 64, 64), UNLABELLED)
    losses = head.loss(random_features(CHANNELS, (2,)), samples_of(truth), {})
    assert all(loss == 0 for loss in losses.values())
    sum(losses.values()).backward()
    grads = [p.grad for p in head.parameters()]
    assert grads
    assert all(g is not None and not g.any() for g in grads)


def test_frames_labelled_in_part_are_refused():
    truth = torch.zeros(2, 64, 64)
    truth[1, 3] = UNLABELLED
    with pytest.raises(ValueError, match='frame 1 of the batch mixes both'):
        tiny_head().loss(
            random_features(CHANNELS, (2,)), samples_of(truth), {}
        )


def test_truth_of_another_size_than_the_logits():
    truth = torch.ones(2, 40, 40)
    losses = tiny_head().loss(
        random_features(CHANNELS, (2,)), samples_of(truth), {}
    )
    assert 0 < losses['loss_decode'] < 1


# --- the prior of stage two


def test_prior_changes_logits_and_not_the_mix_loss():
    """Otherwise the label would leak into the loss computed from it."""
    head = tiny_head('avss', mask_prior=PRIOR)
    truth = torch.randint(0, 71, (2, 64, 64))
    features = random_features(CHANNELS, (2,))
    without, withit = (
        features._replace(mask_prior=prior)
        for prior in (torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64))
    )
    assert (head(without)[0] - head(withit)[0]).abs().max() > 1e-3
    assert torch.equal(head(without)[1], head(withit)[1])
    first, second = (
        head.loss(x, samples_of(truth), {}) for x in (without, withit)
    )
    assert first['loss_mix'] == second['loss_mix']
    assert first['loss_decode'] != second['loss_decode']


def test_a_silent_prior_is_no_prior():
    plain = tiny_head('avss')
    fused = tiny_head('avss', mask_prior=PRIOR)
    assert fused.state_dict().keys() == plain.state_dict().keys()
    fused.load_state_dict(plain.state_dict())
    features = random_features(CHANNELS, (2,))
    silent = features._replace(mask_prior=torch.zeros(2, 1, 64, 64))
    assert torch.equal(fused(silent)[0], plain(features)[0])


@pytest.mark.parametrize(
    'switch',
    [
        dict(robust_key=True),
        dict(init_attention=True),
        dict(fuse_mask_feature=False),
    ],
)
def test_a_prior_that_this_head_cannot_use_is_refused(switch):
    with pytest.raises(ValueError, match='this head has no masked attention'):
        tiny_head(mask_prior={**PRIOR, **switch})


def test_a_batch_without_its_prior_is_said():
    head = tiny_head(mask_prior=PRIOR)
    with pytest.raises(ValueError, match='the batch has no mask_prior'):
        head(random_features(CHANNELS, (1,)))


# --- parts


def test_repeated_queries_are_the_sound():
    generator = AVSegFormerQueryGenerator(
        'repeat', num_queries=3, embed_dims=8
    )
    audio = torch.randn(2, 1, 8)
    query = generator(audio)
    assert query.shape == (2, 3, 8)
    assert torch.equal(query, audio.expand(2, 3, 8))
    assert not list(generator.parameters())


def test_unknown_query_mode():
    with pytest.raises(ValueError, match="got 'adaptive'"):
        AVSegFormerQueryGenerator('adaptive', num_queries=3, embed_dims=8)


def test_mixer_is_attention_of_one_query():
    """Compared with torch's attention, which projects every pixel."""
    torch.manual_seed(0)
    mixer = AVSegFormerChannelMixer(16, num_heads=4).double()
    feature = torch.randn(3, 16, 5, 7, dtype=torch.double)
    audio = torch.randn(3, 1, 16, dtype=torch.double)
    pixels = feature.flatten(2).transpose(1, 2)

    def heads(x):
        return x.unflatten(-1, (4, 4)).transpose(1, 2)

    key, value = mixer.kv_proj(pixels).chunk(2, dim=-1)
    attended = F.scaled_dot_product_attention(
        heads(mixer.q_proj(audio)), heads(key), heads(value)
    )
    gate = mixer.proj(attended.transpose(1, 2).flatten(1)).sigmoid()
    expected = feature * gate[:, :, None, None]
    assert torch.allclose(mixer(feature, audio), expected, atol=1e-12)


@pytest.mark.parametrize('size', [(4, 6), (64, 65)])
def test_folded_mlp_is_the_mlp_over_the_masks(size):
    """With one tile, and with several tiles of which the last is short."""
    torch.manual_seed(0)
    head = AVSegFormerMaskHead(10, 16, 1, hidden_channels=32).double()
    query = torch.randn(2, 10, 16, dtype=torch.double)
    feature = torch.randn(2, 16, *size, dtype=torch.double)
    masks = torch.einsum('nqc,nchw->nhwq', query, feature)
    first, second, third = head.mlp
    mixed = third(second(first(masks).relu()).relu()).permute(0, 3, 1, 2)
    expected = head.conv_seg(feature + mixed)
    assert torch.allclose(head(query, feature), expected, atol=1e-10)


def test_masks_by_hand():
    """One query (2, -1), one hidden unit: relu(3 (2 f_0 - f_1) + 1)."""
    head = AVSegFormerMaskHead(1, 8, 1, hidden_channels=1)
    for parameter in head.mlp.parameters():
        nn.init.zeros_(parameter)
    first, second, third = head.mlp
    nn.init.constant_(first.weight, 3)
    nn.init.constant_(first.bias, 1)
    nn.init.ones_(second.weight)
    third.weight.data[5, 0] = 10
    query = torch.zeros(1, 8)
    query[0, :2] = torch.tensor([2.0, -1.0])
    feature = torch.zeros(8, 1, 3)
    feature[:2, 0] = torch.tensor([[1.0, 0, 0], [1.0, 1, 0]])
    mixed = head._mix(query, feature)
    # 3 * (2 - 1) + 1 = 4; 3 * (0 - 1) + 1 = -2, cut off; 0 + 1 = 1.
    assert mixed[5, 0].tolist() == [40, 0, 10]
    assert not mixed[[0, 1, 2, 3, 4, 6, 7]].any()


def test_initialisation_is_the_published_one():
    """Xavier's bounds, attention's ring of offsets, unit level embeddings."""
    head = tiny_head()
    weight = head.mask_head.mlp[1].weight
    bound = (6 / sum(weight.shape)) ** 0.5
    assert 0.95 * bound < weight.abs().max() <= bound
    bound = (6 / (10 + 64)) ** 0.5  # query embeddings too
    assert 0.9 * bound < head.query_embed.weight.abs().max() <= bound
    attention = head.pixel_decoder.encoder.layers[0].self_attn
    assert not attention.sampling_offsets.weight.any()
    assert not attention.attention_weights.weight.any()
    # Head 0 looks right: point p of every level at (p + 1, 0).
    ring = attention.sampling_offsets.bias.view(4, 3, 4, 2)[0, 1]
    assert torch.allclose(
        ring, torch.tensor([[1.0, 0], [2, 0], [3, 0], [4, 0]]), atol=1e-6
    )
    assert 0.8 < head.pixel_decoder.level_embed.weight.std() < 1.2


def test_conv_biases_before_group_norm_start_uniform():
    """The published code keeps PyTorch's default biases of its convolutions.

    That is U(-b, b) with b = 1 / sqrt(in_channels * kernel area), of standard
    deviation b / sqrt(3).
    """
    decoder = tiny_head().pixel_decoder
    convs = [
        module.conv
        for module in (
            *decoder.input_projs,
            decoder.lateral_conv,
            decoder.output_conv,
        )
    ]
    assert len(convs) == 6
    for conv in convs:
        bound = conv.weight[0].numel() ** -0.5
        assert 0.9 * bound < conv.bias.abs().max() <= bound
        assert conv.bias.std().item() == pytest.approx(
            bound / 3**0.5, rel=0.25
        )
    # Drawn, not fixed: another model has other biases.
    other = build(tiny_cfg(), seed=1).pixel_decoder
    assert not torch.equal(
        other.lateral_conv.conv.bias, decoder.lateral_conv.conv.bias
    )
