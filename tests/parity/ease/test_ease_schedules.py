"""Compare EASE's learning rates and mask annealing with the published code.

Set MMAVS_REFERENCE_ROOT to a folder with EASE at 12ab645.
"""

import math
from types import SimpleNamespace

import pytest
import torch
from mmavs.converters.ease import convert_ease
from mmavs.engine.hooks.mask_annealing_hook import annealed_share
from mmavs.engine.optim import TwoStageWarmupPolyLR
from mmavs.testing.ease import import_module, why_not
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from support.ease_cases import TINY, TINY_PVT, published_keys
from support.ease_parity import build_ease
from support.reference_ease import build_reference
from torch import nn

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
#: Of the published AVSS training on two GPUs: 436 steps in 22 epochs.
STEPS, WORLD_SIZE = 9592, 2
START, END = (0.2, 0.35, 0.5, 0.65), (0.35, 0.5, 0.65, 0.8)
RATE_STEPS = (150, 300, 600, 900, 5000, 9591)


def _published_trainer(network, decay):
    """The published trainer without Lightning."""
    trainer_class = import_module('training.lightning_module').LightningModule
    trainer = trainer_class.__new__(trainer_class)
    nn.Module.__init__(trainer)
    options = dict(
        network=network,
        lr=2e-4,
        llrd=decay,
        lr_mult=1.0,
        llrd_l2_enabled=False,
        weight_decay=0.05,
        poly_power=0.9,
        warmup_steps=(300, 600),
        attn_mask_annealing_enabled=True,
        attn_mask_annealing_start_steps=list(START),
        attn_mask_annealing_end_steps=list(END),
        device=torch.device('cpu'),
        log=lambda *args, **kwargs: None,
        trainer=SimpleNamespace(
            world_size=WORLD_SIZE,
            accumulate_grad_batches=1,
            estimated_stepping_batches=STEPS,
        ),
    )
    for name, value in options.items():
        setattr(trainer, name, value)
    return trainer


def test_shares_at_eleven_points_of_every_block():
    trainer = _published_trainer(build_reference(TINY)['network'], 0.8)
    trainer.on_fit_start()
    network = trainer.network
    for block, (start, end) in enumerate(zip(START, END, strict=True)):
        first, last = int(start * STEPS), int(end * STEPS)
        for step in [first + (last - first) * i // 10 for i in range(11)]:
            trainer.global_step = step
            trainer.on_train_batch_end(None, None)
            ours = annealed_share(step, first, last)
            assert network.attn_mask_probs[block] == pytest.approx(
                ours, abs=1e-7
            )


def _published_rates(trainer):
    """Step -> published name -> rate."""
    built = trainer.configure_optimizers()
    optimizer, scheduler = built['optimizer'], built['lr_scheduler']
    rates = {}
    for step in range(STEPS):
        if step in RATE_STEPS:
            rates[step] = {g['name']: g['lr'] for g in optimizer.param_groups}
        optimizer.step()
        scheduler['scheduler'].step()
    decays = {g['weight_decay'] for g in optimizer.param_groups}
    return rates, decays


def _our_rates(model, decay):
    """Step -> our name -> rate."""
    config = dict(
        constructor='LateBackboneOptimWrapperConstructor',
        optimizer=dict(type='AdamW', lr=2e-4, weight_decay=0.05),
        paramwise_cfg=dict(
            layer_decay=decay, backbone_lr_mult=math.sqrt(WORLD_SIZE)
        ),
    )
    # As in AVSegmentor, parts are attributes.
    parts = nn.Module()
    parts.backbone, parts.decode_head = model['backbone'], model['decode_head']
    with DefaultScope.overwrite_default_scope('mmseg'):
        wrapper = build_optim_wrapper(parts, config)
    scheduler = TwoStageWarmupPolyLR(
        wrapper, warmup=(300, 600), begin=0, end=STEPS, by_epoch=False
    )
    names = {id(p): name for name, p in parts.named_parameters()}
    groups = wrapper.optimizer.param_groups
    rates = {}
    for step in range(STEPS):
        if step in RATE_STEPS:
            rates[step] = {
                names[id(group['params'][0])]: group['lr']
                for group in groups
                if group['params']
            }
        wrapper.step()
        scheduler.step()
    return rates, {group['weight_decay'] for group in groups}


@pytest.mark.parametrize(('case', 'decay'), [(TINY, 0.8), (TINY_PVT, 1.0)])
def test_rates_of_every_parameter(case, decay):
    """Compared under our names: the converter moves a rate like a weight."""
    network = build_reference(case)['network']
    theirs, their_decays = _published_rates(_published_trainer(network, decay))
    ours, our_decays = _our_rates(build_ease(case), decay)
    assert their_decays == our_decays == {0.05}
    buffers = {
        name: torch.zeros(shape)
        for name, shape in published_keys(case).items()
    }
    for step in RATE_STEPS:
        filled = {
            name: torch.full_like(tensor, theirs[step].get(name, 0.0))
            for name, tensor in buffers.items()
        }
        converted, _ = convert_ease(filled, None)
        for name, rate in ours[step].items():
            expected = converted[name]
            # Joined tensors had one rate each.
            assert expected.min() == expected.max(), name
            assert rate == pytest.approx(float(expected.max()), rel=1e-6)
    # One group per parameter on both sides; queries, keys and values are
    # joined here and fusion_s2 is left out.
    assert len(theirs[150]) > len(ours[150]) > 100
