"""Windows of raw waveform: positions, and what lies beyond the audio."""

import mmavs  # noqa: F401
import numpy as np
import pytest
import soundfile
from mmavs.datasets.transforms import (
    AudioWindows,
    LoadWaveform,
    PackClip,
    Waveform,
)
from mmseg.registry import TRANSFORMS

#: Few samples a second, so that windows can be written down.
RATE = 100
#: Full scale in these tests, because samples of sound lie in -1..1. A power of
#: two, so that nothing is rounded.
SCALE = 1024


def _results(samples, num_frames, *, rate=RATE, **options):
    """A clip whose sound is already at the rate asked for.

    Args:
        samples: In units of 1 / SCALE.
    """
    waveform = Waveform.from_samples(
        samples / SCALE,
        rate,
        sample_rate=rate,
        origin="sound of 'abc'",
        **options,
    )
    return dict(waveform=waveform, num_frames=num_frames)


def _ramp(seconds, rate=RATE):
    """Sample i has the value i, in units of 1 / SCALE."""
    return np.arange(round(seconds * rate), dtype=np.float64)


def test_windows_centred_on_frames_by_hand():
    """Frame t is centred at t + 0.5 s: samples 50, 150, 250 of a ramp."""
    results = AudioWindows(0.1)(_results(_ramp(3), 3))
    windows = SCALE * results['audio_windows']
    assert windows.shape == (3, 1, 10)
    assert windows.dtype == np.float32
    assert windows[0, 0].tolist() == list(range(45, 55))
    assert windows[1, 0].tolist() == list(range(145, 155))
    assert windows[2, 0].tolist() == list(range(245, 255))
    assert results['audio_spans'] == [(0.45, 0.55), (1.45, 1.55), (2.45, 2.55)]


def test_windows_on_the_grid_of_vggish_by_hand():
    """At 16 kHz example t is centred at sample 15360 t + 7800."""
    samples = _ramp(3, 16000) / 64
    results = AudioWindows(0.975, grid='vggish')(
        _results(samples, 3, rate=16000)
    )
    windows = results['audio_windows'] * 65536
    assert windows.shape == (3, 1, 15600)
    # 0.975 s around the centre is what an example of LogMel covers.
    assert windows[:, 0, 0].tolist() == [0, 15360, 30720]
    assert windows[:, 0, -1].tolist() == [15599, 30959, 46319]
    expected = [(0, 0.975), (0.96, 1.935), (1.92, 2.895)]
    for span, seconds in zip(results['audio_spans'], expected, strict=True):
        assert span == pytest.approx(seconds)


def test_silence_beyond_the_sound():
    """2 s around 0.5 s is -0.5 to 1.5 s; the sound is 0 to 2 s."""
    results = AudioWindows(2)(_results(1 + _ramp(2), 2))
    first, second = SCALE * results['audio_windows'][:, 0]
    assert first.tolist() == [0] * 50 + list(range(1, 151))
    assert second.tolist() == list(range(51, 201)) + [0] * 50
    # The silence is not counted as sound.
    assert results['audio_spans'] == [(0, 1.5), (0.5, 2)]


def test_windows_beyond_the_sound_are_refused_on_request():
    results = _results(_ramp(2), 2)
    with pytest.raises(
        ValueError,
        match=r"sound of 'abc': .*2 s from -0.5 s .* sound of 2 s; edge='sil",
    ):
        AudioWindows(2, edge='error')(results)
    inside = AudioWindows(1, edge='error')(results)['audio_windows']
    assert (SCALE * inside[:, 0, 0]).tolist() == [0, 100]


@pytest.mark.parametrize(
    ('short', 'span'), [('repeat_last', (1.45, 1.55)), ('zeros', None)]
)
def test_short_sound(short, span):
    """2 s hold the centres of frames 0 and 1, not of 2 and 3."""
    results = AudioWindows(0.1, short=short)(_results(1 + _ramp(2), 4))
    windows = SCALE * results['audio_windows']
    spans = results['audio_spans']
    assert windows.shape == (4, 1, 10)
    assert windows[1, 0, 0] == 146
    for t in (2, 3):
        assert spans[t] == span
        expected = 0 * windows[1] if span is None else windows[1]
        assert (windows[t] == expected).all()


