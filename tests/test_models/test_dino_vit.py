"""DinoViT equals transformers' modules and takes frames of any size."""

import pytest
import torch
from mmavs.models.layers.dino_block import dino_settings, rope_table
from mmavs.models.visual_backbones import DinoViT
from mmseg.registry import MODELS
from transformers import (
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
    DINOv3ViTConfig,
    DINOv3ViTModel,
)

SMALL = dict(embed_dims=64, num_layers=3, num_heads=4, mlp_channels=128)
SIZES = dict(
    hidden_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
)
HALVES = ('weight', 'bias')


def _drawn(model):
    """Weights far from their initialisation, so that each one matters."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def _common(source, layer, names):
    """What both versions of transformers' modules share, under our names."""
    ours = {}
    for i in range(3):
        old, new = layer.format(i), f'blocks.{i}.'
        query, key, value = (f'{old}{name}' for name in names['qkv'])
        ours[f'{new}attn.qkv.weight'] = torch.cat(
            [source[f'{name}.weight'] for name in (query, key, value)]
        )
        ours[f'{new}attn.q_bias'] = source[f'{query}.bias']
        ours[f'{new}attn.v_bias'] = source[f'{value}.bias']
        if f'{key}.bias' in source:
            ours[f'{new}attn.k_bias'] = source[f'{key}.bias']
        for half in HALVES:
            ours[f'{new}attn.proj.{half}'] = source[
                f'{old}{names["proj"]}.{half}'
            ]
            for k in (1, 2):
                ours[f'{new}norm{k}.{half}'] = source[f'{old}norm{k}.{half}']
                ours[f'{new}mlp.fc{k}.{half}'] = torch.cat(
                    [source[f'{old}{n}.{half}'] for n in names[f'fc{k}']]
                )
        for k in (1, 2):
            ours[f'{new}ls{k}.gamma'] = source[f'{old}layer_scale{k}.lambda1']
    return ours


def _dinov3(gated):
    config = DINOv3ViTConfig(
        **SIZES,
        intermediate_size=128,
        num_register_tokens=4,
        use_gated_mlp=gated,
        hidden_act='silu' if gated else 'gelu',
    )
    theirs = _drawn(DINOv3ViTModel(config))
    source = theirs.state_dict()
    up = ['mlp.gate_proj', 'mlp.up_proj'] if gated else ['mlp.up_proj']
    names = dict(
        qkv=[f'attention.{n}_proj' for n in 'qkv'],
        proj='attention.o_proj',
        fc1=up,
        fc2=['mlp.down_proj'],
    )
    weights = _common(source, 'layer.{}.', names)
    for half in HALVES:
        patch = f'embeddings.patch_embeddings.{half}'
        weights[f'patch_embed.{half}'] = source[patch]
        weights[f'norm.{half}'] = source[f'norm.{half}']
    for name in ('cls_token', 'register_tokens'):
        weights[name] = source[f'embeddings.{name}']
    mlp = 'swiglu' if gated else 'gelu'
    return theirs, weights, dict(arch=dict(SMALL, mlp=mlp), variant='dinov3')


def _dinov2(num_registers):
    options = dict(SIZES, mlp_ratio=2, patch_size=14, image_size=70)
    if num_registers:
        config = Dinov2WithRegistersConfig(
            **options, num_register_tokens=num_registers
        )
        theirs = Dinov2WithRegistersModel(config)
    else:
        theirs = Dinov2Model(Dinov2Config(**options))
    source = _drawn(theirs).state_dict()
    names = dict(
        qkv=[f'attention.attention.{n}' for n in ('query', 'key', 'value')],
        proj='attention.output.dense',
        fc1=['mlp.fc1'],
        fc2=['mlp.fc2'],
    )
    weights = _common(source, 'encoder.layer.{}.', names)
    for half in HALVES:
        patch = f'embeddings.patch_embeddings.projection.{half}'
        weights[f'patch_embed.{half}'] = source[patch]
        weights[f'norm.{half}'] = source[f'layernorm.{half}']
    weights['cls_token'] = source['embeddings.cls_token']
    weights['pos_embed'] = source['embeddings.position_embeddings']
    if num_registers:
        weights['register_tokens'] = source['embeddings.register_tokens']
    options = dict(
        arch=SMALL,
        variant='dinov2',
        num_registers=num_registers,
        pretrain_grid=5,
    )
    return theirs, weights, options


CASES = {
    'dinov3': (lambda: _dinov3(False), [(64, 64), (48, 96)]),
    'dinov3-swiglu': (lambda: _dinov3(True), [(64, 64), (48, 96)]),
    'dinov2': (lambda: _dinov2(0), [(70, 70), (56, 98)]),
    'dinov2-registers': (lambda: _dinov2(4), [(70, 70), (56, 98)]),
}


