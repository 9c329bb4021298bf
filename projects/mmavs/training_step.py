"""Describe the current training step in error messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.logging import MessageHub


def iter_samples(samples: Any) -> Iterator[Any]:
    """Iterate over the data samples of a batch, which may be nested lists.

    Args:
        samples (Any): Data samples, or lists of them.

    Yields:
        Any: One data sample of a frame.
    """
    if isinstance(samples, (list, tuple)):
        for part in samples:
            yield from iter_samples(part)
    elif samples is not None:
        yield samples


def not_finite(what: str, samples: Any) -> ValueError:
    """Create the error for NaN or infinite values in a training step.

    Args:
        what (str): Name of the value, for example ``'the loss'``.
        samples (Any): Data samples of the batch, which may be nested lists.

    Returns:
        ValueError: Names the clips and, if they are in mmengine's message
        hub, the iteration (from 1) and the learning rate.
    """
    hub = MessageHub.get_current_instance()
    facts = []
    if hub.runtime_info.get('iter') is not None:
        facts.append(f'iteration {hub.get_info("iter") + 1}')
    if 'train/lr' in hub.log_scalars:
        rate = hub.get_scalar('train/lr').current()
        facts.append(f'learning rate {rate:.4g}')
    clips = dict.fromkeys(
        sample.clip_id
        for sample in iter_samples(samples)
        if getattr(sample, 'clip_id', None) is not None
    )
    if clips:
        facts.append(f'clips {", ".join(clips)}')
    return ValueError(
        f'{what} became NaN or infinite ({"; ".join(facts)}). The training '
        'diverged, or the clips or weights contain such values. Lower '
        'optim_wrapper.optimizer.lr or set optim_wrapper.clip_grad, and '
        'continue from an earlier checkpoint with --resume'
    )
