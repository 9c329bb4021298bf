"""Score masks that any model has written as PNG files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmavs.datasets.image_file import open_image
from mmavs.datasets.metainfo import AVSBENCH_PALETTE, colours_to_ids
from mmavs.datasets.transforms import LoadClipMasks

from .binary_metric import BinaryClipEntry
from .functional import grey_value_f_curves
from .semantic_functional import count_class_areas
from .semantic_metric import SemanticClipEntry

_GREY_VALUES = 256
#: (256,) whether a pixel of this value is in the hard mask: score above 0.5.
_IS_HARD = 2 * np.arange(_GREY_VALUES) > _GREY_VALUES - 1


@dataclass(frozen=True)
class MaskFiles:
    """A folder of predicted masks.

    The masks of a clip are the PNG files of ``<root>/<subset>/<clip_id>`` or
    ``<root>/<clip_id>``, one per frame, in the order of the last number in
    their names: ``0.png``, or ``clip_0.png`` and so on.

    Attributes:
        root (Path): The folder.
    """

    root: Path

    def paths(self, clip: Mapping) -> list[Path]:
        """Find the masks of a clip.

        Args:
            clip (Mapping): ``subset``, ``clip_id`` and ``num_frames``.

        Returns:
            list[Path]: T files.

        Raises:
            FileNotFoundError: If there is no folder of the clip.
            ValueError: If the folder has another number of masks.
        """
        folders = (
            self.root / clip['subset'] / clip['clip_id'],
            self.root / clip['clip_id'],
        )
        folder = next((path for path in folders if path.is_dir()), None)
        if folder is None:
            raise FileNotFoundError(
                f'expected the masks of clip {clip["clip_id"]!r} (subset '
                f'{clip["subset"]!r}) in the folder {folders[0]} or '
                f'{folders[1]}, found neither.'
            )
        files = sorted(folder.glob('[!.]*.png'), key=_frame_number)
        if len(files) != clip['num_frames']:
            raise ValueError(
                f'expected {clip["num_frames"]} masks (*.png), one per frame, '
                f'got {len(files)} in {folder}.'
            )
        return files


def _frame_number(path: Path) -> tuple[int, str]:
    numbers = re.findall(r'\d+', path.stem)
    return (int(numbers[-1]) if numbers else -1, path.stem)


@dataclass(frozen=True)
class BinaryMaskScorer:
    """Score 8-bit grey masks, hard or soft, against binary labels.

    The score of a pixel is its value divided by ``white``, for all protocols;
    a pixel is in the hard mask if its score exceeds 0.5.

    Attributes:
        files (MaskFiles): The masks.
        size (tuple[int, int]): (h, w) of labels and masks.
        white (int): Value of a score of 1: 255, or 1 for masks of 0 and 1.
    """

    files: MaskFiles
    size: tuple[int, int]
    white: int = 255

    def __call__(self, clip: Mapping) -> BinaryClipEntry:
        """Score one clip.

        Args:
            clip (Mapping): Entry of a ``BaseClipDataset`` with labels.

        Returns:
            BinaryClipEntry: As ``AVSBinaryMetric`` makes it.

        Raises:
            FileNotFoundError: If masks or labels are missing.
            ValueError: If a file cannot be read or has another size or mode.
        """
        return self.score(clip, *self.read(clip))

    def read(self, clip: Mapping) -> tuple[np.ndarray, np.ndarray]:
        """Read the masks and the labels of a clip.

        Args:
            clip (Mapping): Entry of a ``BaseClipDataset`` with labels.

        Returns:
            tuple[np.ndarray, np.ndarray]: Masks (T, h, w) uint8, 255 for a
            score of 1; labels (T, h, w) uint8, 0 or 1.

        Raises:
            FileNotFoundError: If masks or labels are missing.
            ValueError: If a file cannot be read or has another size or mode.
        """
        load = LoadClipMasks('binary', self.size, binary_resize='nearest')
        truth = _labels(clip, load)
        values = [self._values(path) for path in self.files.paths(clip)]
        return np.stack(values), truth

    def ids(self, masks: np.ndarray) -> np.ndarray:
        """Turn masks that :meth:`read` returns into class ids.

        Args:
            masks (np.ndarray): (T, h, w) uint8.

        Returns:
            np.ndarray: (T, h, w) uint8, 1 for a score above 0.5.
        """
        return _IS_HARD[masks].astype(np.uint8)

    def score(
        self, clip: Mapping, masks: np.ndarray, truth: np.ndarray
    ) -> BinaryClipEntry:
        """Score masks that :meth:`read` returns.

        Args:
            clip (Mapping): The clip.
            masks (np.ndarray): (T, h, w).
            truth (np.ndarray): (T, h, w).

        Returns:
            BinaryClipEntry: As ``AVSBinaryMetric`` makes it.
        """
        counts = np.stack(
            [_count(*pair) for pair in zip(masks, truth, strict=True)]
        )
        curves, valid = grey_value_f_curves(torch.from_numpy(counts))
        return BinaryClipEntry(
            sample_idx=clip['sample_idx'],
            subset=clip['subset'],
            clip_id=clip['clip_id'],
            num_frames=len(truth),
            frame_iou=tuple(_iou(counts).tolist()),
            f_curve_sum=tuple(curves.numpy().sum(0).tolist()),
            num_valid_frames=int(valid.sum()),
            frame_f=tuple(curves.amax(1).tolist()),
        )

    def _values(self, path: Path) -> np.ndarray:
        """Values (h, w) of a mask, 255 for a score of 1."""
        image = open_image(path, f'mask {path}')
        if image.mode == '1':
            image = image.convert('L')
        if image.mode != 'L':
            raise ValueError(
                'masks of binary tasks must be 8-bit grey images (L), got '
                f'mode {image.mode!r} in {path}.'
            )
        values = _checked_size(image, self.size, path)
        if self.white != 255:
            if int(values.max()) > self.white:
                raise ValueError(
                    f'with --white {self.white} masks have values up to '
                    f'{self.white}, got {values.max()} in {path}.'
                )
            values = values * (255 // self.white)
        return values


def _count(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(2, 256) pixels of each value, outside and inside the truth."""
    index = truth.astype(np.int64) * _GREY_VALUES + values
    counts = np.bincount(index.ravel(), minlength=2 * _GREY_VALUES)
    return counts.reshape(2, _GREY_VALUES)


