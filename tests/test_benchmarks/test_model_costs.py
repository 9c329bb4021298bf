"""benchmarks/model_costs.py on tiny models."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import model_costs

CONFIGS = Path(__file__).parents[2] / 'configs/synthetic'


@pytest.mark.slow
def test_two_models_in_turns(monkeypatch, tmp_path, capsys):
    # Measured in a new process, as tests of compare_systems do.
    monkeypatch.setattr(model_costs, 'peak_memory', lambda *_: 3 * 2**20)
    names = ['ease_tiny_avss-96x96', 'aavs_tiny_avss-96x96']
    paths = [str(CONFIGS / f'{name}.py') for name in names]
    out = tmp_path / 'costs.json'
    arguments = ['', *paths, '--rounds', '2', '--json', str(out)]
    monkeypatch.setattr(sys, 'argv', arguments)
    model_costs.main()
    report = json.loads(out.read_text())
    assert report['rounds'] == 2
    assert list(report['models']) == names
    for row in report['models'].values():
        frames = row['frames_per_second'] * row['seconds_per_clip']
        assert frames == pytest.approx(5)
        assert row['parameters'] > 100_000
        assert row['gflops_per_frame'] > 0.01
        assert row['cpu_seconds_per_clip'] > 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)
    assert printed.count('│ 3 ') == 2 or printed.count(' 3 │') == 2
