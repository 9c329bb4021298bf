"""The classes, the palette and the colour code of AVSBench."""

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
    # Alphabetical behind the background.
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
    found = colours_to_ids(AVSBENCH_PALETTE[ids], unknown_colour='error')
    np.testing.assert_array_equal(found, ids)
    assert found.dtype == np.int64


def test_unknown_colours_become_background_unless_refused():
    image = AVSBENCH_PALETTE[[[70, 70, 17]]]
    image[0, 1] = (1, 2, 3)
    np.testing.assert_array_equal(colours_to_ids(image), [[70, 0, 17]])
    with pytest.raises(ValueError, match=r'got 1 pixels.*first \(1, 2, 3\)'):
        colours_to_ids(image, unknown_colour='error')


def test_colours_beyond_the_last_known_one_are_unknown():
    """The search in the sorted colours must not run off its end."""
    white = np.full((1, 1, 3), 255, dtype=np.uint8)
    np.testing.assert_array_equal(colours_to_ids(white), [[0]])


def test_metainfo_of_both_label_sets():
    binary, semantic = get_metainfo('binary'), get_metainfo('semantic')
    assert binary['classes'] == ('background', 'sounding')
    assert len(binary['palette']) == 2
    assert semantic['classes'] == AVSBENCH_CLASSES
    assert semantic['palette'][1] == [128, 0, 0]
    with pytest.raises(ValueError, match="'binary' or 'semantic', got 'x'"):
        get_metainfo('x')
