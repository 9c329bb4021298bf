"""Run the published AAVS on the seeded clip; nothing of it is kept here.

Needs the reference's own requirements beside this project's: see
``mmavs.testing.aavs.REQUIRED``. To rewrite the stored numbers of
``tests/data/aavs``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_aavs

where CHECKOUTS holds ``Stepping-Stones`` at commit de6a17b.
"""

import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import numpy as np
import torch
from mmavs.testing import aavs as published_code
from mmavs.testing.aavs import image_processor, import_package, why_not
from torch import Tensor, nn

from support.aavs_parity import (
    STAGE_ONE,
    STAGE_TWO,
    Stage,
    thin_out,
    write_seeded_prior,
)
from support.aavs_seeded import (
    RepeatedPoints,
    load_keys,
    seeded_audio,
    seeded_frames,
    seeded_state_dict,
)

FIXTURE_FRAMES = 2
_LOSSES = ('cross_entropy', 'mask', 'dice')


def import_reference(stage: Stage) -> SimpleNamespace:
    """Import a stage's published package, its data set and its model file.

    Args:
        stage (Stage): Which of the two.

    Returns:
        SimpleNamespace: See :func:`mmavs.testing.aavs.import_package`.
    """
    return import_package(stage.number)


def build_reference(transformers: ModuleType, stage: Stage) -> nn.Module:
    """Build the published network with seeded weights.

    Args:
        transformers (ModuleType): From :func:`import_reference`.
        stage (Stage): The same.

    Returns:
        nn.Module: With children ``model`` and ``audio_proj``, in evaluation
        mode; parameters are named as in the published checkpoints.
    """
    config = transformers.Mask2FormerConfig.from_pretrained(
        published_code.settings(transformers)
    )
    network = nn.Module()
    network.model = transformers.Mask2FormerForUniversalSegmentation(config)
    network.audio_proj = nn.Sequential(
        nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 256)
    )
    network.load_state_dict(
        seeded_state_dict(load_keys(stage.keys), gains=stage.gains)
    )
    return network.eval()


def trained_parameters(
    network: nn.Module, stage: Stage, phase: int
) -> dict[str, nn.Parameter]:
    """Pick what the published code trains.

    Args:
        network (nn.Module): From :func:`build_reference`.
        stage (Stage): The same.
        phase (int): 1 or 2.

    Returns:
        dict[str, nn.Parameter]: By their names there.
    """
    return published_code.trained_parameters(network, stage.number, phase)


def reference_prior(avs_model: ModuleType, root: Path) -> Tensor:
    """Read the seeded clip's prior as the published model does.

    Args:
        avs_model (ModuleType): From :func:`import_reference`.
        root (Path): Dump of :func:`aavs_parity.write_seeded_prior`.

    Returns:
        Tensor: (T, 224, 224).
    """
    model = SimpleNamespace(mask_path=str(root))
    return avs_model.AdaptiveAVS.load_mask(model, 'seeded', 'v2')


def reference_inputs(processor, stage: Stage, num_frames: int):
    """Preprocess the seeded clip as published.

    Args:
        processor (Mask2FormerImageProcessor): See :func:`image_processor`.
        stage (Stage): Which labels.
        num_frames (int): T.

    Returns:
        BatchFeature: Pixels (float32) and the targets of the losses.
    """
    return processor.preprocess(
        list(seeded_frames(num_frames).numpy()),
        list(stage.labels(num_frames).float()),
        return_tensors='pt',
    )


