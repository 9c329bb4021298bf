"""Published data sets on the clips of a data set of this project.

Their files are written in the layout that the published code reads, from the
decoded frames, so that both load the same pixels.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import pickle
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from mmavs.testing import aavs as published_aavs
from mmavs.testing import published_code
from PIL import Image

_FOLDERS = {
    'tpavi': 'AVSBench/avs_scripts/avs_s4',
    'avsegformer': 'AVSegFormer/dataloader',
}
_CATEGORY = 'any'


def why_not(system: str) -> str | None:
    """Return why the published data set cannot be used, or None.

    Args:
        system (str): 'aavs', 'avsegformer' or 'tpavi'.

    Returns:
        str | None: The reason.
    """
    if system == 'aavs':
        return published_aavs.why_not()
    reason = published_code.why_not(_FOLDERS[system])
    if reason is not None:
        return reason
    absent = [
        name
        for name in ('pandas', 'torchvision')
        if importlib.util.find_spec(name) is None
    ]
    return (
        f'the published loaders need {", ".join(absent)}' if absent else None
    )


def build(system: str, clips: Sequence[dict], root: Path) -> Any:
    """Build the published test set of S4.

    AAVS computes VGGish's embedding while it loads a clip; here that takes
    no time.

    Args:
        system (str): 'aavs', 'avsegformer' or 'tpavi'.
        clips (Sequence[dict]): Entries of a data set of this project, with
            ``log_mel`` (T, 1, 96, 64).
        root (Path): Root of that data set, in AVSBench-semantic's layout,
            which AAVS reads; the others' files are written below it.

    Returns:
        Any: The data set, in the order of the clips.
    """
    if system == 'aavs':
        return _build_aavs(root)
    files = root / 'object'
    if not files.is_dir():
        _write_object_layout(clips, files)
    data = SimpleNamespace(
        ANNO_CSV=files / 'meta.csv',
        DIR_IMG=files / 'frames',
        DIR_AUDIO_LOG_MEL=files / 'log_mel',
        DIR_MASK=files / 'masks',
    )
    settings: Any = ModuleType('config')
    settings.cfg = SimpleNamespace(DATA=data)
    folder = Path(str(published_code.REFERENCE_ROOT), _FOLDERS[system])
    name = 'dataloader' if system == 'tpavi' else 's4_dataset'
    with published_code.importable(folder, (name,), {'config': settings}):
        module: Any = importlib.import_module(name)
    if system == 'tpavi':
        return module.S4Dataset('test')
    names = {key.lower(): str(path) for key, path in vars(data).items()}
    return module.S4Dataset('test', SimpleNamespace(**names))


def _build_aavs(root: Path) -> Any:
    published = published_aavs.import_package(1)
    module = published.dataset
    processor = published_aavs.image_processor(published.transformers)
    with mock.patch.object(
        module.Mask2FormerImageProcessor,
        'from_pretrained',
        return_value=processor,
    ):
        args = SimpleNamespace(data_path=str(root), model_dir=None)
        dataset = module.AVSBench(args, 'test', 'v1s')
    dataset.get_audio_emb = lambda path: torch.zeros(5, 128)
    return dataset


def _write_object_layout(clips: Sequence[dict], root: Path) -> None:
    """Write AVSBench-object: PNG frames, 1-bit masks, pickled log-mels."""
    rows = []
    for clip in clips:
        name = clip['clip_id']
        rows.append([name, 'x', _CATEGORY, 'test'])
        for kind in ('frames', 'masks', 'log_mel'):
            folder = root / kind / 'test' / _CATEGORY
            (folder if kind == 'log_mel' else folder / name).mkdir(
                parents=True, exist_ok=True
            )
        place = Path('test', _CATEGORY, name)
        for t, (frame, mask) in enumerate(
            zip(clip['frame_paths'], clip['mask_paths'], strict=True), 1
        ):
            Image.open(frame).save(root / 'frames' / place / f'{name}_{t}.png')
            sounding = np.array(Image.open(mask).convert('RGB')).max(-1) > 0
            picture = Image.fromarray(sounding)
            picture.save(root / 'masks' / place / f'{name}_{t}.png')
        with open(root / 'log_mel' / f'{place}.pkl', 'wb') as file:
            pickle.dump(torch.from_numpy(clip['log_mel']), file)
    with open(root / 'meta.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['name', 'start', 'category', 'split'])
        writer.writerows(rows)
