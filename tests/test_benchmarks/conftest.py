"""Steps of the studies, forked from a process that has imported all."""

import multiprocessing

import pytest

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(['support.toy_training'])


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """Fork steps from a process that has imported all; list them."""
    # The main process of pytest-xdist need not import these.
    from mmavs.engine.launcher import LoggingLauncher
    from support import toy_training
    from support.new_process import quick_environment

    ran = []

    def run(launcher, tool, *arguments):
        log = tmp_path / f'{len(ran)}.txt'
        ran.append((tool, [str(argument) for argument in arguments]))
        process = _PROCESSES.Process(
            target=toy_training.run_tool,
            args=(f'{tool}.py', ran[-1][1], None, log),
        )
        process.start()
        process.join()
        assert process.exitcode == 0, log.read_text()

    monkeypatch.setattr(LoggingLauncher, 'run', run)
    # the process that the others are forked from looks only there
    monkeypatch.setenv('PYTHONPATH', quick_environment()['PYTHONPATH'])
    return ran
