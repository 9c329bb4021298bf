"""benchmarks/on_gpu.py: steps that fail do not stop the others."""

import json
from pathlib import Path

import pytest

from benchmarks import on_gpu
from benchmarks.on_gpu import Step, main, make_steps, run_step

ROOT = Path(__file__).parents[2]


def code(text, seconds=60.0, **options):
    return Step('step', ('-c', text), seconds, **options)


def test_a_step_with_a_result_and_a_variable(tmp_path):
    result = tmp_path / 'result.json'
    text = (
        'import os, pathlib; '
        f'pathlib.Path({str(result)!r}).write_text(os.environ["ANSWER"])'
    )
    row = run_step(code(text, result=result, env={'ANSWER': '[42]'}), 60)
    assert (row['status'], row['result'], row['output']) == ('done', [42], '')


def test_steps_that_fail_take_too_long_or_find_no_time():
    row = run_step(code('print("before"); 1 / 0'), 60)
    assert row['status'] == 'failed'
    assert row['output'].startswith('before\n')
    assert row['output'].endswith('ZeroDivisionError: division by zero\n')
    row = run_step(code('import time; time.sleep(60)', seconds=0.3), 60)
    assert row['status'] == 'timeout'
    assert row['seconds'] < 30
    assert run_step(code('pass'), 0)['status'] == 'skipped'


def test_others_run_after_a_failure(tmp_path, monkeypatch, capsys):
    speed = dict(rows={'float32, batch 1': dict(frames_per_second=12.34)})
    result = tmp_path / 'speed.json'
    result.write_text(json.dumps(dict(speed, config='tiny')))
    steps = [
        Step('bad', ('-c', 'raise SystemExit("no kernel")'), 60),
        Step('good', ('-c', 'pass'), 60, result),
        Step('other', ('-c', 'pass'), 60),
    ]
    monkeypatch.setattr(on_gpu, 'make_steps', lambda *_: steps)
    options = ['--device', 'cpu', '--out', str(tmp_path), '--steps', 'd']
    with pytest.raises(SystemExit) as stopped:
        main(options)
    assert stopped.value.code
    report = json.loads((tmp_path / 'on_gpu.json').read_text('utf-8'))
    statuses = {k: row['status'] for k, row in report['steps'].items()}
    assert statuses == {'bad': 'failed', 'good': 'done'}
    assert report['environment']['device'] == 'cpu'
    printed = capsys.readouterr().out
    assert 'no kernel' in printed
    assert 'float32, batch 1 │ 12.3' in printed


@pytest.mark.parametrize('quick', [False, True])
@pytest.mark.parametrize('device', ['cpu', 'cuda'])
def test_steps_use_files_that_exist(device, quick, tmp_path):
    steps = make_steps(device, quick, tmp_path)
    assert ('build' in {step.name for step in steps}) == (device == 'cuda')
    words = [word for step in steps for word in step.command]
    files = [w for w in words if w.endswith(('.py', '.sh'))]
    assert {w for w in files if not (ROOT / w).is_file()} == set()
    assert sum('configs/' in file for file in files) == 10


def test_without_a_gpu(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(SystemExit, match='finds no GPU; --device cpu --quick'):
        main([])
