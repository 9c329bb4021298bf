"""VGGish and LogMelCNN: names, numbers, freezing, learning."""

import mmavs  # noqa: F401
import numpy as np
import pytest
import torch
from mmavs.datasets.log_mel import decode, log_mel_examples, resample
from mmseg.registry import MODELS
from support.uninitialised import Uninitialised
from support.vggish_seeded import FIXTURE, SOUNDS, seed_weights, write_sound
from torch import nn

TORCHVGGISH_KEYS = [
    f'{part}.{index}.{kind}'
    for part, indices in (
        ('features', (0, 3, 6, 8, 11, 13)),
        ('embeddings', (0, 2, 4)),
    )
    for index in indices
    for kind in ('weight', 'bias')
]


@pytest.fixture(scope='module')
def vggish():
    """72 M parameters are filled once."""
    with Uninitialised():
        model = MODELS.build(dict(type='VGGish', final_relu=False))
    seed_weights(model.state_dict())
    return model


@pytest.fixture(scope='module')
def log_mels(tmp_path_factory):
    examples = {}
    for name in SOUNDS:
        path = write_sound(name, tmp_path_factory.mktemp('sound'))
        samples, rate = decode(path.read_bytes())
        log_mel = log_mel_examples(resample(samples, rate, 16000))
        examples[name] = torch.from_numpy(log_mel)
    return examples


def test_vggish_is_named_as_torchvggish(vggish):
    assert list(vggish.state_dict()) == TORCHVGGISH_KEYS
    assert vggish.out_channels == 128
    num_parameters = sum(p.numel() for p in vggish.parameters())
    assert num_parameters == 72_141_184


@pytest.mark.parametrize('name', SOUNDS)
def test_vggish_equals_the_published(vggish, log_mels, name):
    """Numbers of the published code, see tests/support/reference_vggish.py."""
    with np.load(FIXTURE) as expected:
        before = expected[f'{name}_embed']
    vggish.final_relu = False
    signed = vggish(log_mels[name]).numpy()
    np.testing.assert_allclose(signed, before, rtol=0, atol=1e-4)
    assert (before < 0).any()
    vggish.final_relu = True
    np.testing.assert_allclose(
        vggish(log_mels[name]).numpy(),
        before.clip(min=0),
        rtol=0,
        atol=1e-4,
    )


def test_frozen_vggish_stays_as_it_is(vggish, log_mels):
    vggish.train()
    assert not any(module.training for module in vggish.modules())
    assert not any(p.requires_grad for p in vggish.parameters())
    log_mel = log_mels['mono_16k'][:1].clone().requires_grad_()
    assert not vggish(log_mel).requires_grad


def test_thawed_vggish_trains():
    model = MODELS.build(dict(type='VGGish', final_relu=True, frozen=False))
    model.eval().train()
    assert model.training
    model(torch.zeros(1, 1, 96, 64)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name


def test_final_relu_has_no_default():
    with pytest.raises(TypeError, match='final_relu'):
        MODELS.build(dict(type='VGGish'))


@pytest.mark.parametrize(
    'config', [dict(type='VGGish', final_relu=True), dict(type='LogMelCNN')]
)
def test_other_shapes_are_refused(config):
    model = MODELS.build(config)
    with pytest.raises(ValueError, match=r'must be \(N, 1, 96, 64\), got'):
        model(torch.zeros(2, 1, 64, 96))


def test_log_mel_cnn_treats_every_example_alone():
    """An embedding does not depend on the batch or the mode."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type='LogMelCNN', out_channels=32))
    assert model.out_channels == 32
    log_mel = torch.randn(4, 1, 96, 64)
    together = model.train()(log_mel)
    assert together.shape == (4, 32)
    alone = model.eval()(log_mel[2:3])
    torch.testing.assert_close(together[2:3], alone)


def test_log_mel_cnn_refuses_widths_that_groups_do_not_divide():
    with pytest.raises(ValueError, match='multiple of 8.*got 12'):
        MODELS.build(dict(type='LogMelCNN', base_channels=12))


def _tones(count, rng):
    """Harmonic tones of four timbres and silence, at any pitch and volume."""
    timbres = np.array(
        [
            [1, 0, 0, 0, 0, 0],
            [1, 0, 0.8, 0, 0.6, 0],
            [1, 0.9, 0.8, 0.7, 0.6, 0.5],
            [0.2, 0.1, 0.1, 1, 0.8, 0.6],
            [0, 0, 0, 0, 0, 0],
        ]
    )
    time = np.arange(15600) / 16000
    labels = rng.randint(0, len(timbres), count)
    examples = []
    for label in labels:
        pitch, volume = rng.uniform(150, 500), rng.uniform(0.05, 0.3)
        harmonics = np.arange(1, 7)[:, None] * pitch
        waves = np.sin(2 * np.pi * harmonics * time)
        tone = volume * timbres[label] @ waves
        tone += 0.001 * rng.standard_normal(len(time))
        examples.append(log_mel_examples(tone))
    return torch.from_numpy(np.concatenate(examples)), torch.tensor(labels)


def test_log_mel_cnn_learns_timbre():
    """40 steps with 24 of 240 tones; chance level is 1 in 5."""
    torch.manual_seed(0)
    rng = np.random.RandomState(0)
    classifier = nn.Sequential(
        MODELS.build(dict(type='LogMelCNN')), nn.Linear(128, 5)
    )
    optimizer = torch.optim.AdamW(classifier.parameters(), 1e-3)
    log_mel, labels = _tones(240, rng)
    for _ in range(40):
        pick = torch.from_numpy(rng.permutation(240)[:24])
        scores = classifier(log_mel[pick])
        loss = nn.functional.cross_entropy(scores, labels[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    log_mel, labels = _tones(100, rng)
    with torch.no_grad():
        accuracy = (classifier(log_mel).argmax(1) == labels).float().mean()
    assert accuracy >= 0.95
