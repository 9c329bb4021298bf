"""The TPAVI head with the tiny configs."""

import math

import pytest
import torch
from mmavs.models.tpavi import TPAVIHead
from mmavs.structures import ClipFeatures
from mmengine.config import Config
from mmseg.registry import MODELS
from support.tiny_models import ROOT, build, samples_of
from torch import nn

SIZE, CHANNELS = 32, 8
PRIOR = dict(type='MaskPrior', robust_key=False, init_attention=False)


def make_head(seed: int = 0, **options) -> TPAVIHead:
    """A small head in float64 and evaluation mode with nonzero attention."""
    torch.manual_seed(seed)
    binary = options.get('out_channels', 1) == 1
    options = (
        dict(
            in_channels=[CHANNELS] * 4,
            audio_channels=4,
            hidden_channels=6,
            channels=5,
            num_classes=2,
            out_channels=1,
            threshold=0.5,
            loss_decode=dict(
                type='CrossEntropyLoss',
                use_sigmoid=binary,
                avg_non_ignore=True,
            ),
        )
        | options
    )
    head = MODELS.build(dict(type='TPAVIHead', **options)).double()
    for block in head.tpavi.values():
        nn.init.normal_(block.bn.weight)
        nn.init.normal_(block.bn.bias)
    return head.eval()


def make_features(num_frames=(5,), size: int = SIZE, **fields):
    """Random maps of frames of ``size`` pixels, and random audio."""
    generator = torch.Generator().manual_seed(sum(num_frames))
    total = sum(num_frames)
    visual = []
    for stride in (4, 8, 16, 32):
        side = math.ceil(size / stride)
        shape = (total, CHANNELS, side, side)
        visual.append(torch.randn(shape, generator=generator).double())
    audio = torch.randn(total, 4, generator=generator).double()
    return ClipFeatures(tuple(visual), audio, None, num_frames)._replace(
        **fields
    )


def frames_of(features: ClipFeatures, frames: slice, num_frames):
    """Select frames of a batch as a new batch."""
    return features._replace(
        visual=tuple(x[frames] for x in features.visual),
        audio_embed=features.audio_embed[frames],
        num_frames=num_frames,
    )


def padded(features: ClipFeatures, num_frames: int) -> ClipFeatures:
    """Pad one clip with frames that are not zero."""
    length = len(features.audio_embed)
    more = make_features((num_frames - length,))
    return features._replace(
        visual=tuple(
            torch.cat(pair)
            for pair in zip(features.visual, more.visual, strict=True)
        ),
        audio_embed=torch.cat([features.audio_embed, more.audio_embed]),
        num_frames=(num_frames,),
        valid=torch.arange(num_frames) < length,
    )


@pytest.mark.parametrize('num_frames', [(1,), (5,), (10,), (5, 10), (7, 1)])
def test_any_number_of_frames(num_frames):
    logits = make_head()(make_features(num_frames))
    assert logits.shape == (sum(num_frames), 1, SIZE, SIZE)
    assert logits.isfinite().all()


@pytest.mark.parametrize('window', [5, None])
def test_a_clip_does_not_depend_on_its_batch(window):
    head = make_head(window=window)
    lengths = (10, 5, 7, 1)
    features = make_features(lengths)
    together = head(features).split(lengths)
    start = 0
    for length, logits in zip(lengths, together, strict=True):
        frames = slice(start, start + length)
        alone = head(frames_of(features, frames, (length,)))
        torch.testing.assert_close(alone, logits, rtol=0, atol=1e-12)
        start += length


def test_the_window_decides_who_hears_whom():
    features = make_features((10,))
    changed = features.audio_embed.clone()
    changed[9] += 1
    for window, touched in ((5, 5), (None, 10), (1, 1)):
        head = make_head(window=window)
        moved = head(features._replace(audio_embed=changed)) - head(features)
        moves = moved.abs().amax((1, 2, 3)) > 1e-9
        assert moves.tolist() == [False] * (10 - touched) + [True] * touched


def test_another_sound_gives_another_mask():
    head = make_head()
    features = make_features((5, 5))
    exchanged = features.audio_embed.roll(5, 0)
    moved = head(features._replace(audio_embed=exchanged)) - head(features)
    assert (moved.abs().amax((1, 2, 3)) > 1e-3).all()


