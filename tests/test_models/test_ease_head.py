"""EASEHead: shapes, masks of attention, sound, losses, options."""

import pytest
import torch
from mmavs.models.ease import EASEAligner, EASEClusterEnhancer
from mmavs.models.ease.assignment import soft_assignment
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from support.tiny_ease import NUM_QUERIES, tiny_features, tiny_head

#: Grid of 3 x 4 patches, 5 prefix tokens.
NUM_PATCHES, NUM_PREFIX = 12, 5
NUM_TOKENS = NUM_QUERIES + NUM_PREFIX + NUM_PATCHES


def _samples(labelled):
    """Seeded truth 24 x 32, 255 where a frame has no label."""
    torch.manual_seed(2)
    samples = []
    for has_label in labelled:
        truth = (torch.rand(1, 24, 32) > 0.5).long()
        sample = SegDataSample(metainfo=dict(img_shape=(48, 64)))
        data = truth if has_label else torch.full_like(truth, 255)
        sample.gt_sem_seg = PixelData(data=data)
        samples.append(sample)
    return samples


def test_predictions_in_training_and_evaluation():
    head, features = tiny_head(), tiny_features()
    classes, masks = head(features)
    assert len(classes) == len(masks) == 3
    assert all(c.shape == (3, NUM_QUERIES, 3) for c in classes)
    assert all(m.shape == (3, NUM_QUERIES, 12, 16) for m in masks)
    head.eval()
    classes, masks = head(features)
    assert len(classes) == len(masks) == 1


def test_every_parameter_trains():
    head, features = tiny_head(), tiny_features()
    losses = head.loss(features, _samples([True, True, False]), None)
    assert len(losses) == 9
    sum(losses.values()).backward()
    unused = [n for n, p in head.named_parameters() if p.grad is None]
    assert not unused


def test_frames_without_label_have_no_loss():
    """Gradients of the last frame's tokens are zero, of the others not."""
    head = tiny_head(dropout=0.0)
    features = tiny_features()
    patches = features.visual[0].detach().requires_grad_()
    features = features._replace(visual=(patches, *features.visual[1:]))
    losses = head.loss(features, _samples([True, True, False]), None)
    sum(losses.values()).backward()
    gradient = patches.grad.abs().flatten(1).amax(1)
    assert gradient[2] == 0
    assert (gradient[:2] > 0).all()


def test_no_label_at_all_has_zero_loss():
    head, features = tiny_head(), tiny_features()
    losses = head.loss(features, _samples([False] * 3), None)
    assert {name: float(v) for name, v in losses.items()} == {'loss_cls': 0}
    losses['loss_cls'].backward()
    assert all(p.grad is not None for p in head.parameters())


def _record_masks(head):
    """The attention masks that the blocks are given."""
    seen = []
    for block in head.blocks:
        block.register_forward_pre_hook(
            lambda _, arguments: seen.append(arguments[2])
        )
    return seen


def test_only_queries_to_patches_are_masked():
    head, features = tiny_head(), tiny_features()
    seen = _record_masks(head)
    _, masks = head(features)
    assert len(seen) == 2
    for allowed, mask in zip(seen, masks, strict=False):
        assert allowed.shape == (3, NUM_TOKENS, NUM_TOKENS)
        block = allowed[:, :NUM_QUERIES, -NUM_PATCHES:]
        resized = torch.nn.functional.interpolate(
            mask, (3, 4), mode='bilinear'
        )
        assert torch.equal(block, resized.flatten(2) > 0)
        assert not block.all()
        rest = allowed.clone()
        rest[:, :NUM_QUERIES, -NUM_PATCHES:] = True
        assert rest.all()


def test_annealing_opens_rows():
    """At 0 nothing is masked; in between whole rows are."""
    head, features = tiny_head(), tiny_features(num_frames=40)
    head.attn_mask_probs[:] = torch.tensor([0.0, 0.3])
    seen = _record_masks(head)
    head(features)
    assert seen[0] is None
    rows = seen[1][:, :NUM_QUERIES, -NUM_PATCHES:].all(-1)
    assert 0.55 < rows.float().mean() < 0.85
    head.attn_mask_probs[:] = 1.0
    seen.clear()
    head(features)
    assert seen[1][:, :NUM_QUERIES, -NUM_PATCHES:].all(-1).float().mean() < 0.5


