"""A model without trained weights that uses both audio and frames."""

from pathlib import Path

import mmavs  # noqa: F401  registers the transforms
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch.nn.functional import interpolate


@MODELS.register_module()
class HearingStub(BaseModel):
    """Marks the right half of every frame whose second of audio is loud.

    It has two channels, as AAVS: S0 = 0, and S1 = loudness where the frame is
    marked and -10 elsewhere. Its inputs are kept in ``seen``. If it needs a
    prior, it marks the frames in which the prior marks a pixel instead. With
    ``marks_bright`` it marks the bright pixels instead of the right half.
    """

    def __init__(
        self,
        data_preprocessor=None,
        num_channels=2,
        needs_prior=False,
        marks_bright=False,
    ):
        super().__init__(data_preprocessor=data_preprocessor)
        self.needs_prior = needs_prior
        self.marks_bright = marks_bright
        self.num_channels = num_channels
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.seen = []

    def forward(self, inputs, data_samples=None, mode='predict'):
        assert mode == 'predict'
        assert not self.training
        self.seen.append(inputs)
        # Silence is ln 0.01 = -4.6; a tone is far louder.
        loudness = inputs['audio'].mean((1, 2, 3)) + 4
        if self.needs_prior:
            loudness = 4 * inputs['mask_prior'].amax((1, 2, 3)) - 2
        grey = inputs['frames'].mean(1, keepdim=True)
        for sample, loud, frame in zip(
            data_samples, loudness, grey, strict=True
        ):
            height, width = sample.ori_shape
            logits = torch.full((self.num_channels, height, width), -10.0)
            logits[0] = 0
            marked = torch.arange(width).expand(height, -1) >= width // 2
            if self.marks_bright:
                sized = interpolate(frame[None], (height, width))
                marked = sized[0, 0] > 0
            logits[-1, marked] = loud * self.weight.detach()
            mask = logits.argmax(0, keepdim=True)
            sample.seg_logits = PixelData(data=logits)
            sample.pred_sem_seg = PixelData(data=mask)
        return data_samples


def stub_config(**dataset) -> Config:
    """Config of the stub; ``dataset`` overrides the test data set's."""
    pipeline = [
        dict(type='LoadClipFrames'),
        dict(type='LoadClipMasks', label='binary', size=(24, 24)),
        dict(type='LoadWaveform', sample_rate=16000),
        dict(type='LogMel', cache_dir='never_made'),
        dict(type='ClipResize', frame_size=(32, 40), mask_size=(24, 24)),
        dict(type='PackClip'),
    ]
    return Config(
        dict(
            default_scope='mmseg',
            model=dict(
                type='HearingStub',
                data_preprocessor=dict(type='AVSDataPreprocessor'),
            ),
            test_dataloader=dict(
                dataset=dict(
                    type='AVSBenchDataset',
                    split='test',
                    **{'task': 'ms3', 'pipeline': pipeline, **dataset},
                )
            ),
        )
    )


def write_stub(folder: Path, **dataset) -> tuple[Path, Path]:
    """Write the stub's config and checkpoint; give their paths."""
    config, checkpoint = folder / 'stub.py', folder / 'stub.pth'
    stub_config(**dataset).dump(config)
    torch.save(dict(state_dict=dict(weight=torch.ones(1))), checkpoint)
    return config, checkpoint
