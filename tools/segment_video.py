"""Colour what sounds in a video: python tools/segment_video.py VIDEO ..."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmavs.apis import AVSInferencer
from mmavs.engine import add_traceback_argument, error_line
from mmavs.video import (
    ScannedVideo,
    check_output,
    scan_video,
    write_overlay,
)
from PIL import Image

#: Sound that ends this much before the picture is worth a word.
_NOTABLE_SECONDS = 0.5


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description='Segment the sounding objects of a video: one frame a '
        'second is segmented with its second of sound, and the mask laid '
        'over all frames of that second.'
    )
    parser.add_argument('video', help='any video file with sound')
    parser.add_argument('--config', required=True, help='config of the model')
    parser.add_argument('--checkpoint', required=True, help='its weights')
    parser.add_argument(
        '--stage-one',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='of the first stage, if the model is one of stage two',
    )
    parser.add_argument(
        '--soft-prior',
        action='store_true',
        help='with --stage-one: give its scores to stage two instead of hard '
        'masks',
    )
    parser.add_argument(
        '--out', required=True, metavar='OUT.mp4', help='video to write'
    )
    parser.add_argument(
        '--masks',
        type=Path,
        metavar='DIR',
        help='write <second>.png at the size of the video: 0 or 255, or the '
        'class ids if the model has more than two classes',
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


def describe(video: ScannedVideo) -> str:
    """Say what was read.

    Args:
        video (ScannedVideo): The video.

    Returns:
        str: Lines of text.
    """
    facts, waveform = video
    text = (
        f'{facts.path}: {facts.width}x{facts.height}, {facts.fps:.4g} fps, '
        f'{facts.duration:.2f} s ({facts.num_frames} frames); sound '
        f'{facts.sound_codec}, {facts.sound_rate} Hz, '
        f'{facts.sound_seconds:.2f} s'
    )
    if facts.sound_seconds < facts.duration - _NOTABLE_SECONDS:
        text += '\nnote: the sound is shorter than the picture; the rest of '
        text += 'the video is taken as silent.'
    if not waveform.any():
        text += '\nnote: every sample of the sound track is zero.'
    return text


def check_mask_dir(folder: Path, num_seconds: int) -> None:
    """Make the folder of the masks; refuse one that holds anything else.

    Args:
        folder (Path): The folder.
        num_seconds (int): How many masks will be written.

    Raises:
        ValueError: If it holds files that this run would not replace.
        OSError: If it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r'(\d+)\.png', path.name)
        if match is None or int(match[1]) >= num_seconds:
            raise ValueError(
                f'{folder}: expected a folder for the masks of '
                f'{num_seconds} seconds and nothing else, got {path.name} in '
                'it; choose another or empty it.'
            )


def save_mask(
    path: Path, mask: np.ndarray, palette: Sequence[Sequence[int]]
) -> None:
    """Write a mask: 0 or 255, or the ids of many classes in their colours.

    Args:
        path (Path): PNG file.
        mask (np.ndarray): (H, W) uint8 class ids.
        palette (Sequence[Sequence[int]]): RGB of each class id.
    """
    if len(palette) == 2:
        Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8)).save(path)
        return
    image = Image.fromarray(mask)
    # The pixels stay ids; a viewer shows their colours.
    image.putpalette([value for colour in palette for value in colour])
    image.save(path)


def segment(
    inferencer: AVSInferencer, video: ScannedVideo, folder: Path | None
) -> Iterator[np.ndarray]:
    """Segment second by second and write the masks on the way.

    Args:
        inferencer (AVSInferencer): The model.
        video (ScannedVideo): The video.
        folder (Path | None): Where the masks go, if anywhere.

    Yields:
        np.ndarray: (H, W) uint8 class ids of the next second.
    """
    second = 0
    for part in inferencer.segment_video(video):
        for mask in part.masks:
            if folder is not None:
                save_mask(folder / f'{second}.png', mask, inferencer.palette)
            second += 1
            yield mask


def main() -> None:
    """Do as the command line says."""
    args = parse_args()
    with error_line(args):
        out = check_output(args.out, source=args.video)
        video = scan_video(args.video)
        print(describe(video), flush=True)
        if args.masks is not None:
            check_mask_dir(args.masks, video.facts.num_seconds)
        inferencer = AVSInferencer(
            args.config,
            args.checkpoint,
            device=args.device,
            stage_one=args.stage_one and tuple(args.stage_one),
            soft_prior=args.soft_prior,
        )
        write_overlay(
            video.facts,
            segment(inferencer, video, args.masks),
            out,
            palette=inferencer.palette,
            classes=inferencer.classes
            if len(inferencer.classes) > 2
            else None,
            alpha=args.alpha,
        )
    print(f'Wrote the video to {out}')
    if args.masks is not None:
        print(f'Wrote {video.facts.num_seconds} masks to {args.masks}')


if __name__ == '__main__':
    main()
