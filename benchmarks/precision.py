"""Agreement of reduced precision with float32 on trained networks.

    python -m benchmarks.precision WORK_DIR ... [--clips 24] [--json FILE]

reads config and best checkpoint from the work directories of trainings, and
segments the first clips of the config's test data in float32, bfloat16 and
float16. IoU is the mean over the classes that one of the two contains, over
all pixels of these clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from mmavs.atomic_file import write_json
from mmavs.config_file import read_config
from mmavs.engine.inference_speed import PRECISIONS
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, load_checkpoint
from mmseg.registry import MODELS
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.command_line import make_parser, parse_and_run
from benchmarks.inference import mask_agreement
from benchmarks.machine import describe_machine


def measure(work_dir: Path, num_clips: int) -> dict[str, Any]:
    """Segment the test clips of a training in each precision.

    Args:
        work_dir (Path): Of ``tools/train.py``.
        num_clips (int): Number of clips, from the first.

    Returns:
        dict[str, Any]: ``config``, ``clips``, and ``precisions``: for each
        the entries of :func:`benchmarks.inference.mask_agreement`.

    Raises:
        FileNotFoundError: If config or checkpoint are missing.
    """
    config, checkpoint = find_training(work_dir)
    cfg = read_config(config)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model).eval()
    load_checkpoint(model, str(checkpoint), map_location='cpu', strict=True)
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    found: dict[str, list[Tensor]] = {name: [] for name in PRECISIONS}
    count = 0
    for batch in loader:
        if count >= num_clips:
            break
        count += len(batch['inputs']['frames'])
        for name, masks in found.items():
            model.autocast_dtype = (
                None if name == 'float32' else getattr(torch, name)
            )
            with torch.no_grad():
                samples = model.test_step(batch)
            masks += [sample.pred_sem_seg.data for sample in samples]
    whole = {name: torch.cat(masks) for name, masks in found.items()}
    return dict(
        config=config.stem,
        clips=count,
        precisions={
            name: mask_agreement(masks, whole['float32'])
            for name, masks in whole.items()
            if name != 'float32'
        },
    )


def find_training(work_dir: Path) -> tuple[Path, Path]:
    """Find config and best checkpoint of a training.

    Args:
        work_dir (Path): Of ``tools/train.py``.

    Returns:
        tuple[Path, Path]: Both files.

    Raises:
        FileNotFoundError: If there is not exactly one of each.
    """
    files = []
    for pattern in ('*.py', 'best_*.pth'):
        matching = sorted(work_dir.glob(pattern))
        if len(matching) != 1:
            raise FileNotFoundError(
                f'{work_dir}: expected the work directory of a training with '
                f'one {pattern}, found {len(matching)}'
            )
        files += matching
    config, checkpoint = files
    return config, checkpoint


def make_table(systems: list[dict[str, Any]]) -> Table:
    """Lay the results out.

    Args:
        systems (list[dict[str, Any]]): From :func:`measure`.

    Returns:
        Table: One line per training.
    """
    names = PRECISIONS[1:]
    table = Table('config', 'clips', *(f'{name}: IoU' for name in names))
    for row in systems:
        ious = [f'{row["precisions"][name]["iou"]:.4f}' for name in names]
        table.add_row(row['config'], str(row['clips']), *ious)
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('work_dirs', nargs='+', type=Path, metavar='WORK_DIR')
    parser.add_argument('--clips', type=int, default=24)
    parse_and_run(parser, run)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If a work dir holds no training.
    """
    torch.set_num_threads(1)
    systems = [measure(path, args.clips) for path in args.work_dirs]
    if args.json:
        report = dict(machine=describe_machine(), systems=systems)
        write_json(args.json, report)
    Console(width=100).print(make_table(systems))


if __name__ == '__main__':
    main()
