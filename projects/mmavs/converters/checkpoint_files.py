"""Read and write the checkpoint files of a conversion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..atomic_file import atomic_path
from ..checkpoint import load_from_local


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a flat state dict on the CPU without running code from the file.

    If the file holds ``{'state_dict': ...}``, that entry is returned.

    Args:
        path (str | os.PathLike[str]): A file written by ``torch.save``, or a
            ``.safetensors`` file.

    Returns:
        dict[str, Tensor]: Tensors by name.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read safely, or contains anything
            but names and tensors; see
            :func:`mmavs.checkpoint.load_from_local`.
        ImportError: If a ``.safetensors`` file is given and the package
            safetensors is not installed.
    """
    if Path(path).suffix == '.safetensors':
        return _read_safetensors(Path(path))
    content = load_from_local(os.fspath(path), map_location='cpu')
    if isinstance(content, dict) and 'state_dict' in content:
        content = content['state_dict']
    if not isinstance(content, dict) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise ValueError(f'{path} must hold a dict of tensors by name.')
    return dict(content)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f'There is no checkpoint at {str(path)!r}.')
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            f'Reading {path} requires the package safetensors: '
            'pip install safetensors, or convert the .bin file instead.'
        ) from error
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f'{path} cannot be read as a safetensors file: {error}. It is cut '
            'off, damaged or in another format; download it again.'
        ) from error


def write_checkpoint(
    path: str | os.PathLike[str],
    state_dict: Mapping[str, Tensor],
    *,
    meta: Mapping[str, Any],
) -> None:
    """Write a checkpoint for mmengine's ``load_checkpoint``, atomically.

    Args:
        path (str | os.PathLike[str]): The new file. Missing parent folders
            are created.
        state_dict (Mapping[str, Tensor]): Tensors by name.
        meta (Mapping[str, Any]): Origin of the tensors; plain values only, so
            that the file can be read with ``weights_only=True``.
    """
    tensors = {name: _compact(t) for name, t in state_dict.items()}
    with atomic_path(path) as part:
        torch.save(dict(meta=dict(meta), state_dict=tensors), part)


def _compact(tensor: Tensor) -> Tensor:
    """Copy a view of a larger storage, which torch.save would store fully."""
    if tensor.untyped_storage().nbytes() > tensor.nbytes:
        return tensor.clone()
    return tensor
