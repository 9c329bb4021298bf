"""Compare the time of multi-scale deformable attention implementations.

    python -m benchmarks.ms_deform_attn [--json] [--model CONFIG]

For each shape, dtype and mode, this times the compiled operator and mmcv's
pure-PyTorch function, and on CUDA also the kernels of mmcv and Deformable-DETR
if they are installed. ``bound`` is the time to read the bytes of all corner
rows at the bandwidth of copying cached data (on CUDA: device memory), which is
measured in the same run; see ops/README.md.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable
from typing import NamedTuple

import mmavs  # noqa: F401  makes mmcv.ops importable without compiled ops
import torch
from mmavs.engine import add_traceback_argument, error_line
from mmavs_ops import compiled_devices, ms_deform_attn
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor

from benchmarks.model_timing import measure_model
from benchmarks.timing import time_in_turns

HEADS, CHANNELS, POINTS = 8, 32, 4
_AAVS = ((12, 12), (24, 24), (48, 48))
_DTYPES = {
    'float32': torch.float32,
    'float64': torch.float64,
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
}
_COPY_BYTES = 1 << 18
_MAX_ROUNDS = 15


class Shape(NamedTuple):
    """Number of frames and (H, W) of the levels; every pixel is a query."""

    num_frames: int
    levels: tuple[tuple[int, int], ...]


SHAPES = {
    'aavs-n5': Shape(5, _AAVS),
    'aavs-n10': Shape(10, _AAVS),
    'aavs-n40': Shape(40, _AAVS),
    'avsegformer-512-n5': Shape(5, ((16, 16), (32, 32), (64, 64))),
    'avsegformer-224-n5': Shape(5, ((7, 7), (14, 14), (28, 28))),
}
_DEFAULT_SHAPES = [name for name in SHAPES if name != 'aavs-n40']


class Case:
    """One shape in one dtype with its inputs.

    Args:
        shape (Shape): Frames and levels.
        dtype (torch.dtype): Dtype of all float inputs.
        device (str): 'cpu' or 'cuda'.
        locations (str): 'uniform' over the map, which is the worst case for
            a cache, or 'encoder' for locations near each query's own pixel.
    """

    def __init__(
        self, shape: Shape, dtype: torch.dtype, device: str, locations: str
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        frames, levels = shape
        rows = sum(h * w for h, w in levels)
        points = (frames, rows, HEADS, len(levels), POINTS)
        self.levels = levels
        self.table = torch.tensor(levels)
        counts = self.table.prod(-1)
        self.starts = counts.cumsum(0) - counts
        value = torch.randn(frames, rows, HEADS, CHANNELS, generator=generator)
        weight = torch.rand(points, generator=generator)
        if locations == 'uniform':
            where = torch.rand(*points, 2, generator=generator)
        else:
            pixels = torch.randn(*points, 2, generator=generator) * 3
            size = self.table.flip(-1)[:, None]
            where = _centres(levels)[:, None, None, None] + pixels / size
        weight = weight / weight.sum((-2, -1), keepdim=True)
        self.inputs = [
            tensor.to(device, dtype) for tensor in (value, where, weight)
        ]
        self.grad = torch.randn(
            frames, rows, HEADS * CHANNELS, generator=generator
        ).to(device, dtype)
        if device == 'cuda':
            self.table = self.table.to(device)
            self.starts = self.starts.to(device)

    def runner(
        self, attend: Callable[..., Tensor], backward: bool
    ) -> Callable[[], None]:
        """Return a function that runs a forward, or a forward and a backward.

        Args:
            attend (Callable[..., Tensor]): From value, locations and weights
                to the output.
            backward (bool): Whether to run the backward as well.

        Returns:
            Callable[[], None]: The function to time.
        """

        def forward() -> None:
            with torch.no_grad():
                attend(*self.inputs)

        def both() -> None:
            leaves = [t.detach().requires_grad_() for t in self.inputs]
            attend(*leaves).backward(self.grad)

        return both if backward else forward

    def gathered_bytes(self, backward: bool) -> int:
        """Count the bytes of corner rows that are read and written.

        Args:
            backward (bool): Also count a backward, which reads the rows once
                more and reads and writes a float32 gradient row for each.

        Returns:
            int: Bytes.
        """
        value, _, weight = self.inputs
        numbers = weight.numel() * 4 * value.shape[-1]
        size = value.element_size()
        wide = max(4, size)
        return numbers * (size + (size + 2 * wide if backward else 0))


def _centres(levels: tuple[tuple[int, int], ...]) -> Tensor:
    """Return the centre (x, y) of each pixel of each level, (Q, 2)."""
    return torch.cat(
        [
            torch.cartesian_prod(
                (torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w
            ).flip(-1)
            for h, w in levels
        ]
    )


def contestants(case: Case) -> dict[str, Callable[..., Tensor]]:
    """Return the implementations to compare on a case.

    Args:
        case (Case): Holds the tables of levels.

    Returns:
        dict[str, Callable[..., Tensor]]: By name; always 'ours' and
        'reference'.
    """
    found: dict[str, Callable[..., Tensor]] = {
        'ours': lambda value, where, weight: ms_deform_attn(
            value, case.table, case.starts, where, weight
        ),
        'reference': lambda value, where, weight: (
            multi_scale_deformable_attn_pytorch(
                value, case.table, where, weight
            )
        ),
    }
    value = case.inputs[0]
    extension = sys.modules.get('mmcv._ext')
    # mmavs' replacement of the extension has no file. mmcv's kernel does not
    # support bfloat16.
    if (
        value.is_cuda
        and getattr(extension, '__file__', None)
        and value.dtype != torch.bfloat16
    ):
        found['mmcv_cuda'] = lambda value, where, weight: (
            MultiScaleDeformableAttnFunction.apply(
                value, case.table, case.starts, where, weight, 64
            )
        )
    detr = 'MultiScaleDeformableAttention'
    if (
        value.dtype in (torch.float32, torch.float64)
        and value.is_cuda
        and importlib.util.find_spec(detr)
    ):
        kernel = importlib.import_module(detr).ms_deform_attn_forward
        found['deformable_detr_cuda'] = lambda value, where, weight: kernel(
            value, case.table, case.starts, where, weight, 64
        )
    return found


def copy_bandwidth(device: str) -> float:
    """Measure the bandwidth of copying.

    Copies cached data on the CPU and device memory on CUDA.

    Args:
        device (str): 'cpu' or 'cuda'.

    Returns:
        float: Bytes read and written per second, all threads together.
    """
    cuda = device == 'cuda'
    size = 1 << 30 if cuda else _COPY_BYTES
    repeats = 3 if cuda else 200
    threads = torch.get_num_threads()
    # Measured with one thread and multiplied by the number of threads: copies
    # of several threads would measure the scheduler of a busy machine.
    torch.set_num_threads(1)
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)

    def copies() -> None:
        for _ in range(repeats):
            target.copy_(source)

    timing = time_in_turns({'copy': copies}, 7, device=device)['copy']
    torch.set_num_threads(threads)
    return 2 * size * repeats * (1 if cuda else threads) / timing.fastest


def measure(args: argparse.Namespace) -> list[dict]:
    """Measure every requested shape, dtype and mode.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        list[dict]: One row per shape, dtype and mode.
    """
    bandwidth = copy_bandwidth(args.device)
    modes = ('forward', 'forward+backward')
    share = args.seconds / (len(args.shapes) * len(args.dtypes) * len(modes))
    rows = []
    for name in args.shapes:
        for dtype in args.dtypes:
            case = Case(
                SHAPES[name], _DTYPES[dtype], args.device, args.locations
            )
            for mode in modes:
                backward = mode != 'forward'
                runners = {
                    who: case.runner(attend, backward)
                    for who, attend in contestants(case).items()
                    # Deformable-DETR's module has no autograd function.
                    if not (backward and who == 'deformable_detr_cuda')
                }
                timings = time_in_turns(
                    runners,
                    _MAX_ROUNDS,
                    device=args.device,
                    calls=dict(ours=3),
                    max_seconds=share,
                )
                times = {
                    who: 1e3 * timing.median for who, timing in timings.items()
                }
                bound = 1e3 * case.gathered_bytes(backward) / bandwidth
                row = dict(shape=name, dtype=dtype, mode=mode)
                row.update({f'{who}_ms': t for who, t in times.items()})
                row['ratio'] = times['reference'] / times['ours']
                row['bound_ms'] = bound
                row['bound_share'] = bound / times['ours']
                rows.append(row)
                if not args.json:
                    print(_line(row), flush=True)
    return rows


def _line(row: dict) -> str:
    others = ''.join(
        f'  {key[:-3]} {value:.2f} ms'
        for key, value in row.items()
        if key.endswith('_cuda_ms')
    )
    return (
        f'{row["shape"]:20s}{row["dtype"]:10s}{row["mode"]:18s}'
        f'ours {row["ours_ms"]:9.2f} ms  reference '
        f'{row["reference_ms"]:9.2f} ms  ratio {row["ratio"]:6.1f}  '
        f'share of bound {row["bound_share"]:.2f}{others}'
    )


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description='Time multi-scale deformable attention.'
    )
    parser.add_argument('--json', action='store_true', help='print JSON only')
    parser.add_argument(
        '--shapes', nargs='+', choices=SHAPES, default=_DEFAULT_SHAPES
    )
    parser.add_argument(
        '--dtypes',
        nargs='+',
        choices=_DTYPES,
        default=['float32', 'bfloat16'],
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument(
        '--locations',
        choices=('uniform', 'encoder'),
        default='uniform',
        help='sampling locations: anywhere (default), or near each query',
    )
    parser.add_argument(
        '--seconds',
        type=float,
        default=16.0,
        help='total time of the measurements of the operator',
    )
    parser.add_argument(
        '--model',
        metavar='CONFIG',
        help="also time this model's inference with both implementations",
    )
    add_traceback_argument(parser)
    return parser.parse_args()


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
        FileNotFoundError: If the config of ``--model`` is missing.
        ValueError: If it has no deformable attention.
    """
    if args.device not in compiled_devices():
        print(
            f'mmavs_ops has no compiled kernel for {args.device}: "ours" is '
            'its grid_sample path.',
            file=sys.stderr,
        )
    device = (
        torch.cuda.get_device_name()
        if args.device == 'cuda'
        else f'CPU, {torch.get_num_threads()} threads'
    )
    if not args.json:
        print(f'{device}, torch {torch.__version__}, {args.locations}')
    report = dict(
        device=device,
        torch=torch.__version__,
        locations=args.locations,
        results=measure(args),
    )
    if args.model:
        report['model'] = measure_model(args.model, args.device)
        if not args.json:
            for row in report['model']:
                print(
                    f'{row["attention"]:10s}clip {row["clip_s"]:.2f} s  '
                    f'backbone {row["backbone_s"]:.2f} s  pixel decoder '
                    f'{row["pixel_decoder_s"]:.2f} s'
                )
    if args.json:
        print(json.dumps(report))


if __name__ == '__main__':
    main()
