"""tools/analysis_tools/analyze_logs.py: values of a log, by hand."""

import json

import pytest
from PIL import Image
from support.tries import run_tool

from tools.analysis_tools import analyze_logs

TOOL = 'analysis_tools/analyze_logs.py'
#: Two epochs of 10 iterations; the step of a validation is its epoch.
LINES = [
    dict(loss=4.0, time=0.5, epoch=1, iter=5, step=5),
    dict(loss=3.0, time=0.1, epoch=1, iter=10, step=10),
    {'split/mIoU': 0.25, 'time': 9.0, 'step': 1},
    dict(loss=2.0, time=0.3, epoch=2, iter=20, step=20),
    {'split/mIoU': 0.5, 'time': 9.0, 'step': 2},
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / 'run/time/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(json.dumps, LINES)))
    return str(path)


def test_validations_are_placed_by_iteration(log):
    lines = analyze_logs.read_log(log)
    assert analyze_logs.find_curve(log, lines, 'split/mIoU') == (
        [10, 20],
        [0.25, 0.5],
    )
    assert analyze_logs.find_curve(log, lines, 'loss') == (
        [5, 10, 20],
        [4.0, 3.0, 2.0],
    )


def test_log_of_a_test_keeps_its_steps(log):
    lines = [LINES[2], LINES[4]]
    assert analyze_logs.find_curve(log, lines, 'split/mIoU').steps == [1, 2]


def test_curves_and_times(log, tmp_path, capsys):
    out = tmp_path / 'curves.png'
    words = ['plot_curve', log, log, '--keys', 'loss', '--out', str(out)]
    done = run_tool(TOOL, words, capsys)
    assert done.code == 0, done.err
    assert Image.open(out).size == (880, 550)
    done = run_tool(TOOL, ['cal_train_time', log], capsys)
    # Of 0.5, 0.1 and 0.3, without the validations' 9.
    assert '0.3000 s per iteration on average, median 0.3000' in done.out
    assert 'from 0.1000 to 0.5000 (3 logged values)' in done.out
