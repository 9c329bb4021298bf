"""What the buttons of the page do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..video import MaskRate, ScannedVideo, scan_video
from .comparison import Sound, replace_sound
from .limits import Limits
from .models import Models
from .rendering import Look, ReceivedVideo, Result, write_playable
from .visits import Visits
from .work import (
    NETWORK_PART,
    Comparison,
    OnProgress,
    RefusedError,
    draw_comparison,
    draw_result,
    exclusive,
    run_model,
)


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
        with exclusive(visit):
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
        with exclusive(visit):
            visit.result = None
            if visit.video is None:
                raise RefusedError(
                    'expected a video, found none; upload or record one, or '
                    'pick a sample.'
                )
            found = run_model(
                self.models,
                model,
                visit,
                visit.video.scanned,
                visit.new_folder('masks'),
                mask_rate=mask_rate,
                on_progress=on_progress,
            )
            visit.result = draw_result(
                visit, model, found, look, on_progress, start=NETWORK_PART
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
        with exclusive(visit):
            if visit.result is None:
                return None
            model, found = visit.result[:2]
            visit.result = draw_result(visit, model, found, look, on_progress)
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
        with exclusive(visit):
            if visit.result is None:
                raise RefusedError(
                    'expected a segmented video to compare with, found none; '
                    'press "Segment" first.'
                )
            lender = None
            if sound == 'other' and other is not None:
                lender = self._read(visit.take_upload(other, 'other'))
            own = visit.result.segmentation
            found = run_model(
                self.models,
                visit.result.model,
                visit,
                replace_sound(own.video, sound, lender),
                visit.new_folder('other-masks'),
                mask_rate=own.times.rate,
                on_progress=on_progress,
            )
            return draw_comparison(visit, visit.result, found, on_progress)

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
