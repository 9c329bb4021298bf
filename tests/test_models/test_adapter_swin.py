"""Swin Transformer with adapters."""

import copy

import pytest
import torch
from mmavs.models import AdapterSwin
from mmavs.models.layers import use_fused_window_attention
from mmdet.models import SwinTransformer
from torch import nn

TINY = dict(
    embed_dims=8,
    depths=(2, 2, 2, 2),
    num_heads=(1, 2, 2, 2),
    window_size=2,
    patch_norm=True,
)


def _swin(**options) -> AdapterSwin:
    torch.manual_seed(0)
    swin = AdapterSwin(**TINY, **options)
    swin.init_weights()
    return swin.eval()


def test_zero_adapters_leave_the_backbone_unchanged():
    """With every adapter at zero the maps are those of mmdet's Swin."""
    swin = _swin(with_adapters=True)
    for name, param in swin.named_parameters():
        if 'adapter' in name:
            nn.init.zeros_(param)
    plain = SwinTransformer(**TINY)
    plain.load_state_dict(
        {k: v for k, v in swin.state_dict().items() if 'adapter' not in k}
    )
    plain.eval()
    fused = copy.deepcopy(plain)
    use_fused_window_attention(fused)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = zip(swin(x), fused(x), plain(x), strict=True)
        for ours, same_attention, theirs in maps:
            assert torch.equal(ours, same_attention)
            # The fused attention rounds in another order.
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_adapters_matter_and_are_two_per_block():
    swin = _swin()
    names = [n for n, _ in swin.named_parameters() if 'adapter' in n]
    # 8 blocks, 2 adapters each, 2 linear layers with weight and bias
    assert len(names) == 8 * 2 * 4
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = swin(x)[-1]
        for name, param in swin.named_parameters():
            if 'adapter' in name:
                nn.init.normal_(param)
        assert not torch.allclose(before, swin(x)[-1])


def test_drop_path_modes():
    """Linear: 0 to 0.3 over 8 blocks, both branches; else 0.3, attention."""
    linear = _swin(drop_path_rate=0.3)
    rates = [
        (block.attn.drop.drop_prob, block.ffn.dropout_layer.drop_prob)
        for stage in linear.stages
        for block in stage.blocks
    ]
    assert rates[0] == (0.0, 0.0)
    assert rates[-1] == pytest.approx((0.3, 0.3))

    constant = _swin(drop_path_rate=0.3, drop_path_mode='constant_attention')
    blocks = [b for stage in constant.stages for b in stage.blocks]
    assert [b.attn.drop.drop_prob for b in blocks] == [0.3] * 8
    assert all(isinstance(b.ffn.dropout_layer, nn.Identity) for b in blocks)


def test_frozen_backbone_drops_paths_in_training():
    """As published: no gradient, but stochastic depth stays on."""
    swin = _swin(
        frozen=True, drop_path_rate=0.5, drop_path_mode='constant_attention'
    )
    assert not [p for p in swin.parameters() if p.requires_grad]
    x = torch.randn(1, 3, 64, 64)
    assert swin.train() is swin
    assert not torch.equal(swin(x)[-1], swin(x)[-1])
    swin.eval()
    assert torch.equal(swin(x)[-1], swin(x)[-1])


def test_unknown_drop_path_mode_is_named():
    with pytest.raises(ValueError, match="drop_path_mode .* got 'random'"):
        _swin(drop_path_mode='random')