def reference_outputs(
    network: nn.Module,
    processor,
    stage: Stage,
    num_frames: int,
    prior: Tensor | None = None,
    pixels: Tensor | None = None,
) -> dict[str, Tensor]:
    """Run the published network on the seeded clip.

    Args:
        network (nn.Module): From :func:`build_reference`.
        processor (Mask2FormerImageProcessor): See :func:`image_processor`.
        stage (Stage): Which of the two it is.
        num_frames (int): T.
        prior (Tensor | None): (T, h, w), stage two only.
        pixels (Tensor | None): (T, 3, 384, 384), normalised; None takes what
            the processor makes of the frames, which is float32 always.

    Returns:
        dict[str, Tensor]: The entries of ``aavs_parity.our_outputs``.
    """
    model = network.model
    inputs = reference_inputs(processor, stage, num_frames)
    pixels = inputs['pixel_values'] if pixels is None else pixels
    caught: dict = {}
    level = model.model.pixel_level_module
    hooks = [
        level.encoder.register_forward_hook(_keep(caught, 'encoder')),
        level.decoder.register_forward_hook(_keep(caught, 'decoder')),
    ]
    audio = network.audio_proj(seeded_audio(num_frames).view(1, -1, 128))
    out = model(
        pixels,
        prompt_features_projected=audio,
        output_auxiliary_logits=True,
        **({} if prior is None else {'audio_boost_mask': prior}),
    )
    for hook in hooks:
        hook.remove()
    if stage.number == 1:
        scores = processor.post_process_binary_segmentation(
            out, target_sizes=[(224, 224)] * num_frames
        )
        result = {'scores': torch.stack(scores)}
    else:
        maps = processor.post_process_semantic_segmentation(
            out, target_sizes=(224, 224)
        )
        result = {'semantic': torch.stack(maps)}
    memories = caught['decoder'].multi_scale_features
    maps = caught['encoder'].feature_maps
    predictions = [*out.auxiliary_logits, out]
    cls = torch.stack([_get(p, 'class') for p in predictions])
    mask = torch.stack([_get(p, 'masks') for p in predictions])
    return {
        'pixels': pixels,
        **{f'backbone_{i}': x for i, x in enumerate(maps)},
        'mask_feature': caught['decoder'].mask_features,
        **{f'memory_{i}': x for i, x in enumerate(memories)},
        'cls': cls,
        'mask': mask,
        **result,
        'losses': reference_losses(network, inputs, cls, mask),
    }


def reference_losses(
    network: nn.Module, inputs, cls: Tensor, mask: Tensor
) -> Tensor:
    """Compute the published losses of the ten predictions.

    Args:
        network (nn.Module): From :func:`build_reference`.
        inputs (BatchFeature): Of the processor, with the targets.
        cls (Tensor): (10, T, Q, K + 1) class logits.
        mask (Tensor): (10, T, Q, 96, 96) mask logits.

    Returns:
        Tensor: (10, 3), weighted: classes, masks, dice.
    """
    earlier = [
        {'class_queries_logits': c, 'masks_queries_logits': m}
        for c, m in zip(cls[:-1], mask[:-1], strict=True)
    ]
    with mock.patch('torch.rand', RepeatedPoints(cls.shape[1])):
        losses = network.model.get_loss_dict(
            mask[-1],
            cls[-1],
            [x.float() for x in inputs['mask_labels']],
            inputs['class_labels'],
            earlier,
        )
    return torch.stack(
        [
            torch.stack([losses[f'loss_{n}{end}'].sum() for n in _LOSSES])
            for end in (*(f'_{i}' for i in range(9)), '')
        ]
    )


def _keep(caught: dict, name: str):
    def hook(module, args, output) -> None:
        caught[name] = output

    return hook


def _get(prediction, kind: str) -> Tensor:
    name = f'{kind}_queries_logits'
    if isinstance(prediction, dict):
        return prediction[name]
    return getattr(prediction, name)


def main() -> None:
    """Rewrite the stored numbers."""
    reason = why_not()
    if reason is not None:
        sys.exit(reason)
    for stage in (STAGE_ONE, STAGE_TWO):
        published = import_reference(stage)
        prior = None
        if stage.number == 2:
            with tempfile.TemporaryDirectory() as root:
                write_seeded_prior(Path(root), FIXTURE_FRAMES)
                prior = reference_prior(published.avs_model, Path(root))
        with torch.no_grad():
            outputs = reference_outputs(
                build_reference(published.transformers, stage),
                image_processor(published.transformers),
                stage,
                FIXTURE_FRAMES,
                prior,
            )
        np.savez_compressed(stage.fixture, **thin_out(outputs, stage))
        size = stage.fixture.stat().st_size
        print(f'Wrote {stage.fixture.name}, {size} bytes')


if __name__ == '__main__':
    main()
