"""Open image files, with errors that name the clip."""

from __future__ import annotations

import os

from PIL import Image


def open_image(path: str | os.PathLike[str], where: str) -> Image.Image:
    """Open and decode an image with Pillow.

    Args:
        path (str | os.PathLike[str]): The file.
        where (str): Kind of file, its path and its clip, for errors.

    Returns:
        Image.Image: The decoded image; ``format`` and ``mode`` as stored.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be decoded: it is truncated, not an
            image, a directory, a symbolic link to itself, or has more pixels
            than Pillow accepts.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise FileNotFoundError(f'no {where}') from error
    # Pillow raises SyntaxError for a broken PNG, mostly OSError otherwise.
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f'cannot read ({error}) {where}') from error