@pytest.mark.parametrize(
    ('options', 'training'), [({}, False), ({'masked_attention': False}, True)]
)
def test_nothing_is_masked_in_evaluation_or_when_off(options, training):
    head, features = tiny_head(**options), tiny_features()
    head.train(training)
    seen = _record_masks(head)
    head(features)
    assert seen == [None, None]


def test_probabilities_are_in_the_checkpoint():
    assert 'attn_mask_probs' in tiny_head().state_dict()


def _last(head, features):
    classes, masks = head.eval()(features)
    return torch.cat([classes[-1].flatten(1), masks[-1].flatten(1)], 1)


@torch.no_grad()
def test_other_sound_changes_the_prediction_of_its_frame_alone():
    head, features = tiny_head(), tiny_features()
    before = _last(head, features)
    audio = features.audio_embed.clone()
    audio[1] = audio[0]
    after = _last(head, features._replace(audio_embed=audio))
    changed = (before - after).abs().amax(1)
    assert changed[1] > 1e-4
    assert changed[[0, 2]].max() < 1e-6


@pytest.mark.parametrize(
    'options', [{'fuser': None}, {'query_generator': None}]
)
@torch.no_grad()
def test_sound_has_two_ways_in(options):
    head, features = tiny_head(**options), tiny_features()
    before = _last(head, features)
    swapped = features._replace(audio_embed=features.audio_embed.flip(0))
    changed = (before - _last(head, swapped)).abs().amax(1)
    assert changed[0] > 1e-5
    both = tiny_head(fuser=None, query_generator=None)
    assert torch.equal(_last(both, features), _last(both, swapped))


@torch.no_grad()
def test_evaluation_is_deterministic_unless_published_noise_is_wanted():
    features = tiny_features()
    head = tiny_head()
    assert torch.equal(_last(head, features), _last(head, features))
    noisy = tiny_head(
        fuser=dict(type='EASEAligner', deterministic=False),
    )
    assert not torch.equal(_last(noisy, features), _last(noisy, features))


def test_one_fuser_or_one_per_place():
    assert len(tiny_head().fusers) == 1
    assert len(tiny_head(share_fuser=False).fusers) == 3
    assert len(tiny_head(share_fuser=False, fuse_late=False).fusers) == 2


@torch.no_grad()
def test_blocks_before_the_queries_join():
    """A head may own more blocks than it runs on queries, for the fuser."""
    head = tiny_head(num_blocks=3, joint_blocks=1, fuse_before=(0, 2))
    features = tiny_features(num_blocks=3)
    classes, masks = head(features)
    assert len(classes) == 2
    assert masks[0].shape == (3, NUM_QUERIES, 12, 16)


@torch.no_grad()
def test_dinov2_has_no_rope():
    head = tiny_head(variant='dinov2')
    features = tiny_features(variant='dinov2', patch_size=16)
    assert len(features.visual) == 2
    assert head(features)[1][0].shape == (3, NUM_QUERIES, 12, 16)


@torch.no_grad()
def test_prior_is_added_to_the_mask_feature():
    """The prior shifts a mask by its sum with the mask embedding."""
    prior = dict(type='MaskPrior', robust_key=False, init_attention=False)
    head, features = tiny_head(mask_prior=prior).eval(), tiny_features()
    zero = features._replace(mask_prior=torch.zeros(3, 1, 12, 16))
    half = zero.mask_prior.clone()
    half[..., 8:] = 1
    before = head(zero)[1][-1]
    after = head(features._replace(mask_prior=half))[1][-1]
    moved = after - before
    assert moved[..., :8].abs().max() < 1e-6
    assert moved[..., 8:].abs().min() > 0
    spread = moved[..., 8:].flatten(2)
    assert (spread.amax(-1) - spread.amin(-1)).max() < 1e-5


def _with_prior(features, num_columns):
    """A prior that is 1 in the first columns of 4 patches, else 0."""
    prior = torch.zeros(3, 1, 3, 4)
    prior[..., :num_columns] = 1
    return features._replace(mask_prior=prior)


