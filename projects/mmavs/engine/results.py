"""Result files: metrics with all that is needed to compare them.

docs/metrics.md describes the schema. ``tools/test.py --results`` writes a file
with one run, ``tools/multi_seed.py`` one with a run per seed.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

import mmavs
from mmavs.datasets import BaseClipDataset
from mmavs.datasets.clip_identity import identify_dataset, is_synthetic
from mmavs.evaluation.seeds import summarise_metrics

#: Value of ``schema``; a change of the schema changes the number.
SCHEMA = 'mmavs-results-1'
#: Distributions of both OpenMMLab families.
_PACKAGES = (
    *('mmengine', 'mmsegmentation', 'mmdet', 'mmcv', 'mmcv-lite'),
    *('onedl-mmengine', 'onedl-mmsegmentation', 'onedl-mmdetection'),
    'onedl-mmcv',
)


def read_versions() -> dict[str, str]:
    """Return the versions of mmavs, torch and the OpenMMLab packages.

    Returns:
        dict[str, str]: By name of the distribution, which tells the family.
    """
    versions = dict(mmavs=mmavs.__version__, torch=torch.__version__)
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_data(dataset: Any) -> dict[str, Any]:
    """Identify the data that a model was tested on.

    Args:
        dataset (Any): The test data set.

    Returns:
        dict[str, Any]: ``type``, ``num_clips`` and, for clips, ``splits``,
        ``subsets``, ``sound_from``, ``hash`` (see
        :func:`~mmavs.datasets.clip_identity.identify_dataset`) and
        ``synthetic`` (bool).
    """
    facts: dict[str, Any] = dict(
        type=type(dataset).__name__, num_clips=len(dataset)
    )
    if isinstance(dataset, BaseClipDataset):
        facts.update(
            splits=list(dataset.splits),
            subsets=list(dataset.subsets),
            sound_from=dataset.sound_from,
            hash=identify_dataset(dataset.list_clips()),
            synthetic=is_synthetic(dataset.data_root),
        )
    return facts


def make_result(
    cfg: Config,
    dataset: Any,
    *,
    config_hash: str,
    seed: int | None,
    checkpoint: str | os.PathLike[str],
    checkpoint_hash: str,
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """Describe the test of a checkpoint.

    Args:
        cfg (Config): What was tested.
        dataset (Any): The test data set.
        config_hash (str): Hash of the config's settings that affect the
            result.
        seed (int | None): Of the training; None if the checkpoint does not
            name it.
        checkpoint (str | os.PathLike[str]): The file.
        checkpoint_hash (str): SHA-256 of the file.
        metrics (Mapping[str, float]): Values by ``protocol/metric``.

    Returns:
        dict[str, Any]: ``schema``, ``config`` (name of the config), ``data``
        and ``runs`` with one run.
    """
    run = dict(
        seed=seed,
        config_hash=config_hash,
        checkpoint=Path(checkpoint).name,
        checkpoint_hash=checkpoint_hash,
        versions=read_versions(),
        metrics=dict(metrics),
    )
    return dict(
        schema=SCHEMA,
        config=Path(cfg.filename).stem,
        data=describe_data(dataset),
        runs=[run],
    )


def merge_results(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Put runs of several seeds into one result.

    Args:
        results (Sequence[Mapping[str, Any]]): Of one config and one data set.

    Returns:
        dict[str, Any]: All runs, and ``summary``: see
        :func:`~mmavs.evaluation.seeds.summarise_metrics`.

    Raises:
        ValueError: If the config or the data differ.
    """
    first = results[0]
    for other in results[1:]:
        for name in ('config', 'data'):
            if other[name] != first[name]:
                raise ValueError(
                    f'expected results with one {name}, got {first[name]} and '
                    f'{other[name]}; were the clips replaced between two '
                    'seeds? Choose another work dir.'
                )
    runs = [run for result in results for run in result['runs']]
    summary = summarise_metrics([run['metrics'] for run in runs])
    return dict(first, runs=runs, summary=summary)


def read_result(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a result file.

    Args:
        path (str | os.PathLike[str]): The file.

    Returns:
        dict[str, Any]: Its content.

    Raises:
        ValueError: If it is not a result file of this schema.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get('schema') != SCHEMA:
        raise ValueError(
            f'{path}: expected a result file ({SCHEMA}), as written by '
            'tools/test.py --results, got another file.'
        )
    return content
