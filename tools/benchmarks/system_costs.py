"""What a system costs: parameters, operations, time and memory of a clip.

    python tools/benchmarks/system_costs.py CONFIG [--device cpu|cuda]

prints the memory in bytes that segmenting one clip adds to a process of its
own. The other figures are functions, which compare_systems.py uses. Weights
stay random: none of the figures depends on them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mmavs  # noqa: F401  registers everything
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

_NUM_FRAMES = 5
_CORNERS = 4
#: Linux: forgets the process's peak memory.
_CLEAR_PEAK = Path('/proc/self/clear_refs')


class Segmenter(NamedTuple):
    """A model and the inputs of one clip.

    Attributes:
        model (Any): An audio-visual segmentor in evaluation mode.
        clip (dict): What its data preprocessor would make.
    """

    model: Any
    clip: dict[str, Any]

    def __call__(self, num_frames: int = _NUM_FRAMES) -> None:
        """Segment the first frames of the clip."""
        rows = {
            key: value[:num_frames]
            for key, value in self.clip.items()
            if key != 'num_frames'
        }
        with torch.no_grad():
            self.model.predict(dict(rows, num_frames=[num_frames]))


def build_segmenter(config: str | Path, device: str) -> Segmenter:
    """Build a config's model and a random clip of five seconds.

    Args:
        config (str | Path): Its test pipeline says how large frames are.
        device (str): 'cpu' or 'cuda'.

    Returns:
        Segmenter: Both, on the device.
    """
    cfg = Config.fromfile(config)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(device).eval()
    model.requires_grad_(False)  # torch's counter hooks what requires one
    (size,) = (
        step['frame_size']
        for step in cfg.test_dataloader.dataset.pipeline
        if 'frame_size' in step
    )
    clip = dict(
        frames=torch.randn(_NUM_FRAMES, 3, *size).to(device),
        log_mel=torch.randn(_NUM_FRAMES, 1, 96, 64).to(device),
    )
    return Segmenter(model, clip)


def count_parameters(segmenter: Segmenter) -> int:
    """Count all parameters, frozen ones too."""
    return sum(p.numel() for p in segmenter.model.parameters())


def gflops_per_frame(segmenter: Segmenter) -> float:
    """Count the floating-point operations of a frame, in 10^9.

    A multiplication and the addition that follows count two, as in
    ``torch.utils.flop_counter``: convolutions, matrix products and attention.
    Deformable attention is added by its formula. Other operations count
    nothing.

    Args:
        segmenter (Segmenter): Model and clip.

    Returns:
        float: GFLOPs, the mean over the clip's frames.
    """
    attend = torch.ops.mmavs_ops.ms_deform_attn
    counter = FlopCounterMode(
        display=False, custom_mapping={attend: deformable_attention_flops}
    )
    # The counter does not know the fused kernels of the CPU, so attention is
    # taken apart into the products that it is made of.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), counter:
            segmenter()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() / _NUM_FRAMES / 1e9


def deformable_attention_flops(
    value: tuple[int, ...],
    shapes: tuple[int, ...],
    starts: tuple[int, ...],
    locations: tuple[int, ...],
    weights: tuple[int, ...],
    **kwargs: object,
) -> int:
    """Count the operations of multi-scale deformable attention.

    Each point of each query and head reads four corners, and each channel of
    a corner is multiplied and added once.

    Args:
        value (tuple[int, ...]): Shape (N, S, M, D).
        shapes (tuple[int, ...]): Not used.
        starts (tuple[int, ...]): Not used.
        locations (tuple[int, ...]): Not used.
        weights (tuple[int, ...]): Shape (N, Q, M, L, P).
        **kwargs (object): Shape of the output; not used.

    Returns:
        int: 8 * N * Q * M * L * P * D.
    """
    points = torch.Size(weights).numel()
    return 2 * _CORNERS * points * value[-1]


def frames_per_second(
    segmenters: Mapping[str, Segmenter], rounds: int
) -> dict[str, float]:
    """Time several systems in turns, so that all have the same machine.

    Args:
        segmenters (Mapping[str, Segmenter]): By name.
        rounds (int): Clips that each segments after one to warm up.

    Returns:
        dict[str, float]: Frames a second by the median time of a clip.
    """
    seconds: dict[str, list[float]] = {name: [] for name in segmenters}
    for turn in range(rounds + 1):
        for name, segment in segmenters.items():
            _wait(segment)
            begin = time.perf_counter()
            segment()
            _wait(segment)
            if turn:
                seconds[name].append(time.perf_counter() - begin)
    return {
        name: _NUM_FRAMES / statistics.median(times)
        for name, times in seconds.items()
    }


def _wait(segmenter: Segmenter) -> None:
    if segmenter.clip['frames'].is_cuda:
        torch.cuda.synchronize()


def peak_memory(config: str | Path, device: str) -> int | None:
    """Measure in a new process what segmenting a clip adds to its memory.

    Args:
        config (str | Path): Config of the system.
        device (str): 'cpu' or 'cuda'.

    Returns:
        int | None: Bytes; None where the system does not tell (CPU memory
        other than on Linux).
    """
    # glibc keeps what is freed, which later peaks would hide in.
    env = dict(
        os.environ, MALLOC_TRIM_THRESHOLD_='0', MALLOC_MMAP_THRESHOLD_='65536'
    )
    command = [sys.executable, __file__, str(config), '--device', device]
    run = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise RuntimeError(f'{" ".join(command)} failed:\n{run.stderr}')
    printed = run.stdout.split()[-1]
    return None if printed == 'unknown' else int(printed)


def _added_memory(segmenter: Segmenter, device: str) -> int | None:
    """Bytes that segmenting a clip adds to this process; median of three."""
    segmenter(1)  # loads libraries
    if device == 'cpu' and not _CLEAR_PEAK.exists():
        return None
    added = _added_on_cuda if device == 'cuda' else _added_on_cpu
    return sorted(added(segmenter) for _ in range(3))[1]


def _added_on_cuda(segmenter: Segmenter) -> int:
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    segmenter()
    return torch.cuda.max_memory_allocated() - before


def _added_on_cpu(segmenter: Segmenter) -> int:
    _CLEAR_PEAK.write_text('5')
    before = _status_bytes('VmRSS')
    segmenter()
    return _status_bytes('VmHWM') - before


def _status_bytes(name: str) -> int:
    """Read a line such as 'VmRSS:   1234 kB'."""
    lines = Path('/proc/self/status').read_text('utf-8').splitlines()
    (line,) = (line for line in lines if line.startswith(f'{name}:'))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print the memory."""
    parser = argparse.ArgumentParser(description='Measure memory of a clip.')
    parser.add_argument('config')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    args = parser.parse_args()
    segmenter = build_segmenter(args.config, args.device)
    added = _added_memory(segmenter, args.device)
    print('unknown' if added is None else added)


if __name__ == '__main__':
    main()
