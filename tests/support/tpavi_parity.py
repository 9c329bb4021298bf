"""The mmavs side of the comparison with the published TPAVI.

Both sides return a dictionary with the same entries, see :func:`our_outputs`.
"""

from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
from mmavs.converters.name_table import convert
from mmavs.converters.tpavi import tpavi_table
from mmavs.structures import ClipFeatures
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import Tensor, nn

from support.aavs_seeded import (
    seeded_audio,
    seeded_classes,
    seeded_frames,
    seeded_masks,
)
from support.float64 import Side, double_precision, gradients, without_graph
from support.tiny_models import samples_of
from support.tpavi_seeded import DATA_DIR, published_keys, seeded_state_dict
from support.uninitialised import Uninitialised

CONFIGS = Path(__file__).parents[2] / 'configs' / 'tpavi'
FLOAT64 = DATA_DIR / 'float64.json'
SIZE = 224
#: Of the frames in float64: the published attention takes H^4 bytes.
SMALL = 96
EPOCHS = {'s4': 15, 'ms3': 30, 'avss': 60}


class Case(NamedTuple):
    """A clip through one of the published networks.

    Attributes:
        backbone (str): ``'r50'`` or ``'pvtv2-b5'``.
        task (str): ``'s4'``, ``'ms3'`` or ``'avss'``.
        num_frames (int): T, frames that only pad included.
        num_valid (int): Frames that do not (the published vid_flag).
        num_labelled (int): Frames with a label (the published gt_flag).
    """

    backbone: str
    task: str
    num_frames: int
    num_valid: int
    num_labelled: int

    @property
    def name(self) -> str:
        """Of the case in fixtures and test ids."""
        lengths = f'{self.num_frames}-{self.num_valid}-{self.num_labelled}'
        return f'{self.backbone}_{self.task}_{lengths}'

    def labels(self, num_frames: int, unlabelled: int) -> Tensor:
        """Truth of the first frames: (num_frames, 224, 224) class ids."""
        make = seeded_classes if self.task == 'avss' else seeded_masks
        truth = make(num_frames, SIZE) % 71
        truth[self.num_labelled :] = unlabelled
        return truth


CASES = [
    Case(backbone, *rest)
    for backbone in ('r50', 'pvtv2-b5')
    for rest in (
        ('s4', 5, 5, 1),
        ('ms3', 5, 5, 5),
        ('avss', 10, 10, 10),  # v2
        ('avss', 10, 5, 5),  # v1m
        ('avss', 10, 5, 1),  # v1s in training
    )
]
#: Those whose published numbers are stored: both networks, padding, and every
#: loss of the published runs.
STORED = [
    Case('r50', 'avss', 10, 5, 1),
    Case('pvtv2-b5', 'ms3', 5, 5, 5),
]


def build_tpavi(backbone: str, task: str) -> nn.Module:
    """Build the model of a config, without drawing its weights.

    Sound is seeded from its embedding on; VGGish has a comparison of its own,
    and something small stands here in its place.

    Args:
        backbone (str): See :class:`Case`.
        task (str): See :class:`Case`.

    Returns:
        nn.Module: In evaluation mode.
    """
    name = f'tpavi_{backbone}_1xb4-{EPOCHS[task]}e_{task}-224x224.py'
    model = Config.fromfile(CONFIGS / name).model
    model.audio_backbone = dict(type='LogMelCNN')
    with DefaultScope.overwrite_default_scope('mmseg'), Uninitialised():
        return MODELS.build(model).eval()


def converted(source: dict[str, Tensor], backbone: str, task: str) -> tuple:
    """Convert tensors of a published checkpoint to ours.

    Args:
        source (dict[str, Tensor]): With all its keys.
        backbone (str): See :class:`Case`.
        task (str): See :class:`Case`.

    Returns:
        tuple: The tensors by our names, and the converter's report.
    """
    return convert(source, tpavi_table(backbone, task))


def load_seeded(model: nn.Module, backbone: str, task: str) -> dict[str, str]:
    """Load the seeded published weights into a model of ours.

    Args:
        model (nn.Module): From :func:`build_tpavi`.
        backbone (str): The same.
        task (str): The same.

    Returns:
        dict[str, str]: Our name of each published tensor that was not joined
        with others.
    """
    source = seeded_state_dict(published_keys(backbone, task))
    weights, report = converted(source, backbone, task)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(name.startswith('audio_backbone.') for name in missing)
    return {
        names[0]: ours
        for ours, names in report.moved.items()
        if len(names) == 1
    }


