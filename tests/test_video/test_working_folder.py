"""mmavs.video.working_folder and .mask_folder neither lose nor leave files."""

import json
import multiprocessing
import os
import signal

import numpy as np
import pytest
from mmavs.video import check_mask_folder, save_mask, writing_masks
from mmavs.video.working_folder import working_folder

PALETTE = ((0, 0, 0), (255, 0, 0))


def write_masks(folder, num_masks):
    with writing_masks(folder, dict(video='a.mp4')) as part:
        for second in range(num_masks):
            mask = np.full((4, 4), second % 2, np.uint8)
            save_mask(part / f'{second}.png', mask, PALETTE)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def _write_half(target):
    with working_folder(target) as folder:
        (folder / 'half.mp4').write_text('half')
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    target = tmp_path / 'o.mp4'
    killed = multiprocessing.get_context('fork').Process(
        target=_write_half, args=[target]
    )
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    left = tmp_path / '.o.mp4.partial'
    assert (left / 'content' / 'half.mp4').exists()
    with working_folder(target) as folder:
        assert list(folder.iterdir()) == []
    assert not left.exists()


def test_what_earlier_versions_left_is_removed(tmp_path):
    """They wrote to a hidden file with a random name."""
    digits = '0123456789abcdef' * 2
    kept = [f'.other-{digits}.mp4', f'.o-{digits[1:]}.mp4', f'o-{digits}.mp4']
    for name in [*kept, f'.o-{digits}.mp4']:
        (tmp_path / name).touch()
    with working_folder(tmp_path / 'o.mp4'):
        pass
    assert names(tmp_path) == sorted(kept)


def test_a_run_that_is_alive_keeps_its_files(tmp_path):
    target = tmp_path / 'o.mp4'
    with working_folder(target) as folder:
        (folder / 'a').touch()
        text = 'no other run is writing'
        with pytest.raises(ValueError, match=text), working_folder(target):
            pass
        with working_folder(tmp_path / 'other.mp4'):
            pass
        assert (folder / 'a').exists()
    assert list(tmp_path.iterdir()) == []


def test_masks_of_an_earlier_run_are_replaced(tmp_path):
    folder = tmp_path / 'masks'
    write_masks(folder, 3)
    write_masks(folder, 2)
    assert names(folder) == ['0.png', '1.png', 'masks.json']
    index = json.loads((folder / 'masks.json').read_text())
    assert index['video'] == 'a.mp4'
    assert list(index['files']) == ['0.png', '1.png']
    assert names(tmp_path) == ['masks']


def test_labels_are_never_replaced(tmp_path):
    """Matching names do not show who wrote the files."""
    folder = tmp_path / 'labels_rgb'
    folder.mkdir()
    for number in range(5):
        (folder / f'{number}.png').write_text(f'label {number}')
    text = 'got 0.png in it, which is in no masks.json of an earlier run'
    with pytest.raises(ValueError, match=text):
        write_masks(folder, 5)
    assert names(tmp_path) == ['labels_rgb']
    for number in range(5):
        assert (folder / f'{number}.png').read_text() == f'label {number}'


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('0.png', 'which was changed after it was written'),
        ('notes.txt', 'which is in no masks.json of an earlier run'),
    ],
)
def test_a_user_s_work_in_the_folder_is_kept(tmp_path, name, reason):
    write_masks(tmp_path / 'masks', 2)
    (tmp_path / 'masks' / name).write_text('mine')
    with pytest.raises(ValueError, match=reason):
        check_mask_folder(tmp_path / 'masks')
    (tmp_path / 'masks' / 'masks.json').write_text('{"files": {}}')
    with pytest.raises(ValueError, match=r'got 0.png in it'):
        check_mask_folder(tmp_path / 'masks')


def test_a_run_that_fails_changes_nothing(tmp_path):
    folder = tmp_path / 'masks'
    write_masks(folder, 3)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def fail():
        with writing_masks(folder, dict(video='b.mp4')) as part:
            save_mask(part / '0.png', np.ones((4, 4), np.uint8), PALETTE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert names(tmp_path) == ['masks']
