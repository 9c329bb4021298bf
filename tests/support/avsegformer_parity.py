"""The mmavs side of the comparison with the published AVSegFormer.

Six variants: two backbones, three tasks. Weights and inputs are seeded, see
``aavs_seeded``. The audio input is embeddings, because VGGish has its own
tests. Both sides return a dictionary with the same entries, see
:func:`our_outputs`.
"""

import functools
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
from mmavs.converters.avsegformer import convert_avsegformer
from mmavs.structures import UNLABELLED
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import Tensor, nn

from support.aavs_parity import CONFIGS
from support.aavs_seeded import (
    DATA_DIR,
    load_keys,
    seeded_audio,
    seeded_classes,
    seeded_frames,
    seeded_masks,
    seeded_state_dict,
)
from support.float64 import Side, double_precision, gradients, without_graph
from support.tiny_models import samples_of
from support.tpavi_seeded import seeded_state_dict as seeded_resnet
from support.uninitialised import Uninitialised

FIXTURE = DATA_DIR.parent / 'avsegformer' / 'expected.npz'
FLOAT64 = FIXTURE.with_name('float64.json')
#: Small, so that the tests are quick; the networks take any size.
SIZE = 96
#: Of the frames of the stored digests.
SMALL_SIZE = 64
_CLASSIFIERS = ('head.fc.4.weight', 'head.attn_fc.4.weight')
_NAMES = {
    's4': 'avsegformer_{}_1xb2-30e_s4-512x512',
    'ms3': 'avsegformer_{}_1xb2-60e_ms3-512x512',
    'avss': 'avsegformer_{}_1xb4-30e_avss-224x224',
}


