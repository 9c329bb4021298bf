"""Folds of the clips are disjoint, complete and depend on names alone."""

import hashlib

import pytest
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.folds import assign_folds, parse_fold
from support.avsbench_tree import Clip, write_avsbench_tree

NAMES = ('a', 'b', 'c', 'd', 'e')


def _clips(names, subset='v1m', split='train'):
    return [dict(subset=subset, split=split, clip_id=name) for name in names]


def test_folds_follow_the_order_of_the_hashed_names():
    """SHA-256 of e begins with 3f, c 2e, b 3e, a ca, d 18: d c b e a."""
    digests = {n: hashlib.sha256(n.encode()).hexdigest()[:2] for n in NAMES}
    assert digests == dict(a='ca', b='3e', c='2e', d='18', e='3f')
    folds = assign_folds(_clips(NAMES), 2)
    assert folds == {
        ('v1m', 'train', name): fold
        for name, fold in dict(d=0, c=1, b=0, e=1, a=0).items()
    }
    assert assign_folds(_clips(reversed(NAMES)), 2) == folds


def test_every_subset_and_split_has_folds_of_its_own():
    clips = [
        *_clips(NAMES),
        *_clips('de', subset='v2'),
        *_clips('da', split='val'),
    ]
    folds = assign_folds(clips, 2)
    assert len(folds) == 9
    assert folds['v1m', 'train', 'e'] == folds['v2', 'train', 'e'] == 1
    # second of two, but fifth of five
    assert (folds['v1m', 'val', 'a'], folds['v1m', 'train', 'a']) == (1, 0)


def test_more_folds_than_clips_are_refused():
    assert len(set(assign_folds(_clips(NAMES), 5).values())) == 5
    with pytest.raises(
        ValueError, match="got 6 folds and 5 clips in the split 'train' of"
    ):
        assign_folds(_clips(NAMES), 6)


@pytest.mark.parametrize('num_folds', [1, 0, -1, 2.0])
def test_fewer_than_two_folds_are_refused(num_folds):
    with pytest.raises(ValueError, match=f'at least 2, got {num_folds}'):
        assign_folds(_clips(NAMES), num_folds)


def test_a_data_set_has_a_fold_or_all_others(tmp_path):
    clips = [
        Clip('v1m', split, name, 17, (8, 8))
        for split, names in (('train', NAMES), ('test', 'z'))
        for name in names
    ]
    root = write_avsbench_tree(tmp_path, clips)

    def names(**options):
        dataset = AVSBenchDataset(
            data_root=str(root), task='ms3', split='train', **options
        )
        return [clip['clip_id'] for clip in dataset.list_clips()]

    parts = {
        (number, part): names(fold=dict(num_folds=2, number=number, part=part))
        for number in (0, 1)
        for part in ('train', 'held_out')
    }
    assert parts == {
        (0, 'held_out'): ['a', 'b', 'd'],
        (0, 'train'): ['c', 'e'],
        (1, 'held_out'): ['c', 'e'],
        (1, 'train'): ['a', 'b', 'd'],
    }
    fold = dict(num_folds=2, number=0, part='held_out')
    assert names(fold=fold, indices=[2]) == ['d']
    with pytest.raises(ValueError, match='got 6 folds and 5 clips'):
        names(fold=dict(num_folds=6, number=0, part='train'))


@pytest.mark.parametrize(
    ('fold', 'message'),
    [
        (
            dict(num_folds=2, number=0),
            r"entries .*got \['num_folds', 'number'\]",
        ),
        (dict(num_folds=1, number=0, part='train'), 'at least 2, got 1'),
        (dict(num_folds=2, number=2, part='train'), 'must be 0 to 1, got 2'),
        (dict(num_folds=2, number=0, part='test'), "'held_out'.*got 'test'"),
    ],
)
def test_a_wrong_option_is_named(fold, message):
    with pytest.raises(ValueError, match=message):
        parse_fold(fold)
