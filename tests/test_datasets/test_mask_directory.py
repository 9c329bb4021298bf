"""Mask folders: who may write to them, and for which data they are."""

import json
import shutil

import numpy as np
import pytest
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.mask_directory import MadeBy, MaskDirectory
from mmengine.logging import MMLogger
from support.avsbench_tree import Clip, write_avsbench_tree

MADE_BY = MadeBy('c' * 64, 'k' * 64, 'hard')
CLIPS = [Clip('v1m', 'test', name, 9 + 20 * i) for i, name in enumerate('abc')]


def _clips(root, **kwargs):
    dataset = AVSBenchDataset(
        data_root=str(root), task='ms3', split='test', **kwargs
    )
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def _dump(root, clips):
    directory = MaskDirectory(root)
    directory.begin(MADE_BY)
    for clip in clips:
        masks = np.full((clip['num_frames'], 4, 6), 255, np.uint8)
        directory.write_clip(clip, masks, MADE_BY)
    directory.write_index(MADE_BY)
    return directory


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('data'), CLIPS)


def test_masks_of_the_same_data_elsewhere_pass(data, tmp_path):
    """Moving a data set changes its path, not its content."""
    directory = _dump(tmp_path / 'masks', _clips(data))
    shutil.copytree(data, tmp_path / 'moved')
    clips = _clips(tmp_path / 'moved')
    directory.check(clips, size=(4, 6), checkpoint='kkk', mode='hard')
    assert all(directory.is_written(clip, MADE_BY) for clip in clips)
    assert directory.count('k' * 64, 'hard') == 3
    assert directory.count('k' * 64, 'soft') == 0
    assert directory.count('o' * 64, 'hard') == 0


@pytest.mark.parametrize(
    ('changed', 'name'), [('frames', '0.jpg'), ('sound', 'audio.wav')]
)
def test_masks_of_other_data_with_the_same_names(
    data, tmp_path, changed, name
):
    """One clip differs; the other clips and all names are the same."""
    directory = _dump(tmp_path / 'masks', _clips(data))
    other = tmp_path / 'other'
    shutil.copytree(data, other)
    source = 'frames/0.jpg' if changed == 'frames' else 'audio.wav'
    shutil.copy(data / 'v1m/a' / source, other / 'v1m/b' / source)
    clips = _clips(other)
    with pytest.raises(
        ValueError,
        match=f'predicted for another data set.*other/v1m/b/.*{name}, in .*'
        "index.json: .*of clip 'b'.*--dump-masks DIR --split test",
    ):
        directory.check(clips)
    # A new dump into the folder predicts that clip again.
    written = [directory.is_written(clip, MADE_BY) for clip in clips]
    assert written == [True, False, True]


@pytest.mark.parametrize('name', ['0.png', 'clip.json'])
@pytest.mark.parametrize('content', [b'', b'[]', b'\x89PNG\r\n'])
def test_a_dump_replaces_damaged_files(data, tmp_path, name, content):
    """Errors in reading a mask say to dump it again."""
    clips = _clips(data)
    directory = _dump(tmp_path / 'masks', clips)
    (file,) = directory.root.glob(f'v1m/b/{name}')
    file.write_bytes(content)
    written = [directory.is_written(clip, MADE_BY) for clip in clips]
    assert written == [True, False, True]


def test_masks_of_swapped_sound(data, tmp_path):
    """Both stages must get the same sound, unless the option allows it."""
    own, swapped = _clips(data), _clips(data, sound_from='next_clip')
    for first, second, names in (
        (own, swapped, "sound_from='own'.*sound_from='next_clip'"),
        (swapped, own, "sound_from='next_clip'.*sound_from='own'"),
    ):
        directory = _dump(tmp_path / first[0]['sound_from'], first)
        directory.check(first)
        with pytest.raises(
            ValueError, match=f"{names}.*any_sound=True.*of clip 'a'"
        ):
            directory.check(second)
        directory.check(second, any_sound=True)
        assert not directory.is_written(second[0], MADE_BY)


def _forget_identity(directory):
    """Turn the folder into one of an earlier version."""
    root = directory.root
    (root / 'dump.json').unlink()
    for path in (root / 'index.json', *root.glob('*/*/clip.json')):
        content = json.loads(path.read_text())
        for entry in (content, *content.get('clips', [])):
            for key in ('frame_hash', 'sound_hash', 'sound_from'):
                entry.pop(key, None)
        path.write_text(json.dumps(content))


