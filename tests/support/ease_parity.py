"""The mmavs side of the comparison with the published EASE.

Weights and inputs are seeded, see ``aavs_seeded``; the weights pass through
the converter. The audio input is embeddings. Both sides return a dictionary
with the same entries, see :func:`our_outputs`. The Gumbel noise, which both
sides draw by the same function, is left out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
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

from support.aavs_seeded import (
    DATA_DIR,
    RepeatedPoints,
    load_keys,
    seeded_audio,
    seeded_classes,
    seeded_frames,
    seeded_masks,
    seeded_state_dict,
)
from support.float64 import Side, double_precision, gradients, without_graph
from support.tiny_ease import CONFIG

DATA = DATA_DIR.parent / 'ease'
FLOAT64 = DATA / 'float64.json'
NUM_FRAMES = 2
PVT_CONFIG = CONFIG.with_name('ease_pvtv2-b5.py')
_LOSSES = ('loss_cls', 'loss_mask', 'loss_dice')


class Case(NamedTuple):
    """A network and its input.

    Attributes:
        name (str): Of the case.
        sizes (dict[str, int]): Sizes of the Vision Transformer, as
            ``DinoViT(arch=...)`` takes them; of PVTv2 ``embed_dims`` of the
            first stage and ``num_layers`` of the third.
        frame_size (tuple[int, int]): H and W.
        num_classes (int): K.
        training (bool): Whether to predict before each joint block.
        num_queries (int): Q.
        num_clusters (int): Of the audio enhancer.
        audio_dims (int): Width E of the audio tokens.
        num_points (int): Sampled by matcher and losses.
        pvt (bool): PVTv2 in place of a Vision Transformer.
    """

    name: str
    sizes: dict[str, int]
    frame_size: tuple[int, int]
    num_classes: int
    training: bool = True
    num_queries: int = 100
    num_clusters: int = 71
    audio_dims: int = 320
    num_points: int = 12544
    pvt: bool = False

    @property
    def joint_blocks(self) -> int:
        """Blocks that run on queries."""
        return 6 if self.pvt else 4

    @property
    def blocked_shares(self) -> Tensor:
        """Shares of masked queries; 1 draws nothing."""
        shares = [1.0, 0.7, 0.3, 1.0, 0.5, 0.9]
        return torch.tensor(shares[: self.joint_blocks])

    def weights(self, keys: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
        """Draw the weights of a published checkpoint."""
        gains = {} if self.pvt else {r'layer_scale\d\.lambda1': 0.4}
        weights = seeded_state_dict(keys, gains=gains)
        weights['network.attn_mask_probs'] = self.blocked_shares
        weights['network.encoder.pixel_mean'] = _row(0.485, 0.456, 0.406)
        weights['network.encoder.pixel_std'] = _row(0.229, 0.224, 0.225)
        return weights

    def frames(self) -> Tensor:
        """(N, 3, H, W) uint8."""
        height, width = self.frame_size
        size = 16 * -(-max(self.frame_size) // 16)
        return seeded_frames(NUM_FRAMES, size)[..., :height, :width]

    def audio(self) -> Tensor:
        """(N, 128), not negative."""
        return seeded_audio(NUM_FRAMES).relu()

    def truth(self) -> Tensor:
        """(N, 224, 224) class ids."""
        if self.num_classes == 2:
            return seeded_masks(NUM_FRAMES)
        return seeded_classes(NUM_FRAMES)


def _row(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


_SMALL = dict(embed_dims=384, num_layers=12, num_heads=6, mlp_channels=1536)
_BASE = dict(embed_dims=768, num_layers=12, num_heads=12, mlp_channels=3072)
_TINY = dict(embed_dims=64, num_layers=6, num_heads=4, mlp_channels=128)
TINY = Case(
    'tiny',
    _TINY,
    (48, 64),
    71,
    num_queries=10,
    num_clusters=12,
    audio_dims=32,
    num_points=256,
)
TINY_PVT = Case(
    'tiny-pvt',
    dict(embed_dims=16, num_layers=8),
    (64, 64),
    71,
    num_queries=9,  # and 16 patches make 5 x 5 tokens
    num_clusters=12,
    audio_dims=64,
    num_points=256,
    pvt=True,
)
_PVT_B5 = dict(embed_dims=64, num_layers=40)
CASES = (
    TINY,
    TINY_PVT,
    Case('vit-s-224', _SMALL, (224, 224), 71),
    Case('vit-b-224', _BASE, (224, 224), 71),
    Case('vit-b-384-eval', _BASE, (384, 384), 2, training=False),
    Case('pvt-224', _PVT_B5, (224, 224), 71, num_queries=29, pvt=True),
    Case(
        'pvt-384-eval',
        _PVT_B5,
        (384, 384),
        2,
        training=False,
        num_queries=49,
        pvt=True,
    ),
)


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


def published_keys(case: Case) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published checkpoint of a case.

    Args:
        case (Case): Which.

    Returns:
        dict[str, tuple[int, ...]]: Those of ViT-B or PVTv2-B5 with other
        sizes.
    """
    if case.pvt:
        return _published_pvt_keys(case)
    keys = load_keys(DATA / 'vit-b_avss_keys.json')
    sizes = {
        768: case.sizes['embed_dims'],
        3072: case.sizes['mlp_channels'],
        320: case.audio_dims,
        960: 3 * case.audio_dims,
        1280: 4 * case.audio_dims,
        100: case.num_queries,
        72: case.num_classes + 1,
        71: case.num_clusters,
    }
    return {
        name: tuple(
            # The patch's and the kernel's sides, and 128 audio channels.
            sizes.get(n, n)
            for n in shape
        )
        for name, shape in keys.items()
        if _block(name) < case.sizes['num_layers']
        and name != 'criterion.empty_weight'
    }


