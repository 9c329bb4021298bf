"""Batches of clips become batches of frames."""

import pytest
import torch
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.transforms import clip_collate
from mmavs.models.data_preprocessor import AVSDataPreprocessor
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmseg.structures import SegDataSample
from support.avsbench_tree import write_avsbench_tree

PIPELINE = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', size=(28, 28)),
    dict(type='LoadWaveform'),
    dict(type='LogMel'),
    dict(type='ClipResize', frame_size=(24, 32), mask_size=(28, 28)),
    dict(type='PackClip'),
]


def _clip(name='a', num_frames=2, size=(4, 6), num_rows=None):
    """A packed clip whose pixel values give frame and channel."""
    frames = torch.zeros(num_frames, 3, *size, dtype=torch.uint8)
    frames += torch.tensor([12, 28, 30], dtype=torch.uint8).view(3, 1, 1)
    frames += torch.arange(num_frames, dtype=torch.uint8).view(-1, 1, 1, 1)
    rows = num_frames if num_rows is None else num_rows
    samples = [
        SegDataSample(metainfo=dict(clip_id=name, frame_index=t))
        for t in range(num_frames)
    ]
    return dict(
        inputs=dict(frames=frames, audio=torch.rand(rows, 1, 96, 64)),
        data_samples=samples,
    )


def _order(batch):
    return [
        (sample.clip_id, sample.frame_index)
        for sample in batch['data_samples']
    ]


def test_normalises_by_hand():
    """(12, 28, 30) with mean (10, 20, 30), std (2, 4, 5) -> (1, 2, 0)."""
    preprocessor = AVSDataPreprocessor(mean=(10, 20, 30), std=(2, 4, 5))
    frames = preprocessor(clip_collate([_clip()]))['inputs']['frames']
    assert frames.dtype == torch.float32
    assert frames[0, :, 0, 0].tolist() == [1.0, 2.0, 0.0]
    # Frame 1 is one higher in each channel: 1/2, 1/4, 1/5 more.
    expected = torch.tensor([1.5, 2.25, 0.2])
    torch.testing.assert_close(frames[1, :, 3, 5], expected)


def test_default_is_imagenet_in_255ths():
    """Equal to scaling to [0, 1] first, as the published code does."""
    clip = _clip()
    frames = AVSDataPreprocessor()(clip_collate([clip]))['inputs']['frames']
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    expected = (clip['inputs']['frames'] / 255 - mean) / std
    torch.testing.assert_close(frames, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ('num_clips', 'num_frames'), [(1, 3), (3, 1), (2, 3), (2, 2), (1, 1)]
)
def test_folds_clip_by_clip(num_clips, num_frames):
    clips = [_clip(str(i), num_frames) for i in range(num_clips)]
    batch = AVSDataPreprocessor()(clip_collate(clips))
    assert _order(batch) == [
        (str(i), t) for i in range(num_clips) for t in range(num_frames)
    ]
    assert batch['inputs']['frames'].shape == (
        num_clips * num_frames, 3, 4, 6
    )  # fmt: skip
    expected = torch.cat([clip['inputs']['audio'] for clip in clips])
    assert torch.equal(batch['inputs']['audio'], expected)


def test_another_collate_function_is_named():
    """mmengine's default transposes the lists of data samples."""
    clips = [_clip('a', 3), _clip('b', 3)]
    text = r"got the frame indices \[\[0, 0\].*type='clip_collate'"
    with pytest.raises(ValueError, match=text):
        AVSDataPreprocessor()(pseudo_collate(clips))


def test_clips_may_differ_in_length():
    batch = AVSDataPreprocessor()(
        clip_collate([_clip('a', 1), _clip('b', 3), _clip('c', 2)])
    )
    order = [('a', 0), ('b', 0), ('b', 1), ('b', 2), ('c', 0), ('c', 1)]
    assert _order(batch) == order
    # Frame t is t higher than frame 0; folding must keep that order.
    rise = batch['inputs']['frames'][:, 0, 0, 0] * 58.395 + 123.675 - 12
    expected = torch.tensor([0.0, 0, 1, 2, 0, 1])
    torch.testing.assert_close(rise, expected, atol=1e-4, rtol=0)


def test_mask_prior_is_folded_too():
    clips = [_clip('a', 2), _clip('b', 3)]
    for clip in clips:
        clip['inputs']['mask_prior'] = torch.rand(
            len(clip['data_samples']), 1, 5, 5
        )
    batch = AVSDataPreprocessor()(clip_collate(clips))
    expected = torch.cat([clip['inputs']['mask_prior'] for clip in clips])
    assert torch.equal(batch['inputs']['mask_prior'], expected)


def test_mean_and_std_are_no_part_of_checkpoints():
    assert AVSDataPreprocessor().state_dict() == {}


def test_rows_of_sound_must_match_the_frames():
    clips = [_clip('a', 2), _clip('b', 2, num_rows=3)]
    with pytest.raises(
        ValueError, match=r"audio of clip 'b' .* its 2 frames, got \(3, 1,"
    ):
        AVSDataPreprocessor()(clip_collate(clips))


