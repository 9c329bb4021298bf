"""The clips of a data set, and the files of a clip."""

import numpy as np
import pytest
from mmavs.datasets import AVSBenchDataset
from support.avsbench_tree import ONE_OF_EACH, Clip, write_avsbench_tree
from torch.utils.data import DataLoader


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('avsbench'))


def _dataset(root, **kwargs):
    kwargs = dict(task='avss', split='val') | kwargs
    return AVSBenchDataset(data_root=str(root), **kwargs)


def _write_table(root, *lines):
    (root / 'metadata.csv').write_text('\n'.join(lines) + '\n')
    return root


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
@pytest.mark.parametrize(
    ('task', 'subsets'),
    [('s4', ['v1s']), ('ms3', ['v1m']), ('avss', ['v1s', 'v1m', 'v2'])],
)
def test_a_task_takes_its_subsets_of_one_split(root, task, subsets, split):
    dataset = _dataset(root, task=task, split=split)
    found = [(clip['subset'], clip['split'], clip['task']) for clip in dataset]
    assert found == [(subset, split, task) for subset in subsets]


def test_several_splits_hold_the_clips_of_each(root):
    """Every clip is read as in its own split, also v1s training clips."""
    splits = ['train', 'test']
    prior = dict(source='files', root='/dumped')
    both = _dataset(root, split=splits, mask_prior=prior)
    found = {(clip['subset'], clip['split']): clip for clip in both}
    assert len(found) == len(both) == 6
    for split in splits:
        for clip in _dataset(root, split=split, mask_prior=prior):
            other = found[clip['subset'], split]
            for key in set(clip) - {'sample_idx', 'rng_seed'}:
                assert clip[key] == other[key], key
    v1s = found['v1s', 'train']
    assert len(set(v1s['frame_paths'])) == 1
    assert v1s['mask_prior_paths'] == [
        f'/dumped/v1s/v1s-train/{t}.png' for t in range(5)
    ]


def test_subsets_override_the_task(root):
    dataset = _dataset(root, subsets=['v2'])
    assert [clip['clip_id'] for clip in dataset] == ['v2-val']


def test_files_and_lengths_of_clips(root):
    v1s, v1m, v2 = _dataset(root)
    assert [clip['num_frames'] for clip in (v1s, v1m, v2)] == [5, 5, 10]
    folder = f'{root}/v2/v2-val'
    names = range(10)
    assert v2['frame_paths'] == [f'{folder}/frames/{i}.jpg' for i in names]
    assert v2['mask_paths'] == [f'{folder}/labels_rgb/{i}.png' for i in names]
    assert v2['audio_path'] == f'{folder}/audio.wav'
    assert 'mask_prior_paths' not in v2


def test_only_frame_0_of_a_v1s_training_clip_is_labelled(root):
    """Frame 0 is repeated five times, with five seconds of audio."""
    clips = {clip['subset']: clip for clip in _dataset(root, split='train')}
    v1s = clips['v1s']
    assert v1s['frame_paths'] == [f'{root}/v1s/v1s-train/frames/0.jpg'] * 5
    assert v1s['mask_paths'] == [f'{root}/v1s/v1s-train/labels_rgb/0.png'] * 5
    assert v1s['num_frames'] == 5
    for subset, num_frames in (('v1m', 5), ('v2', 10)):
        assert len(set(clips[subset]['frame_paths'])) == num_frames
    v1s_val = _dataset(root, task='s4')[0]
    assert len(set(v1s_val['frame_paths'])) == 5


@pytest.mark.parametrize('task', ['s4', 'avss'])
def test_unlabelled_frames_may_be_kept_instead(root, task):
    """Reads five different frames and one label."""
    clip = _dataset(root, task=task, split='train', unlabelled='ignore')[0]
    folder = f'{root}/v1s/v1s-train'
    expected = [f'{folder}/frames/{t}.jpg' for t in range(5)]
    assert clip['frame_paths'] == expected
    assert clip['mask_paths'] == [f'{folder}/labels_rgb/0.png'] + [None] * 4


def test_all_other_clips_are_labelled_in_full(root):
    clips = [
        clip
        for split in ('train', 'val', 'test')
        for clip in _dataset(root, split=split, unlabelled='ignore')
        if (clip['subset'], split) != ('v1s', 'train')
    ]
    assert len(clips) == 8
    for clip in clips:
        assert len(set(clip['mask_paths'])) == clip['num_frames']
        assert None not in clip['mask_paths']


def test_mask_prior_and_label_folder_are_options(root):
    dataset = _dataset(
        root,
        task='ms3',
        labels='semantic',
        label_folder='labels_semantic',
        mask_prior=dict(source='files', root='/dumped'),
    )
    clip = dataset[0]
    assert clip['mask_prior_paths'][4] == '/dumped/v1m/v1m-val/4.png'
    assert clip['mask_paths'][4].endswith('v1m-val/labels_semantic/4.png')
    assert len(dataset.metainfo['classes']) == 71


