"""Time the inference of one clip by parts, in each precision and runtime.

    python -m benchmarks.inference CONFIG [--checkpoint FILE]
        [--precision float32 bfloat16 float16] [--compile] [--json FILE]
        [--exported FILE.onnx --backend onnxruntime openvino]

prints, for one clip of five seconds, frames per second, the real-time factor
(seconds of computation per second of video), the time of each part of the
network, and the agreement of the masks with those of float32. Precisions take
turns, so that other load on the machine slows all of them. Post-processing is
what remains: logits to the frame's size, and the class of each pixel. Other
runtimes run a network that tools/export.py wrote, and have no parts.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from pathlib import Path
from typing import Any

import torch
from mmavs.apis.export import BACKENDS, Backend, load_exported
from mmavs.atomic_file import write_json
from mmavs.config_file import read_config
from mmavs.engine import error_line, speed_up
from mmavs.engine.inference_speed import PRECISIONS, Precision
from mmavs.fingerprint import hash_file
from mmengine.runner import load_checkpoint
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.command_line import make_parser
from benchmarks.machine import describe_machine
from benchmarks.system_costs import (
    NUM_FRAMES,
    Segmenter,
    build_segmenter,
    peak_memory,
)
from benchmarks.timing import Timing, time_in_turns, timed_parts

#: Parts of a network that are timed.
PARTS = ('backbone', 'audio_backbone', 'decode_head')


def build(
    config: Path,
    precision: Precision,
    *,
    checkpoint: Path | None,
    compiled: bool,
    device: str,
) -> Segmenter:
    """Build a model for one precision.

    Args:
        config (Path): Config of an audio-visual segmentor.
        precision (Precision): Its precision.
        checkpoint (Path | None): Weights; None for random ones.
        compiled (bool): Compile the networks.
        device (str): 'cpu' or 'cuda'.

    Returns:
        Segmenter: Model and a random clip.
    """
    segmenter = build_segmenter(config, device)
    if checkpoint is not None:
        load_checkpoint(
            segmenter.model, str(checkpoint), map_location='cpu', strict=True
        )
    speed_up(segmenter.model, precision, compiled=compiled)
    return segmenter


def build_exported(
    backend: Backend, exported: Path, checkpoint: Path, clip: dict[str, Any]
) -> Segmenter:
    """Load an exported network.

    Args:
        backend (Backend): Its runtime.
        exported (Path): Its file.
        checkpoint (Path): The checkpoint that the others use.
        clip (dict[str, Any]): The clip that the others segment.

    Returns:
        Segmenter: Network and clip.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the runtime is not installed.
        ValueError: If the file is of another checkpoint.
    """
    model = load_exported(exported, backend)
    if model.session.facts.checkpoint != hash_file(checkpoint):
        raise ValueError(
            f'{exported}: expected a network exported from {checkpoint}, got '
            'one from another checkpoint; export this one.'
        )
    return Segmenter(model, clip)


def masks_of(segmenter: Segmenter) -> Tensor:
    """Return the classes of the clip's pixels, (T, H, W)."""
    inputs = dict(segmenter.clip, num_frames=[NUM_FRAMES])
    with torch.no_grad():
        samples = segmenter.model.predict(inputs)
    return torch.cat([sample.pred_sem_seg.data for sample in samples])


def mask_agreement(masks: Tensor, reference: Tensor) -> dict[str, float]:
    """Compare masks with those of float32.

    Args:
        masks (Tensor): (T, H, W) class ids.
        reference (Tensor): The same, of float32.

    Returns:
        dict[str, float]: ``equal_pixels``, a share, and ``iou``, the mean
        over the classes that one of the two contains.
    """
    ious = []
    for label in torch.cat([masks.unique(), reference.unique()]).unique():
        ours, theirs = masks == label, reference == label
        ious.append((ours & theirs).sum() / (ours | theirs).sum())
    return dict(
        equal_pixels=(masks == reference).double().mean().item(),
        iou=torch.stack(ious).double().mean().item(),
    )


