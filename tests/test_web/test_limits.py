"""Videos that are too large are refused in clear words."""

import pytest
from mmavs.web import Limits
from support.tiny_videos import make_video


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return make_video(
        tmp_path_factory.mktemp('video') / 'clip.mp4', seconds=2.2
    )


def test_what_is_within_the_limits_passes(video):
    Limits(megabytes=1, seconds=3, pixels=64 * 48).check(video)


@pytest.mark.parametrize(
    ('limits', 'text'),
    [
        (
            Limits(megabytes=0.001),
            r'clip\.mp4: expected at most 0\.001 MB, got 0\.\d MB; upload a '
            'shorter video',
        ),
        (
            Limits(seconds=2),
            r'expected at most 2 s, got 2\.\d s; cut a part out, for example '
            r'with `ffmpeg -i clip\.mp4 -t 2 part\.mp4`',
        ),
        (
            Limits(pixels=1000),
            r'expected at most 0\.001 megapixels, got 64x48; reduce the size',
        ),
    ],
)
def test_what_exceeds_a_limit_is_refused(video, limits, text):
    with pytest.raises(ValueError, match=text):
        limits.check(video)


def test_a_long_video_is_refused_without_decoding(video, monkeypatch):
    monkeypatch.setattr('av.packet.Packet.decode', None, raising=False)
    with pytest.raises(ValueError, match='expected at most 1 s'):
        Limits(seconds=1).check(video)


def test_text_is_not_a_video(tmp_path):
    path = tmp_path / 'text.mp4'
    path.write_text('no video')
    with pytest.raises(ValueError, match='expected a video that can be dec'):
        Limits().check(path)


def test_the_limits_are_readable():
    assert str(Limits()) == 'at most 60 s, 200 MB and 2.1 megapixels'
