"""benchmarks/tpavi.py: its report, and that both sides agree."""

import json
import sys
from pathlib import Path

import pytest
import torch
from support.new_process import quick_environment

from benchmarks import tpavi


@pytest.mark.slow
@pytest.mark.skipif(
    not Path('/proc/self/clear_refs').exists(),
    reason='peak memory is read from Linux',
)
def test_json_report(monkeypatch, capsys) -> None:
    """Against the formula; memory is measured in two new processes.

    In this process the matrices could get memory that earlier tests have
    freed, and the measure would miss them.
    """
    monkeypatch.setattr(tpavi, 'REFERENCE_ROOT', None)
    monkeypatch.setenv('PYTHONPATH', quick_environment()['PYTHONPATH'])
    monkeypatch.delenv('MMAVS_REFERENCE_ROOT', raising=False)
    arguments = ['tpavi', '--json', '--stage', '2', '--rounds', '1']
    monkeypatch.setattr(sys, 'argv', arguments)
    tpavi.main()
    report = json.loads(capsys.readouterr().out)
    assert report['other'] == 'formula'
    assert report['pixels'] == 5 * 28 * 28
    assert report['threads'] == torch.get_num_threads()
    assert report['max_difference'] < 1e-5
    assert report['times_faster'] == pytest.approx(
        report['other_ms'] / report['ours_ms']
    )
    # 3920 x 3920 float32 numbers, and once more divided by n: 117 MiB.
    assert report['other_mib'] > 110
    assert report['memory_share'] == pytest.approx(
        report['ours_mib'] / report['other_mib']
    )
    assert report['memory_share'] < 0.5
