"""Audio: file to samples to log-mel; rules, cache and errors."""

import io

import mmavs  # noqa: F401
import numpy as np
import pytest
import soundfile
from mmavs.datasets import log_mel
from mmavs.datasets import waveform as waveform_module
from mmavs.datasets.transforms import LoadWaveform, LogMel, Waveform
from mmseg.registry import TRANSFORMS
from support.vggish_seeded import FIXTURE, LOG_MEL_STRIDE, SOUNDS, write_sound

SILENCE = np.log(0.01)


def _clip(path, num_frames=5):
    return dict(
        audio_path=str(path),
        clip_id='abc',
        subset='v1m',
        num_frames=num_frames,
    )


def _run(path, num_frames=5, **options):
    results = LoadWaveform()(_clip(path, num_frames))
    return LogMel(**options)(results)['log_mel']


def _write(path, seconds, rate=16000, **options):
    rng = np.random.RandomState(0)
    signal = rng.uniform(-0.5, 0.5, round(seconds * rate))
    soundfile.write(path, signal, rate, **options)
    return path


# ---- samples ----------------------------------------------------------------


def test_sixteen_bits_are_divided_by_32768(tmp_path):
    """Exactly the published numbers: int16 / 32768, mean of the channels."""
    integers = np.array([[0, 0], [-32768, 0], [32767, -1], [3, 4]], np.int16)
    soundfile.write(tmp_path / 'a.wav', integers, 16000)
    samples, rate = log_mel.decode((tmp_path / 'a.wav').read_bytes())
    assert rate == 16000
    # (-32768 + 0) / 2 = -16384; 32766 / 2 = 16383; 7 / 2 = 3.5
    expected = np.array([0, -16384, 16383, 3.5]) / 32768
    assert samples.dtype == np.float64
    assert samples.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ('suffix', 'subtype', 'step'),
    [
        ('wav', 'PCM_U8', 2**-7),
        ('wav', 'PCM_16', 2**-15),
        ('wav', 'PCM_24', 2**-23),
        ('wav', 'PCM_32', 2**-31),
        ('wav', 'FLOAT', 2**-24),
        ('wav', 'DOUBLE', 0),
        ('flac', 'PCM_S8', 2**-7),
        ('flac', 'PCM_16', 2**-15),
        ('flac', 'PCM_24', 2**-23),
    ],
)
def test_every_bit_depth_reads_the_same_sound(tmp_path, suffix, subtype, step):
    """Values agree up to the resolution of the format."""
    path = _write(tmp_path / f'a.{suffix}', 0.1, subtype=subtype)
    truth = np.random.RandomState(0).uniform(-0.5, 0.5, 1600)
    samples, _ = log_mel.decode(path.read_bytes())
    assert np.abs(samples - truth).max() <= step


def test_resampling_keeps_a_tone_in_its_place(tmp_path):
    """1 kHz at 44.1 kHz is bin 1000 * 512 / 16000 = 32 at 16 kHz."""
    time = np.arange(44100) / 44100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * time)
    soundfile.write(tmp_path / 'a.wav', tone, 44100, subtype='FLOAT')
    samples = Waveform((tmp_path / 'a.wav').read_bytes()).samples
    assert samples.shape == (16000,)
    spectrum = np.abs(np.fft.rfft(samples[4000 : 4000 + 512]))
    assert spectrum.argmax() == 32


def test_streamed_wav_reads_to_its_end(tmp_path):
    """Encoders that write into a pipe leave 0xFFFFFFFF as both sizes."""
    content = bytearray(_write(tmp_path / 'a.wav', 1.0).read_bytes())
    assert content[36:40] == b'data'
    content[4:8] = content[40:44] = b'\xff' * 4
    samples, _ = log_mel.decode(bytes(content))
    assert samples.shape == (16000,)


def test_streamed_flac_is_refused(tmp_path):
    """libsndfile cannot read a flac whose number of samples is left at 0."""
    content = bytearray(_write(tmp_path / 'a.flac', 1.0).read_bytes())
    # STREAMINFO starts at byte 8; the count is its bits 108 to 143.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    with pytest.raises(ValueError, match='does not say how long it is'):
        log_mel.check_header(bytes(content))


