"""benchmarks/tpavi.py: its report, and that both sides agree."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def run_tool(*arguments: str) -> str:
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    env.pop('MMAVS_REFERENCE_ROOT', None)
    run = subprocess.run(
        [
            sys.executable,
            '-m',
            'benchmarks.tpavi',
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=_ROOT,
        env=env,
    )
    return run.stdout


@pytest.mark.skipif(
    not Path('/proc/self/clear_refs').exists(),
    reason='peak memory is read from Linux',
)
def test_json_report() -> None:
    report = json.loads(run_tool('--json', '--stage', '2', '--rounds', '1'))
    assert report['other'] == 'formula'
    assert report['pixels'] == 5 * 28 * 28
    assert report['threads'] == 1
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