def test_metainfo_is_binary_by_default_and_can_be_overridden(root):
    assert _dataset(root).metainfo['classes'] == ('background', 'sounding')
    painted = _dataset(root, metainfo=dict(palette=[[0, 0, 0], [9, 9, 9]]))
    assert painted.metainfo['palette'][1] == [9, 9, 9]


def test_random_transforms_draw_from_seed_epoch_and_clip(root):
    dataset = _dataset(root, seed=7)
    assert dataset[2]['rng_seed'] == (7, 0, 2)
    dataset.epoch = 3
    assert dataset[-1]['rng_seed'] == (7, 3, 2)
    assert dataset.epoch == 3


def test_persistent_workers_see_the_epoch(root):
    """Workers copy the data set before the first epoch."""
    dataset = _dataset(root)
    loader = DataLoader(
        dataset,
        num_workers=1,
        persistent_workers=True,
        collate_fn=lambda clips: clips[0]['rng_seed'],
    )
    for epoch in (0, 5):
        dataset.epoch = epoch
        assert list(loader) == [(0, epoch, i) for i in range(3)]


def test_indices_keep_some_clips(root):
    assert len(_dataset(root, indices=2)) == 2


def test_a_table_as_spreadsheets_save_it(tmp_path):
    """It has a byte order mark and Windows line endings."""
    table = 'uid,split,label\r\nä b_0,val,v1m\r\n'
    (tmp_path / 'metadata.csv').write_bytes(table.encode('utf-8-sig'))
    assert _dataset(tmp_path)[0]['clip_id'] == 'ä b_0'


def test_a_table_that_is_not_utf_8(tmp_path):
    """Excel's "CSV" of a Western European Windows; ä is byte 16 of it."""
    table = 'uid,split,label\nä b_0,val,v1m\n'
    (tmp_path / 'metadata.csv').write_bytes(table.encode('cp1252'))
    with pytest.raises(
        ValueError,
        match=r'metadata\.csv: expected text in UTF-8, got byte 0xe4 at '
        r'position 16; save the table as "CSV UTF-8"',
    ):
        _dataset(tmp_path)


def test_missing_table(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'metadata.csv not found.*da'):
        _dataset(tmp_path)


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (['uid,label', 'a,v1m'], r"\['split'\] missing; got the header"),
        (
            ['uid,split,label', 'a,val,v1m', 'b,val,v3'],
            r"row 3: label \(the subset\) must be one of .*, got 'v3'",
        ),
        (['uid,split,label', 'a,dev,v1m'], r"row 2: split .*, got 'dev'"),
        (['uid,split,label', 'a,val'], r'row 2: label .*, got None'),
        (
            ['uid,split,label', 'a,val,v1m', 'a,test,v1m'],
            r"row 3: uid 'a' of subset v1m is already in row 2",
        ),
        (['uid,split,label', '../a,val,v1m'], r"name a folder, got '../a'"),
        (['uid,split,label', ',val,v1m'], r"name a folder, got ''"),
        (
            ['uid,split,label', 'a,train,v1m'],
            r"no clip with split in \('val',\) and subset in .* 1 clips",
        ),
    ],
)
def test_faults_of_the_table_are_named(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        _dataset(_write_table(tmp_path, *lines))


def test_one_uid_may_occur_in_two_subsets(tmp_path):
    lines = ['uid,split,label', 'a,val,v1m', 'a,val,v2']
    assert len(_dataset(_write_table(tmp_path, *lines))) == 2


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(task='s5'), r"task must be one of .*, got 's5'"),
        (dict(split='dev'), r"split must be one of .*, got 'dev'"),
        (dict(subsets=['v3']), r"subsets must be one of .*, got 'v3'"),
        (dict(unlabelled='drop'), r"unlabelled must be one of .*'drop'"),
        (dict(labels='soft'), r"'binary' or 'semantic', got 'soft'"),
        (dict(label_folder='masks'), r'label_folder must be one of'),
    ],
)
def test_wrong_arguments_are_named(root, kwargs, message):
    with pytest.raises(ValueError, match=message):
        _dataset(root, **kwargs)


def test_the_tree_holds_what_the_data_set_expects(root):
    """Checks the helper that other tests use."""
    num_files = 0
    for split in ('train', 'val', 'test'):
        for clip in _dataset(root, split=split):
            paths = {*clip['frame_paths'], *clip['mask_paths']}
            missing = [path for path in paths if not _is_file(path)]
            assert not missing
            assert _is_file(clip['audio_path'])
            num_files += len(paths)
    # Frames and labels: v1s 1 + 5 + 5, v1m 5 + 5 + 5, v2 10 + 10 + 10.
    assert num_files == 2 * (11 + 15 + 30)
    assert len(ONE_OF_EACH) == 9


def _is_file(path):
    return np.fromfile(path, dtype=np.uint8).size > 0


def test_clips_of_other_rates_and_sizes(tmp_path):
    clip = Clip('v1m', 'val', 'x', frame_size=(20, 30), sample_rate=48000)
    assert len(_dataset(write_avsbench_tree(tmp_path, [clip]))) == 1
