"""Compare TPAVI with the published code.

Set MMAVS_REFERENCE_ROOT to a folder with AVSBench at f7414af.
"""

import functools

import numpy as np
import pytest
import torch
from mmavs.models.tpavi import TPAVIBlock, TPAVIMatchingLoss
from mmavs.testing.tpavi import build_network, import_network, why_not
from support.float64 import (
    Side,
    assert_agree,
    converted_gradients,
    double_precision,
    gradients,
    without_graph,
)
from support.reference_tpavi import (
    load_reference,
    published_losses,
    reference_outputs,
    run_reference,
)
from support.tiny_models import samples_of
from support.tpavi_parity import (
    CASES,
    SMALL,
    STORED,
    Case,
    build_tpavi,
    converted,
    fixture_path,
    load_seeded,
    our_features,
    our_outputs,
    seeded_pixels,
    thin_out,
)
from support.tpavi_seeded import published_keys
from torch import nn

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
# Measured on 2 CPU cores, the worst of all cases: logits 3.4e-5, mask feature
# 7.7e-5, maps 7.4e-5, sound 0, loss_ce 1.9e-6, loss_match 3.0e-8.
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
    published = import_network(backbone, task)
    network = build_network(published, task)
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
    """Check the numbers that ``test_models/test_tpavi_parity.py`` uses."""
    computed = thin_out(theirs)
    with np.load(fixture_path(case)) as stored:
        assert set(stored) == set(computed)
        for name, expected in stored.items():
            # The last digits depend on the number of threads.
            np.testing.assert_allclose(
                computed[name], expected, rtol=1e-5, atol=5e-5, err_msg=name
            )


def test_a_training_step_agrees():
    """Gradients of all parameters, with batch statistics."""
    case = Case('r50', 'ms3', 5, 5, 5)
    with double_precision():
        theirs, network = _their_training_step(case)
        ours, model = _our_training_step(case)
    assert_agree(theirs, ours)
    # The running statistics of the attention norm agree.
    torch.testing.assert_close(
        model.decode_head.tpavi['0'].bn.running_mean,
        network.tpavi_b1.W_z[1].running_mean,
        rtol=0,
        atol=1e-12,
    )


def _their_training_step(case: Case) -> tuple[Side, nn.Module]:
    published = import_network(case.backbone, case.task)
    network = build_network(published, case.task)
    load_reference(network, case.backbone, case.task)
    network.train()
    truth = case.labels(case.num_frames, 0)[:, :SMALL, :SMALL]
    logits, maps, audio = run_reference(
        network, case, pixels=seeded_pixels(case, SMALL)
    )
    losses = published_losses(published, case, logits, audio, maps, truth)
    grads = converted_gradients(
        network,
        sum(losses.values()),
        published_keys(case.backbone, case.task),
        lambda grads: converted(grads, case.backbone, case.task)[0],
    )
    return (without_graph(losses), grads), network


def _our_training_step(case: Case) -> tuple[Side, nn.Module]:
    model = build_tpavi(case.backbone, case.task)
    load_seeded(model, case.backbone, case.task)
    model.audio_backbone = nn.Identity()  # the input is audio embeddings
    model.train()
    truth = case.labels(case.num_frames, 255)[:, :SMALL, :SMALL]
    losses = model.decode_head.loss(
        our_features(model, case, SMALL), samples_of(truth, SMALL), {}
    )
    losses = {k: x for k, x in losses.items() if k.startswith('loss')}
    grads = gradients(model, sum(losses.values()))
    return (without_graph(losses), grads), model


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
    published = import_network('r50', task).tpavi
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
    """Including the loss of S4, which no published run used."""
    torch.manual_seed(0)
    classes = 5 if task == 'avss' else 1
    logits = torch.randn(4, classes, 32, 32)
    maps = [torch.randn(4, 8, size, size).relu() for size in (8, 4)]
    audio = [torch.randn(4, 8) for _ in maps]
    labelled = torch.tensor([True, True, False, True])
    published = import_network('r50', task).loss.A_MaskedV_SimmLoss
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
