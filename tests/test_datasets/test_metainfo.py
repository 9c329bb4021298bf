"""The classes, the palette and the colour code of AVSBench."""

import re

import numpy as np
import pytest
from mmavs.datasets.metainfo import (
    AVSBENCH_CLASSES,
    AVSBENCH_PALETTE,
    colours_to_ids,
    get_metainfo,
)


def test_class_ids_of_the_published_list():
    assert len(set(AVSBENCH_CLASSES)) == 71
    expected = {0: 'background', 1: 'accordion', 14: 'clarinet', 70: 'woman'}
    assert {i: AVSBENCH_CLASSES[i] for i in expected} == expected
    # Alphabetical after the background.
    assert list(AVSBENCH_CLASSES[1:]) == sorted(AVSBENCH_CLASSES[1:])


@pytest.mark.parametrize(
    ('class_id', 'colour'),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (2, (0, 128, 0)),
        (3, (128, 128, 0)),
        (4, (0, 0, 128)),
        (8, (64, 0, 0)),
        # 14 = 0b001110: bits 1, 2 -> high bits of green and blue; bit 3 ->
        # second bit of red. A published label of a clarinet has this colour.
        (14, (64, 128, 128)),
        (16, (0, 64, 0)),
        (64, (32, 0, 0)),
        (70, (32, 128, 128)),
    ],
)
def test_palette_is_the_voc_colour_map(class_id, colour):
    assert tuple(AVSBENCH_PALETTE[class_id]) == colour


def test_every_colour_comes_back_as_its_id():
    ids = np.arange(71).reshape(1, 71)
    found = colours_to_ids(AVSBENCH_PALETTE[ids])
    np.testing.assert_array_equal(found, ids)
    assert found.dtype == np.int64


def test_unknown_colours_are_an_error_unless_they_are_background():
    image = AVSBENCH_PALETTE[[[70, 70, 17]]]
    image[0, 1] = (1, 2, 3)
    found = colours_to_ids(image, unknown_colour='background')
    np.testing.assert_array_equal(found, [[70, 0, 17]])
    message = r'got RGB \(1, 2, 3\) in 1 of 3 pixels'
    with pytest.raises(ValueError, match=message):
        colours_to_ids(image)


def test_the_most_frequent_unknown_colours_are_named_and_all_counted():
    grey = np.array([[7, 7, 8, 9, 9, 9, 10, 11, 12, 0]], dtype=np.uint8)
    message = (
        'got RGB (9, 9, 9) in 3, RGB (7, 7, 7) in 2, RGB (8, 8, 8) in 1, '
        '3 other colours in 3 of 10 pixels'
    )
    with pytest.raises(ValueError, match=f'{re.escape(message)}$'):
        colours_to_ids(np.stack([grey] * 3, axis=-1))


def test_colours_beyond_the_last_known_one_are_unknown():
    """The search in the sorted colours stops at their end."""
    white = np.full((1, 1, 3), 255, dtype=np.uint8)
    found = colours_to_ids(white, unknown_colour='background')
    np.testing.assert_array_equal(found, [[0]])


def test_metainfo_of_both_label_sets():
    binary, semantic = get_metainfo('binary'), get_metainfo('semantic')
    assert binary['classes'] == ('background', 'sounding')
    assert len(binary['palette']) == 2
    assert semantic['classes'] == AVSBENCH_CLASSES
    assert semantic['palette'][1] == [128, 0, 0]
    with pytest.raises(ValueError, match="'binary' or 'semantic', got 'x'"):
        get_metainfo('x')
