"""Write a web page that shows where a model is right and where it is wrong.

Usage::

    python tools/analysis_tools/analyze_results.py masks PRED_DIR DATA \
        --task {s4,ms3,avss,vpo} --out DIR
    python tools/analysis_tools/analyze_results.py model CONFIG CHECKPOINT \
        --out DIR

``masks`` reads the PNG files of any model, as tools/eval_masks.py does;
``model`` tests the config's test split. The page has the scores of every
protocol, the best and worst clips, IoU against the size of the objects and
the loudness of the sound, and, for several classes, a table of the classes
and their confusions. Open DIR/index.html; DIR can be moved as a whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mmavs.apis.result_folder import check_result_folder, replace_results
from mmavs.config_file import OptionsAction, check_entries
from mmavs.datasets import BaseClipDataset, build_unread
from mmavs.datasets.front_end import find_front_end
from mmavs.engine import (
    ToolRunner,
    add_traceback_argument,
    error_line,
    load_config,
    quiet_libraries,
)
from mmavs.engine.clip_picture import (
    ClipMasks,
    clip_picture,
    predict_masks,
)
from mmavs.engine.mask_folder import (
    SEMANTIC_TASKS,
    add_mask_arguments,
    build_mask_dataset,
    build_scorer,
    check_mask_arguments,
)
from mmavs.engine.result_page import result_parts
from mmavs.evaluation.clip_analysis import (
    ClipAnalyses,
    ClipAnalysis,
    MaskFileAnalyser,
)
from mmavs.parallel import map_in_processes
from mmavs.video.working_folder import working_folder
from mmavs.visualization.clip_page import (
    PageClip,
    clip_section,
    write_page_clip,
)
from mmavs.visualization.html_page import html_page, html_text
from mmengine.registry import init_default_scope
from rich.progress import track


class Results(NamedTuple):
    """Predictions of a model for a split.

    Attributes:
        title (str): Names the predictions.
        dataset (BaseClipDataset): The clips, with a pipeline.
        analyses (list[ClipAnalysis]): One per clip, in order.
        masks (Callable[[dict], ClipMasks]): Returns the masks of a packed
            clip.
    """

    title: str
    dataset: BaseClipDataset
    analyses: list[ClipAnalysis]
    masks: Callable[[dict], ClipMasks]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest='kind', required=True)
    masks = kinds.add_parser('masks', help='PNG files of any model')
    add_mask_arguments(masks)
    masks.set_defaults(read=read_masks)
    model = kinds.add_parser('model', help='a config and its checkpoint')
    model.add_argument('config', help='config file, or the name of one')
    model.add_argument('checkpoint', help='checkpoint file')
    model.add_argument('--work-dir', help='folder for logs')
    model.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='override settings of the config, as in tools/test.py',
    )
    # load_config reads these; this tool runs in one process.
    model.set_defaults(launcher='none', local_rank=0, read=test_model)
    for kind in (masks, model):
        kind.add_argument(
            '--out',
            type=Path,
            required=True,
            metavar='DIR',
            help='folder to write; open its index.html',
        )
        kind.add_argument(
            '--num-clips',
            type=int,
            default=8,
            help='number of best and of worst clips (default: %(default)s)',
        )
        add_traceback_argument(kind)
    args = parser.parse_args(argv)
    if args.kind == 'masks':
        check_mask_arguments(masks, args)
    if args.num_clips < 1:
        parser.error(f'--num-clips must be 1 or more, got {args.num_clips}')
    return args


def read_masks(args: argparse.Namespace) -> Results:
    """Analyse a folder of masks.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        Results: Of the folder.
    """
    size = tuple(args.size)
    label = dict(label='binary', binary_resize='nearest')
    if args.task in SEMANTIC_TASKS:
        label = dict(label='semantic')
    pipeline: list[dict] = [
        dict(type='LoadClipFrames', size=size),
        dict(type='LoadClipMasks', size=size, other_aspect='squash', **label),
        dict(type='LoadWaveform'),
        dict(type='LogMel'),
        dict(type='PackClip'),
    ]
    init_default_scope('mmseg')
    dataset = build_mask_dataset(args, pipeline)
    scorer = build_scorer(args.pred_dir, dataset, args)
    analyser = MaskFileAnalyser(scorer, len(dataset.metainfo['classes']))
    clips = dataset.list_clips()
    analyses = list(
        map_in_processes(
            analyser,
            clips,
            num_workers=args.workers,
            description=str(args.pred_dir),
        )
    )

    def masks(item: dict) -> ClipMasks:
        index = item['data_samples'][0].sample_idx
        values, truth = scorer.read(clips[index])
        ious = analyses[index].frame_scores
        return ClipMasks(scorer.ids(values), truth, ious)

    title = f'{args.pred_dir}: {args.task} {args.split}'
    return Results(title, dataset, analyses, masks)


def test_model(args: argparse.Namespace) -> Results:
    """Test a model.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        Results: Of its test split.
    """
    cfg = load_config(args)
    check_entries(cfg, 'model', 'test_dataloader', 'test_cfg')
    build_unread(cfg.test_dataloader.dataset)  # checks that it holds clips
    cfg.test_evaluator = dict(type='ClipAnalyses')
    cfg.load_from = None
    cfg.resume = False
    runner = ToolRunner.from_cfg(cfg)
    runner.load_for_test(args.checkpoint, args.config)
    runner.test()
    (kept,) = runner.test_evaluator.metrics
    assert isinstance(kept, ClipAnalyses)
    dataset = runner.test_dataloader.dataset
    masks = partial(
        predict_masks,
        model=runner.model,
        num_classes=len(dataset.metainfo['classes']),
    )
    model = f'{Path(args.config).stem}, {Path(args.checkpoint).name}'
    title = f'{model}: {"+".join(dataset.splits)}'
    return Results(title, dataset, kept.entries, masks)


def write_clips(
    results: Results, chosen: Sequence[ClipAnalysis], folder: Path
) -> list[PageClip]:
    """Draw clips.

    Args:
        results (Results): The predictions.
        chosen (Sequence[ClipAnalysis]): The clips.
        folder (Path): Folder of the page.

    Returns:
        list[PageClip]: What the page shows.
    """
    entries, dataset = [], results.dataset
    for analysis in track(chosen, 'drawing clips'):
        item = dataset[analysis.sample_idx]
        samples = [sample.to_dict() for sample in item['data_samples']]
        picture = clip_picture(
            item['inputs'],
            samples,
            results.masks(item),
            metainfo=dataset.metainfo,
            front_end=find_front_end(dataset),
        )
        levels = ', '.join(f'{level:.0f}' for level in analysis.loudness)
        facts = dict(
            index=str(analysis.sample_idx),
            first=str(samples[0]['frame_path']),
            loudness=f'{levels} dBFS',
        )
        entry = write_page_clip(
            folder,
            str(analysis.sample_idx),
            picture,
            sound=samples[0]['audio_path'],
            facts=facts,
        )
        entries.append(entry)
    return entries


def run(args: argparse.Namespace) -> None:
    """Write the page.

    Args:
        args (argparse.Namespace): The command line.
    """
    check_result_folder(args.out)
    results = args.read(args)
    ranked = sorted(results.analyses, key=lambda analysis: analysis.score)
    # No clip is shown twice, where there are few.
    worst = ranked[: min(args.num_clips, (len(ranked) + 1) // 2)]
    best = ranked[len(worst) :][::-1][: args.num_clips]
    with working_folder(args.out) as part:
        parts = result_parts(results.analyses, results.dataset)
        for name, chosen in (('Worst', worst), ('Best', best)):
            parts.append(html_text('h2', f'{name} clips'))
            entries = write_clips(results, chosen, part)
            parts.extend(clip_section(entry) for entry in entries)
        title = f'{results.title}, {len(ranked)} clips'
        (part / 'index.html').write_text(
            html_page(title, parts), encoding='utf-8'
        )
        replace_results(part, args.out, dict(title=title))
    print(f'Wrote {args.out / "index.html"}')


def main() -> None:
    """Write the page; wrong input ends in one line."""
    args = parse_args()
    quiet_libraries()
    with error_line(args):
        run(args)


if __name__ == '__main__':
    main()
