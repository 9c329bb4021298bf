"""The demo, apart from the tools that it runs."""

import json
import os
import time

import pytest

from tools import demo as demo_tool


@pytest.fixture
def demo(monkeypatch, tmp_path):
    """The module, which works in an empty folder."""
    monkeypatch.setattr(demo_tool, 'ROOT', tmp_path)
    return demo_tool


def _write_tool(tmp_path, text):
    (tmp_path / 'tool.py').write_text(text)
    return 'tool.py'


def test_what_runs_beside_leaves_its_output(demo, tmp_path, capsys):
    tool = _write_tool(tmp_path, 'import sys; print(sys.argv[1:])')
    with demo.run_beside('logs/log.txt', tool, '--size', 3) as process:
        demo.wait_for(process, 'logs/log.txt')
    assert (tmp_path / 'logs/log.txt').read_text() == "['--size', '3']\n"
    printed = capsys.readouterr().out
    assert '$ python tool.py --size 3 > logs/log.txt &' in printed


def _fail_beside(demo, tool, started):
    with demo.run_beside('log', tool):
        while not started.exists():
            time.sleep(0.01)
        raise SystemExit('stopped')


def test_what_runs_beside_ends_when_the_rest_fails(demo, tmp_path):
    """Including its children: the pipe closes when the last one ends."""
    tool = _write_tool(
        tmp_path,
        'import os, subprocess, sys, time\n'
        "subprocess.run([sys.executable, '-c', 'import time;"
        'open("started", "w").close(); time.sleep(600)\'])',
    )
    os.mkfifo(tmp_path / 'log')
    reader = os.open(tmp_path / 'log', os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(SystemExit, match='stopped'):
        _fail_beside(demo, tool, tmp_path / 'started')
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b''


def test_failed_stages_say_where_to_look(demo, tmp_path):
    tool = _write_tool(tmp_path, 'raise SystemExit(3)')
    with (
        demo.run_beside('log.txt', tool) as process,
        pytest.raises(SystemExit, match=r'stages failed; see log\.txt'),
    ):
        demo.wait_for(process, 'log.txt')


def _write_metrics(folder, **values):
    folder.mkdir(parents=True)
    content = {k.replace('__', '/'): v for k, v in values.items()}
    (folder / 'metrics.json').write_text(json.dumps(content))


def test_the_table_of_stages(demo, tmp_path, capsys):
    """It has the results of the last stage two."""
    for number, name in enumerate(
        ('stage_two-b', 'stage_two-a', 'single_stage', 'oracle_prior')
    ):
        scores = {
            f'{protocol}__{score}': 0.1 * number + shift
            for protocol, shift in (('dataset', 0.5), ('stepping_stones', 0))
            for score in ('mIoU', 'F')
        }
        _write_metrics(tmp_path / 'avss' / name, **scores)
    for age, name in enumerate(('stage_two-a', 'stage_two-b')):
        note = tmp_path / 'avss' / name / 'trained.json'
        note.write_text('{}')
        os.utime(note, (1000 - age, 1000 - age))
    demo.summarise_stages(demo.Path('avss'))
    lines = capsys.readouterr().out.splitlines()
    assert '(not AVSBench)' in lines[1]
    assert lines[4].split() == ['protocol', 'dataset', 'stepping_stones']
    assert [line.split() for line in lines[6:9]] == [
        'no prior (single stage) 0.700 0.700 0.200 0.200'.split(),
        'masks of stage one 0.600 0.600 0.100 0.100'.split(),
        'true masks (oracle) 0.800 0.800 0.300 0.300'.split(),
    ]
    assert lines[10].startswith('The order of the first two rows depends on')
    assert 'docs/results.md' in lines[11]
