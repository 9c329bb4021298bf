"""Mean, spread and confidence interval over the seeds of a training."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import stdtrit

#: Share of the intervals that contain the expected value.
CONFIDENCE = 0.95


def summarise(values: Sequence[float]) -> dict[str, Any]:
    """Compute mean, spread and interval of one metric.

    Args:
        values (Sequence[float]): One value per seed.

    Returns:
        dict[str, Any]: ``mean``; ``spread``, the sample standard deviation;
        ``interval``, the two ends of the 95 % confidence interval of the
        mean by Student's t distribution; ``values``. Spread and interval are
        None for a single seed.
    """
    mean, num = statistics.fmean(values), len(values)
    spread = interval = None
    if num > 1:
        spread = statistics.stdev(values)
        quantile = float(stdtrit(num - 1, (1 + CONFIDENCE) / 2))
        half = quantile * spread / num**0.5
        interval = [mean - half, mean + half]
    return dict(
        mean=mean, spread=spread, interval=interval, values=list(values)
    )


def summarise_metrics(
    runs: Sequence[Mapping[str, float]],
) -> dict[str, dict[str, Any]]:
    """Summarise all metrics that have a protocol.

    Args:
        runs (Sequence[Mapping[str, float]]): Metrics of each seed, by
            ``protocol/metric``; other names are left out.

    Returns:
        dict[str, dict[str, Any]]: By name, from :func:`summarise`.
    """
    return {
        name: summarise([run[name] for run in runs])
        for name in runs[0]
        if '/' in name
    }


def summarise_robustness(
    runs: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Summarise the figures of ``tools/robustness.py`` over the seeds.

    Args:
        runs (Sequence[Mapping[str, Any]]): With ``robustness``.

    Returns:
        dict[str, dict[str, Any]]: By ``condition/figure``, and by
        ``summary/figure`` for the figures over the negatives.
    """
    flat = []
    for run in runs:
        found = run['robustness']
        parts = {**found['conditions'], 'summary': found['summary'] or {}}
        flat.append(
            {
                f'{part}/{name}': value
                for part, figures in parts.items()
                for name, value in figures.items()
            }
        )
    return summarise_metrics(flat)
