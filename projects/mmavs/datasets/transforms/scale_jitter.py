"""Resize a clip by a random factor."""

from __future__ import annotations

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from .geometry import clip_rng, resize_pictures


@TRANSFORMS.register_module()
class ClipScaleJitter(BaseTransform):
    """Resize all pictures of a clip by one random factor, keeping the aspect.

    A factor s is drawn uniformly; a frame of (h, w) gets the size
    ``floor(r * h), floor(r * w)`` with ``r = s * min(H / h, W / w)``, at
    least 1, and masks and mask prior get that size, too. :class:`ClipResize`
    must follow. It brings every clip to one size, so small factors blur the
    frames and coarsen the masks, and nothing is cropped.

    EASE trains with it; behaviour follows ``ilpoviertola/EASE@12ab645:
    datasets/transforms.py`` (torchvision's ``ScaleJitter``), reimplemented, no
    code taken. Filters as in :class:`ClipResize`: masks use the pixel nearest
    to the centre, torchvision's nearest the one left and above of it.

    Args:
        target_size (tuple[int, int]): (H, W) into which a frame fits at
            s = 1.
        scale (tuple[float, float]): Range of s.
        salt (int): Number of this transform, see :func:`clip_rng`.

    Raises:
        ValueError: If ``scale`` is not a range of positive numbers.
    """

    def __init__(
        self,
        target_size: tuple[int, int],
        scale: tuple[float, float] = (0.1, 2.0),
        salt: int = 5,
    ) -> None:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(
                f'scale must be (low, high), 0 < low <= high, got {scale}'
            )
        self.target_size = target_size
        self.scale = scale
        self.salt = salt

    def transform(self, results: dict) -> dict:
        """Resize the clip.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with resized pictures.
        """
        factor = clip_rng(results, self.salt).uniform(*self.scale)
        height, width = results['frames'].shape[1:3]
        ratio = factor * min(
            self.target_size[0] / height, self.target_size[1] / width
        )
        size = (max(int(ratio * height), 1), max(int(ratio * width), 1))
        resize_pictures(results, size, size)
        return results
