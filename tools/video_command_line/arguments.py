"""Command line of tools/segment_video.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

import torch
from mmavs.apis import (
    AVSInferencer,
    ResultKind,
    SoundWindow,
    VideoOptions,
)
from mmavs.apis.export import BACKENDS
from mmavs.config_file import read_config
from mmavs.engine import add_speed_arguments, add_traceback_argument
from mmavs.fingerprint import hash_config, hash_file
from mmavs.video import MaskRate, NoAudio


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description='Segment the sounding objects of videos. As published, '
        'one frame per second is segmented with its second of sound, and its '
        'mask is drawn on all frames of that second; see --mask-rate.'
    )
    parser.add_argument(
        'videos',
        nargs='+',
        metavar='VIDEO',
        help='video file with a sound track; with --out-dir also several, '
        'folders, and patterns such as "clips/*.mp4"',
    )
    _add_model_arguments(parser)
    _add_output_arguments(parser)
    _add_mask_arguments(parser)
    add_traceback_argument(parser)
    args = parser.parse_args()
    _check_model_arguments(parser, args)
    if args.soft_prior and args.stage_one is None:
        parser.error('--soft-prior says how --stage-one is used; give it')
    if (args.out is None) == (args.out_dir is None):
        parser.error('give either --out for one video, or --out-dir')
    if args.out is not None and len(args.videos) > 1:
        parser.error('--out is for one video; give --out-dir for several')
    if args.out is None and args.masks is not None:
        parser.error('--masks is for --out; give --results masks')
    if args.show_attention is not None:
        if args.out is None:
            parser.error('--show-attention is for --out')
        if args.show_attention.suffix != '.png':
            parser.error(
                '--show-attention: expected a name that ends in .png, got '
                f'{args.show_attention}'
            )
    for name in ('results', 'format', 'skip_existing'):
        if args.out is not None and getattr(args, name):
            option = name.replace('_', '-')
            parser.error(f'--{option} is for --out-dir')
    return args


def _add_model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--config',
        help='config of the model; not necessary with --exported',
    )
    parser.add_argument('--checkpoint', help='checkpoint of the model')
    parser.add_argument(
        '--backend',
        choices=BACKENDS,
        default='pytorch',
        help='what computes the network; the others need --exported and use '
        'the CPU (default: %(default)s)',
    )
    parser.add_argument(
        '--exported',
        metavar='FILE.onnx',
        help='network that tools/export.py wrote, in place of --checkpoint',
    )
    parser.add_argument(
        '--stage-one',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='config and checkpoint of the first stage; required by a model '
        'of stage two',
    )
    parser.add_argument(
        '--soft-prior',
        action='store_true',
        help='with --stage-one: use its scores instead of hard masks',
    )
    parser.add_argument(
        '--device',
        help='where to compute (default: the GPU for PyTorch if there is '
        'one, else the CPU)',
    )
    add_speed_arguments(parser)


def _check_model_arguments(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> None:
    """Check the options that depend on the backend; choose the device."""
    if args.backend == 'pytorch':
        if args.exported is not None:
            parser.error('--exported needs --backend onnxruntime or openvino')
        if args.config is None or args.checkpoint is None:
            parser.error(
                'the following arguments are required: --config, --checkpoint'
            )
        if args.device is None:
            args.device = 'cuda:0' if torch.cuda.is_available() else 'cpu'
        return
    if args.exported is None or args.checkpoint is not None:
        parser.error(
            f'--backend {args.backend} needs --exported in place of '
            '--checkpoint'
        )
    if args.show_attention is not None:
        parser.error('--show-attention needs --backend pytorch')
    args.device = args.device or 'cpu'


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--out',
        metavar='OUT.mp4',
        help='overlay of one video; OUT.webm for WebM',
    )
    parser.add_argument(
        '--masks',
        type=Path,
        metavar='DIR',
        help='with --out: write <number>.png, counted from 0, at the size of '
        'the video: 0 or 255, or the class ids if the model has more than '
        'two classes',
    )
    parser.add_argument(
        '--show-attention',
        type=Path,
        metavar='PNG',
        help='with --out: also draw where the queries of the model look, '
        'layer by layer, in the first seconds of the video (one clip)',
    )
    parser.add_argument(
        '--out-dir',
        type=Path,
        metavar='DIR',
        help='write the results of each video to a folder DIR/NAME',
    )
    parser.add_argument(
        '--results',
        nargs='+',
        choices=get_args(ResultKind),
        help='with --out-dir: what is written (default: all)',
    )
    parser.add_argument(
        '--format',
        choices=['mp4', 'webm'],
        help='with --out-dir: format of the overlay (default: mp4)',
    )
    parser.add_argument(
        '--skip-existing',
        action='store_true',
        help='with --out-dir: skip videos whose results are complete and of '
        'the same model and options',
    )
    parser.add_argument(
        '--alpha',
        type=float,
        default=0.5,
        help='weight of the colour, 0 to 1 (default: %(default)s)',
    )


def _add_mask_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--mask-rate',
        type=mask_rate,
        default=1,
        metavar='N|full',
        help='masks per second, or one for every frame (default: 1, as '
        'published)',
    )
    parser.add_argument(
        '--sound-window',
        choices=get_args(SoundWindow),
        default='second',
        help='which second of sound a frame gets: the one in which it is '
        'displayed, as at one mask per second, or the one around it '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--majority-vote',
        type=int,
        default=1,
        metavar='M',
        help='give each pixel the most frequent class of M consecutive '
        'masks, M odd (default: 1, no smoothing)',
    )
    parser.add_argument(
        '--batch-size',
        type=int,
        default=1,
        help='windows that the model processes together '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--no-audio',
        choices=get_args(NoAudio),
        default='error',
        help='what to do with a video without sound: report an error, or '
        'treat it as silent (default: %(default)s)',
    )


def mask_rate(text: str) -> MaskRate:
    """Read the option ``--mask-rate``.

    Args:
        text (str): ``'full'`` or a number.

    Returns:
        MaskRate: Its value.
    """
    return 'full' if text == 'full' else int(text)


class Facts:
    """What identifies the results of a run, for their index.

    Args:
        args (argparse.Namespace): The command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        def hashes(config: str, checkpoint: str) -> dict:
            content = read_config(config).to_dict()
            return dict(
                config=hash_config(content), checkpoint=hash_file(checkpoint)
            )

        if args.exported is None:
            model = hashes(args.config, args.checkpoint)
        else:
            # The file contains config and weights.
            model = dict(
                exported=hash_file(args.exported), backend=args.backend
            )
        self._of_run: dict[str, Any] = dict(
            model=model,
            stage_one=args.stage_one and hashes(*args.stage_one),
            soft_prior=args.soft_prior,
            mask_rate=args.mask_rate,
            sound_window=args.sound_window,
            majority_vote=args.majority_vote,
        )
        if args.precision != 'float32':
            # Only then, so that older indices remain valid.
            self._of_run['precision'] = args.precision

    def of(self, video: str | Path) -> dict[str, Any]:
        """Add the name and SHA-256 of a video to the facts of the run.

        Args:
            video (str | Path): The file.

        Returns:
            dict[str, Any]: Also SHA-256 of config and checkpoint, the same
            of stage one, or None, and the options that change the masks.

        Raises:
            FileNotFoundError: If there is no such video.
        """
        if not Path(video).is_file():
            raise FileNotFoundError(
                f'{video}: expected a video file, found none; check the path.'
            )
        name = dict(name=Path(video).name, sha256=hash_file(video))
        return dict(video=name, **self._of_run)


def options_of(args: argparse.Namespace) -> VideoOptions:
    """Collect the options of the command line.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        VideoOptions: How videos are segmented.
    """
    return VideoOptions(
        results=tuple(args.results or get_args(ResultKind)),
        suffix=f'.{args.format or "mp4"}',
        alpha=args.alpha,
        mask_rate=args.mask_rate,
        sound_window=args.sound_window,
        batch_size=args.batch_size,
        majority_vote=args.majority_vote,
        no_audio=args.no_audio,
    )


def load_model(args: argparse.Namespace) -> AVSInferencer:
    """Load the model of the command line.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        AVSInferencer: The model.
    """
    return AVSInferencer(
        args.config,
        args.exported or args.checkpoint,
        device=args.device,
        stage_one=args.stage_one and tuple(args.stage_one),
        soft_prior=args.soft_prior,
        precision=args.precision,
        compiled=args.compile,
        backend=args.backend,
    )
