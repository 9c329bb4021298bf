"""VPO in CAVP's layout, in DDESeg's repack, and its metric."""

import csv
import shutil

import numpy as np
import pytest
import soundfile
import torch
from mmavs.datasets import VPO_CLASSES, VPODataset
from mmavs.datasets.log_mel import example_spans, fit_examples
from mmavs.evaluation import AVSSemanticMetric
from mmavs.preparation import convert_vpo
from mmavs.validation import validate_datasets
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.registry import DATASETS
from PIL import Image
from support.predicted_clips import as_dicts, predicted_frames
from support.tries import ROOT
from support.vpo_tree import write_vpo_release

BASE = ROOT / 'configs/_base_/datasets/vpo_224x224.py'
MS = 'VPO-MS/000000000005'
MSMI = 'VPO-MSMI/000000000006'


@pytest.fixture(scope='module')
def release(tmp_path_factory):
    return write_vpo_release(tmp_path_factory.mktemp('release'))


@pytest.fixture(scope='module')
def root(release, tmp_path_factory):
    root = tmp_path_factory.mktemp('vpo') / 'data'
    convert_vpo(release / 'VPO', release / 'VGGSound', root)
    return root


def _dataset(root, **kwargs):
    return VPODataset(data_root=str(root), **(dict(split='test') | kwargs))


def test_clips_of_the_subsets(root):
    assert len(_dataset(root)) == 2
    (clip,) = _dataset(root, subsets=['VPO-MSMI'])
    assert clip['clip_id'] == '000000000006'
    assert clip['num_frames'] == 1
    assert clip['audio_path'] == str(root / MSMI / 'mono_audio.wav')
    (clip,) = _dataset(root, subsets=['VPO-MSMI'], sound='stereo')
    assert clip['audio_path'] == str(root / MSMI / 'stereo_audio.wav')


def test_a_tenth_of_the_training_clips_is_held_out(root):
    every = _dataset(root, split='train', hold_out=False)
    assert len(every) == 3 + 1 + 1
    kept, held = (_dataset(root, split=split) for split in ('train', 'val'))
    names = [{clip['clip_id'] for clip in each} for each in (kept, held)]
    assert names[0].isdisjoint(names[1])
    assert names[0] | names[1] == {clip['clip_id'] for clip in every}
    # zlib.crc32(name) % 10 == 0 for these alone.
    assert names[1] == {'000000000036_000000000106'}
    with pytest.raises(ValueError, match=r"split in \('val',\)"):
        _dataset(root, split='val', hold_out=False)


def test_category_ids_become_class_ids(root):
    ids = np.array(Image.open(root / MS / 'labels_semantic/0.png'))
    cat, car = VPO_CLASSES.index('cat'), VPO_CLASSES.index('car')
    assert (cat, car) == (6, 5)
    assert (ids[:8, :8] == cat).all()
    assert (ids[8:16, :8] == car).all()
    assert np.count_nonzero(ids) == 2 * 64


def test_sounds_are_mixed_at_their_positions(root):
    """Cat 0.5 at 0.25, car -0.125 at 1: left 0.375, right 0.125 - 0.125."""
    mono, rate = soundfile.read(root / MS / 'mono_audio.wav')
    assert (len(mono), rate) == (48000, 16000)
    assert np.allclose(mono, 0.375, atol=1e-7)
    stereo, _ = soundfile.read(root / MS / 'stereo_audio.wav')
    assert np.allclose(stereo, [0.375, 0.0], atol=1e-7)


def test_a_clip_as_the_configs_read_it(root):
    cfg = Config.fromfile(BASE).test_dataloader.dataset
    cfg.update(data_root=str(root), subsets=['VPO-SS'])
    with DefaultScope.overwrite_default_scope('mmseg'):
        (clip,) = DATASETS.build(cfg)
    assert clip['inputs']['frames'].shape == (1, 3, 224, 224)
    assert clip['inputs']['audio'].shape == (1, 1, 96, 64)
    (sample,) = clip['data_samples']
    truth = sample.gt_sem_seg.data
    assert truth.unique().tolist() == [0, VPO_CLASSES.index('dog')]


def test_the_middle_of_the_sound_is_used():
    """3 s give 3 examples; the second covers 0.96 s to 1.935 s."""
    examples = np.arange(3.0).reshape(3, 1, 1, 1)
    rules = dict(short='repeat_last', long='centre')
    assert fit_examples(examples, 1, **rules).item() == 1
    ((start, end),) = example_spans(3, 1, **rules)
    assert (start, end) == pytest.approx((0.96, 1.935))
    assert fit_examples(examples, 2, **rules).ravel().tolist() == [0, 1]
    assert fit_examples(examples, 4, **rules).ravel().tolist() == [0, 1, 2, 2]


