"""The masks of a video: a folder of PNG files with an index."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..atomic_file import write_json
from ..fingerprint import hash_file
from .working_folder import working_folder

INDEX = 'masks.json'
_FORMAT = 'mmavs video masks 1'


def check_mask_folder(folder: Path) -> None:
    """Raise an error unless the masks of a video may be written to a folder.

    Args:
        folder (Path): The folder. It may be missing or empty, or contain the
            masks of an earlier run that its ``masks.json`` lists.

    Raises:
        ValueError: If it contains any other file, or a mask that was changed
            after it was written.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f'{folder}: expected a folder, got a file.')
    listed = _read_index(folder)
    for path in sorted(folder.iterdir()):
        if path.name == INDEX and listed is not None:
            continue
        if not path.is_file() or path.is_symlink():
            reason = 'which is not a mask'
        elif path.name not in (listed or {}):
            reason = f'which is in no {INDEX} of an earlier run'
        elif hash_file(path) != (listed or {})[path.name]:
            reason = 'which was changed after it was written'
        else:
            continue
        raise ValueError(
            f'{folder}: expected an empty folder, or one with only masks of '
            f'an earlier run, got {path.name} in it, {reason}; choose another '
            'folder or empty this one.'
        )


def save_mask(
    path: Path, mask: np.ndarray, palette: Sequence[Sequence[int]]
) -> None:
    """Write a mask: 0 or 255, or the class ids with their colours.

    Args:
        path (Path): PNG file.
        mask (np.ndarray): (H, W) uint8 class ids.
        palette (Sequence[Sequence[int]]): RGB of each class id; with two
            classes, the mask is written in black and white.
    """
    if len(palette) == 2:
        Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8)).save(path)
        return
    image = Image.fromarray(mask)
    # The pixels remain class ids; image viewers show their colours.
    image.putpalette([value for colour in palette for value in colour])
    image.save(path)


@contextmanager
def writing_masks(folder: Path, facts: Mapping[str, Any]) -> Iterator[Path]:
    """Collect masks, and move them to their folder when all are written.

    Masks of an earlier run are replaced; see :func:`check_mask_folder`. If
    the block raises an error, the folder is not changed.

    Args:
        folder (Path): Target folder of the masks.
        facts (Mapping[str, Any]): Stored in ``masks.json``: what the masks
            were computed from.

    Yields:
        Path: An empty folder to write ``<second>.png`` to.

    Raises:
        ValueError: If the folder contains other files, or another run is
            writing to it.
    """
    check_mask_folder(folder)
    with working_folder(folder) as part:
        yield part
        check_mask_folder(folder)
        folder.mkdir(exist_ok=True)
        old = _read_index(folder) or {}
        new = {path.name: hash_file(path) for path in part.iterdir()}
        files = dict(sorted(new.items(), key=lambda item: int(item[0][:-4])))
        for name in old:
            (folder / name).unlink(missing_ok=True)
        # The index is written first, so that after a kill the next run
        # accepts the masks that were already moved.
        content = dict(format=_FORMAT, **facts, files=files)
        write_json(folder / INDEX, content)
        for name in files:
            os.replace(part / name, folder / name)


def _read_index(folder: Path) -> dict[str, str] | None:
    """Read the hash of each mask; None if there is no index of this tool."""
    try:
        content = json.loads((folder / INDEX).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(content, dict) or content.get('format') != _FORMAT:
        return None
    files = content.get('files')
    is_valid = isinstance(files, dict) and all(
        Path(name).name == name for name in files
    )
    return files if is_valid else None
