"""The worked examples of docs/metrics.md, recomputed from their tables."""

import re
from pathlib import Path

import pytest
import torch
from mmavs.evaluation import AVSBinaryMetric, AVSSemanticMetric
from support.predicted_clips import as_dicts, predicted_frames, predicted_ids

PAGE = (Path(__file__).parents[2] / 'docs/metrics.md').read_text('utf-8')
SPLIT = '## Semantic segmentation (AVSS)'
#: Cells that have digits after the point.
DECIMAL = re.compile(r'\d*\.\d+')


def _rows(text, pattern):
    """Cells of the table rows whose first cell matches."""
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in text.splitlines()
        if line.startswith('|')
    ]
    return [row for row in rows if re.fullmatch(pattern, row[0])]


def _clips(text):
    """Rows ``clip | frame | four pixels | four pixels``, by clip."""
    clips = {}
    for clip, _, first, second, *_ in _rows(text, '[abc]'):
        pixels = [[float(v) for v in cell.split()] for cell in (first, second)]
        clips.setdefault(clip, []).append(pixels)
    return [torch.tensor(frames)[:, :, None] for frames in clips.values()]


def _evaluate(metric, clips):
    for clip in clips:
        metric.process({}, as_dicts(clip))
    return metric.evaluate(len(clips))


def _stated(text, protocols):
    """The number that ends the cells mIoU and F of each protocol."""
    stated = {}
    for name in protocols:
        # The last table with this protocol is that of the example.
        row = _rows(text, f'`{name}`')[-1]
        for key, cell in zip(('mIoU', 'F'), row[-2:], strict=True):
            stated[f'{name}/{key}'] = float(DECIMAL.findall(cell)[-1])
    return stated


def test_binary_example():
    text, _ = PAGE.split(SPLIT)
    clips = [
        predicted_frames(torch.logit(clip[:, 1])[:, None], clip[:, 0] > 0.5)
        for clip in _clips(text)
    ]
    for index, clip in enumerate(clips):
        for sample in clip:
            sample.set_metainfo(dict(sample_idx=index, clip_id=str(index)))
    protocols = ('split', 'stepping_stones', 'avsbench-bs2', 'frame')
    result = _evaluate(AVSBinaryMetric(protocols), clips)
    assert [len(clip) for clip in clips] == [1, 1, 2]
    assert _stated(text, protocols) == pytest.approx(result, abs=6e-4)


def test_semantic_example():
    _, text = PAGE.split(SPLIT)
    protocols = ('stepping_stones', 'avsbench', 'present', 'dataset')
    metric = AVSSemanticMetric(protocols)
    metric.dataset_meta = {'classes': ('background', 'a', 'b', 'c')}
    clips = [
        predicted_ids(clip[:, 0].long(), clip[:, 1].long(), sample_idx=index)
        for index, clip in enumerate(_clips(text))
    ]
    result = _evaluate(metric, clips)
    assert [len(clip) for clip in clips] == [1, 2]
    stated = _stated(text, protocols)
    assert stated == pytest.approx(
        {name: result[name] for name in stated}, abs=6e-4
    )
