"""mmavs.visualization.timeline draws a summary picture."""

import numpy as np
import pytest
from mmavs.apis.log_mel_picture import log_mel_picture
from mmavs.visualization.timeline import Bar, Timeline, draw_timeline
from PIL import Image

GREEN = (0, 200, 0)


def timeline(bars):
    """Ten seconds: red, then blue thumbnails."""
    thumbnails = np.zeros((4, 30, 40, 3), np.uint8)
    thumbnails[:2, ..., 0] = thumbnails[2:, ..., 2] = 255
    mel = np.zeros((100, 64))
    mel[50:] = 1
    return Timeline('a.mp4', 10.0, list(thumbnails), mel, bars)


def columns_of(image, colour):
    """First and last column of a colour, as parts of the panels' width."""
    found = np.flatnonzero((np.abs(image - colour) < 12).all(-1).any(0))
    left, right = 1.5 / 12, 1 - 0.3 / 12
    places = (found[[0, -1]] + 0.5) / image.shape[1]
    return ((places - left) / (right - left)).round(2).tolist()


def test_rows_share_the_time_axis(tmp_path):
    """A bar from 2.5 to 7.5 s; the picture changes at 5 s."""
    bar = Bar('dog', GREEN, [(2.5, 4.0), (6.0, 7.5)])
    draw_timeline(timeline([bar]), tmp_path / 'a.png')
    image = np.asarray(Image.open(tmp_path / 'a.png').convert('RGB'))
    image = image.astype(int)
    assert columns_of(image, GREEN) == pytest.approx([0.25, 0.75], abs=0.01)
    assert columns_of(image, (255, 0, 0)) == pytest.approx([0, 0.5], abs=0.01)
    assert columns_of(image, (0, 0, 255)) == pytest.approx([0.5, 1], abs=0.01)


def test_nothing_sounds(tmp_path):
    draw_timeline(timeline([]), tmp_path / 'a.png')
    with Image.open(tmp_path / 'a.png') as image:
        assert image.width == 1320


def test_log_mel_of_a_long_sound():
    """100 s in parts: silence, but for a tone from 40 to 60 s."""
    rate = 16000
    times = np.arange(100 * rate) / rate
    tone = np.where((times >= 40) & (times < 60), np.sin(6000 * times), 0)
    mel = log_mel_picture(tone.astype(np.float32), rate)
    assert mel.shape[1] == 64
    assert 1000 <= len(mel) <= 1200
    loud = np.flatnonzero(mel.max(1) > 0) / len(mel)
    assert loud[[0, -1]] == pytest.approx([0.4, 0.6], abs=0.005)
    assert mel[: len(mel) // 3].max() == pytest.approx(np.log(0.01), abs=1e-4)


def test_log_mel_of_any_sample_rate():
    """A tone of 1 kHz is in the same band, as loud, at the same time."""
    means = []
    for rate in (16000, 44100):
        times = np.arange(3 * rate) / rate
        tone = np.where(times >= 1.5, np.sin(2000 * np.pi * times), 0)
        mel = log_mel_picture(tone, rate)
        assert len(mel) == 300
        assert mel[:148].max() < -2
        means.append(mel[152:298].mean(0))
    own, other = means
    assert own.argmax() == other.argmax()
    assert own.max() == pytest.approx(other.max(), abs=0.02)
