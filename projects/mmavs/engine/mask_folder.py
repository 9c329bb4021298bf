"""Arguments of the tools that score a folder of masks, and its reading."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmavs.datasets import AVSBenchDataset, BaseClipDataset, VPODataset
from mmavs.evaluation.bootstrap import (
    BINARY_PROTOCOLS,
    UNPADDED_PROTOCOLS,
    Scores,
    binary_scores,
    semantic_scores,
)
from mmavs.evaluation.mask_files import (
    BinaryMaskScorer,
    MaskFiles,
    SemanticMaskScorer,
    check_white,
)
from mmavs.evaluation.semantic_metric import PROTOCOLS
from mmavs.parallel import usable_cores

SEMANTIC_TASKS = ('avss', 'vpo')


def add_mask_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name masks, data and how to read both.

    Args:
        parser (argparse.ArgumentParser): The parser to extend.
    """
    parser.add_argument('pred_dir', type=Path, help='folder of masks')
    parser.add_argument('data', help='folder with metadata.csv')
    parser.add_argument(
        '--task', choices=['s4', 'ms3', *SEMANTIC_TASKS], required=True
    )
    parser.add_argument(
        '--subsets', nargs='+', help='of the data set (VPO: VPO-SS)'
    )
    parser.add_argument('--split', choices=['val', 'test'], default='test')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(224, 224),
        metavar=('H', 'W'),
        help='size of the masks, to which labels are resized (default: '
        '224 224)',
    )
    parser.add_argument(
        '--white',
        type=int,
        choices=[1, 255],
        default=255,
        help='S4 and MS3: value of a pixel that sounds for sure (default: '
        '255); values between are scores',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes that read masks (default: one per core)',
    )


def check_mask_arguments(
    parser: argparse.ArgumentParser, args: argparse.Namespace
) -> None:
    """Refuse combinations that have no meaning.

    Args:
        parser (argparse.ArgumentParser): Reports the error.
        args (argparse.Namespace): Its arguments.
    """
    if args.white != 255 and args.task in SEMANTIC_TASKS:
        parser.error('--white needs --task s4 or ms3')


def build_mask_dataset(
    args: argparse.Namespace, pipeline: Sequence[dict] = ()
) -> BaseClipDataset:
    """Build the data set of the command line.

    Args:
        args (argparse.Namespace): See :func:`add_mask_arguments`.
        pipeline (Sequence[dict]): Its transforms.

    Returns:
        BaseClipDataset: The data set.
    """
    is_semantic = args.task in SEMANTIC_TASKS
    options: dict[str, Any] = dict(
        split=args.split,
        subsets=args.subsets,
        data_root=args.data,
        labels='semantic' if is_semantic else 'binary',
        pipeline=pipeline,
    )
    if args.task == 'vpo':
        options['subsets'] = args.subsets or ['VPO-SS']
        return VPODataset(**options)
    return AVSBenchDataset(task=args.task, **options)


def build_scorer(
    root: Path, dataset: BaseClipDataset, args: argparse.Namespace
) -> BinaryMaskScorer | SemanticMaskScorer:
    """Build what reads and scores the masks of a clip.

    Args:
        root (Path): Folder of masks.
        dataset (BaseClipDataset): The clips.
        args (argparse.Namespace): See :func:`add_mask_arguments`.

    Returns:
        BinaryMaskScorer | SemanticMaskScorer: Called with a clip.

    Raises:
        FileNotFoundError: If there is no folder, or no mask of the first
            clip.
        ValueError: If ``--white`` does not fit the masks.
    """
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: expected a folder of masks.')
    files, size = MaskFiles(root), tuple(args.size)
    if args.task in SEMANTIC_TASKS:
        return SemanticMaskScorer(
            files,
            size,
            num_classes=len(dataset.metainfo['classes']),
            colours=args.task == 'avss',
        )
    check_white(files, dataset.list_clips()[0], args.white)
    return BinaryMaskScorer(files, size, args.white)


def protocols_of(dataset: BaseClipDataset) -> tuple[str, ...]:
    """List the protocols that a data set is scored under.

    Args:
        dataset (BaseClipDataset): The data set.

    Returns:
        tuple[str, ...]: Names.
    """
    if len(dataset.metainfo['classes']) == 2:
        return BINARY_PROTOCOLS
    is_avsbench = isinstance(dataset, AVSBenchDataset)
    return PROTOCOLS if is_avsbench else UNPADDED_PROTOCOLS


def prepare_scores(entries: Sequence[Any], dataset: BaseClipDataset) -> Scores:
    """Prepare the scores of all protocols of a data set.

    Args:
        entries (Sequence[Any]): Entries of ``AVSBinaryMetric`` or
            ``AVSSemanticMetric``, one per clip.
        dataset (BaseClipDataset): The clips.

    Returns:
        Scores: See :mod:`mmavs.evaluation.bootstrap`.
    """
    names = protocols_of(dataset)
    if len(dataset.metainfo['classes']) == 2:
        return binary_scores(entries, names)
    return semantic_scores(entries, names)
