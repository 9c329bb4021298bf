"""Run the published AAVS on the seeded clip; nothing of it is kept here.

Needs the reference's own requirements beside this project's: see
``REQUIRED``. To rewrite the stored numbers of ``tests/data/aavs``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python tests/parity/reference_aavs.py

where CHECKOUTS holds ``Stepping-Stones`` at commit de6a17b.
"""

import importlib.util
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import torch
from aavs_parity import thin_out
from aavs_seeded import (
    DATA_DIR,
    STAGE1_KEYS,
    RepeatedPoints,
    load_keys,
    seeded_audio,
    seeded_frames,
    seeded_masks,
    seeded_state_dict,
)
from torch import Tensor, nn

FIXTURE = DATA_DIR / 'stage1_expected.npz'
FIXTURE_FRAMES = 2
REQUIRED = {
    'huggingface_hub': 'huggingface_hub==0.17.3',
    'tokenizers': 'tokenizers==0.15.2',
    'safetensors': 'safetensors==0.4.5',
    'requests': 'requests',
    'pandas': 'pandas==2.2.3 pytz',
}
# Asked for at import, used by nothing that is compared here.
_STUBBED = ('towhee', 'torchvision', 'wandb')
_LOSSES = ('cross_entropy', 'mask', 'dice')
# Parameters that the published first stage trains, by parts of their names.
TRAINED_IN_PHASE_ONE = (
    'queries_embedder',
    'queries_features',
    'avs_adapt',
    'class_predictor',
    'audio_proj',
)
TRAINED_IN_PHASE_TWO = (*TRAINED_IN_PHASE_ONE, 'swin_adapt')


def why_not() -> str | None:
    """Say what is missing for the reference, or None.

    Returns:
        str | None: A reason to skip.
    """
    root = os.environ.get('MMAVS_REFERENCE_ROOT')
    if root is None:
        return 'MMAVS_REFERENCE_ROOT is not set'
    if not (Path(root) / 'Stepping-Stones' / 'avs').is_dir():
        return f'no Stepping-Stones/avs in MMAVS_REFERENCE_ROOT={root}'
    missing = [
        package
        for name, package in REQUIRED.items()
        if importlib.util.find_spec(name) is None
    ]
    return f'pip install --no-deps {" ".join(missing)}' if missing else None


def import_reference() -> tuple[ModuleType, ModuleType]:
    """Import the published package and its data set.

    Returns:
        tuple[ModuleType, ModuleType]: ``transformers`` as vendored there,
        and ``dataset``.
    """
    folder = Path(os.environ['MMAVS_REFERENCE_ROOT'], 'Stepping-Stones/avs')
    sys.path.insert(0, str(folder))
    dont_write_bytecode = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            import transformers
            from transformers.models.mask2former import (  # noqa: F401
                image_processing_mask2former,
                modeling_mask2former,
            )

            # Only now: transformers looks for a real torchvision.
            stubs = {
                name: mock.MagicMock()
                for name in _STUBBED
                if name not in sys.modules
            }
            with mock.patch.dict(sys.modules, stubs):
                import dataset
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = dont_write_bytecode
    assert Path(transformers.__file__).is_relative_to(folder)
    return transformers, dataset


def image_processor(transformers: ModuleType):
    """Make the published preprocessing from its own settings.

    Args:
        transformers (ModuleType): From :func:`import_reference`.

    Returns:
        Mask2FormerImageProcessor: As in the published data set.
    """
    return transformers.Mask2FormerImageProcessor.from_pretrained(
        Path(transformers.__file__).parents[1] / '.models'
    )


def build_reference(transformers: ModuleType) -> nn.Module:
    """Build the published network with seeded weights.

    Args:
        transformers (ModuleType): From :func:`import_reference`.

    Returns:
        nn.Module: With children ``model`` and ``audio_proj``, in evaluation
        mode; parameters are named as in the published checkpoints.
    """
    settings = Path(transformers.__file__).parents[1] / '.models'
    config = transformers.Mask2FormerConfig.from_pretrained(settings)
    network = nn.Module()
    network.model = transformers.Mask2FormerForUniversalSegmentation(config)
    network.audio_proj = nn.Sequential(
        nn.Linear(128, 512), nn.ReLU(), nn.Linear(512, 256)
    )
    network.load_state_dict(seeded_state_dict(load_keys(STAGE1_KEYS)))
    return network.eval()


def reference_outputs(
    network: nn.Module, processor, num_frames: int
) -> dict[str, Tensor]:
    """Run the published network on the seeded clip.

    Args:
        network (nn.Module): From :func:`build_reference`.
        processor (Mask2FormerImageProcessor): See :func:`image_processor`.
        num_frames (int): T.

    Returns:
        dict[str, Tensor]: The entries of ``aavs_parity.our_outputs``.
    """
    model = network.model
    inputs = processor.preprocess(
        list(seeded_frames(num_frames).numpy()),
        list(seeded_masks(num_frames).float()),
        return_tensors='pt',
    )
    caught: dict = {}
    level = model.model.pixel_level_module
    hooks = [
        level.encoder.register_forward_hook(_keep(caught, 'encoder')),
        level.decoder.register_forward_hook(_keep(caught, 'decoder')),
    ]
    audio = network.audio_proj(seeded_audio(num_frames).view(1, -1, 128))
    out = model(
        inputs['pixel_values'],
        prompt_features_projected=audio,
        output_auxiliary_logits=True,
    )
    predictions = [*out.auxiliary_logits, out]
    with mock.patch('torch.rand', RepeatedPoints(num_frames)):
        losses = model.get_loss_dict(
            out.masks_queries_logits,
            out.class_queries_logits,
            inputs['mask_labels'],
            inputs['class_labels'],
            out.auxiliary_logits,
        )
    for hook in hooks:
        hook.remove()
    scores = processor.post_process_binary_segmentation(
        out, target_sizes=[(224, 224)] * num_frames
    )
    memories = caught['decoder'].multi_scale_features
    maps = caught['encoder'].feature_maps
    return {
        'pixels': inputs['pixel_values'],
        **{f'backbone_{i}': x for i, x in enumerate(maps)},
        'mask_feature': caught['decoder'].mask_features,
        **{f'memory_{i}': x for i, x in enumerate(memories)},
        'cls': torch.stack([_get(p, 'class') for p in predictions]),
        'mask': torch.stack([_get(p, 'masks') for p in predictions]),
        'scores': torch.stack(scores),
        'losses': torch.stack(
            [
                torch.stack([losses[f'loss_{n}{end}'].sum() for n in _LOSSES])
                for end in (*(f'_{i}' for i in range(9)), '')
            ]
        ),
    }


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
    transformers, _ = import_reference()
    with torch.no_grad():
        outputs = reference_outputs(
            build_reference(transformers),
            image_processor(transformers),
            FIXTURE_FRAMES,
        )
    np.savez_compressed(FIXTURE, **thin_out(outputs))
    print(f'Wrote {FIXTURE.name}, {FIXTURE.stat().st_size} bytes')


if __name__ == '__main__':
    main()
