"""Weights in a loaded checkpoint: their names, values and fit to a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn


def get_weights(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the weights of a checkpoint.

    Args:
        checkpoint (dict[str, Any]): Weights by name, or a dict that has them
            as ``state_dict``.

    Returns:
        dict[str, Any]: Weights by name, without the prefix ``module.``.

    Raises:
        ValueError: If there is no such dict.
    """
    if not isinstance(checkpoint, dict):
        raise ValueError(
            'the checkpoint: expected a dict of weights, got '
            f'{type(checkpoint).__name__}; give a file that tools/train.py or '
            'a converter wrote.'
        )
    weights = checkpoint.get('state_dict', checkpoint)
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) for name in weights
    ):
        raise ValueError(
            'the checkpoint: expected weights by their names, got a '
            f'{type(weights).__name__} without them; give a file that '
            'tools/train.py or a converter wrote.'
        )
    return {
        re.sub(r'^module\.', '', name): value
        for name, value in weights.items()
    }


def check_finite(weights: Mapping[str, Any], path: str) -> None:
    """Check that weights are dense, real, and not NaN or infinite.

    Args:
        weights (Mapping[str, Any]): Tensors by name; others are ignored.
        path (str): Their file, for the message.

    Raises:
        ValueError: With three names of such tensors.
    """
    sparse = [
        name
        for name, value in weights.items()
        if isinstance(value, torch.Tensor)
        and (value.layout != torch.strided or value.is_meta)
    ]
    if sparse:
        raise ValueError(
            f'{path}: expected dense weights on the CPU or a GPU, got sparse '
            f'or meta tensors: {_examples(sparse)}; save dense ones.'
        )
    bad = [
        name
        for name, value in weights.items()
        if isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and not bool(value.isfinite().all())
    ]
    unreal = [
        name
        for name, value in weights.items()
        if isinstance(value, torch.Tensor) and value.is_complex()
    ]
    if unreal:
        raise ValueError(
            f'{path}: expected real weights, got complex ones, whose '
            f'imaginary parts would be lost: {_examples(unreal)}.'
        )
    if bad:
        raise ValueError(
            f'{path}: {len(bad)} of {len(weights)} tensors have values that '
            f'are NaN or infinite: {_examples(bad)}. The training diverged or '
            'the file is damaged; take an earlier checkpoint.'
        )


def count_fitting(
    model: nn.Module, weights: Mapping[str, Any]
) -> dict[str, tuple[int, int]]:
    """Count the tensors of each component that the weights contain.

    Args:
        model (nn.Module): The model.
        weights (Mapping[str, Any]): Tensors by name.

    Returns:
        dict[str, tuple[int, int]]: For each component (the first part of its
        tensors' names), the number of its tensors whose name and shape are in
        ``weights``, and the number of all its tensors.
    """
    counts: dict[str, tuple[int, int]] = {}
    for name, value in model.state_dict().items():
        fitting, total = counts.get(name.partition('.')[0], (0, 0))
        shape = getattr(weights.get(name), 'shape', None)
        fitting += shape == value.shape
        counts[name.partition('.')[0]] = (fitting, total + 1)
    return counts


def describe_misfit(model: nn.Module, checkpoint: dict[str, Any]) -> str:
    """Describe how a checkpoint differs from a model, in one line.

    Args:
        model (nn.Module): The model.
        checkpoint (dict[str, Any]): The whole checkpoint.

    Returns:
        str: Counts and three examples each of tensors that are missing,
        superfluous or of another shape, and the head that the checkpoint was
        trained with if its metadata contains it.
    """
    expected, weights = model.state_dict(), get_weights(checkpoint)
    kinds = {
        'missing': [name for name in expected if name not in weights],
        'superfluous': [name for name in weights if name not in expected],
        'of another shape': [
            name
            for name, value in expected.items()
            if name in weights
            and getattr(weights[name], 'shape', None) != value.shape
        ],
    }
    text = '; '.join(
        f'{len(names)} {kind}: {_examples(names)}'
        for kind, names in kinds.items()
        if names
    )
    meta = checkpoint.get('meta')
    config = meta.get('cfg') if isinstance(meta, dict) else None
    head = re.search(r"type='(\w+Head)'", str(config))
    if head is not None:
        text += f'. The file was trained with a {head[1]}'
    if not text:
        text = 'all names and shapes fit, but not the kinds of tensors'
    return f'Of {len(expected)} tensors of the model: {text}.'


def _examples(names: Sequence[str]) -> str:
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
