"""CPU time of testing with six sounds, against that with the own sound.

    python -m benchmarks.sound_conditions [--config CONFIG] [--clips N]

Tests a config with random weights on the first clips of its test split. Prints
the CPU time, the median over rounds in which the tests are run in turn, and
how many times that of the own sound alone it is. See docs/metrics.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mmavs.config_file import check_entries, read_config
from mmavs.datasets.sound_conditions import SOUNDS
from mmavs.engine import (
    SoundConditionsLoop,
    ToolRunner,
    add_traceback_argument,
    error_line,
    quiet_libraries,
)
from mmengine.config import Config

from benchmarks.timing import time_in_turns

ROOT = Path(__file__).resolve().parents[1]
_CONFIG = ROOT / 'configs/synthetic/aavs_tiny_ms3-96x96.py'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--config', default=str(_CONFIG))
    parser.add_argument('--data-root', help="instead of the config's own")
    parser.add_argument('--clips', type=int, default=8)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument(
        '--unshared', action='store_true', help='also without sharing'
    )
    add_traceback_argument(parser)
    return parser.parse_args()


def load(args: argparse.Namespace, work_dir: str) -> Config:
    """Load the config, to test the first clips in this process."""
    cfg = read_config(args.config)
    check_entries(cfg, 'model', 'test_dataloader')
    cfg.work_dir = work_dir
    cfg.load_from = None
    cfg.test_dataloader.num_workers = 0
    cfg.test_dataloader.persistent_workers = False
    cfg.test_dataloader.dataset.indices = args.clips
    if args.data_root is not None:
        cfg.test_dataloader.dataset.data_root = args.data_root
    return cfg


def make_test(
    runner: ToolRunner, cfg: Config, sounds: Sequence[str], share: bool
) -> Callable[[], object]:
    """Make a function that tests, without building the model.

    Args:
        runner (ToolRunner): With the model.
        cfg (Config): From :func:`load`.
        sounds (Sequence[str]): Sounds besides the clips' own.
        share (bool): Whether to share the visual features.

    Returns:
        Callable[[], object]: Tests with an empty folder of results.
    """

    def test() -> None:
        with tempfile.TemporaryDirectory() as folder:
            runner._test_loop = SoundConditionsLoop(
                runner,
                cfg.test_dataloader,
                cfg.test_evaluator,
                sounds=sounds,
                results_dir=folder,
                run_hash='',
                share_visual=share,
            )
            runner.test()

    return test


def main() -> None:
    """Measure and print."""
    args = parse_args()
    with error_line(args):
        run(args)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If the config or its clips are missing.
    """
    quiet_libraries()
    with tempfile.TemporaryDirectory() as work_dir:
        cfg = load(args, work_dir)
        runner = ToolRunner.from_cfg(cfg)
        tests = {
            'own sound': make_test(runner, cfg, (), True),
            'six sounds': make_test(runner, cfg, SOUNDS, True),
        }
        if args.unshared:
            tests['not shared'] = make_test(runner, cfg, SOUNDS, False)
        timings = time_in_turns(tests, args.rounds)
    one = timings['own sound'].cpu
    for name, timing in timings.items():
        print(f'{name}: {timing.cpu:.2f} s CPU, {timing.cpu / one:.2f}')


if __name__ == '__main__':
    main()
