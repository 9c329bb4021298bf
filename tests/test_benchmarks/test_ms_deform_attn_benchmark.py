"""The benchmark's command line and report."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import ms_deform_attn

_ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_tool(monkeypatch, capsys):
    """Run the benchmark with arguments and return what it prints."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, 'argv', ['ms_deform_attn', *arguments])
        monkeypatch.chdir(_ROOT)
        ms_deform_attn.main()
        return capsys.readouterr().out

    return run


@pytest.mark.slow
def test_json_report_of_operator_and_model(run_tool) -> None:
    report = json.loads(
        run_tool(
            *('--json', '--shapes', 'avsegformer-224-n5'),
            *('--dtypes', 'float32', '--seconds', '0'),
            *('--locations', 'encoder', '--device', 'cpu'),
            *('--model', 'configs/synthetic/aavs_tiny_ms3-96x96.py'),
        )
    )
    rows = report['results']
    assert [row['mode'] for row in rows] == ['forward', 'forward+backward']
    for row in rows:
        assert row['shape'] == 'avsegformer-224-n5'
        assert row['dtype'] == 'float32'
        assert row['ratio'] == row['reference_ms'] / row['ours_ms']
        assert row['bound_share'] == row['bound_ms'] / row['ours_ms']
    # a backward reads the rows once more, and reads and writes another row
    assert rows[1]['bound_ms'] / rows[0]['bound_ms'] == 4
    assert [row['attention'] for row in report['model']] == [
        'compiled',
        'stock',
    ]
    for row in report['model']:
        assert row['clip_s'] > row['pixel_decoder_s'] > 0
        assert row['clip_s'] > row['backbone_s'] > 0


@pytest.mark.slow
def test_lines_for_people(run_tool) -> None:
    lines = run_tool(
        *('--shapes', 'avsegformer-224-n5', '--dtypes', 'bfloat16'),
        *('--seconds', '0'),
    ).splitlines()
    assert len(lines) == 3
    assert all('ratio' in line for line in lines[1:])