@pytest.mark.parametrize('training', [True, False])
@torch.no_grad()
def test_prior_as_first_attention_mask(training):
    """It replaces masked attention in the first joint block, always."""
    prior = dict(type='MaskPrior', robust_key=False, fuse_mask_feature=False)
    head = tiny_head(mask_prior=prior).train(training)
    seen = _record_masks(head)
    head(_with_prior(tiny_features(), 1))
    first, second = seen
    inside = first[:, :NUM_QUERIES, -NUM_PATCHES:].unflatten(2, (3, 4))
    assert inside[..., 0].all()
    assert not inside[..., 1:].any()
    rest = first.clone()
    rest[:, :NUM_QUERIES, -NUM_PATCHES:] = True
    assert rest.all()
    assert (second is None) == (not training)
    seen.clear()
    silent = head(_with_prior(tiny_features(), 0))
    assert not seen[0][:, :NUM_QUERIES, -NUM_PATCHES:].any()
    assert all(part.isfinite().all() for part in (*silent[0], *silent[1]))


@torch.no_grad()
def test_prior_as_markers_of_patches():
    """Patches where the prior is 1 get `audio_embed`, others `silence`."""
    prior = dict(
        type='MaskPrior', init_attention=False, fuse_mask_feature=False
    )
    head = tiny_head(mask_prior=prior, fuser=None).eval()
    marks = head.mask_prior
    inputs = []
    head.blocks[0].register_forward_pre_hook(
        lambda _, arguments: inputs.append(arguments[0])
    )
    features = tiny_features()
    for embed in (marks.silence_embed, marks.audio_embed):
        embed.weight.zero_()
    head(_with_prior(features, 1))
    marks.audio_embed.weight.fill_(2.0)
    marks.silence_embed.weight.fill_(-1.0)
    head(_with_prior(features, 1))
    added = (inputs[1] - inputs[0]).mean(-1)
    assert added[:, :-NUM_PATCHES].abs().max() == 0
    grid = added[:, -NUM_PATCHES:].unflatten(1, (3, 4))
    torch.testing.assert_close(grid[..., 0], torch.full((3, 3), 2.0))
    torch.testing.assert_close(grid[..., 1:], torch.full((3, 3, 3), -1.0))


def test_a_prior_is_needed():
    head = tiny_head(mask_prior=dict(type='MaskPrior'))
    with pytest.raises(ValueError, match='the batch has no mask_prior'):
        head(tiny_features())


@pytest.mark.parametrize('num_frames', [(3,), (1, 2), (2, 1), (1, 1, 1)])
@torch.no_grad()
def test_queries_of_the_previous_second(num_frames):
    """First frames as without it; others depend on their clip's past alone."""
    features = tiny_features()._replace(num_frames=num_frames)
    plain = _last(tiny_head(), features)
    head = tiny_head(query_propagation=True).eval()
    head.load_state_dict(tiny_head().state_dict(), strict=False)
    before = _last(head, features)
    starts = [sum(num_frames[:i]) for i in range(len(num_frames))]
    changed = (before - plain).abs().amax(1)
    for row in range(3):
        assert (changed[row] < 1e-5) == (row in starts)
    # Another sound of one frame changes that frame and the rest of its clip.
    for row in range(3):
        audio = features.audio_embed.clone()
        audio[row] = audio[row].flip(0)
        after = _last(head, features._replace(audio_embed=audio))
        moved = (after - before).abs().amax(1) > 1e-5
        clip = max(i for i, start in enumerate(starts) if start <= row)
        end = starts[clip] + num_frames[clip]
        assert moved.tolist() == [row <= other < end for other in range(3)]


def test_propagated_queries_train():
    head = tiny_head(query_propagation=True)
    classes, masks = head(tiny_features())
    assert len(classes) == len(masks) == 3
    losses = head.loss(tiny_features(), _samples([True, True, True]), None)
    sum(losses.values()).backward()
    assert not [n for n, p in head.named_parameters() if p.grad is None]
    assert head.propagation.proj.weight.grad.abs().max() > 0


