"""Clips with the audio of other clips."""

from pathlib import Path

import pytest
from mmavs.datasets import AVSBENCH_CLASSES, AVSBenchDataset
from mmavs.datasets.metainfo import AVSBENCH_CATEGORIES
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


#: Class ids: dog (animal), guitar (music), woman (human), car (device).
_DOG, _GUITAR, _WOMAN, _CAR = 17, 28, 70, 11


def test_offscreen_sounds_are_of_other_categories(tmp_path):
    ids = [_DOG, _DOG, _GUITAR, _WOMAN, _CAR, _GUITAR]
    clips = [Clip('v1m', 'test', f'{i}', c) for i, c in enumerate(ids)]
    # Of another subset and split, so never drawn.
    clips += [Clip('v1s', 'test', 'x', _CAR), Clip('v1m', 'val', 'y', _CAR)]
    root = write_avsbench_tree(tmp_path, clips)
    drawn = _sounds(root, task='ms3', sound_from='offscreen')
    assert set(drawn) == {'0', '1', '2', '3', '4', '5'}
    for clip, other in drawn.items():
        assert ids[int(clip)] != ids[int(other)]
    assert len(set(drawn.values())) > 2
    assert _sounds(root, task='ms3', sound_from='offscreen') == drawn


def _set_names(root, **names):
    """Write column a_obj of some clips."""
    lines = (root / 'metadata.csv').read_text().splitlines()
    for i, line in enumerate(lines[1:], 1):
        cells = line.split(',')
        cells[4] = names.get(cells[1], cells[4])
        lines[i] = ','.join(cells)
    (root / 'metadata.csv').write_text('\n'.join(lines) + '\n')


def test_several_sources_share_no_category(tmp_path):
    """a has dog and guitar, so only d (a car) suits it."""
    clips = [Clip('v1m', 'test', name) for name in 'abcd']
    root = write_avsbench_tree(tmp_path, clips)
    _set_names(root, a='dog_guitar', b='wolf', c='', d='emergency-car')
    drawn = _sounds(root, task='ms3', sound_from='offscreen')
    # c, in which nothing sounds, takes any sound and gives none.
    assert (drawn['a'], drawn['b']) == ('d', 'd')
    assert drawn['d'] in 'ab'
    assert drawn['c'] in 'abd'
    assert 'c' not in drawn.values()


def test_clips_without_offscreen_sound_are_left_out(tmp_path):
    """c has both categories of the others."""
    clips = [Clip('v1m', 'test', name, _DOG) for name in 'abc']
    root = write_avsbench_tree(tmp_path, clips)
    _set_names(root, b='guitar', c='dog_guitar')
    drawn = _sounds(root, task='ms3', sound_from='offscreen')
    assert drawn == dict(a='b', b='a')


def test_a_silent_object_does_not_make_the_offscreen_sound(tmp_path):
    """a shows a silent guitar; without that, b would suit it as well."""
    clips = [Clip('v1m', 'test', name, _DOG) for name in 'abcd']
    root = write_avsbench_tree(tmp_path, clips)
    _set_names(root, b='guitar', c='guitar', d='harp')
    for uid in 'efghij':  # several draws, of clips like a
        lines = (root / 'metadata.csv').read_text()
        (root / 'metadata.csv').write_text(
            f'{lines}x,{uid},0,0,dog,test,v1m\n'
        )
    table = root / 'metadata.csv'
    header, *rows = table.read_text().splitlines()
    shown = [
        f'{row},dog_guitar' if row.split(',')[1] in 'aefghij' else f'{row},'
        for row in rows
    ]
    plain = _sounds(root, task='ms3', sound_from='offscreen')
    assert {plain[name] for name in 'aefghij'} & set('bc')
    table.write_text('\n'.join([f'{header},visible', *shown]))
    drawn = _sounds(root, task='ms3', sound_from='offscreen')
    assert {drawn[name] for name in 'aefghij'} == {'d'}
    table.write_text(table.read_text().replace('dog_guitar', 'dog_gitar'))
    with pytest.raises(ValueError, match=r"column visible.*\['gitar'\]"):
        _sounds(root, task='ms3', sound_from='offscreen')


def test_no_offscreen_sound(tmp_path):
    clips = [Clip('v1m', 'test', name, _DOG) for name in 'ab']
    root = write_avsbench_tree(tmp_path, clips)
    with pytest.raises(ValueError, match=r"'a' of v1m .*\['animal'\].* none"):
        _sounds(root, task='ms3', sound_from='offscreen')
    _set_names(root, b='hound')
    with pytest.raises(ValueError, match=r"clip 'b': .*unknown \['hound'\]"):
        _sounds(root, task='ms3', sound_from='offscreen')
    table = root / 'metadata.csv'
    table.write_text(table.read_text().replace('a_obj', 'object'))
    with pytest.raises(ValueError, match='needs the column a_obj'):
        _sounds(root, task='ms3', sound_from='offscreen')


def test_every_class_has_one_category():
    names = [name for group in AVSBENCH_CATEGORIES.values() for name in group]
    assert sorted(names) == sorted(AVSBENCH_CLASSES[1:])