def _iou(counts: np.ndarray) -> np.ndarray:
    """IoU (T,) as in :func:`.functional.frame_iou`, from (T, 2, 256)."""
    outside, inside = counts[:, 0], counts[:, 1]
    true = inside.sum(1)
    common = inside[:, _IS_HARD].sum(1)
    union = true + outside[:, _IS_HARD].sum(1)
    silent = true == 0
    # An empty truth scores the share of pixels that are left empty, too.
    common = np.where(silent, outside[:, ~_IS_HARD].sum(1), common)
    union = np.where(silent, counts.sum((1, 2)), union)
    return common / union


def check_white(files: MaskFiles, clip: Mapping, white: int) -> None:
    """Refuse masks of 0 and 1 that would be read as values up to 255.

    Args:
        files (MaskFiles): The masks.
        clip (Mapping): A clip; it is enough to look at its masks.
        white (int): See :class:`BinaryMaskScorer`.

    Raises:
        ValueError: If the largest value of the clip is 1 and not ``white``.
    """
    largest = max(
        int(np.array(open_image(path, f'mask {path}').convert('L')).max())
        for path in files.paths(clip)
    )
    if largest == 1 and white != 1:
        raise ValueError(
            f'expected masks with values up to {white}, got 0 and 1 in '
            f'{files.paths(clip)[0].parent}; set --white 1.'
        )


