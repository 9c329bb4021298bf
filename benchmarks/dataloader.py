"""Time the loading of clips: plain, cached, packed, and as published.

    python -m benchmarks.dataloader [--systems tpavi aavs] [--json FILE]

writes clips like those of S4 into a temporary folder, with five JPEG frames
of 224 x 224, coloured PNG labels and 5 s of sound, and loads them one by one
in this process by the test pipeline of each system:

- plain: every file is decoded;
- cached: log-mels come from ``LogMel(cache_dir=...)``;
- packed: the option ``pack_dir`` of the data set;
- packed, normalised: and the frames pass the data preprocessor, as the
  published loaders normalise them;
- published: the published data set, if MMAVS_REFERENCE_ROOT is set. TPAVI and
  AVSegFormer read log-mels that were computed before; the embedding of AAVS
  is left out.

They take turns. The files are in the page cache of the system.
"""

from __future__ import annotations

import argparse
import copy
import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from mmavs.atomic_file import write_json
from mmavs.datasets import BaseClipDataset
from mmavs.datasets.metainfo import AVSBENCH_CLASSES, AVSBENCH_PALETTE
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks import published_loaders
from benchmarks.timing import time_in_turns

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SYSTEMS = {
    'tpavi': 'tpavi/tpavi_r50_1xb4-15e_s4-224x224.py',
    'avsegformer': 'avsegformer/avsegformer_r50_1xb2-30e_s4-512x512.py',
    'aavs': 'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py',
}
NUM_FRAMES, SIZE, RATE = 5, 224, 16000


def write_clips(root: Path, num_clips: int) -> None:
    """Write clips of S4 in AVSBench-semantic's layout.

    Args:
        root (Path): A new folder.
        num_clips (int): Number of clips.
    """
    rng = np.random.default_rng(0)
    lines = ['vid,uid,s_min,s_sec,a_obj,split,label']
    for number in range(num_clips):
        name = f'clip_{number}'
        lines.append(f'{name},{name},0,0,{AVSBENCH_CLASSES[17]},test,v1s')
        folder = root / 'v1s' / name
        for kind in ('frames', 'labels_rgb'):
            (folder / kind).mkdir(parents=True)
        # Smooth parts and texture: about 15 kB per frame, as in AVSBench.
        coarse = rng.integers(0, 256, (12, 12, 3), np.uint8)
        scene = Image.fromarray(coarse).resize(
            (SIZE, SIZE), Image.Resampling.BICUBIC
        )
        for t in range(NUM_FRAMES):
            noise = rng.normal(0, 12, (SIZE, SIZE, 3))
            frame = (np.asarray(scene) + noise).clip(0, 255).astype(np.uint8)
            Image.fromarray(frame).save(folder / f'frames/{t}.jpg', quality=75)
            label = np.zeros((SIZE, SIZE, 3), np.uint8)
            rows, columns = np.ogrid[:SIZE, :SIZE]
            inside = (rows - 112) ** 2 + (columns - 60 - 20 * t) ** 2 < 50**2
            label[inside] = AVSBENCH_PALETTE[17]
            Image.fromarray(label).save(folder / f'labels_rgb/{t}.png')
        sound = rng.normal(0, 0.1, NUM_FRAMES * RATE)
        soundfile.write(folder / 'audio.wav', sound, RATE)
    (root / 'metadata.csv').write_text('\n'.join(lines) + '\n')


def build_dataset(
    cfg: Config, root: Path, *, cached: bool = False, packed: bool = False
) -> BaseClipDataset:
    """Build the test set of a config on the clips.

    Args:
        cfg (Config): The config.
        root (Path): Folder of :func:`write_clips`.
        cached (bool): Cache log-mels.
        packed (bool): Pack clips.

    Returns:
        BaseClipDataset: The data set.
    """
    options = copy.deepcopy(cfg.test_dataloader.dataset)
    options.data_root = str(root)
    for step in options.pipeline:
        if step.type == 'LogMel':
            step.cache_dir = str(root / 'log_mels') if cached else None
    if packed:
        options.pack_dir = str(root / 'packed')
    return DATASETS.build(options)