@pytest.mark.parametrize(
    'options', [dict(tpavi_stages=()), dict(attend='visual')]
)
def test_without_sound_it_is_deaf(options):
    head = make_head(**options)
    features = make_features((5,))
    other = features._replace(audio_embed=features.audio_embed + 1)
    assert torch.equal(head(other), head(features))


def test_stages_that_are_not_chosen_have_no_block():
    head = make_head(tpavi_stages=(1, 3))
    assert list(head.tpavi) == ['1', '3']
    out = head.run(make_features())
    assert sorted(out.audio) == [1, 3]


def test_the_matching_loss_sees_rectified_maps():
    """As published, where an in-place ReLU in the decoder rectifies them."""
    features = make_features()
    maps = make_head(tpavi_stages=(1,)).run(features).maps
    for stage in (0, 2, 3):
        assert torch.equal(maps[stage], features.visual[stage].relu())
    assert maps[1].min() == 0
    assert maps[1].max() > 0


def test_sizes_need_not_be_multiples_of_32():
    assert make_head()(make_features(size=100)).shape == (5, 1, 100, 100)


def test_padded_frames_are_zero_and_dropped():
    features = padded(make_features((5,)), 10)
    head = make_head()
    out = head.run(features)
    for rows in (out.logits, out.mask_feature, *out.maps):
        assert rows[:5].abs().amax((1, 2, 3)).min() > 0
        assert rows[5:].abs().max() == 0
    assert torch.equal(head(features), out.logits[:5])


def test_padding_to_whole_windows_changes_nothing():
    """In evaluation; in training the norms include the padded frames."""
    head = make_head()
    features = make_features((5,))
    torch.testing.assert_close(
        head(padded(features, 10)), head(features), rtol=0, atol=1e-12
    )


def test_what_a_padded_frame_holds_does_not_matter():
    head = make_head()
    features = padded(make_features((3,)), 5)
    other = features._replace(
        visual=tuple(
            x + ~features.valid[:, None, None, None] for x in features.visual
        ),
        audio_embed=features.audio_embed + ~features.valid[:, None],
    )
    assert not torch.equal(other.visual[0], features.visual[0])
    assert torch.equal(head(other), head(features))


def test_the_prior_is_added_to_the_mask_feature_alone():
    head = make_head(mask_prior=PRIOR)
    prior = torch.rand(5, 1, SIZE, SIZE).double()
    features = make_features()
    plain = head.run(features._replace(mask_prior=torch.zeros_like(prior)))
    fused = head.run(features._replace(mask_prior=prior))
    half = nn.functional.avg_pool2d(prior, 2)  # what bilinear halving is
    torch.testing.assert_close(
        fused.mask_feature - plain.mask_feature,
        half.expand_as(plain.mask_feature),
    )
    for ours, theirs in zip(fused.maps, plain.maps, strict=True):
        assert torch.equal(ours, theirs)
    assert (fused.logits - plain.logits).abs().max() > 1e-3


def test_no_prior_is_that_of_silence():
    features = make_features()
    silence = features._replace(mask_prior=torch.zeros(5, 1, 9, 9).double())
    with_prior, without = make_head(mask_prior=PRIOR), make_head()
    assert with_prior.state_dict().keys() == without.state_dict().keys()
    assert torch.equal(with_prior(silence), without(features))


def test_the_prior_of_a_padded_frame_is_not_seen():
    features = padded(make_features((5,)), 10)
    features = features._replace(mask_prior=torch.ones(10, 1, 4, 4).double())
    out = make_head(mask_prior=PRIOR).run(features)
    assert out.mask_feature[5:].abs().max() == 0


