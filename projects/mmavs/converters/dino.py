"""Convert the public weights of DINOv2, DINOv3 and LingBot-Vision.

``transformers``, the authors' releases and timm use different names for the
same tensors. LingBot-Vision is published in the layout of the authors' DINOv3.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .name_table import Report, Table, convert

LAYOUTS = ('hf-dinov3', 'meta-dinov3', 'meta-dinov2', 'timm-dinov3')
_WB = '{weight,bias}'

#: Source keys -> why they are not converted.
SKIPPED = {
    'mask_token': 'used in pretraining only',
    'rope_embed.periods': 'computed from the size of the frame',
}


def hf_dinov3_block(source: str, target: str) -> dict:
    """Return the rows of a block of ``transformers``' DINOv3.

    Args:
        source (str): Prefix of the block, dot included, with one field.
        target (str): Prefix of our block, dot included, with one field.

    Returns:
        dict: See :mod:`.name_table`.
    """
    attention, into = f'{source}attention.', f'{target}attn.'
    return {
        tuple(f'{attention}{name}_proj.weight' for name in 'qkv'): (
            f'{into}qkv.weight'
        ),
        f'{attention}{{q,v}}_proj.bias': f'{into}{{}}_bias',
        f'{attention}o_proj.{_WB}': f'{into}proj.{{}}',
        f'{source}norm{{1,2}}.{_WB}': f'{target}norm{{}}.{{}}',
        f'{source}layer_scale{{1,2}}.lambda1': f'{target}ls{{}}.gamma',
        f'{source}mlp.{{up,down}}_proj.{_WB}': f'{target}mlp.{{fc1,fc2}}.{{}}',
    }


def _meta_block(*, key_bias: bool, scale: str) -> dict:
    """Return the rows of a block of the authors' or timm's split files."""
    biases = '{q,k,v}' if key_bias else '{q,v}'
    return {
        'blocks.{}.attn.qkv.weight': 'blocks.{}.attn.qkv.weight',
        f'blocks.{{}}.attn.{biases}_bias': 'blocks.{}.attn.{}_bias',
        f'blocks.{{}}.attn.proj.{_WB}': 'blocks.{}.attn.proj.{}',
        f'blocks.{{}}.norm{{1,2}}.{_WB}': 'blocks.{}.norm{}.{}',
        f'blocks.{{}}.{scale}': 'blocks.{}.ls{}.gamma',
        f'blocks.{{}}.mlp.fc{{1,2}}.{_WB}': 'blocks.{}.mlp.fc{}.{}',
    }


def dino_table(layout: str, *, registers: bool = True) -> Table:
    """Return the table of a layout.

    Args:
        layout (str): One of ``LAYOUTS``.
        registers (bool): Whether the file has register tokens; DINOv3 always
            does.

    Returns:
        Table: See :mod:`.name_table`.
    """
    if layout == 'hf-dinov3':
        return {
            **hf_dinov3_block('layer.{}.', 'blocks.{}.'),
            'embeddings.cls_token': 'cls_token',
            'embeddings.register_tokens': 'register_tokens',
            'embeddings.mask_token': None,
            f'embeddings.patch_embeddings.{_WB}': 'patch_embed.{}',
            f'norm.{_WB}': 'norm.{}',
        }
    table: dict = {
        'cls_token': 'cls_token',
        'mask_token': None,
        f'patch_embed.proj.{_WB}': 'patch_embed.{}',
        f'norm.{_WB}': 'norm.{}',
    }
    if layout == 'meta-dinov2':
        table |= _meta_block(key_bias=True, scale='ls{1,2}.gamma')
        table['pos_embed'] = 'pos_embed'
        if registers:
            table['register_tokens'] = 'register_tokens'
    elif layout == 'meta-dinov3':
        table |= _meta_block(key_bias=False, scale='ls{1,2}.gamma')
        table['storage_tokens'] = 'register_tokens'
        table['rope_embed.periods'] = None
    else:
        table |= _meta_block(key_bias=False, scale='gamma_{1,2}')
        table['reg_token'] = 'register_tokens'
    return table


def find_layout(source: Mapping[str, Tensor]) -> str:
    """Recognise the layout of a file by names that are unique to it.

    Args:
        source (Mapping[str, Tensor]): Tensors of the file.

    Returns:
        str: One of ``LAYOUTS``.

    Raises:
        ValueError: If it is none of them.
    """
    marks = {
        'embeddings.register_tokens': 'hf-dinov3',
        'storage_tokens': 'meta-dinov3',
        'reg_token': 'timm-dinov3',
        'pos_embed': 'meta-dinov2',
    }
    for mark, layout in marks.items():
        if mark in source:
            return layout
    raise ValueError(
        'expected the weights of a DINOv2 or DINOv3 Vision Transformer in the '
        f'layout of one of {LAYOUTS}, got {len(source)} tensors such as '
        f'{sorted(source)[:3]}'
    )


def convert_dino(
    source: Mapping[str, Tensor],
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of a public file.

    Args:
        source (Mapping[str, Tensor]): Tensors; prefixes ``backbone.`` and
            ``model.`` are removed.
        expected (Mapping[str, Tensor] | None): State dict of the
            :class:`mmavs.models.DinoViT` that will load the result.

    Returns:
        tuple[dict[str, Tensor], Report]: State dict of ``DinoViT``, and the
        report.

    Raises:
        ValueError: If the layout is unknown, a name or shape differs, or the
            bias of the keys of a DINOv3 is not zero.
    """
    plain = {
        name.removeprefix('backbone.').removeprefix('model.'): tensor
        for name, tensor in source.items()
    }
    layout = find_layout(plain)
    split = _split_biases(plain, key_bias=layout == 'meta-dinov2')
    table = dino_table(layout, registers='register_tokens' in plain)
    converted, report = convert(split, table, expected=expected)
    report.notes.append(f'layout: {layout}')
    return converted, report


