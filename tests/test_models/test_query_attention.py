"""Attention of queries to pixels, recorded by hooks."""

import pytest
import torch
from mmavs.apis.attention import recorded_attention
from mmavs.models.ease.pvt_block import PVTJointBlock, PVTSettings
from mmavs.models.layers import (
    AttentionRecord,
    FusedMultiheadAttention,
    watch_multihead,
)
from mmavs.models.layers.dino_block import DinoBlock, dino_settings
from mmengine.config import Config
from support.tiny_ease import ARCH, tiny_features, tiny_head
from support.tiny_models import ROOT, build, random_features


def test_levels_are_added_by_hand():
    """Two queries that count 3 to 1; maps of 1 x 2 and of 1 x 1."""
    record = AttentionRecord()
    weights = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 0.0, 0.5]]])
    record.add('layer', weights, [(1, 2), (1, 1)])
    uniform = record.maps()['layer']
    # Means .25, .125, .375; the last is spread over two pixels.
    assert uniform.tolist() == [[[0.25 + 0.1875, 0.125 + 0.1875]]]
    record.weigh_queries(torch.tensor([[0.3, 0.1]]))
    # Weighted .375, .1875, .3125.
    got = record.maps()['layer']
    assert got.flatten().tolist() == pytest.approx([0.53125, 0.34375])


def test_fused_attention_reports_its_weights():
    """A query equal to the first of two keys, by torch's own softmax."""
    torch.manual_seed(0)
    attention = FusedMultiheadAttention(4, 1, batch_first=True).eval()
    query, key = torch.rand(2, 3, 4), torch.rand(2, 5, 4)
    seen = []
    handle = watch_multihead(attention, seen.append)
    watched, _ = attention(query, key, key)
    handle.remove()
    plain, weights = attention(query, key, key)
    assert weights is None
    assert torch.equal(watched, plain)
    (reported,) = seen
    projection = attention.in_proj_weight.chunk(3)
    bias = attention.in_proj_bias.chunk(3)
    q, k = (
        torch.nn.functional.linear(rows, projection[i], bias[i])
        for i, rows in enumerate((query, key))
    )
    expected = (q @ k.transpose(1, 2) / 2).softmax(-1)
    assert torch.allclose(reported, expected, atol=1e-6)


def test_dino_weights_are_those_of_its_attention():
    """Weights times values, one head, are what the attention projects."""
    torch.manual_seed(0)
    block = DinoBlock(dino_settings(dict(ARCH, num_heads=1), 'dinov2')).eval()
    block.init_weights()
    x = torch.rand(2, 6, ARCH['embed_dims'])
    allowed = torch.ones(2, 6, 6, dtype=torch.bool)
    allowed[:, 0, 3:] = False
    weights = block.attention(x, None, allowed)
    assert (weights[:, 0, 3:] == 0).all()
    rows = block.norm1(x)
    _, _, value = block.attn._project(rows, None)
    expected = block.attn.proj(weights @ value[:, 0])
    assert torch.allclose(expected, block.attn(rows, None, allowed), atol=1e-6)


def test_pvt_weights_are_those_of_torch():
    torch.manual_seed(0)
    block = PVTJointBlock(PVTSettings(16, 2, 32, 1)).eval()
    x = torch.rand(2, 9, 16)
    allowed = torch.ones(2, 9, 9, dtype=torch.bool)
    allowed[:, 0, 3:] = False
    rows = block.norm1(x)
    # torch's mask is True where attention is blocked, one row per head.
    _, expected = torch.nn.MultiheadAttention.forward(
        block.attn.attn, rows.transpose(0, 1), rows.transpose(0, 1),
        rows.transpose(0, 1), attn_mask=~allowed.repeat_interleave(2, 0),
    )  # fmt: skip
    weights = block.attention(x, None, allowed)
    assert torch.allclose(weights, expected, atol=1e-6)


def tiny(name):
    """A head, its features, and the size of its finest map of attention."""
    if name == 'ease':
        return tiny_head().eval(), tiny_features(), (3, 4)
    path = ROOT / f'configs/synthetic/{name}_tiny_ms3-96x96.py'
    cfg = Config.fromfile(path).model
    features = random_features(cfg.decode_head.in_channels, (2, 1))
    return build(cfg).decode_head, features, (8, 8)


@pytest.mark.parametrize(
    ('name', 'num_layers'), [('aavs', 3), ('avsegformer', 2), ('ease', 2)]
)
@torch.no_grad()
def test_recording_changes_no_output(name, num_layers):
    head, features, size = tiny(name)
    keys = list(head.state_dict())

    def run():
        outputs = head(features)
        return [
            part
            for output in outputs
            for part in (output if isinstance(output, list) else [output])
        ]

    expected = run()
    with recorded_attention(head) as record:
        got = run()
    for one, other in zip(got, expected, strict=True):
        assert torch.equal(one, other)
    assert list(head.state_dict()) == keys
    maps = record.maps()
    assert len(maps) == num_layers
    num_frames = sum(features.num_frames)
    for heat in maps.values():
        assert len(heat) == num_frames
        share = heat.sum((1, 2))
        if name == 'ease':  # queries attend to each other, too
            assert (share < 1).all()
            assert (share > 0.1).all()
        else:
            assert share.tolist() == pytest.approx([1] * num_frames)
    assert max(heat.shape[-2:] for heat in maps.values()) == size
    # The hooks are gone: nothing is added any more.
    run()
    assert len(next(iter(record.maps().values()))) == num_frames


def test_heads_without_queries_are_refused():
    with pytest.raises(ValueError, match='whose head Linear has none'):
        with recorded_attention(torch.nn.Linear(1, 1)):
            pass
