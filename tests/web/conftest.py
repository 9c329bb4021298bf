"""A server of the page, and Chromium without a window."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from support.tiny_videos import make_video

ROOT = Path(__file__).parents[2]
#: Where screenshots are written, to be looked at.
SCREENSHOTS = ROOT / 'build' / 'web_screenshots'
START_SECONDS = 90
STOP_SECONDS = 20
MAX_MEGABYTES = 2
MAX_SECONDS = 30
SLOW_SECONDS = 1.0


class Server(NamedTuple):
    """A running server of the page."""

    process: subprocess.Popen
    url: str
    folder: Path
    log: Path

    def files(self) -> list[str]:
        """Names of all files of visitors.

        The server may remove a folder at any moment; ``os.walk`` passes over
        it, where ``Path.glob`` of Python 3.11 and older raises
        FileNotFoundError.
        """
        return sorted(
            name
            for top in self.folder.glob('.web-*/content/*')
            for _, _, names in os.walk(top)
            for name in names
        )

    def num_runs(self) -> int:
        """Number of times that a model has run."""
        runs = self.folder / 'runs'
        return len(runs.read_text().splitlines()) if runs.exists() else 0


@pytest.fixture(scope='session')
def chromium():
    """Path of Chromium; without it or playwright, the tests are skipped."""
    pytest.importorskip('playwright', reason='needs playwright: make test-web')
    found = shutil.which('chromium')
    if found is None:
        pytest.skip('needs chromium, for example `apt install chromium`')
    return found


@pytest.fixture(scope='session')
def server(chromium, tmp_path_factory):
    """``tools/web_demo.py`` with a quick and a slow stub of a model."""
    pytest.importorskip('gradio', reason='needs gradio: make test-web')
    folder = tmp_path_factory.mktemp('server')
    log = folder / 'log.txt'
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    paths = [ROOT / 'tests', ROOT / 'tests/web', ROOT / 'projects', ROOT]
    environment['PYTHONPATH'] = os.pathsep.join(
        [*map(str, paths), environment.get('PYTHONPATH', '')]
    )
    with open(log, 'w') as out:
        process = subprocess.Popen(
            [
                *(sys.executable, ROOT / 'tools/web_demo.py', '--port', '0'),
                *('--model', 'Quick', *_model(folder, 'quick', 0)),
                *('--model', 'Slow', *_model(folder, 'slow', SLOW_SECONDS)),
                *('--max-megabytes', str(MAX_MEGABYTES)),
                *('--max-seconds', str(MAX_SECONDS)),
                *('--sample', _sample(folder), '--files-dir', folder),
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
        )
    try:
        yield Server(process, _wait_for_address(process, log), folder, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def stop(server: Server) -> int:
    """Stop a server as Ctrl-C does; return its exit code."""
    server.process.send_signal(signal.SIGINT)
    return server.process.wait(STOP_SECONDS)


def _model(folder: Path, name: str, seconds: float) -> list[str]:
    """Write config and weights of a stub; return their paths."""
    from support.hearing_stub import write_stub

    (folder / name).mkdir()
    config, checkpoint = write_stub(folder / name)
    text = config.read_text().replace("'HearingStub'", "'CountingStub'")
    text += (
        "custom_imports = dict(imports=['mmavs', 'slow_stub'])\n"
        f'model.update(runs={str(folder / "runs")!r}, seconds={seconds})\n'
    )
    config.write_text(text)
    return [str(config), str(checkpoint)]


def _sample(folder: Path) -> Path:
    return make_video(folder / 'sample.mp4', fps=5, seconds=2)


def _wait_for_address(process: subprocess.Popen, log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r'Open (http://127\.0\.0\.1:\d+)', log.read_text())
        if found is not None:
            return found[1]
        time.sleep(0.2)
    pytest.fail(f'the server did not start:\n{log.read_text()}')


@pytest.fixture(scope='session')
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                '--use-fake-ui-for-media-stream',
                '--use-fake-device-for-media-stream',
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, server, request):
    """A function that opens the page as a new visitor.

    At the end, no page may have logged an error or asked another server.
    """
    pages, faults = [], []

    def open_page():
        context = browser.new_context(
            viewport=dict(width=1280, height=1000), accept_downloads=False
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on('request', lambda asked: _note_request(asked, server, faults))
        page.on('response', lambda answer: _note_answer(answer, faults))
        page.on('console', lambda message: _note_message(message, faults))
        page.on('pageerror', lambda error: faults.append(str(error)))
        page.goto(server.url)
        page.wait_for_selector('#segment')
        pages.append(page)
        return page

    yield open_page
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages):
        if not page.is_closed():
            name = f'{request.node.name}-{number}.png'
            page.screenshot(path=SCREENSHOTS / name, full_page=True)
            page.context.close()
    assert not faults


def _note_request(asked, server, faults):
    own = (server.url, f'blob:{server.url}', 'data:')
    if not asked.url.startswith(own):
        faults.append(f'asked for {asked.url}')


def _note_answer(answer, faults):
    # Gradio's page may ask for the progress of an upload before it begins.
    is_early = '/gradio_api/upload_progress' in answer.url
    if answer.status >= 400 and not is_early:
        faults.append(f'{answer.status} for {answer.url}')


def _note_message(message, faults):
    # _note_answer sees failed requests, with their address; Gradio's page
    # also logs the answer to the request above.
    is_request = message.text.startswith(('Failed to load', 'Response'))
    if message.type == 'error' and not is_request:
        faults.append(message.text)
