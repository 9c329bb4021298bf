"""The store of decoded clips: equal items, never out of date, damage."""

import errno
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.clip_pack import content_key
from mmavs.datasets.transforms import (
    ClipColorJitter,
    ClipRandomFlip,
    ClipResize,
    LoadClipFrames,
    LoadClipMasks,
    LoadMaskPrior,
    LoadWaveform,
    LogMel,
    NegativeSound,
    PackClip,
    PackedPictures,
    pack_pipeline,
)
from mmavs.preparation import convert_vpo
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image
from support.avsbench_tree import Clip, write_avsbench_tree
from support.tries import run_tool
from support.vpo_tree import write_vpo_release

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs'
STAGE_TWO = CONFIGS / 'stepping_stones'
#: One config for each kind of data set and pipeline.
KINDS = [
    *sorted((CONFIGS / '_base_/datasets').glob('avsbench*.py')),
    CONFIGS / 'aavs/aavs_swin-b_1xb1-60e_ms3-384x384_negative-sound.py',
    STAGE_TWO / 'aavs_swin-b_stage2_1xb1-60e_avss-384x384.py',
    STAGE_TWO / 'aavs_swin-b_stage2_1xb1-60e_avss-384x384_low-prior.py',
    STAGE_TWO / 'ease_vit-b_stage2_2xb60-22e_avss-224x224.py',
]
CLIPS = [
    Clip(subset, split, f'{subset}-{split}', class_id, size)
    for subset, class_id, size in (
        ('v1s', 17, (48, 64)),
        ('v1m', 28, (60, 40)),
        ('v2', 70, (32, 32)),
    )
    for split in ('train', 'val', 'test')
]
PIPELINE = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', size=(24, 32)),
    dict(type='LoadWaveform'),
    dict(type='LogMel'),
    dict(type='ClipResize', frame_size=(48, 32), mask_size=(24, 32)),
    dict(type='PackClip'),
]


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('avsbench'), CLIPS)


@pytest.fixture
def own_tree(tmp_path):
    return write_avsbench_tree(
        tmp_path / 'tree', [Clip('v1s', 'test', 'one', 17, (32, 40))]
    )


def build(tree, pack_dir=None, **options):
    options = dict(split='test', task='s4', pipeline=PIPELINE) | options
    return AVSBenchDataset(data_root=str(tree), pack_dir=pack_dir, **options)


def stored(pack_dir):
    return sorted(pack_dir.rglob('*.npy'))


def assert_equal(one, other):
    """Every tensor and every entry of the metainfo."""
    assert one['inputs'].keys() == other['inputs'].keys()
    for name, tensor in one['inputs'].items():
        assert tensor.dtype == other['inputs'][name].dtype
        assert torch.equal(tensor, other['inputs'][name]), name
    pairs = zip(one['data_samples'], other['data_samples'], strict=True)
    for mine, theirs in pairs:
        assert mine.metainfo == theirs.metainfo
        assert ('gt_sem_seg' in mine) == ('gt_sem_seg' in theirs)
        if 'gt_sem_seg' in mine:
            assert torch.equal(mine.gt_sem_seg.data, theirs.gt_sem_seg.data)


@pytest.mark.parametrize('path', KINDS, ids=lambda path: path.stem)
def test_items_are_equal(path, tree, tmp_path):
    """Written, read, and in the next epoch, whose random values differ."""
    cfg = Config.fromfile(path)
    for split in ('train', 'test'):
        dataset_cfg = cfg[f'{split}_dataloader'].dataset
        dataset_cfg.update(data_root=str(tree), indices=1)
        if dataset_cfg.get('mask_prior', {}).get('source') == 'files':
            dataset_cfg.mask_prior = dict(source='truth')
        if 'negative_sound' in dataset_cfg:
            dataset_cfg.negative_sound = dict(prob=0.5)
        plain = DATASETS.build(dataset_cfg)
        packed = DATASETS.build(dict(dataset_cfg, pack_dir=str(tmp_path)))
        for epoch in (0, 0, 1):
            plain.epoch = packed.epoch = epoch
            assert_equal(packed[0], plain[0])
    assert len(stored(tmp_path)) in (1, 2)
    assert list(tmp_path.glob('log_mel/*.logmel'))


def test_vpo_is_packed_too(tmp_path):
    release = write_vpo_release(tmp_path / 'release')
    convert_vpo(release / 'VPO', release / 'VGGSound', tmp_path / 'vpo')
    cfg = Config.fromfile(CONFIGS / '_base_/datasets/vpo_224x224.py')
    cfg = cfg.test_dataloader.dataset
    cfg.update(data_root=str(tmp_path / 'vpo'), indices=1)
    packed = DATASETS.build(dict(cfg, pack_dir=str(tmp_path / 'store')))
    plain = DATASETS.build(cfg)
    for _ in range(2):
        assert_equal(packed[0], plain[0])


