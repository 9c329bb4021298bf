"""Items of single frames: their paths, audio and label."""

import numpy as np
import pytest
import soundfile
import torch
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.mask_directory import MaskDirectory
from mmengine.registry import DefaultScope
from support.avsbench_tree import (
    ONE_OF_EACH,
    write_avsbench_tree,
    write_mask_directory,
)

PIPELINE = [
    dict(type='LoadClipFrames', size=(16, 16)),
    dict(type='LoadClipMasks', label='semantic', size=(16, 16)),
    dict(type='LoadMaskPrior'),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', short='repeat_last'),
    dict(type='ClipResize', frame_size=(16, 16), mask_size=(16, 16)),
    dict(type='PackClip'),
]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = write_avsbench_tree(tmp_path_factory.mktemp('clips'))
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * 16000)
    soundfile.write(root / 'v2/v2-train/audio.wav', noise, 16000)
    write_mask_directory(root / 'masks', size=(16, 16))
    return root


def _dataset(root, items, **options):
    masks = dict(source='files', root=str(root / 'masks'))
    defaults = dict(
        data_root=str(root),
        task='avss',
        split='train',
        labels='semantic',
        unlabelled='ignore',
        mask_prior=masks,
        pipeline=PIPELINE,
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        return AVSBenchDataset(items=items, **{**defaults, **options})


def test_every_labelled_frame_is_an_item(root):
    """v1s: frame 0 of 5, v1m: 5, v2: 10."""
    assert len(_dataset(root, 'clips')) == 3
    dataset = _dataset(root, 'frames')
    assert len(dataset) == 16
    entries = [dataset.get_data_info(i) for i in range(16)]
    positions = [(e['subset'], e['frame_of_clip']) for e in entries]
    assert positions == (
        [('v1s', 0)]
        + [('v1m', t) for t in range(5)]
        + [('v2', t) for t in range(10)]
    )
    assert [e['rng_seed'] for e in entries] == [(0, 0, i) for i in range(16)]
    assert len(_dataset(root, 'frames', indices=[1])) == 5
    with pytest.raises(IndexError):
        dataset.get_data_info(16)


def test_an_item_equals_its_frame_of_the_clip(root):
    """Frame, label, prior and row of audio, also that of the last second."""
    clip = _dataset(root, 'clips')[2]
    frames = _dataset(root, 'frames')
    assert not torch.equal(*clip['inputs']['audio'][[3, 9]])
    for t in (3, 9):
        item = frames[6 + t]
        assert set(item['inputs']) == {'frames', 'audio', 'mask_prior'}
        for key, value in item['inputs'].items():
            torch.testing.assert_close(value, clip['inputs'][key][t : t + 1])
        (sample,) = item['data_samples']
        whole = clip['data_samples'][t]
        assert torch.equal(sample.gt_sem_seg.data, whole.gt_sem_seg.data)
        assert sample.frame_index == t
        assert sample.audio_span == whole.audio_span
        assert sample.frame_path == whole.frame_path


def test_masks_are_checked_by_clip(root):
    dataset = _dataset(root, 'frames')
    clips = dataset.list_clips()
    assert [len(clip['frame_paths']) for clip in clips] == [5, 5, 10]
    MaskDirectory(str(root / 'masks')).check(clips, size=(16, 16))
    with pytest.raises(ValueError, match=r'must be \(8, 8\)'):
        MaskDirectory(str(root / 'masks')).check(clips, size=(8, 8))


def test_augmentation_differs_between_frames(root):
    flip = [*PIPELINE[:2], PIPELINE[3], PIPELINE[4]]
    flip += [dict(type='ClipRandomFlip'), PIPELINE[-1]]
    dataset = _dataset(root, 'frames', mask_prior=None, pipeline=flip)
    plain = [p for p in flip if p['type'] != 'ClipRandomFlip']
    other = _dataset(root, 'frames', mask_prior=None, pipeline=plain)
    flipped = [
        not np.array_equal(
            dataset[i]['inputs']['frames'], other[i]['inputs']['frames']
        )
        for i in range(6, 16)
    ]
    assert 0 < sum(flipped) < 10


def test_frames_without_any_label(root):
    clips = [clip for clip in ONE_OF_EACH if clip.subset == 'v1s']
    assert clips
    dataset = _dataset(root, 'frames', task='s4', lazy_init=True)
    for clip in (entries := dataset.load_clips()):
        clip['mask_paths'] = [None] * clip['num_frames']
    dataset.load_clips = lambda: entries
    with (
        DefaultScope.overwrite_default_scope('mmseg'),
        pytest.raises(ValueError, match="items='frames' needs frames with"),
    ):
        dataset.full_init()


def test_other_items_are_refused(root):
    with pytest.raises(ValueError, match='items must be one of'):
        _dataset(root, 'seconds')
