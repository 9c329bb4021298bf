"""Time and weigh TPAVI's attention against the block as published.

    python tools/benchmarks/tpavi.py [--json] [--turns 5] [--stage 1]

One block on one clip of five frames of 224x224. With MMAVS_REFERENCE_ROOT set
to a folder with AVSBench at f7414af, the other side is its TPAVIModule; else
the paper's formula with its n x n matrix, n = T*H*W, written out below. Both
have the same weights and take turns in one process; medians are printed. Peak
memory is what the resident set of a process of its own (Linux: VmHWM, reset
after the inputs are made) grows by during one forward.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmavs.models.tpavi import TPAVIBlock
from torch import Tensor, nn

CHANNELS, AUDIO_CHANNELS, NUM_FRAMES, SIZE = 256, 128, 5, 224
STRIDES = {1: 4, 2: 8, 3: 16, 4: 32}
_MODULE = 'AVSBench/avs_scripts/avss/model/TPAVI.py'
#: Theirs -> ours.
_NAMES = {
    'align_channel': 'audio_proj',
    'theta': 'theta',
    'phi': 'phi',
    'g': 'g',
    'W_z.0': 'out_proj',
    'W_z.1': 'bn',
    'norm_layer': 'norm',
}


def make_block() -> TPAVIBlock:
    """Make a block of the published width whose every part counts.

    Returns:
        TPAVIBlock: With seeded weights, in evaluation mode.
    """
    torch.manual_seed(0)
    block = TPAVIBlock(CHANNELS, AUDIO_CHANNELS, audio_bias=False)
    nn.init.uniform_(block.bn.weight, 0.5, 1.5)
    nn.init.uniform_(block.bn.bias, -0.5, 0.5)
    return block.eval()


def make_inputs(stage: int) -> tuple[Tensor, Tensor]:
    """Draw a clip's map and sound.

    Args:
        stage (int): 1 to 4, strides 4 to 32.

    Returns:
        tuple[Tensor, Tensor]: (T, C, H, W) and (T, 128).
    """
    generator = torch.Generator().manual_seed(1)
    side = SIZE // STRIDES[stage]
    x = torch.randn(NUM_FRAMES, CHANNELS, side, side, generator=generator)
    audio = torch.randn(NUM_FRAMES, AUDIO_CHANNELS, generator=generator)
    return x, audio.relu()


def published_block(block: TPAVIBlock) -> Callable[[Tensor, Tensor], Tensor]:
    """Give the published module our weights.

    Args:
        block (TPAVIBlock): Ours.

    Returns:
        Callable[[Tensor, Tensor], Tensor]: From map and sound to the map.
    """
    path = Path(os.environ['MMAVS_REFERENCE_ROOT'], _MODULE)
    spec = importlib.util.spec_from_file_location('_published_tpavi', path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.TPAVIModule(in_channels=CHANNELS, mode='dot')
    own = block.state_dict()
    theirs.load_state_dict(
        {
            name: own[_our_name(name)].view_as(tensor)
            for name, tensor in theirs.state_dict().items()
        }
    )
    theirs.eval()

    def run(x: Tensor, audio: Tensor) -> Tensor:
        clip = x.transpose(0, 1)[None].contiguous()  # (1, C, T, H, W)
        return theirs(clip, audio[None])[0][0].transpose(0, 1)

    return run


def _our_name(name: str) -> str:
    module, kind = name.rsplit('.', 1)
    return f'{_NAMES[module]}.{kind}'


def formula(block: TPAVIBlock) -> Callable[[Tensor, Tensor], Tensor]:
    """Write the paper's block out, with its n x n matrix.

    Args:
        block (TPAVIBlock): Whose weights to use.

    Returns:
        Callable[[Tensor, Tensor], Tensor]: From map and sound to the map.
    """

    def run(x: Tensor, audio: Tensor) -> Tensor:
        pixels = x.permute(0, 2, 3, 1)  # (T, H, W, C)
        sound = block.audio_proj(audio)[:, None, None].expand_as(pixels)
        theta, phi, g = (
            project(rows).flatten(0, 2)
            for project, rows in (
                (block.theta, pixels),
                (block.phi, sound),
                (block.g, pixels),
            )
        )
        scores = theta @ phi.T / len(phi)  # (n, n)
        out = block.out_proj(scores @ g).view_as(pixels)
        out = block.bn(out.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return block.norm(pixels + out).permute(0, 3, 1, 2)

    return run


def contestants() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """Return our block and the other, by name.

    Returns:
        dict[str, Callable[[Tensor, Tensor], Tensor]]: ``'ours'`` and
        ``'published'`` or ``'formula'``.
    """
    block = make_block()

    def ours(x: Tensor, audio: Tensor) -> Tensor:
        return block(x, audio, [NUM_FRAMES])[0]

    if 'MMAVS_REFERENCE_ROOT' in os.environ:
        return {'ours': ours, 'published': published_block(block)}
    return {'ours': ours, 'formula': formula(block)}


def _resident_peak() -> int:
    """Highest resident set since the last reset, in bytes."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM:'):
            return 1024 * int(line.split()[1])
    raise RuntimeError('/proc/self/status has no VmHWM: is this Linux?')


