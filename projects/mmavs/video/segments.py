"""Regions of masks, as COCO results and as events."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from ..atomic_file import atomic_path
from .mask_times import MaskTimes
from .reading import VideoFacts

#: A class sounds in a mask if it covers at least this part of the picture;
#: smaller regions would split events and add short ones.
MIN_EVENT_AREA = 0.001


class Segment(NamedTuple):
    """The pixels of one class in one mask.

    Attributes:
        number (int): Number of the mask.
        class_id (int): Its class, 1 or more.
        area (int): Number of pixels.
        box (tuple[int, int, int, int]): Left, top, width and height of the
            smallest box around them, in pixels.
        score (float): Mean over the pixels of the score for being part of a
            sounding object.
        rle (dict[str, Any]): ``size`` [H, W] and ``counts``, compressed as
            by pycocotools.
    """

    number: int
    class_id: int
    area: int
    box: tuple[int, int, int, int]
    score: float
    rle: dict[str, Any]


def find_segments(
    mask: np.ndarray, score: np.ndarray, number: int
) -> list[Segment]:
    """Find the regions of a mask, one for each class in it.

    Args:
        mask (np.ndarray): (H, W) uint8 class ids, 0 is background.
        score (np.ndarray): (H, W) in [0, 1].
        number (int): Number of the mask.

    Returns:
        list[Segment]: In the order of the class ids.
    """
    segments = []
    for class_id in np.unique(mask):
        if class_id == 0:
            continue
        region = mask == class_id
        rle = coco_mask.encode(np.asfortranarray(region.astype(np.uint8)))
        rle['counts'] = rle['counts'].decode('ascii')
        left, top, width, height = coco_mask.toBbox(rle).astype(int).tolist()
        segments.append(
            Segment(
                number=number,
                class_id=int(class_id),
                area=int(region.sum()),
                box=(left, top, width, height),
                score=float(score[region].mean()),
                rle=rle,
            )
        )
    return segments


def coco_results(
    segments: Sequence[Segment],
    facts: VideoFacts,
    times: MaskTimes,
    classes: Sequence[str],
) -> dict[str, Any]:
    """Describe the masks of a video in the format of COCO.

    Args:
        segments (Sequence[Segment]): Of all masks.
        facts (VideoFacts): Of the video.
        times (MaskTimes): Times of the masks.
        classes (Sequence[str]): Name of each class id.

    Returns:
        dict[str, Any]: ``images``, one for each mask, with its ``time`` in
        seconds and the ``start`` and ``end`` of the time for which it
        stands; ``categories``, the classes without background;
        ``annotations``, which pycocotools reads, with a ``score``.
    """
    images = []
    for index, time in enumerate(times):
        start, end = times.span(index)
        images.append(
            dict(
                id=index,
                file_name=f'{index}.png',
                width=facts.width,
                height=facts.height,
                time=min(float(time), facts.duration),
                start=start,
                end=end,
            )
        )
    annotations = [
        dict(
            id=index,
            image_id=segment.number,
            category_id=segment.class_id,
            segmentation=segment.rle,
            area=segment.area,
            bbox=list(segment.box),
            iscrowd=0,
            score=round(segment.score, 6),
        )
        # pycocotools takes id 0 for "no match".
        for index, segment in enumerate(segments, start=1)
    ]
    return dict(
        info=dict(
            description=f'sounding objects in {facts.path.name}',
            masks_per_second=times.rate,
        ),
        images=images,
        categories=[
            dict(id=class_id, name=name)
            for class_id, name in enumerate(classes)
            if class_id > 0
        ],
        annotations=annotations,
    )


class Event(NamedTuple):
    """A time during which a class sounds, according to the masks.

    Attributes:
        class_id (int): The class.
        start (float): First second.
        end (float): Last second.
        mean_area (float): Mean part of the picture that it covers, 0..1.
        score (float): Mean score of its segments.
    """

    class_id: int
    start: float
    end: float
    mean_area: float
    score: float


def find_events(
    segments: Sequence[Segment], facts: VideoFacts, times: MaskTimes
) -> list[Event]:
    """Join the segments of a class in consecutive masks.

    Args:
        segments (Sequence[Segment]): Of all masks, in order; those that cover
            less than ``MIN_EVENT_AREA`` of the picture are left out.
        facts (VideoFacts): Of the video.
        times (MaskTimes): Times of the masks.

    Returns:
        list[Event]: Ordered by start, then by class.
    """
    num_pixels = facts.width * facts.height
    runs: dict[int, list[list[Segment]]] = {}
    for segment in segments:
        if segment.area < MIN_EVENT_AREA * num_pixels:
            continue
        own = runs.setdefault(segment.class_id, [])
        if own and own[-1][-1].number == segment.number - 1:
            own[-1].append(segment)
        else:
            own.append([segment])
    events = [
        Event(
            class_id=class_id,
            start=times.span(run[0].number)[0],
            end=times.span(run[-1].number)[1],
            mean_area=float(np.mean([s.area for s in run])) / num_pixels,
            score=float(np.mean([s.score for s in run])),
        )
        for class_id, own in runs.items()
        for run in own
    ]
    return sorted(events, key=lambda event: (event.start, event.class_id))


def write_events(
    events: Sequence[Event], classes: Sequence[str], out: Path
) -> None:
    """Write events as a table.

    Args:
        events (Sequence[Event]): The events.
        classes (Sequence[str]): Name of each class id.
        out (Path): CSV file with the columns class, from, to, mean_area and
            score.
    """
    with (
        atomic_path(out) as part,
        open(part, 'w', encoding='utf-8', newline='') as file,
    ):
        table = csv.writer(file)
        table.writerow(['class', 'from', 'to', 'mean_area', 'score'])
        for event in events:
            numbers = (event.start, event.end)
            shares = (event.mean_area, event.score)
            table.writerow(
                [
                    classes[event.class_id],
                    *(f'{value:.3f}' for value in numbers),
                    *(f'{value:.5f}' for value in shares),
                ]
            )
