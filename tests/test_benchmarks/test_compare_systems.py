"""benchmarks/compare_systems.py: one step of each system, and system_costs."""

import json
import sys
from pathlib import Path

import pytest
import torch
from mmavs.apis.flops import deformable_attention_flops
from mmavs.datasets.synthetic import write_dataset
from mmavs.engine.launcher import LoggingLauncher
from mmavs_ops import ms_deform_attn
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import compare_systems, system_costs
from benchmarks import compare_systems_runs as runs

ROOT = Path(__file__).parents[2]
SUFFIX = '_tiny_ms3-96x96.py'


def _run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['compare_systems.py', *arguments])
    compare_systems.main()


@pytest.mark.slow
def test_one_step_of_two_systems(steps, monkeypatch, tmp_path, capsys):
    """Each is trained, tested under one protocol and measured."""
    monkeypatch.chdir(tmp_path)
    clips = dict(train=2, val=1, test=2)
    facts = write_dataset('data', clips, subsets=['v1m'], size=32)
    capsys.readouterr()
    systems = ['aavs', 'ease']
    # Each measure of memory is a new process; that of one system suffices.
    measure = runs.peak_memory
    monkeypatch.setattr(
        runs,
        'peak_memory',
        lambda path, device: (
            measure(path, device) if 'aavs' in Path(path).name else 7 * 2**20
        ),
    )
    _run(
        monkeypatch,
        *('--systems', *systems, '--tasks', 'ms3', '--max-epochs', '1'),
        *('--data-root', 'data', '--rounds', '1', '--seeds', '7', '--json'),
    )
    report = json.loads(capsys.readouterr().out)
    assert report['note'] == 'synthetic clips, not AVSBench'
    assert report['seeds'] == [7]
    task = report['tasks']['ms3']
    assert task['protocol'] == 'stepping_stones'
    # Two clips are one batch of at most 8.
    assert task['num_steps'] == 1
    bound = facts['sound_blind_miou']['v1m']['test']
    assert task['sound_blind_miou'] == bound
    assert list(task['systems']) == systems
    for system, row in task['systems'].items():
        (run,) = row['runs']
        assert (run['seed'], run['num_steps']) == (7, 1)
        assert row['mIoU']['mean'] == run['metrics']['stepping_stones/mIoU']
        assert row['mIoU']['spread'] is None
        exchanged = run['metrics_exchanged']['stepping_stones/mIoU']
        assert row['mIoU_exchanged']['mean'] == exchanged
        assert row['parameters'] > 100_000, system
        assert row['gflops_per_frame'] > 0.01, system
        assert row['frames_per_second'] > 0, system
        # A map of 16 channels at 48 x 48 is 0.7 MB of five frames.
        memory = row['peak_memory_bytes']
        assert memory is None or 5e5 < memory < 1e9, system
    # A training, two tests; none is repeated.
    assert len(steps) == 3 * len(systems)
    steps.clear()
    assert report['tasks']['ms3']['systems']['aavs']['runs'] == [
        runs.train_and_test(
            runs.make_plans(['aavs'], 'ms3', 1, 'data')['aavs'],
            *(Path('work_dirs/compare_systems/ms3'), 'aavs_seed-7'),
            seed=7,
            launcher=LoggingLauncher('none', 1, None, 0, ROOT / 'tools'),
        )
    ]
    assert steps == []
    compare_systems.print_tables(report)
    printed = capsys.readouterr().out
    assert 'ms3, synthetic clips, not AVSBench: protocol stepping' in printed
    assert '1 steps, seeds [7]' in printed
    assert f'{bound:.3f}' in printed
    for system in systems:
        assert f'| {system} ' in printed


def test_epochs_change_the_schedule_with_them():
    cfg = runs.make_plans(['aavs'], 'ms3', 2)['aavs'].cfg
    assert cfg.train_cfg.max_epochs == 2
    assert [scheduler.T_max for scheduler in cfg.param_scheduler] == [2]


