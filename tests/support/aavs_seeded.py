"""Seeded weights and inputs, equal on both sides of a parity check.

The published AAVS model and ours are compared with random numbers. Every
tensor is drawn by numpy's ``RandomState``, whose streams numpy has frozen,
from a seed made of the tensor's own name. So a tensor depends neither on the
order of the names nor on the library that asks for it, and the expected
numbers in ``tests/data/aavs`` stay valid.
"""

import json
import re
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

DATA_DIR = Path(__file__).parents[1] / 'data' / 'aavs'
STAGE1_KEYS = DATA_DIR / 'stage1_keys.json'
STAGE2_KEYS = DATA_DIR / 'stage2_keys.json'
HF_KEYS = DATA_DIR / 'hf_swin_base_ade_keys.json'
WINDOW = 12
MATCHER_POINTS = 12544


def load_keys(path: Path) -> dict[str, tuple[int, ...]]:
    """Read names and shapes of a published checkpoint.

    Args:
        path (Path): JSON file {name: shape}; ``{0..8}`` in a name stands for
            the nine names with 0 to 8 in its place.

    Returns:
        dict[str, tuple[int, ...]]: Shape of every tensor.
    """
    keys: dict[str, tuple[int, ...]] = {}
    for pattern, shape in json.loads(path.read_text()).items():
        for name in _expand(pattern):
            keys[name] = tuple(shape)
    return keys


def seeded_state_dict(
    keys: dict[str, tuple[int, ...]],
    seed: int = 0,
    gains: dict[str, float] | None = None,
) -> dict[str, Tensor]:
    """Draw weights for a published checkpoint's names.

    Args:
        keys (dict[str, tuple[int, ...]]): Shape of every tensor.
        seed (int): Other seeds give other weights.
        gains (dict[str, float] | None): Factor for the tensors whose names
            hold a regular expression.

    Returns:
        dict[str, Tensor]: float32, except the Swin's position indices.
    """
    weights = {
        name: _draw_weight(name, shape, seed) for name, shape in keys.items()
    }
    for pattern, gain in (gains or {}).items():
        found = [name for name in weights if re.search(pattern, name)]
        assert found, pattern
        for name in found:
            weights[name] = gain * weights[name]
    return weights


