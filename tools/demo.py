"""Train and test on synthetic data, in one stage and in two: ``make demo``.

Each step runs another tool of this project and prints its command first. The
two stages for AVSS run in the background, on a second core.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mmavs.checkpoint import final_checkpoint
from mmavs.config_file import read_config

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'configs/synthetic/aavs_tiny_ms3-96x96.py'
DATA = Path('data/synthetic')
VIDEO = DATA / 'sample.mp4'
WORK_DIR = Path('work_dirs/demo')
PROTOCOL = 'stepping_stones'

STAGE_ONE = 'configs/synthetic/aavs_tiny_avss-binary-96x96.py'
STAGE_TWO = 'configs/synthetic/aavs_tiny_stage2_avss-96x96.py'
ORACLE = 'configs/synthetic/aavs_tiny_stage2_avss-96x96_oracle-prior.py'
SINGLE_STAGE = 'configs/synthetic/aavs_tiny_avss-96x96.py'
AVSS_DATA = Path('data/synthetic_avss')
AVSS_PROTOCOLS = ('dataset', 'stepping_stones')

# With tensors this small, several threads mostly wait for each other, which
# slows training down many times on a busy machine.
ENVIRONMENT = {'OMP_NUM_THREADS': '1', **os.environ}


def python(*command: str | int | Path) -> list[str]:
    """Make a command line of a tool of this project."""
    return [sys.executable, *(str(word) for word in command)]


def run(*command: str | int | Path) -> None:
    """Print a command, run it, and stop the demo if it fails."""
    words = python(*command)
    print(f'\n$ python {shlex.join(words[1:])}', flush=True)
    started = time.monotonic()
    code = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT).returncode
    if code:
        sys.exit(f'The demo stopped: the command above ended with {code}.')
    print(f'  ({time.monotonic() - started:.0f} s)', flush=True)


@contextmanager
def run_beside(
    log: Path, *command: str | int | Path
) -> Iterator[subprocess.Popen]:
    """Run a command in the background.

    Args:
        log (Path): File for its output.
        *command (str | int | Path): A tool and its arguments.

    Yields:
        subprocess.Popen: The process. If it still runs when the block ends,
        it is terminated with all processes that it started.
    """
    words = python(*command)
    print(f'\n$ python {shlex.join(words[1:])} > {log} &', flush=True)
    (ROOT / log).parent.mkdir(parents=True, exist_ok=True)
    with open(ROOT / log, 'w') as file:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)


def metrics(path: Path) -> dict[str, float]:
    """Read the metrics that ``tools/test.py --out`` wrote."""
    return json.loads((ROOT / path).read_text(encoding='utf-8'))


def summarise(work_dir: Path) -> None:
    """Print the metrics with true and with exchanged sound."""
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


def write_ms3_data() -> None:
    """Make the MS3-like clips and a video."""
    run(
        *('tools/dataset_converters/make_synthetic.py', '--root', DATA),
        *('--subsets', 'v1m', '--video', VIDEO),
    )


def train_ms3(work_dir: Path = WORK_DIR) -> Path:
    """Train on the MS3-like clips.

    Args:
        work_dir (Path): Work dir, relative to the root of the repository.

    Returns:
        Path: The last checkpoint, relative to the same.
    """
    run('tools/train.py', CONFIG, '--work-dir', work_dir)
    checkpoint = Path((ROOT / work_dir / 'last_checkpoint').read_text('utf-8'))
    return work_dir / checkpoint.name


def find_ms3_model(work_dir: Path = WORK_DIR) -> Path | None:
    """Find the model of an earlier run.

    Args:
        work_dir (Path): Its work dir, relative to the root of the repository.

    Returns:
        Path | None: The checkpoint of the last epoch, relative to the same;
        None if there is none, or the training was not finished.
    """
    last = read_config(ROOT / CONFIG).train_cfg.max_epochs
    checkpoint = work_dir / f'epoch_{last}.pth'
    return checkpoint if (ROOT / checkpoint).is_file() else None


def segment(work_dir: Path) -> None:
    """Train and test on the MS3-like clips, then segment a video."""
    checkpoint = train_ms3(work_dir)
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
        *('tools/segment_video.py', VIDEO, '--config', CONFIG),
        *('--checkpoint', checkpoint, '--out', work_dir / 'overlay.mp4'),
    )


def train_single_stage(work_dir: Path) -> None:
    """Train and test on the AVSS-like clips in one stage."""
    work_dir = work_dir / 'single_stage'
    run('tools/train.py', SINGLE_STAGE, '--work-dir', work_dir)
    # The best on validation, as in run_stepping_stones.py.
    checkpoint = final_checkpoint(ROOT / work_dir).relative_to(ROOT)
    run(
        *('tools/test.py', SINGLE_STAGE, checkpoint),
        *('--work-dir', work_dir, '--out', work_dir / 'metrics.json'),
    )


def wait_for(two_stages: subprocess.Popen, log: Path) -> None:
    """Wait for the background command and stop the demo if it failed."""
    print('\nWaiting for the two stages.', flush=True)
    if two_stages.wait():
        sys.exit(f'The demo stopped: the two stages failed; see {log}.')


def stage_two(work_dir: Path) -> Path:
    """Find the folder of the last stage two; each config has its own."""
    (*_, last) = sorted(
        (ROOT / work_dir).glob('stage_two-*/trained.json'),
        key=lambda path: path.stat().st_mtime,
    )
    return last.parent


def test_with_oracle_prior(work_dir: Path) -> None:
    """Test stage two with the true masks as prior."""
    checkpoint = final_checkpoint(stage_two(work_dir)).relative_to(ROOT)
    run(
        *('tools/test.py', ORACLE, checkpoint),
        *('--work-dir', work_dir / 'oracle_prior'),
        *('--out', work_dir / 'oracle_prior/metrics.json'),
    )


def summarise_stages(work_dir: Path) -> None:
    """Print the metrics without a prior, and of stage two with two priors.

    One short training does not show whether two stages are better than one,
    so the text does not compare them.

    Args:
        work_dir (Path): Work dir of the AVSS-like clips.
    """
    rows: Mapping[str, Path] = {
        'no prior (single stage)': work_dir / 'single_stage',
        'masks of stage one': stage_two(work_dir),
        'true masks (oracle)': work_dir / 'oracle_prior',
    }
    print('\nSynthetic AVSS-like test split (not AVSBench), 14 classes, by')
    print('the mask prior of the model:\n')
    titles = [f'{name:>24}' for name in AVSS_PROTOCOLS]
    print(f'{"protocol":28}{"".join(titles)}')
    print(f'{"":28}' + f'{"mIoU":>16}{"F":>8}' * len(AVSS_PROTOCOLS))
    for name, folder in rows.items():
        values = metrics(folder / 'metrics.json')
        cells = [
            f'{values[f"{protocol}/mIoU"]:16.3f}{values[f"{protocol}/F"]:8.3f}'
            for protocol in AVSS_PROTOCOLS
        ]
        print(f'{name:28}{"".join(cells)}')
    print('\nThe order of the first two rows depends on seed and machine; see')
    print('docs/results.md for a comparison over seeds.')


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dir', type=Path, default=WORK_DIR)
    work_dir: Path = parser.parse_args().work_dir
    avss = work_dir / 'avss'

    write_ms3_data()
    run(
        *('tools/dataset_converters/make_synthetic.py', '--root', AVSS_DATA),
        *('--subsets', 'v1m', '--classes', 14, '--test', 96),
    )
    log = avss / 'two_stages.txt'
    with run_beside(
        log,
        *('tools/run_stepping_stones.py', STAGE_ONE, STAGE_TWO),
        *('--work-dir', avss),
    ) as two_stages:
        segment(work_dir)
        train_single_stage(avss)
        wait_for(two_stages, log)
    test_with_oracle_prior(avss)
    summarise(work_dir)
    summarise_stages(avss)
    sheets = sorted((ROOT / work_dir / 'contact_sheets').glob('*.png'))
    print(f'\nContact sheets: {sheets[0].relative_to(ROOT)} and the others')
    print(f'Video:          {work_dir / "overlay.mp4"} (with its sound)')


if __name__ == '__main__':
    main()
