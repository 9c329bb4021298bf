"""Resize, crop, flip and jitter all frames of a clip alike."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from PIL import Image

#: Keys that hold a picture per frame; each may have its own size.
_PICTURE_KEYS = ('frames', 'masks', 'mask_prior')
_GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def resize_frame(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a frame with Pillow's bilinear filter.

    Pillow widens the filter when it downsamples, OpenCV does not; the
    published weights were trained with Pillow.

    Args:
        frame (np.ndarray): (H, W, 3) uint8.
        size (tuple[int, int]): Target (H, W); the aspect ratio is not kept.

    Returns:
        np.ndarray: ``(*size, 3)`` uint8.
    """
    return _resize(frame, size, Image.Resampling.BILINEAR)


def clip_rng(results: dict, salt: int) -> np.random.Generator:
    """Create the random generator of one transform for one clip.

    Draws depend only on the seed, the epoch, the clip and the transform, not
    on the number of workers or processes.

    Args:
        results (dict): The clip, with ``rng_seed`` from the data set.
        salt (int): A different number for each transform.

    Returns:
        np.random.Generator: Freshly seeded.

    Raises:
        ValueError: If the clip has no ``rng_seed``.
    """
    if 'rng_seed' not in results:
        raise ValueError(
            "random transforms need results['rng_seed'] (seed, epoch, "
            'sample_idx), which BaseClipDataset sets; got keys '
            f'{sorted(results)}'
        )
    return np.random.default_rng([*results['rng_seed'], salt])


def check_size(transform: str, size: object) -> None:
    """Check the size that a transform is given.

    Args:
        transform (str): Name of the transform, for the message.
        size (object): What it is given.

    Raises:
        ValueError: Unless it is None or two positive integers.
    """
    if size is not None and (
        not isinstance(size, (list, tuple))
        or len(size) != 2
        or not all(isinstance(x, int) and x > 0 for x in size)
    ):
        raise ValueError(
            f'{transform}: size must be two positive integers (H, W), got '
            f'{size!r}'
        )


@TRANSFORMS.register_module()
class ClipResize(BaseTransform):
    """Resize the frames and the masks of a clip, each to its own size.

    Frames: Pillow bilinear. Masks: Pillow nearest. Mask prior: Pillow
    bilinear. Pictures that already have the size are not changed.

    Args:
        frame_size (tuple[int, int]): (H, W) of the frames.
        mask_size (tuple[int, int]): (h, w) of masks and mask prior, and of
            the prediction if there are no masks.

    Raises:
        ValueError: If a size is not two positive integers.
    """

    def __init__(
        self,
        frame_size: tuple[int, int] = (384, 384),
        mask_size: tuple[int, int] = (224, 224),
    ) -> None:
        check_size('ClipResize', frame_size)
        check_size('ClipResize', mask_size)
        self.frame_size = frame_size
        self.mask_size = mask_size

    def transform(self, results: dict) -> dict:
        """Resize the pictures.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with resized pictures and ``mask_size``.
        """
        resize_pictures(results, self.frame_size, self.mask_size)
        results['mask_size'] = self.mask_size
        return results


@TRANSFORMS.register_module()
class ClipResizeCenterCrop(BaseTransform):
    """Resize the short side of a clip's pictures, then crop their centre.

    The aspect ratio is kept, and the ends of the long side are cut off.
    Follows ``AVSBench@f7414af:avs_scripts/avss/color_dataloader.py``, with
    which AVSBench and AVSegFormer train on AVSS; they validate and test with
    :class:`ClipResize`. Reimplemented, no code taken. Filters as in
    :class:`ClipResize`. Masks are resized and cropped with the geometry of
    the frames: a mask of another aspect ratio is first stretched to theirs.

    Args:
        frame_size (int): Height and width of the frames.
        mask_size (int): Height and width of masks and mask prior.

    Raises:
        ValueError: If a size is below 1.
    """

    def __init__(self, frame_size: int = 224, mask_size: int = 224) -> None:
        if min(frame_size, mask_size) < 1:
            raise ValueError(
                'frame_size and mask_size must be at least 1, got '
                f'{frame_size} and {mask_size}'
            )
        self.frame_size = frame_size
        self.mask_size = mask_size

    def transform(self, results: dict) -> dict:
        """Resize and crop.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with square pictures and ``mask_size``.
        """
        shape = results['frames'].shape[1:3]
        resize_pictures(
            results,
            _with_short_side(shape, self.frame_size),
            _with_short_side(shape, self.mask_size),
        )
        for key in _PICTURE_KEYS:
            if key in results:
                size = self.frame_size if key == 'frames' else self.mask_size
                results[key] = _center_crop(results[key], size)
        results['mask_size'] = (self.mask_size, self.mask_size)
        return results


@TRANSFORMS.register_module()
class ClipRandomFlip(BaseTransform):
    """Randomly flip all frames of a clip horizontally.

    Args:
        prob (float): Probability of a flip, in [0, 1].
        salt (int): Number of this transform, see :func:`clip_rng`.

    Raises:
        ValueError: If ``prob`` is out of range.
    """

    def __init__(self, prob: float = 0.5, salt: int = 1) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be in [0, 1], got {prob}')
        self.prob = prob
        self.salt = salt

    def transform(self, results: dict) -> dict:
        """Flip the clip or not.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``flipped`` (bool).
        """
        flipped = clip_rng(results, self.salt).random() < self.prob
        for key in _PICTURE_KEYS:
            if flipped and key in results:
                results[key] = np.ascontiguousarray(results[key][:, :, ::-1])
        results['flipped'] = bool(flipped)
        return results


