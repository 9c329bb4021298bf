"""Hand-worked values of the matching loss of TPAVI."""

import math

import pytest
import torch
from mmavs.models.tpavi import TPAVIMatchingLoss
from mmseg.registry import MODELS

LN3 = math.log(3)
SOUND = torch.tensor([[0.0, LN3]])  # softmax 1/4, 3/4
ALL = torch.ones(1, dtype=torch.bool)


def flat_map(*values: float, size: int = 2) -> torch.Tensor:
    """One frame whose channels are constant."""
    return torch.tensor(values).view(1, -1, 1, 1).expand(-1, -1, size, size)


def make_loss(**options) -> TPAVIMatchingLoss:
    options = dict(stages=[0], loss_weight=1) | options
    return MODELS.build(dict(type='TPAVIMatchingLoss', **options))


def test_soft_mask_by_hand():
    """Logit 0 is a mask of 1/2: v = (ln 3, 0), softmax 3/4, 1/4.

    KL(a | v) = 1/4 ln(1/3) + 3/4 ln 3 = 1/2 ln 3.
    """
    loss = make_loss(mask='soft', reduction='sum')
    logits = torch.zeros(1, 1, 4, 4)
    value = loss(logits, [flat_map(2 * LN3, 0)], [SOUND], ALL)
    assert value.item() == pytest.approx(LN3 / 2, rel=1e-6)


def test_soft_mask_pools_the_logit_and_not_its_sigmoid():
    """Logits -30 and 30 have the mean 0, as above; sigmoids, too, but not
    0 and 60, whose mean has sigmoid 1: v = (2 ln 3, 0), softmax 9/10, 1/10,
    and KL = 1/4 ln(10/36) + 3/4 ln(30/4).
    """
    loss = make_loss(mask='soft', reduction='sum')
    logits = torch.tensor([0.0, 60, 0, 60]).expand(1, 1, 4, 4)
    value = loss(logits, [flat_map(2 * LN3, 0)], [SOUND], ALL)
    expected = math.log(10 / 36) / 4 + 3 * math.log(7.5) / 4
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_hard_mask_by_hand():
    """Only the left half is masked; v = (3, 4) there, and cos((3, 4), (1, 0))
    is 0.6."""
    loss = make_loss(
        mask='hard',
        distance='cosine',
        reduction='mean',
        labelled_only=False,
    )
    logits = torch.full((1, 1, 4, 4), -9.0)
    logits[..., :2] = 9
    visual = torch.full((1, 2, 2, 2), 100.0)
    visual[0, :, :, 0] = torch.tensor([[3.0], [4.0]])
    sound = torch.tensor([[1.0, 0.0]])
    value = loss(logits, [visual], [sound], ~ALL)
    assert value.item() == pytest.approx(-math.log(0.6 + 1e-6), rel=1e-5)
    # A negative similarity counts as zero.
    value = loss(logits, [visual], [-sound], ~ALL)
    assert value.item() == pytest.approx(-math.log(1e-6), rel=1e-5)


@pytest.mark.parametrize('background', [0, 2])
def test_foreground_by_hand(background):
    """Half of the pixels are not background: v is half the map, as above."""
    loss = make_loss(
        mask='foreground', reduction='mean', background=background
    )
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 0, :, :2] = 5
    logits[:, 2, :, 2:] = 5
    logits.requires_grad_()
    visual = flat_map(2 * LN3, 0).clone().requires_grad_()
    value = loss(logits, [visual], [SOUND], ALL)
    assert value.item() == pytest.approx(LN3 / 2, rel=1e-6)
    (grad,) = torch.autograd.grad(value, [visual])
    assert grad.abs().max() > 0
    # No gradient goes through the arg-max.
    assert not value.requires_grad or logits.grad is None


@pytest.mark.parametrize(('reduction', 'factor'), [('sum', 2), ('mean', 1)])
def test_frames_without_label_do_not_count(reduction, factor):
    loss = make_loss(mask='soft', reduction=reduction)
    logits = torch.zeros(3, 1, 4, 4)
    visual = flat_map(2 * LN3, 0).repeat(3, 1, 1, 1)
    sound = SOUND.repeat(3, 1)
    sound[1] = torch.tensor([50.0, -50])
    labelled = torch.tensor([True, False, True])
    value = loss(logits, [visual], [sound], labelled)
    assert value.item() == pytest.approx(factor * LN3 / 2, rel=1e-6)
    nothing = loss(logits, [visual], [sound], torch.zeros(3) > 0)
    assert nothing.item() == 0


def test_stages_are_averaged_and_weighted():
    """The second stage matches its audio: 0.5 * (ln 3 / 2 + 0) / 2."""
    loss = make_loss(
        mask='soft', reduction='sum', stages=[0, 2], loss_weight=0.5
    )
    logits = torch.zeros(1, 1, 4, 4)
    maps = [flat_map(2 * LN3, 0), flat_map(0, 2 * LN3, size=1)]
    value = loss(logits, maps, [SOUND, SOUND], ALL)
    assert value.item() == pytest.approx(LN3 / 8, rel=1e-6)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(mask='sharp', reduction='sum'), "mask must be .* got 'sharp'"),
        (dict(mask='soft', reduction='max'), "reduction must .* got 'max'"),
        (
            dict(mask='soft', reduction='sum', distance='l2'),
            "distance must .* got 'l2'",
        ),
        (
            dict(mask='soft', reduction='sum', stages=[]),
            'stages must name at least one',
        ),
    ],
)
def test_errors_say_what_is_known(options, message):
    with pytest.raises(ValueError, match=message):
        make_loss(**options)
