"""Smooth masks over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np


def majority_vote(
    masks: Iterable[np.ndarray], num_masks: int
) -> Iterator[np.ndarray]:
    """Give each pixel the most frequent class of consecutive masks.

    This removes flicker that is shorter than half of ``num_masks``. It is not
    part of any published system.

    Args:
        masks (Iterable[np.ndarray]): (H, W) uint8 class ids, in order.
        num_masks (int): Number of masks that vote: the mask itself and the
            same number before and after it; odd. At the beginning and at the
            end there are fewer.

    Yields:
        np.ndarray: (H, W) uint8; one for each mask. Of classes with equally
        many votes, the mask's own wins, then the one with the smaller id.

    Raises:
        ValueError: If ``num_masks`` is not odd and positive.
    """
    if num_masks < 1 or num_masks % 2 == 0:
        raise ValueError(
            'a majority vote needs an odd number of masks, such as 3, got '
            f'{num_masks}.'
        )
    reach = num_masks // 2
    held: deque[np.ndarray] = deque()
    row = 0  # of the next mask to yield, in ``held``
    for mask in masks:
        held.append(mask)
        if row + reach < len(held):
            yield _vote(held, row)
            row += 1
        if row > reach:
            held.popleft()
            row -= 1
    while row < len(held):
        yield _vote(held, row)
        row += 1
        if row > reach:
            held.popleft()
            row -= 1


def _vote(masks: Iterable[np.ndarray], row: int) -> np.ndarray:
    """Return the winners among masks, of which one breaks ties."""
    votes = np.stack(list(masks))
    winner = votes[row].copy()
    most = (votes == winner).sum(0)
    for class_id in np.unique(votes):
        count = (votes == class_id).sum(0)
        better = count > most
        winner[better] = class_id
        most[better] = count[better]
    return winner
