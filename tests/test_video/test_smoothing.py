"""mmavs.video.smoothing: a majority vote of consecutive masks."""

import numpy as np
import pytest
from mmavs.video import majority_vote


def smooth(rows, num_masks):
    """Smooth masks of one row each."""
    masks = [np.array([row], np.uint8) for row in rows]
    return [mask[0].tolist() for mask in majority_vote(masks, num_masks)]


def test_by_hand():
    """A pixel per column: flicker, a gap, a start, three classes.

    In the last column, the votes 1, 2, 3 are a tie that the own class wins;
    at the first and the last mask there are two votes, so it wins there, too.
    """
    rows = [
        [0, 1, 0, 1],
        [1, 0, 0, 2],
        [0, 1, 1, 3],
        [0, 1, 1, 3],
    ]
    assert smooth(rows, 3) == [
        [0, 1, 0, 1],
        [0, 1, 0, 2],
        [0, 1, 1, 3],
        [0, 1, 1, 3],
    ]


def test_longer_than_the_video():
    """Seven votes of three masks: all three vote."""
    assert smooth([[0], [1], [1]], 7) == [[1], [1], [1]]


def test_each_mask_sees_the_masks_around_it():
    """5 of 6 masks: two before and two after it, at the ends fewer.

    Mask 3: votes 0 1 1 0 0 of masks 1..5 -> 0; mask 4: 1 1 0 0 of 2..5 is a
    tie, its own 0 wins.
    """
    rows = [[0], [0], [1], [1], [0], [0]]
    assert smooth(rows, 5) == [[0], [0], [0], [0], [0], [0]]


def test_one_mask_changes_nothing():
    rows = [[0, 1], [1, 0], [0, 1]]
    assert smooth(rows, 1) == rows


def test_masks_are_taken_as_they_are_needed():
    """With three votes, one mask is read ahead."""
    taken = []

    def masks():
        for number in range(5):
            taken.append(number)
            yield np.full((1, 1), number, np.uint8)

    next(majority_vote(masks(), 3))
    assert taken == [0, 1]


@pytest.mark.parametrize('num_masks', [0, 2, -1])
def test_even_numbers(num_masks):
    with pytest.raises(ValueError, match=f'odd .* got {num_masks}'):
        smooth([[0]], num_masks)