def _published_pvt_keys(case: Case) -> dict[str, tuple[int, ...]]:
    keys = load_keys(DATA / 'pvtv2-b5_avss_keys.json')
    width = case.sizes['embed_dims']
    sizes = {
        **{64 * n: width * n for n in (1, 2, 4, 5, 8, 10, 15, 20)},
        29: case.num_queries,
        72: case.num_classes + 1,
        71: case.num_clusters,
    }
    if width != 64:  # 4, not 5 heads in the third stage
        sizes |= {320: 4 * width, 640: 8 * width, 1280: 16 * width}
        sizes |= {960: 12 * width}
    wanted: dict[str, tuple[int, ...]] = {}
    for name, shape in keys.items():
        if name == 'criterion.empty_weight':
            continue
        if name == 'network.audio_enhance.audio_proj.weight':
            wanted[name] = (sizes[320], 128)
            continue
        wanted[name] = tuple(sizes.get(n, n) for n in shape)
    if case.sizes['num_layers'] == 40:
        return wanted
    return _with_few_blocks(wanted, case.sizes['num_layers'])


def _with_few_blocks(
    keys: dict[str, tuple[int, ...]], num_layers: int
) -> dict[str, tuple[int, ...]]:
    """One block in the first two stages, ``num_layers`` in the third."""
    pattern = re.compile(r'(.*stages\.)(\d)(\.blocks\.)(\d+)(\..*)')
    few = {}
    for name, shape in keys.items():
        match = pattern.fullmatch(name)
        if match is None:
            few[name] = shape
            continue
        first, stage, middle, block, rest = match.groups()
        # Counted from the last block of the stage.
        place = int(block) - (40 - num_layers if stage == '2' else 0)
        if place == 0 or (stage == '2' and place > 0):
            few[f'{first}{stage}{middle}{place}{rest}'] = shape
    return few


def _block(name: str) -> int:
    _, found, rest = name.partition('backbone.blocks.')
    return int(rest.split('.')[0]) if found else -1


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
    mean = 255 * _row(0.485, 0.456, 0.406)
    std = 255 * _row(0.229, 0.224, 0.225)
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
