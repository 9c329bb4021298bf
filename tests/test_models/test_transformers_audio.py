"""AST and CLAP of transformers as audio backbones, with tiny weights."""

import builtins
import json

import mmavs  # noqa: F401
import numpy as np
import pytest
import torch
from mmavs.models import TransformersAudio
from mmseg.registry import MODELS

transformers = pytest.importorskip('transformers')

RATE = 16000
AST = dict(
    architecture='ast',
    config=dict(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_mel_bins=32,
        max_length=96,
        frequency_stride=16,
        time_stride=16,
    ),
    extractor=dict(num_mel_bins=32, max_length=96),
)
CLAP = dict(
    architecture='clap',
    config=dict(
        num_mel_bins=16,
        spec_size=64,
        window_size=4,
        depths=[1, 1],
        num_attention_heads=[2, 2],
        patch_embeds_hidden_size=16,
        hidden_size=32,
        projection_dim=8,
    ),
    extractor=dict(
        feature_size=16,
        sampling_rate=RATE,
        max_length_s=1,
        hop_length=160,
        fft_window_size=400,
        frequency_max=8000,
        truncation='rand_trunc',
    ),
)
BOTH = pytest.mark.parametrize('options', [AST, CLAP], ids=['ast', 'clap'])


def _build(options, **changes):
    torch.manual_seed(0)
    return TransformersAudio(RATE, **{**options, **changes})


def _windows(num=3, channels=1, samples=8000):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(num, channels, samples, generator=generator) - 0.5


def _save(options, folder):
    """Write the folder of a random model; return its backbone, too."""
    backbone = _build(options)
    backbone.model.save_pretrained(folder)
    backbone._extractor.save_pretrained(folder)
    return backbone


def _from(folder, **options):
    return TransformersAudio(RATE, folder=str(folder), **options)


@pytest.mark.parametrize(
    ('options', 'channels', 'tokens'),
    # AST: patches of 16x16 on 32 bands x 96 frames: 2 * 6. CLAP: 64x64 pixels
    # in patches of 4, halved once: 8 * 8.
    [(AST, 16, 12), (CLAP, 32, 64)],
    ids=['ast', 'clap'],
)
def test_embedding_and_tokens_of_each_window(options, channels, tokens):
    backbone = MODELS.build(
        dict(type='TransformersAudio', sample_rate=RATE, **options)
    )
    features = backbone(_windows())
    assert backbone.out_channels == channels
    assert features.embed.shape == (3, channels)
    assert features.tokens.shape == (3, tokens, channels)
    alone = backbone(_windows()[1:2])
    torch.testing.assert_close(alone.embed, features.embed[1:2])
    torch.testing.assert_close(alone.tokens, features.tokens[1:2])
    assert not torch.allclose(features.embed[0], features.embed[1], atol=1e-3)


def test_ast_is_what_transformers_computes():
    backbone = _build(AST)
    mono = _windows()[:, 0].numpy()
    inputs = backbone._extractor(
        list(mono), sampling_rate=RATE, return_tensors='pt'
    )
    with torch.no_grad():
        out = backbone.model(**inputs)
    features = backbone(_windows())
    assert torch.equal(features.embed, out.pooler_output)
    # The embedding is the mean of the two special tokens.
    torch.testing.assert_close(
        features.embed, out.last_hidden_state[:, :2].mean(1)
    )
    assert torch.equal(features.tokens, out.last_hidden_state[:, 2:])


def test_clap_is_the_pooled_output_and_its_map():
    """The embedding is the mean of the tokens."""
    features = _build(CLAP)(_windows())
    torch.testing.assert_close(features.embed, features.tokens.mean(1))


def test_clap_with_fusion_is_deterministic():
    """The feature extractor would fuse a random window of each batch."""
    config = {**CLAP['config'], 'enable_fusion': True}
    extractor = {**CLAP['extractor'], 'truncation': 'fusion'}
    backbone = _build(CLAP, config=config, extractor=extractor)
    outputs = []
    for seed in range(4):
        np.random.seed(seed)
        outputs.append(backbone(_windows()).embed)
    assert all(torch.equal(outputs[0], other) for other in outputs)


@BOTH
def test_channels_are_averaged(options):
    backbone = _build(options)
    stereo = _windows(channels=2)
    mono = stereo.mean(1, keepdim=True)
    assert torch.equal(backbone(stereo).embed, backbone(mono).embed)


@BOTH
def test_frozen_stays_as_it_is(options):
    backbone = _build(options).train()
    assert not any(module.training for module in backbone.modules())
    assert not any(p.requires_grad for p in backbone.parameters())
    assert not backbone(_windows()).tokens.requires_grad


@BOTH
def test_thawed_trains(options):
    backbone = _build(options, frozen=False).eval().train()
    assert backbone.model.training
    features = backbone(_windows())
    (features.embed.sum() + features.tokens.square().sum()).backward()
    grads = [p.grad for p in backbone.parameters() if p.grad is not None]
    assert len(grads) > 10
    assert any(grad.any() for grad in grads)


# ---- folders ----------------------------------------------------------------


