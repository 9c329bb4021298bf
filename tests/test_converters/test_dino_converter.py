"""The four layouts of DINOv2 and DINOv3 become the same tensors."""

import pytest
import torch
from mmavs.converters.dino import convert_dino, give_blocks_to_head
from mmavs.models.visual_backbones import DinoViT
from support.tiny_ease import tiny_head
from transformers import DINOv3ViTConfig, DINOv3ViTModel

SMALL = dict(embed_dims=64, num_layers=3, num_heads=4, mlp_channels=128)


@pytest.fixture(scope='module', name='theirs')
def _theirs():
    torch.manual_seed(0)
    model = DINOv3ViTModel(
        DINOv3ViTConfig(
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=128,
            num_register_tokens=4,
        )
    ).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def _expected(**options):
    return DinoViT(**{'arch': SMALL, **options}).state_dict()


@torch.no_grad()
def test_hugging_face_file_gives_the_same_tokens(theirs):
    converted, _ = convert_dino(theirs.state_dict(), _expected())
    ours = DinoViT(SMALL).eval()
    ours.load_state_dict(converted, strict=True)
    frames = torch.randn(1, 3, 32, 48)
    rows = ours(frames)[0].flatten(2).transpose(1, 2)
    expected = theirs(frames).last_hidden_state[:, 5:]
    torch.testing.assert_close(rows, expected, rtol=0, atol=1e-5)


def _as_published_by_the_authors(source):
    """The authors' layout, from that of ``transformers``."""
    plain = {
        'cls_token': source['embeddings.cls_token'],
        'storage_tokens': source['embeddings.register_tokens'],
        'mask_token': source['embeddings.mask_token'][0],
        'rope_embed.periods': torch.ones(4),
    }
    for half in ('weight', 'bias'):
        patch = source[f'embeddings.patch_embeddings.{half}']
        plain[f'patch_embed.proj.{half}'] = patch
        plain[f'norm.{half}'] = source[f'norm.{half}']
    for i in range(3):
        old, new = f'layer.{i}.', f'blocks.{i}.'
        attention = f'{old}attention.'
        plain[f'{new}attn.qkv.weight'] = torch.cat(
            [source[f'{attention}{n}_proj.weight'] for n in 'qkv']
        )
        bias = [source[f'{attention}{n}_proj.bias'] for n in 'qv']
        # Published biases of the keys are masked, whatever they hold.
        junk = torch.full_like(bias[0], 7.0)
        mask = torch.cat([junk.new_ones(64), 0 * junk, junk.new_ones(64)])
        plain[f'{new}attn.qkv.bias'] = torch.cat([bias[0], junk, bias[1]])
        plain[f'{new}attn.qkv.bias_mask'] = mask
        for half in ('weight', 'bias'):
            plain[f'{new}attn.proj.{half}'] = source[
                f'{attention}o_proj.{half}'
            ]
            for k, name in ((1, 'up'), (2, 'down')):
                plain[f'{new}mlp.fc{k}.{half}'] = source[
                    f'{old}mlp.{name}_proj.{half}'
                ]
                plain[f'{new}norm{k}.{half}'] = source[f'{old}norm{k}.{half}']
        for k in (1, 2):
            plain[f'{new}ls{k}.gamma'] = source[f'{old}layer_scale{k}.lambda1']
    return plain


def _as_timm(source):
    """timm's layout of DINOv3, from the authors'."""
    renamed = {}
    for name, tensor in source.items():
        if name in ('mask_token', 'rope_embed.periods') or 'mask' in name:
            continue
        if name.endswith('qkv.bias'):
            query, _, value = tensor.chunk(3)
            renamed[name.replace('qkv.bias', 'q_bias')] = query
            renamed[name.replace('qkv.bias', 'v_bias')] = value
            continue
        name = name.replace('storage_tokens', 'reg_token')
        for k in (1, 2):
            name = name.replace(f'ls{k}.gamma', f'gamma_{k}')
        renamed[name] = tensor
    return renamed


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_all_layouts_of_dinov3_agree(theirs, prefix):
    source = theirs.state_dict()
    expected, _ = convert_dino(source, _expected())
    authors = _as_published_by_the_authors(source)
    for layout in (authors, _as_timm(authors)):
        renamed = {f'{prefix}{name}': t for name, t in layout.items()}
        converted, _ = convert_dino(renamed, _expected())
        assert set(converted) == set(expected)
        for name, tensor in converted.items():
            assert torch.equal(tensor, expected[name]), name


def test_timm_without_biases_means_zero(theirs):
    source = _as_timm(_as_published_by_the_authors(theirs.state_dict()))
    plain = {n: t for n, t in source.items() if not n.endswith('v_bias')}
    plain = {n: t for n, t in plain.items() if not n.endswith('q_bias')}
    converted, _ = convert_dino(plain, _expected())
    assert not converted['blocks.0.attn.q_bias'].any()
    assert not converted['blocks.2.attn.v_bias'].any()


@pytest.mark.parametrize('num_registers', [0, 4])
def test_dinov2_keeps_the_bias_of_the_keys(num_registers):
    options = dict(
        variant='dinov2', num_registers=num_registers, pretrain_grid=5
    )
    torch.manual_seed(1)
    source = {'mask_token': torch.zeros(1, 64)}
    for name, tensor in _expected(**options).items():
        name = name.replace('patch_embed.', 'patch_embed.proj.')
        if name.endswith(('q_bias', 'k_bias', 'v_bias')):
            name = f'{name[:-6]}qkv.bias'
            tensor = torch.zeros(3 * 64)
        source[name] = torch.randn_like(tensor)
    converted, _ = convert_dino(source, _expected(**options))
    joint = [converted[f'blocks.1.attn.{n}_bias'] for n in 'qkv']
    assert torch.equal(torch.cat(joint), source['blocks.1.attn.qkv.bias'])


def test_wrong_files_are_named(theirs):
    with pytest.raises(ValueError, match="2 tensors such as .'a', 'b'."):
        convert_dino({'b': torch.zeros(1), 'a': torch.zeros(1)})
    source = _as_published_by_the_authors(theirs.state_dict())
    del source['blocks.1.attn.qkv.bias_mask']
    with pytest.raises(ValueError, match='expected zero as bias of the keys'):
        convert_dino(source)
    wide = _expected(arch=dict(SMALL, mlp_channels=256))
    with pytest.raises(ValueError, match='the model expects'):
        convert_dino(theirs.state_dict(), wide)


def test_last_blocks_go_to_the_head():
    """What load_from of an EASE config reads, name by name."""
    whole = _expected()
    named = give_blocks_to_head(whole, 2)
    expected = {
        f'backbone.{name}': tensor
        for name, tensor in _expected(joint_blocks=2).items()
    }
    head = tiny_head(arch=SMALL).state_dict()
    expected |= {
        f'decode_head.{name}': tensor
        for name, tensor in head.items()
        if name.startswith(('blocks.', 'norm.'))
    }
    assert set(named) == set(expected)
    assert len(named) == len(whole)
    last = named['decode_head.blocks.1.norm1.bias']
    assert last is whole['blocks.2.norm1.bias']