def measure(
    segmenters: dict[str, Segmenter], rounds: int, device: str
) -> dict[str, dict[str, Any]]:
    """Time all precisions and runtimes in turns.

    Args:
        segmenters (dict[str, Segmenter]): By precision, float32 first, and by
            runtime.
        rounds (int): Clips that each segments after one to warm up.
        device (str): 'cpu' or 'cuda'.

    Returns:
        dict[str, dict[str, Any]]: By the same: ``seconds_per_clip`` and
        ``spread`` (wall-clock time), ``cpu_seconds_per_clip``,
        ``frames_per_second``, ``real_time_factor``, ``parts`` (seconds by
        name) and the entries of :func:`mask_agreement`.
    """
    parts: dict[str, dict[str, list[float]]] = {n: {} for n in segmenters}
    masks: dict[str, Tensor] = {}

    def segment(name: str) -> None:
        children = dict(segmenters[name].model.named_children())
        timed = {part: children[part] for part in PARTS if part in children}
        with timed_parts(timed, device, parts[name]):
            masks[name] = masks_of(segmenters[name])

    timings = time_in_turns(
        {name: functools.partial(segment, name) for name in segmenters},
        rounds,
        device=device,
    )
    return {
        name: dict(
            _row(timings[name], parts[name]),
            **mask_agreement(masks[name], masks['float32']),
        )
        for name in segmenters
    }


def _row(timing: Timing, parts: dict[str, list[float]]) -> dict[str, Any]:
    # The first call of each part is the warm-up.
    medians = {n: statistics.median(s[1:]) for n, s in parts.items()}
    if medians:
        rest = timing.median - sum(medians.values())
        medians['post_processing'] = rest
    return dict(
        seconds_per_clip=timing.median,
        spread=timing.spread,
        cpu_seconds_per_clip=timing.cpu,
        frames_per_second=NUM_FRAMES / timing.median,
        real_time_factor=timing.median / NUM_FRAMES,
        parts=medians,
    )


def make_table(rows: dict[str, dict[str, Any]]) -> Table:
    """Lay the rows out.

    Args:
        rows (dict[str, dict[str, Any]]): From :func:`measure`.

    Returns:
        Table: One line per precision.
    """
    parts = list(rows['float32']['parts'])
    table = Table(
        'precision or runtime',
        'frames/s',
        'real-time factor',
        'CPU s per clip',
        *(f'{part} (s)' for part in parts),
        'IoU with float32',
    )
    for name, row in rows.items():
        table.add_row(
            name,
            f'{row["frames_per_second"]:.2f}',
            f'{row["real_time_factor"]:.2f}',
            f'{row["cpu_seconds_per_clip"]:.2f}',
            *(
                f'{row["parts"][part]:.3f}' if row['parts'] else '-'
                for part in parts
            ),
            f'{row["iou"]:.4f}',
        )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('config', type=Path)
    parser.add_argument('--checkpoint', type=Path)
    parser.add_argument(
        '--precision', nargs='+', choices=PRECISIONS, default=['float32']
    )
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--exported', type=Path, metavar='FILE.onnx')
    parser.add_argument('--backend', nargs='+', choices=BACKENDS[1:])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    if (args.exported is None) != (args.backend is None):
        parser.error('--exported and --backend need each other')
    if args.exported is not None and args.checkpoint is None:
        parser.error('--exported needs --checkpoint, for the same weights')
    with error_line(args):
        read_config(args.config)
        run(args)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing.
        ImportError: If a runtime is not installed.
        ValueError: If either is of another kind.
    """
    torch.set_num_threads(args.threads)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    precisions = dict.fromkeys(['float32', *args.precision])
    segmenters = {
        precision: build(
            args.config,
            precision,
            checkpoint=args.checkpoint,
            compiled=args.compile,
            device=device,
        )
        for precision in precisions
    }
    for backend in args.backend or ():
        segmenters[backend] = build_exported(
            backend,
            args.exported,
            args.checkpoint,
            segmenters['float32'].clip,
        )
    machine = describe_machine()
    rows = measure(segmenters, args.rounds, device)
    report = dict(
        config=args.config.stem,
        trained=args.checkpoint is not None,
        compiled=args.compile,
        device=device,
        machine=machine,
        rounds=args.rounds,
        peak_memory_bytes_float32=peak_memory(args.config, device),
        precisions=rows,
    )
    if args.json:
        write_json(args.json, report)
    Console(width=140).print(make_table(rows))


if __name__ == '__main__':
    main()
