"""Quantise an exported network to int8, and compare it with float32.

    python -m benchmarks.int8 EXPORTED.onnx --config CONFIG [--out FILE.xml]
        [--calibration-clips 64] [--clips 24] [--rounds 20] [--json FILE]

NNCF quantises convolutions and linear layers; their ranges are those on the
first training clips of the config. OpenVINO then segments the first test clips
in float32, in bfloat16 if the CPU has instructions for it, and with the
quantised network. IoU is that with the masks of float32, the mean over the
classes that one of the two contains; mIoU is that of the config's metric. Time
is CPU time of the network on one test clip, in turns, by one thread. The JSON
file keeps the results of other configs.

``tools/segment_video.py --exported FILE.xml --backend openvino`` uses the
quantised network.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmavs.apis.export import ExportedSegmentor, load_exported
from mmavs.apis.export.backends import import_backend
from mmavs.config_file import check_entries, read_config
from mmavs.engine import Precision
from mmavs.engine.inference_speed import is_fast_on_cpu
from mmavs.output_path import check_output_file
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.command_line import (
    keep_result,
    make_parser,
    parse_and_run,
)
from benchmarks.inference import mask_agreement
from benchmarks.machine import describe_machine
from benchmarks.quantisation import (
    load_clips,
    quantise,
    record_inputs,
    size_of,
)
from benchmarks.timing import time_in_turns

#: The network to which the others are compared.
REFERENCE = 'float32'


class Segmented(NamedTuple):
    """What a network gave for the test clips.

    Attributes:
        masks (Tensor): (N, H, W) class ids.
        miou (float): Of the config's metric, in [0, 1].
    """

    masks: Tensor
    miou: float


def measure(
    exported: Path,
    cfg: Config,
    quantised: Path,
    *,
    num_calibration: int,
    num_clips: int,
    rounds: int,
) -> dict[str, Any]:
    """Quantise a network and compare it with float32.

    Args:
        exported (Path): ONNX file that ``tools/export.py`` wrote.
        cfg (Config): Its config, with training and test data.
        quantised (Path): File to write, ``.xml``.
        num_calibration (int): Training clips for the ranges, from the first.
        num_clips (int): Test clips, from the first.
        rounds (int): Timed calls of each network after one to warm up.

    Returns:
        dict[str, Any]: ``machine``, ``calibration_clips``, ``clips``,
        ``rounds`` and ``networks``: by name ``cpu_seconds`` of a clip,
        ``bytes`` of the file, ``miou`` against the labels, and the entries of
        :func:`benchmarks.inference.mask_agreement`.

    Raises:
        FileNotFoundError: If the exported file or the data are missing.
        ImportError: If nncf or openvino is not installed.
        ValueError: If the file was exported from another config.
    """
    machine = describe_machine()
    model = load_exported(exported, 'openvino', cfg)
    clips = record_inputs(model, cfg.train_dataloader, num_calibration)
    quantise(exported, clips, quantised)
    files: dict[str, tuple[Path, Precision]] = {
        REFERENCE: (exported, 'float32'),
        'bfloat16': (exported, 'bfloat16'),
        'int8': (quantised, 'float32'),
        'int8, rest bfloat16': (quantised, 'bfloat16'),
    }
    models = {
        name: load_exported(path, 'openvino', precision=precision)
        for name, (path, precision) in files.items()
        if precision == 'float32' or is_fast_on_cpu(precision)
    }
    found = {n: segment(m, cfg, num_clips) for n, m in models.items()}
    clip, *_ = record_inputs(model, cfg.test_dataloader, 1)
    timings = time_in_turns(
        {n: functools.partial(m.session.run, clip) for n, m in models.items()},
        rounds,
    )
    networks = {
        name: dict(
            cpu_seconds=timings[name].cpu,
            bytes=size_of(files[name][0]),
            miou=result.miou,
            **mask_agreement(result.masks, found[REFERENCE].masks),
        )
        for name, result in found.items()
    }
    return dict(
        machine=machine,
        calibration_clips=len(clips),
        clips=num_clips,
        rounds=rounds,
        networks=networks,
    )


def segment(
    model: ExportedSegmentor, cfg: Config, num_clips: int
) -> Segmented:
    """Segment and score the first test clips.

    Args:
        model (ExportedSegmentor): The network.
        cfg (Config): With test data and metric.
        num_clips (int): Number of clips.

    Returns:
        Segmented: Masks and mIoU.
    """
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dict(classes=model.session.facts.classes)
    masks: list[Tensor] = []
    count = 0
    for batch in load_clips(cfg.test_dataloader, num_clips):
        samples = model.test_step(batch)
        evaluator.process(samples, batch)
        masks += [sample.pred_sem_seg.data for sample in samples]
        count += 1
    scores = evaluator.evaluate(count)
    miou = next(v for key, v in scores.items() if key.endswith('mIoU'))
    return Segmented(torch.cat(masks), miou)


def make_table(systems: dict[str, dict[str, Any]]) -> Table:
    """Lay the results out.

    Args:
        systems (dict[str, dict[str, Any]]): By config, from :func:`measure`.

    Returns:
        Table: One line per network.
    """
    table = Table('config', 'network', 'MB', 'CPU ms per clip', 'IoU', 'mIoU')
    for config, result in systems.items():
        for name, row in result['networks'].items():
            table.add_row(
                config,
                name,
                f'{row["bytes"] / 1e6:.1f}',
                f'{1e3 * row["cpu_seconds"]:.1f}',
                f'{row["iou"]:.4f}',
                f'{row["miou"]:.4f}',
            )
    return table


def main() -> None:
    """Quantise, compare, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('exported', type=Path, metavar='EXPORTED.onnx')
    parser.add_argument('--config', type=Path, required=True)
    parser.add_argument(
        '--out', type=Path, metavar='FILE.xml', help='the quantised network'
    )
    parser.add_argument('--calibration-clips', type=int, default=64)
    parser.add_argument('--clips', type=int, default=24)
    parser.add_argument('--rounds', type=int, default=20)
    parse_and_run(parser, run)