def test_frames_of_a_batch_must_have_one_size():
    clips = [_clip('a'), _clip('b', size=(6, 4))]
    with pytest.raises(
        ValueError, match=r"got \(4, 6\) and, for clip 'b', \(6, 4\); let Cli"
    ):
        AVSDataPreprocessor()(clip_collate(clips))


def test_lost_data_samples_are_noticed():
    batch = clip_collate([_clip('a', 3)])
    del batch['data_samples'][0][1]
    with pytest.raises(
        ValueError, match=r'got the frame indices \[\[0, 2\]\]'
    ):
        AVSDataPreprocessor()(batch)


@pytest.mark.parametrize('lengths', [(1,), (5,), (10,), (1, 5, 10), (10, 5)])
def test_clips_are_filled_up_at_their_end(lengths):
    """Frames, audio and prior are padded with zeros."""
    clips = [_clip(str(i), length) for i, length in enumerate(lengths)]
    for clip in clips:
        clip['inputs']['mask_prior'] = 1 + torch.rand(
            len(clip['data_samples']), 1, 5, 5
        )
    collated = clip_collate(clips)
    plain = AVSDataPreprocessor()(collated)
    padded = AVSDataPreprocessor(pad_clips_to=10)(collated)
    inputs = padded['inputs']
    assert inputs['num_frames'] == (10,) * len(lengths)
    expected = [t < length for length in lengths for t in range(10)]
    assert inputs['valid'].tolist() == expected
    assert inputs['valid'].dtype == torch.bool
    for key in ('frames', 'audio', 'mask_prior'):
        rows = inputs[key]
        assert len(rows) == 10 * len(lengths)
        assert torch.equal(rows[inputs['valid']], plain['inputs'][key])
        assert not rows[~inputs['valid']].any()
        assert rows.dtype == plain['inputs'][key].dtype
    assert _order(padded) == _order(plain)
    assert len(padded['data_samples']) == sum(lengths)


@pytest.mark.parametrize('lengths', [(1,), (5,), (10,), (1, 5, 10)])
def test_without_padding_there_is_no_flag(lengths):
    clips = [_clip(str(i), length) for i, length in enumerate(lengths)]
    inputs = AVSDataPreprocessor()(clip_collate(clips))['inputs']
    assert set(inputs) == {'frames', 'audio', 'num_frames'}
    assert inputs['num_frames'] == lengths


def test_filled_up_frames_are_of_the_mean_colour():
    """Zeros after normalisation, as in AVSBench; not black."""
    preprocessor = AVSDataPreprocessor(
        mean=(10, 20, 30), std=(2, 4, 5), pad_clips_to=2
    )
    frames = preprocessor(clip_collate([_clip(num_frames=1)]))['inputs'][
        'frames'
    ]
    # (12, 28, 30) is (1, 2, 0); black would be (-5, -5, -6).
    assert frames[:, :, 0, 0].tolist() == [[1, 2, 0], [0, 0, 0]]


def test_a_clip_longer_than_the_padding_is_named():
    clips = [_clip('short', 2), _clip('long', 4)]
    with pytest.raises(
        ValueError, match=r"clip 'long' has 4 frames, more than pad_clips_to=3"
    ):
        AVSDataPreprocessor(pad_clips_to=3)(clip_collate(clips))


def test_padding_to_nothing_is_refused():
    with pytest.raises(ValueError, match='None or at least 1, got 0'):
        AVSDataPreprocessor(pad_clips_to=0)


def test_a_wrong_length_of_sound_names_the_clip_with_padding_too():
    """Padding must not hide that a clip has more audio than frames."""
    clips = [_clip('a', 2), _clip('b', 2, num_rows=3)]
    with pytest.raises(ValueError, match=r"audio of clip 'b' .* its 2 fram"):
        AVSDataPreprocessor(pad_clips_to=10)(clip_collate(clips))


def test_files_on_disk_become_a_batch(tmp_path):
    """Data set, transforms, collation and preprocessor fit together."""
    write_avsbench_tree(tmp_path)
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = AVSBenchDataset(
            task='avss',
            split='train',
            data_root=str(tmp_path),
            pipeline=PIPELINE,
        )
        batch = AVSDataPreprocessor()(clip_collate(list(dataset)))
    inputs, samples = batch['inputs'], batch['data_samples']
    # v1s 5 + v1m 5 + v2 10 frames, of three sizes on disk.
    assert inputs['frames'].shape == (20, 3, 24, 32)
    assert inputs['audio'].shape == (20, 1, 96, 64)
    assert [sample.subset for sample in samples] == (
        ['v1s'] * 5 + ['v1m'] * 5 + ['v2'] * 10
    )
    # The five seconds of a v1s training clip share frame 0 and label 0.
    assert (inputs['frames'][:5] == inputs['frames'][:1]).all()
    masks = torch.stack([sample.gt_sem_seg.data for sample in samples])
    assert masks.shape == (20, 1, 28, 28)
    assert masks.flatten(1).any(1).all()