@pytest.fixture(params=CASES, name='pair')
def make_pair(request):
    make, sizes = CASES[request.param]
    theirs, weights, options = make()
    return theirs, weights, options, sizes


@torch.no_grad()
def test_equals_transformers(pair):
    theirs, weights, options, sizes = pair
    ours = DinoViT(**options).eval()
    ours.load_state_dict(weights, strict=True)
    for size in sizes:
        frames = torch.randn(2, 3, *size)
        (patches,) = ours(frames)
        rows = patches.flatten(2).transpose(1, 2)
        expected = theirs(frames).last_hidden_state[:, -rows.shape[1] :]
        assert expected.abs().max() > 1
        torch.testing.assert_close(rows, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_last_blocks_in_the_head_give_the_same_tokens(pair):
    """Stopping early and running the rest outside changes nothing."""
    _, weights, options, sizes = pair
    whole, cut = DinoViT(**options), DinoViT(**options, joint_blocks=2)
    whole.load_state_dict(weights)
    missing = cut.load_state_dict(weights, strict=False)
    assert not missing.missing_keys
    whole.eval(), cut.eval()
    frames = torch.randn(2, 3, *sizes[1])
    patches, prefix, *rope = cut(frames)
    assert prefix.shape == (2, 64, 1, 1 + whole.num_registers)
    assert len(rope) == (options['variant'] == 'dinov3')
    tokens = torch.cat([prefix.flatten(2), patches.flatten(2)], 2)
    tokens = tokens.transpose(1, 2)
    for block in whole.blocks[1:]:
        tokens = block(tokens, rope[0] if rope else None)
    tokens = whole.norm(tokens)[:, prefix.shape[-1] :]
    expected = whole(frames)[0].flatten(2).transpose(1, 2)
    torch.testing.assert_close(tokens, expected, rtol=0, atol=1e-6)


def test_rope_of_a_small_grid():
    """2 x 1 patches: centres y = -0.5, 0.5, x = 0; frequencies 1, 0.1."""
    table = rope_table(2, 1, 8)
    angles = torch.tensor([-torch.pi, -0.1 * torch.pi, 0, 0]).repeat(2)
    cos, sin = table[0, :, 0, 0].chunk(2)
    torch.testing.assert_close(cos, angles.cos())
    torch.testing.assert_close(sin, angles.sin())
    torch.testing.assert_close(table[0, :8, 1], table[0, :8, 0])
    torch.testing.assert_close(table[0, 8:, 1], -table[0, 8:, 0])


def test_rope_is_rescaled_in_training_alone():
    torch.manual_seed(0)
    model = DinoViT(SMALL, joint_blocks=1, rope_rescale=2.0)
    frames = torch.zeros(1, 3, 32, 32)
    tables = [model(frames)[2] for _ in range(2)]
    assert not torch.equal(*tables)
    model.eval()
    tables = [model(frames)[2] for _ in range(2)]
    assert torch.equal(*tables)
    assert torch.equal(tables[0], rope_table(2, 2, 16))


def test_checkpointing_gives_the_same_gradients():
    frames = torch.randn(1, 3, 32, 32)
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(1)
        model = DinoViT(SMALL, with_cp=with_cp)
        model.init_weights()
        model(frames)[0].square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    assert len(gradients[0]) > 10
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_frozen_has_no_gradients_and_stays_in_eval():
    model = DinoViT(SMALL, frozen=True, rope_rescale=2.0)
    model.train()
    assert not model.training
    assert not model(torch.randn(1, 3, 32, 32))[0].requires_grad
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    ('arch', 'parameters'), [('small', 21_596_160), ('base', 85_659_648)]
)
def test_published_sizes(arch, parameters):
    """DINOv3's, without the mask token."""
    with torch.device('meta'):
        model = DinoViT(arch)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (dict(arch='huge'), "arch must be one of .*got 'huge'"),
        (dict(variant='dino'), "variant must be one of .*got 'dino'"),
        (dict(arch=SMALL, joint_blocks=4), r'joint_blocks must be in 0\.\.3'),
        (dict(arch=SMALL, rope_rescale=0.5), 'at least 1, got 0.5'),
        (dict(arch=dict(SMALL, num_heads=5)), 'multiple of 4'),
        (dict(arch=dict(SMALL, mlp='relu')), "'gelu' or 'swiglu'"),
    ],
)
def test_wrong_options(options, text):
    with pytest.raises(ValueError, match=text):
        DinoViT(**options)


def test_wrong_size_says_what_to_set():
    with pytest.raises(ValueError, match=r'patch_size=16, got \(32, 40\)'):
        DinoViT(SMALL)(torch.zeros(1, 3, 32, 40))


def test_is_registered():
    assert MODELS.get('DinoViT') is DinoViT
    assert dino_settings('large', 'dinov3').num_layers == 24
