"""Convert the public PVTv2 weights to mmavs.

Usage: ``python tools/model_converters/pvt_v2.py SRC DST``

SRC is ``pvt_v2_b5.pth`` as whai362/PVT publishes it (ImageNet-1k). DST goes
into a config as ``init_cfg=dict(type='Pretrained', checkpoint=DST)`` of the
backbone ``PVTv2``. Other variants than B5 have the same names.
"""

from __future__ import annotations

from name_table import Into, Table, convert_file
from torch import Tensor

_NUM_STAGES = 4


def _as_conv(weight: Tensor) -> Tensor:
    """Make a linear layer's weight (out, in) that of a 1x1 convolution."""
    return weight[..., None, None]


def pvt_v2_table(source: str = '', target: str = '') -> Table:
    """Make the table of a PVTv2 inside a larger model.

    Args:
        source (str): What stands before the names in the file, dot included.
        target (str): What shall stand before the names of :class:`PVTv2`.

    Returns:
        Table: See ``name_table``. The classifier is not in it.
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
            # kv holds k, then v.
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
        if stage < _NUM_STAGES - 1:  # the last stage reduces nothing
            table[f'{block}.attn.{{sr,norm}}.{{weight,bias}}'] = (
                f'{into}.attn.{{}}.{{}}'
            )
    return table


#: The public file; its classifier is dropped.
TABLE: Table = {**pvt_v2_table(), 'head.{weight,bias}': None}


if __name__ == '__main__':
    convert_file(
        TABLE,
        description=__doc__,
        converter='tools/model_converters/pvt_v2.py',
    )
