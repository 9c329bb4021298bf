"""Classes, palettes and the colour code of AVSBench."""

from __future__ import annotations

from typing import Literal

import numpy as np

#: The 71 classes of AVSBench-semantic; the position is the class id. The
#: values of the data set's ``label2idx.json`` are one higher (1-based).
AVSBENCH_CLASSES = (
    'background', 'accordion', 'airplane', 'axe', 'baby', 'bassoon', 'bell',
    'bird', 'boat', 'boy', 'bus', 'car', 'cat', 'cello', 'clarinet',
    'clipper', 'clock', 'dog', 'donkey', 'drum', 'duck', 'elephant',
    'emergency-car', 'erhu', 'flute', 'frying-food', 'girl', 'goose',
    'guitar', 'gun', 'guzheng', 'hair-dryer', 'handpan', 'harmonica', 'harp',
    'helicopter', 'hen', 'horse', 'keyboard', 'leopard', 'lion', 'man',
    'marimba', 'missile-rocket', 'motorcycle', 'mower', 'parrot', 'piano',
    'pig', 'pipa', 'saw', 'saxophone', 'sheep', 'sitar', 'sorna', 'squirrel',
    'tabla', 'tank', 'tiger', 'tractor', 'train', 'trombone', 'truck',
    'trumpet', 'tuba', 'ukulele', 'utv', 'vacuum-cleaner', 'violin', 'wolf',
    'woman',
)  # fmt: skip

#: Broad categories of the classes, for the sounds of other categories that
#: ``sound_from='offscreen'`` draws. The four categories are those of
#: AVSBench-Robust (https://arxiv.org/abs/2502.00358); ``keyboard`` is a
#: computer's, as in AVSBench.
AVSBENCH_CATEGORIES = {
    'music': (
        'accordion', 'bassoon', 'bell', 'cello', 'clarinet', 'drum', 'erhu',
        'flute', 'guitar', 'guzheng', 'handpan', 'harmonica', 'harp',
        'marimba', 'piano', 'pipa', 'saxophone', 'sitar', 'sorna', 'tabla',
        'trombone', 'trumpet', 'tuba', 'ukulele', 'violin',
    ),
    'human': ('baby', 'boy', 'girl', 'man', 'woman'),
    'animal': (
        'bird', 'cat', 'dog', 'donkey', 'duck', 'elephant', 'goose', 'hen',
        'horse', 'leopard', 'lion', 'parrot', 'pig', 'sheep', 'squirrel',
        'tiger', 'wolf',
    ),
    'device': (
        'airplane', 'axe', 'boat', 'bus', 'car', 'clipper', 'clock',
        'emergency-car', 'frying-food', 'gun', 'hair-dryer', 'helicopter',
        'keyboard', 'missile-rocket', 'motorcycle', 'mower', 'saw', 'tank',
        'tractor', 'train', 'truck', 'utv', 'vacuum-cleaner',
    ),
}  # fmt: skip

#: The two classes of stage one and how pictures show them.
BINARY_CLASSES = ('background', 'sounding')
BINARY_PALETTE = ((0, 0, 0), (230, 60, 60))

#: Number of unknown colours that an error message lists.
_NUM_NAMED_COLOURS = 3


def voc_palette(num_colours: int) -> np.ndarray:
    """Compute the first colours of the PASCAL VOC colour map.

    Bits 0, 3, 6 of the index go to the high bits of red, bits 1, 4, 7 to
    green and bits 2, 5 to blue, so that similar ids get different colours.
    AVSBench-semantic colours its labels with the first 71 colours.

    Args:
        num_colours (int): Number of colours, at most 256.

    Returns:
        np.ndarray: (num_colours, 3) uint8, RGB.
    """
    ids = np.arange(num_colours)
    palette = np.zeros((num_colours, 3), dtype=np.int64)
    for step in range(3):
        for channel in range(3):
            bit = ids >> (3 * step + channel) & 1
            palette[:, channel] |= bit << (7 - step)
    return palette.astype(np.uint8)


AVSBENCH_PALETTE = voc_palette(len(AVSBENCH_CLASSES))


def colours_to_ids(
    image: np.ndarray,
    *,
    unknown_colour: Literal['error', 'background'] = 'error',
) -> np.ndarray:
    """Convert an image in the 71-colour palette to class ids.

    Args:
        image (np.ndarray): (H, W, 3) uint8, RGB.
        unknown_colour (str): What to do with pixels of any other colour:
            ``'error'``, or ``'background'``, as in the published code.

    Returns:
        np.ndarray: (H, W) int64, 0..70.

    Raises:
        ValueError: If ``unknown_colour='error'`` and there is such a pixel;
            the text names the most frequent colours and counts their pixels.
    """
    ids, is_known = known_colours(image)
    if unknown_colour == 'error' and not is_known.all():
        packed = _pack(image)
        raise ValueError(
            f'expected only the {len(AVSBENCH_PALETTE)} colours of the '
            f'palette, got {_describe_colours(packed[~is_known])} of '
            f'{packed.size} pixels'
        )
    return np.where(is_known, ids, 0).astype(np.int64)


def known_colours(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look up the colours of an image in the palette of 71 colours.

    Args:
        image (np.ndarray): (H, W, 3) uint8, RGB.

    Returns:
        tuple[np.ndarray, np.ndarray]: (H, W) int64, class ids, arbitrary for
        other colours; and (H, W) bool, whether the palette has the colour.
    """
    order = np.argsort(_pack(AVSBENCH_PALETTE))
    known = _pack(AVSBENCH_PALETTE)[order]
    packed = _pack(image)
    position = np.minimum(np.searchsorted(known, packed), len(known) - 1)
    return order[position], known[position] == packed


def get_metainfo(labels: str) -> dict:
    """Return the metainfo (classes, palette) of a label set.

    Args:
        labels (str): ``'binary'`` (background, sounding) or ``'semantic'``
            (the 71 classes).

    Returns:
        dict: ``classes`` (tuple of str) and ``palette`` (list of RGB lists),
        as mmseg's visualizer and metrics expect them.

    Raises:
        ValueError: If ``labels`` is neither.
    """
    if labels == 'binary':
        palette = [list(colour) for colour in BINARY_PALETTE]
        return dict(classes=BINARY_CLASSES, palette=palette)
    if labels == 'semantic':
        return dict(
            classes=AVSBENCH_CLASSES, palette=AVSBENCH_PALETTE.tolist()
        )
    raise ValueError(f"labels must be 'binary' or 'semantic', got {labels!r}")


def _pack(colours: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 RGB -> (...) int64, one number per colour."""
    red, green, blue = np.moveaxis(colours.astype(np.int64), -1, 0)
    return red << 16 | green << 8 | blue


def _describe_colours(packed: np.ndarray) -> str:
    """List the most frequent packed colours with their pixel counts."""
    colours, counts = np.unique(packed, return_counts=True)
    most = np.argsort(-counts, kind='stable')[:_NUM_NAMED_COLOURS]
    names = [
        f'RGB ({colours[i] >> 16}, {colours[i] >> 8 & 255}, '
        f'{colours[i] & 255}) in {counts[i]}'
        for i in most
    ]
    rest = counts.sum() - counts[most].sum()
    if rest:
        others = len(colours) - len(most)
        names.append(f'{others} other colours in {rest}')
    return ', '.join(names)
