"""TPAVI against the published code, run side by side.

Set MMAVS_REFERENCE_ROOT to a folder with AVSBench at f7414af.
"""

import functools

import numpy as np
import pytest
import torch
from mmavs.models.tpavi import TPAVIBlock, TPAVIMatchingLoss
from mmavs.structures import ClipFeatures
from support.aavs_seeded import seeded_masks
from support.reference_tpavi import (
    build_reference,
    import_reference,
    load_reference,
    published_losses,
    reference_outputs,
    run_reference,
    why_not,
)
from support.tiny_models import samples_of
from support.tpavi_parity import (
    CASES,
    STORED,
    Case,
    build_tpavi,
    fixture_path,
    load_seeded,
    our_outputs,
    seeded_pixels,
    seeded_sound,
    thin_out,
)
from torch import nn

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
SMALL = 96
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

    In float64 and on small frames, so that rounding does not hide anything.
    """
    case = Case('r50', 'ms3', 5, 5, 5)
    outputs.cache_clear()  # gigabytes
    published, network, model, names = sides(case.backbone, case.task)
    sides.cache_clear()  # these two are changed for good
    network.double().train()
    model.double().train()
    pixels = seeded_pixels(case)[..., :SMALL, :SMALL].double()
    sound = seeded_sound(case).double()
    truth = seeded_masks(case.num_frames, SMALL)

    logits, maps, audio = run_reference(
        network, case, pixels=pixels, sound=sound
    )
    theirs = published_losses(published, case, logits, audio, maps, truth)
    features = ClipFeatures(
        model.neck(model.backbone(pixels)), sound, None, (case.num_frames,)
    )
    ours = model.decode_head.loss(features, samples_of(truth, SMALL), {})

    for name, value in theirs.items():
        # mmseg's binary loss takes the labels as float32.
        assert ours[name].item() == pytest.approx(value.item(), rel=1e-7)
    own, parameters = (
        dict(model.named_parameters()),
        dict(network.named_parameters()),
    )
    trained = [name for name in names if name in parameters]
    sound_names = [n for n in own if n.startswith('audio_backbone.')]
    assert len(trained) == len(own) - len(sound_names)
    their_grads = torch.autograd.grad(
        sum(theirs.values()), [parameters[name] for name in trained]
    )
    our_grads = torch.autograd.grad(
        sum(ours.values()), [own[names[name]] for name in trained]
    )
    largest = max(grad.abs().max().item() for grad in their_grads)
    worst = 0.0
    for name, grad, our in zip(trained, their_grads, our_grads, strict=True):
        their = grad.view_as(our)  # a 1x1x1 convolution is a linear layer
        worst = max(worst, (our - their).abs().max().item() / largest)
        if their.norm() > 1e-9 * largest:  # a bias before a norm has none
            error = ((our - their).norm() / their.norm()).item()
            assert error < 1e-5, name
    print(f'gradients: max error {worst:.2e} of the largest, {largest:.2e}')
    assert worst < 1e-6
    # The norm of the attention has seen the same batch.
    torch.testing.assert_close(
        model.decode_head.tpavi['0'].bn.running_mean,
        network.tpavi_b1.W_z[1].running_mean,
    )


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
