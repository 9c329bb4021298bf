"""tools/dataset_converters/prepare_avsbench.py prepares the first release."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mmavs.datasets import AVSBenchDataset
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image
from support.tiny_videos import make_video

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / 'tools/dataset_converters/prepare_avsbench.py'
BASE = ROOT / 'configs/_base_/datasets/avsbench_s4_224x224.py'
#: name, start, category, split
S4_ROWS = [
    ('-_wz', '0', 'helicopter', 'train'),
    ('ab_c', '5', 'cat_meowing', 'val'),
    ('0d9u', '2', 'helicopter', 'test'),
]
#: name, split
MS3_ROWS = [('jlhu', 'train'), ('xv7e_36', 'val'), ('A7N2_4', 'test')]


@pytest.fixture
def convert(monkeypatch):
    """Run the script as the command line does."""

    def run(*args):
        words = [str(SCRIPT), *map(str, args), '--workers', '1']
        monkeypatch.setattr(sys, 'argv', words)
        runpy.run_path(str(SCRIPT), run_name='__main__')

    return run


@pytest.fixture
def released(tmp_path):
    """A release of three clips of each task."""
    root = tmp_path / 'release'
    _write_s4(root / 'Single-source')
    _write_ms3(root / 'Multi-sources')
    return root


def _write_s4(root):
    table = [('name', 'start', 'category', 'split'), *S4_ROWS]
    _write_table(root / 's4_meta_data.csv', table)
    for number, (name, _, category, split) in enumerate(S4_ROWS):
        data, group = root / 's4_data', f'{split}/{category}/{name}'
        file = f'{name}_{{}}.png'
        _write_images(data / 'visual_frames' / group, file, number)
        num_masks = 1 if split == 'train' else 5
        _write_masks(data / 'gt_masks' / group, file, num_masks)
        _write_sound(data / f'audio_wav/{group}.wav')


def _write_ms3(root):
    _write_table(
        root / 'ms3_meta_data.csv', [('video_id', 'split'), *MS3_ROWS]
    )
    for number, (name, split) in enumerate(MS3_ROWS, start=3):
        data = root / 'ms3_data'
        _write_images(
            data / f'visual_frames/{name}', f'{name}.mp4_{{}}.png', number
        )
        _write_masks(data / f'gt_masks/{split}/{name}', f'{name}_{{}}.png', 5)
        _write_sound(data / f'audio_wav/{split}/{name}.wav')


def _write_table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(','.join(row) for row in rows) + '\n')


def _write_images(folder, name, number):
    """Frames whose grey value gives clip and second."""
    folder.mkdir(parents=True)
    for t in range(5):
        grey = np.full((224, 224, 3), 10 * number + t, dtype=np.uint8)
        Image.fromarray(grey).save(folder / name.format(t + 1))


def _write_masks(folder, name, num_masks):
    """White bars that grow with time, black elsewhere."""
    folder.mkdir(parents=True)
    for t in range(num_masks):
        mask = np.zeros((224, 224), dtype=np.uint8)
        mask[: 20 * (t + 1)] = 255
        Image.fromarray(mask).save(folder / name.format(t + 1))


def _write_sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = np.arange(5 * 16000) / 16000
    soundfile.write(path, 0.3 * np.sin(2500 * seconds), 16000)


def _clips(root, task, split):
    """Clips as the baselines' own base config reads them."""
    dataset = Config.fromfile(BASE)[f'{split}_dataloader'].dataset
    dataset.pop('type')
    dataset.update(data_root=str(root), task=task)
    with DefaultScope.overwrite_default_scope('mmseg'):
        return list(AVSBenchDataset(**dataset))


def test_both_tasks_are_read_as_the_baselines_read_them(
    convert, released, tmp_path, capsys
):
    root = tmp_path / 'data'
    convert(released, root)
    printed = capsys.readouterr().out
    assert 'v1s: 1/1/1 clips for train/val/test' in printed
    assert 'v1m: 1/1/1 clips for train/val/test' in printed
    # A uid of S4 ends with start and end in milliseconds.
    uids = dict(s4=['-_wz_0_5000', 'ab_c_5000_10000', '0d9u_2000_7000'])
    uids['ms3'] = [name for name, _ in MS3_ROWS]
    number = 0
    for task in ('s4', 'ms3'):
        for index, split in enumerate(('train', 'val', 'test')):
            (clip,) = _clips(root, task, split)
            samples = clip['data_samples']
            assert samples[0].clip_id == uids[task][index]
            greys = clip['inputs']['frames'][:, 0, 7, 7].tolist()
            assert greys == [10 * number + t for t in range(5)]
            num_labels = 1 if (task, split) == ('s4', 'train') else 5
            for t, sample in enumerate(samples):
                truth = sample.gt_sem_seg.data
                if t < num_labels:
                    assert truth.sum() == 20 * (t + 1) * 224
                else:
                    assert (truth == 255).all()
            assert clip['inputs']['audio'].shape == (5, 1, 96, 64)
            number += 1