def _split_biases(
    source: Mapping[str, Tensor], *, key_bias: bool
) -> dict[str, Tensor]:
    """Split the joint bias of queries, keys and values.

    timm's distilled models have no such bias; zeros are added for them.
    """
    split: dict[str, Tensor] = {}
    for name, tensor in source.items():
        stem = name.removesuffix('qkv.bias')
        if name.endswith('qkv.bias_mask'):
            continue
        if stem == name:
            split[name] = tensor
            continue
        mask = source.get(f'{name}_mask')
        query, key, value = tensor.chunk(3)
        if not key_bias:
            if mask is not None:
                key = key * mask.chunk(3)[1].nan_to_num()
            if bool(key.any()):
                raise ValueError(
                    f'{name}: expected zero as bias of the keys of a DINOv3, '
                    f'got values up to {float(key.abs().max()):.3g}'
                )
        split |= {f'{stem}q_bias': query, f'{stem}v_bias': value}
        if key_bias:
            split[f'{stem}k_bias'] = key
    for name in source:
        stem = name.removesuffix('qkv.weight')
        if stem != name and f'{stem}q_bias' not in split:
            width = source[name].shape[1]
            zeros = source[name].new_zeros(width)
            split |= {f'{stem}q_bias': zeros, f'{stem}v_bias': zeros}
    return split


def give_blocks_to_head(
    state_dict: Mapping[str, Tensor], joint_blocks: int
) -> dict[str, Tensor]:
    """Rename the tensors to those of an EASE model, for ``load_from``.

    Args:
        state_dict (Mapping[str, Tensor]): State dict of a whole ``DinoViT``.
        joint_blocks (int): Number of last blocks that are in the head.

    Returns:
        dict[str, Tensor]: ``backbone.*`` and, for the last blocks and the
        final norm, ``decode_head.*``.
    """
    numbers = [
        int(name.split('.')[1])
        for name in state_dict
        if name.startswith('blocks.')
    ]
    cut = max(numbers) + 1 - joint_blocks
    renamed: dict[str, Tensor] = {}
    for name, tensor in state_dict.items():
        part = 'backbone'
        if name.startswith('norm.'):
            part = 'decode_head'
        elif name.startswith('blocks.'):
            _, number, rest = name.split('.', 2)
            if int(number) >= cut:
                part, name = (
                    'decode_head',
                    f'blocks.{int(number) - cut}.{rest}',
                )
        renamed[f'{part}.{name}'] = tensor
    return renamed
