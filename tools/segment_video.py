"""Segment the sounding objects of videos and write them with their masks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
from mmavs.apis import VideoOutcome, segment_many, segment_smoothly
from mmavs.engine import error_line, quiet_libraries
from mmavs.output_path import check_output_file
from mmavs.video import (
    MaskTimes,
    ScannedVideo,
    check_mask_folder,
    check_output,
    find_videos,
    save_mask,
    scan_video,
    write_overlay,
    writing_masks,
)
from mmavs.visualization import draw_contact_sheet
from rich.progress import Progress
from video_command_line.arguments import (
    Facts,
    load_model,
    options_of,
    parse_args,
)

#: A shorter sound track is reported if it ends this much earlier.
_NOTABLE_SECONDS = 0.5


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


def run_one(args: argparse.Namespace) -> None:
    """Segment a video: ``--out`` and ``--masks``.

    Args:
        args (argparse.Namespace): The command line.
    """
    (name,) = args.videos
    out = check_output(args.out, source=name)
    video = scan_video(name, no_audio=args.no_audio)
    times = MaskTimes(video.facts, args.mask_rate)
    print(describe(video), flush=True)
    if args.masks is not None:
        check_mask_folder(args.masks)
    if args.show_attention is not None:
        check_output_file(args.show_attention, sources=[name], force=True)
    inferencer = load_model(args)
    if args.show_attention is not None:
        picture = inferencer.draw_attention(video)
        draw_contact_sheet(picture, args.show_attention)
        print(f'Wrote the attention of the queries to {args.show_attention}')
    with ExitStack() as stack:
        folder = None
        if args.masks is not None:
            masks = writing_masks(args.masks, Facts(args).of(name))
            folder = stack.enter_context(masks)

        def masks_of_video() -> Iterator[np.ndarray]:
            stream = segment_smoothly(inferencer, video, options_of(args))
            for number, (mask, _) in enumerate(stream):
                if folder is not None:
                    path = folder / f'{number}.png'
                    save_mask(path, mask, inferencer.palette)
                yield mask

        progress = stack.enter_context(Progress())
        task = progress.add_task(
            f'segmenting {video.facts.path.name}', total=video.facts.duration
        )
        remaining = masks_of_video()
        many = len(inferencer.classes) > 2
        write_overlay(
            video.facts,
            remaining,
            out,
            times=times,
            palette=inferencer.palette,
            classes=inferencer.classes if many else None,
            alpha=args.alpha,
            on_frame=lambda time: progress.update(task, completed=time),
        )
        # The last mask may belong to no frame of the overlay.
        for _ in remaining:
            pass
        progress.update(task, completed=video.facts.duration)
    print(f'Wrote the video to {out}')
    if args.masks is not None:
        print(f'Wrote {len(times)} masks to {args.masks}')


def run_many(args: argparse.Namespace) -> int:
    """Segment one or more videos: ``--out-dir``.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        int: Exit code: 1 if a video failed.
    """
    videos = find_videos(args.videos)
    outcomes = segment_many(
        load_model(args),
        videos,
        args.out_dir,
        options_of(args),
        facts_of=Facts(args).of,
        skip_existing=args.skip_existing,
        report=report,
    )
    failed = [o for o in outcomes if o.status == 'failed']
    num_skipped = sum(o.status == 'skipped' for o in outcomes)
    num_done = len(outcomes) - num_skipped - len(failed)
    print(f'{num_done} segmented, {num_skipped} skipped, {len(failed)} failed')
    if not failed:
        return 0
    names = ', '.join(str(outcome.path) for outcome in failed)
    reason = failed[0].reason if len(failed) == 1 else f'failed: {names}'
    print(f'error: {reason}', file=sys.stderr)
    return 1


def report(outcome: VideoOutcome) -> None:
    """Print what became of a video.

    Args:
        outcome (VideoOutcome): What became of it.
    """
    if outcome.status == 'failed':
        print(f'failed: {outcome.reason}')
    elif outcome.status == 'skipped':
        print(f'skipped: {outcome.path} (see {outcome.folder})')
    else:
        print(f'done: {outcome.path} -> {outcome.folder}')


def main() -> None:
    """Segment videos; wrong input ends in one line."""
    args = parse_args()
    quiet_libraries()
    with error_line(args):
        if args.out is not None:
            run_one(args)
            return
        code = run_many(args)
    sys.exit(code)


if __name__ == '__main__':
    main()
