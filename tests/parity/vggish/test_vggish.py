"""Compare log-mel and VGGish embeddings with the published code."""

import os
from pathlib import Path

import mmavs  # noqa: F401
import numpy as np
import pytest
import soundfile
import torch
from mmseg.registry import MODELS, TRANSFORMS
from support.reference_vggish import (
    FOLDERS,
    embeddings,
    load_reference,
    reference_model,
)
from support.vggish_seeded import SOUNDS, seed_weights, write_sound

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(
        not all(
            (Path(os.environ.get('MMAVS_REFERENCE_ROOT', '')) / f).is_dir()
            for f in FOLDERS.values()
        ),
        reason='MMAVS_REFERENCE_ROOT names no folder with AVSBench and '
        'AVSegFormer',
    ),
]


def _published(repository: str, path: Path) -> np.ndarray:
    """Compute log-mels with the published code.

    The published reader returns 16 bits. Finer files are read in full here and
    passed to the computation.
    """
    source = load_reference(repository, 'vggish_input')
    if soundfile.info(path).subtype == 'PCM_16':
        return source.wavfile_to_examples(str(path)).detach().numpy()
    data, rate = soundfile.read(path)
    return source.waveform_to_examples(data, rate).detach().numpy()


def _ours(path: Path, num_frames: int, **options) -> np.ndarray:
    results = dict(
        audio_path=str(path), clip_id='a', subset='v2', num_frames=num_frames
    )
    for config in (dict(type='LoadWaveform'), dict(type='LogMel', **options)):
        results = TRANSFORMS.build(config)(results)
    return results['log_mel']


@pytest.mark.parametrize('repository', FOLDERS)
@pytest.mark.parametrize('name', SOUNDS)
def test_log_mel(repository, name, tmp_path):
    path = write_sound(name, tmp_path)
    expected = _published(repository, path)
    ours = _ours(path, len(expected), short='error', long='error')
    assert ours.shape == expected.shape
    difference = np.abs(ours - expected).max()
    print(f'{repository} {name} log-mel: {difference:.2e}')
    assert difference <= 1e-5


def test_reading_24_bits_as_16_changes_little(tmp_path):
    """Bounds the effect of not truncating files finer than 16 bits."""
    path = write_sound('flac24_44k', tmp_path)
    source = load_reference('AVSBench', 'vggish_input')
    truncated = source.wavfile_to_examples(str(path)).detach().numpy()
    difference = np.abs(_ours(path, 5) - truncated)
    print(f'24 bits: max {difference.max():.2e} mean {difference.mean():.2e}')
    assert 1e-5 < difference.max() < 0.2


def test_zeros_rule_is_that_of_avss(tmp_path):
    """The AVSS code writes n examples into a zero tensor of 10."""
    path = write_sound('mono_16k', tmp_path)
    expected = np.zeros((10, 1, 96, 64), np.float32)
    expected[:5] = _published('AVSegFormer', path)
    np.testing.assert_allclose(
        _ours(path, 10, short='zeros'), expected, atol=1e-5
    )


@pytest.mark.parametrize('repository', FOLDERS)
def test_embeddings(repository, tmp_path):
    """Before and after the last ReLU."""
    published = reference_model(repository)
    ours = MODELS.build(dict(type='VGGish', final_relu=False))
    seed_weights(ours.state_dict())
    compared = 0
    for name in SOUNDS:
        path = write_sound(name, tmp_path)
        log_mel = torch.from_numpy(_published(repository, path))
        for final_relu, expected in zip(
            (False, True), embeddings(published, log_mel), strict=True
        ):
            ours.final_relu = final_relu
            difference = np.abs(ours(log_mel).numpy() - expected).max()
            print(f'{repository} {name} {final_relu=}: {difference:.2e}')
            assert difference <= 1e-4
            compared += 1
    assert compared == 6
