"""What the page shows, made with Gradio."""

from __future__ import annotations

import gradio as gr
from mmavs.video import MaskRate
from mmavs.web import Service, Sound
from web_page import html

SOUND_NAMES: dict[str, Sound] = {
    'Muted': 'muted',
    'Noise, as loud as its sound': 'noise',
    'Sound of another video': 'other',
}
RATES: dict[str, MaskRate] = {
    '1 (as published)': 1,
    '5': 5,
    'every frame': 'full',
}
#: Otherwise a camera's largest picture is recorded.
_CAMERA = dict(width=dict(ideal=1280), height=dict(ideal=720))
FIRST_STEP = 'Upload or record a video, or pick a sample.'


class Components:
    """Add the components to the page that is being made.

    Args:
        service (Service): Knows the models, the samples and the limits.
    """

    def __init__(self, service: Service) -> None:
        gr.HTML(
            '<h1>Which objects make the sound?</h1><p>Audio-visual '
            'segmentation marks the pixels of the objects in a video that '
            'can be heard.</p>',
            elem_id='title',
        )
        with gr.Row():
            with gr.Column(scale=1, min_width=320):
                self._add_inputs(service)
            with gr.Column(scale=3, min_width=480):
                self._add_results()

    def _add_inputs(self, service: Service) -> None:
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
            f'<p class="limits">Videos of {service.limits}, with sound. '
            'Your files are deleted when you close or reload the page.</p>'
        )
        self.sample = gr.Dropdown(
            list(service.samples),
            value=None,
            label='Or a sample',
            visible=bool(service.samples),
            elem_id='sample',
        )
        names = service.models.names
        self.model = gr.Dropdown(
            names, value=names[0], label='Model', elem_id='model'
        )
        self.rate = gr.Radio(
            list(RATES),
            value=next(iter(RATES)),
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
            html.status(FIRST_STEP),
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
                        list(SOUND_NAMES),
                        value=next(iter(SOUND_NAMES)),
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