def _by_a_wav_file(samples, rate):
    """Return samples that were written to a file and read again."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype='DOUBLE', format='WAV')
    return Waveform(file.getvalue()).samples


@pytest.mark.parametrize('rate', [16000, 44100])
@pytest.mark.parametrize('shape', [(1600,), (1600, 1), (1600, 2), (1600, 6)])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_samples_in_memory_are_those_of_a_file(rate, shape, dtype):
    """Bit by bit, although no file is written."""
    samples = np.random.RandomState(0).uniform(-1.5, 1.5, shape).astype(dtype)
    ours = Waveform.from_samples(samples, rate).samples
    assert ours.tolist() == _by_a_wav_file(samples, rate).tolist()
    if (rate, dtype) == (16000, np.float64) and len(shape) == 2:
        assert ours.tolist() == samples.mean(axis=1).tolist()


def test_samples_in_memory_may_be_a_view():
    stereo = np.random.RandomState(0).uniform(-1, 1, (2, 1600)).T
    assert not stereo.flags.c_contiguous
    ours = Waveform.from_samples(stereo, 16000).samples
    assert ours.tolist() == _by_a_wav_file(stereo, 16000).tolist()


@pytest.mark.parametrize('rate', [16000, 8000])
def test_every_channel_on_request(tmp_path, rate):
    """Channels are resampled one by one."""
    stereo = np.random.RandomState(0).uniform(-1, 1, (1600, 2))
    soundfile.write(tmp_path / 'a.wav', stereo, rate, subtype='DOUBLE')
    results = LoadWaveform(mono=False)(_clip(tmp_path / 'a.wav'))
    for waveform in (
        results['waveform'],
        Waveform.from_samples(stereo, rate, mono=False),
    ):
        assert waveform.samples.shape == (2, 1600 * 16000 // rate)
        for channel, values in zip(waveform.samples, stereo.T, strict=True):
            alone = Waveform.from_samples(values, rate).samples
            assert channel.tolist() == alone.tolist()


@pytest.mark.parametrize(
    ('samples', 'message'),
    [
        (np.zeros(0), 'the clip: it holds no samples'),
        (np.zeros((0, 2)), 'the clip: it holds no samples'),
        (np.zeros(4, np.int16), r'floats, got \(4,\) int16; divide'),
        (np.zeros((1, 2, 3)), r'got \(1, 2, 3\) float64'),
    ],
)
def test_samples_of_other_kinds_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        Waveform.from_samples(samples, 16000, origin='the clip')


def test_samples_in_memory_must_be_finite():
    waveform = Waveform.from_samples(np.array([0.0, np.inf]), 16000)
    with pytest.raises(ValueError, match='sound in memory: .*not finite'):
        waveform.samples  # noqa: B018


def test_digests_of_samples_tell_values_rate_and_channels():
    values = np.arange(4.0)
    digests = {
        Waveform.from_samples(*args, **options).digest
        for args, options in (
            ((values, 16000), {}),
            ((values + 1, 16000), {}),
            ((values, 8000), {}),
            ((values.reshape(2, 2), 16000), {}),
            ((values.reshape(2, 2), 16000), dict(mono=False)),
        )
    }
    assert len(digests) == 5
    assert Waveform.from_samples(values.copy(), 16000).digest in digests


# ---- log-mel ----------------------------------------------------------------


def test_silence_is_ln_of_the_offset():
    examples = log_mel.log_mel_examples(np.zeros(16000))
    assert examples.shape == (1, 1, 96, 64)
    assert examples.dtype == np.float32
    np.testing.assert_allclose(examples, SILENCE, rtol=1e-6)


@pytest.mark.parametrize(
    ('seconds', 'count'),
    # n examples need 0.96 n + 0.015 s.
    [(0.97, 0), (0.975, 1), (4.81, 4), (4.815, 5), (5.02, 5), (10.0, 10)],
)
def test_number_of_examples(seconds, count):
    samples = np.zeros(round(seconds * 16000))
    assert len(log_mel.log_mel_examples(samples)) == count


def test_mel_triangles_by_hand():
    """A triangle is 1 at its centre and 0 at its neighbours' centres."""
    weights = log_mel.mel_matrix()
    assert weights.shape == (257, 64)
    assert not weights[0].any()
    # 125 Hz is bin 4, 7500 Hz bin 240: nothing at or outside of the edges.
    assert not weights[:5].any()
    assert not weights[240:].any()
    # Bin 100 is 3125 Hz = 1127 ln(1 + 3125 / 700) = 1913.91 mel. Edges start
    # at 1127 ln(1 + 125 / 700) = 185.17 mel, (2773.34 - 185.17) / 65 = 39.82
    # apart, so it lies 43.416 steps up: 1 - 0.416 of the band on edge 43,
    # which has index 42, and 0.416 of the next.
    assert weights[100].nonzero()[0].tolist() == [42, 43]
    np.testing.assert_allclose(weights[100, 42:44], [0.584, 0.416], atol=1e-3)


