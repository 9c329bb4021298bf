"""Turn a published AAVS checkpoint into one of this project.

Usage::

    python tools/model_converters/aavs.py SRC DST --vggish VGGISH [--stage 2]

SRC is a checkpoint of Stepping Stones' first stage (binary masks, folder
``avs`` of the release, 1038 tensors) or, with ``--stage 2``, of its second
(71 classes, folder ``avss``, 1041 tensors). VGGish is not part of either, so
torchvggish's public file goes in as well: DST is whole, for
``tools/test.py``, ``tools/segment_video.py`` and ``load_from``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hf_mask2former import mask2former_table
from name_table import convert, read_state_dict, write_checkpoint
from vggish import TABLE as VGGISH_TABLE

_WRAPPER = 'model.'
_SWIN = f'{_WRAPPER}model.pixel_level_module.encoder.encoder.'
_PIXEL_DECODER = f'{_WRAPPER}model.pixel_level_module.decoder.'
_DECODER = f'{_WRAPPER}model.transformer_module.'
_SWIN_DEPTHS = (2, 2, 18, 2)

# Source key -> why it is not taken over.
SKIPPED = {
    f'{_WRAPPER}criterion.empty_weight': "the config's class_weight makes it",
}


def _aavs_rows() -> dict:
    """Queries, class head, audio projection and adapters."""
    decoder = 'decode_head.transformer_decoder.layers.{}.self_attn.attn.'
    pixel_decoder = 'decode_head.pixel_decoder.encoder.layers.{}.self_attn.'
    rows = {
        f'{_DECODER}queries_embedder.weight': 'decode_head.query_embed.weight',
        f'{_DECODER}queries_features.weight': 'decode_head.query_feat.weight',
        f'{_WRAPPER}class_predictor.{{weight,bias}}': (
            'decode_head.cls_embed.{}'
        ),
        'audio_proj.{0,2}.{weight,bias}': (
            'decode_head.audio_query.audio_proj.{}.{}'
        ),
        f'{_PIXEL_DECODER}encoder.layers.{{0..5}}.self_attn.avs_adapt'
        '.{0,2}.{weight,bias}': (
            f'{pixel_decoder}output_proj.adapter.{{}}.{{}}'
        ),
        f'{_DECODER}decoder.layers.{{0..8}}.self_attn.avs_adapt'
        '.{0,2}.{weight,bias}': f'{decoder}out_proj.adapter.{{}}.{{}}',
    }
    for stage, depth in enumerate(_SWIN_DEPTHS):
        block = f'{_SWIN}layers.{stage}.blocks.{{0..{depth - 1}}}.'
        into = f'backbone.stages.{stage}.blocks.{{}}.'
        index = 'relative_position_index'
        rows |= {
            f'{block}attention.output.swin_adapt_1.{{0,2}}.{{weight,bias}}': (
                f'{into}attn.w_msa.proj.adapter.{{}}.{{}}'
            ),
            f'{block}output.swin_adapt_3.{{0,2}}.{{weight,bias}}': (
                f'{into}ffn.layers.1.adapter.{{}}.{{}}'
            ),
            f'{block}attention.self.{index}': f'{into}attn.w_msa.{index}',
        }
    return rows


STAGE_ONE_TABLE = {
    **mask2former_table(prefix=_WRAPPER),
    **_aavs_rows(),
    **dict.fromkeys(SKIPPED),
}
STAGE_TWO_TABLE = {
    **STAGE_ONE_TABLE,
    **{
        f'{_DECODER}{kind}_embed.weight': (
            f'decode_head.mask_prior.{kind}_embed.weight'
        )
        for kind in ('silence', 'uncertain', 'audio')
    },
}
TABLES = {1: STAGE_ONE_TABLE, 2: STAGE_TWO_TABLE}


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
    parser.add_argument(
        '--stage',
        type=int,
        choices=sorted(TABLES),
        default=1,
        help='stage of the paper that SRC belongs to (default: 1)',
    )
    args = parser.parse_args()
    table = TABLES[args.stage]
    state_dict, report = convert(read_state_dict(args.src), table)
    vggish, vggish_report = convert(read_state_dict(args.vggish), VGGISH_TABLE)
    state_dict |= {f'audio_backbone.{k}': v for k, v in vggish.items()}
    write_checkpoint(
        args.dst,
        state_dict,
        meta=dict(
            source=f'GeWu-Lab/Stepping-Stones, stage {args.stage}',
        ),
    )
    print(report)
    for name, reason in SKIPPED.items():
        print(f'  skipped {name}: {reason}')
    print(f'VGGish: {vggish_report}')
    print(f'Wrote {args.dst}')


if __name__ == '__main__':
    main()