@dataclass(frozen=True)
class SemanticMaskScorer:
    """Score masks of class ids or of the palette's colours.

    Attributes:
        files (MaskFiles): Grey or palette images of class ids, or RGB images
            of AVSBench's colours.
        size (tuple[int, int]): (h, w) of labels and masks.
        num_classes (int): K.
        colours (bool): Whether RGB images are accepted.
    """

    files: MaskFiles
    size: tuple[int, int]
    num_classes: int = len(AVSBENCH_PALETTE)
    colours: bool = True

    def __call__(self, clip: Mapping) -> SemanticClipEntry:
        """Score one clip.

        Args:
            clip (Mapping): Entry of a ``BaseClipDataset`` with labels.

        Returns:
            SemanticClipEntry: As ``AVSSemanticMetric`` makes it.

        Raises:
            FileNotFoundError: If masks or labels are missing.
            ValueError: If a file cannot be read, has another size or mode,
                or an id or colour of no class.
        """
        return self.score(clip, *self.read(clip))

    def read(self, clip: Mapping) -> tuple[np.ndarray, np.ndarray]:
        """Read the masks and the labels of a clip.

        Args:
            clip (Mapping): Entry of a ``BaseClipDataset`` with labels.

        Returns:
            tuple[np.ndarray, np.ndarray]: Class ids (T, h, w) uint8 of masks
            and of labels.

        Raises:
            FileNotFoundError: If masks or labels are missing.
            ValueError: If a file cannot be read, has another size or mode,
                or an id or colour of no class.
        """
        truth = _labels(clip, LoadClipMasks('semantic', self.size))
        pred = np.stack([self._ids(path) for path in self.files.paths(clip)])
        return pred, truth

    def ids(self, masks: np.ndarray) -> np.ndarray:
        """Return the masks, which are class ids already.

        Args:
            masks (np.ndarray): (T, h, w) uint8.

        Returns:
            np.ndarray: ``masks``.
        """
        return masks

    def score(
        self, clip: Mapping, masks: np.ndarray, truth: np.ndarray
    ) -> SemanticClipEntry:
        """Score masks that :meth:`read` returns.

        Args:
            clip (Mapping): The clip.
            masks (np.ndarray): (T, h, w).
            truth (np.ndarray): (T, h, w).

        Returns:
            SemanticClipEntry: As ``AVSSemanticMetric`` makes it.

        Raises:
            ValueError: If an id is of no class.
        """
        return SemanticClipEntry(
            sample_idx=clip['sample_idx'],
            subset=clip['subset'],
            clip_id=clip['clip_id'],
            num_frames=len(truth),
            areas=count_class_areas(
                torch.from_numpy(masks),
                torch.from_numpy(truth),
                num_classes=self.num_classes,
            ),
        )

    def _ids(self, path: Path) -> np.ndarray:
        image = open_image(path, f'mask {path}')
        if self.colours and image.mode in ('RGB', 'RGBA'):
            colours = _checked_size(image.convert('RGB'), self.size, path)
            try:
                return colours_to_ids(colours, unknown_colour='error')
            except ValueError as error:
                raise ValueError(f'{error}; in {path}.') from error
        if image.mode not in ('L', 'P'):
            raise ValueError(
                'masks of classes must be ids (grey or palette images)'
                + ' or RGB colours' * self.colours
                + f', got mode {image.mode!r} in {path}.'
            )
        ids = _checked_size(image, self.size, path)
        if int(ids.max()) >= self.num_classes:
            raise ValueError(
                f'class ids must be 0..{self.num_classes - 1}, got '
                f'{ids.max()} in {path}.'
            )
        return ids


def _labels(clip: Mapping, load: LoadClipMasks) -> np.ndarray:
    """Labels (T, h, w) uint8 of a clip; every frame must have one."""
    if None in clip['mask_paths']:
        raise ValueError(
            f'clip {clip["clip_id"]!r} (subset {clip["subset"]!r}, split '
            f'{clip["split"]!r}) has frames without a label, so it cannot be '
            'scored; evaluate the split val or test.'
        )
    return load.transform(dict(clip))['masks']


def _checked_size(
    image: Image.Image, size: tuple[int, int], path: Path
) -> np.ndarray:
    if image.size != size[::-1]:
        raise ValueError(
            f'masks must have the size of the labels, expected {size[0]}x'
            f'{size[1]} (height x width), got {image.height}x{image.width} in '
            f'{path}; set --size, or write masks of that size.'
        )
    return np.array(image)
