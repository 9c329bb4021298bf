"""The MLP in tiles."""

import copy

import pytest
import torch
from mmavs.models.layers import tiled_ffn, use_tiled_ffn
from mmcv.cnn.bricks.transformer import FFN


def test_tiles_give_the_output_of_all_rows_together(monkeypatch):
    monkeypatch.setattr(tiled_ffn, '_ROWS', 3)
    torch.manual_seed(0)
    plain = FFN(4, 8, ffn_drop=0.0).double().eval()
    tiled = copy.deepcopy(plain)
    assert use_tiled_ffn(tiled) == 1
    x, other = torch.randn(2, 2, 10, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(tiled(x), plain(x))
        torch.testing.assert_close(tiled(x, other), plain(x, other))


def test_with_gradients_there_are_no_tiles(monkeypatch):
    monkeypatch.setattr(tiled_ffn, '_ROWS', 3)
    layer = FFN(4, 8, ffn_drop=0.0).eval()
    use_tiled_ffn(layer)
    x = torch.randn(2, 10, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).sum(), x)
    assert gradient.shape == x.shape


@pytest.mark.parametrize(
    ('ffn_drop', 'trained', 'calls'),
    [(0.0, False, 7), (0.0, True, 1), (0.5, False, 1)],
    ids=['frozen', 'trained', 'random'],
)
def test_tiles_in_training(monkeypatch, ffn_drop, trained, calls):
    """20 rows in tiles of 3, only if frozen and without dropout."""
    monkeypatch.setattr(tiled_ffn, '_ROWS', 3)
    layer = FFN(4, 8, ffn_drop=ffn_drop).train()
    use_tiled_ffn(layer)
    layer.requires_grad_(False)
    layer.layers[1].bias.requires_grad_(trained)
    ran = []
    layer.layers.register_forward_hook(lambda *args: ran.append(args))
    assert layer(torch.randn(2, 10, 4)).requires_grad == trained
    assert len(ran) == calls
