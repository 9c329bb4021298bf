"""Small models from the project's own configs."""

from pathlib import Path

import mmavs  # noqa: F401  registers everything
import torch
from mmavs.structures import ClipFeatures
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

ROOT = Path(__file__).parents[2]
TINY_CONFIG = ROOT / 'configs/synthetic/aavs_tiny_ms3-96x96.py'


def tiny_config() -> ConfigDict:
    """Model config of the demo."""
    return Config.fromfile(TINY_CONFIG).model


def build(model_cfg: ConfigDict, seed: int = 0) -> torch.nn.Module:
    """Build and initialise a model reproducibly, in evaluation mode."""
    init_default_scope('mmseg')
    torch.manual_seed(seed)
    model = MODELS.build(model_cfg)
    model.init_weights()
    model.eval()
    return model


def random_features(
    channels: list[int], num_frames: tuple[int, ...] = (2, 3), seed: int = 0
) -> ClipFeatures:
    """Features of random frames of 64x64 pixels and of random sound."""
    generator = torch.Generator().manual_seed(seed)
    total = sum(num_frames)
    visual = tuple(
        torch.randn(total, c, 16 >> i, 16 >> i, generator=generator)
        for i, c in enumerate(channels)
    )
    audio = torch.randn(total, 128, generator=generator)
    return ClipFeatures(visual, audio, None, num_frames)


def samples_of(masks: torch.Tensor, size: int = 64) -> list[SegDataSample]:
    """Data samples with truth ``masks`` (N, h, w) and frames of ``size``."""
    shape = tuple(masks.shape[-2:])
    meta = dict(
        ori_shape=shape, img_shape=(size, size), pad_shape=(size, size)
    )
    samples = []
    for mask in masks:
        sample = SegDataSample(metainfo=meta)
        sample.gt_sem_seg = PixelData(data=mask[None].long())
        samples.append(sample)
    return samples
