"""Train and test on synthetic data, then segment a video: ``make demo``.

Every step is a command of this project that one may type oneself; each is
printed before it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'configs/synthetic/aavs_tiny_ms3-96x96.py'
DATA = Path('data/synthetic')
PROTOCOL = 'stepping_stones'


def run(*command: str | int | Path) -> None:
    """Print a command, run it, and stop the demo if it fails."""
    words = [str(word) for word in command]
    print(f'\n$ python {" ".join(words)}', flush=True)
    started = time.monotonic()
    # One thread: on a busy machine, threads that wait for each other in
    # tensors as small as these make training many times slower.
    env = {'OMP_NUM_THREADS': '1', **os.environ}
    code = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env
    ).returncode
    if code:
        sys.exit(f'The demo stopped: the command above ended with {code}.')
    print(f'  ({time.monotonic() - started:.0f} s)', flush=True)


def metrics(path: Path) -> dict[str, float]:
    """Read the metrics that ``tools/test.py --out`` wrote."""
    return json.loads((ROOT / path).read_text(encoding='utf-8'))


def summarise(work_dir: Path) -> None:
    """Print what the demo shows."""
    heard = metrics(work_dir / 'metrics.json')
    swapped = metrics(work_dir / 'metrics_swapped_sound.json')
    facts = json.loads((ROOT / DATA / 'facts.json').read_text('utf-8'))
    bound = facts['sound_blind_miou']['v1m']['test']
    print('\nSynthetic MS3-like test split (not AVSBench),', end=' ')
    print(f'protocol {PROTOCOL}:\n')
    print(f'{"":28}{"mIoU":>8}{"F":>8}')
    for name, values in (
        ('AAVS (tiny)', heard),
        ("with exchanged clips' sound", swapped),
    ):
        miou, f_score = values[f'{PROTOCOL}/mIoU'], values[f'{PROTOCOL}/F']
        print(f'{name:28}{miou:8.3f}{f_score:8.3f}')
    print(f'{"best sound-blind guesser":28}{bound:8.3f}')


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default='work_dirs/demo')
    work_dir: Path = parser.parse_args().work_dir
    video = DATA / 'sample.mp4'
    overlay = work_dir / 'overlay.mp4'

    run(
        'tools/dataset_converters/make_synthetic.py',
        *('--root', DATA, '--subsets', 'v1m', '--video', video),
    )
    run('tools/train.py', CONFIG, '--work-dir', work_dir)
    checkpoint = Path((ROOT / work_dir / 'last_checkpoint').read_text('utf-8'))
    checkpoint = work_dir / checkpoint.name
    test = ('tools/test.py', CONFIG, checkpoint, '--work-dir', work_dir)
    run(
        *test,
        *('--out', work_dir / 'metrics.json'),
        *('--show-dir', work_dir / 'contact_sheets', '--show-clips', 8),
    )
    run(
        *test,
        '--swap-sound',
        *('--out', work_dir / 'metrics_swapped_sound.json'),
    )
    run(
        *('tools/segment_video.py', video, '--config', CONFIG),
        *('--checkpoint', checkpoint, '--out', overlay),
    )
    summarise(work_dir)
    sheets = sorted((ROOT / work_dir / 'contact_sheets').glob('*.png'))
    print(f'\nContact sheets: {sheets[0].relative_to(ROOT)} and the others')
    print(f'Video:          {overlay} (with its sound)')


if __name__ == '__main__':
    main()
