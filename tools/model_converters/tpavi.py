"""Turn a checkpoint of AVSBench's baseline (TPAVI) into one of this project.

Usage::

    python tools/model_converters/tpavi.py SRC DST --vggish VGGISH \
        --backbone {r50,pvtv2-b5} [--task {s4,ms3,avss}]

SRC is what AVSBench's train.py saves: 626 tensors for ``r50``, 1186 for
``pvtv2-b5``, and four more (biases of the audio projections) for S4 and MS3.
Of these files the authors released those of AVSS. VGGish is in none of them,
so torchvggish's public file goes in as well: DST is whole, for
``tools/test.py``, ``tools/segment_video.py`` and ``load_from``.

The released AVSS weights are older than AVSBench's issue 23: their matching
loss took class 70 for the background. Predictions do not depend on it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from name_table import Into, convert, read_state_dict, write_checkpoint
from pvt_v2 import pvt_v2_table
from resnet50 import resnet50_table
from torch import Tensor
from vggish import TABLE as VGGISH_TABLE

BACKBONES = ('r50', 'pvtv2-b5')
TASKS = ('s4', 'ms3', 'avss')
_NORM = '{weight,bias,running_mean,running_var,num_batches_tracked}'

#: What is not taken over -> why.
SKIPPED = {
    'resnet.layer{3,4}_2.*': 'a second branch that never ran',
    'path4.resConfUnit1.*': 'the coarsest map has nothing to be added to',
}


def _as_linear(weight: Tensor) -> Tensor:
    """Make a 1x1x1 convolution's weight that of a linear layer."""
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
    """Make the table of one of the published layouts.

    Args:
        backbone (str): One of ``BACKBONES``.
        task (str): One of ``TASKS``.

    Returns:
        dict: See ``name_table``.
    """
    return {
        **_backbone_table(backbone),
        **_head_table(audio_bias=task != 'avss'),
    }


def main() -> None:
    """Convert a file and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('src', type=Path, help="the authors' .pth")
    parser.add_argument('dst', type=Path, help='the .pth to write')
    parser.add_argument(
        '--vggish',
        type=Path,
        required=True,
        help="torchvggish's vggish-10086976.pth",
    )
    parser.add_argument('--backbone', choices=BACKBONES, required=True)
    parser.add_argument(
        '--task', choices=TASKS, default='avss', help='default: avss'
    )
    args = parser.parse_args()
    state_dict, report = convert(
        read_state_dict(args.src), tpavi_table(args.backbone, args.task)
    )
    vggish, vggish_report = convert(read_state_dict(args.vggish), VGGISH_TABLE)
    state_dict |= {f'audio_backbone.{k}': v for k, v in vggish.items()}
    write_checkpoint(
        args.dst,
        state_dict,
        meta=dict(source=f'OpenNLPLab/AVSBench, {args.task}, {args.backbone}'),
    )
    print(report)
    for name, reason in SKIPPED.items():
        print(f'  skipped {name}: {reason}')
    print(f'VGGish: {vggish_report}')
    print(f'Wrote {args.dst}')


if __name__ == '__main__':
    main()
