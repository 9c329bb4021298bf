"""The same video with another sound."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from mmavs.video import MaskTimes, ScannedVideo, VideoFacts
from mmavs.web import Segmentation, StoredMasks
from mmavs.web.comparison import compare, replace_sound

FACTS = VideoFacts(
    path=Path('clip.mp4'), height=1, width=4, fps=1.0, peak_fps=1.0,
    num_frames=2, num_seconds=2, duration=2.0, rotation=0, sound_codec='aac',
    sound_rate=8, sound_seconds=2.0, start=Fraction(0),
)  # fmt: skip
VIDEO = ScannedVideo(FACTS, np.full(16, 0.5, np.float32))


def _segmentation(folder, *rows):
    masks = StoredMasks(folder, 3)
    for row in rows:
        masks.add(np.array([row], np.uint8), np.ones((1, 4), np.float32))
    colours = [[0, 0, 0]] * 3
    return Segmentation(VIDEO, MaskTimes(FACTS), masks, 'abc', colours)


def test_agreement_is_the_mean_over_masks(tmp_path):
    """(1 of 3 pixels + two empty masks) / 2; another class is no agreement."""
    own = _segmentation(tmp_path / 'own', [1, 1, 0, 0], [0, 0, 0, 0])
    other = _segmentation(tmp_path / 'other', [1, 2, 2, 0], [0, 0, 0, 0])
    found = compare(own, other, 0.5)
    assert found.iou == pytest.approx((1 / 3 + 1) / 2)
    assert found.area == pytest.approx((2 / 4 + 0) / 2)
    assert found.other_area == pytest.approx((3 / 4 + 0) / 2)


def test_muted_is_zero():
    muted = replace_sound(VIDEO, 'muted')
    assert muted.facts == FACTS
    assert muted.waveform.tolist() == [0.0] * 16


def test_noise_has_the_loudness_of_the_sound():
    video = ScannedVideo(FACTS, np.full(100_000, 0.5, np.float32))
    noise = replace_sound(video, 'noise').waveform
    assert noise.shape == video.waveform.shape
    assert np.sqrt((noise**2).mean()) == pytest.approx(0.5, rel=0.01)
    assert abs(noise.mean()) < 0.01


def test_the_sound_of_another_video_keeps_its_rate_and_is_repeated():
    facts = FACTS._replace(path=Path('other.mp4'), sound_rate=4)
    other = ScannedVideo(facts, np.arange(3, dtype=np.float32))
    found = replace_sound(VIDEO, 'other', other)
    # 16 samples at 8 per second are 2 s: 8 samples at 4 per second.
    assert found.waveform.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert found.facts == FACTS._replace(sound_rate=4)


def test_another_video_is_needed():
    with pytest.raises(ValueError, match='expected another video, whose'):
        replace_sound(VIDEO, 'other')
