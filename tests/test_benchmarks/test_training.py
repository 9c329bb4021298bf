"""benchmarks/training.py: phases, and what a step keeps."""

import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from benchmarks.training import main, make_table, options_of
from benchmarks.training_steps import OurStep, build_step, num_phases

CONFIGS = Path(__file__).parents[2] / 'configs'
AAVS = CONFIGS / 'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py'
FROZEN = AAVS.parent / 'aavs_swin-b_1xb1-30e_s4-384x384_frozen-backbone.py'
TINY = CONFIGS / 'synthetic/aavs_tiny-swin_ms3-96x96.py'


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        (AAVS, 2),
        (
            CONFIGS
            / 'aavs/aavs_swin-b_1xb1-30e_s4-384x384_frozen-backbone.py',
            1,
        ),
        (CONFIGS / 'tpavi/tpavi_r50_1xb4-15e_s4-224x224.py', 1),
    ],
    ids=lambda value: getattr(value, 'stem', str(value)),
)
def test_phases_of_schedules(config, expected):
    assert num_phases(Config.fromfile(config)) == expected


def count_saved_tensors(model):
    """Count what each part keeps for the backward pass, when it runs."""
    counts = {}

    def watch(name, part):
        def keep(tensor):
            counts[name] += 1
            return tensor

        def forward(*args, **kwargs):
            counts[name] = 0
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
                return run(*args, **kwargs)

        run, part.forward = part.forward, forward

    for name in ('audio_backbone', 'backbone', 'decode_head'):
        watch(name, getattr(model, name))
    return counts


def test_a_step_keeps_nothing_for_frozen_parameters(tmp_path):
    """No gradient, state of the optimiser or activation, in either phase."""
    tuning = Config.fromfile(AAVS).default_hooks.tuning
    cfg = Config.fromfile(TINY)
    cfg.default_hooks.tuning = tuning
    config = tmp_path / 'config.py'
    cfg.dump(config)
    trained = {}
    for phase in (1, 2):
        step = OurStep(config, phase)
        saved = count_saved_tensors(step.model)
        step(1)
        assert saved['audio_backbone'] == 0
        assert (saved['backbone'] == 0) == (phase == 1)
        assert saved['decode_head'] > 0
        state = step.optimiser.optimizer.state
        for name, parameter in step.model.named_parameters():
            kept = parameter.grad is not None
            assert kept == parameter.requires_grad, name
            assert (parameter in state) == parameter.requires_grad, name
        trained[phase] = len(state)
        assert [len(s) for s in step.seconds.values()] == [1, 1, 1]
    assert 0 < trained[1] < trained[2]


def test_options_of_a_step(tmp_path):
    cfg = Config.fromfile(TINY)
    cfg.model.backbone.frozen = True
    config = tmp_path / 'frozen.py'
    cfg.dump(config)
    trained = options_of(TINY, 1, amp=True, cache=True)
    assert trained == ['mmavs', 'mmavs, AMP']  # nothing to store
    names = options_of(config, 1, amp=True, cache=True)
    assert names[:2] == ['mmavs', 'mmavs, stored features']
    assert names[2:] == ['mmavs, AMP', 'mmavs, stored features, AMP']
    step = build_step(names[3], config, 1, 'cpu', tmp_path / 'features')
    step(1)
    assert len([*tmp_path.glob('features/*/*.npy')]) == 1
    step.model.backbone.forward = None  # the frame is stored
    step(1)


def test_the_table_compares_with_the_published_step():
    row = dict(
        seconds=4.0,
        spread=0.5,
        cpu_seconds=2.0,
        parts=dict(forward=1.0, backward=0.75, optimiser=0.25),
        peak_memory_bytes=2**20,
    )
    theirs = dict(row, cpu_seconds=5.0, peak_memory_bytes=4 * 2**20)
    table = make_table({'1': dict(mmavs=row, published=theirs)})
    columns = {c.header: list(c.cells) for c in table.columns}
    assert columns['times faster (CPU)'] == ['2.50', '']
    assert columns['of the memory'] == ['25%', '']


def test_an_unknown_phase_ends_in_one_line(monkeypatch):
    words = ['training.py', str(TINY), '--phases', '3']
    monkeypatch.setattr(sys, 'argv', words)
    message = r'^error: .*: expected --phases from 1 to 1, got \[3\]'
    with pytest.raises(SystemExit, match=message):
        main()