def test_binary_loss_by_hand():
    """No weights: all logits are the last bias, 2; frame 0 alone is labelled.

    A quarter of it sounds: 1/4 ln(1 + e^-2) + 3/4 ln(1 + e^2).
    """
    head = make_head()
    nn.init.zeros_(head.conv_seg.weight)
    nn.init.constant_(head.conv_seg.bias, 2)
    truth = torch.full((5, SIZE, SIZE), 255)
    truth[0] = 0
    truth[0, : SIZE // 2, : SIZE // 2] = 1
    losses = head.loss(make_features(), samples_of(truth, SIZE), {})
    expected = math.log1p(math.exp(-2)) / 4 + 0.75 * math.log1p(math.exp(2))
    assert set(losses) == {'loss_ce'}
    assert losses['loss_ce'].item() == pytest.approx(expected)


def test_semantic_loss_by_hand():
    """Logits 0, 0, ln 2: class 2 has 1/2, the others 1/4.

    Two labelled frames, all of class 2 and of class 0: the mean of ln 2 and
    ln 4 is 1.5 ln 2. The frame without label and the padding count nowhere.
    """
    head = make_head(num_classes=3, out_channels=3)
    nn.init.zeros_(head.conv_seg.weight)
    head.conv_seg.bias.data = torch.tensor([0, 0, math.log(2)]).double()
    truth = torch.stack([torch.full((SIZE, SIZE), v) for v in (2, 0, 255)])
    features = padded(make_features((3,)), 5)
    losses = head.loss(features, samples_of(truth, SIZE), {})
    assert losses['loss_ce'].item() == pytest.approx(1.5 * math.log(2))
    # The arg-max is class 2: right in one of the two frames.
    assert losses['acc_seg'].item() == pytest.approx(50)


@pytest.mark.parametrize('binary', [True, False])
def test_frames_without_label_and_padding_count_in_no_loss(binary):
    match = dict(
        type='TPAVIMatchingLoss',
        mask='soft' if binary else 'foreground',
        reduction='sum' if binary else 'mean',
    )
    classes = 1 if binary else 4
    head = make_head(
        num_classes=max(2, classes), out_channels=classes, loss_match=match
    )
    truth = torch.randint(0, max(2, classes), (3, SIZE, SIZE))
    features = make_features((3,))
    one = head.loss(
        frames_of(features, slice(1), (1,)), samples_of(truth[:1], SIZE), {}
    )
    truth[1:] = 255
    head.window = 1  # otherwise the audio of other frames is used
    rest = head.loss(features, samples_of(truth, SIZE), {})
    full = head.loss(padded(features, 5), samples_of(truth, SIZE), {})
    assert one['loss_match'].item() > 0
    for name in ('loss_ce', 'loss_match'):
        assert rest[name].item() == pytest.approx(one[name].item())
        assert full[name].item() == pytest.approx(one[name].item())


@pytest.mark.parametrize('task', ['s4', 'ms3', 'avss'])
@pytest.mark.parametrize('labelled', [True, False])
def test_every_parameter_takes_part(task, labelled):
    """Otherwise DDP would wait for it; also without any label."""
    name = f'configs/synthetic/tpavi_tiny_{task}-96x96.py'
    model = build(Config.fromfile(ROOT / name).model).train()
    truth = torch.full((3, 64, 64), 0 if labelled else 255)
    truth[0, :9] = 1 if labelled else 255
    inputs = dict(
        frames=torch.randn(3, 3, 64, 64),
        audio=torch.randn(3, 1, 96, 64),
        num_frames=(2, 1),
    )
    losses = model.loss(inputs, samples_of(truth))
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    unused = [n for n, p in model.named_parameters() if p.grad is None]
    assert not unused
    assert all(v.isfinite() for v in losses.values())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(in_channels=[8, 8, 8, 16]), 'one width, got .*16.*TPAVINeck'),
        (dict(tpavi_stages=(0, 4)), r'0 to 3, got \[0, 4\]'),
        (dict(tpavi_stages=(1, 1)), r'different .* got \[1, 1\]'),
        (dict(window=0), 'window must be None or 1 .* got 0'),
        (dict(attend='sound'), 'attend must be one of'),
        (
            dict(
                loss_match=dict(
                    type='TPAVIMatchingLoss', mask='soft', reduction='sum'
                ),
                tpavi_stages=(0, 1),
            ),
            r'\[2, 3\] have no sound: see tpavi_stages',
        ),
        (
            dict(
                loss_match=dict(
                    type='TPAVIMatchingLoss',
                    mask='foreground',
                    reduction='mean',
                )
            ),
            'several output channels, but the head has 1',
        ),
        (dict(mask_prior=dict(type='MaskPrior')), 'no masked attention'),
    ],
)
def test_errors_say_what_was_expected(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_a_batch_without_prior_is_refused():
    with pytest.raises(ValueError, match='LoadMaskPrior'):
        make_head(mask_prior=PRIOR)(make_features())
