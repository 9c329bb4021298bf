"""Parts of a page of results: scores, classes, objects, confusions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mmavs.datasets import BaseClipDataset
from mmavs.evaluation.clip_analysis import ClipAnalysis
from mmavs.evaluation.object_statistics import (
    bin_objects,
    largest_confusions,
    list_objects,
    silent_frames,
)
from mmavs.evaluation.semantic_metric import score_classes
from mmavs.visualization.html_page import html_figure, html_table, html_text
from mmavs.visualization.result_figures import (
    confusion_figure,
    interval_figure,
)

from .mask_folder import prepare_scores

#: Share of the frame; the last end is above 1 because ends are excluded.
_AREA_EDGES = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.01)
#: dBFS.
_LOUDNESS_EDGES = (
    *(-math.inf, -50, -40, -35, -30, -25, -20, -15, -10, math.inf),
)
_NUM_CONFUSIONS = 20

_SCORES_NOTE = (
    'Each protocol averages frames, clips and classes in its own way '
    '(docs/metrics.md). Compare a score only with scores of the same '
    'protocol.'
)
_OBJECTS_NOTE = (
    'An object is a class, other than the background, in the label of a '
    'frame. Frames without one are not counted here. Loudness is the level of '
    'the second of sound that belongs to the frame, 20 log10(RMS); minus '
    'infinity is silence.'
)
_CONFUSION_NOTE = (
    'Pixels of all clips. Each row is divided by the number of pixels of its '
    'true class.'
)


def result_parts(
    analyses: Sequence[ClipAnalysis], dataset: BaseClipDataset
) -> list[str]:
    """Make all parts of a page of results except the clips.

    Args:
        analyses (Sequence[ClipAnalysis]): One per clip, in order.
        dataset (BaseClipDataset): The clips.

    Returns:
        list[str]: HTML.
    """
    scores = [analysis.scores for analysis in analyses]
    figures = prepare_scores(scores, dataset)(np.arange(len(analyses)))
    parts = [
        html_text('h2', 'Scores by protocol'),
        html_text('p', _SCORES_NOTE),
        _protocol_table(figures),
        html_text('h2', 'Size and sound'),
        html_text('p', _OBJECTS_NOTE),
        html_text('p', _silent_frames(analyses)),
        *_object_figures(analyses),
    ]
    if len(dataset.metainfo['classes']) > 2:
        parts += _class_parts(analyses, dataset.metainfo['classes'])
    return parts


def _protocol_table(figures: Mapping[str, float]) -> str:
    """Lay ``<protocol>/<score>`` out as a row per protocol."""
    keys = [name.split('/') for name in figures]
    protocols = list(dict.fromkeys(protocol for protocol, _ in keys))
    names = list(dict.fromkeys(name for _, name in keys))
    rows = [
        [protocol]
        + [figures.get(f'{protocol}/{name}', math.nan) for name in names]
        for protocol in protocols
    ]
    return html_table(['protocol', *names], rows)


def _silent_frames(analyses: Sequence[ClipAnalysis]) -> str:
    """Say how much is predicted in frames whose label is empty."""
    silent, share = silent_frames(analyses)
    total = sum(analysis.num_frames for analysis in analyses)
    text = f'{silent} of {total} frames have no object in their label.'
    if silent:
        text += f' There, {share:.2%} of the pixels are predicted as one.'
    return text


def _object_figures(analyses: Sequence[ClipAnalysis]) -> list[str]:
    objects = list_objects(analyses)
    if not len(objects.iou):
        return [html_text('p', 'No label has an object.')]
    parts = []
    for title, values, edges, name in (
        ('area, percent of the frame', objects.area, _AREA_EDGES, _percents),
        ('loudness, dBFS', objects.loudness, _LOUDNESS_EDGES, _decibels),
    ):
        bins = bin_objects(objects.iou, values, edges)
        figure = interval_figure(
            title,
            [name(each.low, each.high) for each in bins],
            [each.num_objects for each in bins],
            [each.mean for each in bins],
            [each.quartiles for each in bins],
        )
        parts.append(html_figure(figure, f'IoU against {title}'))
    return parts


def _percents(low: float, high: float) -> str:
    return f'{100 * low:.0f} to {min(100 * high, 100):.0f}'


def _decibels(low: float, high: float) -> str:
    if low == -math.inf:
        return f'below {high:.0f}'
    return (
        f'above {low:.0f}' if high == math.inf else f'{low:.0f} to {high:.0f}'
    )


def _class_parts(
    analyses: Sequence[ClipAnalysis], classes: Sequence[str]
) -> list[str]:
    entries = [analysis.scores for analysis in analyses]
    by_frame = score_classes(entries, 'present')  # type: ignore[arg-type]
    by_pixel = score_classes(entries, 'dataset')  # type: ignore[arg-type]
    present = np.flatnonzero(by_frame.num_frames)
    order = present[np.argsort(by_frame.iou[present], kind='stable')]
    rows = [
        [classes[index], int(by_frame.num_frames[index])]
        + [float(by_frame.iou[index]), float(by_frame.f_score[index])]
        + [float(by_pixel.iou[index]), float(by_pixel.f_score[index])]
        for index in order
    ]
    columns = ['class', 'frames', 'IoU', 'F', 'IoU, all pixels']
    confusion = np.sum([analysis.confusion for analysis in analyses], axis=0)
    confusions: list[list[str | int | float]] = [
        [classes[c.true], classes[c.predicted], c.share, c.pixels]
        for c in largest_confusions(confusion, _NUM_CONFUSIONS)
    ]
    figure = confusion_figure(confusion, classes)
    return [
        html_text('h2', f'{len(present)} classes, lowest IoU first'),
        html_text(
            'p',
            'IoU and F are means over the frames that have the class in '
            'prediction or label; "all pixels" sums pixels over all frames.',
        ),
        html_table([*columns, 'F, all pixels'], rows),
        html_text('h2', 'Confusions'),
        html_text('p', _CONFUSION_NOTE),
        html_figure(figure, 'Confusion matrix'),
        html_table(
            ['true', 'predicted', 'share of true', 'pixels'], confusions
        ),
    ]