@pytest.mark.parametrize('name', SOUNDS)
def test_log_mel_equals_the_published(name, tmp_path):
    """Numbers of the published code, see tests/support/reference_vggish.py."""
    path = write_sound(name, tmp_path)
    with np.load(FIXTURE) as expected:
        shape = tuple(expected[f'{name}_shape'])
        ours = _run(path, shape[0], short='error', long='error')
        assert ours.shape == shape
        np.testing.assert_allclose(
            ours.ravel()[::LOG_MEL_STRIDE],
            expected[f'{name}_log_mel'],
            rtol=0,
            atol=1e-5,
        )
        mean = ours.mean(dtype=np.float64)
        assert mean == pytest.approx(expected[f'{name}_mean'], abs=1e-6)


# ---- rules ------------------------------------------------------------------


def test_short_sound_repeats_its_last_example(tmp_path):
    path = _write(tmp_path / 'a.wav', 3.0)
    examples = _run(path, 5, short='repeat_last')
    assert examples.shape == (5, 1, 96, 64)
    assert (examples[3:] == examples[2]).all()
    assert (examples[1] != examples[2]).any()


def test_short_sound_is_filled_with_zeros_on_request(tmp_path):
    path = _write(tmp_path / 'a.wav', 3.0)
    examples = _run(path, 5, short='zeros')
    assert not examples[3:].any()
    assert (examples[:3] == _run(path, 3)).all()


def test_long_sound_is_cut(tmp_path):
    path = _write(tmp_path / 'a.wav', 4.0)
    assert (_run(path, 2) == _run(path, 4)[:2]).all()


@pytest.mark.parametrize(
    ('seconds', 'rules', 'message'),
    [
        (3.0, dict(short='error'), r'gives 3 examples .* for 5 frames'),
        (6.0, dict(long='error'), r'gives 6 examples .* for 5 frames'),
        (0.9, {}, 'shorter than one example of 0.975 s'),
    ],
)
def test_sound_that_fits_no_rule_names_the_clip(
    tmp_path, seconds, rules, message
):
    path = _write(tmp_path / 'a.wav', seconds)
    with pytest.raises(ValueError, match=f"clip 'abc' .*'v1m'.*{message}"):
        _run(path, 5, **rules)


def test_sound_shorter_than_an_example_is_all_zeros_on_request(tmp_path):
    path = _write(tmp_path / 'a.wav', 0.5)
    examples = _run(path, 2, short='zeros')
    assert examples.shape == (2, 1, 96, 64)
    assert not examples.any()


@pytest.mark.parametrize(
    ('seconds', 'short', 'padding'),
    [(3.0, 'repeat_last', (1.92, 2.895)), (3.0, 'zeros', None)],
)
def test_spans_are_the_seconds_that_rows_cover(
    tmp_path, seconds, short, padding
):
    """Example t covers [0.96 t, 0.96 (t + 1) + 0.015]."""
    path = _write(tmp_path / 'a.wav', seconds)
    results = LogMel(short=short)(LoadWaveform()(_clip(path, 5)))
    spans = results['audio_spans']
    expected = [(0, 0.975), (0.96, 1.935), (1.92, 2.895)]
    for span, seconds_covered in zip(spans[:3], expected, strict=True):
        assert span == pytest.approx(seconds_covered)
    assert spans[3:] == [None if padding is None else spans[2]] * 2
    long = LogMel()(LoadWaveform()(_clip(path, 2)))['audio_spans']
    assert long == spans[:2]


def test_stereo_is_refused_by_log_mel(tmp_path):
    path = _write(tmp_path / 'a.wav', 1.0)
    results = LoadWaveform(mono=False)(_clip(path))
    with pytest.raises(ValueError, match="clip 'abc'.*mono=True"):
        LogMel()(results)


def test_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="short must be in .*'repeat_last'"):
        LogMel(short='silence')


def test_other_sample_rates_are_refused(tmp_path):
    results = LoadWaveform(8000)(_clip(_write(tmp_path / 'a.wav', 1.0)))
    with pytest.raises(ValueError, match=r'LoadWaveform\(sample_rate=16000\)'):
        LogMel()(results)


# ---- files that are missing or broken ---------------------------------------


def test_missing_file_names_clip_file_and_layout(tmp_path):
    path = tmp_path / 'v1m' / 'abc' / 'audio.wav'
    with pytest.raises(FileNotFoundError) as caught:
        LoadWaveform()(_clip(path))
    for part in (
        "clip 'abc'",
        "subset 'v1m'",
        str(path),
        '<data_root>/<subset>/<clip_id>/audio.wav',
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda content: b'', 'not a readable wav or flac'),
        (lambda content: b'no sound', 'not a readable wav or flac'),
        (lambda content: content[: len(content) // 2], 'cut off: 16022 of'),
    ],
)
def test_broken_header_raises_at_once(tmp_path, damage, message):
    # 16000 samples of 2 bytes and a header of 44: 32044 bytes.
    path = _write(tmp_path / 'a.wav', 1.0)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"clip 'abc'.*{message}") as caught:
        LoadWaveform()(_clip(path))
    assert '<data_root>/<subset>/<clip_id>/audio.wav' in str(caught.value)


