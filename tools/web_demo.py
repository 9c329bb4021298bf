"""Show a page in the browser that segments videos."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import demo
from mmavs.engine import add_traceback_argument, error_line, quiet_libraries
from mmavs.video.working_folder import working_folder
from mmavs.web import Limits, ModelFiles, Models, Service, Visits


class AddModel(argparse.Action):
    """Reads the words after ``--model``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option: str | None = None,
    ) -> None:
        """Add a model to the namespace."""
        words = list(values or ())
        if len(words) not in (3, 5):
            parser.error(
                '--model expects NAME CONFIG CHECKPOINT, and for a model of '
                f'stage two also CONFIG CHECKPOINT of stage one; got {words}'
            )
        stage_one = (words[3], words[4]) if len(words) == 5 else None
        model = ModelFiles(words[0], words[1], words[2], stage_one)
        namespace.models = [*(namespace.models or ()), model]


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    limits = Limits()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--model',
        dest='models',
        action=AddModel,
        nargs='+',
        metavar='WORD',
        help='NAME CONFIG CHECKPOINT, and for a model of stage two also '
        'CONFIG CHECKPOINT of stage one; repeat it for several models '
        '(default: the model of `make demo`, which is trained if missing)',
    )
    parser.add_argument(
        '--sample',
        dest='samples',
        action='append',
        type=Path,
        default=[],
        metavar='VIDEO',
        help='video that visitors can pick; repeat it for several',
    )
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to bind to; 0.0.0.0 lets other machines connect, '
        'without a password (default: %(default)s)',
    )
    parser.add_argument('--port', type=int, default=7860)
    parser.add_argument(
        '--max-seconds',
        type=float,
        default=limits.seconds,
        help='longest video (default: %(default)s)',
    )
    parser.add_argument(
        '--max-megabytes',
        type=float,
        default=limits.megabytes,
        help='largest file (default: %(default)s)',
    )
    parser.add_argument('--device', default='cpu', help='such as cuda:0')
    parser.add_argument(
        '--files-dir',
        type=Path,
        default=Path('work_dirs'),
        help='gets a hidden folder with the files of visitors, which is '
        'deleted at the end (default: %(default)s)',
    )
    add_traceback_argument(parser)
    return parser.parse_args()


def demo_model() -> ModelFiles:
    """Find the model of the demo; train it if there is none.

    Returns:
        ModelFiles: The model.
    """
    checkpoint = demo.find_ms3_model()
    if checkpoint is None:
        print('Training the model of the demo; about 5 minutes.', flush=True)
        demo.write_ms3_data()
        checkpoint = demo.train_ms3()
    name = 'AAVS tiny (synthetic clips)'
    return ModelFiles(
        name, str(demo.ROOT / demo.CONFIG), str(demo.ROOT / checkpoint)
    )


def main() -> None:
    """Run the server; wrong input ends in one line."""
    args = parse_args()
    quiet_libraries()
    with error_line(args):
        models, samples = args.models, args.samples
        if models is None:
            models = [demo_model()]
            samples = samples or [demo.ROOT / demo.VIDEO]
        loaded = Models(models, device=args.device)
        limits = Limits(megabytes=args.max_megabytes, seconds=args.max_seconds)
        with working_folder(args.files_dir / f'web-{args.port}') as root:
            visits = Visits(root / 'visits', root / 'uploads')
            service = Service(loaded, visits, limits, samples)
            # Gradio reads these when it is imported.
            os.environ['GRADIO_TEMP_DIR'] = str(root / 'uploads')
            os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
            from web_page.server import serve

            # uvicorn raises Ctrl-C again when the server has stopped.
            with suppress(KeyboardInterrupt):
                serve(service, host=args.host, port=args.port)
            visits.end_all()


if __name__ == '__main__':
    main()
