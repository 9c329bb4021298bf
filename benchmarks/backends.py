"""Compare PyTorch, ONNX Runtime and OpenVINO on one clip.

    python -m benchmarks.backends CONFIG ... [--rounds 3] [--json FILE]

exports the network of each config with random weights to ONNX, in a temporary
folder, and segments one clip of five frames with all runtimes in turns, on
the CPU. bfloat16 is left out on a CPU without instructions for it. All
runtimes hold the network at once, which needs 8 GB of memory for AAVS Swin-B.
FILE keeps the results of the configs that are not named.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from mmavs.apis.export import Backend, export_network, load_exported
from mmavs.config_file import read_config
from mmavs.engine import Precision, speed_up
from mmavs.engine.inference_speed import is_fast_on_cpu
from mmseg.structures import SegDataSample
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import (
    keep_result,
    make_parser,
    parse_and_run,
)
from benchmarks.inference import mask_agreement
from benchmarks.machine import describe_machine
from benchmarks.system_costs import NUM_FRAMES, Segmenter, build_segmenter
from benchmarks.timing import time_in_turns

#: The runtime to which the others are compared.
REFERENCE = 'PyTorch'
RUNTIMES: dict[str, tuple[Backend, Precision]] = {
    REFERENCE: ('pytorch', 'float32'),
    'PyTorch, bfloat16': ('pytorch', 'bfloat16'),
    'ONNX Runtime': ('onnxruntime', 'float32'),
    'OpenVINO': ('openvino', 'float32'),
    'OpenVINO, bfloat16': ('openvino', 'bfloat16'),
}


def measure(config: Path, rounds: int) -> dict[str, Any]:
    """Measure all runtimes on a config's network.

    Args:
        config (Path): Config of an audio-visual segmentor.
        rounds (int): Clips that each segments after one to warm up.

    Returns:
        dict[str, Any]: ``machine``, ``rounds``, ``export`` (how the exported
        logits agree on another clip) and ``runtimes``: by name
        ``cpu_seconds`` of a clip, ``frames_per_second`` of CPU time,
        ``seconds`` and ``spread`` (wall-clock time), ``max_difference`` of
        the logits from PyTorch's in float32, and the entries of
        :func:`benchmarks.inference.mask_agreement`.

    Raises:
        ImportError: If a runtime is not installed.
        ValueError: If the network cannot be exported.
    """
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as folder:
        segmenters, agreement = build_segmenters(config, Path(folder))
        results: dict[str, list[SegDataSample]] = {}

        def segment(name: str) -> None:
            model, clip = segmenters[name].model, segmenters[name].clip
            results[name] = model.predict(dict(clip))

        timings = time_in_turns(
            {name: functools.partial(segment, name) for name in segmenters},
            rounds,
        )
    runtimes = {
        name: dict(
            cpu_seconds=timing.cpu,
            frames_per_second=NUM_FRAMES / timing.cpu,
            seconds=timing.median,
            spread=timing.spread,
            **compare(results[name], results[REFERENCE]),
        )
        for name, timing in timings.items()
    }
    return dict(
        machine=machine, rounds=rounds, export=agreement, runtimes=runtimes
    )


def build_segmenters(
    config: Path, folder: Path
) -> tuple[dict[str, Segmenter], str]:
    """Build a network with random weights for all runtimes.

    Args:
        config (Path): Its config.
        folder (Path): For its weights and the exported file, which must stay
            while the runtimes are in use.

    Returns:
        tuple[dict[str, Segmenter], str]: Networks by name, with the same
        weights and clip, and the agreement that the export found.
    """
    segmenter = build_segmenter(config, 'cpu')
    checkpoint, exported = folder / 'random.pth', folder / 'random.onnx'
    torch.save(segmenter.model.state_dict(), checkpoint)
    _, agreement = export_network(
        read_config(config), checkpoint, exported, num_frames=NUM_FRAMES
    )
    segmenters = {}
    for name, (backend, precision) in RUNTIMES.items():
        if precision == 'bfloat16' and not is_fast_on_cpu(precision):
            continue
        if backend == 'pytorch':
            model = build_segmenter(config, 'cpu').model
            # The same tensors, to save memory.
            model.load_state_dict(segmenter.model.state_dict(), assign=True)
            speed_up(model, precision)
        else:
            model = load_exported(exported, backend, precision=precision)
        segmenters[name] = Segmenter(model, segmenter.clip)
    return segmenters, str(agreement)


def compare(
    found: list[SegDataSample], reference: list[SegDataSample]
) -> dict[str, float]:
    """Compare the results of two runtimes.

    Args:
        found (list[SegDataSample]): One for each frame.
        reference (list[SegDataSample]): The same, of PyTorch in float32.

    Returns:
        dict[str, float]: ``max_difference`` of the logits, ``equal_pixels``
        and ``iou``.
    """
    logits, others = (
        torch.stack([sample.seg_logits.data for sample in samples])
        for samples in (found, reference)
    )
    masks, expected = (
        torch.cat([sample.pred_sem_seg.data for sample in samples])
        for samples in (found, reference)
    )
    return dict(
        max_difference=(logits - others).abs().max().item(),
        **mask_agreement(masks, expected),
    )


def make_table(systems: dict[str, dict[str, Any]]) -> Table:
    """Lay the results out.

    Args:
        systems (dict[str, dict[str, Any]]): By config, from :func:`measure`.

    Returns:
        Table: One line per runtime.
    """
    table = Table(
        'config',
        'runtime',
        'CPU s per clip',
        'frames/s (CPU)',
        'wall s',
        'spread',
        'times faster (CPU)',
        'largest difference',
        'equal pixels',
    )
    for name, result in systems.items():
        reference = result['runtimes'][REFERENCE]['cpu_seconds']
        for runtime, row in result['runtimes'].items():
            table.add_row(
                name,
                runtime,
                f'{row["cpu_seconds"]:.2f}',
                f'{row["frames_per_second"]:.2f}',
                f'{row["seconds"]:.2f}',
                f'{row["spread"]:.2f}',
                f'{reference / row["cpu_seconds"]:.2f}',
                f'{row["max_difference"]:.1e}',
                f'{row["equal_pixels"]:.5f}',
            )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('configs', nargs='+', type=Path, metavar='CONFIG')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parse_and_run(parser, run)


@torch.no_grad()
def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.
    """
    torch.set_num_threads(args.threads)
    warnings.filterwarnings('ignore', message='torch.meshgrid')
    systems = {}
    for config in args.configs:
        systems[config.stem] = measure(config, args.rounds)
        keep_result(args.json, config.stem, systems[config.stem])
    Console(width=160).print(make_table(systems))


if __name__ == '__main__':
    main()
