"""Our PVTv2 gives the same maps as mmdet's."""

import pytest
import torch
from mmavs.models.visual_backbones.pvt_v2 import (
    ChannelsLastMixFFN,
    CheckpointedLayer,
    PVTv2,
)
from mmdet.models.backbones.pvt import MixFFN, PyramidVisionTransformerV2
from mmseg.models.backbones import ResNet

TINY = dict(
    embed_dims=8,
    num_layers=(1, 1, 1, 1),
    num_heads=(1, 2, 5, 8),
    mlp_ratios=(2, 2, 2, 2),
    sr_ratios=(8, 4, 2, 1),
    drop_path_rate=0.0,
)


def test_only_epsilons_set_it_apart_from_mmdets():
    """Same names, and with the same epsilons the same maps and gradients."""
    torch.manual_seed(0)
    theirs = PyramidVisionTransformerV2(**TINY, convert_weights=False).double()
    ours = PVTv2(**TINY).double()
    assert ours.load_state_dict(theirs.state_dict())
    changed = 0
    for mine, other in zip(ours.modules(), theirs.modules(), strict=True):
        if getattr(mine, 'eps', None) != getattr(other, 'eps', None):
            mine.eps, changed = other.eps, changed + 1
    # after 4 patch embeddings and, except in the last stage, reductions
    assert changed == 4 + 3
    frames = torch.randn(2, 3, 64, 96, dtype=torch.double)
    for model in (ours, theirs):
        sum((x**2).mean() for x in model(frames)).backward()
    for mine, other in zip(ours(frames), theirs(frames), strict=True):
        assert mine.shape == other.shape
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)
    gradients = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad, gradients[name].grad, rtol=0, atol=1e-10
        )


def test_mlp_adds_to_what_it_is_told():
    theirs = MixFFN(4, 8, use_conv=True)
    ours = MixFFN(4, 8, use_conv=True)
    ours.load_state_dict(theirs.state_dict())
    ours.__class__ = ChannelsLastMixFFN
    x, identity = torch.randn(2, 2, 15, 4)
    for other in (None, identity):
        torch.testing.assert_close(
            ours(x, (3, 5), other), theirs(x, (3, 5), other)
        )
    assert not ours(x, (3, 5)).equal(ours(x, (5, 3)))


@torch.no_grad()
def test_last_blocks_in_the_head_give_the_same_map():
    """Stopping early and running the rest outside changes nothing."""
    torch.manual_seed(0)
    whole = PVTv2(**{**TINY, 'num_layers': (1, 1, 3, 1)}).eval()
    cut = PVTv2(
        **{**TINY, 'num_layers': (1, 1, 3, 1)},
        out_indices=(2,),
        joint_blocks=2,
    ).eval()
    missing = cut.load_state_dict(whole.state_dict(), strict=False)
    assert not missing.missing_keys
    given = {name.rsplit('.', 1)[0] for name in missing.unexpected_keys}
    assert {name[:10] for name in given if 'layers.2' in name} == {
        *('layers.2.1', 'layers.2.2')
    }
    frames = torch.randn(2, 3, 64, 96)
    (patches,) = cut(frames)
    grid = tuple(patches.shape[-2:])
    tokens = patches.flatten(2).transpose(1, 2)
    for block in whole.layers[2][1][1:]:
        tokens = block(tokens, grid)
    expected = whole(frames)[2].flatten(2).transpose(1, 2)
    torch.testing.assert_close(whole.layers[2][2](tokens), expected)


def test_wrong_joint_blocks():
    with pytest.raises(ValueError, match=r'in 0\.\.1, got 2'):
        PVTv2(**TINY, out_indices=(2,), joint_blocks=2)


@pytest.mark.parametrize('name', ['pvt', 'resnet'])
def test_checkpointing_gives_the_same_gradients(name):
    """Also where paths are dropped; ResNet has mmseg's option."""
    frames = torch.randn(2, 3, 64, 64)
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        if name == 'pvt':
            model = PVTv2(**{**TINY, 'drop_path_rate': 0.5}, with_cp=with_cp)
            assert (
                any(isinstance(m, CheckpointedLayer) for m in model.modules())
                == with_cp
            )
        else:
            model = ResNet(18, base_channels=8, with_cp=with_cp)
        model.init_weights()
        model.train()
        torch.manual_seed(1)
        sum(x.square().sum() for x in model(frames)).backward()
        gradients.append([p.grad for p in model.parameters()])
    assert len(gradients[0]) > 10
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)
