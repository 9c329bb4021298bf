"""Clips with the audio of other clips."""

from pathlib import Path

import pytest
from mmavs.datasets import AVSBenchDataset
from support.avsbench_tree import Clip, write_avsbench_tree


def _sounds(root, **options):
    dataset = AVSBenchDataset(data_root=str(root), split='test', **options)
    return {
        dataset[i]['clip_id']: Path(dataset[i]['audio_path']).parent.name
        for i in range(len(dataset))
    }


def test_sounds_move_on_by_one_within_each_subset(tmp_path):
    clips = [
        Clip('v1m', 'test', 'a'),
        Clip('v2', 'test', 'x'),
        Clip('v1m', 'test', 'b'),
        Clip('v1m', 'val', 'not here'),
        Clip('v2', 'test', 'y'),
        Clip('v1m', 'test', 'c'),
    ]
    root = write_avsbench_tree(tmp_path, clips)
    assert _sounds(root, task='avss', sound_from='next_clip') == dict(
        a='b', b='c', c='a', x='y', y='x'
    )
    own = _sounds(root, task='ms3')
    assert own == dict(a='a', b='b', c='c')


def test_a_single_clip_has_no_other_sound(tmp_path):
    root = write_avsbench_tree(tmp_path)
    with pytest.raises(ValueError, match="got only 'v1m-test' of v1m"):
        _sounds(root, task='ms3', sound_from='next_clip')


def test_unknown_source(tmp_path):
    root = write_avsbench_tree(tmp_path)
    with pytest.raises(ValueError, match="sound_from must be one of.*'nex'"):
        _sounds(root, task='ms3', sound_from='nex')
