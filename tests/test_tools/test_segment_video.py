"""tools/segment_video.py writes an overlay and masks of a video."""

import json
import runpy
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from mmavs.video import read_video, scan_video
from PIL import Image
from support.hearing_stub import stub_config, write_stub
from support.tiny_videos import make_video

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / 'tools' / 'segment_video.py'


def beep(times):
    """Sounds in seconds 1 and 6 only."""
    loud = np.isin(times.astype(int), (1, 6))
    return np.where(loud, 0.5 * np.sin(2 * np.pi * 1000 * times), 0)


@pytest.fixture
def segment(monkeypatch, tmp_path):
    """Run the tool on a video with the stub as model."""
    config, checkpoint = write_stub(tmp_path)

    def run(video, *options, out=tmp_path / 'new' / 'out.mp4'):
        words = [str(video), '--config', config, '--checkpoint', checkpoint]
        words += ['--device', 'cpu', '--out', out, *options]
        monkeypatch.setattr(sys, 'argv', [str(SCRIPT), *map(str, words)])
        # Python puts the script's folder first.
        monkeypatch.syspath_prepend(SCRIPT.parent)
        runpy.run_path(str(SCRIPT), run_name='__main__')
        return out

    return run


def test_overlay_and_masks(segment, tmp_path, capsys):
    """The stub marks the right half of frames whose second is loud."""
    video = make_video(
        tmp_path / 'a.mp4', seconds=7.2, fps=10, size=(48, 66), sound=beep
    )
    masks = tmp_path / 'masks'
    out = segment(video, '--masks', masks, '--alpha', '0.8')
    printed = capsys.readouterr().out
    assert '66x48, 10 fps, 7.20 s (72 frames)' in printed
    assert 'sound aac, 44100 Hz, 7.2' in printed
    assert 'segmenting a.mp4' in printed
    assert f'Wrote the video to {out}' in printed
    assert f'Wrote 8 masks to {masks}' in printed

    names = sorted(path.name for path in masks.iterdir())
    assert names == [*(f'{second}.png' for second in range(8)), 'masks.json']
    for second in range(8):
        with Image.open(masks / f'{second}.png') as image:
            assert image.mode == 'L'
            mask = np.asarray(image)
        expected = np.zeros((48, 66), np.uint8)
        if second in (1, 6):
            expected[:, 33:] = 255
        # Second 7 lasts 0.2 s and uses the last complete example.
        if second != 7:
            np.testing.assert_array_equal(mask, expected)

    frames, waveform, facts = read_video(out)
    assert (facts.num_frames, facts.fps) == (72, 10)
    np.testing.assert_array_equal(waveform, scan_video(video).waveform)
    redness = frames[..., 0].astype(int) - frames[..., 2]
    right = redness[:7, :, 36:].mean((1, 2)) > 80
    assert np.flatnonzero(right).tolist() == [1, 6]
    assert np.abs(redness[:, :, :30]).mean() < 10


def test_many_classes(segment, tmp_path):
    """Masks have class ids and colours; the video names the classes."""
    config = stub_config(labels='semantic')
    config.model.num_channels = 3
    config.dump(tmp_path / 'stub.py')
    video = make_video(
        tmp_path / 'a.mp4', seconds=3, size=(96, 128), sound=beep
    )
    out = segment(video, '--masks', tmp_path / 'masks')
    with Image.open(tmp_path / 'masks' / '1.png') as image:
        assert np.unique(np.asarray(image)[:, 64:]).tolist() == [2]
        assert image.convert('RGB').getpixel((100, 50)) == (0, 128, 0)
    with Image.open(tmp_path / 'masks' / '0.png') as image:
        assert not np.asarray(image).any()
    before, after = (read_video(path)[0] for path in (video, out))
    change = np.abs(before.astype(int) - after).mean(-1)[:, :11, :11]
    # The legend is drawn in second 1 only, over the half without a mask.
    assert change[1].mean() > 20
    assert change[[0, 2]].mean() < 5


