"""mmavs.video.segments: COCO results and events, worked by hand."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from mmavs.atomic_file import write_json
from mmavs.video import MaskTimes, VideoFacts
from mmavs.video.segments import (
    coco_results,
    find_events,
    find_segments,
    write_events,
)
from pycocotools.coco import COCO

CLASSES = ('background', 'dog', 'bell')
FACTS = VideoFacts(
    path=Path('a.mp4'), height=10, width=20, fps=10, peak_fps=10,
    num_frames=26, num_seconds=3, duration=2.6, rotation=0,
    sound_codec='aac', sound_rate=16000, sound_seconds=2.6, start=Fraction(0),
)  # fmt: skip


def masks():
    """A dog of 3 x 4 pixels in seconds 0 and 2, a bell of 2 in second 2."""
    masks = np.zeros((3, 10, 20), np.uint8)
    masks[0, 2:5, 6:10] = 1
    masks[2, 2:5, 6:10] = 1
    masks[2, 9, 18:] = 2
    return masks


def segments():
    """Scores: 0.5 everywhere, 0.8 at one of twelve pixels of the dog."""
    score = np.full((10, 20), 0.5)
    score[2, 6] = 0.8
    return [
        segment
        for number, mask in enumerate(masks())
        for segment in find_segments(mask, score, number)
    ]


def test_segments():
    found = segments()
    assert [(s.number, s.class_id, s.area, s.box) for s in found] == [
        (0, 1, 12, (6, 2, 4, 3)),
        (2, 1, 12, (6, 2, 4, 3)),
        (2, 2, 2, (18, 9, 2, 1)),
    ]
    # (11 x 0.5 + 0.8) / 12
    assert found[0].score == pytest.approx(0.525)


def test_coco_reads_the_results(tmp_path):
    """pycocotools gives back the masks; categories are the class ids."""
    times = MaskTimes(FACTS)
    content = coco_results(segments(), FACTS, times, CLASSES)
    write_json(tmp_path / 'coco.json', content)
    coco = COCO(tmp_path / 'coco.json')
    assert {c['id']: c['name'] for c in coco.cats.values()} == {
        1: 'dog',
        2: 'bell',
    }
    for number, mask in enumerate(masks()):
        read = np.zeros_like(mask)
        for annotation in coco.imgToAnns[number]:
            region = coco.annToMask(annotation)
            read[region > 0] = annotation['category_id']
            assert annotation['area'] == region.sum()
        np.testing.assert_array_equal(read, mask)
    images = [coco.imgs[number] for number in range(3)]
    assert [image['time'] for image in images] == [0.9375, 1.9375, 2.6]
    assert [(i['start'], i['end']) for i in images] == [
        (0, 1), (1, 2), (2, 2.6),
    ]  # fmt: skip


def test_events(tmp_path):
    """The dog twice; its 12 of 200 pixels are 0.06 of the picture."""
    events = find_events(segments(), FACTS, MaskTimes(FACTS))
    write_events(events, CLASSES, tmp_path / 'events.csv')
    assert (tmp_path / 'events.csv').read_text().splitlines() == [
        'class,from,to,mean_area,score',
        'dog,0.000,1.000,0.06000,0.52500',
        'dog,2.000,2.600,0.06000,0.52500',
        'bell,2.000,2.600,0.01000,0.50000',
    ]


def test_consecutive_masks_are_one_event():
    mask = np.zeros((10, 20), np.uint8)
    mask[:, :2] = 1
    score = np.full((10, 20), 0.5)
    found = [
        s for number in (0, 1, 2) for s in find_segments(mask, score, number)
    ]
    (event,) = find_events(found, FACTS, MaskTimes(FACTS))
    assert (event.start, event.end, event.mean_area) == (0, 2.6, 0.1)


def test_specks_are_no_events():
    """One pixel of 1200 is less than 0.001 of the picture, two are more."""
    facts = FACTS._replace(height=30, width=40)
    for size, count in ((1, 0), (2, 1)):
        mask = np.zeros((30, 40), np.uint8)
        mask[0, :size] = 1
        found = find_segments(mask, np.ones((30, 40)), 0)
        assert len(found) == 1
        assert len(find_events(found, facts, MaskTimes(facts))) == count
