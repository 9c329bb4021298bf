"""tools/segment_video.py --out-dir: many videos and all results."""

import csv
import json
import shutil

import av
import numpy as np
import pytest
from mmavs.apis import AVSInferencer
from PIL import Image
from support.hearing_stub import stub_config, write_stub
from support.tiny_videos import make_video
from support.tries import run_tool


def beep(times):
    """Sounds in second 1 only."""
    loud = times.astype(int) == 1
    return np.where(loud, 0.5 * np.sin(2 * np.pi * 1000 * times), 0)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a stub of three classes and a good and a bad video."""
    write_stub(tmp_path)
    config = stub_config(labels='semantic')
    config.model.num_channels = 3
    config.dump(tmp_path / 'stub.py')
    (tmp_path / 'in').mkdir()
    make_video(
        tmp_path / 'in' / 'b ü.mp4',
        fps=5,
        seconds=3,
        sample_rate=16000,
        sound=beep,
    )
    (tmp_path / 'in' / 'a.mp4').write_text('no video')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def segment(capsys):
    def run(*words):
        model = ['--config', 'stub.py', '--checkpoint', 'stub.pth']
        model += ['--device', 'cpu', '--out-dir', 'out']
        return run_tool('segment_video.py', [*words, *model], capsys)

    return run


def test_all_results_although_one_video_fails(place, segment):
    done = segment('in')
    assert done.code == 1
    assert '1 segmented, 0 skipped, 1 failed' in done.out
    assert 'failed: in/a.mp4: expected a video' in done.out
    assert done.err.startswith('error: in/a.mp4: expected a video')
    assert [path.name for path in (place / 'out').iterdir()] == ['b ü']
    folder = place / 'out' / 'b ü'
    assert sorted(path.name for path in folder.iterdir()) == [
        'coco.json',
        'events.csv',
        'masks',
        'overlay.mp4',
        'results.json',
        'timeline.png',
    ]
    with open(folder / 'events.csv', newline='') as file:
        (event,) = csv.DictReader(file)
    assert event['class'] == 'airplane'
    assert (event['from'], event['to']) == ('1.000', '2.000')
    assert event['mean_area'] == '0.50000'
    coco = json.loads((folder / 'coco.json').read_text())
    (annotation,) = coco['annotations']
    assert (annotation['image_id'], annotation['bbox']) == (1, [32, 0, 32, 48])
    masks = [
        np.asarray(Image.open(folder / f'masks/{n}.png')) for n in range(3)
    ]
    assert [mask.max() for mask in masks] == [0, 2, 0]
    with av.open(str(folder / 'overlay.mp4')) as file:
        assert file.streams.video[0].frames == 15


def test_skip_existing(place, segment):
    """Skipped only if model, options and all files are the same."""
    (place / 'in' / 'a.mp4').unlink()
    words = ('in', '--results', 'coco', 'events', '--skip-existing')
    for expected in ('1 segmented, 0 skipped', '0 segmented, 1 skipped'):
        assert expected in segment(*words).out
    more = ('--mask-rate', '2')
    assert '1 segmented' in segment(*words, *more).out
    assert '1 skipped' in segment(*words, *more).out
    (place / 'out' / 'b ü' / 'coco.json').unlink()
    done = segment(*words, *more)
    assert '1 segmented' in done.out
    # Without the option all is done again; old results are replaced.
    done = segment('in', '--results', 'events')
    assert '1 segmented' in done.out
    names = sorted(path.name for path in (place / 'out' / 'b ü').iterdir())
    assert names == ['events.csv', 'results.json']


def test_a_killed_run_is_done_again(place, segment, monkeypatch):
    """The run ends while the results are moved to their folder."""
    (place / 'in' / 'a.mp4').unlink()
    words = ('in', '--results', 'coco', 'events', '--skip-existing')

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr('mmavs.apis.result_folder.os.replace', stop)
        assert segment(*words).code == 1
    assert '1 segmented' in segment(*words).out
    assert '1 skipped' in segment(*words).out
    assert not list((place / 'out').glob('.*'))


def test_same_names(place, segment):
    """b.mp4 and b.mkv keep their endings; the same name twice is refused."""
    (place / 'in' / 'a.mp4').unlink()
    video = place / 'in' / 'b ü.mp4'
    shutil.copy(video, place / 'in' / 'b ü.mkv')
    assert segment('in', '--results', 'events').code == 0
    names = sorted(path.name for path in (place / 'out').iterdir())
    assert names == ['b ü.mkv', 'b ü.mp4']
    shutil.copy(video, place / 'b ü.mp4')
    done = segment('in', 'b ü.mp4', '--results', 'events')
    assert done.code == 1
    assert 'expected videos with different names' in done.err


def test_the_model_is_loaded_once(place, segment, monkeypatch):
    loads = []
    init = AVSInferencer.__init__

    def count(self, *args, **kwargs):
        loads.append(1)
        init(self, *args, **kwargs)

    monkeypatch.setattr(AVSInferencer, '__init__', count)
    (place / 'in' / 'a.mp4').unlink()
    shutil.copy(place / 'in' / 'b ü.mp4', place / 'in' / 'c.mp4')
    done = segment('in/*.mp4', '--results', 'events', '--format', 'webm')
    assert '2 segmented' in done.out
    assert len(loads) == 1