def test_again_into_the_same_places(segment, tmp_path):
    video = make_video(tmp_path / 'a.mp4', sound=beep)
    for _ in range(2):
        out = segment(video, '--masks', tmp_path / 'masks')
    assert scan_video(out).facts.num_seconds == 3
    assert len(list((tmp_path / 'masks').glob('*.png'))) == 3
    assert not list(tmp_path.rglob('.*'))


def test_what_is_odd_about_the_sound_is_said(segment, tmp_path, capsys):
    video = make_video(
        tmp_path / 'a.mkv',
        sound=np.zeros_like,
        sound_span=(0, 1),
        sound_codec='flac',
    )
    segment(video)
    printed = capsys.readouterr().out
    assert 'sound flac, 44100 Hz, 1.00 s' in printed
    assert 'note: the sound is shorter than the picture' in printed
    assert 'note: every sample of the sound track is zero' in printed


def test_mask_rate_and_majority_vote(segment, tmp_path):
    """A tone of two of six seconds; most of 23 masks are without it."""
    video = make_video(
        tmp_path / 'a.mp4',
        seconds=6,
        fps=8,
        sample_rate=16000,
        sound=lambda t: np.where((t >= 3) & (t < 5), np.sin(6000 * t) / 2, 0),
    )
    masks = tmp_path / 'masks'
    out = segment(
        video, '--mask-rate', 4, '--masks', masks, '--sound-window', 'centred'
    )
    names = [path.name for path in masks.glob('*.png')]
    assert sorted(names) == sorted(f'{number}.png' for number in range(24))
    index = json.loads((masks / 'masks.json').read_text())
    assert (index['mask_rate'], index['sound_window']) == (4, 'centred')
    marked = [
        np.asarray(Image.open(masks / f'{n}.png')).any() for n in range(24)
    ]
    # At least from 3.2 to 4.8 s, and not before 2.4 s.
    assert all(marked[13:19])
    assert not any(marked[:10])
    assert scan_video(out).facts.num_frames == 48
    segment(video, '--mask-rate', 4, '--masks', masks, '--majority-vote', 23)
    assert not np.asarray(Image.open(masks / '12.png')).any()
    with pytest.raises(SystemExit) as caught:
        segment(video, '--mask-rate', 'all')
    assert caught.value.code == 2
    with pytest.raises(SystemExit, match="must be 'full' or a number"):
        segment(video, '--mask-rate', '0')
    with pytest.raises(SystemExit, match='odd number of masks'):
        segment(video, '--majority-vote', '2')


def test_video_without_sound_as_webm(segment, tmp_path, capsys):
    video = make_video(tmp_path / 'a.mp4', sound_codec=None, fps=5)
    out = segment(
        video, '--no-audio', 'silence', out=tmp_path / 'new' / 'out.webm'
    )
    printed = capsys.readouterr().out
    assert 'no sound track\nnote: the video is treated as silent' in printed
    with av.open(str(out)) as file:
        assert [stream.codec.name for stream in file.streams] == ['vp9']


def test_second_stage(segment, tmp_path):
    """The stub is stage one; stage two marks what its masks mark."""
    config = stub_config(labels='semantic')
    config.model.update(num_channels=3, needs_prior=True)
    prior = dict(type='LoadMaskPrior')
    config.test_dataloader.dataset.pipeline.insert(2, prior)
    config.dump(tmp_path / 'two.py')
    video = make_video(
        tmp_path / 'a.mp4', seconds=3, size=(48, 64), sound=beep
    )
    masks, two = tmp_path / 'masks', ('--config', tmp_path / 'two.py')
    one = ('--stage-one', tmp_path / 'stub.py', tmp_path / 'stub.pth')
    segment(video, *two, *one, '--masks', masks)
    marked = [
        np.asarray(Image.open(masks / f'{t}.png')).any(0) for t in (0, 1)
    ]
    assert not marked[0].any()
    assert np.flatnonzero(marked[1]).tolist() == list(range(32, 64))

    with pytest.raises(SystemExit, match='two.py is .* --stage-one CONFIG'):
        segment(video, *two)
    with pytest.raises(SystemExit, match='stub.py takes no masks'):
        segment(video, *one)
    with pytest.raises(SystemExit) as caught:
        segment(video, '--soft-prior')
    assert caught.value.code == 2


