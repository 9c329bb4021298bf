"""Compare DinoViT with timm's modules, where timm is installed."""

import importlib.util

import pytest
import torch
from mmavs.converters.dino import convert_dino
from mmavs.models.visual_backbones import DinoViT

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(
        importlib.util.find_spec('timm') is None, reason='timm is missing'
    ),
]
SIZES = dict(embed_dims=64, num_layers=3, num_heads=4, mlp_channels=256)
GRID = 4


def _theirs(name, patch_size):
    import timm

    model = timm.create_model(
        name,
        num_classes=0,
        img_size=GRID * patch_size,
        dynamic_img_size=True,
        embed_dim=SIZES['embed_dims'],
        depth=SIZES['num_layers'],
        num_heads=SIZES['num_heads'],
    )
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def _dinov3():
    theirs = _theirs('vit_small_patch16_dinov3_qkvb', 16)
    ours = DinoViT(SIZES, 'dinov3')
    weights, report = convert_dino(theirs.state_dict(), ours.state_dict())
    assert 'layout: timm-dinov3' in report.notes
    return theirs, ours, weights


def _dinov2(num_registers):
    """The names differ from the authors' in registers and positions."""
    registers = f'_reg{num_registers}' if num_registers else ''
    theirs = _theirs(f'vit_small_patch14{registers}_dinov2', 14)
    ours = DinoViT(
        SIZES, 'dinov2', num_registers=num_registers, pretrain_grid=GRID
    )
    source = theirs.state_dict()
    if num_registers:
        source['register_tokens'] = source.pop('reg_token')
        # timm's file holds the sum of the class token and its position.
        positions = source['pos_embed']
        cls = torch.zeros_like(positions[:, :1])
        source['pos_embed'] = torch.cat([cls, positions], 1)
    weights, _ = convert_dino(source, ours.state_dict())
    return theirs, ours, weights


@pytest.mark.parametrize(
    ('make', 'grids'),
    [
        (_dinov3, [(4, 4), (3, 6), (8, 8)]),
        (lambda: _dinov2(4), [(4, 4), (3, 6), (8, 8)]),
        # Without registers timm's resampling differs from the authors'.
        (lambda: _dinov2(0), [(4, 4)]),
    ],
    ids=['dinov3', 'dinov2-registers', 'dinov2'],
)
@torch.no_grad()
def test_equals_timm(make, grids):
    theirs, ours, weights = make()
    ours.load_state_dict(weights, strict=True)
    ours.eval()
    for grid in grids:
        frames = torch.randn(2, 3, *(n * ours.patch_size for n in grid))
        (patches,) = ours(frames)
        rows = patches.flatten(2).transpose(1, 2)
        expected = theirs.forward_features(frames)[:, -rows.shape[1] :]
        assert expected.abs().max() > 1
        torch.testing.assert_close(rows, expected, rtol=0, atol=1e-5)
