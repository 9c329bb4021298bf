"""Every layout of a download becomes the same tree, whatever interrupts."""

import csv
import errno
import multiprocessing
import os
import resource
import shutil
import signal
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mmavs.preparation import Preparation, prepare
from mmavs.preparation.video_frames import sample_frames
from mmavs.validation import validate_avsbench
from PIL import Image
from support.damage import CLIPS, COUNTS, write_tree
from support.tiny_videos import make_video, number_of

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp('made') / 'AVSS')


def _one_folder_deep(made, src):
    shutil.copytree(made, src / 'AVSBench_semantic')
    return src


def _two_folders_deep(made, src):
    shutil.copytree(made, src / 'data' / 'AVSBench_semantic')
    return src


def _subset_folder_twice(made, src):
    for subset in ('v1s', 'v1m', 'v2'):
        shutil.copytree(made / subset, src / subset / subset)
    shutil.copyfile(made / 'metadata.csv', src / 'metadata.csv')
    return src


def _no_subset_folder(made, src):
    for clip in CLIPS:
        shutil.copytree(made / clip.subset / clip.uid, src / clip.uid)
    shutil.copyfile(made / 'metadata.csv', src / 'metadata.csv')
    return src


def _zip(made, src):
    return Path(shutil.make_archive(src, 'zip', made.parent))


def _one_zip_per_subset(made, src):
    src.mkdir()
    for subset in ('v1s', 'v1m', 'v2'):
        shutil.make_archive(src / subset, 'zip', made, subset)
    text = (made / 'metadata.csv').read_text().replace('\n', '\r\n')
    (src / 'metadata.csv').write_bytes(b'\xef\xbb\xbf' + text.encode())
    return src


LAYOUTS = [
    _one_folder_deep,
    _two_folders_deep,
    _subset_folder_twice,
    _no_subset_folder,
    _zip,
    _one_zip_per_subset,
]


def _prepare(src, dst, **options):
    return prepare(Preparation(Path(src), Path(dst), **options))


