"""mmavs.video.reading gives one frame a second and the sound of a video."""

import tracemalloc

import av
import numpy as np
import pytest
from mmavs.video import iter_seconds, read_video, scan_video, tracks
from support.tiny_videos import make_video, number_of, numbered_image, siren

#: Container, codecs and rates; frame of each second, floor((l + 15/16) fps):
#: 25 fps: 23.4, 48.4 and of 55 frames the last; 12.5 fps: 11.7, 24.2, last of
#: 27; 30 fps: 28.1, 58.1, last of 66; 10 fps: 9.4, 19.4, last of 22.
KINDS = {
    'a.mp4': (dict(), [23, 48, 54]),
    'a.avi': (
        dict(
            fps=12.5,
            codec='mpeg4',
            sound_codec='pcm_s16le',
            sample_rate=22050,
            layout='mono',
        ),
        [11, 24, 26],
    ),
    'a.webm': (
        dict(
            fps=30,
            codec='libvpx-vp9',
            sound_codec='libopus',
            sample_rate=48000,
        ),
        [28, 58, 65],
    ),
    'a.mkv': (
        dict(fps=10, sound_codec='flac', sample_rate=32000, layout='mono'),
        [9, 19, 21],
    ),
    'a.ts': (dict(sound_codec='mp2', sample_rate=48000), [23, 48, 54]),
}


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    """Path, options and expected frames of one kind of video."""
    options, frames = KINDS[request.param]
    return make_video(tmp_path / request.param, **options), options, frames


def correlation(waveform, sample_rate):
    """Similarity with the siren that starts with the first frame."""
    truth = siren(np.arange(len(waveform)) / sample_rate)
    both = np.linalg.norm(waveform) * np.linalg.norm(truth)
    return waveform @ truth / both


def test_frame_and_sound_of_each_second(kind):
    path, options, expected = kind
    frames, waveform, facts = read_video(path)
    assert frames.shape == (3, 48, 64, 3)
    assert frames.dtype == np.uint8
    assert [number_of(frame) for frame in frames] == expected
    assert facts.num_seconds == 3
    assert facts.num_frames == int(2.2 * options.get('fps', 25))
    assert facts.fps == pytest.approx(options.get('fps', 25), rel=1e-3)
    rate = options.get('sample_rate', 44100)
    assert facts.sound_rate == rate
    assert waveform.ndim == 1
    assert len(waveform) / rate == pytest.approx(2.2, abs=0.05)
    # The AAC and MP2 encoders add noise at the end, so the middle is compared.
    assert correlation(waveform[: 2 * rate], rate) > 0.98


def test_uneven_times_hold_the_frame_on_the_screen(tmp_path):
    """At 0.9375, 1.9375 and 2.9375 s frames 2, 3 and 3 are shown."""
    times = [0, 0.1, 0.9, 1.5, 3.2]
    path = make_video(tmp_path / 'a.mp4', times=times, seconds=3.3)
    frames, _, facts = read_video(path)
    assert [number_of(frame) for frame in frames] == [2, 3, 3, 4]
    assert facts.num_frames == 5


@pytest.mark.parametrize('rotation', [90, 180, -90])
def test_rotated_video_is_turned_upright(tmp_path, rotation):
    path = make_video(tmp_path / 'a.mp4', rotation=rotation)
    frames, _, facts = read_video(path)
    turned = np.rot90(numbered_image(23, (48, 64)), rotation // 90)
    assert (facts.height, facts.width) == turned.shape[:2]
    assert np.abs(frames[0].astype(int) - turned).mean() < 4


def test_odd_size(tmp_path):
    path = make_video(tmp_path / 'a.mkv', size=(47, 63), sound_codec='flac')
    assert read_video(path).frames.shape == (3, 47, 63, 3)


def test_channels_are_averaged(tmp_path):
    """Left 0.5 and right 0.1 give 0.3; FFmpeg's own mix would differ."""

    def sound(times):
        return np.stack([np.full_like(times, 0.5), np.full_like(times, 0.1)])

    path = make_video(tmp_path / 'a.mkv', sound=sound, sound_codec='flac')
    assert scan_video(path).waveform == pytest.approx(0.3, abs=1e-4)


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_late_sound_is_silent_before(tmp_path, suffix):
    path = make_video(tmp_path / f'a.{suffix}', sound_span=(0.7, 2.2))
    facts, waveform = scan_video(path)
    start, rate = int(0.7 * 44100), 44100
    # AAC spreads the start of a sound over one frame of 1024 samples.
    assert np.abs(waveform[: start - 1024]).max() < 1e-3
    assert correlation(waveform[start : 2 * rate], rate) < 0.5
    whole = np.concatenate([np.zeros(start), waveform[start : 2 * rate]])
    assert correlation(whole, rate) > 0.8
    assert facts.sound_seconds == pytest.approx(1.5, abs=0.05)


def test_short_sound_is_silent_after(tmp_path):
    path = make_video(tmp_path / 'a.mp4', sound_span=(0, 1))
    facts, waveform = scan_video(path)
    assert len(waveform) == pytest.approx(2.2 * 44100, abs=2)
    assert not waveform[int(1.1 * 44100) :].any()
    assert facts.sound_seconds == pytest.approx(1, abs=0.05)


def test_long_sound_ends_with_the_last_second(tmp_path):
    path = make_video(tmp_path / 'a.mp4', sound_span=(0, 6))
    facts, waveform = scan_video(path)
    assert len(waveform) == 3 * 44100
    assert facts.num_seconds == 3


def test_sound_before_the_first_frame_is_cut_off(tmp_path):
    """The picture starts at 0.5 s: sample 0 must be that of 0.5 s."""
    times = [0.5 + n / 25 for n in range(40)]
    path = make_video(tmp_path / 'a.mkv', times=times, sound_codec='flac')
    facts, waveform = scan_video(path)
    assert facts.start == pytest.approx(0.5)
    expected = siren(0.5 + np.arange(44100) / 44100)
    np.testing.assert_allclose(waveform[:44100], expected, atol=2e-3)


def test_frames_are_decoded_one_by_one(tmp_path):
    """The frame of a second is returned before the next one is decoded."""
    path = make_video(tmp_path / 'a.mp4', seconds=4)
    seconds = iter_seconds(scan_video(path).facts)
    assert number_of(next(seconds)) == 23
    assert [number_of(frame) for frame in seconds] == [48, 73, 98]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='a.mp4: expected a video'):
        scan_video(tmp_path / 'a.mp4')