def test_systems_must_train_alike(monkeypatch, tmp_path):
    folder = tmp_path / 'configs/synthetic'
    folder.mkdir(parents=True)
    for system, batch_size in (('one', 8), ('other', 4)):
        (folder / f'{system}{SUFFIX}').write_text(
            f'train_dataloader = dict(batch_size={batch_size})\n'
            'train_cfg = dict(max_epochs=16)\n'
        )
    monkeypatch.setattr(runs, 'ROOT', tmp_path)
    message = r"got .* \{'one': \(8, 16\), 'other': \(4, 16\)\} for ms3"
    with pytest.raises(ValueError, match=message):
        runs.make_plans(['one', 'other'], 'ms3', None)


def test_an_unknown_system_is_named_beside_those_there_are(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/facts.json').write_text('{"sound_blind_miou": {}}')
    with pytest.raises(
        SystemExit,
        match=r"^error: .*system 'other'; there are \['aavs_tiny_s4-96x96.py",
    ):
        _run(
            monkeypatch,
            *('--systems', 'other', '--tasks', 's4', '--data-root', 'data'),
        )


def test_missing_clips_name_the_command_that_makes_them(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SystemExit,
        match=r'^error: .*facts.json not found.*make_synthetic.py --root x',
    ):
        _run(monkeypatch, '--data-root', 'x')


def test_clips_of_another_subset_name_the_command_that_makes_them(
    monkeypatch, tmp_path
):
    """As after `make demo`, which writes the MS3-like clips only."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'x').mkdir()
    (tmp_path / 'x/facts.json').write_text('{"sound_blind_miou": {"v1m": {}}}')
    with pytest.raises(
        SystemExit,
        match=r'^error: expected clips of subset v1s for s4 in x, got .*'
        r"\['v1m'\]; .*"
        r'--root x_s4 --subsets v1s and give --tasks s4 --data-root x_s4',
    ):
        _run(monkeypatch, '--tasks', 's4', '--data-root', 'x')


def test_mean_and_deviation_over_seeds_by_hand():
    """Of 0.2, 0.4, 0.6: squares of the differences 0.04 + 0 + 0.04, / 2."""
    of_seeds = [
        dict(
            metrics={'split/mIoU': value, 'split/F': 0.5},
            metrics_exchanged={'split/mIoU': value / 2, 'split/F': 0.1},
        )
        for value in (0.2, 0.4, 0.6)
    ]
    summary = compare_systems.summarise_runs(of_seeds, 'split')
    assert summary['mIoU']['mean'] == pytest.approx(0.4)
    assert summary['mIoU']['spread'] == pytest.approx(0.2)
    assert summary['mIoU']['values'] == [0.2, 0.4, 0.6]
    assert summary['mIoU_exchanged']['values'] == [0.1, 0.2, 0.3]
    assert (summary['F']['mean'], summary['F']['spread']) == (0.5, 0)


class _Head(nn.Module):
    """What a segmenter calls, with operations counted by hand."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def predict(self, inputs):
        self.conv(inputs['frames'])
        rows = inputs['audio']
        self.attention(rows, rows, rows)


def test_operations_by_hand():
    """A 1x1 convolution and an attention, fused or not, of five frames."""
    clip = dict(frames=torch.rand(5, 3, 6, 7), audio=torch.rand(5, 9, 8))
    head = _Head().eval().requires_grad_(False)
    # A frame: 2 * 3 * 4 * 42 pixels = 1008; projections in 2 * 9 * 8 * 24 and
    # out 2 * 9 * 8 * 8 = 3456 + 1152; QK and AV 2 * 2 * 9 * 9 * 8 = 2592.
    segmenter = system_costs.Segmenter(head, clip)
    assert system_costs.gflops_per_frame(segmenter) * 1e9 == (
        pytest.approx(1008 + 3456 + 1152 + 2592)
    )


def test_operations_of_deformable_attention_by_hand():
    """3 frames, 5 queries, 2 heads of 4 channels, 1 level, 3 points."""
    operator = torch.ops.mmavs_ops.ms_deform_attn
    mapping = {operator: deformable_attention_flops}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        ms_deform_attn(
            torch.rand(3, 12, 2, 4),
            [(3, 4)],
            None,
            torch.rand(3, 5, 2, 1, 3, 2),
            torch.rand(3, 5, 2, 1, 3),
        )
    # 3 * 5 * 2 * 3 = 90 points, each 4 corners of 4 channels, two each.
    assert counter.get_total_flops() == 90 * 4 * 4 * 2
