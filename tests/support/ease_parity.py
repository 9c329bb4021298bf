"""The mmavs side of the comparison with the published EASE.

Networks, weights and inputs are those of ``ease_cases``; the weights pass
through the converter. The audio input is embeddings. Both sides return a
dictionary with the same entries, see :func:`our_outputs`. The Gumbel noise,
which both sides draw by the same function, is left out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from mmavs.converters.ease import convert_ease
from mmavs.structures import ClipFeatures
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from support.aavs_seeded import RepeatedPoints
from support.ease_cases import (
    DATA,
    MEAN,
    NUM_FRAMES,
    STD,
    Case,
    channels,
    published_keys,
)
from support.float64 import Side, double_precision, gradients, without_graph
from support.tiny_ease import CONFIG

FLOAT64 = DATA / 'float64.json'
PVT_CONFIG = CONFIG.with_name('ease_pvtv2-b5.py')
_LOSSES = ('loss_cls', 'loss_mask', 'loss_dice')


@contextmanager
def without_noise(num_frames: int = NUM_FRAMES) -> Iterator[None]:
    """Softmax in place of Gumbel's; the same points and masked queries."""

    def softmax(
        logits: Tensor, tau: float = 1, hard: bool = False, dim: int = -1
    ) -> Tensor:
        assert tau == 1
        assert not hard
        return logits.softmax(dim)

    with (
        mock.patch.object(torch.nn.functional, 'gumbel_softmax', softmax),
        mock.patch.object(torch, 'rand', RepeatedPoints(num_frames)),
    ):
        yield


def build_ease(case: Case) -> nn.Module:
    """Build our preprocessor, backbone and head with the seeded weights.

    Args:
        case (Case): Which.

    Returns:
        nn.Module: With the children ``backbone`` and ``decode_head``.
    """
    config = Config.fromfile(PVT_CONFIG if case.pvt else CONFIG).model
    head: Any = config.decode_head
    if case.pvt:
        _shrink_pvt(config, case)
    else:
        config.backbone.update(arch=case.sizes, rope_rescale=None)
        head.arch = case.sizes
    head.update(
        num_classes=case.num_classes,
        num_queries=case.num_queries,
        audio_dims=case.audio_dims,
        dropout=0.0,
    )
    # The published choice, so that ties are broken as there.
    head.audio_enhancer.update(
        num_clusters=case.num_clusters, select='distance'
    )
    head.loss_cls.class_weight = [1.0] * case.num_classes + [0.1]
    head.train_cfg.num_points = case.num_points
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = nn.ModuleDict(
            dict(
                backbone=MODELS.build(config.backbone),
                decode_head=MODELS.build(head),
            )
        )
    weights, _ = convert_ease(case.weights(published_keys(case)), None)
    model.load_state_dict(weights, strict=True)
    return model.train(case.training)


def _shrink_pvt(config: Any, case: Case) -> None:
    """Set the sizes of :func:`_with_few_blocks` in backbone and head."""
    width = case.sizes['embed_dims']
    if width == 64:
        return
    config.backbone.update(
        embed_dims=width,
        num_layers=(1, 1, case.sizes['num_layers'], 1),
        num_heads=(1, 2, 4, 8),
    )
    config.decode_head.arch = dict(
        embed_dims=4 * width,
        num_heads=4,
        mlp_channels=16 * width,
        sr_ratio=2,
    )


def our_outputs(model: nn.Module, case: Case) -> dict[str, Tensor]:
    """Run our network and its losses.

    Args:
        model (nn.Module): From :func:`build_ease`.
        case (Case): The same.

    Returns:
        dict[str, Tensor]: ``classes`` (P, N, Q, K + 1) and ``masks``
        (P, N, Q, h, w) of P predictions; in training ``losses`` (P, 3),
        weighted: classes, masks, dice.
    """
    mean = 255 * channels(MEAN)
    std = 255 * channels(STD)
    pixels = (case.frames().to(mean.dtype) - mean) / std
    features = ClipFeatures(
        visual=tuple(model['backbone'](pixels)),
        audio_embed=case.audio(),
        mask_prior=None,
        num_frames=(NUM_FRAMES,),
    )
    head = model['decode_head']
    with without_noise():
        classes, masks = head(features)
    outputs = dict(classes=torch.stack(classes), masks=torch.stack(masks))
    if case.training:
        with without_noise():
            losses = head.loss(features, _samples(case), None)
        prefixes = [f'd{i}.' for i in range(len(classes) - 1)]
        outputs['losses'] = torch.stack(
            [
                torch.cat([losses[f'{prefix}{n}'].view(1) for n in _LOSSES])
                for prefix in (*prefixes, '')
            ]
        )
    return outputs


def _samples(case: Case) -> list[SegDataSample]:
    samples = []
    for mask in case.truth():
        sample = SegDataSample(metainfo=dict(img_shape=case.frame_size))
        sample.gt_sem_seg = PixelData(data=mask[None])
        samples.append(sample)
    return samples


def our_float64_side(case: Case) -> Side:
    """Compute our outputs and all gradients in float64.

    Args:
        case (Case): Which.

    Returns:
        Side: Outputs, and the gradients of the sum of the losses.
    """
    with double_precision():
        model = build_ease(case).double()
        outputs = our_outputs(model, case)
        grads = gradients(model, outputs['losses'].sum())
        return without_graph(outputs), grads