@torch.no_grad()
def weigh(name: str, stage: int) -> int:
    """Measure one forward in this process, which should be fresh.

    Args:
        name (str): One of :func:`contestants`.
        stage (int): 1 to 4.

    Returns:
        int: Bytes.
    """
    run, inputs = contestants()[name], make_inputs(stage)
    small = (inputs[0][..., :2, :2].contiguous(), inputs[1])
    run(*small)  # libraries load
    Path('/proc/self/clear_refs').write_text('5')
    before = _resident_peak()
    run(*inputs)
    return _resident_peak() - before


def weigh_apart(name: str, stage: int) -> int:
    """Do the same in a process of its own.

    Args:
        name (str): One of :func:`contestants`.
        stage (int): 1 to 4.

    Returns:
        int: Bytes.
    """
    command = [sys.executable, __file__, '--weigh', name]
    command += ['--stage', str(stage)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


@torch.no_grad()
def compare(stage: int, turns: int) -> dict:
    """Measure everything.

    Args:
        stage (int): 1 to 4.
        turns (int): Times that the other side runs; ours runs three times as
            often, since noise distorts the short one.

    Returns:
        dict: Names, medians, peaks, ratios and the largest difference.
    """
    runners, inputs = contestants(), make_inputs(stage)
    other = next(name for name in runners if name != 'ours')
    results = {name: run(*inputs) for name, run in runners.items()}
    taken: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(turns):
        for name, run in runners.items():
            for _ in range(3 if name == 'ours' else 1):
                start = time.perf_counter()
                run(*inputs)
                taken[name].append(time.perf_counter() - start)
    seconds = {name: statistics.median(t) for name, t in taken.items()}
    peaks = {name: weigh_apart(name, stage) for name in runners}
    difference = (results['ours'] - results[other]).abs().max().item()
    return dict(
        other=other,
        stage=stage,
        threads=torch.get_num_threads(),
        pixels=inputs[0][:, 0].numel(),
        ours_ms=1e3 * seconds['ours'],
        other_ms=1e3 * seconds[other],
        times_faster=seconds[other] / seconds['ours'],
        ours_mib=peaks['ours'] / 2**20,
        other_mib=peaks[other] / 2**20,
        memory_share=peaks['ours'] / peaks[other],
        max_difference=difference,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').splitlines()[0]
    )
    parser.add_argument('--json', action='store_true', help='print JSON only')
    parser.add_argument(
        '--stage', type=int, choices=STRIDES, default=1, help='default: 1'
    )
    parser.add_argument('--turns', type=int, default=5, help='default: 5')
    parser.add_argument('--weigh', metavar='NAME', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.weigh:
        print(weigh(args.weigh, args.stage))
        return
    report = compare(args.stage, args.turns)
    if args.json:
        print(json.dumps(report))
        return
    other = report['other']
    print(
        f'stage {args.stage}, {report["pixels"]} pixels, '
        f'{report["threads"]} threads, torch {torch.__version__}\n'
        f'ours       {report["ours_ms"]:10.1f} ms {report["ours_mib"]:9.1f} '
        f'MiB\n{other:10s} {report["other_ms"]:10.1f} ms '
        f'{report["other_mib"]:9.1f} MiB\n'
        f'{report["times_faster"]:.1f} times faster, '
        f'{report["memory_share"]:.2%} of the peak memory, equal within '
        f'{report["max_difference"]:.1e}'
    )


if __name__ == '__main__':
    main()
