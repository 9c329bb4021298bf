"""The steps of a two-stage training between training and test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmavs.datasets.mask_directory import MaskDirectory
from mmavs.engine.launcher import Launcher
from mmavs.engine.steps import Trained, read_record, report_skip, write_record
from mmengine.config import Config


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


def dump_masks(
    launcher: Launcher,
    masks: Path,
    config: str,
    options: Sequence[str],
    trained: Trained,
    *,
    soft: bool = False,
) -> None:
    """Write the masks of all splits of one subset that are missing.

    Args:
        launcher (Launcher): Starts the tool.
        masks (Path): Folder of the masks of all subsets.
        config (str): Config file of stage one.
        options (Sequence[str]): Overrides, among them the subset.
        trained (Trained): The trained stage one.
        soft (bool): Write scores instead of hard masks.
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
        *('--dump-masks', masks, '--split', 'all'),
        *(['--soft'] if soft else []),
        *('--cfg-options', *options),
    )
    num_clips = directory.count(trained.checkpoint_hash, mode)
    write_record(note, clips=num_clips, mode=mode)
