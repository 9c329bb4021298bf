"""The bases in configs/_base_/datasets, from files to batches.

For TPAVI and AVSegFormer; those of AAVS are tested with its configs.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.transforms import clip_collate
from mmavs.models.data_preprocessor import AVSDataPreprocessor
from mmengine.config import Config
from mmengine.registry import DefaultScope
from support.avsbench_tree import write_avsbench_tree

CONFIGS = Path(__file__).parents[2] / 'configs'
#: Have no base, because they only set the task.
MS3 = {
    'ms3_224x224': 'tpavi/tpavi_pvtv2-b5_1xb4-30e_ms3-224x224',
    'ms3_512x512': 'avsegformer/avsegformer_pvtv2-b5_1xb2-60e_ms3-512x512',
}
SIZES = {'224x224': 224, '512x512': 512}
BINARY = [(task, size) for task in ('s4', 'ms3') for size in SIZES]
SUBSET = {'s4': 'v1s', 'ms3': 'v1m'}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('avsbench'))


def _base(name):
    path = MS3.get(name, f'_base_/datasets/avsbench_{name}')
    return Config.fromfile(CONFIGS / f'{path}.py')


def _clips(root, cfg, split):
    dataset = dict(cfg[f'{split}_dataloader'].dataset, data_root=str(root))
    assert dataset.pop('type') == 'AVSBenchDataset'
    with DefaultScope.overwrite_default_scope('mmseg'):
        return list(AVSBenchDataset(**dataset))


def _truth(clip):
    return torch.cat([s.gt_sem_seg.data for s in clip['data_samples']])


@pytest.mark.parametrize(('task', 'size'), BINARY)
def test_binary_clips_come_at_their_size_with_their_labels(root, task, size):
    cfg, side = _base(f'{task}_{size}'), SIZES[size]
    for split in ('train', 'val', 'test'):
        (clip,) = _clips(root, cfg, split)
        assert clip['inputs']['frames'].shape == (5, 3, side, side)
        assert clip['inputs']['audio'].shape == (5, 1, 96, 64)
        first = clip['data_samples'][0]
        assert (first.subset, first.split) == (SUBSET[task], split)
        assert first.ori_shape == (side, side)
        truth = _truth(clip)
        values = [set(frame.unique().tolist()) for frame in truth]
        only_first = (task, split) == ('s4', 'train')
        assert values == [{0, 1}] + [{255} if only_first else {0, 1}] * 4


@pytest.mark.parametrize('task', ['s4', 'ms3'])
def test_512_is_what_is_stored_at_224_enlarged(root, task):
    """AVSegFormer enlarges stored 224 x 224 images, which adds no detail."""
    small, large = (
        _clips(root, _base(f'{task}_{size}'), 'val')[0] for size in SIZES
    )
    # Pillow's NEAREST takes pixel floor((i + 1/2) * 224 / 512).
    index = ((torch.arange(512) + 0.5) * 224 / 512).long()
    truth = _truth(small)[:, index][:, :, index]
    assert torch.equal(_truth(large), truth)


@pytest.mark.parametrize(
    ('name', 'protocols'),
    [
        ('s4_224x224', ['split', 'avsbench-bs4']),
        ('ms3_224x224', ['split', 'avsbench-bs4']),
        ('s4_512x512', ['split', 'avsbench-bs2']),
        ('ms3_512x512', ['split', 'avsbench-bs2']),
        ('avss_224x224', ['stepping_stones', 'avsbench', 'dataset']),
    ],
)
def test_protocols_are_those_of_the_published_figures(name, protocols):
    cfg = _base(name)
    assert cfg.val_evaluator.protocols == protocols
    assert cfg.test_evaluator == cfg.val_evaluator


def test_avss_trains_on_centres_and_tests_on_whole_frames(root):
    """Wide frames of 48 x 64: the square keeps its aspect in training."""
    cfg = _base('avss_224x224')
    for split, width in (('train', 21 * 224 / 48), ('val', 21 * 224 / 64)):
        clip = _clips(root, cfg, split)[0]
        assert clip['inputs']['frames'].shape == (5, 3, 224, 224)
        # The labelled square is 48 // 3 = 16 high and 64 // 3 = 21 wide.
        square = _truth(clip)[0] == 17
        assert square.any(1).sum() == pytest.approx(16 * 224 / 48, abs=1)
        assert square.any(0).sum() == pytest.approx(width, abs=1)


def test_avss_becomes_one_padded_batch(root):
    """5, 5 and 10 frames, of which one is labelled, five, and ten."""
    clips = _clips(root, _base('avss_224x224'), 'train')
    collated = clip_collate(clips)
    batch = AVSDataPreprocessor(pad_clips_to=10)(collated)
    assert batch['inputs']['frames'].shape == (30, 3, 224, 224)
    assert batch['inputs']['num_frames'] == (10, 10, 10)
    assert batch['inputs']['valid'].view(3, 10).sum(1).tolist() == [5, 5, 10]
    labelled = [
        not (sample.gt_sem_seg.data == 255).all()
        for sample in batch['data_samples']
    ]
    assert labelled == [True] + [False] * 4 + [True] * 15


@pytest.mark.parametrize(
    ('name', 'fill'), [('s4_224x224', 'last'), ('avss_224x224', 'zeros')]
)
def test_short_sound_is_filled_up_as_published(tmp_path, name, fill):
    """3 seconds are 3 examples: 3 * 0.96 + 0.015 = 2.895 s are needed."""
    root = write_avsbench_tree(tmp_path)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 3 * 16000)
    soundfile.write(root / 'v1s/v1s-val/audio.wav', noise, 16000)
    log_mel = _clips(root, _base(name), 'val')[0]['inputs']['audio']
    last = log_mel[2] if fill == 'last' else torch.zeros(1, 96, 64)
    assert log_mel[:3].flatten(1).any(1).all()
    assert torch.equal(log_mel[3], last)
    assert torch.equal(log_mel[4], last)


def test_short_sound_can_be_an_error_that_names_the_clip(tmp_path):
    root = write_avsbench_tree(tmp_path)
    soundfile.write(root / 'v1s/v1s-val/audio.wav', np.zeros(48000), 16000)
    cfg = _base('s4_224x224')
    for transform in cfg.val_dataloader.dataset.pipeline:
        if transform.type == 'LogMel':
            transform.short = 'error'
    with pytest.raises(
        ValueError, match=r"clip 'v1s-val' of .*gives 3 examples .* 5 frames"
    ):
        _clips(root, cfg, 'val')
