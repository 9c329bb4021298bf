"""Pages of tools/analysis_tools open from disk in Chromium, without errors."""

import pytest
from conftest import SCREENSHOTS
from support.tries import run_tool
from support.tries_inputs import write_inputs

TOOLS = {
    'browse_dataset': 'two.py --phase test',
    'analyze_results': 'model two.py stub.pth',
}
#: Loads every sound; gives the seconds of each, or its error.
LOAD_SOUNDS = """() => Promise.all([...document.querySelectorAll('audio')].map(
  audio => new Promise(done => {
    audio.onloadedmetadata = () => done(audio.duration);
    audio.onerror = () => done(audio.error.message);
    audio.load();
  })))"""
#: Pictures that are not drawn; those further down load when they are seen.
MISSING_PICTURES = """async () => {
  const images = [...document.images];
  for (const image of images) image.loading = 'eager';
  await Promise.allSettled(images.map(image => image.decode()));
  return images.filter(image => !image.naturalWidth).map(image => image.src);
}"""


@pytest.mark.parametrize('tool', TOOLS)
def test_page_opens_from_disk(tool, browser, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(write_inputs(tmp_path))
    words = f'{TOOLS[tool]} --out page'.split()
    done = run_tool(f'analysis_tools/{tool}.py', words, capsys)
    assert done.code == 0, done.err
    # It opens elsewhere, too: the page refers only to files of its folder.
    folder = (tmp_path / 'page').rename(tmp_path / 'moved page')
    page = browser.new_page()
    faults, asked = [], []
    page.on('console', lambda message: faults.append(message.text))
    page.on('pageerror', lambda error: faults.append(str(error)))
    page.on('requestfailed', lambda request: faults.append(request.url))
    page.on('request', lambda request: asked.append(request.url))
    page.goto((folder / 'index.html').as_uri())
    assert page.evaluate(MISSING_PICTURES) == []
    # Two clips of five seconds, and 0.02 s more.
    assert page.evaluate(LOAD_SOUNDS) == pytest.approx([5.02, 5.02])
    assert page.locator('section').count() == 2
    width, visible = page.evaluate(
        '() => [document.documentElement.scrollWidth, innerWidth]'
    )
    assert width <= visible
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f'{tool}.png', full_page=True)
    page.close()
    assert faults == []
    assert all(url.startswith(('file:', 'data:')) for url in asked)
