"""Time and peak memory of segmenting a whole video, by part.

    python -m benchmarks.video CONFIG [--checkpoint FILE] [--seconds 5 20]
        [--size 360 640] [--fps 25] [--precision bfloat16] [--json FILE]

makes a moving picture with sound of each length, and segments it into an
overlay with sound, masks, COCO results, events and a timeline, each in a
process of its own. The CPU time is divided into the network (with normalising
the frames and finding the classes), and all that surrounds it. What the first
clip of a process costs the front end in addition, mostly to compile the
resampling, is measured before, on a clip of zeros. The peak is that of the
whole process. FILE keeps the results of other configs.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import numpy as np
import torch
from mmavs.apis import AVSInferencer, VideoOptions, segment_to_folder
from mmavs.apis import video_folder as steps
from mmavs.apis.windows import Clip
from mmavs.atomic_file import write_json
from mmavs.config_file import read_config
from mmavs.engine import Precision
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import make_parser, parse_and_run
from benchmarks.machine import describe_machine
from benchmarks.memory import last_line_of_new_process, peak_of_process
from benchmarks.moving_picture import SAMPLE_RATE, write_moving_picture
from benchmarks.system_costs import build_segmenter

NETWORK = 'network'


class Stopwatch:
    """CPU time by part, without that of the parts that a part calls.

    Attributes:
        seconds (dict[str, float]): By name of the part.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._since = time.process_time()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of the block for a part."""
        self._switch()
        self._open.append(name)
        try:
            yield
        finally:
            self._switch()
            self._open.pop()

    def _switch(self) -> None:
        now = time.process_time()
        if self._open:
            name = self._open[-1]
            self.seconds.setdefault(name, 0.0)
            self.seconds[name] += now - self._since
        self._since = now

    def timed(self, name: str, function: Callable[..., Any]) -> Any:
        """Wrap a function."""

        def run(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return run

    def timed_stream(self, name: str, function: Callable[..., Any]) -> Any:
        """Wrap a function that returns an iterator."""

        def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
            stream = iter(function(*args, **kwargs))
            while True:
                with self.part(name):
                    item = next(stream, _END)
                if item is _END:
                    return
                yield item

        return run


_END = object()


def segment(inferencer: AVSInferencer, video: Path) -> dict[str, float]:
    """Segment a video to a temporary folder.

    Args:
        inferencer (AVSInferencer): The model.
        video (Path): The video.

    Returns:
        dict[str, float]: CPU seconds by part.
    """
    watch = Stopwatch()
    clips = inferencer._clip_model
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(
            steps, 'scan_video', watch.timed('reading', steps.scan_video)
        ),
        mock.patch.object(
            steps,
            'segment_smoothly',
            watch.timed_stream('decoding', steps.segment_smoothly),
        ),
        mock.patch.object(clips, 'pack', watch.timed('front end', clips.pack)),
        mock.patch.object(
            clips.model,
            'test_step',
            watch.timed(NETWORK, clips.model.test_step),
        ),
        mock.patch.object(
            steps,
            'write_overlay',
            watch.timed('overlay', steps.write_overlay),
        ),
        watch.part('masks and tables'),
    ):
        segment_to_folder(
            inferencer,
            video,
            Path(folder, 'results'),
            VideoOptions(results=get_args(steps.ResultKind)),
            facts={},
        )
    return watch.seconds


def first_call(inferencer: AVSInferencer) -> float:
    """Prepare a second of silence, which loads and compiles what is needed.

    Args:
        inferencer (AVSInferencer): The model.

    Returns:
        float: CPU seconds.
    """
    silence = Clip(
        frames=np.zeros((1, 64, 64, 3), np.uint8),
        sound=np.zeros(SAMPLE_RATE, np.float32),
        sample_rate=SAMPLE_RATE,
        name='silence',
    )
    begin = time.process_time()
    inferencer._clip_model.pack([silence])
    return time.process_time() - begin


def measure_here(args: argparse.Namespace) -> dict[str, Any]:
    """Segment one video in this process.

    Args:
        args (argparse.Namespace): The command line, with one length.

    Returns:
        dict[str, Any]: ``first_call_seconds`` (see :func:`first_call`),
        ``parts`` (CPU seconds), ``share_of_network`` (all parts but the
        network, divided by it) and ``peak_memory_bytes``.
    """
    inferencer = AVSInferencer(
        args.config, args.checkpoint, precision=args.precision
    )
    first = first_call(inferencer)
    parts = segment(inferencer, args.video)
    network = parts[NETWORK]
    return dict(
        first_call_seconds=first,
        parts=parts,
        share_of_network=(sum(parts.values()) - network) / network,
        peak_memory_bytes=peak_of_process(),
    )


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Segment videos of all lengths, each in a new process.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        dict[str, Any]: The setting, and ``videos`` by seconds.
    """
    machine = describe_machine()
    videos = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = args.checkpoint
        if checkpoint is None:
            checkpoint = Path(folder, 'random.pth')
            model = build_segmenter(args.config, 'cpu').model
            torch.save(model.state_dict(), checkpoint)
            del model
        for seconds in args.seconds:
            video = Path(folder, f'{seconds}.mp4')
            write_moving_picture(
                video, tuple(args.size), fps=args.fps, seconds=seconds
            )
            text = last_line_of_new_process(
                'benchmarks.video',
                *(args.config.resolve(), '--checkpoint', checkpoint.resolve()),
                *('--precision', args.precision, '--threads', args.threads),
                *('--video', video),
            )
            videos[str(seconds)] = json.loads(text)
    return dict(
        machine=machine,
        precision=args.precision,
        size=args.size,
        fps=args.fps,
        videos=videos,
    )


