"""mmavs.video.mask_times: when a video is segmented."""

from fractions import Fraction
from pathlib import Path

import pytest
from mmavs.video import MaskTimes, VideoFacts, iter_frames, scan_video
from support.tiny_videos import make_video, number_of


def facts_of(duration, *, fps=25, peak_fps=None, last=None):
    """Facts of a video, of which only the times matter."""
    last = duration - 1 / fps if last is None else last
    return VideoFacts(
        path=Path('a.mp4'), height=4, width=4, fps=fps,
        peak_fps=fps if peak_fps is None else peak_fps, num_frames=1,
        num_seconds=int(last) + 1, duration=duration, rotation=0,
        sound_codec='aac', sound_rate=16000, sound_seconds=duration,
        start=Fraction(0),
    )  # fmt: skip


def frame_starts(fps, duration):
    return [n / Fraction(fps) for n in range(int(duration * fps))]


def test_one_per_second_is_as_published():
    """2.2 s: at 15/16 of each second, also of the incomplete one."""
    times = MaskTimes(facts_of(2.2))
    assert [float(t) for t in times] == [0.9375, 1.9375, 2.9375]
    assert [times.index_of(Fraction(t)) for t in (0, 0.99, 1, 2.16)] == [
        0, 0, 1, 2,
    ]  # fmt: skip
    assert [times.span(i) for i in range(3)] == [(0, 1), (1, 2), (2, 2.2)]


def test_two_per_second():
    """7/16 and 15/16 of each second, at 4 frames per second.

    A frame is displayed for 1/4 s; the middles 1/8, 3/8 and 5/8 are nearest
    to 7/16; 7/8, 9/8 to 15/16; 11/8, 13/8 to 1 7/16 and 15/8 to 1 15/16.
    """
    times = MaskTimes(facts_of(2.0, fps=4), 2)
    assert [float(t) for t in times] == [0.4375, 0.9375, 1.4375, 1.9375]
    found = [times.index_of(start) for start in frame_starts(4, 2)]
    assert found == [0, 0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize('rate', [1, 2, 3, 7, 16, 25, 30])
@pytest.mark.parametrize('duration', [0.3, 2.2, 7.0])
def test_times_of_one_per_second_are_among_all(rate, duration):
    facts = facts_of(duration)
    times = list(MaskTimes(facts, rate))
    assert times == sorted(times)
    assert times[0] >= 0
    assert set(MaskTimes(facts)) <= set(times)
    assert all(time < duration for time in times[:-1])


@pytest.mark.parametrize('fps', [5, 16, 25, Fraction(30000, 1001), 60])
def test_full_rate_gives_every_frame_a_mask_of_its_own(fps):
    """The mask's time lies within the display of the frame."""
    facts = facts_of(3.0, fps=float(fps))
    times = MaskTimes(facts, 'full')
    assert times.rate == -(-fps // 1)
    starts = frame_starts(fps, 3)
    found = [times.index_of(start) for start in starts]
    assert len(set(found)) == len(starts)
    for start, index in zip(starts[:-1], found, strict=False):
        assert start <= times[index] < start + 1 / Fraction(fps)


def test_full_rate_of_uneven_times():
    """The rate at the fastest place, at most twice the average of 3."""
    assert MaskTimes(facts_of(3, fps=2.5, peak_fps=6), 'full').rate == 6
    assert MaskTimes(facts_of(3, fps=2.5, peak_fps=10), 'full').rate == 6


@pytest.mark.parametrize('rate', [1, 3, 10, 25, 'full'])
def test_spans_follow_each_other(rate):
    times = MaskTimes(facts_of(2.7), rate)
    spans = [times.span(index) for index in range(len(times))]
    assert spans[0][0] == 0
    assert spans[-1][1] == 2.7
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    for start in frame_starts(25, 2.7):
        low, high = spans[times.index_of(start)]
        assert low - 1e-9 <= start <= high


def test_index_out_of_range():
    with pytest.raises(IndexError):
        MaskTimes(facts_of(2.0))[2]


@pytest.mark.parametrize('rate', [0, -3, 2.5, 'all'])
def test_other_rates(rate):
    with pytest.raises(ValueError, match=f"'full' or a number .* {rate!r}"):
        MaskTimes(facts_of(2.0), rate)


def test_frames_of_a_file(tmp_path):
    """At full rate, each frame of a file once; at 2, 7/16 and 15/16.

    10 frames per second: frames 4, 9, 14, 19, and the last one, 21, at the
    end of the last second.
    """
    facts = scan_video(make_video(tmp_path / 'a.mp4', fps=10)).facts
    assert facts.peak_fps == pytest.approx(10, rel=1e-2)
    full = MaskTimes(facts, 'full')
    frames = [number_of(frame) for frame in iter_frames(facts, full)]
    assert frames == [*range(22), 21]
    two = [number_of(f) for f in iter_frames(facts, MaskTimes(facts, 2))]
    assert two == [4, 9, 14, 19, 21]


def test_uneven_frames_of_a_file(tmp_path):
    """Steps of 0.2 to 0.7 s: all five frames are segmented."""
    path = make_video(
        tmp_path / 'a.mp4', times=[0, 0.2, 0.9, 1.5, 2.2], seconds=2.3
    )
    facts = scan_video(path).facts
    assert facts.peak_fps == pytest.approx(5, rel=2e-2)
    frames = iter_frames(facts, MaskTimes(facts, 'full'))
    assert {number_of(frame) for frame in frames} == set(range(5))
