"""Time AVSegFormer, and the published code next to it.

    python -m benchmarks.avsegformer [--backbone pvtv2-b5] [--size 512]

If the environment variable MMAVS_REFERENCE_ROOT names a folder with
AVSegFormer at commit 7083cb6, the published network takes turns with ours on
the CPU, with the same weights and inputs. It then uses its own fallback in
plain PyTorch for deformable attention, as it does wherever its CUDA operator
is not installed. Both networks get audio embeddings as input: VGGish is the
same in both and takes about 1 % of the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmavs.converters.avsegformer import convert_avsegformer
from mmavs.testing import avsegformer as published_code
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from benchmarks.timing import time_in_turns

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/avsegformer'
TASK, NUM_FRAMES, AUDIO_CHANNELS = 's4', 5, 128


def build_models(backbone: str) -> dict[str, Any]:
    """Build our network and, if its code is there, the published one.

    Args:
        backbone (str): 'r50' or 'pvtv2-b5'.

    Returns:
        dict[str, nn.Module]: 'mmavs' and, with the same random weights,
        'published'; both in evaluation mode, and with embeddings as audio.
    """
    name = f'avsegformer_{backbone}_1xb2-30e_{TASK}-512x512.py'
    init_default_scope('mmseg')
    torch.manual_seed(0)
    ours = MODELS.build(Config.fromfile(CONFIGS / name).model).eval()
    models: dict[str, Any] = {'mmavs': ours}
    reason = published_code.why_not()
    if reason is not None:
        print(f'Only mmavs is timed: {reason}.')
    else:
        models['published'] = published_code.build_network(
            published_code.import_network().model, backbone, TASK
        ).eval()
        weights, _ = convert_avsegformer(
            models['published'].state_dict(),
            backbone,
            TASK,
            expected=ours.state_dict(),
        )
        ours.load_state_dict(weights)
        models['published'].vggish = nn.Identity()
    ours.audio_backbone = nn.Identity()
    return models


def make_runners(backbone: str, size: int) -> dict[str, Callable[[], Tensor]]:
    """Make functions that segment one clip of five frames.

    Args:
        backbone (str): 'r50' or 'pvtv2-b5'.
        size (int): Height and width of the frames.

    Returns:
        dict[str, Callable[[], Tensor]]: By name of :func:`build_models`; each
        returns logits (5, 1, size, size).
    """
    models = build_models(backbone)
    frames = torch.randn(NUM_FRAMES, 3, size, size)
    audio = torch.randn(NUM_FRAMES, AUDIO_CHANNELS).relu()

    def ours() -> Tensor:
        model = models['mmavs']
        inputs = dict(frames=frames, audio=audio, num_frames=[NUM_FRAMES])
        return model.decode_head(model.extract_feat(inputs))[0]

    def published() -> Tensor:
        return models['published'](audio, frames)[0]

    runners = {'mmavs': ours, 'published': published}
    return {name: runners[name] for name in models}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--backbone', choices=('r50', 'pvtv2-b5'), default='r50'
    )
    parser.add_argument('--size', type=int, default=512)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with torch.inference_mode():
        runners = make_runners(args.backbone, args.size)
        outputs = [run() for run in runners.values()]
        timings = time_in_turns(runners, args.rounds)
    print(
        f'AVSegFormer, {args.backbone}, {NUM_FRAMES} frames of '
        f'{args.size}x{args.size}, CPU, {args.threads} thread(s), medians of '
        f'{args.rounds} calls'
    )
    print('| code | s | spread (s) | frames/s | CPU s |')
    print('|---|---|---|---|---|')
    for name, timing in timings.items():
        print(
            f'| {name} | {timing.median:.2f} | {timing.spread:.2f} | '
            f'{NUM_FRAMES / timing.median:.3f} | {timing.cpu:.2f} |'
        )
    if len(outputs) == 2:
        ours, theirs = timings.values()
        difference = (outputs[0] - outputs[1]).abs().max().item()
        print(
            f'mmavs is {theirs.median / ours.median:.2f} times as fast '
            f'({theirs.cpu / ours.cpu:.2f} by CPU time); logits differ by at '
            f'most {difference:.1e}'
        )


if __name__ == '__main__':
    main()
