"""Mean, spread and interval over seeds, by hand."""

import pytest
from mmavs.evaluation.seeds import (
    summarise,
    summarise_metrics,
    summarise_robustness,
)


def test_mean_spread_and_interval_by_hand():
    """Sample deviation of 1, 2, 6: sqrt((4 + 1 + 9) / 2) = sqrt(7).

    The quantile 0.975 of t with 2 degrees of freedom is 4.303.
    """
    half = 4.302653 * 7**0.5 / 3**0.5
    assert summarise([1.0, 2.0, 6.0]) == dict(
        mean=3.0,
        spread=pytest.approx(7**0.5),
        interval=pytest.approx([3 - half, 3 + half]),
        values=[1.0, 2.0, 6.0],
    )


def test_one_seed_has_no_spread():
    assert summarise([0.25]) == dict(
        mean=0.25, spread=None, interval=None, values=[0.25]
    )


def test_only_metrics_with_a_protocol():
    runs = [{'split/mIoU': 0.5, 'clips': 3}, {'split/mIoU': 0.5, 'clips': 3}]
    assert set(summarise_metrics(runs)) == {'split/mIoU'}


def test_robustness_over_seeds_by_hand():
    runs = [
        dict(
            robustness=dict(
                conditions=dict(silence=dict(FPR=fpr)),
                summary={'G-FPR': 2 * fpr},
            )
        )
        for fpr in (0.1, 0.3)
    ]
    summary = summarise_robustness(runs)
    assert summary['silence/FPR']['mean'] == pytest.approx(0.2)
    assert summary['summary/G-FPR']['values'] == [0.2, 0.6]
