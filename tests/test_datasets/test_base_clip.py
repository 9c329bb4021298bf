"""BaseClipDataset, with a toy data set."""

from types import SimpleNamespace

import pytest
from mmavs.datasets import (
    AVSBenchDataset,
    BaseClipDataset,
    build_unread,
    iter_datasets,
)
from mmavs.engine.hooks.resume_state_hook import set_epoch
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmseg.registry import DATASETS


def _clip(clip_id, split='test', num_frames=2, **kwargs):
    return (
        dict(
            clip_id=clip_id,
            subset='all',
            split=split,
            num_frames=num_frames,
            frame_paths=[f'{clip_id}/{t}.jpg' for t in range(num_frames)],
            mask_paths=[f'{clip_id}/{t}.png' for t in range(num_frames)],
            audio_path=f'{clip_id}.wav',
        )
        | kwargs
    )


CLIPS = [_clip('a'), _clip('b', 'train', 1), _clip('c', num_frames=7)]


@DATASETS.register_module()
class ToyClips(BaseClipDataset):
    """Clips without files."""

    METAINFO = dict(classes=('background', 'bell', 'drum'))

    def __init__(self, *, clips=CLIPS, **kwargs):
        self.clips = clips
        super().__init__(**{'split': 'test'} | kwargs)

    def load_clips(self):
        return [dict(clip) for clip in self.clips]


def test_a_split_keeps_the_order_and_lengths_of_its_clips():
    clips = [(clip['clip_id'], clip['num_frames']) for clip in ToyClips()]
    assert clips == [('a', 2), ('c', 7)]
    both = ToyClips(split=['train', 'test'])
    assert [clip['clip_id'] for clip in both] == ['a', 'b', 'c']


def test_an_item_holds_the_seed_and_the_option_of_the_prior():
    dataset = ToyClips(seed=3, mask_prior=dict(source='files', root='masks'))
    dataset.epoch = 2
    clip = dataset[1]
    assert clip['rng_seed'] == (3, 2, 1)
    assert clip['mask_prior_option'].source == 'files'
    assert clip['mask_prior_paths'] == [
        f'masks/all/c/{t}.png' for t in range(7)
    ]
    assert ToyClips()[0]['mask_prior_option'] is None


def test_sounds_are_exchanged_within_the_split():
    sounds = [clip['audio_path'] for clip in ToyClips(sound_from='next_clip')]
    assert sounds == ['c.wav', 'a.wav']


def test_offscreen_sounds_need_categories():
    with pytest.raises(ValueError, match='ToyClips does not know; implement'):
        ToyClips(split='test', sound_from='offscreen')


def test_default_colours_are_those_of_pascal_voc():
    palette = ToyClips().metainfo['palette']
    assert palette == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    own = [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert ToyClips(metainfo=dict(palette=own)).metainfo['palette'] == own


def test_classes_are_required():
    class Nameless(ToyClips):
        METAINFO: dict = {}

    with pytest.raises(ValueError, match='Nameless needs classes, class 0'):
        Nameless()


def test_load_clips_is_required():
    class Empty(BaseClipDataset):
        METAINFO = dict(classes=('background', 'bell'))

    with pytest.raises(TypeError, match='load_clips'):
        Empty(split='test')


@pytest.mark.parametrize(
    ('clips', 'message'),
    [
        ([], 'no clip with split in .* among the 0 clips'),
        ([_clip('a', split='dev')], "clip 0: split must be .* got 'dev'"),
        ([_clip('a', subset='v2')], "clip 0: subset must be .* got 'v2'"),
        ([_clip('a/b')], "clip_id must name a folder, got 'a/b'"),
        ([_clip('a'), _clip('a')], "clip 'a' of subset 'all' occurs 2 times"),
        (
            [_clip('a', mask_paths=[None])],
            r"num_frames=2 paths each, got .*'mask_paths': 1",
        ),
        ([{'clip_id': 'a'}], r"'audio_path'\] missing"),
    ],
)
def test_faults_of_the_clips_are_named(clips, message):
    with pytest.raises(ValueError, match=message):
        ToyClips(clips=clips)


def test_faults_of_the_arguments_are_named():
    with pytest.raises(ValueError, match="split must be one of .*'dev'"):
        ToyClips(split='dev')
    with pytest.raises(ValueError, match=r"subsets must .*'all',\), got 'v2'"):
        ToyClips(subsets=['v2'])


def test_facts_of_a_data_set_without_reading_it():
    """The table of AVSBench does not exist here."""
    avsbench = build_unread(
        dict(
            type='AVSBenchDataset',
            data_root='nowhere',
            task='avss',
            split='val',
            subsets=['v2'],
            labels='semantic',
            mask_prior=dict(source='files', root='masks'),
            pipeline=[dict(type='LoadMaskPrior')],
        )
    )
    assert avsbench.usual_num_frames == 10
    assert avsbench.subsets == ('v2',)
    assert len(avsbench.metainfo['classes']) == 71
    toy = build_unread(dict(type=ToyClips, clips=None))
    assert (toy.usual_num_frames, toy.subsets) == (5, ('all',))
    with pytest.raises(ValueError, match="got type='ADE20KDataset'; see docs"):
        build_unread(dict(type='ADE20KDataset'))


@pytest.mark.parametrize(
    ('subset', 'task'), [('v1s', 's4'), ('v1m', 'ms3'), ('v2', 'avss')]
)
def test_options_that_restrict_a_data_set_to_a_subset(subset, task):
    options = AVSBenchDataset.subset_options(subset)
    assert options == dict(subsets=[subset], task=task)
    dataset = ToyClips(**ToyClips.subset_options('all'))
    assert len(dataset) == 2


def test_all_wrapped_data_sets_are_found_and_get_the_epoch():
    first, second = ToyClips(), ToyClips()
    both = ConcatDataset([first, second])
    outer = SimpleNamespace(dataset=both)
    assert list(iter_datasets(outer)) == [outer, both, first, second]
    set_epoch(outer, 4)
    assert (first.epoch, second.epoch) == (4, 4)
    set_epoch(RepeatDataset(first, times=2), 5)
    assert (first.epoch, second.epoch) == (5, 4)
