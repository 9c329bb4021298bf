"""Run everything that needs a GPU, step after step, into one JSON file.

    python -m benchmarks.on_gpu [--out DIR] [--minutes 9]
        [--device cpu] [--quick]

Each step is a process with a time limit. A step that fails is recorded with
the end of its output, the others run all the same, and the exit code is 1.
``DIR/on_gpu.json`` is written after each step. ``--device cpu --quick`` runs
the same steps with small networks, to test this file without a GPU.
``benchmarks/on_gpu.sh`` prepares a machine without network and calls this.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmavs.atomic_file import write_json
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
_SYNTHETIC = 'configs/synthetic/aavs_tiny_ms3-96x96.py'
#: One network of each system.
_SYSTEMS = {
    'aavs': 'configs/aavs/aavs_swin-b_1xb1-60e_s4-384x384.py',
    'avsegformer': (
        'configs/avsegformer/avsegformer_r50_1xb2-30e_s4-512x512.py'
    ),
    'tpavi': 'configs/tpavi/tpavi_r50_1xb4-15e_s4-224x224.py',
    'ease': 'configs/ease/ease_vit-b_2xb12-36e_s4-224x224.py',
}
_QUICK_SYSTEMS = {
    name: f'configs/synthetic/{name}_tiny_s4-96x96.py' for name in _SYSTEMS
}
#: End of the output of a failed step that is kept, in characters.
_TAIL = 2000


@dataclass(frozen=True)
class Step:
    """A process.

    Attributes:
        name (str): Its name in the report.
        command (tuple[str, ...]): After the name of the Python interpreter,
            or a shell script.
        seconds (float): Its time limit.
        result (Path | None): JSON file that it writes.
        env (dict[str, str]): Additional environment variables.
    """

    name: str
    command: tuple[str, ...]
    seconds: float
    result: Path | None = None
    env: dict[str, str] = field(default_factory=dict)


def make_steps(device: str, quick: bool, out: Path) -> list[Step]:
    """List the steps, in the order in which they run.

    Args:
        device (str): 'cuda' or 'cpu'.
        quick (bool): Small networks and few repetitions.
        out (Path): Absolute path of the folder of results.

    Returns:
        list[Step]: The steps.
    """
    check = (
        'from mmavs_ops import compiled_devices as found; '
        f'assert {device!r} in found(), found()'
    )
    steps = [
        Step('operator is built', ('-c', check), 60),
        Step(
            'tests',
            (
                *('-m', 'pytest', '-q', '-n', '0', '-m', 'gpu'),
                *('tests/test_ops/test_ms_deform_attn.py',),
                *('tests/test_models/test_cuda.py',),
            ),
            100,
        ),
        Step(
            'operator',
            (
                *('-m', 'benchmarks.ms_deform_attn', '--json'),
                *('--device', device, '--seconds', '0.1' if quick else '6'),
                *(('--shapes', 'avsegformer-224-n5') if quick else ()),
            ),
            60,
        ),
    ]
    if device == 'cuda':
        build = ('setup.py', 'build_ext', '--inplace')
        forced = dict(FORCE_CUDA='1', MAX_JOBS='8')
        steps.insert(0, Step('build', build, 150, env=forced))
    systems = _QUICK_SYSTEMS if quick else _SYSTEMS
    for name, config in systems.items():
        steps.append(_inference(name, config, device, quick, out))
    for name, config in systems.items():
        result = out / f'training_{name}.json'
        command = (
            *('-m', 'benchmarks.training', config),
            *('--amp', '--rounds', '1', '--json', str(result)),
        )
        steps.append(Step(f'training step of {name}', command, 80, result))
    return [*steps, *_synthetic_training(quick, out)]


def _inference(
    name: str, config: str, device: str, quick: bool, out: Path
) -> Step:
    result = out / f'throughput_{name}.json'
    command: tuple[str, ...] = (
        *('-m', 'benchmarks.throughput', config, '--device', device),
        *('--precision', 'float32', 'bfloat16', '--json', str(result)),
    )
    if quick:
        command += ('--rounds', '1')
    else:
        command += ('--batch', '1', '8', '--compile', '--seconds', '10')
    return Step(f'inference of {name}', command, 90, result)


def _synthetic_training(quick: bool, out: Path) -> list[Step]:
    """Make clips; train on them with AMP, and in a distributed process."""
    data = out / 'synthetic'
    numbers = ('4', '2', '2') if quick else ('240', '24', '48')
    options = [
        '--cfg-options',
        *(
            f'{loader}_dataloader.dataset.data_root={data}'
            for loader in ('train', 'val', 'test')
        ),
    ]
    short = [*options, 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    train = ('tools/train.py', _SYNTHETIC, '--amp', '--work-dir')
    distributed = ('tools/dist_train.sh', _SYNTHETIC, '1', '--work-dir')
    return [
        Step(
            'synthetic clips',
            (
                *('tools/dataset_converters/make_synthetic.py',),
                *('--root', str(data), '--subsets', 'v1m'),
                *('--train', numbers[0], '--val', numbers[1]),
                *('--test', numbers[2]),
            ),
            60,
        ),
        Step(
            'distributed training',
            (*distributed, str(out / 'ddp'), *short),
            90,
        ),
        Step(
            'training with AMP',
            (*train, str(out / 'amp'), *(short if quick else options)),
            200,
        ),
    ]


def run_step(step: Step, seconds: float) -> dict[str, Any]:
    """Run a step and describe what happened.

    Args:
        step (Step): The step.
        seconds (float): Time that is left for all steps.

    Returns:
        dict[str, Any]: ``status`` ('done', 'failed', 'timeout', or 'skipped'
        if no time is left), ``seconds``, ``result`` if it wrote one, and
        ``output``, the end of what it printed.
    """
    if seconds <= 0:
        return dict(status='skipped', seconds=0.0, output='no time is left')
    first = step.command[0]
    program = 'bash' if first.endswith('.sh') else sys.executable
    env = dict(os.environ, PYTHON=sys.executable, **step.env)
    start = time.perf_counter()
    process = subprocess.Popen(
        [program, *step.command],
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Its own group, to stop data loading workers with it.
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=min(step.seconds, seconds))
        status = 'failed' if process.returncode else 'done'
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = 'timeout'
    row: dict[str, Any] = dict(
        status=status, seconds=round(time.perf_counter() - start, 1)
    )
    if step.result is not None and step.result.is_file():
        row['result'] = json.loads(step.result.read_text('utf-8'))
    return dict(row, output=output[-_TAIL:])


def environment(device: str) -> dict[str, Any]:
    """Describe the machine.

    Args:
        device (str): 'cuda' or 'cpu'.

    Returns:
        dict[str, Any]: Versions and, with CUDA, name and memory of the GPU.
    """
    facts: dict[str, Any] = dict(
        device=device,
        python=platform.python_version(),
        torch=torch.__version__,
        cuda=torch.version.cuda,
        cores=os.cpu_count(),
    )
    if device == 'cuda':
        gpu = torch.cuda.get_device_properties(0)
        facts.update(gpu=gpu.name, gpu_memory_bytes=gpu.total_memory)
    return facts


def main(argv: Sequence[str] | None = None) -> None:
    """Run all steps; exit with 1 if one is not done."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--out', type=Path, default=Path('work_dirs/on_gpu'))
    parser.add_argument('--minutes', type=float, default=9)
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument(
        '--steps', nargs='+', metavar='WORD', help='only those with a WORD'
    )
    args = parser.parse_args(argv)
    if args.device == 'cuda' and not torch.cuda.is_available():
        sys.exit(
            'on_gpu.py: this PyTorch finds no GPU; --device cpu --quick tests '
            'the script without one.'
        )
    end = time.perf_counter() + 60 * args.minutes
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = dict(environment=environment(args.device))
    rows = report['steps'] = {}
    for step in make_steps(args.device, args.quick, out):
        if args.steps and not any(word in step.name for word in args.steps):
            continue
        rows[step.name] = run_step(step, end - time.perf_counter())
        write_json(out / 'on_gpu.json', report)
        row = rows[step.name]
        print(f'{step.name}: {row["status"]}, {row["seconds"]} s', flush=True)
        if row['status'] != 'done':
            print(row['output'], flush=True)
    print_speed(rows)
    sys.exit(any(row['status'] != 'done' for row in rows.values()))


def print_speed(rows: dict[str, dict[str, Any]]) -> None:
    """Print the frames per second of all systems.

    Args:
        rows (dict[str, dict[str, Any]]): Steps by name.
    """
    table = Table('network', 'combination', 'frames/s')
    for row in rows.values():
        for name, cells in row.get('result', {}).get('rows', {}).items():
            speed = f'{cells["frames_per_second"]:.1f}'
            table.add_row(row['result']['config'], name, speed)
    Console(width=100).print(table)


if __name__ == '__main__':
    main()
