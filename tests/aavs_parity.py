"""Our side of the comparison with the published AAVS.

Both sides give a dictionary of the same entries, see :func:`our_outputs`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from aavs_seeded import (
    STAGE1_KEYS,
    RepeatedPoints,
    load_keys,
    seeded_audio,
    seeded_frames,
    seeded_masks,
    seeded_state_dict,
)
from mmavs.structures import ClipFeatures
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / 'configs' / 'aavs' / 'aavs_swin-b_1xb1-60e_s4-384x384.py'
CONVERTERS = ROOT / 'tools' / 'model_converters'
LOSS_NAMES = ('loss_cls', 'loss_mask', 'loss_dice')


def import_converter(name: str):
    """Import a file of ``tools/model_converters`` as the tools do.

    Args:
        name (str): Module name.

    Returns:
        ModuleType: The module.
    """
    sys.path.insert(0, str(CONVERTERS))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(CONVERTERS))


def build_aavs() -> nn.Module:
    """Build the paper's S4 model, with whatever weights come by default.

    Returns:
        nn.Module: In evaluation mode.
    """
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(Config.fromfile(CONFIG).model).eval()


def load_seeded(model: nn.Module) -> dict[str, str]:
    """Load the seeded published weights into a model of ours.

    Args:
        model (nn.Module): From :func:`build_aavs`.

    Returns:
        dict[str, str]: Our name of each published tensor that was not joined
        with others.
    """
    source = seeded_state_dict(load_keys(STAGE1_KEYS))
    table = import_converter('aavs').TABLE
    convert = import_converter('name_table').convert
    weights, report = convert(source, table)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(name.startswith('audio_backbone.') for name in missing)
    return {
        names[0]: ours
        for ours, names in report.moved.items()
        if len(names) == 1
    }


def clip_samples(masks: Tensor) -> list[SegDataSample]:
    """Wrap the labels of a clip as the data set does.

    Args:
        masks (Tensor): (T, 224, 224) class ids.

    Returns:
        list[SegDataSample]: T samples.
    """
    meta = dict(
        ori_shape=(224, 224), img_shape=(384, 384), pad_shape=(384, 384)
    )
    samples = []
    for mask in masks:
        sample = SegDataSample(metainfo=meta)
        sample.gt_sem_seg = PixelData(data=mask[None])
        samples.append(sample)
    return samples


def our_outputs(model: nn.Module, num_frames: int, monkeypatch) -> dict:
    """Run our model on the seeded clip.

    Args:
        model (nn.Module): With seeded weights, in evaluation mode.
        num_frames (int): T.
        monkeypatch (pytest.MonkeyPatch): Replaces ``torch.rand`` while the
            losses are computed.

    Returns:
        dict: ``pixels`` (T, 3, 384, 384), ``backbone_{0..3}``,
        ``mask_feature``, ``memory_{0..2}``, ``cls`` (10, T, 30, 3), ``mask``
        (10, T, 30, 96, 96), ``scores`` (T, 2, 224, 224) and ``losses``
        (10, 3), weighted; in the order of the predictions.
    """
    samples = clip_samples(seeded_masks(num_frames))
    # The embeddings are seeded: no sound is read, so the rows are only there
    # for the preprocessor to check.
    data = model.data_preprocessor(
        dict(
            inputs=dict(
                frames=[seeded_frames(num_frames)],
                log_mel=[torch.zeros(num_frames, 1, 96, 64)],
            ),
            data_samples=[_numbered(samples)],
        )
    )
    pixels, samples = data['inputs']['frames'], data['data_samples']
    visual = tuple(model.backbone(pixels))
    head = model.decode_head
    mask_feature, memories = head.pixel_decoder(list(visual))
    features = ClipFeatures(
        visual=visual,
        audio_embed=seeded_audio(num_frames),
        mask_prior=None,
        num_frames=(num_frames,),
    )
    cls_scores, mask_logits = head(features)
    metas = [sample.metainfo for sample in samples]
    scores = head.predict(features, metas, model.test_cfg)
    predicted = model.postprocess_result(scores, samples)
    with monkeypatch.context() as patch:
        patch.setattr(torch, 'rand', RepeatedPoints(num_frames))
        losses = head.loss(features, samples, model.train_cfg)
    return {
        'pixels': pixels,
        **{f'backbone_{i}': x for i, x in enumerate(visual)},
        'mask_feature': mask_feature,
        **{f'memory_{i}': x for i, x in enumerate(memories)},
        'cls': torch.stack(cls_scores),
        'mask': torch.stack(mask_logits),
        'scores': torch.stack([s.seg_logits.data for s in predicted]),
        'losses': torch.stack(
            [
                torch.cat([losses[f'{prefix}{n}'].view(1) for n in LOSS_NAMES])
                for prefix in (*(f'd{i}.' for i in range(9)), '')
            ]
        ),
    }


def thin_out(outputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Keep few enough numbers to store: see ``tests/data/aavs``.

    Class scores and losses are kept in full; of maps one pixel in a square
    of the grid below, and the mean and the mean square of every mask, which
    every pixel enters.

    Args:
        outputs (dict[str, Tensor]): From :func:`our_outputs`.

    Returns:
        dict[str, np.ndarray]: float32.
    """
    kept = {
        'cls': outputs['cls'],
        'losses': outputs['losses'],
        'mask': outputs['mask'][..., 3::16, 5::16],
        'mask_mean': outputs['mask'].mean((-2, -1)),
        'mask_mean_square': outputs['mask'].square().mean((-2, -1)),
        'scores': outputs['scores'][..., 3::16, 5::16],
        'pixels': outputs['pixels'][..., 3::48, 5::48],
        'mask_feature': outputs['mask_feature'][:, ::8, 3::24, 5::24],
    }
    for name in [*(f'backbone_{i}' for i in range(4)), 'memory_0']:
        pixels = outputs[name].flatten(2)
        kept[name] = pixels[:, ::16, :: max(1, pixels.shape[-1] // 12)]
    return {
        name: tensor.detach().numpy().astype(np.float32)
        for name, tensor in kept.items()
    }


def _numbered(samples: list[SegDataSample]) -> list[SegDataSample]:
    for index, sample in enumerate(samples):
        sample.set_metainfo(dict(frame_index=index, clip_id='seeded'))
    return samples
