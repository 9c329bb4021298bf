"""What the buttons of the page do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..video import MaskRate, ScannedVideo, scan_video
from .comparison import (
    Agreement,
    Sound,
    compare,
    replace_sound,
    write_sound,
)
from .limits import Limits
from .models import Models
from .rendering import (
    Look,
    ReceivedVideo,
    Result,
    draw_overlay,
    render,
    write_playable,
)
from .segmentation import Segmentation, segment
from .visits import Visit, Visits

#: Reports the finished part of the work, 0..1, and what is being done.
OnProgress = Callable[[float, str], None]

#: Part of the time that the network takes; the rest is drawing.
_NETWORK_PART = 0.7


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


class Service:
    """Does the work of all visitors.

    Args:
        models (Models): The models.
        visits (Visits): The visitors.
        limits (Limits): The largest video.
        samples (Sequence[Path]): Videos to pick from.

    Raises:
        FileNotFoundError: If a sample does not exist.
    """

    def __init__(
        self,
        models: Models,
        visits: Visits,
        limits: Limits,
        samples: Sequence[Path] = (),
    ) -> None:
        for sample in samples:
            if not sample.is_file():
                raise FileNotFoundError(
                    f'{sample}: expected a video as sample, found none; '
                    'check the path.'
                )
        self.models = models
        self.visits = visits
        self.limits = limits
        self.samples = {sample.name: sample for sample in samples}

    def receive(self, session: str, video: Path | str) -> ReceivedVideo:
        """Check a new video; the results of an earlier one are removed.

        Args:
            session (str): Of the visitor.
            video (Path | str): The uploaded file, or the name of a sample.

        Returns:
            ReceivedVideo: The video.

        Raises:
            RefusedError: If the file cannot be segmented.
        """
        visit = self.visits.of(session)
        with self._work(visit):
            visit.forget()
            if isinstance(video, Path):
                path = visit.take_upload(video, 'video')
            else:
                path = visit.copy(self._sample(video), 'video')
            scanned = self._read(path)
            original = write_playable(scanned.facts, visit.files)
            is_sample = not isinstance(video, Path)
            visit.video = ReceivedVideo(scanned, original, is_sample)
            return visit.video

    def clear_upload(self, session: str) -> bool:
        """Forget the visitor's upload and its results.

        Args:
            session (str): Of the visitor.

        Returns:
            bool: False if the video is a sample, which is kept: picking one
            clears the upload.
        """
        visit = self.visits.of(session)
        if visit.video is not None and visit.video.is_sample:
            return False
        visit.cancel()
        with visit.lock:
            visit.forget()
        return True

    def segment(
        self,
        session: str,
        *,
        model: str,
        mask_rate: MaskRate,
        look: Look,
        on_progress: OnProgress,
    ) -> Result:
        """Segment the visitor's video.

        Args:
            session (str): Of the visitor.
            model (str): Name of the model.
            mask_rate (MaskRate): Masks per second.
            look (Look): How the masks are drawn.
            on_progress (OnProgress): Called with the progress.

        Returns:
            Result: The masks and the files.

        Raises:
            RefusedError: If there is no video, or it cannot be segmented.
            Cancelled: If the visitor cancelled.
        """
        visit = self.visits.of(session)
        with self._work(visit):
            visit.result = None
            if visit.video is None:
                raise RefusedError(
                    'expected a video, found none; upload or record one, or '
                    'pick a sample.'
                )
            found = self._run(
                visit,
                model,
                visit.video.scanned,
                visit.new_folder('masks'),
                mask_rate,
                on_progress,
            )
            visit.result = self._render(
                visit, model, found, look, on_progress, start=_NETWORK_PART
            )
            return visit.result

    def render(
        self, session: str, *, look: Look, on_progress: OnProgress
    ) -> Result | None:
        """Draw the masks again, without running the network.

        Args:
            session (str): Of the visitor.
            look (Look): How the masks are drawn.
            on_progress (OnProgress): Called with the progress.

        Returns:
            Result | None: The same masks and new files; None if nothing has
            been segmented yet.

        Raises:
            Cancelled: If the visitor cancelled.
        """
        visit = self.visits.of(session)
        if visit.result is None:
            return None
        with self._work(visit):
            if visit.result is None:
                return None
            model, found = visit.result[:2]
            visit.result = self._render(visit, model, found, look, on_progress)
            return visit.result

    def compare(
        self,
        session: str,
        *,
        sound: Sound,
        other: Path | None,
        on_progress: OnProgress,
    ) -> Comparison:
        """Segment the visitor's video with another sound.

        Model, masks per second, threshold and opacity are those of the
        overlay that is shown.

        Args:
            session (str): Of the visitor.
            sound (Sound): See :func:`.replace_sound`.
            other (Path | None): Upload whose sound is used for ``'other'``.
            on_progress (OnProgress): Called with the progress.

        Returns:
            Comparison: Files and numbers.

        Raises:
            RefusedError: If nothing has been segmented yet, or the other
                video has no usable sound.
            Cancelled: If the visitor cancelled.
        """
        visit = self.visits.of(session)
        with self._work(visit):
            if visit.result is None:
                raise RefusedError(
                    'expected a segmented video to compare with, found none; '
                    'press "Segment" first.'
                )
            lender = None
            if sound == 'other' and other is not None:
                lender = self._read(visit.take_upload(other, 'other'))
            own = visit.result.segmentation
            found = self._run(
                visit,
                visit.result.model,
                replace_sound(own.video, sound, lender),
                visit.new_folder('other-masks'),
                own.times.rate,
                on_progress,
            )
            return self._draw_comparison(
                visit, visit.result, found, on_progress
            )

    def cancel(self, session: str) -> None:
        """Stop the visitor's running work.

        Args:
            session (str): Of the visitor.
        """
        self.visits.of(session).cancel()

    def _sample(self, name: str) -> Path:
        if name not in self.samples:
            raise RefusedError(
                f'expected a sample among {list(self.samples)}, got {name!r}.'
            )
        return self.samples[name]

    def _read(self, path: Path) -> ScannedVideo:
        self.limits.check(path)
        return scan_video(path)

    def _run(
        self,
        visit: Visit,
        model: str,
        video: ScannedVideo,
        folder: Path,
        mask_rate: MaskRate,
        on_progress: OnProgress,
    ) -> Segmentation:
        on_progress(0, 'Waiting for the model')
        with self.models.use(model) as inferencer:
            return segment(
                inferencer,
                video,
                folder,
                mask_rate=mask_rate,
                on_progress=_scaled(
                    on_progress, 0, _NETWORK_PART, 'Running the model'
                ),
                is_cancelled=visit.is_cancelled,
            )

    def _render(
        self,
        visit: Visit,
        model: str,
        found: Segmentation,
        look: Look,
        on_progress: OnProgress,
        start: float = 0,
    ) -> Result:
        rendering = render(
            found,
            visit.files,
            look,
            on_progress=_scaled(on_progress, start, 1, 'Drawing the masks'),
            is_cancelled=visit.is_cancelled,
        )
        return Result(model, found, look, rendering)

    def _draw_comparison(
        self,
        visit: Visit,
        shown: Result,
        found: Segmentation,
        on_progress: OnProgress,
    ) -> Comparison:
        overlay = visit.files.new('other', '.mp4')
        draw_overlay(
            found,
            overlay,
            shown.look,
            on_progress=_scaled(on_progress, _NETWORK_PART, 1, 'Drawing'),
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

    @contextmanager
    def _work(self, visit: Visit) -> Iterator[None]:
        """Do one thing at a time for a visitor; refuse in clear words."""
        with visit.lock:
            visit.start()
            try:
                yield
            except RefusedError:
                raise
            except (ValueError, OSError) as error:
                raise RefusedError(_without_folders(error, visit)) from error


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
