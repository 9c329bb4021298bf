"""Read the frames and the labels of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

from ...structures import UNLABELLED
from ..image_file import open_image
from ..metainfo import AVSBENCH_PALETTE, colours_to_ids
from .geometry import check_size, resize_frame

_LAYOUT = {
    'frame': 'frames/{0..T-1}.jpg',
    'mask': '{labels_rgb|labels_semantic}/{0..T-1}.png',
}
#: Smallest label: this part of the height of its frame.
_MAX_SHRINK = 16
#: Largest relative difference of the aspect ratios of a frame and its label.
_ASPECT_TOLERANCE = 0.02


@TRANSFORMS.register_module()
class LoadClipFrames(BaseTransform):
    """Read the frames of a clip.

    Decodes with Pillow, which gives the same pixels as OpenCV for JPEG but
    raises an error for a truncated file.

    Required keys: ``frame_paths``. Added keys: ``frames`` (T, H, W, 3) uint8
    RGB, ``ori_frame_shapes`` T times (H, W) as stored.

    Args:
        size (tuple[int, int] | None): (H, W) to which each frame is resized
            as soon as it is read (Pillow, bilinear), for clips whose frames
            differ in size, or to save memory. Defaults to None: the stored
            size.

    Raises:
        ValueError: If ``size`` is not two positive integers.
    """

    def __init__(self, size: tuple[int, int] | None = None) -> None:
        check_size('LoadClipFrames', size)
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
        paths = results['frame_paths']
        # unlabelled='repeat_first' lists one frame T times.
        decoded = {p: _read_rgb(results, p) for p in dict.fromkeys(paths)}
        frames = [decoded[path] for path in paths]
        results['ori_frame_shapes'] = [frame.shape[:2] for frame in frames]
        if self.size is not None:
            resized = {
                path: resize_frame(frame, self.size)
                for path, frame in decoded.items()
            }
            frames = [resized[path] for path in paths]
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

    The data set's ``label_folder`` determines what the images contain,
    independent of their pixel type: ``labels_rgb`` contains colours (an 8-bit
    grey PNG is converted to RGB, as in the published loaders),
    ``labels_semantic`` contains class ids. Binary labels mark every pixel
    that is not black, or whose id is not 0, as sounding, see
    ``binary_resize``. Semantic labels are resized with Pillow (nearest), then
    their exact colours are mapped to ids, as in Stepping-Stones@de6a17b
    ``avss/dataset.py``. The mask of a frame without a label (its path is
    None) is 255 everywhere.

    Required keys: ``mask_paths``. Optional keys: ``label_folder``
    (``labels_rgb`` if absent), ``ori_frame_shapes`` (from
    :class:`LoadClipFrames`, to compare aspect ratios). Added keys: ``masks``
    (T, h, w) uint8 class ids, ``mask_size`` (h, w).

    Args:
        label (str): ``'binary'`` (0, 1) or ``'semantic'`` (0..70).
        size (tuple[int, int] | None): (h, w) of the masks; None keeps the
            stored size, for a transform that follows.
        unknown_colour (str): What to do with colours outside the palette in
            semantic labels: ``'error'``, or ``'background'``, as in the
            published loaders. Labels saved as JPEG have such colours along
            every outline; ``'error'`` raises an error for them, also for
            binary labels.
        binary_resize (str): How binary labels are resized. ``'bilinear'``:
            the colour image is resized with OpenCV, converted to grey and
            compared with 0, which widens objects a little, as
            Stepping-Stones@de6a17b ``avs/dataset.py`` does for training and
            for its metric. ``'nearest'``: with Pillow, which does not move
            outlines (AVSBench, AVSegFormer).
        other_aspect (str): What to do with a label whose aspect ratio differs
            from that of its frame (by more than 2 % and one pixel), so that
            they cannot show the same picture: ``'error'``, or ``'squash'`` to
            resize it like any other.

    Raises:
        ValueError: If an argument has another value.
    """

    def __init__(
        self,
        label: Literal['binary', 'semantic'] = 'binary',
        size: tuple[int, int] | None = (224, 224),
        unknown_colour: Literal['error', 'background'] = 'error',
        binary_resize: Literal['bilinear', 'nearest'] = 'bilinear',
        other_aspect: Literal['error', 'squash'] = 'error',
    ) -> None:
        for name, value, choices in (
            ('label', label, ('binary', 'semantic')),
            ('unknown_colour', unknown_colour, ('error', 'background')),
            ('binary_resize', binary_resize, ('bilinear', 'nearest')),
            ('other_aspect', other_aspect, ('error', 'squash')),
        ):
            if value not in choices:
                raise ValueError(
                    f'{name} must be {choices[0]!r} or {choices[1]!r}, got '
                    f'{value!r}'
                )
        check_size('LoadClipMasks', size)
        self.label = label
        self.size = size
        self.unknown_colour = unknown_colour
        self.binary_resize = binary_resize
        self.other_aspect = other_aspect

    def transform(self, results: dict) -> dict:
        """Read the labels.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with the added keys.

        Raises:
            FileNotFoundError: If a label is missing.
            ValueError: If a label cannot be read, contains an id or a colour
                of no class, or has another aspect ratio than its frame; if
                the data set has other labels or none; or if ``size`` is None
                and sizes differ or no frame has a label.
        """
        if results.get('labels', self.label) != self.label:
            raise ValueError(
                f'the data set has labels={results["labels"]!r}, but '
                f'LoadClipMasks(label={self.label!r}); set both alike.'
            )
        paths = results.get('mask_paths')
        if paths is None:
            raise ValueError(
                f'clip {results.get("clip_id")!r} has no labels; leave '
                'LoadClipMasks out of the pipeline.'
            )
        shapes = results.get('ori_frame_shapes', [None] * len(paths))
        labels = list(zip(paths, shapes, strict=True))
        read = {
            label: None if label[0] is None else self._read(results, *label)
            for label in dict.fromkeys(labels)
        }
        masks = [read[label] for label in labels]
        size = self._common_size(results, masks)
        unlabelled = np.full(size, UNLABELLED, dtype=np.uint8)
        results['masks'] = np.stack(
            [unlabelled if mask is None else mask for mask in masks]
        )
        results['mask_size'] = size
        return results

    def _common_size(
        self, results: dict, masks: Sequence[np.ndarray | None]
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

    def _read(
        self, results: dict, path: str, frame_shape: tuple[int, int] | None
    ) -> np.ndarray:
        """Read one label, (h, w) uint8 ids."""
        where = _describe(results, path, 'mask')
        image = open_image(path, where)
        if image.format == 'JPEG' and self.unknown_colour == 'error':
            raise ValueError(
                'labels must be stored without loss (PNG), got a JPEG, whose '
                'colours differ along outlines; LoadClipMasks(unknown_colour='
                f"'background') accepts it; in {where}"
            )
        if self.other_aspect == 'error' and frame_shape is not None:
            _check_aspect(image, frame_shape, where)
        if results.get('label_folder') == 'labels_semantic':
            ids = _stored_ids(image, where)
            if self.label == 'semantic':
                return np.array(self._nearest(Image.fromarray(ids)))
            # So that resizing gives the same masks as from labels_rgb.
            image = Image.fromarray(AVSBENCH_PALETTE[ids])
        image = image.convert('RGB')
        if self.label == 'binary':
            return self._binary(image)
        return self._semantic(image, where)

    def _binary(self, image: Image.Image) -> np.ndarray:
        if self.binary_resize == 'nearest':
            red, green, blue = np.moveaxis(
                np.array(self._nearest(image)), -1, 0
            )
            # Ten times as fast as np.any along the short axis.
            return ((red | green | blue) > 0).astype(np.uint8)
        colour = np.array(image)
        if self.size is not None:
            colour = cv2.resize(colour, self.size[::-1])
        grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
        return (grey > 0).astype(np.uint8)

    def _semantic(self, image: Image.Image, where: str) -> np.ndarray:
        pixels = np.array(self._nearest(image))
        try:
            ids = colours_to_ids(pixels, unknown_colour=self.unknown_colour)
        except ValueError as error:
            hint = (
                'Are these black-and-white labels, for binary tasks only? '
                if set(np.unique(pixels)) <= {0, 255}
                else ''
            )
            raise ValueError(
                f'{error}; in {where}. {hint}LoadClipMasks(unknown_colour='
                "'background') reads them as background, as the published "
                'loaders do.'
            ) from error
        return ids.astype(np.uint8)

    def _nearest(self, image: Image.Image) -> Image.Image:
        if self.size is None:
            return image
        return image.resize(self.size[::-1], Image.Resampling.NEAREST)


def _stored_ids(image: Image.Image, where: str) -> np.ndarray:
    """Return the class ids (h, w) uint8 of a ``labels_semantic`` image."""
    # The pixels of a palette image (P) are ids, too.
    if image.mode not in ('L', 'P'):
        raise ValueError(
            'labels_semantic must be 8-bit grey images of class ids, got '
            f'mode {image.mode!r} in {where}'
        )
    ids = np.array(image)
    if ids.max() >= len(AVSBENCH_PALETTE):
        raise ValueError(
            f'class ids must be 0..{len(AVSBENCH_PALETTE) - 1}, got '
            f'{ids.max()} in {where}'
        )
    return ids


def _check_aspect(
    image: Image.Image, frame_shape: tuple[int, int], where: str
) -> None:
    """Raise ValueError unless a label has its frame's aspect, and a size."""
    width, height = image.size
    expected = width * frame_shape[0] / frame_shape[1]
    difference = abs(height - expected)
    # One pixel, because small labels of large frames have a rounded side.
    if difference > max(1, _ASPECT_TOLERANCE * expected):
        raise ValueError(
            'a label must have the aspect ratio of its frame, '
            f'(H, W) = {tuple(frame_shape)}, got {(height, width)}; '
            "LoadClipMasks(other_aspect='squash') resizes it all the same; "
            f'in {where}'
        )
    if height * _MAX_SHRINK < frame_shape[0]:
        raise ValueError(
            f'a label must have at least 1/{_MAX_SHRINK} of the height of its '
            f'frame, {frame_shape[0]}, got {height}; LoadClipMasks('
            f"other_aspect='squash') resizes it all the same; in {where}"
        )


def _read_rgb(results: dict, path: str) -> np.ndarray:
    """Decode a frame to (H, W, 3) uint8 RGB."""
    image = open_image(path, _describe(results, path, 'frame'))
    return np.array(image.convert('RGB'))


def _describe(results: dict, path: str, kind: str) -> str:
    """Name a clip's file and where the layout expects it."""
    return (
        f'{kind} file {path} of clip {results.get("clip_id")!r}, subset '
        f'{results.get("subset")!r}, T={results.get("num_frames")}; expected '
        f'layout: <data_root>/<subset>/<clip_id>/{_LAYOUT[kind]}'
    )
