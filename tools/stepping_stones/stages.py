"""The steps of a two-stage training between training and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmavs.datasets import build_unread
from mmavs.datasets.folds import assign_folds
from mmavs.datasets.mask_directory import MaskDirectory
from mmavs.datasets.mask_prior_option import parse_mask_prior
from mmavs.engine.launcher import Launcher
from mmavs.engine.steps import (
    Trained,
    read_record,
    report_skip,
    run_training,
    write_record,
)
from mmavs.evaluation.clip_logits import check_channels
from mmengine.config import Config


def for_all_loaders(*settings: str) -> list[str]:
    """Make overrides of the data set in training, validation and test."""
    return [
        f'{split}_dataloader.dataset.{setting}'
        for split in ('train', 'val', 'test')
        for setting in settings
    ]


def as_settings(options: Mapping[str, Any]) -> list[str]:
    """Write arguments as KEY=VALUE, as ``--cfg-options`` reads them."""
    return [
        f'{key}=[{",".join(value)}]'
        if isinstance(value, list)
        else f'{key}={value}'
        for key, value in options.items()
    ]


def check_stage_two(cfg: Config) -> None:
    """Check, before anything is trained, that a config reads masks.

    Args:
        cfg (Config): What is given as stage two.

    Raises:
        ValueError: If its test pipeline loads no mask prior, as that of a
            stage one.
    """
    pipeline = cfg.test_dataloader.dataset.pipeline
    if all(step['type'] != 'LoadMaskPrior' for step in pipeline):
        raise ValueError(
            f'{cfg.filename} does not use the masks of stage one: expected a '
            'config of stage two, whose test pipeline has LoadMaskPrior; is '
            'it a config of stage one?'
        )


def check_mask_sizes(stage_one: Config, stage_two: Config) -> None:
    """Check before any training that both stages use one mask size.

    Args:
        stage_one (Config): Config that predicts the masks.
        stage_two (Config): Config that reads them.

    Raises:
        ValueError: If stage two's ``mask_prior_check`` expects another size
            than stage one predicts.
    """
    hooks = stage_two.get('default_hooks', {})
    expected = hooks.get('mask_prior_check', {}).get('size')
    sizes = [
        transform['mask_size']
        for transform in stage_one.test_dataloader.dataset.pipeline
        if transform['type'] == 'ClipResize' and 'mask_size' in transform
    ]
    if expected and sizes and tuple(sizes[-1]) != tuple(expected):
        raise ValueError(
            f'{stage_two.filename} takes masks of {tuple(expected)}, but '
            f'{stage_one.filename} predicts masks of {tuple(sizes[-1])}; '
            'choose configs that agree in ClipResize(mask_size=...) and '
            'mask_prior_check.size.'
        )


def check_classes(stage_one: Config, *, merge_classes: bool) -> None:
    """Check before any training that stage one can predict binary masks.

    Args:
        stage_one (Config): Config that predicts the masks.
        merge_classes (bool): Whether its classes are merged.

    Raises:
        ValueError: If it has one channel and its classes would be merged, or
            more than two and they would not.
    """
    head = stage_one.model.decode_head
    # In mmseg, a binary head of one channel has num_classes=2, out_channels=1;
    # in a Mask2Former head, out_channels is the width of the features.
    one_channel = head.get('out_channels') == 1
    num_channels = 1 if one_channel else head.get('num_classes')
    if num_channels is not None:
        check_channels(
            *((num_channels, 'h', 'w'), stage_one.filename),
            merge_classes=merge_classes,
        )


def dump_masks(
    launcher: Launcher,
    masks: Path,
    config: str,
    options: Sequence[str],
    trained: Trained,
    *,
    split: str = 'all',
    soft: bool = False,
    merge_classes: bool = False,
) -> None:
    """Write the masks of one subset that are missing.

    Args:
        launcher (Launcher): Starts the tool.
        masks (Path): Folder of the masks of all subsets.
        config (str): Config file of stage one.
        options (Sequence[str]): Overrides, among them the subset.
        trained (Trained): The trained stage one.
        split (str): Split to predict, or 'all'.
        soft (bool): Write scores instead of hard masks.
        merge_classes (bool): Write where a semantic model predicts any class.
    """
    note = trained.folder / 'dumped.json'
    mode = 'soft' if soft else 'hard'
    directory = MaskDirectory(masks)
    num_clips = directory.count(trained.checkpoint_hash, mode)
    found = {'clips': num_clips, 'mode': mode}
    if num_clips and read_record(note, **found) is not None:
        report_skip(f'masks of {trained.folder.name}', masks)
        return
    launcher.run(
        'test',
        *(config, trained.checkpoint, '--work-dir', trained.folder),
        *('--dump-masks', masks, '--split', split),
        *(['--soft'] if soft else []),
        *(['--merge-classes'] if merge_classes else []),
        *('--cfg-options', *options),
    )
    num_clips = directory.count(trained.checkpoint_hash, mode)
    write_record(note, clips=num_clips, mode=mode)


def check_cross_fit(
    stage_two: Config, subsets: Sequence[str], num_folds: int
) -> list[str]:
    """Check, before anything is trained, that stage two can be cross-fitted.

    Args:
        stage_two (Config): Config of stage two.
        subsets (Sequence[str]): Subsets on which stage one is trained.
        num_folds (int): Number of folds K.

    Returns:
        list[str]: Overrides with which its training reads predicted masks; a
        mixture that contains them is kept.

    Raises:
        ValueError: If K is less than 2 or more than the training clips of a
            subset, or training takes its prior from a source that does not
            read masks and would have to be replaced.
    """
    dataset = build_unread(stage_two.train_dataloader.dataset)
    assign_folds(
        (
            clip
            for clip in dataset.load_clips()
            if clip['subset'] in subsets and clip['split'] == 'train'
        ),
        num_folds,
    )
    place = 'train_dataloader.dataset.mask_prior'
    cfg = stage_two.train_dataloader.dataset.get('mask_prior') or {}
    # The folder of the masks is set later.
    option = parse_mask_prior({**cfg, 'root': cfg.get('root') or ''})
    assert option is not None
    if option.reads_files:
        return []
    if option.source != 'truth':
        raise ValueError(
            f'--cross-fit: expected {place} with the source truth, files or a '
            f'mixture with files, got {dict(cfg)}, which would not read the '
            'masks of the folds; change it, or remove --cross-fit.'
        )
    return [f'{place}.source=files']


def cross_fit(
    launcher: Launcher,
    root: Path,
    name: str,
    config: str,
    options: Sequence[str],
    *,
    num_folds: int,
    masks: Path,
    soft: bool = False,
    merge_classes: bool = False,
) -> list[str]:
    """Predict the masks of every training clip by a model without this clip.

    Trains one stage one per fold on the training clips outside it, and
    writes its masks of the fold's clips.

    Args:
        launcher (Launcher): Starts the tools.
        root (Path): Parent of the work dirs.
        name (str): Name of the step; ``_fold_K_k`` is added.
        config (str): Config file of stage one.
        options (Sequence[str]): Overrides, among them the subset.
        num_folds (int): Number of folds K.
        masks (Path): Folder of the masks of all folds and subsets.
        soft (bool): Write scores instead of hard masks.
        merge_classes (bool): Write where a semantic model predicts any class.

    Returns:
        list[str]: SHA-256 of the K checkpoints, for
        ``MaskPriorCheckHook(expect_held_out=...)``.
    """
    checkpoints = []
    for number in range(num_folds):
        entries = (f'num_folds={num_folds}', f'number={number}')
        fold = [
            *(f'train_dataloader.dataset.fold.{entry}' for entry in entries),
            'train_dataloader.dataset.fold.part=train',
        ]
        held_out = [
            *(f'test_dataloader.dataset.fold.{entry}' for entry in entries),
            'test_dataloader.dataset.fold.part=held_out',
        ]
        trained = run_training(
            *(launcher, root, f'{name}_fold_{num_folds}_{number}'),
            *(config, [*options, *fold]),
        )
        dump_masks(
            *(launcher, masks, config, [*options, *held_out], trained),
            split='train',
            soft=soft,
            merge_classes=merge_classes,
        )
        checkpoints.append(trained.checkpoint_hash)
    return checkpoints


def expect_held_out(subset: str, checkpoints: Sequence[str]) -> str:
    """Make the override that accepts only masks of these folds.

    Args:
        subset (str): Subset of the clips.
        checkpoints (Sequence[str]): From :func:`cross_fit`.

    Returns:
        str: KEY=VALUE.
    """
    hook = 'default_hooks.mask_prior_check.expect_held_out'
    return f'{hook}.{subset}=[{",".join(checkpoints)}]'
