"""Compare TPAVI's attention with the published block in time and memory.

    python -m benchmarks.tpavi [--json] [--rounds 5] [--stage 1]

Both blocks get one clip of five frames of 224x224. With MMAVS_REFERENCE_ROOT
set to a folder with AVSBench at commit f7414af, the other block is its
TPAVIModule; otherwise it is the paper's formula with its n x n matrix,
n = T*H*W, written out below. Both have the same weights.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable
from pathlib import Path

import torch
from mmavs.models.tpavi import TPAVIBlock
from mmavs.testing import REFERENCE_ROOT, import_published
from torch import Tensor, nn

from benchmarks.memory import added_memory, print_memory, run_in_new_process
from benchmarks.timing import time_in_turns

CHANNELS, AUDIO_CHANNELS, NUM_FRAMES, SIZE = 256, 128, 5, 224
STRIDES = {1: 4, 2: 8, 3: 16, 4: 32}
_PUBLISHED = 'AVSBench/avs_scripts/avss/model/TPAVI.py'
#: Published names -> ours.
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
    """Make a block of the published width.

    Returns:
        TPAVIBlock: In evaluation mode, with seeded weights that differ from
        their neutral initial values, so that every part affects the output.
    """
    torch.manual_seed(0)
    block = TPAVIBlock(CHANNELS, AUDIO_CHANNELS, audio_bias=False)
    nn.init.uniform_(block.bn.weight, 0.5, 1.5)
    nn.init.uniform_(block.bn.bias, -0.5, 0.5)
    return block.eval()


def make_inputs(stage: int) -> tuple[Tensor, Tensor]:
    """Draw the feature map and the audio of a clip.

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
        block (TPAVIBlock): Our block.

    Returns:
        Callable[[Tensor, Tensor], Tensor]: From feature map and audio
        to the output map.
    """
    assert REFERENCE_ROOT is not None
    module = import_published(Path(REFERENCE_ROOT, _PUBLISHED))
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
    """Implement the paper's formula with its n x n matrix.

    Args:
        block (TPAVIBlock): Our block, whose weights are used.

    Returns:
        Callable[[Tensor, Tensor], Tensor]: From feature map and audio
        to the output map.
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

    if REFERENCE_ROOT is not None:
        return {'ours': ours, 'published': published_block(block)}
    return {'ours': ours, 'formula': formula(block)}


@torch.no_grad()
def measure_memory(name: str, stage: int) -> int | None:
    """Measure what one forward adds to this process's memory.

    Args:
        name (str): One of :func:`contestants`.
        stage (int): 1 to 4.

    Returns:
        int | None: As in :func:`added_memory`.
    """
    run, (x, audio) = contestants()[name], make_inputs(stage)
    run(x[..., :2, :2].contiguous(), audio)  # loads libraries
    return added_memory(lambda: run(x, audio))


@torch.no_grad()
def compare(stage: int, rounds: int) -> dict:
    """Measure both blocks.

    Args:
        stage (int): 1 to 4.
        rounds (int): Calls of the other block; ours is called three times as
            often.

    Returns:
        dict: Names, medians, peaks, ratios and the largest difference.
    """
    blocks, inputs = contestants(), make_inputs(stage)
    runners = {
        name: functools.partial(run, *inputs) for name, run in blocks.items()
    }
    other = next(name for name in runners if name != 'ours')
    difference = (runners['ours']() - runners[other]()).abs().max().item()
    timings = time_in_turns(runners, rounds, calls=dict(ours=3))
    report = dict(
        other=other,
        stage=stage,
        threads=torch.get_num_threads(),
        pixels=inputs[0][:, 0].numel(),
        ours_ms=1e3 * timings['ours'].median,
        other_ms=1e3 * timings[other].median,
        times_faster=timings[other].median / timings['ours'].median,
        max_difference=difference,
    )
    ours, theirs = (
        run_in_new_process(
            'benchmarks.tpavi', '--memory-of', name, '--stage', stage
        )
        for name in ('ours', other)
    )
    if ours is not None and theirs is not None:
        report['ours_mib'] = ours / 2**20
        report['other_mib'] = theirs / 2**20
        report['memory_share'] = ours / theirs
    return report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').splitlines()[0]
    )
    parser.add_argument('--json', action='store_true', help='print JSON only')
    parser.add_argument(
        '--stage', type=int, choices=STRIDES, default=1, help='default: 1'
    )
    parser.add_argument('--rounds', type=int, default=5, help='default: 5')
    parser.add_argument('--memory-of', metavar='NAME', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        print_memory(measure_memory(args.memory_of, args.stage))
        return
    report = compare(args.stage, args.rounds)
    if args.json:
        print(json.dumps(report))
        return
    print_report(report)


def print_report(report: dict) -> None:
    """Print what :func:`compare` returned."""
    print(
        f'stage {report["stage"]}, {report["pixels"]} pixels, '
        f'{report["threads"]} threads, torch {torch.__version__}'
    )
    for name, side in (('ours', 'ours'), (report['other'], 'other')):
        memory = (
            f'{report[f"{side}_mib"]:9.1f} MiB' if 'ours_mib' in report else ''
        )
        print(f'{name:10s} {report[f"{side}_ms"]:10.1f} ms {memory}')
    share = (
        f'{report["memory_share"]:.2%} of the peak memory, '
        if 'memory_share' in report
        else ''
    )
    print(
        f'{report["times_faster"]:.1f} times faster, {share}equal within '
        f'{report["max_difference"]:.1e}'
    )


if __name__ == '__main__':
    main()