@BOTH
@pytest.mark.parametrize('safe', [True, False])
def test_weights_come_from_the_folder(options, safe, tmp_path):
    """mmengine does not overwrite them when it initialises the model."""
    saved = _save(options, tmp_path)
    if not safe:
        saved.model.save_pretrained(tmp_path, safe_serialization=False)
        (tmp_path / 'model.safetensors').unlink()
    torch.manual_seed(5)
    loaded = _from(tmp_path)
    loaded.init_weights()
    assert loaded.architecture == options['architecture']
    for name, value in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert torch.equal(loaded(_windows()).embed, saved(_windows()).embed)


def test_the_folder_of_the_whole_clap(tmp_path):
    """Its audio weights are loaded; ClapAudioModel would draw random ones."""
    audio = _build(CLAP)
    text = transformers.ClapTextConfig(
        vocab_size=10,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    config = transformers.ClapConfig(
        text_config=text.to_dict(),
        audio_config=audio.model.config.to_dict(),
        projection_dim=8,
    )
    whole = transformers.ClapModel(config)
    whole.save_pretrained(tmp_path)
    audio._extractor.save_pretrained(tmp_path)
    expected = whole.audio_model.state_dict()
    loaded = _from(tmp_path).model.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[k], expected[k]) for k in loaded)


def test_the_folder_of_an_ast_classifier(tmp_path):
    """As published for AudioSet."""
    backbone = _build(AST)
    whole = transformers.ASTForAudioClassification(backbone.model.config)
    whole.save_pretrained(tmp_path)
    backbone._extractor.save_pretrained(tmp_path)
    expected = whole.audio_spectrogram_transformer.state_dict()
    loaded = _from(tmp_path).model.state_dict()
    assert all(torch.equal(loaded[k], expected[k]) for k in expected)


@pytest.mark.parametrize(
    ('missing', 'message'),
    [
        ('config.json', 'config.json is missing; folder must hold'),
        ('preprocessor_config.json', 'preprocessor_config.json is missing'),
        ('model.safetensors', 'holds no weights, expected one of'),
    ],
)
def test_a_missing_file_is_named(tmp_path, missing, message):
    _save(AST, tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f'{tmp_path.name}.*{message}'):
        _from(tmp_path)


def test_a_folder_is_never_looked_up_elsewhere(tmp_path):
    with pytest.raises(FileNotFoundError, match='laion/clap.*is missing'):
        _from('laion/clap-htsat-unfused')


def test_the_folder_of_another_model_is_refused(tmp_path):
    _save(AST, tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    config['model_type'] = 'wav2vec2'
    (tmp_path / 'config.json').write_text(json.dumps(config))
    with pytest.raises(ValueError, match="type 'wav2vec2', expected one of"):
        _from(tmp_path)


def test_weights_that_are_missing_are_an_error(tmp_path):
    """transformers would only warn and use random weights."""
    _save(AST, tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    config['num_hidden_layers'] = 2
    (tmp_path / 'config.json').write_text(json.dumps(config))
    with pytest.raises(ValueError, match='lacks 16 of the weights of ASTMode'):
        _from(tmp_path)


# ---- errors -----------------------------------------------------------------


@pytest.mark.parametrize(
    ('options', 'shape', 'limits'),
    [
        # AST: a window of 400 samples, 96 frames of 10 ms.
        (AST, (2, 8000), '400 to 15360'),
        (AST, (2, 1, 399), '400 to 15360'),
        (AST, (2, 1, 15361), '400 to 15360'),
        # CLAP: 1 s.
        (CLAP, (2, 8000), '1 to 16000'),
        (CLAP, (2, 1, 0), '1 to 16000'),
        (CLAP, (2, 1, 16001), '1 to 16000'),
    ],
)
def test_other_shapes_are_refused(options, shape, limits):
    with pytest.raises(
        ValueError, match=rf'must be \(N, C, S\) with S from {limits} samples'
    ):
        _build(options)(torch.zeros(shape))


@pytest.mark.parametrize(
    ('options', 'limits'), [(AST, (400, 15360)), (CLAP, (1, 16000))]
)
def test_limits_themselves_are_taken(options, limits):
    backbone = _build(options)
    for samples in limits:
        assert backbone(_windows(samples=samples)).embed.isfinite().all()


@BOTH
def test_other_rates_are_refused(options):
    with pytest.raises(
        ValueError, match=r'takes 16000 .*got sample_rate=8000; set LoadWave'
    ):
        TransformersAudio(8000, **options)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({}, 'give either folder'),
        ({**AST, 'folder': 'x'}, "folder='x' and architecture='ast'"),
        (dict(architecture='beats'), r"one of \['ast', 'clap'\], got 'beats'"),
        ({**AST, 'init_cfg': dict(type='Pretrained')}, 'takes no init_cfg'),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        TransformersAudio(RATE, **options)


def test_without_transformers_the_extra_is_named(monkeypatch):
    real_import = builtins.__import__

    def fail(name, *args, **kwargs):
        if name == 'transformers':
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', fail)
    with pytest.raises(ImportError, match=r'mmavs\[transformers\]'):
        TransformersAudio(RATE, **AST)
