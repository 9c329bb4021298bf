"""The list of class names that is drawn on a video."""

import numpy as np
from mmavs.video.legend import draw_legend

CLASSES = ('background', 'red thing', 'blue thing', 'a much longer name')
PALETTE = [(0, 0, 0), (200, 0, 0), (0, 0, 200), (0, 200, 0)]


def _legend(ids, size=(240, 320)):
    mask = np.zeros(size, np.uint8)
    mask[0, : len(ids)] = ids
    return draw_legend(mask, classes=CLASSES, palette=PALETTE)


def _count(image, class_id):
    return int((image == PALETTE[class_id]).all(-1).sum())


def test_a_line_for_each_class_shown():
    one, two = _legend([1]), _legend([2, 1, 1])
    assert two.shape[0] == 2 * one.shape[0]
    # The lines follow the ids: red above blue.
    assert _count(two[: one.shape[0]], 1) > 20
    assert _count(two[one.shape[0] :], 2) > 20
    assert _count(one, 1) == _count(two, 1)
    assert _count(two, 3) == 0


def test_the_name_is_written_and_fits():
    short, long = _legend([1]), _legend([3])
    assert long.shape[1] > short.shape[1]
    text = long[:, long.shape[0] :].max(-1)
    assert (text > 128).sum() > 50
    assert not (text[:, -2:] > 128).any()


def test_nothing_is_listed_for_silence():
    assert _legend([0]).shape[0] == 0


def test_it_is_cut_to_a_tiny_picture():
    assert _legend([1, 2, 3], size=(16, 24)).shape == (16, 24, 3)
