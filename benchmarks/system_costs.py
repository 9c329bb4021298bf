"""Costs of a system: parameters, operations, time and memory of a clip.

    python -m benchmarks.system_costs CONFIG [--device cpu|cuda]

prints the memory in bytes that segmenting one clip adds to this process. The
other figures are functions for ``benchmarks.compare_systems``. The weights are
random, because no figure depends on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mmavs  # noqa: F401  registers everything
import torch
from mmavs.apis.flops import count_flops, random_inputs
from mmavs.config_file import check_entries, read_config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from benchmarks.memory import added_memory, print_memory, run_in_new_process
from benchmarks.timing import time_in_turns

#: Frames of the clip.
NUM_FRAMES = 5


@dataclass(frozen=True)
class Segmenter:
    """A model and the inputs of one clip.

    Attributes:
        model (Any): An audio-visual segmentor in evaluation mode.
        clip (dict): Inputs as its data preprocessor makes them.
    """

    model: Any
    clip: dict[str, Any]

    def __call__(self, num_frames: int = NUM_FRAMES) -> None:
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
        config (str | Path): Its test pipeline sets the size of frames.
        device (str): 'cpu' or 'cuda'.

    Returns:
        Segmenter: Model and clip, on the device.

    Raises:
        FileNotFoundError: If the config is missing.
        ValueError: If it is of another type, or has no model or no test data.
    """
    cfg = read_config(config)
    check_entries(cfg, 'model', 'test_dataloader')
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(device).eval()
    model.requires_grad_(False)  # torch's counter adds hooks otherwise
    clip = random_inputs(cfg, NUM_FRAMES, device=device)
    return Segmenter(model, clip)


def count_parameters(segmenter: Segmenter) -> int:
    """Count all parameters, including frozen ones."""
    return sum(p.numel() for p in segmenter.model.parameters())


def gflops_per_frame(segmenter: Segmenter) -> float:
    """Count the floating-point operations of a frame, in 10^9.

    See :func:`mmavs.apis.flops.count_flops`.

    Args:
        segmenter (Segmenter): Model and clip.

    Returns:
        float: GFLOPs, the mean over the clip's frames.
    """
    return count_flops(segmenter)['Global'] / NUM_FRAMES / 1e9


def frames_per_second(
    segmenters: Mapping[str, Segmenter], rounds: int, device: str
) -> dict[str, float]:
    """Time several systems in turns.

    Args:
        segmenters (Mapping[str, Segmenter]): By name.
        rounds (int): Clips that each segments after one to warm up.
        device (str): 'cpu' or 'cuda'.

    Returns:
        dict[str, float]: Frames per second, by the median time of a clip.
    """
    timings = time_in_turns(segmenters, rounds, device=device)
    return {
        name: NUM_FRAMES / timing.median for name, timing in timings.items()
    }


def peak_memory(config: str | Path, device: str) -> int | None:
    """Measure in a new process what segmenting a clip adds to its memory.

    Args:
        config (str | Path): Config of the system.
        device (str): 'cpu' or 'cuda'.

    Returns:
        int | None: Bytes, or None: see :func:`added_memory`.
    """
    path = Path(config).resolve()
    return run_in_new_process(
        'benchmarks.system_costs', path, '--device', device
    )


def main() -> None:
    """Print the memory."""
    parser = argparse.ArgumentParser(description='Measure memory of a clip.')
    parser.add_argument('config')
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    args = parser.parse_args()
    segmenter = build_segmenter(args.config, args.device)
    segmenter(1)  # loads libraries
    print_memory(added_memory(segmenter, args.device))


if __name__ == '__main__':
    main()