class Variant(NamedTuple):
    """One of the published checkpoints.

    Attributes:
        backbone (str): ``'r50'`` or ``'pvtv2-b5'``.
        task (str): ``'s4'``, ``'ms3'`` or ``'avss'``.
        live (bool): Draw the visual backbone's weights so that all of its
            maps vary and have gradients, as the tests in float64 do. Without
            it ReLU makes three of ResNet-50's four maps zero; the stored
            float32 numbers are of such weights.
        small (bool): Fewer and smaller frames, for the stored digests.
    """

    backbone: str
    task: str
    live: bool = False
    small: bool = False

    @property
    def name(self) -> str:
        """Of the variant in fixtures and test ids."""
        return f'{self.backbone}-{self.task}'

    @property
    def num_classes(self) -> int:
        """K, logits per pixel."""
        return 71 if self.task == 'avss' else 1

    @property
    def valid(self) -> Tensor | None:
        """(N,) bool; AVSS: a clip of 2 frames filled up to 3, one of 3.

        ``small``: a clip of one frame filled up to 2, and one of one frame.
        """
        if self.task != 'avss':
            return None
        flags = [1, 0, 1] if self.small else [1, 1, 0, 1, 1, 1]
        return torch.tensor(flags, dtype=torch.bool)

    @property
    def labelled(self) -> Tensor:
        """(N,) bool: S4: frame 0; AVSS: not all valid frames either."""
        flags = {
            's4': [1, 0, 0, 0, 0],
            'ms3': [1, 1, 1],
            'avss': [1, 0, 0, 1, 1, 1],
        }
        if self.small:
            flags = {'s4': [1, 0], 'ms3': [1, 1], 'avss': [1, 0, 0]}
        return torch.tensor(flags[self.task], dtype=torch.bool)

    def keys(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the published checkpoint."""
        path = FIXTURE.with_name(f'{self.backbone}_keys.json')
        classifier = (self.num_classes, 32, 1, 1)
        return load_keys(path) | dict.fromkeys(_CLASSIFIERS, classifier)

    def weights(self) -> dict[str, Tensor]:
        """Seeded weights; those of VGGish, which nothing asks, are 0."""
        keys = self.keys()
        nothing = torch.zeros(())
        return {
            **{name: nothing.expand(shape) for name, shape in keys.items()},
            **_draw_all_but_classifiers(self.backbone, live=self.live),
            **seeded_state_dict({name: keys[name] for name in _CLASSIFIERS}),
        }

    def truth(self, size: int = SIZE) -> Tensor:
        """(N, size, size) class ids, as if all frames were labelled."""
        make = seeded_classes if self.task == 'avss' else seeded_masks
        return make(len(self.labelled), 224)[:, :size, :size]

    def frames(self, size: int = SIZE) -> Tensor:
        """(N, 3, size, size) normalised; 0 where a frame only pads."""
        frames = (seeded_frames(len(self.labelled), size) - 116.0) / 57.0
        if self.valid is not None:
            frames[~self.valid] = 0
        return frames

    def audio(self) -> Tensor:
        """(N, 128) embeddings, as after VGGish's ReLU."""
        return seeded_audio(len(self.labelled)).relu()


@functools.lru_cache(maxsize=1)
def _draw_all_but_classifiers(
    backbone: str, *, live: bool
) -> dict[str, Tensor]:
    """Draw what the three tasks have in common, which takes a second."""
    keys = {
        name: shape
        for name, shape in Variant(backbone, 's4').keys().items()
        if not name.startswith('vggish.') and name not in _CLASSIFIERS
    }
    weights = seeded_state_dict(keys)
    if live:
        weights |= seeded_resnet(
            {k: s for k, s in keys.items() if k.startswith('backbone.')}
        )
    return weights


VARIANTS = [
    Variant(backbone, task)
    for backbone in ('r50', 'pvtv2-b5')
    for task in ('s4', 'ms3', 'avss')
]
IDS = [variant.name for variant in VARIANTS]
LIVE = [variant._replace(live=True) for variant in VARIANTS]
#: Not of the binary tasks, whose gradients vanish on so few frames.
SMALL = [
    variant._replace(small=True) for variant in LIVE if variant.task == 'avss'
]


def build_avsegformer(variant: Variant) -> nn.Module:
    """Build the variant of the config, with seeded published weights.

    Args:
        variant (Variant): Which.

    Returns:
        nn.Module: In evaluation mode; its audio backbone hands through.
    """
    name = _NAMES[variant.task].format(variant.backbone)
    cfg = Config.fromfile(CONFIGS / 'avsegformer' / f'{name}.py').model
    with DefaultScope.overwrite_default_scope('mmseg'), Uninitialised():
        model = MODELS.build(cfg)
    model.audio_backbone = nn.Identity()
    weights = converted(variant.weights(), variant)
    model.load_state_dict(
        {
            name: value
            for name, value in weights.items()
            if not name.startswith('audio_backbone.')
        }
    )
    return model.eval()


def converted(
    source: dict[str, Tensor], variant: Variant
) -> dict[str, Tensor]:
    """Convert tensors of a published checkpoint to ours.

    Args:
        source (dict[str, Tensor]): With all keys of ``variant.keys()``.
        variant (Variant): Which.

    Returns:
        dict[str, Tensor]: By our names.
    """
    return convert_avsegformer(source, variant.backbone, variant.task)[0]


def our_outputs(
    model: nn.Module, variant: Variant, size: int = SIZE
) -> dict[str, Tensor]:
    """Run our network.

    Args:
        model (nn.Module): From :func:`build_avsegformer`.
        variant (Variant): The same.
        size (int): Of the frames and the truth.

    Returns:
        dict[str, Tensor]: ``logits`` (N, K, size, size), ``mask_feature``
        (N, 256, size / 4, size / 4) and ``losses`` (2,), weighted: that of
        the logits and that of the mask feature.
    """
    inputs = dict(
        frames=variant.frames(size),
        audio=variant.audio(),
        num_frames=[len(variant.labelled)],
    )
    truth = variant.truth(size).clone()
    truth[~variant.labelled] = UNLABELLED
    if variant.valid is not None:
        inputs['valid'] = variant.valid
        truth = truth[variant.valid]
    features = model.extract_feat(inputs)
    head = model.decode_head
    logits, mask_feature = out = head(features)
    with mock.patch.object(head, 'forward', return_value=out) as forward:
        losses = head.loss(features, samples_of(truth), {})
    forward.assert_called_once_with(features)  # which need not run twice
    return dict(
        logits=_with_padding(logits, variant.valid),
        mask_feature=_with_padding(mask_feature, variant.valid),
        losses=torch.stack([losses['loss_decode'], losses['loss_mix']]),
    )


def _with_padding(rows: Tensor, valid: Tensor | None) -> Tensor:
    """Put zeros where frames only pad: (n, ...) -> (N, ...)."""
    if valid is None:
        return rows
    padded = rows.new_zeros(len(valid), *rows.shape[1:])
    padded[valid] = rows
    return padded


def our_float64_side(variant: Variant) -> Side:
    """Compute our outputs and all gradients in float64.

    Args:
        variant (Variant): Which.

    Returns:
        Side: Outputs, and the gradients of the sum of the losses.
    """
    with double_precision():
        model = build_avsegformer(variant)
        size = SMALL_SIZE if variant.small else SIZE
        outputs = our_outputs(model, variant, size)
        grads = gradients(model, outputs['losses'].sum())
        return without_graph(outputs), grads


def thin_out(outputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Keep few enough numbers to store.

    Args:
        outputs (dict[str, Tensor]): From :func:`our_outputs`.

    Returns:
        dict[str, np.ndarray]: float32: of the maps one pixel in a square, of
        the mask feature every eighth channel, and the mean square of every
        frame, which all numbers enter.
    """
    kept = {
        'logits': outputs['logits'][..., 3::16, 5::16],
        'mask_feature': outputs['mask_feature'][:, ::8, 1::6, 2::6],
        'losses': outputs['losses'],
    }
    for name in ('logits', 'mask_feature'):
        square = outputs[name].square().flatten(1).mean(1)
        kept[f'{name}_mean_square'] = square
    return {name: x.detach().numpy() for name, x in kept.items()}
