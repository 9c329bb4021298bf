"""Swin Transformer with adapters."""

import copy

import pytest
import torch
from mmavs.models import AdapterSwin
from mmavs.models.layers import (
    use_fused_window_attention,
    use_onednn_linear,
    use_tiled_ffn,
)
from mmavs.models.layers.window_attention import GatheredShiftWindowMSA
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
    fast = copy.deepcopy(plain)
    use_fused_window_attention(fast)
    use_tiled_ffn(fast)
    for module in (swin, fast):
        use_onednn_linear(module)
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = zip(swin(x), fast(x), plain(x), strict=True)
        for ours, same_layers, theirs in maps:
            assert torch.equal(ours, same_layers)
            # mmdet's layers round in another order.
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


def _maps_and_gradients(swin, frames):
    """Train one step from the same random values."""
    torch.manual_seed(1)
    swin.zero_grad()
    maps = swin(frames)
    sum(x.square().sum() for x in maps).backward()
    gradients = {n: p.grad for n, p in swin.named_parameters()}
    return {**dict(enumerate(maps)), **gradients}


@pytest.mark.parametrize('num_frames', [6, 1], ids=['some', 'all'])
def test_dropped_frames_are_not_computed(num_frames, monkeypatch):
    """Outputs and gradients are those of dropping them afterwards."""
    swin = _swin(drop_path_rate=0.5, drop_path_mode='constant_attention')
    swin.double().train()
    frames = torch.randn(num_frames, 3, 32, 32, dtype=torch.float64)
    num_windows = []
    attention = swin.stages[0].blocks[1].attn.w_msa
    attention.register_forward_hook(
        lambda module, args, out: num_windows.append(len(args[0]))
    )
    ours = _maps_and_gradients(swin, frames)
    monkeypatch.setattr(
        GatheredShiftWindowMSA, '_drops_frames', lambda self: False
    )
    after = _maps_and_gradients(swin, frames)
    assert ours.keys() == after.keys()
    for name, expected in after.items():
        torch.testing.assert_close(ours[name], expected, msg=str(name))
    # 8 x 8 rows make 16 windows of a frame.
    assert num_windows[1] == 16 * num_frames
    expected = 16 * (1 if num_frames == 1 else 3)  # 3 of 6 are kept
    assert num_windows[0] == expected


def test_checkpointing_gives_the_same_gradients():
    frames = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    kept, recomputed = (
        _maps_and_gradients(
            _swin(
                drop_path_rate=0.3,
                drop_path_mode='constant_attention',
                with_cp=with_cp,
            )
            .double()
            .train(),
            frames,
        )
        for with_cp in (False, True)
    )
    assert kept.keys() == recomputed.keys()
    for name, expected in kept.items():
        torch.testing.assert_close(recomputed[name], expected)
