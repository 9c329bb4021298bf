"""TPAVI against the published code, run side by side.

Set MMAVS_REFERENCE_ROOT to a folder with AVSBench at f7414af.
"""

import functools

import numpy as np
import pytest
import torch
from mmavs.models.tpavi import TPAVIBlock, TPAVIMatchingLoss
from reference_tpavi import (
    build_reference,
    import_reference,
    load_reference,
    reference_outputs,
    why_not,
)
from torch import nn
from tpavi_parity import (
    CASES,
    STORED,
    Case,
    build_tpavi,
    fixture_path,
    load_seeded,
    our_outputs,
    thin_out,
)

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
# Measured on 2 CPU cores, the worst of all cases: see the printed lines.
TOLERANCES = {
    'logits': 1e-3,
    'mask_feature': 1e-4,
    **{f'map_{stage}': 1e-4 for stage in range(4)},
    **{f'audio_{stage}': 1e-5 for stage in range(4)},
    'loss_ce': 1e-5,
    'loss_match': 1e-5,
}


@functools.lru_cache(maxsize=1)
def sides(backbone: str, task: str):
    """The published network and ours, with the same weights."""
    published = import_reference(backbone, task)
    network = build_reference(published, task)
    load_reference(network, backbone, task)
    model = build_tpavi(backbone, task)
    names = load_seeded(model, backbone, task)
    return published, network, model, names


@functools.lru_cache(maxsize=1)
def outputs(case: Case):
    """Theirs and ours of a clip."""
    published, network, model, _ = sides(case.backbone, case.task)
    with torch.no_grad():
        return (
            reference_outputs(published, network, case),
            our_outputs(model, case),
        )


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_every_output_agrees(case):
    theirs, ours = outputs(case)
    expected = set(TOLERANCES)
    if case.task == 's4':
        expected.remove('loss_match')
    assert set(theirs) == set(ours) == expected
    for name, tensor in theirs.items():
        assert ours[name].shape == tensor.shape, name
        worst = (ours[name] - tensor).abs().max().item()
        print(f'{case.name} {name}: max error {worst:.2e}')
        assert worst < TOLERANCES[name], name
    padded = theirs['logits'][case.num_valid :]
    assert len(padded) == case.num_frames - case.num_valid
    assert not padded.any()
    if case in STORED:
        _assert_stored(case, theirs)


def _assert_stored(case: Case, theirs: dict) -> None:
    """What ``tests/test_models/test_tpavi_parity.py`` compares with."""
    computed = thin_out(theirs)
    with np.load(fixture_path(case)) as stored:
        assert set(stored) == set(computed)
        for name, expected in stored.items():
            # Another number of threads moves the last digits.
            np.testing.assert_allclose(
                computed[name], expected, rtol=1e-5, atol=5e-5, err_msg=name
            )


def test_a_training_step_agrees():
    """Gradients of all parameters, with the statistics of the batch.

    One of the published losses on top of the network in training mode; no
    stochastic depth in this backbone.
    """
    case = Case('r50', 'ms3', 5, 5, 5)
    published, network, model, names = sides(case.backbone, case.task)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    network.train()
    model.train()
    try:
        theirs = reference_outputs(published, network, case)
        their_loss = theirs['loss_ce'] + theirs['loss_match']
        parameters = dict(network.named_parameters())
        trained = [n for n in names if n in parameters]
        their_grads = torch.autograd.grad(
            their_loss, [parameters[n] for n in trained]
        )
        ours = our_outputs(model, case)
        own = dict(model.named_parameters())
        our_grads = torch.autograd.grad(
            ours['loss_ce'] + ours['loss_match'],
            [own[names[n]] for n in trained],
        )
        statistics = model.decode_head.tpavi['0'].bn.running_mean
        torch.testing.assert_close(
            statistics, network.tpavi_b1.W_z[1].running_mean
        )
    finally:
        model.load_state_dict(state)
        load_reference(network.eval(), case.backbone, case.task)
        model.eval()
    sound = [n for n in own if n.startswith('audio_backbone.')]
    assert len(trained) == len(own) - len(sound)
    total = sum(g.norm() ** 2 for g in their_grads).sqrt()
    errors = []
    for name, their, our in zip(trained, their_grads, our_grads, strict=True):
        if their.norm() > 1e-4 * total:  # a bias before a norm has none
            error = (our - their).norm() / their.norm()
            errors.append((error.item(), name))
    print(f'gradients: {len(errors)} compared, worst {max(errors)}')
    assert len(errors) > 0.8 * len(trained)
    assert max(errors)[0] < 1e-2


def block_with(theirs: nn.Module, **options) -> TPAVIBlock:
    """Our block with the weights of a published one."""
    names = {
        'align_channel': 'audio_proj',
        'W_z.0': 'out_proj',
        'W_z.1': 'bn',
        'norm_layer': 'norm',
    }
    block = TPAVIBlock(8, 128, **options).double()
    own = block.state_dict()
    state = {}
    for name, tensor in theirs.state_dict().items():
        module, kind = name.rsplit('.', 1)
        ours = f'{names.get(module, module)}.{kind}'
        if ours in own:
            state[ours] = tensor.view_as(own[ours])
    block.load_state_dict(state)
    return block.eval()


@pytest.mark.parametrize('attend', ['audio', 'visual'])
@pytest.mark.parametrize('task', ['s4', 'avss'])
def test_both_kinds_of_attention_agree(task, attend):
    """In float64, one window of five frames."""
    published = import_reference('r50', task).tpavi
    theirs = published.TPAVIModule(in_channels=8, mode='dot').double().eval()
    nn.init.normal_(theirs.W_z[1].weight)
    nn.init.normal_(theirs.W_z[1].bias)
    block = block_with(theirs, audio_bias=task != 'avss', attend=attend)
    x = torch.randn(5, 8, 6, 7).double()
    audio = torch.randn(5, 128).double()
    inputs = [x.transpose(0, 1)[None].contiguous()]
    if attend == 'audio':
        inputs.append(audio[None])
    expected = theirs(*inputs)[0][0].transpose(0, 1)
    ours, _ = block(x, audio, [5])
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize('task', ['s4', 'ms3', 'avss'])
def test_matching_losses_agree(task):
    """Also the one of S4, which no published run had on."""
    torch.manual_seed(0)
    classes = 5 if task == 'avss' else 1
    logits = torch.randn(4, classes, 32, 32)
    maps = [torch.randn(4, 8, size, size).relu() for size in (8, 4)]
    audio = [torch.randn(4, 8) for _ in maps]
    labelled = torch.tensor([True, True, False, True])
    published = import_reference('r50', task).loss.A_MaskedV_SimmLoss
    if task == 's4':
        expected = published(logits, audio, maps, count_stages=[0, 1])
        options = dict(mask='hard', distance='cosine', reduction='mean')
        options['labelled_only'] = False
    else:
        flags = [labelled.float()] if task == 'avss' else []
        expected = published(
            *(logits, audio, maps, *flags),
            count_stages=[0, 1],
            norm_fea=False,
            kl_flag=True,
        )
        options = (
            dict(mask='foreground', reduction='mean')
            if task == 'avss'
            else dict(mask='soft', reduction='sum', labelled_only=False)
        )
    loss = TPAVIMatchingLoss(stages=[0, 1], loss_weight=1, **options)
    ours = loss(logits, maps, audio, labelled)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
