"""Time AVSegFormer, and the authors' code beside it.

Usage::

    python tools/benchmarks/avsegformer.py [--backbone pvtv2-b5] [--size 512]

With MMAVS_REFERENCE_ROOT (a folder with AVSegFormer at 7083cb6) the published
network runs in turns with ours, on the CPU, with the same seeded weights and
inputs. Its attention is then its own fallback in plain PyTorch, which it takes
wherever its CUDA operator is not. Sound comes in as embeddings on both sides:
VGGish is the same network in both and takes about a hundredth of the time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]


def sides(backbone: str, size: int) -> dict[str, Callable[[], Tensor]]:
    """Build what is timed: functions that segment a clip of five frames.

    Args:
        backbone (str): ``'r50'`` or ``'pvtv2-b5'``.
        size (int): Height and width of the frames.

    Returns:
        dict[str, Callable]: ``'mmavs'`` and, if it is there,
        ``'published'``; each gives logits (5, 1, size, size).
    """
    sys.path[:0] = [str(ROOT / 'tests'), str(ROOT / 'tests' / 'parity')]
    from support import reference_avsegformer as reference
    from support.avsegformer_parity import Variant, build_avsegformer

    variant = Variant(backbone, 's4')
    frames, audio = variant.frames(size), variant.audio()
    model = build_avsegformer(variant)

    def ours() -> Tensor:
        inputs = dict(frames=frames, log_mel=audio, num_frames=[len(frames)])
        return model.decode_head(model.extract_feat(inputs))[0]

    reason = reference.why_not()
    if reason is not None:
        print(f'Only ours: {reason}')
        return dict(mmavs=ours)
    published = reference.build_reference(
        reference.import_reference(), variant
    )
    return dict(mmavs=ours, published=lambda: published(audio, frames)[0])


def measure(
    functions: dict[str, Callable[[], Tensor]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Time functions in turns.

    Args:
        functions (dict[str, Callable]): From :func:`sides`.
        rounds (int): Calls of each that count; one more warms up.

    Returns:
        dict[str, tuple[float, float]]: Median seconds of a call: on the
        clock, and of this process's CPU time, on which other processes have
        less influence.
    """
    times: dict[str, list[tuple[float, float]]] = {n: [] for n in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            clock, cpu = time.perf_counter(), time.process_time()
            function()
            times[name].append(
                (time.perf_counter() - clock, time.process_time() - cpu)
            )
    return {
        name: (
            statistics.median(clock for clock, _ in pairs[1:]),
            statistics.median(cpu for _, cpu in pairs[1:]),
        )
        for name, pairs in times.items()
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').split('\n')[0]
    )
    parser.add_argument(
        '--backbone', choices=('r50', 'pvtv2-b5'), default='r50'
    )
    parser.add_argument('--size', type=int, default=512)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with torch.inference_mode():
        functions = sides(args.backbone, args.size)
        outputs = [function() for function in functions.values()]
        times = measure(functions, args.rounds)
    print(
        f'AVSegFormer, {args.backbone}, {len(outputs[0])} frames of '
        f'{args.size}x{args.size}, CPU, {args.threads} thread(s), medians of '
        f'{args.rounds} calls in turns'
    )
    print('| code | s | frames/s | CPU s |\n|---|---|---|---|')
    for name, (clock, cpu) in times.items():
        rate = len(outputs[0]) / clock
        print(f'| {name} | {clock:.2f} | {rate:.3f} | {cpu:.2f} |')
    if len(outputs) == 2:
        clocks, cpus = zip(*times.values(), strict=True)
        worst = (outputs[0] - outputs[1]).abs().max().item()
        print(
            f'mmavs is {clocks[1] / clocks[0]:.2f} times as fast '
            f'({cpus[1] / cpus[0]:.2f} by CPU time); logits differ by at '
            f'most {worst:.1e}'
        )


if __name__ == '__main__':
    main()