def test_published_metric_is_the_protocol_dataset():
    """DDESeg: pixels summed over the set, mean over the classes in it.

    Dog: 3 pixels common of 4 predicted and 5 true. IoU 3 / 6, precision
    3 / 4, recall 3 / 5, F 1.3 * 0.45 / (0.3 * 0.75 + 0.6). Background: 5
    common of 8 and 6, IoU 5 / 9, F 1.3 * (25 / 48) / (0.3 * 5 / 8 + 5 / 6).
    Cat: never predicted, IoU and F are 0; the other classes do not count.
    """
    truth = torch.tensor([[9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 6]])
    prediction = torch.tensor([[9, 9, 9, 0, 0, 9, 0, 0, 0, 0, 0, 0]])
    metric = AVSSemanticMetric(protocols=['dataset'])
    metric.dataset_meta = dict(classes=VPO_CLASSES)
    (sample,) = predicted_frames(torch.zeros(1, 22, 1, 12), truth[None])
    sample.pred_sem_seg = PixelData(data=prediction[None])
    metric.process({}, as_dicts([sample]))
    scores = metric.evaluate(1)
    f_dog = 1.3 * 0.45 / (0.3 * 0.75 + 0.6)
    f_background = 1.3 * (25 / 48) / (0.3 * 5 / 8 + 5 / 6)
    assert scores['dataset/mIoU'] == pytest.approx((3 / 6 + 5 / 9) / 3)
    assert scores['dataset/F'] == pytest.approx((f_dog + f_background) / 3)


def test_the_repack_as_released(root, tmp_path):
    """Other column names, other file names, a uid without its subset."""
    copied = shutil.copytree(root, tmp_path / 'repack')
    for kind, old in (('frames', '0.jpg'), ('labels_semantic', '0.png')):
        path = copied / MSMI / kind / old
        path.rename(path.with_stem('000000000006'))
    with open(copied / 'vpo_data_clean.csv', 'w', newline='') as file:
        csv.writer(file).writerows(
            [
                ['video', 'image', 'label', 'ids', 'split', 'type'],
                [
                    '000000000006',
                    '000000000006.jpg',
                    '000000000006.png',
                    '[9]',
                    'test',
                    'VPO-MSMI',
                ],
            ]
        )
    dataset = _dataset(copied)
    assert len(dataset) == 1
    kinds = [item.kind for item in validate_datasets([dataset]).findings]
    assert kinds == ['sound-silent']  # the sounds of the test are constant


def test_the_converted_data_set_is_valid(root):
    splits = [_dataset(root, split=split) for split in ('train', 'test')]
    kinds = [item.kind for item in validate_datasets(splits).findings]
    assert set(kinds) == {'sound-silent'}  # the tests' sounds are constant


def test_an_interrupted_conversion_continues(release, root, tmp_path):
    copied = shutil.copytree(root, tmp_path / 'data', symlinks=True)
    for name in ('vpo_data_clean.csv', f'{MS}/stereo_audio.wav'):
        (copied / name).unlink()
    (copied / MS / '.mono_audio.wav.partial').write_bytes(b'half')
    convert_vpo(release / 'VPO', release / 'VGGSound', copied)
    for path in root.rglob('*'):
        if path.is_file():
            other = copied / path.relative_to(root)
            assert other.read_bytes() == path.read_bytes()
    assert not list(copied.rglob('.*'))


def test_what_is_wrong_is_named(release, root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'table of DDESeg.*vpo\.py'):
        _dataset(tmp_path)
    (tmp_path / 'vpo_data_clean.csv').write_text('uid,frame,mask\na,b,c\n')
    with pytest.raises(ValueError, match=r'got the header \[.uid., .frame'):
        _dataset(tmp_path)
    header = 'uid,frame,mask,category,split,type\n'
    table = tmp_path / 'vpo_data_clean.csv'
    table.write_text(f'{header}a,b,c,[1],test,VPO\n')
    with pytest.raises(ValueError, match=r"row 2: type .* got 'VPO'"):
        _dataset(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'VPO-SS, VPO-MS, VPO-MSMI'):
        convert_vpo(tmp_path / 'a', release / 'VGGSound', tmp_path / 'data')
    with pytest.raises(FileNotFoundError, match=r'10 files of 7 pictures'):
        convert_vpo(release / 'VPO', tmp_path / 'none', tmp_path / 'data')
    copied = shutil.copytree(release / 'VPO', tmp_path / 'VPO')
    table = copied / 'VPO-MS/vpo_ms_data_stereo.csv'
    table.write_text(table.read_text().replace('0.25', 'left'))
    with pytest.raises(ValueError, match=r"VPO-MS: .* audio_pos .* 'left'"):
        convert_vpo(copied, release / 'VGGSound', tmp_path / 'data')
    with pytest.raises(ValueError, match='expected a folder outside of'):
        convert_vpo(
            release / 'VPO', release / 'VGGSound', release / 'VPO/data'
        )
