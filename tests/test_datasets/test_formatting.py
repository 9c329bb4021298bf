"""Packed clips, and batches of clips."""

import numpy as np
import pytest
import torch
from mmavs.datasets.transforms import PackClip, clip_collate
from mmavs.structures import CLIP_META_KEYS
from mmseg.registry import TRANSFORMS


def _results(num_frames=3, **kwargs):
    rng = np.random.default_rng(0)
    return dict(
        clip_id='a',
        subset='v1m',
        split='val',
        task='ms3',
        num_frames=num_frames,
        sample_idx=4,
        frame_paths=[f'frames/{t}.jpg' for t in range(num_frames)],
        mask_paths=[f'labels_rgb/{t}.png' for t in range(num_frames)],
        audio_path='audio.wav',
        frames=rng.integers(0, 256, (num_frames, 8, 12, 3), dtype=np.uint8),
        masks=rng.integers(0, 2, (num_frames, 4, 6), dtype=np.uint8),
        log_mel=rng.random((num_frames, 1, 96, 64), dtype=np.float32),
        **kwargs,
    )


def test_inputs_are_the_arrays_of_the_clip():
    results = _results()
    inputs = PackClip()(results)['inputs']
    assert set(inputs) == {'frames', 'audio'}
    assert inputs['frames'].dtype == torch.uint8
    expected = results['frames'].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(inputs['frames'], expected)
    assert inputs['audio'].dtype == torch.float32
    np.testing.assert_array_equal(inputs['audio'], results['log_mel'])


def test_audio_is_packed_by_its_key():
    rows = np.arange(3 * 2 * 4, dtype=np.float64).reshape(3, 2, 4)
    spans = [(0.0, 0.975), (0.96, 1.935), None]
    results = _results(audio_windows=rows, audio_spans=spans)
    packed = PackClip(audio_key='audio_windows')(results)
    assert packed['inputs']['audio'].dtype == torch.float32
    np.testing.assert_array_equal(packed['inputs']['audio'], rows)
    assert [s.audio_span for s in packed['data_samples']] == spans


def test_a_missing_audio_key_is_named():
    with pytest.raises(
        ValueError, match=r"'a' has no 'fbank' .*audio_key=.*'log_mel'"
    ):
        PackClip(audio_key='fbank')(_results())


def test_mask_prior_gets_a_channel():
    prior = np.random.default_rng(1).random((3, 4, 6), dtype=np.float32)
    inputs = PackClip()(_results(mask_prior=prior))['inputs']
    assert inputs['mask_prior'].shape == (3, 1, 4, 6)
    np.testing.assert_array_equal(inputs['mask_prior'][:, 0], prior)


def test_one_data_sample_per_frame():
    results = _results()
    samples = PackClip()(results)['data_samples']
    assert [sample.frame_index for sample in samples] == [0, 1, 2]
    for t, sample in enumerate(samples):
        assert set(sample.metainfo) == set(CLIP_META_KEYS)
        assert sample.gt_sem_seg.data.dtype == torch.int64
        np.testing.assert_array_equal(
            sample.gt_sem_seg.data, results['masks'][t][None]
        )
        assert sample.frame_path == f'frames/{t}.jpg'
        assert sample.mask_path == f'labels_rgb/{t}.png'
    assert samples[2].clip_id == 'a'
    assert samples[2].num_frames == 3
    assert samples[2].sample_idx == 4
    assert samples[2].ori_shape == (4, 6)
    assert samples[2].img_shape == samples[2].pad_shape == (8, 12)


@pytest.mark.parametrize(
    ('extra', 'ori_shape'), [({'mask_size': (5, 7)}, (5, 7)), ({}, (8, 12))]
)
def test_a_clip_without_labels(extra, ori_shape):
    """Predictions have the size for masks if set, else the frame size."""
    results = _results(**extra)
    del results['masks'], results['mask_paths']
    sample = PackClip()(results)['data_samples'][0]
    assert 'gt_sem_seg' not in sample
    assert sample.mask_path is None
    assert sample.ori_shape == ori_shape


def test_a_frame_without_a_label():
    """The label stays 255 everywhere, and there is no file name."""
    results = _results()
    results['mask_paths'][1] = None
    results['masks'][1] = 255
    samples = PackClip()(results)['data_samples']
    paths = [sample.mask_path for sample in samples]
    assert paths == ['labels_rgb/0.png', None, 'labels_rgb/2.png']
    assert (samples[1].gt_sem_seg.data == 255).all()
    assert samples[2].gt_sem_seg.data.max() <= 1


def test_collated_clips_may_differ_in_length():
    clips = [PackClip()(_results(num_frames)) for num_frames in (3, 2)]
    batch = clip_collate(clips)
    assert [len(rows) for rows in batch['inputs']['frames']] == [3, 2]
    assert [len(clip) for clip in batch['data_samples']] == [3, 2]
    assert batch['inputs']['audio'][1] is clips[1]['inputs']['audio']


def test_everything_is_in_the_registry():
    names = (
        'LoadClipFrames LoadClipMasks ClipResize ClipResizeCenterCrop '
        'ClipRandomFlip ClipRandomCrop ClipColorJitter PackClip'
    ).split()
    assert [name for name in names if name not in TRANSFORMS] == []
