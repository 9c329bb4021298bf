"""What the buttons of the page do, without a browser."""

import numpy as np
import pytest
import soundfile
from mmavs.apis import AVSInferencer
from mmavs.web import (
    Cancelled,
    Limits,
    Look,
    ModelFiles,
    Models,
    RefusedError,
    Service,
    Visits,
)
from support.hearing_stub import write_stub
from support.tiny_videos import make_video

LOOK = Look(threshold=0.5, opacity=0.5)


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp('models')
    config, checkpoint = write_stub(folder)
    return Models([ModelFiles('stub', str(config), str(checkpoint))])


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    return make_video(
        tmp_path_factory.mktemp('sample') / 'clip.mp4', fps=5, seconds=2
    )


@pytest.fixture
def service(tmp_path, models, clip):
    (tmp_path / 'uploads').mkdir()
    visits = Visits(tmp_path / 'visits', tmp_path / 'uploads')
    return Service(models, visits, Limits(seconds=5), [clip])


@pytest.fixture
def segmented(service):
    """A service, and the result of the visitor ``a``."""
    service.receive('a', 'clip.mp4')
    return service, _segment(service)


def _segment(service, look=LOOK, on_progress=lambda part, text: None):
    return service.segment(
        'a', model='stub', mask_rate=1, look=look, on_progress=on_progress
    )


def _no_progress(part, text):
    pass


def _upload(service, name, content):
    path = service.visits.uploads / name
    path.write_bytes(content)
    return path


def test_masks_are_those_of_the_inferencer(segmented, models, clip):
    _, result = segmented
    with models.use('stub') as inferencer:
        assert isinstance(inferencer, AVSInferencer)
        expected = inferencer(clip).masks
    found = np.stack(list(result.segmentation.masks_at(0.5)))
    np.testing.assert_array_equal(found, expected)
    assert found[:, :, 32:].all()
    assert not found[:, :, :32].any()
    (event,) = result.rendering.events
    assert (event.start, event.end, event.mean_area) == (0.0, 2.0, 0.5)
    for path in result.rendering[:3]:
        assert path.stat().st_size > 0


def test_progress_grows_to_one(service):
    service.receive('a', 'clip.mp4')
    parts = []
    _segment(service, on_progress=lambda part, text: parts.append(part))
    assert parts == sorted(parts)
    assert parts[0] == 0
    assert 0.9 < parts[-1] <= 1


def test_drawing_again_equals_a_run_at_that_look(segmented, models):
    service, first = segmented
    look = Look(threshold=0.99, opacity=0.9)
    with models.use('stub') as inferencer:
        num_runs = len(inferencer.model.seen)
        again = service.render('a', look=look, on_progress=_no_progress)
        assert len(inferencer.model.seen) == num_runs
    files = [path.read_bytes() for path in again.rendering[:3]]
    assert not any(path.exists() for path in first.rendering[:3])
    fresh = _segment(service, look)
    assert fresh.rendering.events == again.rendering.events
    assert [path.read_bytes() for path in fresh.rendering[:3]] == files


def test_nothing_is_drawn_before_a_segmentation(service):
    assert service.render('a', look=LOOK, on_progress=_no_progress) is None


def test_a_muted_video_has_other_masks(segmented):
    """The stub marks the right half of loud seconds, nothing in silence."""
    service, _ = segmented
    found = service.compare(
        'a', sound='muted', other=None, on_progress=_no_progress
    )
    assert found.agreement == (0.0, 0.5, 0.0)
    samples, _ = soundfile.read(found.sound)
    assert not samples.any()
    assert found.own.read_bytes() != found.overlay.read_bytes()


def test_noise_and_the_same_sound_agree(segmented, clip):
    service, _ = segmented
    upload = _upload(service, 'same.mp4', clip.read_bytes())
    for sound, other in (('noise', None), ('other', upload)):
        found = service.compare(
            'a', sound=sound, other=other, on_progress=_no_progress
        )
        assert found.agreement == (1.0, 0.5, 0.5)
    names = [path.name.split('-')[0] for path in found.sound.parent.iterdir()]
    kinds = ['original', 'overlay', 'timeline', 'events']
    assert sorted(names) == sorted([*kinds, 'own', 'other', 'sound'])


