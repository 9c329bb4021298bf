"""Write a web page with the clips of a data set, as a model gets them."""

from __future__ import annotations

import argparse
from pathlib import Path

import mmavs  # noqa: F401  registers the data sets
import numpy as np
from mmavs.apis.result_folder import check_result_folder, replace_results
from mmavs.config_file import check_entries, read_config
from mmavs.datasets import BaseClipDataset, build_unread
from mmavs.datasets.front_end import find_front_end
from mmavs.engine import add_traceback_argument, error_line, quiet_libraries
from mmavs.engine.clip_picture import ClipMasks, clip_picture
from mmavs.structures import UNLABELLED
from mmavs.video.working_folder import working_folder
from mmavs.visualization.clip_page import (
    PageClip,
    clip_section,
    write_page_clip,
)
from mmavs.visualization.html_page import html_page
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from rich.progress import track


def parse_args() -> argparse.Namespace:
    """Read the command line.

    Returns:
        argparse.Namespace: Its values.
    """
    parser = argparse.ArgumentParser(
        description='Write a web page with clips of a data set: frames, '
        'truth, mask prior, audio and an audio player. Frames and masks are '
        'those that the pipeline of the config makes.'
    )
    parser.add_argument('config', help='config file, or the name of one')
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        metavar='DIR',
        help='folder to write; open its index.html',
    )
    parser.add_argument(
        '--phase',
        choices=['train', 'val', 'test'],
        default='train',
        help='which data loader of the config (default: %(default)s)',
    )
    parser.add_argument(
        '--num-clips',
        type=int,
        default=20,
        help='number of clips, evenly spaced (default: %(default)s)',
    )
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.num_clips < 1:
        parser.error(f'--num-clips must be 1 or more, got {args.num_clips}')
    return args


def write_clip(
    number: int, item: dict, dataset: BaseClipDataset, folder: Path
) -> PageClip:
    """Write the contact sheet and the sound of a clip.

    Args:
        number (int): Number of the clip on the page.
        item (dict): The packed clip.
        dataset (BaseClipDataset): Its data set.
        folder (Path): Folder of the page.

    Returns:
        PageClip: What the page shows.
    """
    samples = [sample.to_dict() for sample in item['data_samples']]
    truth = None
    if 'gt_sem_seg' in samples[0]:
        masks = [sample['gt_sem_seg']['data'][0].numpy() for sample in samples]
        truth = np.stack(masks)
        # Frames without a label are drawn without a mask.
        truth = np.where(truth == UNLABELLED, 0, truth)
    first = samples[0]
    facts = dict(
        index=str(first['sample_idx']),
        frames=str(first['num_frames']),
        first=str(first['frame_path']),
        sound=str(first['audio_path']),
    )
    picture = clip_picture(
        item['inputs'],
        samples,
        ClipMasks(truth=truth),
        metainfo=dataset.metainfo,
        front_end=find_front_end(dataset),
    )
    return write_page_clip(
        folder, str(number), picture, sound=first['audio_path'], facts=facts
    )


def run(args: argparse.Namespace) -> None:
    """Write the page.

    Args:
        args (argparse.Namespace): The command line.
    """
    check_result_folder(args.out)
    config = read_config(args.config)
    check_entries(config, f'{args.phase}_dataloader')
    init_default_scope(config.get('default_scope', 'mmseg'))
    dataset_cfg = config[f'{args.phase}_dataloader'].dataset
    build_unread(dataset_cfg)  # checks that it holds clips
    dataset = DATASETS.build(dataset_cfg)
    count = min(args.num_clips, len(dataset))
    chosen = np.linspace(0, len(dataset) - 1, count).astype(int).tolist()
    with working_folder(args.out) as part:
        entries = [
            write_clip(number, dataset[index], dataset, part)
            for number, index in enumerate(track(chosen, 'drawing clips'))
        ]
        title = f'{count} of {len(dataset)} clips, {args.phase}: {args.config}'
        page = html_page(title, [clip_section(entry) for entry in entries])
        (part / 'index.html').write_text(page, encoding='utf-8')
        facts = dict(config=str(args.config), phase=args.phase)
        replace_results(part, args.out, facts)
    print(f'Wrote {args.out / "index.html"}')


def main() -> None:
    """Write the page; wrong input ends in one line."""
    args = parse_args()
    quiet_libraries()
    with error_line(args):
        run(args)


if __name__ == '__main__':
    main()
