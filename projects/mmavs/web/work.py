"""Pieces of work for one visitor: run the model, draw, compare."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..video import MaskRate, ScannedVideo
from .comparison import Agreement, compare, write_sound
from .models import Models
from .rendering import Look, Result, draw_overlay, render
from .segmentation import Segmentation, segment
from .visits import Visit

#: Reports the finished part of the work, 0..1, and what is being done.
OnProgress = Callable[[float, str], None]

#: Part of the time that the network takes; the rest is drawing.
NETWORK_PART = 0.7


class RefusedError(ValueError):
    """Something that the visitor can change; the text says what."""


class Comparison(NamedTuple):
    """The masks of a video with another sound.

    Attributes:
        own (Path): The video with the masks of its own sound.
        overlay (Path): The video with these masks, and its own sound.
        sound (Path): The other sound, wav.
        agreement (Agreement): With the masks of the video's own sound.
    """

    own: Path
    overlay: Path
    sound: Path
    agreement: Agreement


@contextmanager
def exclusive(visit: Visit) -> Iterator[None]:
    """Do one thing at a time for a visitor.

    Args:
        visit (Visit): The visitor's; locked inside.

    Yields:
        None: While the visitor's other work waits.

    Raises:
        RefusedError: For a ``ValueError`` or an ``OSError`` inside; its text
            names files without their folders.
    """
    with visit.lock:
        visit.start()
        try:
            yield
        except RefusedError:
            raise
        except (ValueError, OSError) as error:
            raise RefusedError(_without_folders(error, visit)) from error


def run_model(
    models: Models,
    model: str,
    visit: Visit,
    video: ScannedVideo,
    folder: Path,
    *,
    mask_rate: MaskRate,
    on_progress: OnProgress,
) -> Segmentation:
    """Segment a video when the model is free.

    Args:
        models (Models): The models.
        model (str): Name of the one to use.
        visit (Visit): The visitor's, who may cancel.
        video (ScannedVideo): The video.
        folder (Path): New folder for the masks.
        mask_rate (MaskRate): Masks per second.
        on_progress (OnProgress): Called with 0 to :data:`NETWORK_PART`.

    Returns:
        Segmentation: The masks.

    Raises:
        Cancelled: If the visitor cancelled.
    """
    on_progress(0, 'Waiting for the model')
    with models.use(model) as inferencer:
        return segment(
            inferencer,
            video,
            folder,
            mask_rate=mask_rate,
            on_progress=_scaled(
                on_progress, 0, NETWORK_PART, 'Running the model'
            ),
            is_cancelled=visit.is_cancelled,
        )


def draw_result(
    visit: Visit,
    model: str,
    found: Segmentation,
    look: Look,
    on_progress: OnProgress,
    start: float = 0,
) -> Result:
    """Draw the masks of the visitor's video and write the files.

    Args:
        visit (Visit): The visitor's.
        model (str): Name of the model that gave the masks.
        found (Segmentation): The masks.
        look (Look): How they are drawn.
        on_progress (OnProgress): Called with ``start`` to 1.
        start (float): Part of the work that is done, 0..1.

    Returns:
        Result: The masks and the files.

    Raises:
        Cancelled: If the visitor cancelled.
    """
    rendering = render(
        found,
        visit.files,
        look,
        on_progress=_scaled(on_progress, start, 1, 'Drawing the masks'),
        is_cancelled=visit.is_cancelled,
    )
    return Result(model, found, look, rendering)


def draw_comparison(
    visit: Visit, shown: Result, found: Segmentation, on_progress: OnProgress
) -> Comparison:
    """Draw the masks of another sound next to those that are shown.

    Args:
        visit (Visit): The visitor's; files of an earlier comparison are
            removed.
        shown (Result): With the video's own sound.
        found (Segmentation): With the other sound.
        on_progress (OnProgress): Called with :data:`NETWORK_PART` to 1.

    Returns:
        Comparison: Files and numbers.

    Raises:
        Cancelled: If the visitor cancelled.
    """
    overlay = visit.files.new('other', '.mp4')
    draw_overlay(
        found,
        overlay,
        shown.look,
        on_progress=_scaled(on_progress, NETWORK_PART, 1, 'Drawing'),
        is_cancelled=visit.is_cancelled,
    )
    # The overlay above it on the page changes with the sliders.
    own = visit.files.new('own', '.mp4')
    shutil.copyfile(shown.rendering.overlay, own)
    sound = visit.files.new('sound', '.wav')
    write_sound(found.video, sound)
    visit.files.remove('other', 'own', 'sound', keep=[overlay, own, sound])
    agreement = compare(shown.segmentation, found, shown.look.threshold)
    return Comparison(own, overlay, sound, agreement)


def _scaled(
    on_progress: OnProgress, start: float, end: float, text: str
) -> Callable[[float], None]:
    """Report a part of the work as a part of the whole."""
    return lambda part: on_progress(start + (end - start) * part, text)


def _without_folders(error: Exception, visit: Visit) -> str:
    """Return the message with the names of files, without their folders."""
    text = ' '.join(str(error).split())
    for folder in ('video', 'other', 'results', ''):
        text = text.replace(f'{visit.folder / folder}/', '')
    return text