@pytest.mark.parametrize('other', [None, 'silent.mp4'])
def test_a_comparison_needs_a_sound(segmented, other, tmp_path):
    service, _ = segmented
    if other is not None:
        path = make_video(tmp_path / other, seconds=1, sound_codec=None)
        other = _upload(service, other, path.read_bytes())
    text = 'expected another video' if other is None else '^silent.mp4: expec'
    with pytest.raises(RefusedError, match=text):
        service.compare(
            'a', sound='other', other=other, on_progress=_no_progress
        )


def test_what_comes_first_is_said(service):
    with pytest.raises(RefusedError, match='expected a video, found none; up'):
        _segment(service)
    with pytest.raises(RefusedError, match='press "Segment" first'):
        service.compare(
            'a', sound='muted', other=None, on_progress=_no_progress
        )
    with pytest.raises(RefusedError, match=r"a sample among \['clip.mp4'\]"):
        service.receive('a', '/etc/passwd')


def test_errors_name_the_file_without_its_folder(service):
    upload = _upload(service, 'broken.mp4', b'no video')
    with pytest.raises(RefusedError, match=r'^broken\.mp4: expected a') as e:
        service.receive('a', upload)
    assert '/' not in str(e.value).split('ffmpeg')[0]


def test_a_refused_video_removes_the_one_before(segmented):
    service, result = segmented
    with pytest.raises(RefusedError, match='expected at most 5 s, got'):
        _too_long(service)
    assert not result.rendering.overlay.exists()
    assert service.visits.of('a').result is None


def _too_long(service):
    folder = service.visits.uploads
    service.receive('a', make_video(folder / 'long.mp4', fps=1, seconds=6))


@pytest.mark.parametrize('when', [0.0, 0.8])
def test_cancelled_work_leaves_no_result(service, when):
    """0.0: before the network runs; 0.8: while the masks are drawn."""
    service.receive('a', 'clip.mp4')

    def cancel(part, text):
        if part >= when:
            service.cancel('a')

    with pytest.raises(Cancelled):
        _segment(service, on_progress=cancel)
    visit = service.visits.of('a')
    assert visit.result is None
    names = [path.name for path in visit.files.folder.iterdir()]
    assert names == [visit.video.original.name]
    assert _segment(service).rendering.events


def test_clearing_the_upload_keeps_a_sample(segmented, clip):
    """The page clears the upload when a sample is picked."""
    service, _ = segmented
    assert not service.clear_upload('a')
    assert service.visits.of('a').result is not None
    upload = _upload(service, 'clip.mp4', clip.read_bytes())
    original = service.receive('a', upload).original
    assert service.clear_upload('a')
    assert service.visits.of('a').video is None
    assert not original.exists()


def test_a_format_that_browsers_do_not_play_is_converted(service, tmp_path):
    path = make_video(
        tmp_path / 'uploads' / 'old.avi', codec='mpeg4', sound_codec='mp3',
        seconds=1,
    )  # fmt: skip
    received = service.receive('a', path)
    assert received.original.suffix == '.mp4'
    assert received.original.read_bytes() != path.read_bytes()


def test_a_sample_must_exist(models, tmp_path):
    visits = Visits(tmp_path / 'visits', tmp_path)
    with pytest.raises(FileNotFoundError, match='video as sample, found none'):
        Service(models, visits, Limits(), [tmp_path / 'none.mp4'])


def test_models_are_checked_at_the_start(tmp_path):
    config, checkpoint = map(str, write_stub(tmp_path))
    with pytest.raises(FileNotFoundError, match='expected the weights of'):
        Models([ModelFiles('a', config, str(tmp_path / 'none.pth'))])
    one = ModelFiles('a', config, checkpoint)
    with pytest.raises(ValueError, match='different names, got a, a'):
        Models([one, one])
    with (
        pytest.raises(ValueError, match=r"a model among \['a'\], got 'b'"),
        Models([one]).use('b'),
    ):
        pass