def test_a_window_counts_if_its_centre_lies_within_the_sound():
    """51 samples hold sample 50, the centre of frame 0; 50 do not."""
    assert AudioWindows(0.1, short='error')(_results(_ramp(0.51), 1))
    with pytest.raises(
        ValueError, match="'abc': .*centre of 0 windows for 1 frames; short="
    ):
        AudioWindows(0.1, short='error')(_results(_ramp(0.5), 1))
    with pytest.raises(ValueError, match='nothing that short=.*could repeat'):
        AudioWindows(0.1)(_results(_ramp(0.5), 1))
    zeros = AudioWindows(0.1, short='zeros')(_results(_ramp(0.5), 2))
    assert zeros['audio_windows'].shape == (2, 1, 10)
    assert not zeros['audio_windows'].any()


def test_stereo_keeps_its_channels_and_mono_is_their_mean():
    stereo = np.stack([_ramp(1), 3 * _ramp(1)], axis=1)
    results = AudioWindows(0.04)(_results(stereo, 1, mono=False))
    assert (SCALE * results['audio_windows']).tolist() == (
        [[[48, 49, 50, 51], [144, 147, 150, 153]]]
    )
    mean = AudioWindows(0.04)(_results(stereo, 1))['audio_windows']
    assert (SCALE * mean).tolist() == [[[96, 98, 100, 102]]]


@pytest.mark.parametrize(('rate', 'size'), [(8000, 4000), (44100, 22050)])
def test_any_rate_from_a_file(tmp_path, rate, size):
    """A tone stays in its place: 4 periods of 8 Hz in half a second."""
    time = np.arange(32000) / 16000
    tone = 0.5 * np.cos(2 * np.pi * 8 * time)
    soundfile.write(tmp_path / 'a.wav', tone, 16000, subtype='DOUBLE')
    results = dict(
        audio_path=str(tmp_path / 'a.wav'),
        clip_id='abc',
        subset='v1m',
        num_frames=2,
    )
    for transform in (
        TRANSFORMS.build(
            dict(type='LoadWaveform', sample_rate=rate, mono=False)
        ),
        TRANSFORMS.build(dict(type='AudioWindows', seconds=0.5)),
    ):
        results = transform(results)
    windows = results['audio_windows']
    assert windows.shape == (2, 1, size)
    spectrum = np.abs(np.fft.rfft(windows[0, 0]))
    assert spectrum.argmax() == 4


def test_windows_are_packed_by_their_key():
    results = AudioWindows(0.1)(_results(_ramp(2), 2))
    results.update(
        clip_id='abc',
        frames=np.zeros((2, 4, 4, 3), np.uint8),
        frame_paths=['0.jpg', '1.jpg'],
    )
    packed = PackClip('audio_windows')(results)
    assert packed['inputs']['audio'].shape == (2, 1, 10)
    spans = [sample.audio_span for sample in packed['data_samples']]
    assert spans == [(0.45, 0.55), (1.45, 1.55)]


def test_pictures_are_waveforms():
    rows = np.zeros((2, 3, 10), np.float32)
    picture = AudioWindows(0.1).picture(rows)
    assert picture.kind == 'waveform'
    assert picture.panels is rows
    assert picture.label == 'waveform\n0.1 s'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(seconds=0), 'seconds must be positive, got 0'),
        (dict(seconds=1, grid='second'), r"grid must be in \('frames', 'vgg"),
        (dict(seconds=1, edge='mirror'), "edge must be in .* got 'mirror'"),
        (dict(seconds=1, short='cut'), "short must be in .* got 'cut'"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AudioWindows(**options)


def test_repr_gives_the_options():
    assert repr(AudioWindows(2, grid='vggish')) == (
        "AudioWindows(seconds=2, grid='vggish', edge='silence', "
        "short='repeat_last')"
    )
    assert repr(LoadWaveform(mono=False)) == (
        'LoadWaveform(sample_rate=16000, mono=False)'
    )
