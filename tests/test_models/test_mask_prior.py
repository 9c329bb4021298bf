"""Hand-worked effects of a mask prior on a decoder."""

import pytest
import torch
from mmavs.models import MaskPrior
from support.tiny_models import build, random_features, samples_of, tiny_config
from torch import Tensor

CHANNELS = [16, 32, 64, 128]

# Halved to 2x2, a pixel is the mean of four (bilinear, no smoothing, pixel
# centres): 1, 2/4 = 0.5 in the first row, (1 + 0.6) / 4 = 0.4, 0 below.
PRIOR = torch.tensor(
    [
        [1.0, 1.0, 1.0, 0.0],
        [1.0, 1.0, 1.0, 0.0],
        [1.0, 0.6, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
)[None, None]
HALVED = torch.tensor([[1.0, 0.5], [0.4, 0.0]])


def _prior(embed_dims: int = 2, **options) -> MaskPrior:
    """With embeddings that are easy to read: (1, 0), (0, 1), (2, 2)."""
    module = MaskPrior(embed_dims=embed_dims, **options)
    if module.robust_key:
        with torch.no_grad():
            module.silence_embed.weight.copy_(torch.tensor([[1.0, 0.0]]))
            module.uncertain_embed.weight.copy_(torch.tensor([[0.0, 1.0]]))
            module.audio_embed.weight.copy_(torch.tensor([[2.0, 2.0]]))
    return module


def _guide(module: MaskPrior, prior: Tensor | None = PRIOR):
    mask_feature = torch.arange(8.0).view(1, 2, 2, 2)
    return module(mask_feature, [torch.zeros(1, 4, 2)], [(2, 2)], prior)


def test_prior_is_added_to_every_channel_of_the_mask_feature():
    """Channels hold 0..3 and 4..7."""
    fused = _guide(_prior()).mask_feature[0]
    torch.testing.assert_close(
        fused[0], HALVED + torch.tensor([[0, 1], [2, 3]])
    )
    torch.testing.assert_close(
        fused[1], HALVED + torch.tensor([[4, 5], [6, 7]])
    )


def test_keys_are_silent_uncertain_or_sounding():
    """1 is sounding, 0.5 (between 0.4 and 0.6) uncertain, 0.3 and 0 silent."""
    prior = PRIOR.clone()
    prior[..., 2, 1] = 0.2  # the third mean becomes (1 + 0.2) / 4 = 0.3
    located = _guide(_prior(), prior).key_pos[0][0]
    assert located.tolist() == [[2, 2], [0, 1], [1, 0], [1, 0]]


def test_thresholds_belong_to_the_sure_sides():
    """At ``low`` a key is silent, at ``high`` sounding: 1, 0.5, 0.25, 0."""
    prior = PRIOR.clone()
    prior[..., 2, 1] = 0
    located = _guide(_prior(low=0.25, high=0.5), prior).key_pos[0][0]
    assert located.tolist() == [[2, 2], [2, 2], [1, 0], [1, 0]]


def test_thresholds_of_soft_priors():
    """With the first release's 0.1 and 0.2: 0.15 uncertain, 0.3 sounding."""
    prior = torch.tensor([[0.3, 0.15], [0.05, 0.3]])[None, None]
    located = _guide(_prior(low=0.1, high=0.2), prior).key_pos[0][0]
    assert located.tolist() == [[2, 2], [0, 1], [1, 0], [2, 2]]


def test_positions_are_added_to_not_replaced():
    pos = torch.full((1, 4, 2), 10.0)
    located = _prior().locate_keys(pos, (2, 2), torch.ones(1, 1, 4, 4))
    assert torch.equal(located, torch.full((1, 4, 2), 12.0))
    assert torch.equal(pos, torch.full((1, 4, 2), 10.0))


def test_first_layer_attends_where_the_prior_is_at_least_half():
    """Of 1, 0.5, 0.4 and 0, the last two are blocked for all queries."""
    blocked = _guide(_prior()).blocked
    assert blocked.tolist() == [[[False, False, True, True]]]


def test_without_a_prior_nothing_is_changed_and_all_keys_are_uncertain():
    """A prior of zeros would mark all keys as silent."""
    guided = _guide(_prior(), torch.full((1, 1, 4, 4), -1.0))
    mask_feature = torch.arange(8.0).view(1, 2, 2, 2)
    assert torch.equal(guided.mask_feature, mask_feature)
    assert guided.key_pos[0][0].tolist() == [[0, 1]] * 4
    assert guided.blocked.tolist() == [[[False] * 4]]
    silent = _guide(_prior(), torch.zeros(1, 1, 4, 4))
    assert silent.key_pos[0][0].tolist() == [[1, 0]] * 4


def test_each_part_has_a_switch():
    off = dict(fuse_mask_feature=False, init_attention=False, robust_key=False)
    module = MaskPrior(embed_dims=2, **off)
    assert not list(module.parameters())
    mask_feature = torch.arange(8.0).view(1, 2, 2, 2)
    guided = _guide(module)
    assert torch.equal(guided.mask_feature, mask_feature)
    assert torch.equal(guided.key_pos[0], torch.zeros(1, 4, 2))
    assert guided.blocked is None


def test_embeddings_begin_small():
    """As published: normal, with a standard deviation of 0.02."""
    torch.manual_seed(0)
    module = MaskPrior(embed_dims=4096)
    embeds = [p for _, p in module.named_parameters()]
    assert len(embeds) == 3
    for embed in embeds:
        # The deviation of 4096 draws is off by 0.02 / sqrt(8192) = 0.00022.
        assert embed.std().item() == pytest.approx(0.02, abs=0.001)


@pytest.mark.parametrize(('low', 'high'), [(0.6, 0.4), (0.5, 0.5), (-1, 0.5)])
def test_thresholds_out_of_order_are_refused(low, high):
    with pytest.raises(ValueError, match=f'low={low}, high={high}'):
        MaskPrior(embed_dims=2, low=low, high=high)


def test_a_missing_prior_is_named():
    with pytest.raises(ValueError, match='LoadMaskPrior'):
        _guide(_prior(), None)


@pytest.mark.parametrize('shape', [(1, 4, 4), (2, 1, 4, 4), (1, 2, 4, 4)])
def test_a_prior_of_another_shape_is_named(shape):
    with pytest.raises(ValueError, match=r'\(N, 1, h, w\) with N=1 frames'):
        _guide(_prior(), torch.zeros(shape))


def _head(**options):
    cfg = tiny_config()
    cfg.decode_head.mask_prior = dict(type='MaskPrior', **options)
    return build(cfg).decode_head


def _features(prior: Tensor | None):
    return random_features(CHANNELS)._replace(mask_prior=prior)


def _masks(head, prior: Tensor | None) -> Tensor:
    with torch.no_grad():
        return torch.stack(head(_features(prior))[1])


def test_a_head_without_a_prior_ignores_one():
    head = build(tiny_config()).decode_head
    prior = torch.rand(5, 1, 16, 16)
    assert torch.equal(_masks(head, prior), _masks(head, None))


def test_a_head_with_a_prior_needs_one():
    with pytest.raises(ValueError, match='the batch has no mask_prior'):
        _head()(_features(None))


def test_fusion_shifts_a_query_s_logits_by_its_weights():
    """The prior adds m(x) * sum_c e_q[c] to query q, before any layer."""
    head = _head(init_attention=False, robust_key=False)
    prior = torch.rand(5, 1, 16, 16)
    shift = (_masks(head, prior) - _masks(head, 0 * prior))[0]  # (5, Q, h, w)
    ratio = shift / prior
    torch.testing.assert_close(
        ratio,
        ratio.mean((-2, -1), keepdim=True).expand_as(ratio),
        rtol=1e-2,
        atol=1e-2,
    )
    assert ratio.abs().amax() > 1e-3


def test_attention_is_led_in_the_first_layer_alone():
    """Prediction 0 is as without a prior, the later ones differ."""
    head = _head(fuse_mask_feature=False, robust_key=False)
    prior = torch.zeros(5, 1, 16, 16)
    prior[..., :8] = 1
    led, open_ = _masks(head, prior), _masks(head, torch.ones(5, 1, 16, 16))
    assert torch.equal(led[0], open_[0])
    assert ((led[1:] - open_[1:]).abs().amax((1, 2, 3, 4)) > 1e-4).all()


def test_an_empty_prior_opens_what_a_full_one_opens():
    """A silent frame blocks all keys; such rows are unblocked again."""
    head = _head(fuse_mask_feature=False, robust_key=False)
    ones = torch.ones(5, 1, 16, 16)
    assert torch.equal(_masks(head, 0 * ones), _masks(head, ones))


def test_a_prior_belongs_to_its_frame():
    head = _head()
    prior = torch.rand(5, 1, 16, 16)
    other = prior.clone()
    other[1] = 1 - other[1]
    change = (_masks(head, prior) - _masks(head, other)).abs()
    assert (change[:, 1].amax((1, 2, 3)) > 1e-4).all()
    kept = change[:, [0, 2, 3, 4]]
    assert kept.max() < 1e-5


def test_every_embedding_learns():
    head = _head()
    masks = torch.zeros(5, 16, 16)
    masks[:, 4:12, 4:12] = 1
    prior = torch.linspace(0, 1, 16).expand(5, 1, 16, 16)
    losses = head.loss(_features(prior), samples_of(masks), {})
    sum(losses.values()).backward()
    embeds = dict(head.mask_prior.named_parameters())
    assert len(embeds) == 3
    for name, parameter in embeds.items():
        assert parameter.grad.abs().max() > 0, name