@pytest.mark.parametrize('name', ['0.png', '3.png', '0.jpg', 'notes.txt'])
def test_foreign_files_among_the_masks(segment, tmp_path, name):
    """0.png could be a label: its name does not show who wrote it."""
    video = make_video(tmp_path / 'a.mp4')
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'masks' / name).touch()
    with pytest.raises(SystemExit, match=f'got {name} in it, which is'):
        segment(video, '--masks', tmp_path / 'masks')


def shuffle_times(source, target):
    """Copy a video; its frames get the stamps 0 1 3 2 4 6 5 7 ... in mkv."""
    with av.open(str(source)) as old, av.open(str(target), 'w') as new:
        tracks = {
            s.index: new.add_stream_from_template(s) for s in old.streams
        }
        number = 0
        for packet in old.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == 'video':
                unit = round(1 / 25 / packet.time_base)
                packet.dts -= 2 * unit
                packet.pts += unit * (0, 0, 1, -1, 0, 1, -1)[number % 7]
                number += 1
            packet.stream = tracks[packet.stream.index]
            new.mux(packet)


def test_frames_with_shuffled_times(segment, tmp_path):
    """As in AVI files with B-frames, which FFmpeg refused to write."""
    video = make_video(
        tmp_path / 'a.mkv', codec='mpeg4', sound_codec='flac', sound=beep
    )
    shuffle_times(video, tmp_path / 'b.mkv')
    with av.open(str(tmp_path / 'b.mkv')) as file:
        times = [frame.pts for frame in file.decode(video=0)]
    assert times != sorted(times)
    frames = read_video(tmp_path / 'b.mkv').frames
    np.testing.assert_array_equal(frames, read_video(video).frames)
    out = segment(tmp_path / 'b.mkv', '--masks', tmp_path / 'masks')
    assert scan_video(out).facts.num_frames == len(times)


@pytest.mark.parametrize(
    ('value', 'message'),
    [(np.nan, 'got NaN or infinity at 0.'), (3e4, r'got 3e\+04 at 0.')],
)
def test_samples_that_are_no_sound(segment, tmp_path, value, message):
    video = make_video(
        tmp_path / 'a.mkv',
        sound=lambda times: np.where(times > 0.5, value, 0),
        sound_codec='pcm_f32le',
    )
    with pytest.raises(SystemExit, match=message) as caught:
        segment(video, '--masks', tmp_path / 'masks')
    assert 'free space' not in str(caught.value)
    assert not list((tmp_path / 'new').iterdir())
    assert not (tmp_path / 'masks').exists()


def test_a_failure_leaves_no_masks(segment, tmp_path, monkeypatch):
    """The second frame cannot be written, for example on a full disk."""
    video = make_video(tmp_path / 'a.mp4', sound=beep)

    def fail(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(
        'mmavs.video.overlay_file.OverlayFile.write_picture', fail
    )
    with pytest.raises(SystemExit, match='No space left'):
        segment(video, '--masks', tmp_path / 'masks')
    assert not list((tmp_path / 'new').iterdir())
    assert not (tmp_path / 'masks').exists()
    assert not list(tmp_path.glob('.*'))


def test_mistakes_end_with_one_line(segment, tmp_path):
    silent = make_video(tmp_path / 'silent.mp4', sound_codec=None)
    text = tmp_path / 'text.mp4'
    text.write_text('no video')
    video = make_video(tmp_path / 'a.mp4')
    for call, message in (
        ((tmp_path / 'none.mp4',), 'none.mp4: expected a video file'),
        ((silent,), 'got no sound track'),
        ((text,), 'not a video, damaged or cut off'),
        ((video, '--alpha', '2'), 'alpha must be in 0..1'),
        ((video, '--checkpoint', 'none.pth'), 'none.pth: expected a check'),
        ((video, '--config', 'none.py'), 'none.py'),
        ((video, '--out', 'a.avi'), 'ends in .mp4 or .webm'),
    ):
        with pytest.raises(SystemExit, match=message) as caught:
            segment(*call)
        assert str(caught.value).startswith('error: ')
    assert not (tmp_path / 'new' / 'out.mp4').exists()
