"""Write a tiny data set in AVSBench's layout, for tests.

Frames are a smooth ramp with a square of the clip's class colour, which moves
a little with every frame; labels mark that square; the sound is a tone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from mmavs.datasets.avsbench import NUM_FRAMES
from mmavs.datasets.metainfo import AVSBENCH_CLASSES, AVSBENCH_PALETTE
from PIL import Image


class Clip(NamedTuple):
    """A clip to write; ``class_id`` is the class that is seen and sounds."""

    subset: str
    split: str
    uid: str
    class_id: int = 17
    frame_size: tuple[int, int] = (48, 64)
    sample_rate: int = 16000


#: One clip of each subset and split, of different sizes.
ONE_OF_EACH = tuple(
    Clip(subset, split, f'{subset}-{split}', class_id, size)
    for subset, class_id, size in (
        ('v1s', 17, (48, 64)),
        ('v1m', 28, (60, 40)),
        ('v2', 70, (32, 32)),
    )
    for split in ('train', 'val', 'test')
)


def write_avsbench_tree(
    root: Path, clips: Sequence[Clip] = ONE_OF_EACH
) -> Path:
    """Write ``metadata.csv``, ``label2idx.json`` and the clips below root."""
    root.mkdir(parents=True, exist_ok=True)
    with open(root / 'metadata.csv', 'w', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow('vid uid s_min s_sec a_obj split label'.split())
        for clip in clips:
            name = AVSBENCH_CLASSES[clip.class_id]
            row = [clip.uid, clip.uid, 0, 0, name, clip.split, clip.subset]
            writer.writerow(row)
    ids = {name: i for i, name in enumerate(AVSBENCH_CLASSES, start=1)}
    (root / 'label2idx.json').write_text(json.dumps(ids))
    for clip in clips:
        _write_clip(root / clip.subset / clip.uid, clip)
    return root


def write_mask_directory(
    root: Path,
    clips: Sequence[Clip] = ONE_OF_EACH,
    *,
    size: tuple[int, int] = (224, 224),
    checkpoint_hash: str = 'k' * 64,
) -> Path:
    """Write masks as ``MaskDump`` does: a growing box in every clip."""
    listed = []
    for clip in clips:
        folder = root / clip.subset / clip.uid
        folder.mkdir(parents=True)
        num_frames = NUM_FRAMES[clip.subset]
        for t in range(num_frames):
            mask = np.zeros(size, dtype=np.uint8)
            mask[: (t + 1) * size[0] // num_frames, : size[1] // 2] = 255
            Image.fromarray(mask).save(folder / f'{t}.png')
        listed.append(
            dict(subset=clip.subset, clip_id=clip.uid, num_frames=num_frames)
        )
    index = dict(
        config_hash='c' * 64,
        checkpoint_hash=checkpoint_hash,
        mode='hard',
        clips=listed,
    )
    (root / 'index.json').write_text(json.dumps(index))
    return root


def square_of_frame(clip: Clip, t: int) -> tuple[slice, slice]:
    """Rows and columns of the labelled square of frame t."""
    height, width = clip.frame_size
    top, left = height // 4, width // 4 + t
    return slice(top, top + height // 3), slice(left, left + width // 3)


def _write_clip(folder: Path, clip: Clip) -> None:
    num_frames = NUM_FRAMES[clip.subset]
    for name in ('frames', 'labels_rgb', 'labels_semantic'):
        (folder / name).mkdir(parents=True)
    for t in range(num_frames):
        ids = np.zeros(clip.frame_size, dtype=np.uint8)
        ids[square_of_frame(clip, t)] = clip.class_id
        ramp = np.linspace(40, 160, clip.frame_size[1]).astype(np.uint8)
        frame = np.empty((*clip.frame_size, 3), dtype=np.uint8)
        frame[:] = ramp[None, :, None]
        frame[ids > 0] = AVSBENCH_PALETTE[clip.class_id]
        Image.fromarray(frame).save(folder / f'frames/{t}.jpg', quality=95)
        colours = Image.fromarray(AVSBENCH_PALETTE[ids])
        colours.save(folder / f'labels_rgb/{t}.png')
        Image.fromarray(ids).save(folder / f'labels_semantic/{t}.png')
    num_samples = int((num_frames + 0.02) * clip.sample_rate)
    seconds = np.arange(num_samples) / clip.sample_rate
    tone = 0.3 * np.sin(2 * np.pi * (200 + 20 * clip.class_id) * seconds)
    soundfile.write(folder / 'audio.wav', tone, clip.sample_rate)
