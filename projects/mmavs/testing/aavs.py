"""Import the published AAVS; this project contains none of its code.

Its vendored transformers needs older packages than this project, see
``REQUIRED``; import it in an environment of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from torch import nn

from . import published_code
from .published_code import on_the_cpu

REQUIRED = {
    'huggingface_hub': 'huggingface_hub==0.17.3',
    'tokenizers': 'tokenizers==0.15.2',
    'safetensors': 'safetensors==0.4.5',
    'requests': 'requests',
    'pandas': 'pandas==2.2.3 pytz',
}
# Imported by the published code, but not used in the comparison.
_STUBBED = ('towhee', 'torchvision', 'wandb')
_FOLDERS = {1: 'avs', 2: 'avss'}
# Imported from the folder of a stage; both stages use these names.
_OWN_MODULES = ('transformers', 'dataset', 'avs_model', 'utils')
# Parameters that a published stage trains in its first phase, by parts of
# their names; in the second also those of _TRAINED_LATER.
_TRAINED = {
    1: (
        'queries_embedder',
        'queries_features',
        'avs_adapt',
        'class_predictor',
        'audio_proj',
    ),
    2: (
        'queries_embedder',
        'avs_adapt',
        'class_predictor',
        'audio_proj',
        'audio_embed',
        'silence_embed',
        'uncertain_embed',
    ),
}
_TRAINED_LATER = 'swin_adapt'


def why_not() -> str | None:
    """Return why the published code cannot be run, or None."""
    reason = published_code.why_not('Stepping-Stones/avss')
    if reason is not None:
        return reason
    missing = [
        package
        for name, package in REQUIRED.items()
        if importlib.util.find_spec(name) is None
    ]
    return f'pip install --no-deps {" ".join(missing)}' if missing else None


def import_package(stage: int) -> SimpleNamespace:
    """Import a stage's published package, its data set and its model file.

    Args:
        stage (int): 1 or 2; the other's modules, of the same names, are
            forgotten.

    Returns:
        SimpleNamespace: ``transformers`` as vendored there, ``dataset`` and
        ``avs_model``.
    """
    assert published_code.REFERENCE_ROOT is not None, why_not()
    root = Path(published_code.REFERENCE_ROOT, 'Stepping-Stones')
    folder = root / _FOLDERS[stage]
    for name in list(sys.modules):
        if name.split('.')[0] in _OWN_MODULES:
            del sys.modules[name]
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
                avs_model: Any = importlib.import_module('avs_model')
                dataset: Any = importlib.import_module('dataset')
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = dont_write_bytecode
    assert Path(str(transformers.__file__)).is_relative_to(folder)
    return SimpleNamespace(
        transformers=transformers, dataset=dataset, avs_model=avs_model
    )


def settings(transformers: ModuleType) -> Path:
    """Return the folder of the published settings.

    Args:
        transformers (ModuleType): From :func:`import_package`.

    Returns:
        Path: Folder with the configs of the network and of the processor.
    """
    return Path(str(transformers.__file__)).parents[1] / '.models'


def image_processor(transformers: Any) -> Any:
    """Make the published preprocessing from its own settings.

    Args:
        transformers (Any): From :func:`import_package`.

    Returns:
        Mask2FormerImageProcessor: As in the published data set.
    """
    return transformers.Mask2FormerImageProcessor.from_pretrained(
        settings(transformers)
    )


def build_model(published: SimpleNamespace) -> nn.Module:
    """Build the published model of stage one with random weights.

    Args:
        published (SimpleNamespace): From :func:`import_package`.

    Returns:
        nn.Module: ``AdaptiveAVS``; call it within :func:`on_the_cpu`.
    """
    transformers = published.transformers
    config = transformers.Mask2FormerConfig.from_pretrained(
        settings(transformers)
    )
    network = transformers.Mask2FormerForUniversalSegmentation
    own = published.avs_model
    with (
        on_the_cpu(),
        mock.patch.object(
            own.Mask2FormerImageProcessor,
            'from_pretrained',
            return_value=image_processor(transformers),
        ),
        mock.patch.object(
            own.Mask2FormerForUniversalSegmentation,
            'from_pretrained',
            return_value=network(config),
        ),
    ):
        return own.AdaptiveAVS(SimpleNamespace(model_dir=None))


def trained_parameters(
    network: nn.Module, stage: int, phase: int
) -> dict[str, nn.Parameter]:
    """Pick what the published code trains.

    Args:
        network (nn.Module): The published network.
        stage (int): 1 or 2.
        phase (int): 1 or 2.

    Returns:
        dict[str, nn.Parameter]: By their names there.
    """
    parts = _TRAINED[stage]
    if phase == 2:
        parts = (*parts, _TRAINED_LATER)
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if any(part in name for part in parts)
    }
