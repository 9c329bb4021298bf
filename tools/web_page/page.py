"""The page, made with Gradio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from mmavs.video import MaskRate
from mmavs.web import Cancelled, Look, RefusedError, Result, Service, Sound
from web_page import html

_SOUND_NAMES: dict[str, Sound] = {
    'Muted': 'muted',
    'Noise, as loud as its sound': 'noise',
    'Sound of another video': 'other',
}
_RATES: dict[str, MaskRate] = {
    '1 (as published)': 1,
    '5': 5,
    'every frame': 'full',
}
#: Otherwise a camera's largest picture is recorded.
_CAMERA = dict(width=dict(ideal=1280), height=dict(ideal=720))
_FIRST_STEP = 'Upload or record a video, or pick a sample.'
#: Timeline, events and comparison without results.
_NO_RESULTS = (html.NOTHING_YET, html.NOTHING_YET, '')
#: Visitors that may wait for the model.
_MAX_WAITING = 20


class Page:
    """Components of the page and what happens on events.

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
            self._add_components()
            self._connect()
        self.blocks.queue(max_size=_MAX_WAITING, api_open=False)

    def _add_components(self) -> None:
        gr.HTML(
            '<h1>Which objects make the sound?</h1><p>Audio-visual '
            'segmentation marks the pixels of the objects in a video that '
            'can be heard.</p>',
            elem_id='title',
        )
        with gr.Row():
            with gr.Column(scale=1, min_width=320):
                self._add_inputs()
            with gr.Column(scale=3, min_width=480):
                self._add_results()

    def _add_inputs(self) -> None:
        self.upload = gr.Video(
            label='Your video',
            sources=['upload', 'webcam'],
            height=280,
            webcam_options=gr.WebcamOptions(
                mirror=False, constraints=dict(video=_CAMERA, audio=True)
            ),
            elem_id='upload',
        )
        gr.HTML(
            f'<p class="limits">Videos of {self._service.limits}, with sound. '
            'Your files are deleted when you close or reload the page.</p>'
        )
        self.sample = gr.Dropdown(
            list(self._service.samples),
            value=None,
            label='Or a sample',
            visible=bool(self._service.samples),
            elem_id='sample',
        )
        names = self._service.models.names
        self.model = gr.Dropdown(
            names, value=names[0], label='Model', elem_id='model'
        )
        self.rate = gr.Radio(
            list(_RATES),
            value=next(iter(_RATES)),
            label='Masks per second',
            elem_id='rate',
        )
        with gr.Row():
            self.segment = gr.Button(
                'Segment',
                variant='primary',
                min_width=100,
                elem_id='segment',
            )
            self.cancel = gr.Button('Cancel', min_width=100, elem_id='cancel')
        self.threshold = gr.Slider(
            0,
            1,
            value=0.5,
            step=0.01,
            label='Threshold',
            info="0.50 shows the model's own masks",
            elem_id='threshold',
        )
        self.opacity = gr.Slider(
            0, 1, value=0.5, step=0.05, label='Opacity', elem_id='opacity'
        )

    def _add_results(self) -> None:
        self.status = gr.HTML(
            html.status(_FIRST_STEP),
            elem_id='status',
            min_height=56,
        )
        self.result = gr.HTML(elem_id='result')
        with gr.Tabs():
            with gr.Tab('Timeline'):
                self.timeline = gr.HTML(html.NOTHING_YET, elem_id='timeline')
            with gr.Tab('Events'):
                self.events = gr.HTML(html.NOTHING_YET, elem_id='events')
            with gr.Tab('Does it listen?', elem_id='listening'):
                gr.Markdown(
                    'Segment the same video with another sound. A model that '
                    'uses the sound then marks other pixels.'
                )
                with gr.Row():
                    self.sound = gr.Radio(
                        list(_SOUND_NAMES),
                        value=next(iter(_SOUND_NAMES)),
                        label='Other sound',
                        elem_id='sound',
                    )
                    self.other = gr.Video(
                        label='Video with the other sound',
                        sources=['upload'],
                        height=160,
                        visible=False,
                        elem_id='other',
                    )
                self.compare = gr.Button('Compare', elem_id='compare')
                self.comparison = gr.HTML(elem_id='comparison')

    def _connect(self) -> None:
        shown = [self.status, self.result, self.timeline, self.events]
        looks = [self.threshold, self.opacity]
        # One visitor at a time uses the model; the others queue.
        model: dict[str, Any] = dict(
            concurrency_id='model', concurrency_limit=1
        )
        files: dict[str, Any] = dict(
            concurrency_id='files', concurrency_limit=4
        )
        progress: dict[str, Any] = dict(
            show_progress='full', show_progress_on=self.status
        )
        private: dict[str, Any] = dict(api_visibility='private')
        gr.on(
            [self.upload.upload, self.upload.stop_recording],
            self._on_upload,
            self.upload,
            [*shown, self.comparison, self.sample],
            **files, **progress, **private,
        )  # fmt: skip
        self.upload.clear(
            self._on_clear, None, [*shown, self.comparison], **private
        )
        self.sample.select(
            self._on_sample,
            self.sample,
            [*shown, self.comparison, self.upload],
            **files, **progress, **private,
        )  # fmt: skip
        run = self.segment.click(
            self._on_segment,
            [self.model, self.rate, *looks],
            [*shown, self.comparison],
            **model, **progress, **private,
        )  # fmt: skip
        redraw = gr.on(
            [self.threshold.release, self.opacity.release],
            self._on_look,
            looks,
            shown,
            trigger_mode='always_last',
            **files, **progress, **private,
        )  # fmt: skip
        compare = self.compare.click(
            self._on_compare,
            [self.sound, self.other],
            [self.status, self.comparison],
            **model, **progress, **private,
        )  # fmt: skip
        self.sound.change(
            lambda name: gr.Video(visible=_SOUND_NAMES[name] == 'other'),
            self.sound,
            self.other,
            queue=False,
            **private,
        )
        self.cancel.click(
            self._on_cancel,
            None,
            self.status,
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
        return html.status(_FIRST_STEP), '', *_NO_RESULTS

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
                mask_rate=_RATES[rate],
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
                sound=_SOUND_NAMES[sound],
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
