"""The listings of docs/add_a_dataset.md work as they are printed."""

import sys

import numpy as np
import pytest
import soundfile
import torch
from mmavs.apis import AVSInferencer
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from support.typed_pages import type_in

CONFIG = 'configs/own_clips/aavs_tiny_own-clips-96x96.py'
#: Name, split and frames; the two training clips form one batch.
CLIPS = [
    ('short', 'train', 1),
    ('long', 'train', 7),
    ('a', 'val', 1),
    ('b', 'test', 7),
    ('c', 'test', 1),
]


def _write_clips(root):
    root.mkdir(parents=True)
    rows = [f'{name},{split}' for name, split, _ in CLIPS]
    (root / 'clips.csv').write_text('\n'.join(['clip,split', *rows]) + '\n')
    for number, (name, _, num_frames) in enumerate(CLIPS):
        for folder in ('frames', 'labels'):
            (root / name / folder).mkdir(parents=True)
        for t in range(num_frames):
            ids = np.zeros((40, 60), np.uint8)
            ids[10:30, 5 * t : 5 * t + 25] = 1 + number % 2
            frame = np.repeat(60 * ids[..., None], 3, axis=2)
            Image.fromarray(frame).save(root / name / f'frames/{t}.jpg')
            Image.fromarray(ids).save(root / name / f'labels/{t}.png')
        seconds = np.arange(int((num_frames + 0.02) * 16000)) / 16000
        tone = 0.3 * np.sin(2 * np.pi * (300 + 200 * number) * seconds)
        soundfile.write(root / name / 'audio.wav', tone, 16000)


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """The files of the page, typed in, and clips."""
    root = tmp_path_factory.mktemp('project')
    assert type_in('add_a_dataset.md', root) == ['own_clips.py', CONFIG]
    _write_clips(root / 'data/own_clips')
    sys.path.insert(0, str(root))
    yield root
    sys.path.remove(str(root))


def _config(project, work_dir):
    cfg = Config.fromfile(project / CONFIG)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.data_root = str(project / dataset.data_root)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    return cfg


def test_short_and_long_clips_train_and_are_scored(project, tmp_path):
    runner = Runner.from_cfg(_config(project, tmp_path))
    dataset = runner.train_dataloader.dataset
    assert type(dataset).__module__ == 'own_clips'
    assert [clip['num_frames'] for clip in dataset.load_clips()] == [
        *(1, 7, 1, 7, 1)
    ]
    (batch,) = runner.train_dataloader
    lengths = sorted(len(frames) for frames in batch['inputs']['frames'])
    assert lengths == [1, 7]
    before = {
        name: parameter.detach().clone()
        for name, parameter in runner.model.named_parameters()
    }
    runner.train()
    assert runner.iter == 1
    assert any(
        not torch.equal(parameter, before[name])
        for name, parameter in runner.model.named_parameters()
    )
    metrics = runner.test()
    assert 0 <= metrics['dataset/mIoU'] <= 1
    colours = runner.test_dataloader.dataset.metainfo['palette']
    assert colours == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]

    checkpoint = tmp_path / 'epoch_1.pth'
    inferencer = AVSInferencer(project / CONFIG, checkpoint)
    assert inferencer.classes == ('background', 'bell', 'drum')
    assert inferencer.clip_seconds == 5


def test_sounds_are_exchanged_within_a_split(project, tmp_path):
    cfg = _config(project, tmp_path).test_dataloader.dataset
    cfg.sound_from = 'next_clip'
    import own_clips

    options = {k: v for k, v in cfg.items() if k not in ('type', 'pipeline')}
    dataset = own_clips.OwnClips(**options)
    sounds = {clip['clip_id']: clip['audio_path'] for clip in dataset}
    assert sounds['b'].endswith('c/audio.wav')
    assert sounds['c'].endswith('b/audio.wav')
