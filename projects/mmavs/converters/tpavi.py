"""Convert checkpoints of AVSBench's baseline (TPAVI).

AVSBench's train.py saves 626 tensors for ``r50``, 1186 for ``pvtv2-b5``, and
four more (biases of the audio projections) for S4 and MS3. The authors
released the files of AVSS. None contains VGGish, which is read from
torchvggish's public file.

The released AVSS weights predate AVSBench's issue 23: their matching loss used
class 70 as the background. Predictions do not depend on that loss.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .name_table import Into, Report, convert
from .pvt_v2 import pvt_v2_table
from .resnet50 import resnet50_table
from .vggish import add_vggish, without_vggish

BACKBONES = ('r50', 'pvtv2-b5')
TASKS = ('s4', 'ms3', 'avss')
_NORM = '{weight,bias,running_mean,running_var,num_batches_tracked}'

#: Source keys -> why they are not converted.
SKIPPED = {
    'resnet.layer{3,4}_2.*': 'a second branch, unused by the network',
    'path4.resConfUnit1.*': 'unused: the coarsest map is added to none',
}


def _as_linear(weight: Tensor) -> Tensor:
    """Convert the weight of a 1x1x1 convolution to that of a linear layer."""
    return weight.flatten(1)


def _backbone_table(backbone: str) -> dict:
    if backbone == 'pvtv2-b5':
        return dict(pvt_v2_table('encoder_backbone.', 'backbone.'))
    second = resnet50_table('resnet.', branch='_2')
    return {
        **resnet50_table('resnet.', 'backbone.', branch='_1'),
        **dict.fromkeys(name for name in second if '_2.' in str(name)),
    }


def _head_table(*, audio_bias: bool) -> dict:
    block, tpavi = 'tpavi_b{1..4}', 'decode_head.tpavi.{0..3}'
    unit = 'conv{1,2}.{weight,bias}'
    fusion = 'decode_head.fusion.fusions'
    kinds = '{weight,bias}' if audio_bias else '{weight}'
    return {
        'conv{1..4}.conv2d_list.{0..3}.{weight,bias}': (
            'neck.aspp.{0..3}.convs.{}.{}'
        ),
        f'{block}.align_channel.{kinds}': f'{tpavi}.audio_proj.{{}}',
        f'{block}.{{theta,phi,g}}.weight': Into(
            f'{tpavi}.{{}}.weight', _as_linear
        ),
        f'{block}.{{theta,phi,g}}.bias': f'{tpavi}.{{}}.bias',
        f'{block}.W_z.0.weight': Into(f'{tpavi}.out_proj.weight', _as_linear),
        f'{block}.W_z.0.bias': f'{tpavi}.out_proj.bias',
        f'{block}.W_z.1.{_NORM}': f'{tpavi}.bn.{{}}',
        f'{block}.norm_layer.{{weight,bias}}': f'{tpavi}.norm.{{}}',
        f'path{{1..3}}.resConfUnit1.{unit}': (
            f'{fusion}.{{0..2}}.res_unit1.conv{{}}.{{}}'
        ),
        f'path{{1..4}}.resConfUnit2.{unit}': (
            f'{fusion}.{{0..3}}.res_unit2.conv{{}}.{{}}'
        ),
        f'path4.resConfUnit1.{unit}': None,
        'output_conv.{0,2}.{weight,bias}': 'decode_head.seg_convs.{0,1}.{}',
        'output_conv.4.{weight,bias}': 'decode_head.conv_seg.{}',
    }


def tpavi_table(backbone: str, task: str) -> dict:
    """Return the table of one of the published layouts.

    Args:
        backbone (str): One of ``BACKBONES``.
        task (str): One of ``TASKS``.

    Returns:
        dict: See :mod:`.name_table`.
    """
    return {
        **_backbone_table(backbone),
        **_head_table(audio_bias=task != 'avss'),
    }


def convert_tpavi(
    source: Mapping[str, Tensor],
    vggish: Mapping[str, Tensor],
    *,
    backbone: str,
    task: str,
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert a checkpoint of AVSBench's train.py.

    Args:
        source (Mapping[str, Tensor]): Tensors of the checkpoint.
        vggish (Mapping[str, Tensor]): Tensors of torchvggish's public file.
        backbone (str): One of ``BACKBONES``.
        task (str): One of ``TASKS``.
        expected (Mapping[str, Tensor] | None): ``state_dict()`` of the model
            that will load the result; names and shapes must agree.

    Returns:
        tuple[dict[str, Tensor], Report]: The complete model, VGGish included,
        and the report.

    Raises:
        ValueError: If the checkpoint has another layout, or VGGish is not
            complete.
    """
    if expected is not None:
        expected = without_vggish(expected)
    table = tpavi_table(backbone, task)
    converted, report = convert(source, table, expected=expected)
    report.notes += [
        f'skipped {name}: {reason}' for name, reason in SKIPPED.items()
    ]
    add_vggish(converted, report, vggish)
    return converted, report
