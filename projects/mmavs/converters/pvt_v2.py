"""Convert the public PVTv2 weights of whai362/PVT.

The variants B0 to B5 share their names; the number of blocks and the widths
differ.
"""

from __future__ import annotations

from torch import Tensor

from .name_table import Into, Table

_NUM_STAGES = 4


def _as_conv(weight: Tensor) -> Tensor:
    """Turn a linear weight (out, in) into that of a 1x1 convolution."""
    return weight[..., None, None]


def pvt_v2_table(source: str = '', target: str = '') -> Table:
    """Make the table of a PVTv2 inside a larger model.

    Args:
        source (str): Prefix of the names in the file, dot included.
        target (str): Prefix of the names of :class:`PVTv2`, dot included.

    Returns:
        Table: See :mod:`.name_table`; without the classifier.
    """
    table: dict = {}
    for stage in range(_NUM_STAGES):
        layer = f'{target}layers.{stage}'
        block = f'{source}block{stage + 1}.{{}}'
        into = f'{layer}.1.{{}}'
        table |= {
            f'{source}patch_embed{stage + 1}.proj.{{weight,bias}}': (
                f'{layer}.0.projection.{{}}'
            ),
            f'{source}patch_embed{stage + 1}.norm.{{weight,bias}}': (
                f'{layer}.0.norm.{{}}'
            ),
            f'{source}norm{stage + 1}.{{weight,bias}}': f'{layer}.2.{{}}',
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
            f'{block}.mlp.dwconv.dwconv.{{weight,bias}}': (
                f'{into}.ffn.layers.1.{{}}'
            ),
        }
        if stage < _NUM_STAGES - 1:  # the last stage has no spatial reduction
            table[f'{block}.attn.{{sr,norm}}.{{weight,bias}}'] = (
                f'{into}.attn.{{}}.{{}}'
            )
    return table


#: The public files; their classifier is dropped.
TABLE: Table = {**pvt_v2_table(), 'head.{weight,bias}': None}