def test_masks_of_an_earlier_version_are_read_with_a_warning(
    data, tmp_path, monkeypatch
):
    logger = MMLogger.get_current_instance()
    seen = []
    monkeypatch.setattr(
        logger, 'log', lambda level, text: seen.append((level, text))
    )
    directory = _dump(tmp_path / 'masks', _clips(data))
    directory.check(_clips(data))
    assert seen == []
    _forget_identity(directory)
    directory.check(_clips(data), checkpoint='kkk', mode='hard')
    ((level, text),) = seen
    assert level == 30
    assert 'was written by an earlier version and does not record' in text
    assert directory.count('k' * 64, 'hard') == 3
    _dump(directory.root, _clips(data))  # such a folder may be dumped into


def test_a_clip_without_its_files(data, tmp_path):
    directory = _dump(tmp_path / 'masks', _clips(data))
    shutil.copytree(data, tmp_path / 'other')
    (tmp_path / 'other/v1m/b/audio.wav').unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no file .*b/audio.wav of clip 'b'.*data_ro"
    ):
        directory.check(_clips(tmp_path / 'other'))


def _content(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
    }


@pytest.mark.parametrize(
    'place', ['', 'v1m', 'v1m/a', 'v1m/a/labels_rgb', 'v1m/a/audio.wav']
)
def test_folders_of_the_data_set_are_refused(data, tmp_path, place):
    root = tmp_path / 'data'
    shutil.copytree(data, root)
    before = _content(root)
    with pytest.raises(ValueError, match='choose another|got a file'):
        _dump(root / place, _clips(data))
    assert _content(root) == before


def test_labels_whose_names_are_those_of_masks_are_refused(data, tmp_path):
    """The first release of AVSBench has labels <split>/<clip>/0.png."""
    for uid in 'abc':
        labels = data / f'v1m/{uid}/labels_semantic'
        shutil.copytree(labels, tmp_path / f'truth/v1m/{uid}')
    before = _content(tmp_path)
    with pytest.raises(ValueError, match=r'got v1m/a/0.png, which no dump'):
        _dump(tmp_path / 'truth', _clips(data))
    assert _content(tmp_path) == before


@pytest.mark.parametrize(
    'name', ['notes.txt', 'v1m/a/5.jpg', 'v1m/0.png', 'v1m/a/b/0.png']
)
def test_any_other_file_in_a_folder_of_masks_is_refused(data, tmp_path, name):
    directory = _dump(tmp_path / 'masks', _clips(data))
    path = directory.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('mine')
    before = _content(tmp_path)
    with pytest.raises(ValueError, match=f'got {name}, which no dump has'):
        _dump(directory.root, _clips(data))
    assert _content(tmp_path) == before


def test_an_index_of_something_else_is_refused(data, tmp_path):
    (tmp_path / 'index.json').write_text('{"pages": []}')
    with pytest.raises(ValueError, match='got index.json, which no dump'):
        MaskDirectory(tmp_path).check_writable()


def test_a_dump_of_which_another_process_writes_the_mark(tmp_path):
    """Two processes begin in a new folder; so does one after a kill."""
    directory = MaskDirectory(tmp_path)
    (tmp_path / f'.dump-{"0a" * 16}.json').write_text('{"ha')
    directory.check_writable()
    (tmp_path / f'.other-{"0a" * 16}.json').write_text('{}')
    with pytest.raises(ValueError, match=r'got \.other-0a0a'):
        directory.check_writable()


def test_a_dump_that_was_killed_may_go_on(data, tmp_path):
    """Killed before its first mask, within its first clip, and later."""
    clips = _clips(data)
    directory = MaskDirectory(tmp_path / 'new' / 'masks')
    directory.check_writable()
    directory.begin(MADE_BY)
    directory.check_writable()
    folder = directory.root / 'v1m/a'
    folder.mkdir(parents=True)
    (folder / '0.png').write_bytes(b'mask')
    (folder / f'.1-{"0" * 32}.png').write_bytes(b'half')
    directory.check_writable()
    directory.remove_leftovers(clips[0])
    _dump(directory.root, clips).check(clips)
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f'{t}.png' for t in range(5)),
        'clip.json',
    ]
