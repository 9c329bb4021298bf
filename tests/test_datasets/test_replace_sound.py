"""Silence, noise and shifted sound in place of a clip's own."""

import numpy as np
import pytest
from mmavs.datasets.sound_conditions import set_sound
from mmavs.datasets.transforms import LogMel, ReplaceSound, Waveform
from mmengine.config import ConfigDict

RATE = 16000


def replace(samples, sound, clip_id='a', **options):
    waveform = Waveform.from_samples(samples, RATE, **options)
    clip = dict(waveform=waveform, clip_id=clip_id, sound_from='own')
    replaced = ReplaceSound(sound)(clip)
    assert replaced['sound_from'] == sound
    return replaced['waveform']


def test_silence_and_shift_by_hand():
    samples = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    assert replace(samples, 'silence').samples.tolist() == [0] * 5
    # Rolled by 5 // 2 samples.
    shifted = replace(samples, 'shift').samples
    assert shifted.tolist() == [0.4, 0.5, 0.1, 0.2, 0.3]
    assert samples.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_noise_is_as_loud_as_the_clip_and_its_own():
    # RMS 0.5: half of the samples 0.1, half 0.7.
    samples = np.tile([0.1, -0.7], 20000)
    noise = replace(samples, 'noise').samples
    assert noise.shape == (40000,)
    # Standard error of the RMS: 0.5 / sqrt(2 * 40000) = 0.0018.
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(0.5, abs=0.008)
    assert abs(noise.mean()) < 0.01
    # White: no correlation of neighbours, which the clip has in full.
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.02
    assert (replace(samples, 'noise').samples == noise).all()
    other = replace(samples, 'noise', clip_id='b').samples
    assert abs(np.corrcoef(noise, other)[0, 1]) < 0.02


def test_channels_and_resampling_are_kept():
    samples = np.stack([np.full(4000, 0.5), np.full(4000, -0.2)], axis=1)
    options = dict(sample_rate=RATE // 2, mono=False)
    for sound in ('silence', 'noise', 'shift'):
        waveform = replace(samples, sound, **options)
        assert waveform.samples.shape == (2, 2000)
        assert (waveform.sample_rate, waveform.mono) == (RATE // 2, False)
    # Constant but for the ends, where resampling sees the edge.
    middle = replace(samples, 'shift', **options).samples[:, 200:800]
    assert middle[0] == pytest.approx(0.5, abs=1e-3)
    assert middle[1] == pytest.approx(-0.2, abs=1e-3)


def test_the_cache_of_log_mel_tells_the_sounds_apart(tmp_path):
    """The key is made of the replaced samples."""
    samples = 0.5 * np.sin(np.arange(RATE))
    cached, plain = LogMel(cache_dir=str(tmp_path)), LogMel()
    own = Waveform.from_samples(samples, RATE)
    for _ in range(2):  # written, then read
        assert cached.make_rows(own, 1).rows.max() > 0
        for sound in ('silence', 'noise', 'shift'):
            waveform = replace(samples, sound)
            rows = cached.make_rows(waveform, 1).rows
            assert (rows == plain.make_rows(waveform, 1).rows).all()
            if sound == 'silence':
                assert rows == pytest.approx(np.log(0.01), abs=1e-6)
    assert len(list(tmp_path.iterdir())) == 4


def test_errors():
    with pytest.raises(ValueError, match="must be one of .*, got 'quiet'"):
        ReplaceSound('quiet')
    with pytest.raises(ValueError, match="'a': .* put it after LoadWaveform"):
        ReplaceSound('noise')(dict(clip_id='a'))


def dataset(**options):
    names = ['LoadClipFrames', 'LoadWaveform', 'LogMel']
    pipeline = [dict(type=name) for name in names]
    return ConfigDict(dict(type='X', pipeline=pipeline, **options))


def test_conditions_in_a_config():
    cfg = dataset()
    set_sound(cfg, 'noise')
    assert cfg.pipeline[1:3] == [
        dict(type='LoadWaveform'),
        dict(type='ReplaceSound', sound='noise'),
    ]
    assert len(cfg.pipeline) == 4
    for sound, source in (('swap', 'next_clip'), ('offscreen', 'offscreen')):
        cfg = dataset()
        set_sound(cfg, sound)
        assert cfg == dataset(sound_from=source)


def test_conditions_that_a_config_cannot_have():
    with pytest.raises(ValueError, match="sound must be one of .*'loud'"):
        set_sound(dataset(), 'loud')
    with pytest.raises(ValueError, match="sound_from='own', got 'next_clip'"):
        set_sound(dataset(sound_from='next_clip'), 'noise')
    cfg = dataset()
    cfg.pipeline = cfg.pipeline[:1]
    with pytest.raises(ValueError, match=r"LoadWaveform.* got \['LoadClipFr"):
        set_sound(cfg, 'silence')
