"""Training on negative sounds with blank masks."""

import numpy as np
import pytest
import soundfile
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.transforms import (
    LoadClipMasks,
    LoadWaveform,
    LogMel,
    NegativeSound,
    Waveform,
)
from mmavs.structures import UNLABELLED
from support.avsbench_tree import Clip, write_avsbench_tree


def make_clip(index=0, epoch=0):
    masks = np.ones((2, 4, 4), np.uint8)
    masks[1] = UNLABELLED
    samples = np.full(100, 0.25)
    return dict(
        clip_id=f'clip{index}',
        rng_seed=(0, epoch, index),
        sound_from='own',
        waveform=Waveform.from_samples(samples, 16000),
        masks=masks,
    )


def sounds(transform, epoch=0):
    """The sound of 400 clips, and whether masks and samples fit to it."""
    made = []
    for index in range(400):
        clip = transform(make_clip(index, epoch))
        made.append(clip['sound_from'])
        is_own = made[-1] == 'own'
        assert clip['masks'].any() == is_own
        assert clip['masks'].dtype == np.uint8
        level = np.abs(clip['waveform'].samples).max()
        assert (level == 0) == (made[-1] == 'silence')
        assert (level == 0.25) == is_own
    return made


def test_share_and_mixture():
    """Of 400 clips 160 negatives, 120 of them silence; 3 sigma is 30."""
    transform = NegativeSound(0.4, silence=3, noise=1)
    made = sounds(transform)
    assert 130 <= 400 - made.count('own') <= 190
    assert 90 <= made.count('silence') <= 150
    assert 20 <= made.count('noise') <= 60
    assert sounds(transform) == made
    assert sounds(transform, epoch=1) != made


def test_ends():
    assert set(sounds(NegativeSound(0))) == {'own'}
    assert set(sounds(NegativeSound(1, noise=0))) == {'silence'}
    assert set(sounds(NegativeSound(1, silence=0))) == {'noise'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(prob=1.5), r'prob must be in \[0, 1\], got 1.5'),
        (dict(noise=-1), "not all 0, got {'silence': 0.5, 'noise': -1, 'off"),
        (dict(silence=0, noise=0), 'at least 0 and not all 0, got'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        NegativeSound(**options)


def test_needs_masks_and_no_prior():
    clip = make_clip()
    del clip['masks']
    with pytest.raises(ValueError, match="'clip0': .* put it after LoadClip"):
        NegativeSound()(clip)
    clip = dict(make_clip(), mask_prior=np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match='train stage two without it'):
        NegativeSound()(clip)


def write_sounds(folder):
    """Two files, whose samples are 0.5 and 0.75."""
    paths = [str(folder / name) for name in ('a.wav', 'b.wav')]
    for path, level in zip(paths, (0.5, 0.75), strict=True):
        soundfile.write(path, np.full(100, level), 16000)
    return tuple(paths)


def test_offscreen_sounds(tmp_path):
    """Of 400 clips all negatives: half off-screen, of either file."""
    paths = write_sounds(tmp_path)
    transform = NegativeSound(1, silence=0.25, noise=0.25, offscreen=0.5)
    made = []
    for index in range(400):
        clip = transform(dict(make_clip(index), subset='v1m',
                              offscreen_paths=paths))  # fmt: skip
        assert not clip['masks'].any()
        level = clip['waveform'].samples[0]
        if clip['sound_from'] == 'offscreen':
            assert (
                level
                == dict(zip(paths, (0.5, 0.75), strict=True))[
                    clip['audio_path']
                ]
            )
        made.append((clip['sound_from'], clip.get('audio_path')))
    counts = {sound: made.count(sound) for sound in set(made)}
    assert len(counts) == 4
    for sound, count in counts.items():
        # 100 of each file, of silence and of noise; 4 sigma is 35.
        assert abs(count - 100) < 35, sound


def test_a_clip_without_offscreen_sound():
    """The other sounds take its place; without others nothing changes."""
    clip = dict(make_clip(), offscreen_paths=())
    transform = NegativeSound(1, silence=0, noise=0.1, offscreen=0.9)
    assert transform(dict(clip))['sound_from'] == 'noise'
    kept = NegativeSound(1, silence=0, noise=0, offscreen=1)(dict(clip))
    assert kept['sound_from'] == 'own'
    assert kept['masks'].any()
    with pytest.raises(ValueError, match="'clip0': .* set offscreen=0"):
        transform(make_clip())


def test_option_of_the_data_set(tmp_path):
    """Clips: dog, guitar, and one of both, which has no off-screen sound."""
    clips = [Clip('v1m', 'train', name, 17) for name in 'abc']
    root = write_avsbench_tree(tmp_path, clips)
    table = root / 'metadata.csv'
    lines = table.read_text().splitlines()
    lines[2] = lines[2].replace('dog', 'guitar')
    lines[3] = lines[3].replace('dog', 'dog_guitar')
    table.write_text('\n'.join(lines))
    steps = [
        LoadClipMasks(label='binary', size=(8, 8)),
        LoadWaveform(),
        LogMel(),
    ]

    def sounds(**weights):
        dataset = AVSBenchDataset(
            data_root=str(root),
            task='ms3',
            split='train',
            pipeline=steps,
            negative_sound=dict(prob=1, **weights),
        )
        names = [type(step).__name__ for step in dataset.pipeline.transforms]
        assert names[1:3] == ['LoadWaveform', 'NegativeSound']
        items = [dataset[i] for i in range(3)]
        assert not any(item['masks'].any() for item in items)
        return [
            (i['sound_from'], i['audio_path'].split('/')[-2]) for i in items
        ]

    assert sounds(silence=1e-9, noise=0, offscreen=1) == [
        ('offscreen', 'b'),
        ('offscreen', 'a'),
        ('silence', 'c'),
    ]
    # Without off-screen sounds the categories are not read.
    table.write_text(table.read_text().replace('a_obj', 'object'))
    assert sounds(noise=0) == [('silence', name) for name in 'abc']
    with pytest.raises(ValueError, match='needs the column a_obj'):
        sounds(offscreen=1)


def test_the_option_needs_a_sound_to_replace(tmp_path):
    with pytest.raises(ValueError, match=r'one LoadWaveform, .* got \[\]'):
        AVSBenchDataset(
            data_root='x', task='ms3', split='train', negative_sound=dict()
        )
