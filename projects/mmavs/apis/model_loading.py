"""Build a trained model and its test pipeline from a config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.model import BaseModel, revert_sync_batchnorm
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS

from ..checkpoint import forbid_downloads, load_from_local
from ..checkpoint_weights import check_finite, describe_misfit, get_weights

#: Transforms that read a data set's files. They are not used here, because
#: frames and sound are given.
_LOADERS = (
    'LoadClipFrames',
    'LoadClipMasks',
    'LoadMaskPrior',
    'LoadWaveform',
)

#: Config and checkpoint of stage one, whose masks stage two uses.
StageOne = tuple[str | Path | Config, str | Path]


def build_pipeline(pipeline: Sequence[dict]) -> tuple[dict, Compose]:
    """Build a test pipeline without the transforms that read files.

    Args:
        pipeline (Sequence[dict]): Configs of the transforms.

    Returns:
        tuple[dict, Compose]: The arguments of ``LoadWaveform``, for
        ``Waveform.from_samples``; the other transforms.
    """
    waveform_cfg, kept = {}, []
    for transform in pipeline:
        if transform['type'] == 'LoadWaveform':
            waveform_cfg = {k: v for k, v in transform.items() if k != 'type'}
        if 'cache_dir' in transform:
            # Do not fill the data set's cache with windows of videos.
            transform = {**transform, 'cache_dir': None}
        if transform['type'] not in _LOADERS:
            kept.append(transform)
    return waveform_cfg, Compose(kept)


def check_stage(config: Config, stage_one: StageOne | None) -> None:
    """Check that stage one is given if, and only if, a model needs it.

    Args:
        config (Config): Config of the model.
        stage_one (StageOne | None): Config and checkpoint of stage one.

    Raises:
        ValueError: If stage one is missing, or given without need.
    """
    pipeline = config.test_dataloader.dataset.pipeline
    needs_one = any(step['type'] == 'LoadMaskPrior' for step in pipeline)
    if needs_one and stage_one is None:
        raise ValueError(
            f'{name_of(config)} is a model of stage two and needs the masks '
            'of a first stage: give stage_one=(CONFIG, CHECKPOINT), or '
            '--stage-one CONFIG CHECKPOINT to tools/segment_video.py.'
        )
    if stage_one is not None and not needs_one:
        raise ValueError(
            f'{name_of(config)} takes no masks of a first stage (its test '
            'pipeline has no LoadMaskPrior); remove stage_one (--stage-one), '
            'or give the config of stage two.'
        )


def check_binary(config: str | Path | Config, classes: Sequence[str]) -> None:
    """Check that a model can be stage one.

    Args:
        config (str | Path | Config): Its config.
        classes (Sequence[str]): Its classes.

    Raises:
        ValueError: If there are more than two classes.
    """
    if len(classes) > 2:
        raise ValueError(
            'stage one must be a binary model (sounding or not), but the '
            f'config {name_of(config)} has {len(classes)} classes.'
        )


def name_of(config: str | Path | Config) -> str:
    """Return the file name of a config."""
    return str(config.filename if isinstance(config, Config) else config)


def load_model(
    config: Config, checkpoint: str | Path, device: str
) -> BaseModel:
    """Build a model and load all of its weights.

    Args:
        config (Config): Its config.
        checkpoint (str | Path): Its weights.
        device (str): Such as ``'cpu'`` or ``'cuda:0'``.

    Returns:
        BaseModel: The model, in evaluation mode.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the device is not available, or the checkpoint is of
            another model or has weights that are not finite.
    """
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise ValueError(
            f'device {device!r} needs a GPU that this PyTorch can use, found '
            "none; use device='cpu'."
        )
    try:
        torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"expected a device such as 'cpu' or 'cuda:0', got {device!r}."
        ) from error
    try:
        # The device "meta" has no values, others may be missing.
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'device {device!r} cannot compute here; use '
            f"device='cpu'. PyTorch says: {str(error).splitlines()[0]}"
        ) from error
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'{checkpoint}: expected a checkpoint file, found none; train one '
            'with tools/train.py or convert a published one.'
        )
    # Do not fill a training's cache with frames and sounds of videos.
    kept = {k: v for k, v in config.model.items() if k != 'feature_cache_dir'}
    model = revert_sync_batchnorm(MODELS.build(kept))
    try:
        # Not strict, mmengine only warns and segments with random weights.
        with forbid_downloads():
            content = load_checkpoint(
                model, str(checkpoint), map_location='cpu', strict=True
            )
    except RuntimeError as error:
        content = load_from_local(str(checkpoint), map_location='cpu')
        raise ValueError(
            f'{checkpoint}: expected the weights of the model of '
            f'{config.filename}, got others; give the config that the '
            f'checkpoint was trained with. {describe_misfit(model, content)}'
        ) from error
    check_finite(get_weights(content), str(checkpoint))
    return model.to(device).eval()
