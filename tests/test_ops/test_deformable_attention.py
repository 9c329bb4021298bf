"""mmcv's layer with our operator: same numbers, names and graph."""

import copy
from typing import Any

import mmavs  # noqa: F401  makes mmcv.ops importable without compiled ops
import pytest
import torch
from attention_inputs import LEVELS, NUM_ROWS
from mmavs.models.layers.deformable_attention import (
    MultiScaleDeformableAttention,
    use_compiled_attention,
)
from mmcv.ops import MultiScaleDeformableAttention as MMCVDeformableAttention
from mmdet.models.layers import DeformableDetrTransformerEncoder
from mmseg.registry import MODELS
from torch import Tensor, nn

WIDTH = 24
TABLE = torch.tensor(LEVELS)
STARTS = torch.tensor([0, 20, 26])


def randomised(layer: nn.Module) -> nn.Module:
    """Draw all parameters, because mmcv initialises weights with zeros."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(
                0.3 * torch.randn(parameter.shape, generator=generator)
            )
    return layer


def stock_layer(**kwargs: Any) -> nn.Module:
    return randomised(
        MMCVDeformableAttention(WIDTH, 3, 3, 4, dropout=0.0, **kwargs)
    )


def inputs(batch_first: bool, ends_in: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    query, query_pos, value, identity = torch.randn(
        4, 2, NUM_ROWS, WIDTH, generator=generator
    )
    named = dict(
        query=query, query_pos=query_pos, value=value, identity=identity
    )
    if not batch_first:
        named = {name: t.transpose(0, 1) for name, t in named.items()}
    named['reference_points'] = torch.rand(
        2, NUM_ROWS, 3, ends_in, generator=generator
    )
    padding = torch.rand(2, NUM_ROWS, generator=generator) > 0.8
    return dict(named, key_padding_mask=padding)


@pytest.mark.parametrize('ends_in', [2, 4])
@pytest.mark.parametrize('batch_first', [False, True])
def test_same_numbers_as_mmcv(batch_first: bool, ends_in: int) -> None:
    stock = stock_layer(batch_first=batch_first)
    ours = MultiScaleDeformableAttention(
        WIDTH, 3, 3, 4, dropout=0.0, batch_first=batch_first
    )
    ours.load_state_dict(stock.state_dict())
    tables = dict(spatial_shapes=TABLE, level_start_index=STARTS)
    arguments = inputs(batch_first, ends_in)
    results = [layer(**arguments, **tables) for layer in (stock, ours)]
    torch.testing.assert_close(results[1], results[0])
    for result in results:
        result.square().sum().backward()
    names = dict(stock.named_parameters())
    assert names
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad, names[name].grad, rtol=1e-4, atol=1e-4
        )


def test_built_from_the_registry() -> None:
    layer = MODELS.build(
        dict(type='mmseg.MultiScaleDeformableAttention', embed_dims=WIDTH)
        | dict(num_heads=3, num_levels=3)
    )
    assert isinstance(layer, MultiScaleDeformableAttention)


def test_missing_and_wrong_reference_points_are_named() -> None:
    layer = MultiScaleDeformableAttention(WIDTH, 3, 3, 4, batch_first=True)
    arguments = inputs(batch_first=True, ends_in=2)
    reference = arguments.pop('reference_points')
    with pytest.raises(ValueError, match='reference_points and spatial_shap'):
        layer(**arguments, spatial_shapes=TABLE)
    with pytest.raises(ValueError, match='must end in 2'):
        layer(
            **arguments,
            spatial_shapes=TABLE,
            reference_points=reference[..., :1],
        )


def mmdet_encoder() -> Any:
    """One layer of mmdet's encoder, as Mask2Former uses it."""
    encoder = DeformableDetrTransformerEncoder(
        num_layers=1,
        layer_cfg=dict(
            self_attn_cfg=dict(
                embed_dims=WIDTH,
                num_heads=3,
                num_levels=3,
                num_points=4,
                dropout=0.0,
                batch_first=True,
            ),
            ffn_cfg=dict(
                embed_dims=WIDTH, feedforward_channels=32, ffn_drop=0.0
            ),
        ),
    )
    return randomised(encoder).eval()


def test_mmdet_layers_end_in_the_operator() -> None:
    encoder = mmdet_encoder()
    ours = copy.deepcopy(encoder)
    assert use_compiled_attention(ours) == 1
    assert use_compiled_attention(ours) == 0
    assert list(ours.state_dict()) == list(encoder.state_dict())
    arguments = encoder_inputs()
    torch.testing.assert_close(
        ours(**arguments), encoder(**arguments), rtol=1e-4, atol=1e-5
    )


def encoder_inputs() -> dict[str, Tensor | None]:
    generator = torch.Generator().manual_seed(1)
    query, query_pos = torch.randn(2, 2, NUM_ROWS, WIDTH, generator=generator)
    return dict(
        query=query,
        query_pos=query_pos,
        key_padding_mask=torch.zeros(2, NUM_ROWS, dtype=torch.bool),
        spatial_shapes=TABLE,
        level_start_index=STARTS,
        valid_ratios=torch.ones(2, 3, 2),
    )


def layer_and_inputs() -> tuple[nn.Module, dict[str, Any]]:
    """mmdet's encoder layer with our attention, without the loop around."""
    encoder = mmdet_encoder()
    use_compiled_attention(encoder)
    arguments = encoder_inputs()
    generator = torch.Generator().manual_seed(2)
    arguments.pop('valid_ratios')
    arguments['reference_points'] = torch.rand(
        2, NUM_ROWS, 3, 2, generator=generator
    )
    return encoder.layers[0], arguments


@pytest.mark.slow
def test_compile_of_an_encoder_layer_gives_the_same() -> None:
    layer, arguments = layer_and_inputs()
    expected = layer(**arguments)
    compiled = torch.compile(layer, fullgraph=True, backend='aot_eager')
    torch.testing.assert_close(compiled(**arguments), expected)


def test_export_of_an_encoder_layer_gives_the_same() -> None:
    layer, arguments = layer_and_inputs()
    exported = torch.export.export(layer, (), arguments)
    operators = [str(node.target) for node in exported.graph.nodes]
    assert 'mmavs_ops.ms_deform_attn.default' in operators
    torch.testing.assert_close(
        exported.module()(**arguments), layer(**arguments)
    )