def test_masks_of_stage_one_are_packed(own_tree, tmp_path):
    """A changed mask gives another key."""
    pipeline = [*PIPELINE[:2], dict(type='LoadMaskPrior'), *PIPELINE[2:]]
    masks = [tmp_path / f'{t}.png' for t in range(5)]
    for path in masks:
        Image.fromarray(np.full((24, 32), 51, np.uint8)).save(path)
    dataset = build(
        own_tree,
        str(tmp_path / 'store'),
        pipeline=pipeline,
        mask_prior=dict(source='truth'),
    )
    step = dataset.pipeline.transforms[0]
    assert isinstance(step, PackedPictures)
    info = dataset.get_data_info(0)
    info['mask_prior_paths'] = [str(path) for path in masks]
    files = info['mask_prior_option']._replace(source='files')
    info['mask_prior_option'] = files
    for _ in range(2):
        assert (step(dict(info))['mask_prior'] == np.float32(0.2)).all()
    Image.fromarray(np.full((24, 32), 102, np.uint8)).save(masks[4])
    prior = step(dict(info))['mask_prior']
    assert prior[:, 0, 0].tolist() == pytest.approx([0.2] * 4 + [0.4])


def test_a_changed_file_is_read_anew(own_tree, tmp_path):
    """Even if its size and its time stay the same."""
    packed = build(own_tree, str(tmp_path / 'store'))
    before = packed[0]['inputs']['frames'].clone()
    frame = own_tree / 'v1s/one/frames/2.jpg'
    content, times = frame.read_bytes(), frame.stat()
    # Another frame of the clip, padded after the end of its JPEG.
    Image.new('RGB', (40, 32), (9, 9, 9)).save(frame)
    new = frame.read_bytes()
    assert len(new) <= len(content)
    frame.write_bytes(new.ljust(len(content), b'\0'))
    os.utime(frame, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = packed[0]['inputs']['frames']
    assert torch.equal(after, build(own_tree)[0]['inputs']['frames'])
    assert (after[2] == 9).all()
    assert torch.equal(after[3], before[3])


def test_a_file_that_changes_during_decoding_is_not_stored(
    own_tree, tmp_path, monkeypatch
):
    frame = own_tree / 'v1s/one/frames/0.jpg'
    packed = build(own_tree, str(tmp_path / 'store'))
    load = LoadClipFrames.transform

    def changes(self, results):
        Image.new('RGB', (40, 32)).save(frame)
        return load(self, results)

    monkeypatch.setattr(LoadClipFrames, 'transform', changes)
    packed[0]
    assert stored(tmp_path / 'store') == []


def test_parameters_are_part_of_the_key(own_tree, tmp_path):
    for size in ((48, 32), (32, 48)):
        pipeline = [dict(step) for step in PIPELINE]
        pipeline[4]['frame_size'] = size
        item = build(own_tree, str(tmp_path), pipeline=pipeline)[0]
        assert item['inputs']['frames'].shape == (5, 3, *size)
    assert len(stored(tmp_path)) == 2


def test_no_two_lists_of_files_have_one_key(tmp_path):
    a, b = tmp_path / 'a', tmp_path / 'b'
    a.write_bytes(b'1')
    b.write_bytes(b'2')
    lists = [[a], [b], [a, b], [b, a], [a, None, b], [a, b, None], [None]]
    assert len({content_key({}, files) for files in lists}) == len(lists)
    assert content_key(1, [a]) != content_key(2, [a])


@pytest.mark.parametrize('damage', ['flip', 'cut', 'empty'])
def test_a_damaged_file_is_written_again(own_tree, tmp_path, damage):
    packed, plain = build(own_tree, str(tmp_path)), build(own_tree)
    packed[0]
    (path,) = stored(tmp_path)
    good = path.read_bytes()
    middle = len(good) // 2
    path.write_bytes(
        {
            'flip': good[:middle]
            + bytes([good[middle] ^ 1])
            + good[middle + 1 :],
            'cut': good[:middle],
            'empty': b'',
        }[damage]
    )
    assert_equal(packed[0], plain[0])
    assert path.read_bytes() == good


def test_a_file_is_a_npy_of_its_pictures(own_tree, tmp_path):
    item = build(own_tree, str(tmp_path))[0]
    (path,) = stored(tmp_path)
    record = np.load(path)[0]
    assert (record['frames'] == item['inputs']['frames'].numpy()).all()
    assert record['mask_size'].tolist() == [24, 32]


def test_a_repeated_frame_is_stored_and_decoded_once(tmp_path, monkeypatch):
    """``unlabelled='repeat_first'`` lists frame 0 five times."""
    tree = write_avsbench_tree(
        tmp_path / 'tree', [Clip('v1s', 'train', 'one', 17, (32, 40))]
    )
    opened = []
    monkeypatch.setattr(
        sys.modules[LoadClipFrames.__module__],
        '_read_rgb',
        lambda results, path: (
            opened.append(path) or np.asarray(Image.open(path))
        ),
    )
    store = tmp_path / 'store'
    packed = build(tree, str(store), split='train')
    first, second = packed[0], packed[0]
    assert len(opened) == 1
    assert_equal(first, second)
    record = np.load(stored(store)[0])[0]
    assert record['frames'].shape == (1, 3, 48, 32)
    assert record['frames_rows'].tolist() == [0] * 5


def test_random_transforms_are_not_packed(tmp_path):
    load = [LoadClipFrames(), LoadClipMasks()]
    sound = [LoadWaveform(), LogMel()]
    resize, flip, pack = ClipResize(), ClipRandomFlip(), PackClip()
    steps = pack_pipeline([*load, *sound, resize, pack], tmp_path, None)
    assert steps[0].transforms == [*load, resize]
    assert not steps[0].contiguous
    assert steps[1:] == [*sound, pack]
    assert sound[1].cache_dir == tmp_path / 'log_mel'

    steps = pack_pipeline([*load, *sound, flip, resize, pack], tmp_path, None)
    assert steps[0].transforms == load
    assert steps[0].contiguous
    assert steps[1:] == [*sound, flip, resize, pack]

    # Blank masks stay blank, but a prior must not be made of them.
    negative = NegativeSound()
    steps = pack_pipeline([*load, negative, resize, pack], tmp_path, None)
    assert steps[0].transforms == [*load, resize]
    assert steps[1:] == [negative, pack]
    prior = LoadMaskPrior()
    steps = pack_pipeline([*load, negative, prior, resize], tmp_path, None)
    assert steps[0].transforms == load

    class OwnFrames(LoadClipFrames):
        """May read anything."""

    steps = [OwnFrames(), resize, pack]
    assert pack_pipeline(steps, tmp_path, None) == steps


def test_colours_are_computed_alike(own_tree, tmp_path):
    """Sums of floats depend on the order in memory."""
    jitter = dict(type=ClipColorJitter)
    pipeline = [*PIPELINE[:5], jitter, PIPELINE[5]]
    packed = build(own_tree, str(tmp_path), pipeline=pipeline)
    plain = build(own_tree, pipeline=pipeline)
    for _ in range(2):
        assert_equal(packed[0], plain[0])


def test_a_full_disk_is_named(own_tree, tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, 'No space left on device')

    packed = build(own_tree, str(tmp_path / 'store'))
    monkeypatch.setattr(Path, 'write_bytes', full)
    with pytest.raises(OSError, match='no space left for packed clips in'):
        packed[0]
    assert [p for p in (tmp_path / 'store').rglob('*') if p.is_file()] == []


def test_a_missing_frame_is_named_as_without_the_store(own_tree, tmp_path):
    packed = build(own_tree, str(tmp_path))
    packed[0]
    (own_tree / 'v1s/one/frames/3.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'frame file .*3\.jpg'):
        packed[0]


def test_the_tool_fills_the_store(tree, tmp_path, capsys):
    """A second run goes on, and removes what a killed run left."""
    config, store = tmp_path / 'config.py', tmp_path / 'store'
    data = f"dict(type='AVSBenchDataset', data_root={str(tree)!r}, task='s4'"
    config.write_text(
        f'pipeline = {PIPELINE}\n'
        f'train_dataloader = dict(dataset=dict(type="RepeatDataset", times=2,'
        f' dataset={data}, split="train", pipeline=pipeline)))\n'
        f'test_dataloader = dict(dataset={data}, split="test", '
        'pipeline=pipeline))\n'
    )
    tool = 'dataset_converters/pack_clips.py'
    words = [str(config), str(store), '--workers', '1']
    assert '2 clips are packed; ' in run_tool(tool, words, capsys).out
    files = stored(store)
    assert len(files) == 2
    times = [path.stat().st_mtime_ns for path in files]
    leftover = files[0].with_name('.x-0123.npy')
    for name, age in ((leftover, 4000), (leftover.with_name('.y-1.npy'), 9)):
        name.write_bytes(b'')
        at = name.stat().st_mtime - age
        os.utime(name, (at, at))
    out = run_tool(tool, words, capsys).out
    assert 'removed 1 temporary files' in out
    assert [path.stat().st_mtime_ns for path in files] == times
    assert not leftover.exists()
