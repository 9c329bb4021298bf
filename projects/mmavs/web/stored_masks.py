"""Masks on disk, from which masks at any threshold are made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

#: The thresholds that can be chosen; hundredths.
THRESHOLDS = (np.arange(101) / 100).astype(np.float32)
#: The position of the slider at which the model's own masks are shown.
OWN_THRESHOLD = 0.5


class StoredMasks:
    """Class ids and scores of a video's masks, in a folder.

    At ``OWN_THRESHOLD`` the masks are those that the model predicts. A model
    of two classes marks a pixel at any other threshold if its score is
    greater. A model that names classes marks it if, in addition, its own mask
    does: above 0.5 uncertain pixels disappear, below 0.5 nothing changes.

    The score of a pixel is stored as the number of thresholds below it, in
    one byte, so the masks equal ``score > threshold`` in float32 exactly.

    Args:
        folder (Path): Where to write; is created.
        num_classes (int): Number of class ids of the model, with background.
    """

    def __init__(self, folder: Path, num_classes: int) -> None:
        self.folder = folder
        self._is_binary = num_classes <= 2
        self._num_masks = 0
        folder.mkdir(parents=True)

    def __len__(self) -> int:
        """Return the number of masks."""
        return self._num_masks

    def add(self, mask: np.ndarray, score: np.ndarray) -> None:
        """Store the next mask.

        Args:
            mask (np.ndarray): (H, W) uint8 class ids, 0 is background.
            score (np.ndarray): (H, W) float32 in [0, 1].
        """
        below = np.searchsorted(THRESHOLDS, score)
        np.savez_compressed(
            self.folder / f'{self._num_masks}.npz',
            mask=mask,
            below=below.astype(np.uint8),
        )
        self._num_masks += 1

    def at(self, threshold: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read the masks at a threshold, in order.

        Args:
            threshold (float): One of ``THRESHOLDS``.

        Yields:
            tuple[np.ndarray, np.ndarray]: (H, W) uint8 class ids, and (H, W)
            float32 scores, rounded to the middle of a hundredth.

        Raises:
            ValueError: If it is none of them.
        """
        position = round(threshold * 100) if 0 <= threshold <= 1 else -1
        if position < 0 or abs(position / 100 - threshold) > 1e-6:
            raise ValueError(
                'expected a threshold from 0 to 1 in steps of 0.01, got '
                f'{threshold}.'
            )
        for number in range(self._num_masks):
            with np.load(self.folder / f'{number}.npz') as stored:
                mask, below = stored['mask'], stored['below']
            if position != round(OWN_THRESHOLD * 100):
                marked = below > position
                mask = marked * (1 if self._is_binary else mask)
            score = (below.astype(np.float32) - 0.5).clip(0) / 100
            yield mask.astype(np.uint8), score