def check_arguments(args: argparse.Namespace) -> None:
    """Check the values of the command line.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileExistsError: If the file to write exists.
        ValueError: If a count is not positive or a name has another suffix.
    """
    for name in ('calibration_clips', 'clips', 'rounds'):
        if getattr(args, name) < 1:
            option = name.replace('_', '-')
            raise ValueError(
                f'--{option} must be positive, got {getattr(args, name)}'
            )
    if args.exported.suffix != '.onnx':
        raise ValueError(
            f'{args.exported}: expected an ONNX file that tools/export.py '
            'wrote, with a name that ends in .onnx.'
        )
    if args.out is not None:
        if args.out.suffix != '.xml':
            raise ValueError(
                f'--out: expected a name that ends in .xml, got {args.out}'
            )
        check_output_file(args.out)
        check_output_file(args.out.with_suffix('.bin'))


@torch.no_grad()
def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If the exported file or the data are missing.
        FileExistsError: If the file to write exists.
        ImportError: If nncf or openvino is not installed.
        ValueError: If an argument is wrong.
    """
    check_arguments(args)
    torch.set_num_threads(1)
    import_backend('nncf')
    cfg = read_config(args.config)
    check_entries(
        cfg, 'model', 'train_dataloader', 'test_dataloader', 'test_evaluator'
    )
    with tempfile.TemporaryDirectory() as folder:
        result = measure(
            args.exported,
            cfg,
            args.out or Path(folder) / 'int8.xml',
            num_calibration=args.calibration_clips,
            num_clips=args.clips,
            rounds=args.rounds,
        )
    keep_result(args.json, args.config.stem, result)
    Console(width=100).print(make_table({args.config.stem: result}))


if __name__ == '__main__':
    main()