def seeded_pixels(case: Case, size: int = SIZE) -> Tensor:
    """Draw normalised frames; those that only pad are zero.

    Args:
        case (Case): How many.
        size (int): Height and width; what is beyond is cut off.

    Returns:
        Tensor: (T, 3, size, size).
    """
    pixels = seeded_frames(case.num_frames, SIZE).float() / 64 - 2
    pixels = pixels[..., :size, :size]
    pixels[case.num_valid :] = 0
    return pixels


def seeded_sound(case: Case) -> Tensor:
    """Draw embeddings as VGGish gives them, also for frames that only pad.

    Args:
        case (Case): How many.

    Returns:
        Tensor: (T, 128), not negative.
    """
    return seeded_audio(case.num_frames).relu()


def our_features(
    model: nn.Module, case: Case, size: int = SIZE
) -> ClipFeatures:
    """Run backbone and neck on the seeded clip.

    Args:
        model (nn.Module): With seeded weights.
        case (Case): The clip.
        size (int): Of its frames.

    Returns:
        ClipFeatures: For the head.
    """
    rows = torch.arange(case.num_frames)
    valid = rows < case.num_valid
    pixels = seeded_pixels(case, size)
    # All frames that only pad are zero, so one has the maps of all. In
    # training mode their number would enter the statistics of the batch.
    assert valid.all() or not model.training
    maps = model.neck(model.backbone(pixels[: case.num_valid + 1]))
    return ClipFeatures(
        visual=tuple(x[rows.clamp(max=case.num_valid)] for x in maps),
        audio_embed=seeded_sound(case),
        mask_prior=None,
        num_frames=(case.num_frames,),
        valid=None if valid.all() else valid,
    )


def our_outputs(
    model: nn.Module, case: Case, size: int = SIZE
) -> dict[str, Tensor]:
    """Run our model on the seeded clip.

    Args:
        model (nn.Module): With seeded weights.
        case (Case): The clip.
        size (int): Of its frames; the shapes below are those of 224.

    Returns:
        dict[str, Tensor]: ``logits`` (T, K, 224, 224), ``mask_feature``
        (T, 256, 112, 112), ``map_{0..3}``, ``audio_{0..3}`` (T, 256), and
        the weighted losses ``loss_ce`` and, where the task has it,
        ``loss_match``.
    """
    features = our_features(model, case, size)
    head = model.decode_head
    out = head.run(features)
    with mock.patch.object(head, 'run', return_value=out):  # only once
        truth = case.labels(case.num_valid, 255)[:, :size, :size]
        samples = samples_of(truth, size)
        losses = head.loss(features, samples, {})
    return {
        'logits': out.logits,
        'mask_feature': out.mask_feature,
        **{f'map_{i}': x for i, x in enumerate(out.maps)},
        **{f'audio_{i}': x for i, x in out.audio.items()},
        **{name: x for name, x in losses.items() if name.startswith('loss')},
    }


def our_float64_side(case: Case) -> Side:
    """Compute our outputs and all gradients in float64, on small frames.

    Args:
        case (Case): The clip.

    Returns:
        Side: Outputs, and the gradients of the sum of the losses.
    """
    with double_precision():
        model = build_tpavi(case.backbone, case.task)
        load_seeded(model, case.backbone, case.task)
        model.audio_backbone = nn.Identity()  # the audio input is embeddings
        outputs = our_outputs(model, case, SMALL)
        grads = gradients(model, total_loss(outputs))
        return without_graph(outputs), grads


def total_loss(outputs: dict[str, Tensor]) -> Tensor:
    """Add up the losses among the outputs."""
    losses = [x for name, x in outputs.items() if name.startswith('loss')]
    return torch.stack(losses).sum()


def fixture_path(case: Case) -> Path:
    """Where the published numbers of a case are stored."""
    return DATA_DIR / f'{case.name}_expected.npz'


def thin_out(outputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Keep few enough numbers to store.

    Losses in full; of maps some channels of a pixel in a square of the grid,
    and the mean and the mean square of every frame, which all pixels enter.

    Args:
        outputs (dict[str, Tensor]): From :func:`our_outputs`.

    Returns:
        dict[str, np.ndarray]: float32.
    """
    thin = {}
    for name, tensor in outputs.items():
        value = tensor.detach().float()
        if value.dim() == 4:
            thin[f'{name}_mean'] = value.mean((1, 2, 3))
            thin[f'{name}_mean_square'] = value.square().mean((1, 2, 3))
            step = max(1, value.shape[-1] // 4)
            kept = slice(None, None, max(1, value.shape[1] // 6))
            value = value[:, kept, step // 2 :: step, step // 3 :: step]
        elif value.dim() == 2:
            value = value[:, ::32]
        thin[name] = value
    return {name: x.numpy() for name, x in thin.items()}