@TRANSFORMS.register_module()
class ClipRandomCrop(BaseTransform):
    """Crop all frames of a clip to the same random part.

    The part is drawn in relative coordinates and rounded to the pixels of
    each picture, so frames and masks of different sizes agree to half a
    pixel of the coarser one. The aspect ratio is kept; :class:`ClipResize`
    must follow.

    Args:
        scale (tuple[float, float]): Range of the part's side, as a fraction
            of the whole side in (0, 1].
        salt (int): Number of this transform, see :func:`clip_rng`.

    Raises:
        ValueError: If ``scale`` is not a range within (0, 1].
    """

    def __init__(
        self, scale: tuple[float, float] = (0.6, 1.0), salt: int = 2
    ) -> None:
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(
                f'scale must be (low, high), 0 < low <= high <= 1, got {scale}'
            )
        self.scale = scale
        self.salt = salt

    def transform(self, results: dict) -> dict:
        """Crop the clip.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``crop_box``, (top, left, bottom, right) in
            [0, 1].
        """
        rng = clip_rng(results, self.salt)
        side = rng.uniform(*self.scale)
        top, left = rng.uniform(0, 1 - side, size=2)
        box = (top, left, top + side, left + side)
        for key in _PICTURE_KEYS:
            if key in results:
                results[key] = _crop(results[key], box)
        results['crop_box'] = tuple(float(edge) for edge in box)
        return results


@TRANSFORMS.register_module()
class ClipColorJitter(BaseTransform):
    """Change brightness, contrast and saturation alike in all frames.

    Each factor is drawn from [1 - x, 1 + x]. Brightness scales the pixels,
    contrast their difference from the clip's mean grey, and saturation their
    difference from their own grey value.

    Args:
        brightness (float): Half width x, in [0, 1].
        contrast (float): Half width x, in [0, 1].
        saturation (float): Half width x, in [0, 1].
        salt (int): Number of this transform, see :func:`clip_rng`.

    Raises:
        ValueError: If a width is out of range.
    """

    def __init__(
        self,
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        salt: int = 3,
    ) -> None:
        self.widths = (brightness, contrast, saturation)
        if not all(0 <= width <= 1 for width in self.widths):
            raise ValueError(
                'brightness, contrast and saturation must be in [0, 1], got '
                f'{self.widths}'
            )
        self.salt = salt

    def transform(self, results: dict) -> dict:
        """Change the colours of the frames.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with changed ``frames``.
        """
        rng = clip_rng(results, self.salt)
        brightness, contrast, saturation = (
            np.float32(rng.uniform(1 - width, 1 + width))
            for width in self.widths
        )
        pixels = results['frames'].astype(np.float32) * brightness
        mean = (pixels @ _GREY_WEIGHTS).mean()
        pixels = mean + contrast * (pixels - mean)
        grey = (pixels @ _GREY_WEIGHTS)[..., None]
        pixels = grey + saturation * (pixels - grey)
        results['frames'] = pixels.round().clip(0, 255).astype(np.uint8)
        return results


def resize_pictures(
    results: dict, frame_size: tuple[int, int], mask_size: tuple[int, int]
) -> None:
    """Resize all pictures that a clip has, in place.

    Filters as in :class:`ClipResize`.

    Args:
        results (dict): The clip.
        frame_size (tuple[int, int]): (H, W) of the frames.
        mask_size (tuple[int, int]): (h, w) of masks and mask prior.
    """
    bilinear = Image.Resampling.BILINEAR
    nearest = Image.Resampling.NEAREST
    for key, size, filter_ in (
        ('frames', frame_size, bilinear),
        ('masks', mask_size, nearest),
        ('mask_prior', mask_size, bilinear),
    ):
        if key in results:
            results[key] = np.stack(
                [_resize(item, size, filter_) for item in results[key]]
            )


def _with_short_side(shape: tuple[int, int], short: int) -> tuple[int, int]:
    """Scale (H, W) to a short side of ``short``; the long side is floored."""
    height, width = shape
    if width > height:
        return short, width * short // height
    return height * short // width, short


def _center_crop(pictures: np.ndarray, size: int) -> np.ndarray:
    """Crop the centre of (T, H, W, ...); half offsets round to even."""
    # For size 224, sides of 227 and 229 start at 2, and 225 at 0.
    top, left = (round((side - size) / 2) for side in pictures.shape[1:3])
    return np.ascontiguousarray(
        pictures[:, top : top + size, left : left + size]
    )


def _resize(
    picture: np.ndarray, size: tuple[int, int], filter_: Image.Resampling
) -> np.ndarray:
    """Resize (H, W[, 3]) uint8 or float32 to ``size`` (H, W)."""
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    return np.array(Image.fromarray(picture).resize((width, height), filter_))


def _crop(
    pictures: np.ndarray, box: tuple[float, float, float, float]
) -> np.ndarray:
    """Crop (T, H, W, ...) to a box in relative coordinates."""
    rows = _span(box[0], box[2], pictures.shape[1])
    columns = _span(box[1], box[3], pictures.shape[2])
    return np.ascontiguousarray(pictures[:, rows, columns])


def _span(start: float, stop: float, size: int) -> slice:
    """Round a relative span to pixels; never empty."""
    first = min(round(start * size), size - 1)
    return slice(first, max(round(stop * size), first + 1))