def make_table(name: str, result: dict[str, Any]) -> Table:
    """Lay the results of a config out.

    Args:
        name (str): Of the config.
        result (dict[str, Any]): From :func:`measure`.

    Returns:
        Table: One line per video.
    """
    videos = result['videos']
    parts = list(next(iter(videos.values()))['parts'])
    table = Table(
        f'seconds, {name}',
        *(f'{part} (CPU s)' for part in parts),
        'rest / network',
        'first call (CPU s)',
        'peak (MiB)',
    )
    for seconds, row in videos.items():
        peak = row['peak_memory_bytes']
        table.add_row(
            seconds,
            *(f'{row["parts"][part]:.2f}' for part in parts),
            f'{row["share_of_network"]:.1%}',
            f'{row["first_call_seconds"]:.2f}',
            'unknown' if peak is None else f'{peak / 2**20:.0f}',
        )
    return table


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = make_parser(__doc__)
    parser.add_argument('config', type=Path)
    parser.add_argument('--checkpoint', type=Path)
    parser.add_argument('--seconds', nargs='+', type=int, default=[5])
    parser.add_argument(
        '--size', nargs=2, type=int, default=(360, 640), metavar=('H', 'W')
    )
    parser.add_argument('--fps', type=int, default=25)
    parser.add_argument(
        '--precision', choices=get_args(Precision), default='float32'
    )
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--video', type=Path, help=argparse.SUPPRESS)
    parse_and_run(parser, run)


def run(args: argparse.Namespace) -> None:
    """Measure as the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing.
        ValueError: If the config is of no model.
    """
    torch.set_num_threads(args.threads)
    read_config(args.config)
    if args.video is not None:
        # One line, which the parent process reads.
        print(json.dumps(measure_here(args)))
        return
    report: dict[str, Any] = {}
    if args.json and args.json.is_file():
        report = json.loads(args.json.read_text('utf-8'))
    name = args.config.stem
    report[name] = measure(args)
    if args.json:
        write_json(args.json, report)
    Console(width=140).print(make_table(name, report[name]))


if __name__ == '__main__':
    main()