def test_no_sound_track(tmp_path):
    path = make_video(tmp_path / 'a.mp4', sound_codec=None)
    with pytest.raises(ValueError, match='got no sound track; .* Add it'):
        scan_video(path)


@pytest.mark.parametrize(
    'options', [dict(sound_codec=None), dict(sound_span=(5, 6))]
)
def test_silence_for_a_video_without_sound(tmp_path, options):
    """The waveform is as long as the picture, also without a track.

    The sound of the second video lies after its third second.
    """
    path = make_video(tmp_path / 'a.mkv', **options)
    facts, waveform = scan_video(path, no_audio='silence')
    assert len(waveform) / facts.sound_rate >= 2.2
    assert not waveform.any()
    assert (facts.sound_codec is None) == ('sound_codec' in options)
    assert facts.sound_seconds == 0


def test_other_words_for_no_audio(tmp_path):
    with pytest.raises(ValueError, match="'silence'.*, got 'skip'"):
        scan_video(tmp_path / 'a.mkv', no_audio='skip')


def test_no_picture_track(tmp_path):
    with av.open(str(tmp_path / 'a.wav'), 'w') as file:
        track = file.add_stream('pcm_s16le', rate=8000, layout='mono')
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 8000), np.int16), format='s16', layout='mono'
        )
        frame.sample_rate = 8000
        file.mux(track.encode(frame))
    with pytest.raises(ValueError, match='got no picture'):
        scan_video(tmp_path / 'a.wav')


def test_no_frames(tmp_path):
    path = make_video(tmp_path / 'a.mkv', times=[], sound_span=(0, 1))
    with pytest.raises(ValueError, match='with frames, got none'):
        scan_video(path)


def test_sound_outside_of_the_picture(tmp_path):
    path = make_video(tmp_path / 'a.mkv', sound_span=(5, 6))
    with pytest.raises(ValueError, match='got an empty sound track'):
        scan_video(path)


@pytest.mark.parametrize('content', [b'', b'no video', b'\0' * 5000])
def test_no_video_at_all(tmp_path, content):
    path = tmp_path / 'a.mp4'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='not a video, damaged or cut off'):
        scan_video(path)


@pytest.mark.parametrize(
    ('name', 'options', 'text'),
    [
        ('a.mp4', {}, 'damaged or cut off'),
        ('b.mp4', {'movflags': 'faststart'}, 'cut off'),
        ('a.mkv', {}, 'as its header says, got .* the file is cut off'),
    ],
)
def test_file_that_is_cut_off(tmp_path, name, options, text):
    """An incomplete download must not be read as a shorter video."""
    path = make_video(
        tmp_path / name,
        seconds=6,
        container_options=options,
    )
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=text):
        scan_video(path)


def test_sound_is_held_once(tmp_path):
    """The samples of a long video are not copied when it has been read."""
    video = make_video(tmp_path / 'a.mp4', fps=1, seconds=20)
    scan_video(video)  # loads libraries
    tracemalloc.start()
    waveform = scan_video(video).waveform
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 20 * 44100 * 4 <= waveform.nbytes < peak < 1.4 * waveform.nbytes


def test_sound_longer_than_stated(tmp_path, monkeypatch):
    video = make_video(tmp_path / 'a.mp4', fps=1, seconds=5)
    expected = scan_video(video).waveform
    monkeypatch.setattr(tracks, '_MAX_EXPECTED_SECONDS', 0)
    assert np.array_equal(scan_video(video).waveform, expected)
