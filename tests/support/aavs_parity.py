"""The mmavs side of the comparison with the published AAVS.

Both sides return a dictionary with the same entries, see :func:`our_outputs`.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmavs.converters.aavs import TABLES
from mmavs.converters.name_table import convert
from mmavs.datasets.mask_prior_option import MaskPriorOption
from mmavs.datasets.transforms import LoadMaskPrior
from mmavs.structures import ClipFeatures
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from PIL import Image
from torch import Tensor, nn

from support.aavs_seeded import (
    DATA_DIR,
    STAGE1_KEYS,
    STAGE2_KEYS,
    RepeatedPoints,
    load_keys,
    seeded_audio,
    seeded_classes,
    seeded_frames,
    seeded_masks,
    seeded_prior,
    seeded_state_dict,
)
from support.float64 import Side, double_precision, gradients, without_graph
from support.uninitialised import Uninitialised

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs'
FLOAT64 = DATA_DIR / 'float64.json'
#: T in float64, where a frame takes gigabytes.
FLOAT64_FRAMES = 1
LOSS_NAMES = ('loss_cls', 'loss_mask', 'loss_dice')


class Stage(NamedTuple):
    """What is compared of one of the paper's stages.

    Attributes:
        number (int): 1 or 2.
        config (Path): Ours.
        keys (Path): Names and shapes of the published checkpoint.
        fixture (Path): Stored numbers of the published code.
        num_queries (int): Q.
        num_classes (int): K, "no object" not counted.
        trained (tuple[int, int]): Parameters that the published code trains
            in its first and second phase.
        kept_queries (slice): Queries whose numbers are stored.
        gains (dict[str, float]): See :func:`seeded_state_dict`.
    """

    number: int
    config: Path
    keys: Path
    fixture: Path
    num_queries: int
    num_classes: int
    trained: tuple[int, int]
    kept_queries: slice
    gains: dict[str, float]

    def labels(self, num_frames: int) -> Tensor:
        """Truth of the seeded clip: (T, 224, 224) class ids."""
        if self.number == 1:
            return seeded_masks(num_frames)
        return seeded_classes(num_frames)


STAGE_ONE = Stage(
    number=1,
    config=CONFIGS / 'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py',
    keys=STAGE1_KEYS,
    fixture=DATA_DIR / 'stage1_expected.npz',
    num_queries=30,
    num_classes=2,
    trained=(709_827, 7_719_491),
    kept_queries=slice(None),
    gains={},
)
STAGE_TWO = Stage(
    number=2,
    config=CONFIGS
    / 'stepping_stones/aavs_swin-b_stage2_1xb1-60e_avss-384x384.py',
    keys=STAGE2_KEYS,
    fixture=DATA_DIR / 'stage2_expected.npz',
    num_queries=100,
    num_classes=71,
    trained=(738_568, 7_748_232),
    kept_queries=slice(3, None, 12),
    # Otherwise a decoder of random weights gives equal queries, and one class
    # fills every frame.
    gains={
        r'transformer_module.*(cross_attn\.out_proj|avs_adapt\.2|fc2)': 0.1,
        r'class_predictor\.weight': 4,
    },
)


def build_aavs(stage: Stage = STAGE_ONE) -> nn.Module:
    """Build the paper's model without drawing its weights.

    Args:
        stage (Stage): Which of the two.

    Returns:
        nn.Module: In evaluation mode.
    """
    with DefaultScope.overwrite_default_scope('mmseg'), Uninitialised():
        return MODELS.build(Config.fromfile(stage.config).model).eval()


def converted(source: dict[str, Tensor], stage: Stage) -> tuple:
    """Convert tensors of a published checkpoint to ours.

    Args:
        source (dict[str, Tensor]): With all keys of ``stage.keys``.
        stage (Stage): Which of the two.

    Returns:
        tuple: The tensors by our names, and the converter's report.
    """
    return convert(source, TABLES[stage.number])


def load_seeded(model: nn.Module, stage: Stage) -> dict[str, str]:
    """Load the seeded published weights into a model of ours.

    Args:
        model (nn.Module): From :func:`build_aavs`.
        stage (Stage): The same.

    Returns:
        dict[str, str]: Our name of each published tensor that was not joined
        with others.
    """
    source = seeded_state_dict(load_keys(stage.keys), gains=stage.gains)
    weights, report = converted(source, stage)
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


def write_seeded_prior(root: Path, num_frames: int) -> Path:
    """Write the seeded prior as stage one's masks of a clip.

    Args:
        root (Path): The dump.
        num_frames (int): T.

    Returns:
        Path: The clip's folder, ``root/v2/seeded`` with T PNG files.
    """
    folder = root / 'v2' / 'seeded'
    folder.mkdir(parents=True, exist_ok=True)
    for t, mask in enumerate(seeded_prior(num_frames)):
        Image.fromarray(mask).save(folder / f'{t}.png')
    return folder


def read_prior(folder: Path, num_frames: int) -> Tensor:
    """Read a clip's prior through the transform.

    Args:
        folder (Path): From :func:`write_seeded_prior`.
        num_frames (int): T.

    Returns:
        Tensor: (T, 1, 224, 224).
    """
    paths = [str(folder / f'{t}.png') for t in range(num_frames)]
    option = MaskPriorOption('files')
    clip = LoadMaskPrior()(
        dict(mask_prior_paths=paths, mask_prior_option=option)
    )
    return torch.from_numpy(clip['mask_prior'])[:, None]


def our_outputs(
    model: nn.Module,
    stage: Stage,
    num_frames: int,
    monkeypatch,
    prior: Tensor | None = None,
) -> dict:
    """Run our model on the seeded clip.

    Args:
        model (nn.Module): With seeded weights, in evaluation mode.
        stage (Stage): Which of the two it is.
        num_frames (int): T.
        monkeypatch (pytest.MonkeyPatch): Replaces ``torch.rand`` while the
            losses are computed.
        prior (Tensor | None): (T, 1, h, w), stage two only.

    Returns:
        dict: ``pixels`` (T, 3, 384, 384), ``backbone_{0..3}``,
        ``mask_feature``, ``memory_{0..2}``, ``cls`` (10, T, Q, K + 1),
        ``mask`` (10, T, Q, 96, 96), ``losses`` (10, 3), weighted; in the
        order of the predictions; and of the first stage ``scores``
        (T, 2, 224, 224), of the second ``semantic`` (T, 224, 224).
    """
    samples = clip_samples(stage.labels(num_frames))
    # The embeddings are seeded: no sound is read, so the rows are only there
    # for the preprocessor to check.
    data = model.data_preprocessor(
        dict(
            inputs=dict(
                frames=[seeded_frames(num_frames)],
                audio=[torch.zeros(num_frames, 1, 96, 64)],
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
        mask_prior=prior,
        num_frames=(num_frames,),
    )
    cls_scores, mask_logits = head(features)

    def once(given: ClipFeatures, data_samples: list | None = None) -> tuple:
        assert given is features
        return cls_scores, mask_logits

    metas = [sample.metainfo for sample in samples]
    with monkeypatch.context() as patch:
        # Predictions and losses come from the same pass.
        patch.setattr(head, 'forward', once)
        scores = head.predict(features, metas, model.test_cfg)
        patch.setattr(torch, 'rand', RepeatedPoints(num_frames))
        losses = head.loss(features, samples, model.train_cfg)
    predicted = model.postprocess_result(scores, samples)
    return {
        'pixels': pixels,
        **{f'backbone_{i}': x for i, x in enumerate(visual)},
        'mask_feature': mask_feature,
        **{f'memory_{i}': x for i, x in enumerate(memories)},
        'cls': torch.stack(cls_scores),
        'mask': torch.stack(mask_logits),
        **(
            {'scores': torch.stack([s.seg_logits.data for s in predicted])}
            if stage.number == 1
            else {
                'semantic': torch.cat([s.pred_sem_seg.data for s in predicted])
            }
        ),
        'losses': torch.stack(
            [
                torch.cat([losses[f'{prefix}{n}'].view(1) for n in LOSS_NAMES])
                for prefix in (*(f'd{i}.' for i in range(9)), '')
            ]
        ),
    }


def our_float64_side(stage: Stage, *, with_gradients: bool = True) -> Side:
    """Compute our outputs and all gradients in float64.

    Args:
        stage (Stage): Which of the two.
        with_gradients (bool): False leaves the gradients out, which take
            most of the time.

    Returns:
        Side: Outputs, and the gradients of the sum of the losses.
    """
    with (
        double_precision(),
        torch.set_grad_enabled(with_gradients),
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as root,
    ):
        model = build_aavs(stage)
        load_seeded(model, stage)
        model.audio_backbone = nn.Identity()  # the audio input is embeddings
        prior = None
        if stage.number == 2:
            folder = write_seeded_prior(Path(root), FLOAT64_FRAMES)
            prior = read_prior(folder, FLOAT64_FRAMES).double()
        outputs = our_outputs(model, stage, FLOAT64_FRAMES, patch, prior)
        if stage.number == 2:
            outputs['semantic'] = outputs['semantic'].double()
        if not with_gradients:
            return outputs, {}
        grads = gradients(model, outputs['losses'].sum())
        return without_graph(outputs), grads


def thin_out(
    outputs: dict[str, Tensor], stage: Stage
) -> dict[str, np.ndarray]:
    """Keep few enough numbers to store: see ``tests/data/aavs``.

    Losses and the semantic map are kept in full; of class scores those of
    ``stage.kept_queries``, and in stage two the mean of all queries; of maps
    one pixel in a square of the grid below, and the mean and the mean square
    of every mask, which every pixel enters.

    Args:
        outputs (dict[str, Tensor]): From :func:`our_outputs`.
        stage (Stage): Which of the two they are of.

    Returns:
        dict[str, np.ndarray]: float32; ids uint8.
    """
    queries = stage.kept_queries
    kept = {
        'cls': outputs['cls'][:, :, queries],
        'losses': outputs['losses'],
        'mask': outputs['mask'][:, :, queries, 3::16, 5::16],
        'mask_mean': outputs['mask'].mean((-2, -1)),
        'mask_mean_square': outputs['mask'].square().mean((-2, -1)),
        'pixels': outputs['pixels'][..., 3::48, 5::48],
        'mask_feature': outputs['mask_feature'][:, ::8, 3::24, 5::24],
    }
    if stage.number == 1:
        kept['scores'] = outputs['scores'][..., 3::16, 5::16]
    else:
        kept['cls_mean'] = outputs['cls'].mean(2)
    for name in [*(f'backbone_{i}' for i in range(4)), 'memory_0']:
        pixels = outputs[name].flatten(2)
        kept[name] = pixels[:, ::16, :: max(1, pixels.shape[-1] // 12)]
    thin = {
        name: tensor.detach().numpy().astype(np.float32)
        for name, tensor in kept.items()
    }
    if stage.number == 2:
        thin['semantic'] = outputs['semantic'].numpy().astype(np.uint8)
    return thin


def _numbered(samples: list[SegDataSample]) -> list[SegDataSample]:
    for index, sample in enumerate(samples):
        sample.set_metainfo(dict(frame_index=index, clip_id='seeded'))
    return samples
