"""Make the pictures and the video of analysis.md from a trained model.

    make demo
    .venv/bin/python docs/make_pictures.py CHECKPOINT

CHECKPOINT is one of configs/synthetic/aavs_tiny_ms3-96x96.py; `make demo`
prints where it writes its own. Needs Chromium, for the page of results.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / 'docs/images'
CONFIG = 'aavs_tiny_ms3-96x96'
VIDEO = ROOT / 'data/synthetic/sample.mp4'
#: Few colours and few pixels keep the repository small.
_COLOURS = 96
_WIDTH = 800
_PAGE_SIZE = (1150, 1320)


def run_tool(name: str, *words: object) -> None:
    """Run a tool in the root of the repository."""
    command = [sys.executable, ROOT / 'tools' / name, *words]
    subprocess.run([*map(str, command)], cwd=ROOT, check=True)


def save_small(source: Path, name: str) -> None:
    """Write a picture with fewer pixels, and PNG with fewer colours."""
    image = Image.open(source).convert('RGB')
    height = round(image.height * _WIDTH / image.width)
    image = image.resize((_WIDTH, height), Image.Resampling.LANCZOS)
    if name.endswith('.png'):
        image = image.quantize(_COLOURS)
    image.save(IMAGES / name, optimize=True, quality=88)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', type=Path)
    checkpoint = parser.parse_args().checkpoint.resolve()
    chromium = shutil.which('chromium')
    if chromium is None:
        parser.error('expected chromium on the path, found none')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_tool(
            'segment_video.py',
            *(VIDEO, '--config', CONFIG, '--checkpoint', checkpoint),
            *('--mask-rate', 'full', '--out', IMAGES / 'overlay.mp4'),
            *('--show-attention', folder / 'attention.png'),
        )
        save_small(folder / 'attention.png', 'attention.jpg')
        run_tool(
            'analysis_tools/analyze_results.py',
            *('model', CONFIG, checkpoint, '--out', folder / 'page'),
            *('--num-clips', 1, '--work-dir', folder / 'log'),
        )
        subprocess.run(
            [
                *(chromium, '--headless', '--no-sandbox', '--hide-scrollbars'),
                f'--screenshot={folder / "page.png"}',
                f'--window-size={_PAGE_SIZE[0]},{_PAGE_SIZE[1]}',
                (folder / 'page/index.html').as_uri(),
            ],
            check=True,
        )
        save_small(folder / 'page.png', 'results_page.png')


if __name__ == '__main__':
    main()
