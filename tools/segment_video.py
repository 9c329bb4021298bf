"""Segment the sounding objects of a video and write it with its masks."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from mmavs.apis import AVSInferencer, SoundWindow
from mmavs.config_file import read_config
from mmavs.engine import (
    add_traceback_argument,
    error_line,
    quiet_libraries,
)
from mmavs.fingerprint import hash_config, hash_file
from mmavs.video import (
    MaskRate,
    MaskTimes,
    NoAudio,
    ScannedVideo,
    check_mask_folder,
    check_output,
    majority_vote,
    save_mask,
    scan_video,
    write_overlay,
    writing_masks,
)
from rich.progress import Progress

#: A shorter sound track is reported if it ends this much earlier.
_NOTABLE_SECONDS = 0.5


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description='Segment the sounding objects of a video. As published, '
        'one frame per second is segmented with its second of sound, and its '
        'mask is drawn on all frames of that second; see --mask-rate.'
    )
    parser.add_argument('video', help='video file with a sound track')
    parser.add_argument('--config', required=True, help='config of the model')
    parser.add_argument(
        '--checkpoint', required=True, help='checkpoint of the model'
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
        '--out',
        required=True,
        metavar='OUT.mp4',
        help='video to write; OUT.webm for WebM',
    )
    parser.add_argument(
        '--masks',
        type=Path,
        metavar='DIR',
        help='write <number>.png, counted from 0, at the size of the video: '
        '0 or 255, or the class ids if the model has more than two classes',
    )
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
    parser.add_argument(
        '--device',
        default='cuda:0' if torch.cuda.is_available() else 'cpu',
        help='where to compute (default: %(default)s)',
    )
    parser.add_argument(
        '--alpha',
        type=float,
        default=0.5,
        help='weight of the colour, 0 to 1 (default: %(default)s)',
    )
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.soft_prior and args.stage_one is None:
        parser.error('--soft-prior says how --stage-one is used; give it')
    return args


def mask_rate(text: str) -> MaskRate:
    """Read the option ``--mask-rate``.

    Args:
        text (str): ``'full'`` or a number.

    Returns:
        MaskRate: Its value.
    """
    return 'full' if text == 'full' else int(text)


def describe(video: ScannedVideo) -> str:
    """Describe a video and notable facts about its sound.

    Args:
        video (ScannedVideo): The video.

    Returns:
        str: One or more lines of text.
    """
    facts, waveform = video
    text = (
        f'{facts.path}: {facts.width}x{facts.height}, {facts.fps:.4g} fps, '
        f'{facts.duration:.2f} s ({facts.num_frames} frames); '
    )
    if facts.sound_codec is None:
        return f'{text}no sound track\nnote: the video is treated as silent.'
    text += (
        f'sound {facts.sound_codec}, {facts.sound_rate} Hz, '
        f'{facts.sound_seconds:.2f} s'
    )
    if facts.sound_seconds < facts.duration - _NOTABLE_SECONDS:
        text += '\nnote: the sound is shorter than the picture; the rest of '
        text += 'the video is treated as silent.'
    if not waveform.any():
        text += '\nnote: every sample of the sound track is zero.'
    return text


def segment(
    inferencer: AVSInferencer,
    video: ScannedVideo,
    folder: Path | None,
    args: argparse.Namespace,
) -> Iterator[np.ndarray]:
    """Segment a video, and write each mask.

    Args:
        inferencer (AVSInferencer): The model.
        video (ScannedVideo): The video.
        folder (Path | None): Where to write the masks; None writes none.
        args (argparse.Namespace): The command line.

    Yields:
        np.ndarray: (H, W) uint8 class ids of the next mask.
    """
    parts = inferencer.segment_video(
        video,
        mask_rate=args.mask_rate,
        sound_window=args.sound_window,
        batch_size=args.batch_size,
    )
    masks = (mask for part in parts for mask in part.masks)
    for number, mask in enumerate(majority_vote(masks, args.majority_vote)):
        if folder is not None:
            save_mask(folder / f'{number}.png', mask, inferencer.palette)
        yield mask


def facts_of(args: argparse.Namespace) -> dict:
    """Give what identifies the masks of a run, for their index.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict: File name and SHA-256 of the video, SHA-256 of config and
        checkpoint, the same of stage one, or None; and the options that
        change the masks.
    """

    def hashes(config: str, checkpoint: str) -> dict:
        content = read_config(config).to_dict()
        return dict(
            config=hash_config(content), checkpoint=hash_file(checkpoint)
        )

    return dict(
        video=dict(name=Path(args.video).name, sha256=hash_file(args.video)),
        model=hashes(args.config, args.checkpoint),
        stage_one=args.stage_one and hashes(*args.stage_one),
        soft_prior=args.soft_prior,
        mask_rate=args.mask_rate,
        sound_window=args.sound_window,
        majority_vote=args.majority_vote,
    )


def run(args: argparse.Namespace) -> None:
    """Segment the video.

    Args:
        args (argparse.Namespace): The command line.
    """
    out = check_output(args.out, source=args.video)
    video = scan_video(args.video, no_audio=args.no_audio)
    times = MaskTimes(video.facts, args.mask_rate)
    print(describe(video), flush=True)
    if args.masks is not None:
        check_mask_folder(args.masks)
    inferencer = AVSInferencer(
        args.config,
        args.checkpoint,
        device=args.device,
        stage_one=args.stage_one and tuple(args.stage_one),
        soft_prior=args.soft_prior,
    )
    with ExitStack() as stack:
        folder = None
        if args.masks is not None:
            masks = writing_masks(args.masks, facts_of(args))
            folder = stack.enter_context(masks)
        progress = stack.enter_context(Progress())
        task = progress.add_task(
            f'segmenting {video.facts.path.name}', total=video.facts.duration
        )
        write_overlay(
            video.facts,
            segment(inferencer, video, folder, args),
            out,
            times=times,
            palette=inferencer.palette,
            classes=inferencer.classes
            if len(inferencer.classes) > 2
            else None,
            alpha=args.alpha,
            on_frame=lambda time: progress.update(task, completed=time),
        )
        progress.update(task, completed=video.facts.duration)
    print(f'Wrote the video to {out}')
    if args.masks is not None:
        print(f'Wrote {len(times)} masks to {args.masks}')


def main() -> None:
    """Segment a video; wrong input ends in one line."""
    args = parse_args()
    quiet_libraries()
    with error_line(args):
        run(args)


if __name__ == '__main__':
    main()
