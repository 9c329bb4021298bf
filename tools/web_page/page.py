"""The page, made with Gradio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from mmavs.web import Cancelled, Look, RefusedError, Result, Service
from web_page import html
from web_page.components import FIRST_STEP, RATES, SOUND_NAMES, Components

#: Timeline, events and comparison without results.
_NO_RESULTS = (html.NOTHING_YET, html.NOTHING_YET, '')
#: Visitors that may wait for the model.
_MAX_WAITING = 20


class Page:
    """The page and what happens on its events.

    Args:
        service (Service): Does the work.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        with gr.Blocks(
            title='mmavs: which objects make the sound?',
            analytics_enabled=False,
            fill_width=True,
            # Uploads of visitors whose browser was not closed: seconds
            # between two checks, and the greatest age.
            delete_cache=(600, 3600),
        ) as self.blocks:
            self._connect(Components(service))
        self.blocks.queue(max_size=_MAX_WAITING, api_open=False)

    def _connect(self, ui: Components) -> None:
        shown = [ui.status, ui.result, ui.timeline, ui.events]
        looks = [ui.threshold, ui.opacity]
        # One visitor at a time uses the model; the others queue.
        model: dict[str, Any] = dict(
            concurrency_id='model', concurrency_limit=1
        )
        files: dict[str, Any] = dict(
            concurrency_id='files', concurrency_limit=4
        )
        progress: dict[str, Any] = dict(
            show_progress='full', show_progress_on=ui.status
        )
        private: dict[str, Any] = dict(api_visibility='private')
        gr.on(
            [ui.upload.upload, ui.upload.stop_recording],
            self._on_upload,
            ui.upload,
            [*shown, ui.comparison, ui.sample],
            **files, **progress, **private,
        )  # fmt: skip
        ui.upload.clear(
            self._on_clear, None, [*shown, ui.comparison], **private
        )
        ui.sample.select(
            self._on_sample,
            ui.sample,
            [*shown, ui.comparison, ui.upload],
            **files, **progress, **private,
        )  # fmt: skip
        run = ui.segment.click(
            self._on_segment,
            [ui.model, ui.rate, *looks],
            [*shown, ui.comparison],
            **model, **progress, **private,
        )  # fmt: skip
        redraw = gr.on(
            [ui.threshold.release, ui.opacity.release],
            self._on_look,
            looks,
            shown,
            trigger_mode='always_last',
            **files, **progress, **private,
        )  # fmt: skip
        compare = ui.compare.click(
            self._on_compare,
            [ui.sound, ui.other],
            [ui.status, ui.comparison],
            **model, **progress, **private,
        )  # fmt: skip
        ui.sound.change(
            lambda name: gr.Video(visible=SOUND_NAMES[name] == 'other'),
            ui.sound,
            ui.other,
            queue=False,
            **private,
        )
        ui.cancel.click(
            self._on_cancel,
            None,
            ui.status,
            cancels=[run, redraw, compare],
            queue=False,
            **private,
        )
        self.blocks.unload(self._on_unload)

    def _on_upload(self, upload: str, request: gr.Request) -> tuple:
        return (*self._receive(Path(upload), request), None)

    def _on_sample(self, name: str, request: gr.Request) -> tuple:
        return (*self._receive(name, request), None)

    def _receive(self, given: Path | str, request: gr.Request) -> tuple:
        session = _session(request)
        try:
            video, original, _ = self._service.receive(session, given)
        except RefusedError as error:
            return html.status(str(error), is_error=True), '', *_NO_RESULTS
        facts = video.facts
        text = (
            f'{facts.path.name}: {facts.width}x{facts.height}, '
            f'{facts.fps:.4g} frames per second, {facts.duration:.1f} s. '
            'Press "Segment".'
        )
        token = self._service.visits.of(session).token
        address = html.address(token, original)
        shown = html.players(html.player('Original', address))
        return html.status(text), shown, *_NO_RESULTS

    def _on_clear(self, request: gr.Request) -> tuple:
        if not self._service.clear_upload(_session(request)):
            return _unchanged(5)
        return html.status(FIRST_STEP), '', *_NO_RESULTS

    def _on_segment(
        self,
        model: str,
        rate: str,
        threshold: float,
        opacity: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way
    ) -> tuple:
        with _status_on_failure() as failed:
            done = self._service.segment(
                _session(request),
                model=model,
                mask_rate=RATES[rate],
                look=Look(threshold, opacity),
                on_progress=progress,
            )
            return (*self._show(done, request), '')
        return (failed[0], *_unchanged(4))

    def _on_look(
        self,
        threshold: float,
        opacity: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple:
        with _status_on_failure() as failed:
            done = self._service.render(
                _session(request),
                look=Look(threshold, opacity),
                on_progress=progress,
            )
            return _unchanged(4) if done is None else self._show(done, request)
        return (failed[0], *_unchanged(3))

    def _on_compare(
        self,
        sound: str,
        other: str | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple:
        with _status_on_failure() as failed:
            done = self._service.compare(
                _session(request),
                sound=SOUND_NAMES[sound],
                other=None if other is None else Path(other),
                on_progress=progress,
            )
            token = self._service.visits.of(_session(request)).token
            shown = html.comparison(token, done, sound)
            return html.status('Compared.'), shown
        return failed[0], gr.skip()

    def _on_cancel(self, request: gr.Request) -> str:
        self._service.cancel(_session(request))
        return html.status('Cancelled.')

    def _on_unload(self, request: gr.Request) -> None:
        self._service.visits.end(_session(request))

    def _show(self, done: Result, request: gr.Request) -> tuple:
        visit = self._service.visits.of(_session(request))
        token, video = visit.token, visit.video
        assert video is not None
        found, rendering = done.segmentation, done.rendering
        number = len(rendering.events)
        events = 'one event' if number == 1 else f'{number} events'
        return (
            html.status(f'{len(found.masks)} masks, {events}.'),
            html.result(token, video.original, rendering),
            html.timeline(token, rendering),
            html.events(found, rendering.events),
        )


def _session(request: gr.Request) -> str:
    assert request.session_hash is not None
    return request.session_hash


def _unchanged(number: int) -> tuple:
    return (gr.skip(),) * number


@contextmanager
def _status_on_failure() -> Iterator[list[str]]:
    """Turn a refusal or a cancellation into the text of the status."""
    text: list[str] = []
    try:
        yield text
    except RefusedError as error:
        text.append(html.status(str(error), is_error=True))
    except Cancelled:
        text.append(html.status('Cancelled.'))
