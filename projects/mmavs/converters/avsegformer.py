"""Convert the six published checkpoints of AVSegFormer.

These are the files of the current release (August 2023), which contain
VGGish. Older files are of other networks.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .name_table import Into, Report, Table, convert
from .pvt_v2 import pvt_v2_table
from .resnet50 import resnet50_table
from .vggish import TABLE as VGGISH_TABLE

#: Tensors before and after the conversion, by backbone; q and kv of PVTv2 are
#: joined.
NUM_KEYS = {'r50': (853, 668), 'pvtv2-b5': (1413, 1298)}
#: Logits per pixel, by task.
NUM_CLASSES = {'s4': 1, 'ms3': 1, 'avss': 71}
_CLASSIFIER = 'head.fc.4.weight'

# Source keys that the published network does not use.
UNUSED_HEAD = (
    'head.fpn.up{1..3}.1.{weight,bias}',
    'head.attn_fc.{0,2}.{weight,bias}',
    'head.attn_fc.4.weight',
)
UNUSED_BRANCH = (
    'backbone.layer{3,4}_2.{}.conv{1..3}.weight',
    'backbone.layer{3,4}_2.0.downsample.0.weight',
    'backbone.layer{3,4}_2.{}.bn{1..3}.{weight,bias,running_mean,running_var'
    ',num_batches_tracked}',
    'backbone.layer{3,4}_2.0.downsample.1.{weight,bias,running_mean'
    ',running_var,num_batches_tracked}',
)


def _squeeze(weight: Tensor) -> Tensor:
    """Convert a 1x1 convolution weight (out, in, 1, 1) to a linear one."""
    return weight[..., 0, 0]


def _head_rows() -> dict:
    """Return the rows of all modules except the backbones."""
    rows: dict = {
        'audio_proj.{weight,bias}': 'audio_proj.{}',
        'head.level_embed': 'pixel_decoder.level_embed.weight',
        'head.learnable_query.weight': 'query_embed.weight',
        'head.query_generator.query.weight': 'query_generator.query.weight',
        'head.mlp.layers.{0..2}.weight': Into(
            'mask_head.mlp.{0..2}.weight', _squeeze
        ),
        'head.mlp.layers.{0..2}.bias': 'mask_head.mlp.{0..2}.bias',
        'head.fusion_block.{q_proj,kv_proj}.weight': 'mixer.{}.weight',
        'head.fusion_block.proj.{weight,bias}': 'mixer.proj.{}',
        'head.fc.{0,2}.{weight,bias}': 'mask_head.conv_seg.{0,1}.{}',
        _CLASSIFIER: 'mask_head.conv_seg.3.weight',
    }
    for source, into in (
        ('in_proj.{0..3}', 'input_projs.{0..3}'),
        ('lateral_conv', 'lateral_conv'),
        ('out_conv', 'output_conv'),
    ):
        rows[f'head.{source}.{{0,1}}.{{weight,bias}}'] = (
            f'pixel_decoder.{into}.{{conv,gn}}.{{}}'
        )
    return rows | _encoder_rows() | _decoder_rows() | _generator_rows()


def _encoder_rows() -> dict:
    source = 'head.transformer.encoder.layers.{0..5}'
    into = 'pixel_decoder.encoder.layers.{}'
    return {
        f'{source}.self_attn.{{sampling_offsets,attention_weights,value_proj'
        ',output_proj}.{weight,bias}': f'{into}.self_attn.{{}}.{{}}',
        f'{source}.linear1.{{weight,bias}}': f'{into}.ffn.layers.0.0.{{}}',
        f'{source}.linear2.{{weight,bias}}': f'{into}.ffn.layers.1.{{}}',
        f'{source}.norm{{1,2}}.{{weight,bias}}': f'{into}.norms.{{0,1}}.{{}}',
    }


def _decoder_rows() -> dict:
    source = 'head.transformer.decoder.layers.{0..5}'
    attention = f'{source}.{{self_attn,cross_attn}}'
    into = 'decoder.{}'
    return {
        f'{attention}.in_proj_{{weight,bias}}': (
            f'{into}.{{}}.attn.in_proj_{{}}'
        ),
        f'{attention}.out_proj.{{weight,bias}}': (
            f'{into}.{{}}.attn.out_proj.{{}}'
        ),
        f'{source}.linear1.{{weight,bias}}': f'{into}.ffn.layers.0.0.{{}}',
        f'{source}.linear2.{{weight,bias}}': f'{into}.ffn.layers.1.{{}}',
        f'{source}.norm{{1..3}}.{{weight,bias}}': (
            f'{into}.norms.{{0..2}}.{{}}'
        ),
    }


def _generator_rows() -> dict:
    source = 'head.query_generator.layers.{0..5}'
    attention = f'{source}.{{self_attn,cross_attn}}'
    into = 'query_generator.layers.{}'
    return {
        f'{attention}.in_proj_weight': f'{into}.{{}}.attn.in_proj_weight',
        f'{attention}.out_proj.weight': f'{into}.{{}}.attn.out_proj.weight',
        f'{source}.ffn.0.{{weight,bias}}': f'{into}.ffn.layers.0.0.{{}}',
        f'{source}.ffn.2.{{weight,bias}}': f'{into}.ffn.layers.1.{{}}',
        f'{source}.norm{{1..3}}.{{weight,bias}}': (
            f'{into}.norms.{{0..2}}.{{}}'
        ),
    }


def _under(prefix: str, row: str | Into) -> str | Into:
    """Add a prefix to the target of a row."""
    if isinstance(row, Into):
        return Into(prefix + row.template, row.transform)
    return prefix + row


def _table(backbone: Table, dropped: tuple[str, ...]) -> Table:
    return {
        **backbone,
        **{
            f'vggish.{source}': f'audio_backbone.{into}'
            for source, into in VGGISH_TABLE.items()
        },
        **{k: _under('decode_head.', v) for k, v in _head_rows().items()},
        **dict.fromkeys(dropped),
    }


TABLES: dict[str, Table] = {
    'r50': _table(
        resnet50_table('backbone.', 'backbone.', branch='_1'),
        UNUSED_HEAD + UNUSED_BRANCH,
    ),
    'pvtv2-b5': _table(pvt_v2_table('backbone.', 'backbone.'), UNUSED_HEAD),
}


def convert_avsegformer(
    source: Mapping[str, Tensor],
    backbone: str,
    task: str,
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of one of the six files.

    Args:
        source (Mapping[str, Tensor]): Tensors of the file.
        backbone (str): ``'r50'`` or ``'pvtv2-b5'``.
        task (str): ``'s4'``, ``'ms3'`` or ``'avss'``.
        expected (Mapping[str, Tensor] | None): See
            :func:`.name_table.convert`.

    Returns:
        tuple[dict[str, Tensor], Report]: The complete model, VGGish included,
        and the report.

    Raises:
        ValueError: If the file is of another backbone or task.
    """
    num_classes = len(source.get(_CLASSIFIER, ()))
    if _CLASSIFIER in source and num_classes != NUM_CLASSES[task]:
        raise ValueError(
            f'{_CLASSIFIER} makes {num_classes} logits per pixel, task '
            f'{task!r} has {NUM_CLASSES[task]}: check --task.'
        )
    converted, report = convert(source, TABLES[backbone], expected=expected)
    counts = (len(source), len(converted))
    if counts != NUM_KEYS[backbone]:
        raise ValueError(
            f'{counts[0]} tensors became {counts[1]}, expected '
            f'{NUM_KEYS[backbone][0]} to become {NUM_KEYS[backbone][1]}.'
        )
    return converted, report