def test_files_are_links_unless_copies_are_wanted(convert, released, tmp_path):
    convert(released, tmp_path / 'links')
    convert(released, tmp_path / 'copies', '--link', 'copy')
    names = ['frames/4.jpg', 'labels_rgb/4.png', 'audio.wav']
    for name in names:
        link = tmp_path / 'links/v1m/A7N2_4' / name
        copied = tmp_path / 'copies/v1m/A7N2_4' / name
        assert link.is_symlink()
        assert link.resolve().is_relative_to(released)
        assert not copied.is_symlink()
        assert copied.read_bytes() == link.read_bytes()


def test_one_task_alone(convert, released, tmp_path):
    (released / 'Single-source').rename(tmp_path / 'elsewhere')
    convert(released, tmp_path / 'data')
    table = (tmp_path / 'data/metadata.csv').read_text().splitlines()
    assert table[0] == 'uid,split,label'
    assert table[1:] == [f'{name},{split},v1m' for name, split in MS3_ROWS]


def test_the_sound_of_videos_serves_where_there_is_no_wav(
    convert, released, tmp_path
):
    data = released / 'Multi-sources/ms3_data'
    (data / 'audio_wav/val/xv7e_36.wav').unlink()
    (data / 'raw_videos').mkdir()
    make_video(data / 'raw_videos/xv7e_36.mp4', seconds=5)
    convert(released, tmp_path / 'data')
    samples, rate = soundfile.read(tmp_path / 'data/v1m/xv7e_36/audio.wav')
    assert rate == 44100
    assert len(samples) / rate == pytest.approx(5, abs=0.05)
    assert np.abs(samples).max() > 0.3


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        (
            'Single-source/s4_data/visual_frames/val/cat_meowing/ab_c/'
            'ab_c_3.png',
            r'1 files of 6 clips are missing.* .*cat_meowing/ab_c/ab_c_3.png',
        ),
        (
            'Single-source/s4_data/gt_masks/train/helicopter/-_wz/-_wz_1.png',
            r'train/helicopter/-_wz/-_wz_1.png',
        ),
        (
            'Multi-sources/ms3_data/audio_wav/test/A7N2_4.wav',
            r'test/A7N2_4.wav .*A video of the clip can replace',
        ),
        ('Multi-sources/ms3_meta_data.csv', r'ms3_meta_data.csv not found'),
    ],
)
def test_what_is_missing_is_named_and_nothing_written(
    convert, released, tmp_path, name, message
):
    (released / name).unlink()
    with pytest.raises(SystemExit, match=message):
        convert(released, tmp_path / 'data')
    assert not (tmp_path / 'data').exists()


def test_no_release_at_all(convert, tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(SystemExit, match='Single-source/ or Multi-sources/'):
        convert(tmp_path / 'empty', tmp_path / 'data')


def test_another_data_set_is_not_overwritten(convert, released, tmp_path):
    convert(released, tmp_path / 'data')
    (released / 'Single-source').rename(tmp_path / 'elsewhere')
    with pytest.raises(SystemExit, match=r'holds a data set already'):
        convert(released, tmp_path / 'data')


def test_a_conversion_that_was_cut_off_can_be_repeated(
    convert, released, tmp_path
):
    """The table is written last; files from before are replaced."""
    convert(released, tmp_path / 'data')
    (tmp_path / 'data/metadata.csv').unlink()
    convert(released, tmp_path / 'data')
    assert len(_clips(tmp_path / 'data', 'ms3', 'val')) == 1


@pytest.mark.parametrize('row', ['x,dev', 'x'])
def test_faulty_rows_are_named(convert, released, tmp_path, row):
    table = released / 'Multi-sources/ms3_meta_data.csv'
    table.write_text(f'video_id,split\n{row}\n')
    with pytest.raises(SystemExit, match=r'row 2: expected 2 columns, the la'):
        convert(released, tmp_path / 'data')


def _contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


@pytest.mark.parametrize('place', ['', 'Single-source', 'Multi-sources/a'])
def test_the_release_is_never_written_to(convert, released, tmp_path, place):
    before = _contents(released)
    (tmp_path / 'link').symlink_to(released)
    for root in (released, tmp_path / 'link'):
        with pytest.raises(SystemExit, match='outside of the release'):
            convert(released, root / place, '--force')
    assert _contents(released) == before


def test_an_existing_data_set_is_kept_without_force(
    convert, released, tmp_path
):
    """Also one without a table."""
    frame = tmp_path / 'data/v1m/A7N2_4/frames/0.jpg'
    frame.parent.mkdir(parents=True)
    frame.write_text('mine')
    with pytest.raises(
        SystemExit, match='0.jpg: expected no file, .* --force'
    ):
        convert(released, tmp_path / 'data')
    assert frame.read_text() == 'mine'
    convert(released, tmp_path / 'data', '--force')
    assert frame.is_symlink()