@torch.no_grad()
def test_enhancer_by_hand():
    """One centre, everything of weight zero: the projected sound remains."""
    enhancer = EASEClusterEnhancer(2, 2, num_clusters=1, num_tokens=5).eval()
    for parameter in enhancer.parameters():
        parameter.zero_()
    enhancer.audio_proj.weight.copy_(torch.eye(2))
    embed = torch.tensor([[3.0, -1.0]])
    assert enhancer(embed).tolist() == [[[3.0, -1.0]]]
    # offset 1 of tanh(b): t = a (1 + tanh 1), twice.
    enhancer.offset_s1.bias.fill_(1.0)
    enhancer.offset_s2.bias.fill_(1.0)
    factor = (1 + torch.tanh(torch.tensor(1.0))) ** 2
    torch.testing.assert_close(enhancer(embed)[0], factor * embed)


@torch.no_grad()
def test_both_rules_choose_the_same_centres():
    torch.manual_seed(3)
    embed = torch.rand(8, 128)
    by_score = EASEClusterEnhancer().eval()
    # Small centres keep the assignment flat, so that distances do not tie.
    by_score.centres.mul_(0.1)
    by_distance = EASEClusterEnhancer(select='distance').eval()
    by_distance.load_state_dict(by_score.state_dict())
    torch.testing.assert_close(
        by_score(embed).sort(1).values,
        by_distance(embed).sort(1).values,
        atol=1e-5,
        rtol=0,
    )


@torch.no_grad()
def test_aligner_gates_every_patch_by_itself():
    """Gates are sigmoids: with zero queries every patch takes one half."""
    fuser = EASEAligner(16, audio_dims=16, num_heads=2).eval()
    fuser.init_weights()
    fuser.visual_q.weight.zero_()
    patches, tokens = torch.randn(1, 3, 16), torch.randn(1, 5, 16)
    added = fuser(patches, tokens, (1, 3)) - patches
    torch.testing.assert_close(added, added[:, :1].expand_as(added))
    fuser.visual_q.weight.normal_(std=2.0)
    added = fuser(patches, tokens, (1, 3)) - patches
    assert (added[:, 0] - added[:, 1]).abs().max() > 1e-3


def test_soft_assignment_sums_to_one():
    scores = torch.tensor([[0.0, 0.0], [0.0, 200.0]])
    plain = soft_assignment(scores, noisy=False)
    assert plain.tolist() == [[0.5, 0.5], [0.0, 1.0]]
    noisy = soft_assignment(scores, noisy=True)
    assert not torch.equal(plain, noisy)
    torch.testing.assert_close(noisy.sum(1), torch.ones(2))


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (dict(joint_blocks=3), r'joint_blocks must be in 1\.\.num_blocks'),
        (
            dict(fuse_before=(0, 2)),
            r'different blocks of 0\.\.1, got \[0, 2\]',
        ),
        (dict(fuse_before=(0, 0)), 'different blocks'),
        (
            dict(audio_enhancer=dict(type='EASEClusterEnhancer', select='x')),
            "'score' or 'distance', got 'x'",
        ),
    ],
)
def test_wrong_options(options, text):
    with pytest.raises(ValueError, match=text):
        tiny_head(**options)


def test_pvt_needs_a_square_number_of_tokens():
    """13 queries and 4 x 4 patches would be 29 tokens; 9 make 5 x 5."""
    sizes = dict(embed_dims=32, num_heads=4, mlp_channels=32, sr_ratio=2)
    options = dict(arch=sizes, variant='pvtv2', audio_dims=32)
    features = tiny_features()._replace(visual=(torch.randn(3, 32, 4, 4),))
    head = tiny_head(**options, num_queries=9, num_blocks=3, fuse_before=())
    classes, masks = head(features)
    assert classes[-1].shape == (3, 9, 3)
    assert masks[-1].shape == (3, 9, 16, 16)
    head = tiny_head(**options, num_queries=13)
    with pytest.raises(ValueError, match=r'got 29 .* by -4 or \+7'):
        head(features)
    with pytest.raises(ValueError, match=r"one of \['b5'\].*got 'b6'"):
        tiny_head(arch='b6', variant='pvtv2')
