"""Convert the public PVTv2 weights of whai362/PVT.

The variants B0 to B5 have the same tensor names and differ in the number of
blocks and the widths.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .identify import count_blocks, describe_checkpoint
from .name_table import Into, Report, Table, convert
from .target_model import model_tensors

_NUM_STAGES = 4
#: Of EASE's PVTv2: the stage, counted from 0, whose last blocks belong to the
#: head; their number; and the number of those that run on queries.
EASE_STAGE, EASE_BLOCKS, EASE_JOINT_BLOCKS = 2, 7, 6
_BLOCK = r'block(\d+)\.(\d+)\.norm1\.weight'
#: (embed_dims, blocks of each stage) -> MLP ratios, of the variants B0 to B5.
_VARIANTS: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {
    (32, (2, 2, 2, 2)): (8, 8, 4, 4),
    (64, (2, 2, 2, 2)): (8, 8, 4, 4),
    (64, (3, 4, 6, 3)): (8, 8, 4, 4),
    (64, (3, 4, 18, 3)): (8, 8, 4, 4),
    (64, (3, 8, 27, 3)): (8, 8, 4, 4),
    (64, (3, 6, 40, 3)): (4, 4, 4, 4),
}


def _as_conv(weight: Tensor) -> Tensor:
    """Convert a linear weight (out, in) to that of a 1x1 convolution."""
    return weight[..., None, None]


def pvt_v2_table(source: str = '', target: str = '') -> Table:
    """Return the table of a PVTv2 inside a larger model.

    Args:
        source (str): Prefix of the names in the file, dot included.
        target (str): Prefix of the names of :class:`PVTv2`, dot included.

    Returns:
        Table: See :mod:`.name_table`; without the classifier.
    """
    table: dict = {}
    for stage in range(_NUM_STAGES):
        layer = f'{target}layers.{stage}'
        table |= {
            f'{source}patch_embed{stage + 1}.proj.{{weight,bias}}': (
                f'{layer}.0.projection.{{}}'
            ),
            f'{source}patch_embed{stage + 1}.norm.{{weight,bias}}': (
                f'{layer}.0.norm.{{}}'
            ),
            f'{source}norm{stage + 1}.{{weight,bias}}': f'{layer}.2.{{}}',
            **pvt_v2_block(
                f'{source}block{stage + 1}.{{}}',
                f'{layer}.1.{{}}',
                # the last stage has no spatial reduction
                reduced=stage < _NUM_STAGES - 1,
            ),
        }
    return table


def pvt_v2_block(
    block: str, into: str, *, reduced: bool, dwconv: str = 'dwconv.dwconv'
) -> dict:
    """Return the rows of the blocks of a stage.

    Args:
        block (str): Prefix of a block in the file, with one field.
        into (str): Prefix of our block, with one field.
        reduced (bool): Whether the blocks have a spatial reduction.
        dwconv (str): Name of the depthwise convolution in the file.

    Returns:
        dict: See :mod:`.name_table`.
    """
    rows: dict = {
        f'{block}.norm{{1,2}}.{{weight,bias}}': f'{into}.norm{{}}.{{}}',
        # The rows of kv are those of k, then those of v.
        (
            f'{block}.attn.q.{{weight,bias}}',
            f'{block}.attn.kv.{{weight,bias}}',
        ): f'{into}.attn.attn.in_proj_{{}}',
        f'{block}.attn.proj.{{weight,bias}}': (
            f'{into}.attn.attn.out_proj.{{}}'
        ),
        f'{block}.mlp.fc{{1,2}}.weight': Into(
            f'{into}.ffn.layers.{{0,4}}.weight', _as_conv
        ),
        f'{block}.mlp.fc{{1,2}}.bias': f'{into}.ffn.layers.{{0,4}}.bias',
        f'{block}.mlp.{dwconv}.{{weight,bias}}': f'{into}.ffn.layers.1.{{}}',
    }
    if reduced:
        rows[f'{block}.attn.{{sr,norm}}.{{weight,bias}}'] = (
            f'{into}.attn.{{}}.{{}}'
        )
    return rows


#: The public files; their classifier is dropped.
TABLE: Table = {**pvt_v2_table(), 'head.{weight,bias}': None}


def convert_pvt_v2(
    source: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of one of the public files.

    Args:
        source (Mapping[str, Tensor]): Tensors of the file, B0 to B5.

    Returns:
        tuple[dict[str, Tensor], Report]: State dict of
        :class:`mmavs.models.PVTv2`, and the report.

    Raises:
        ValueError: If names or shapes are not those of a variant.
    """
    width = len(source.get('patch_embed1.proj.weight', ()))
    blocks = count_blocks(source, _BLOCK)
    if (width, blocks) not in _VARIANTS:
        raise ValueError(
            f'expected PVTv2-B0 to B5, got {len(source)} tensors that look '
            f'like {describe_checkpoint(source)}, first stage {width} '
            'channels wide; convert a file of whai362/PVT.'
        )
    model = dict(
        type='PVTv2',
        embed_dims=width,
        num_layers=blocks,
        mlp_ratios=_VARIANTS[width, blocks],
    )
    return convert(source, TABLE, expected=model_tensors(model))


def give_blocks_to_ease(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors to those of EASE with PVTv2, for ``load_from``.

    The last stage and the spatial reductions of the joint blocks, which EASE
    does not have, are left out.

    Args:
        state_dict (Mapping[str, Tensor]): Of a whole :class:`PVTv2`.

    Returns:
        dict[str, Tensor]: ``backbone.*`` and, for the last blocks of the
        third stage and its norm, ``decode_head.*``.
    """
    stage = f'layers.{EASE_STAGE}.'
    numbers = [
        int(name.split('.')[3])
        for name in state_dict
        if name.startswith(f'{stage}1.')
    ]
    cut = max(numbers) + 1 - EASE_BLOCKS
    renamed: dict[str, Tensor] = {}
    for name, tensor in state_dict.items():
        if int(name.split('.')[1]) > EASE_STAGE:
            continue
        target = f'backbone.{name}'
        if name.startswith(f'{stage}2.'):
            target = name.replace(f'{stage}2.', 'decode_head.norm.')
        elif name.startswith(f'{stage}1.'):
            _, _, _, number, rest = name.split('.', 4)
            block = int(number) - cut
            joint = block >= EASE_BLOCKS - EASE_JOINT_BLOCKS
            if joint and rest.startswith(('attn.sr.', 'attn.norm.')):
                continue
            if block >= 0:
                target = f'decode_head.blocks.{block}.{rest}'
        renamed[target] = tensor
    return renamed
