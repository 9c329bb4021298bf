"""The rule that removes specks from labels."""

import numpy as np
from mmavs.validation.specks import UNKNOWN, remove_specks

#: Object of class 7 on background.
LABEL = np.zeros((8, 10), np.int64)
LABEL[2:6, 2:7] = 7  # 20 pixels


def _with(pixels, value):
    label = LABEL.copy()
    for row, column in pixels:
        label[row, column] = value
    return label


def _clean(*labels, max_pixels=2):
    return remove_specks(labels, max_pixels)


def test_a_speck_becomes_what_surrounds_it():
    inside = _with([(3, 3), (3, 4)], 5)
    outside = _with([(0, 0), (1, 1)], 5)  # they touch at a corner
    cleaned = _clean(inside, outside)
    assert (cleaned[0] == LABEL).all()
    assert (cleaned[1] == LABEL).all()
    assert inside[3, 3] == 5  # the argument is not changed


def test_a_class_that_is_larger_in_another_frame_is_kept():
    small, large = _with([(0, 0)], 5), _with([(0, k) for k in range(3)], 5)
    kept = _clean(small, large)
    assert (kept[0] == small).all()
    assert (kept[1] == large).all()
    assert (_clean(small)[0] == LABEL).all()


def test_unknown_colours_are_replaced_region_by_region():
    """Also if another region of unknown colours is too large."""
    long = [(7, k) for k in range(3)]
    label = _with([(3, 3), *long], UNKNOWN)
    assert (_clean(label)[0] == _with(long, UNKNOWN)).all()


def test_the_smallest_of_equally_frequent_classes_wins():
    """The corner touches two pixels of class 7, one of 9, none of 0."""
    label = np.full((4, 4), 9)
    label[0, 1] = label[1, 0] = 7
    label[0, 0] = 5
    label[1, 2:] = label[3] = 7
    assert _clean(label)[0][0, 0] == 7
    tie = np.full((3, 4), 9)
    tie[:, 2:] = 7
    tie[1, 1] = 5
    # Three pixels of 7 to the right, five of 9 around.
    assert _clean(tie)[0][1, 1] == 9
    tie[0, 0] = 7  # four each
    assert _clean(tie)[0][1, 1] == 7


def test_specks_do_not_vote_and_background_remains():
    """Two stray classes side by side, with nothing else around them."""
    label = np.array([[5, 6]])
    assert _clean(label)[0].tolist() == [[0, 0]]
