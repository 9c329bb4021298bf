"""Each kind of video gives the right answer or a clear error, in one run."""

import csv
import json
from fractions import Fraction

import numpy as np
import pytest
from mmavs.apis import AVSInferencer, VideoOptions, segment_many
from mmavs.video import find_videos
from support.hearing_stub import write_stub
from support.tiny_videos import make_video

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

SIZE = (32, 48)
#: Sounds from second 1 on, for a second.
LOUD = (1.0, 2.0)


def beep(times):
    loud = (times >= LOUD[0]) & (times < LOUD[1])
    return np.where(loud, 0.5 * np.sin(6000 * times), 0)


#: Options of a video that can be segmented, by file name. All last 3 s.
GOOD = {
    '5 fps.mp4': dict(fps=5),
    '25 fps.mp4': dict(fps=25),
    '29.97 fps.mp4': dict(fps=Fraction(30000, 1001)),
    '60 fps.mp4': dict(fps=60),
    'variable.mp4': dict(times=[0, 0.1, 0.9, 1.5, 1.6, 2.2, 2.9]),
    'portrait.mp4': dict(rotation=90),
    'odd.mkv': dict(size=(31, 47)),
    '8 kHz mono.mkv': dict(sample_rate=8000, layout='mono'),
    '44.1 kHz stereo.mp4': dict(sample_rate=44100, layout='stereo'),
    '48 kHz 5.1.mkv': dict(sample_rate=48000, layout='5.1'),
    'late sound.mp4': dict(sound_span=(0.7, 3)),
    'short sound.mp4': dict(sound_span=(0, 2.2)),
    'Straße 漢字 (1).mp4': dict(),
}
#: Part of the error of a video that cannot, by file name.
BAD = {
    'mute.mp4': 'no sound track',
    'truncated.mp4': 'damaged or cut off',
    'text.mp4': 'not a video',
    'zero.mp4': 'not a video',
}


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    """Segment all kinds into a folder, at two masks per second."""
    root = tmp_path_factory.mktemp('kinds')
    (root / 'in').mkdir()
    usual = dict(
        size=SIZE, fps=5, seconds=3, sample_rate=16000, sound=beep,
        layout='mono',
    )  # fmt: skip
    for name, options in GOOD.items():
        make_video(root / 'in' / name, **{**usual, **options})
    make_video(root / 'in' / 'mute.mp4', **usual, sound_codec=None)
    whole = make_video(root / 'whole.mp4', **usual).read_bytes()
    (root / 'in' / 'truncated.mp4').write_bytes(whole[: len(whole) // 2])
    (root / 'in' / 'text.mp4').write_text('no video')
    (root / 'in' / 'zero.mp4').touch()
    found = segment_many(
        AVSInferencer(*write_stub(root)),
        find_videos([root / 'in']),
        root / 'out',
        VideoOptions(results=('overlay', 'coco', 'events'), mask_rate=2),
        facts_of=lambda video: dict(name=video.name),
    )
    return {outcome.path.name: outcome for outcome in found}


def test_all_were_tried(outcomes):
    assert set(outcomes) == set(GOOD) | set(BAD)
    done = {name for name, o in outcomes.items() if o.status == 'done'}
    assert done == set(GOOD)


@pytest.mark.parametrize('name', GOOD)
def test_right_answer(outcomes, name):
    """The right half is marked in second 1, and the picture is upright.

    At two masks per second, a mask stands for a quarter second before and
    after its time.
    """
    folder = outcomes[name].folder
    with open(folder / 'events.csv', newline='') as file:
        (event,) = csv.DictReader(file)
    assert float(event['from']) == pytest.approx(LOUD[0], abs=0.25)
    assert float(event['to']) == pytest.approx(LOUD[1], abs=0.25)
    assert float(event['mean_area']) == pytest.approx(0.5, abs=0.02)
    image = json.loads((folder / 'coco.json').read_text())['images'][0]
    shape = (image['height'], image['width'])
    turned = SIZE[::-1] if name == 'portrait.mp4' else SIZE
    assert shape == ((31, 47) if name == 'odd.mkv' else turned)


@pytest.mark.parametrize('name', BAD)
def test_clear_error(outcomes, name):
    outcome = outcomes[name]
    assert outcome.status == 'failed'
    assert BAD[name] in outcome.reason
    assert name in outcome.reason
    assert not outcome.folder.exists()


def test_nothing_is_left(outcomes):
    out = outcomes['5 fps.mp4'].folder.parent
    assert not list(out.glob('.*'))


@pytest.mark.parametrize(
    ('seconds', 'num_masks'),
    [(1, 1), (20, 20), pytest.param(180, 180, marks=pytest.mark.slow)],
)
def test_lengths(tmp_path, seconds, num_masks):
    """The sound in the last second but one is found."""
    video = make_video(
        tmp_path / 'a.mp4',
        size=(16, 16),
        fps=2,
        seconds=seconds,
        sample_rate=16000,
        layout='mono',
        image=lambda number, size: np.full((*size, 3), 100, np.uint8),
        sound=lambda t: beep(t - max(seconds - 3, -1)),
    )
    inferencer = AVSInferencer(*write_stub(tmp_path))
    found = inferencer(video)
    assert len(found.masks) == num_masks
    assert [(e.start, e.end) for e in found.events()] == [
        (max(seconds - 2, 0), max(seconds - 1, 1))
    ]