def make_loaders(
    system: str, root: Path
) -> dict[str, Callable[[int], dict | tuple]]:
    """Make functions that load a clip.

    Args:
        system (str): One of ``SYSTEMS``.
        root (Path): Folder of :func:`write_clips`.

    Returns:
        dict[str, Callable[[int], dict | tuple]]: By name; from the clip's
        place to the clip.
    """
    cfg = Config.fromfile(CONFIGS / SYSTEMS[system])
    init_default_scope('mmseg')
    plain = build_dataset(cfg, root)
    packed = build_dataset(cfg, root, packed=True)
    preprocess = MODELS.build(cfg.model.data_preprocessor)

    def normalised(index: int) -> dict:
        item = packed[index]
        inputs = {key: [rows] for key, rows in item['inputs'].items()}
        samples = [item['data_samples']]
        return preprocess(dict(inputs=inputs, data_samples=samples))

    loaders: dict[str, Callable[[int], Any]] = {
        'plain': plain.__getitem__,
        'cached': build_dataset(cfg, root, cached=True).__getitem__,
        'packed': packed.__getitem__,
        'packed, normalised': normalised,
    }
    reason = published_loaders.why_not(system)
    if reason is None:
        clips = [
            dict(clip, log_mel=plain[i]['inputs']['audio'].numpy())
            for i, clip in enumerate(plain.list_clips())
        ]
        published = published_loaders.build(system, clips, root)
        loaders['published'] = published.__getitem__
    else:
        print(f'Only mmavs is timed: {reason}.')
    return loaders


def check_equal(loaders: dict[str, Callable[[int], Any]]) -> float | None:
    """Check that packed clips are equal to plain ones.

    Args:
        loaders (dict[str, Callable[[int], Any]]): From :func:`make_loaders`.

    Returns:
        float | None: Largest difference of a normalised pixel from the
        published one; None without it.

    Raises:
        RuntimeError: If a packed clip differs.
    """
    plain = loaders['plain'](0)
    for _ in range(2):  # written, and read
        packed = loaders['packed'](0)
        pairs = zip(plain['data_samples'], packed['data_samples'], strict=True)
        equal = all(
            torch.equal(rows, packed['inputs'][key])
            for key, rows in plain['inputs'].items()
        ) and all(
            torch.equal(one.gt_sem_seg.data, other.gt_sem_seg.data)
            for one, other in pairs
        )
        if not equal:
            raise RuntimeError('a packed clip differs from the plain one')
    if 'published' not in loaders:
        return None
    item = loaders['published'](0)
    theirs = item[0] if isinstance(item, tuple) else item['pixel_values']
    ours = loaders['packed, normalised'](0)['inputs']['frames']
    return (ours - theirs).abs().max().item()


def measure(system: str, root: Path, rounds: int) -> dict[str, Any]:
    """Time the loaders of a system in turns.

    Args:
        system (str): One of ``SYSTEMS``.
        root (Path): Folder of :func:`write_clips`.
        rounds (int): How often each loads all clips, after once to warm up
            and to fill the stores.

    Returns:
        dict[str, Any]: ``max_difference`` of :func:`check_equal`, and
        ``loaders``: for each ``clips_per_second`` (median), ``spread`` (of
        the seconds of a clip) and ``cpu_ms_per_clip``.
    """
    loaders = make_loaders(system, root)
    difference = check_equal(loaders)
    num_clips = len(list((root / 'v1s').iterdir()))

    def load_all(load: Callable[[int], Any]) -> None:
        for index in range(num_clips):
            load(index)

    timings = time_in_turns(
        {n: functools.partial(load_all, load) for n, load in loaders.items()},
        rounds,
    )
    return dict(
        max_difference=difference,
        loaders={
            name: dict(
                clips_per_second=num_clips / timing.median,
                spread=timing.spread / num_clips,
                cpu_ms_per_clip=1e3 * timing.cpu / num_clips,
            )
            for name, timing in timings.items()
        },
    )


def make_table(systems: dict[str, dict[str, Any]]) -> Table:
    """Lay the results out.

    Args:
        systems (dict[str, dict[str, Any]]): By name, from :func:`measure`.

    Returns:
        Table: One line per system and loader.
    """
    table = Table(
        'system',
        'loader',
        'clips/s',
        'CPU ms per clip',
        'times as fast as published (CPU)',
    )
    for system, result in systems.items():
        theirs = result['loaders'].get('published')
        for name, row in result['loaders'].items():
            cpu = row['cpu_ms_per_clip']
            table.add_row(
                system,
                name,
                f'{row["clips_per_second"]:.0f}',
                f'{cpu:.2f}',
                f'{theirs["cpu_ms_per_clip"] / cpu:.1f}' if theirs else '',
            )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--systems', nargs='+', choices=SYSTEMS, default=[*SYSTEMS]
    )
    parser.add_argument('--clips', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--json', type=Path, metavar='FILE')
    args = parser.parse_args()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        write_clips(Path(folder), args.clips)
        systems = {
            system: measure(system, Path(folder), args.rounds)
            for system in args.systems
        }
    report = dict(
        clips=args.clips,
        rounds=args.rounds,
        torch=torch.__version__,
        load_average_before=load,
        load_average_after=os.getloadavg()[0],
        systems=systems,
    )
    if args.json:
        write_json(args.json, report)
    Console(width=120).print(make_table(systems))


if __name__ == '__main__':
    main()
