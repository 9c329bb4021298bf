"""Read the frames and the labels of a clip."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

from ...structures import UNLABELLED
from ..metainfo import AVSBENCH_CLASSES, colours_to_ids
from .geometry import resize_frame

_LAYOUT = {
    'frame': 'frames/{0..T-1}.jpg',
    'mask': '{labels_rgb|labels_semantic}/{0..T-1}.png',
}


@TRANSFORMS.register_module()
class LoadClipFrames(BaseTransform):
    """Read the frames of a clip.

    Decodes with Pillow, which gives the same pixels as OpenCV for JPEG but
    refuses a file that was cut off.

    Required keys: ``frame_paths``. Added keys: ``frames`` (T, H, W, 3) uint8
    RGB, ``ori_frame_shape`` (H, W) of the first file.

    Args:
        size (tuple[int, int] | None): (H, W) to which each frame is resized
            at once (Pillow, bilinear), for clips whose frames differ in
            size, or to hold less in memory. Defaults to None, as stored.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Read the frames.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with the added keys.

        Raises:
            FileNotFoundError: If a frame is missing.
            ValueError: If a frame cannot be read, or sizes differ and
                ``size`` is None.
        """
        frames = [
            _read_rgb(results, path, 'frame')
            for path in results['frame_paths']
        ]
        results['ori_frame_shape'] = frames[0].shape[:2]
        if self.size is not None:
            frames = [resize_frame(frame, self.size) for frame in frames]
        shapes = sorted({frame.shape[:2] for frame in frames})
        if len(shapes) > 1:
            raise ValueError(
                f'frames of clip {results.get("clip_id")!r} must have one '
                f'size, got {shapes}; set LoadClipFrames(size=(H, W)).'
            )
        results['frames'] = np.stack(frames)
        return results


@TRANSFORMS.register_module()
class LoadClipMasks(BaseTransform):
    """Read the labels of a clip as class ids.

    Binary: whatever is not black sounds, see ``binary_resize``. Semantic:
    the image is resized with Pillow (nearest) and its exact colours become
    ids, as Stepping-Stones@de6a17b ``avss/dataset.py`` does; a grey image
    (``labels_semantic``) holds the ids themselves. A frame without a label
    (its path is None) is 255 all over.

    Required keys: ``mask_paths``. Added keys: ``masks`` (T, h, w) uint8
    class ids, ``mask_size`` (h, w).

    Args:
        label (str): ``'binary'`` (0, 1) or ``'semantic'`` (0..70).
        size (tuple[int, int] | None): (h, w) of the masks; None keeps them
            as stored, for a transform that follows.
        binary_resize (str): How binary labels come to that size.
            ``'bilinear'``: the colour image is resized with OpenCV, turned
            grey and compared with 0, which widens objects a little, as
            Stepping-Stones@de6a17b ``avs/dataset.py`` does for training and
            for its metric. ``'nearest'``: with Pillow, which keeps outlines
            as they are drawn (AVSBench, AVSegFormer).
        unknown_colour (str): What a colour outside the palette becomes in
            semantic labels: ``'background'``, as published, or ``'error'``.

    Raises:
        ValueError: If an argument is none of the above.
    """

    def __init__(
        self,
        label: Literal['binary', 'semantic'] = 'binary',
        size: tuple[int, int] | None = (224, 224),
        unknown_colour: Literal['background', 'error'] = 'background',
        binary_resize: Literal['bilinear', 'nearest'] = 'bilinear',
    ) -> None:
        if label not in ('binary', 'semantic'):
            raise ValueError(
                f"label must be 'binary' or 'semantic', got {label!r}"
            )
        if unknown_colour not in ('background', 'error'):
            raise ValueError(
                "unknown_colour must be 'background' or 'error', got "
                f'{unknown_colour!r}'
            )
        if binary_resize not in ('bilinear', 'nearest'):
            raise ValueError(
                "binary_resize must be 'bilinear' or 'nearest', got "
                f'{binary_resize!r}'
            )
        self.label = label
        self.size = size
        self.binary_resize = binary_resize
        self.unknown_colour = unknown_colour

    def transform(self, results: dict) -> dict:
        """Read the labels.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with the added keys.

        Raises:
            FileNotFoundError: If a label is missing.
            ValueError: If a label cannot be read, holds an id or a colour
                that is no class, the data set gives other labels or none, or
                ``size`` is None and sizes differ or no frame has a label.
        """
        if results.get('labels', self.label) != self.label:
            raise ValueError(
                f'the data set has labels={results["labels"]!r}, but '
                f'LoadClipMasks(label={self.label!r}); set both alike.'
            )
        if results.get('mask_paths') is None:
            raise ValueError(
                f'clip {results.get("clip_id")!r} has no labels; leave '
                'LoadClipMasks out of the pipeline.'
            )
        read = self._binary if self.label == 'binary' else self._semantic
        masks = [
            None if path is None else read(results, path)
            for path in results['mask_paths']
        ]
        size = self._common_size(results, masks)
        unlabelled = np.full(size, UNLABELLED, dtype=np.uint8)
        results['masks'] = np.stack(
            [unlabelled if mask is None else mask for mask in masks]
        )
        results['mask_size'] = size
        return results

    def _common_size(
        self, results: dict, masks: list[np.ndarray | None]
    ) -> tuple[int, int]:
        if self.size is not None:
            return self.size
        sizes = sorted({mask.shape for mask in masks if mask is not None})
        if len(sizes) != 1:
            raise ValueError(
                f'labels of clip {results.get("clip_id")!r} must have one '
                f'size, got {sizes}; set LoadClipMasks(size=(h, w)).'
            )
        return sizes[0]

    def _binary(self, results: dict, path: str) -> np.ndarray:
        if self.binary_resize == 'nearest':
            image = _open(results, path, 'mask').convert('RGB')
            sounding = np.any(self._nearest(image), axis=-1)
            return np.asarray(sounding, dtype=np.uint8)
        colour = _read_rgb(results, path, 'mask')
        if self.size is not None:
            colour = cv2.resize(colour, self.size[::-1])
        grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
        return (grey > 0).astype(np.uint8)

    def _nearest(self, image: Image.Image) -> np.ndarray:
        if self.size is not None:
            image = image.resize(self.size[::-1], Image.Resampling.NEAREST)
        return np.array(image)

    def _semantic(self, results: dict, path: str) -> np.ndarray:
        image = _open(results, path, 'mask')
        if image.mode != 'L':
            image = image.convert('RGB')
        pixels = self._nearest(image)
        where = _describe(results, path, 'mask')
        if image.mode == 'L':
            if pixels.max() >= len(AVSBENCH_CLASSES):
                raise ValueError(
                    f'class ids must be 0..{len(AVSBENCH_CLASSES) - 1}, got '
                    f'{pixels.max()} in {where}'
                )
            return pixels
        try:
            ids = colours_to_ids(pixels, unknown_colour=self.unknown_colour)
        except ValueError as error:
            raise ValueError(f'{error}; in {where}') from error
        return ids.astype(np.uint8)


def _read_rgb(results: dict, path: str, kind: str) -> np.ndarray:
    """Decode an image to (H, W, 3) uint8 RGB."""
    return np.array(_open(results, path, kind).convert('RGB'))


def _open(results: dict, path: str, kind: str) -> Image.Image:
    """Open and decode an image, or say which file of which clip failed."""
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'no {_describe(results, path, kind)}'
        ) from error
    # Pillow reports a broken PNG as SyntaxError, most else as OSError.
    except (OSError, SyntaxError) as error:
        raise ValueError(
            f'cannot read ({error}) {_describe(results, path, kind)}'
        ) from error


def _describe(results: dict, path: str, kind: str) -> str:
    """Name a clip's file and where the layout expects it."""
    return (
        f'{kind} file {path} of clip {results.get("clip_id")!r}, subset '
        f'{results.get("subset")!r}, T={results.get("num_frames")}; expected '
        f'layout: <data_root>/<subset>/<clip_id>/{_LAYOUT[kind]}'
    )