def seeded_frames(num_frames: int, size: int = 384, seed: int = 0) -> Tensor:
    """Draw RGB frames with large and small structures.

    Args:
        num_frames (int): T.
        size (int): Height and width; a multiple of 16.
        seed (int): Other seeds give other frames.

    Returns:
        Tensor: (T, 3, size, size) uint8.
    """
    rng = _rng('frames', seed)
    coarse = rng.uniform(20, 235, (num_frames, 3, size // 16, size // 16))
    frames = coarse.repeat(16, axis=2).repeat(16, axis=3)
    frames += rng.uniform(-20, 20, frames.shape)
    return torch.from_numpy(frames.round().astype(np.uint8))


def seeded_audio(num_frames: int, seed: int = 0) -> Tensor:
    """Draw signed audio vectors in the range VGGish has before its ReLU.

    Args:
        num_frames (int): T.
        seed (int): Other seeds give other vectors.

    Returns:
        Tensor: (T, 128) in [-2.5, 2.5], float32 numbers in the default
        dtype.
    """
    values = _rng('audio', seed).uniform(-2.5, 2.5, (num_frames, 128))
    return _as_default_dtype(values)


def seeded_masks(num_frames: int, size: int = 224) -> Tensor:
    """Masks of every kind: a disc, silence, everything, two boxes, a sliver.

    Args:
        num_frames (int): T.
        size (int): Height and width.

    Returns:
        Tensor: (T, size, size) int64 of 0 and 1; frame t has the kind t % 5.
    """
    grid = torch.arange(size)
    y, x = torch.meshgrid(grid, grid, indexing='ij')
    boxes = ((y < 60) & (x > 150)) | ((y > 130) & (x < 90))
    kinds = [
        (y - 100) ** 2 + (x - 130) ** 2 < 60**2,
        torch.zeros_like(boxes),
        torch.ones_like(boxes),
        boxes,
        x == 17,
    ]
    return torch.stack([kinds[t % 5] for t in range(num_frames)]).long()


def seeded_classes(num_frames: int, size: int = 224) -> Tensor:
    """The masks of :func:`seeded_masks` with one or two of 71 classes each.

    Args:
        num_frames (int): T.
        size (int): Height and width.

    Returns:
        Tensor: (T, size, size) int64; frame t shows class 10 t + 7 and, in
        its lower half, class 70 - t.
    """
    masks = seeded_masks(num_frames, size)
    classes = 10 * torch.arange(num_frames).view(-1, 1, 1) + 7 * masks
    classes = torch.where(masks > 0, classes, 0)
    lower = masks.clone()
    lower[:, : size // 2] = 0
    others = 70 - torch.arange(num_frames).view(-1, 1, 1)
    return torch.where(lower > 0, others, classes)


def seeded_prior(num_frames: int, size: int = 224) -> np.ndarray:
    """A prior that is sure in most pixels and unsure in some.

    Args:
        num_frames (int): T.
        size (int): Height and width.

    Returns:
        np.ndarray: (T, size, size) uint8, the masks of :func:`seeded_masks`
        as 0 and 255; a band of every second frame rises from 0 to 255.
    """
    prior = 255 * seeded_masks(num_frames, size).numpy().astype(np.uint8)
    ramp = np.linspace(0, 255, size).round().astype(np.uint8)
    prior[::2, size // 2 : size // 4 * 3] = ramp
    return prior


class RepeatedPoints:
    """Stand-in for ``torch.rand`` that gives each prediction equal points.

    The two libraries visit the ten predictions in another order. With points
    that depend on the tensor's size alone (and, in the matcher, which draws
    once per frame, on the frame) the order does not matter.

    Args:
        num_frames (int): T.
    """

    def __init__(self, num_frames: int) -> None:
        self.num_frames = num_frames
        self.calls: dict[tuple[int, ...], int] = {}

    def __call__(self, *size, **kwargs) -> Tensor:
        """Draw points in [0, 1); takes what ``torch.rand`` takes."""
        shape = tuple(size[0]) if len(size) == 1 else tuple(size)
        call = self.calls.get(shape, 0)
        self.calls[shape] = call + 1
        turn = call % self.num_frames if shape[1] == MATCHER_POINTS else 0
        values = _rng(f'points {shape} {turn}', 0).random_sample(shape)
        # The largest float32 below one: a rounding to 1.0 is not in [0, 1).
        return _as_default_dtype(np.minimum(values, 1 - 2.0**-24))


def _expand(pattern: str) -> list[str]:
    match = re.search(r'\{(\d+)\.\.(\d+)\}', pattern)
    if match is None:
        return [pattern]
    first, last = int(match[1]), int(match[2])
    return [
        name
        for i in range(first, last + 1)
        for name in _expand(pattern.replace(match[0], str(i), 1))
    ]


def _as_default_dtype(values: np.ndarray) -> Tensor:
    """Round to float32, so that float64 tests see the same numbers."""
    rounded = torch.from_numpy(values.astype(np.float32))
    return rounded.to(torch.get_default_dtype())


def _rng(name: str, seed: int) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(f'{seed}/{name}'.encode()))


def _draw_weight(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    if name.endswith('relative_position_index'):
        return _window_position_index()
    if name.endswith('empty_weight'):
        return torch.tensor([1.0] * (shape[0] - 1) + [0.1])
    low, high = _bounds(name, shape)
    values = _rng(name, seed).uniform(low, high, shape)
    return torch.from_numpy(values.astype(np.float32))


def _bounds(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Range that keeps every branch of the network at work."""
    if name.endswith('sampling_offsets.bias'):
        half = 4.0  # pixels of the sampled level
    elif name.endswith('sampling_offsets.weight'):
        half = 0.05
    elif 'level_embed' in name or '.queries_' in name:
        half = 3.0**0.5  # unit variance
    elif name.endswith('relative_position_bias_table'):
        half = 1.0
    elif name.endswith('bias'):
        half = 0.1
    elif len(shape) == 1:
        return 0.8, 1.2  # the scale of a normalisation
    else:
        half = (3.0 / np.prod(shape[1:])) ** 0.5  # keeps the variance
    return -half, half


def _window_position_index() -> Tensor:
    """Index of Swin's bias table for a pair of window pixels.

    Pixels p, q at (py, px), (qy, qx): row
    (py - qy + 11) * 23 + (px - qx + 11) of the 23 * 23 rows.
    """
    side = torch.arange(WINDOW)
    y = side.repeat_interleave(WINDOW)
    x = side.repeat(WINDOW)
    dy = y[:, None] - y[None] + WINDOW - 1
    dx = x[:, None] - x[None] + WINDOW - 1
    return dy * (2 * WINDOW - 1) + dx