def _contents(root):
    """Bytes of all files, by name."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob('*')
        if path.is_file()
    }


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_gives_the_same_tree(layout, made, tmp_path):
    src = layout(made, tmp_path / "s\xf6urce it's")
    dst = tmp_path / 'd \xe4'
    clips = _prepare(src, dst)
    assert len(clips) == 4
    expected = _contents(made)
    expected.pop('label2idx.json')
    assert _contents(dst) == expected
    result = validate_avsbench(str(dst), expected_counts=COUNTS)
    assert result.findings == []


@pytest.mark.parametrize('link', ['sym', 'hard', 'copy'])
def test_links_and_copies(link, made, tmp_path):
    _prepare(made, tmp_path / 'data', link=link)
    name = 'v2/four_0_10000/frames/9.jpg'
    target, source = tmp_path / 'data' / name, made / name
    assert target.is_symlink() == (link == 'sym')
    assert target.samefile(source) == (link != 'copy')
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize('link', ['sym', 'hard', 'copy'])
def test_what_is_there_is_left_and_what_is_not_comes_back(
    link, made, tmp_path
):
    dst = tmp_path / 'data'
    _prepare(made, dst, link=link)
    before = _contents(dst)
    places = {name: os.lstat(dst / name).st_ino for name in before}
    removed = 'v1m/three/frames/2.jpg'
    (dst / removed).unlink()
    _prepare(made, dst, link=link)
    assert _contents(dst) == before
    for name, inode in places.items():
        if name not in (removed, 'metadata.csv'):
            assert os.lstat(dst / name).st_ino == inode, name


@pytest.mark.parametrize('link', ['sym', 'copy'])
def test_files_of_a_complete_data_set_are_kept(link, made, tmp_path):
    """Labels that were cleaned, for example; missing files come back."""
    dst = tmp_path / 'data'
    _prepare(made, dst, link=link)
    before = _contents(dst)
    label, frame = (
        f'v1m/three/{n}' for n in ('labels_rgb/0.png', 'audio.wav')
    )
    (dst / label).unlink()
    (dst / label).write_bytes(b'cleaned')
    (dst / frame).unlink()
    _prepare(made, dst, link=link)
    assert _contents(dst) == {**before, label: b'cleaned'}
    _prepare(made, dst, link=link, force=True)
    assert _contents(dst) == before


def test_several_processes_give_the_same_tree(made, tmp_path):
    archive = _zip(made, tmp_path / 'all')
    for number in (1, 2):
        _prepare(archive, tmp_path / f'{number}', num_workers=number)
    assert _contents(tmp_path / '1') == _contents(tmp_path / '2')


def test_one_subset(made, tmp_path):
    _prepare(made, tmp_path / 'data', subsets=('v1m',))
    with open(tmp_path / 'data/metadata.csv', newline='') as file:
        (row,) = csv.DictReader(file)
    assert (row['uid'], row['a_obj']) == ('three', 'axe')
    assert sorted(os.listdir(tmp_path / 'data')) == ['metadata.csv', 'v1m']


def _kill_at(step, src, dst, link):
    """Prepare, and kill this process before or after a file is renamed."""
    rename, calls = os.replace, [0]

    def replace(*paths):
        for move in (False, True):
            if calls[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            calls[0] += 1
            if not move:
                rename(*paths)

    os.replace = replace
    _prepare(src, dst, link=link)


@pytest.mark.parametrize('link', ['sym', 'copy'])
def test_a_killed_run_continues(link, made, tmp_path):
    """Whenever it is killed, the second run completes the same tree."""
    src, whole = tmp_path / 'src', tmp_path / 'whole'
    src.mkdir()
    shutil.copytree(made / 'v1m', src / 'v1m')
    header, *rows = (made / 'metadata.csv').read_text().splitlines()
    (row,) = [row for row in rows if row.endswith('v1m')]
    (src / 'metadata.csv').write_text(f'{header}\n{row}\n')
    # The frames must come from a video.
    shutil.rmtree(src / 'v1m/three/frames')
    make_video(src / 'three.mp4', seconds=5, fps=4, size=(24, 32))
    _prepare(src, whole, link=link)
    expected = _contents(whole)
    # 10 labels, 1 sound, 5 frames and the table; twice each.
    context = multiprocessing.get_context('fork')
    for step in range(0, 34, 6):
        dst = tmp_path / f'{step}'
        process = context.Process(target=_kill_at, args=(step, src, dst, link))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        (dst / 'v1m/three/frames').mkdir(parents=True, exist_ok=True)
        (dst / 'v1m/three/frames/.4.jpg.partial').write_bytes(b'half')
        _prepare(src, dst, link=link)
        assert _contents(dst) == expected, step


def test_a_full_disk_leaves_nothing_half_written(made, tmp_path):
    """Files of more than 2000 bytes cannot be written here."""
    archive = _zip(made, tmp_path / 'all')
    expected = _contents(made)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(
            OSError, match=r'audio.wav: cannot be .* same command again'
        ):
            _prepare(archive, tmp_path / 'data')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    written = _contents(tmp_path / 'data')
    assert written
    assert written.items() <= expected.items()
    _prepare(archive, tmp_path / 'data')
    expected.pop('label2idx.json')
    assert _contents(tmp_path / 'data') == expected


def test_space_is_checked_before_copying(made, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(OSError, match=r'bytes of free space .* got 1000'):
        _prepare(made, tmp_path / 'data', link='copy')
    assert not (tmp_path / 'data').exists()
    _prepare(made, tmp_path / 'data', link='sym')


def test_hard_links_to_another_disk(made, tmp_path, monkeypatch):
    def fail(*paths):
        raise OSError(errno.EXDEV, 'Invalid cross-device link')

    monkeypatch.setattr(os, 'link', fail)
    with pytest.raises(ValueError, match='use --link sym or --link copy'):
        _prepare(made, tmp_path / 'data', link='hard')


def test_frames_and_sound_of_videos(made, tmp_path):
    """25 frames per second: second t shows frame 25 t + 23."""
    src = tmp_path / 'src'
    shutil.copytree(made, src)
    (src / 'videos').mkdir()
    for clip in CLIPS:
        folder = src / clip.subset / clip.uid
        shutil.rmtree(folder / 'frames')
        (folder / 'audio.wav').unlink()
        seconds = 10 if clip.subset == 'v2' else 5
        make_video(src / f'videos/{clip.uid}.mp4', seconds=seconds)
    archive = Path(shutil.make_archive(tmp_path / 'zipped', 'zip', src))
    for source in (src, archive):
        dst = tmp_path / f'from-{source.name}'
        _prepare(source, dst)
        for t in range(10):
            with Image.open(dst / f'v2/four_0_10000/frames/{t}.jpg') as image:
                frame = np.asarray(image)
            assert frame.shape == (48, 64, 3)
            assert number_of(frame) == 25 * t + 23
        facts = soundfile.info(dst / 'v2/four_0_10000/audio.wav')
        assert (facts.samplerate, facts.duration) == (44100, 10)
        assert not list(dst.rglob('.*'))


@pytest.mark.parametrize(
    ('fps', 'seconds', 'expected'),
    [
        (16, 3, [15, 31, 47]),
        # 29.97 counts as 30; 28.125 is rounded down.
        ('30000/1001', 3, [28, 58, 88]),
        # The video is too short: its last frame stays.
        (10, 2.5, [9, 19, 24]),
    ],
)
def test_the_published_sampling_rule(tmp_path, fps, seconds, expected):
    path = make_video(tmp_path / 'a.mp4', fps=Fraction(fps), seconds=seconds)
    numbers = [number_of(frame) for frame in sample_frames(path, 3)]
    assert numbers == expected
    (small, *_) = sample_frames(path, 3, (12, 16))
    assert small.shape == (12, 16, 3)


def test_pickles_are_not_opened(made, tmp_path):
    src = tmp_path / 'src'
    shutil.copytree(made, src)
    (src / 'v1m/three/audio.wav').unlink()
    # Loading this would make a file.
    mark = tmp_path / 'opened'
    code = f"cposix\nsystem\n(S'touch {mark}'\ntR."
    (src / 'v1m/three/audio_log_mel.pkl').write_text(code)
    with pytest.raises(FileNotFoundError, match=r'pickles .* cannot'):
        _prepare(src, tmp_path / 'data')
    assert not mark.exists()
    assert not (tmp_path / 'data').exists()


def test_archives_with_faults(made, tmp_path):
    damaged = tmp_path / 'src/a.zip'
    damaged.parent.mkdir()
    damaged.write_bytes(b'PK\x03\x04' + b'x' * 200)
    with pytest.raises(ValueError, match=r'a.zip: expected a zip archive'):
        _prepare(tmp_path / 'src', tmp_path / 'data')
    archive = _zip(made, tmp_path / 'all')
    with zipfile.ZipFile(archive) as file:
        info = file.getinfo('AVSS/v1m/three/audio.wav')
    content = bytearray(archive.read_bytes())
    content[info.header_offset + 200] ^= 255
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r'three/audio.wav: cannot be read'):
        _prepare(archive, tmp_path / 'data')
    assert not (tmp_path / 'data/v1m/three/audio.wav').exists()


def test_names_in_archives_cannot_lead_elsewhere(made, tmp_path):
    archive = tmp_path / 'all.zip'
    with zipfile.ZipFile(archive, 'w') as file:
        for path in sorted(made.rglob('*.*')):
            name = path.relative_to(made).as_posix()
            file.write(path, f'../../{name}')
    _prepare(archive, tmp_path / 'in/data')
    assert sorted(os.listdir(tmp_path)) == ['all.zip', 'in']
    assert os.listdir(tmp_path / 'in') == ['data']


def test_the_commands_of_the_validation_mend(made, tmp_path):
    """Remove the faulty file and prepare again."""
    dst = tmp_path / 'data'
    _prepare(made, dst, link='copy')
    os.truncate(dst / 'v1s/two_0_5000/frames/3.jpg', 400)
    (dst / 'v1m/three/labels_rgb/0.png').unlink()
    found = validate_avsbench(str(dst), expected_counts=COUNTS).findings
    assert len(found) == 2
    for item in found:
        Path(item.path).unlink(missing_ok=True)
    _prepare(made, dst, link='copy')
    assert not validate_avsbench(str(dst), expected_counts=COUNTS).findings