def test_empty_sound_raises_at_once(tmp_path):
    with pytest.raises(ValueError, match='holds no samples'):
        LoadWaveform()(_clip(_write(tmp_path / 'a.wav', 0.0)))


def test_flac_cut_off_raises_when_decoded(tmp_path):
    path = _write(tmp_path / 'a.flac', 2.0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    results = LoadWaveform()(_clip(path))
    with pytest.raises(ValueError, match="clip 'abc'.*not a readable"):
        LogMel()(results)


def test_samples_that_are_not_finite_are_refused():
    file = io.BytesIO()
    values = np.array([0.0, np.nan])
    soundfile.write(file, values, 16000, format='WAV', subtype='FLOAT')
    with pytest.raises(ValueError, match='not finite'):
        log_mel.decode(file.getvalue())


def test_a_damaged_rate_is_refused():
    """At 1 Hz a second of sound would be resampled to 16000 seconds."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(2000), 1, format='WAV')
    with pytest.raises(ValueError, match='expected 1000 .* header says 1;'):
        log_mel.check_header(file.getvalue())


def test_samples_of_another_scale_are_refused():
    """Such as samples of 16 bits that were stored as they are."""
    log_mel.check_samples(np.array([-100.0, 0.5]))
    with pytest.raises(ValueError, match=r'in -1..1, got 3.28e\+04; divide'):
        log_mel.check_samples(np.array([[0.0], [-32768.0]]))


# ---- cache ------------------------------------------------------------------


def _forbid_decoding(monkeypatch):
    def decode(content):
        raise AssertionError('decoded although the cache has it')

    monkeypatch.setattr(waveform_module, 'decode_channels', decode)


def test_cache_hit_decodes_nothing(tmp_path, monkeypatch):
    """One file serves all rules and numbers of frames, and can be written."""
    path = _write(tmp_path / 'a.wav', 3.0)
    options = dict(cache_dir=str(tmp_path / 'cache'))
    first = _run(path, 3, **options)
    _forbid_decoding(monkeypatch)
    second = _run(path, 3, **options)
    assert (first == second).all()
    assert first.dtype == second.dtype == np.float32
    assert second.flags.writeable
    assert _run(path, 5, short='zeros', **options)[4].max() == 0
    assert len(list((tmp_path / 'cache').iterdir())) == 1


def test_cache_follows_the_content_not_the_path(tmp_path):
    options = dict(cache_dir=str(tmp_path / 'cache'))
    path = _write(tmp_path / 'a.wav', 1.0)
    first = _run(path, 1, **options)
    soundfile.write(path, np.zeros(16000), 16000)
    second = _run(path, 1, **options)
    assert (first != second).any()
    np.testing.assert_allclose(second, SILENCE, rtol=1e-6)


def test_digest_holds_the_load_parameters(tmp_path):
    content = _write(tmp_path / 'a.wav', 0.1).read_bytes()
    digests = {Waveform(content, sample_rate=r).digest for r in (8000, 16000)}
    assert len(digests) == 2
    assert Waveform(content, origin='elsewhere').digest in digests


def test_damaged_cache_is_computed_anew(tmp_path):
    """A truncated or altered file does not match its checksum."""
    cache = tmp_path / 'cache'
    path = _write(tmp_path / 'a.wav', 1.0)
    first = _run(path, 1, cache_dir=str(cache))
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for damaged in (whole[:-8], whole[:-1] + b'\0', b'', b'short'):
        file.write_bytes(damaged)
        assert (_run(path, 1, cache_dir=str(cache)) == first).all()
        assert file.read_bytes() == whole


def test_unreadable_cache_is_an_error(tmp_path):
    """Only a wrong checksum is repaired, not a folder of the same name."""
    cache = tmp_path / 'cache'
    path = _write(tmp_path / 'a.wav', 1.0)
    _run(path, 1, cache_dir=str(cache))
    (file,) = cache.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(OSError, match='[Dd]irectory'):
        _run(path, 1, cache_dir=str(cache))
    assert list(cache.iterdir()) == [file]


def test_built_from_the_registry():
    transform = TRANSFORMS.build(dict(type='LogMel', short='zeros'))
    assert repr(transform) == (
        "LogMel(short='zeros', long='cut', cache_dir=None)"
    )
