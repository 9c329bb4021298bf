"""The stub of a model, which counts its runs and can take its time."""

import time
from pathlib import Path

from mmseg.registry import MODELS
from support.hearing_stub import HearingStub


@MODELS.register_module()
class CountingStub(HearingStub):
    """Writes a line to ``runs`` for each run, then waits for ``seconds``."""

    def __init__(self, runs, seconds=0.0, **kwargs):
        super().__init__(**kwargs)
        self.runs = Path(runs)
        self.seconds = seconds

    def forward(self, inputs, data_samples=None, mode='predict'):
        with open(self.runs, 'a', encoding='utf-8') as file:
            file.write(f'{len(data_samples)} frames\n')
        time.sleep(self.seconds)
        return super().forward(inputs, data_samples, mode)
