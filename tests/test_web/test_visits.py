"""Files of visitors: separate, not reachable by others, deleted at the end."""

import os

import pytest
from mmavs.web import Visits


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / 'uploads'
    folder.mkdir()
    (folder / 'clip.mp4').write_text('clip')
    return folder


@pytest.fixture
def visits(tmp_path, uploads):
    return Visits(tmp_path / 'visits', uploads)


def _write(visit, text):
    path = visit.files.new('overlay', '.mp4')
    path.write_text(text)
    return path.name


def test_a_session_keeps_its_visit(visits):
    assert visits.of('a') is visits.of('a')
    assert visits.of('a') is not visits.of('b')
    assert len(visits) == 2


def test_two_visits_do_not_mix(visits):
    one, two = visits.of('a'), visits.of('b')
    name = _write(one, 'of a')
    assert _write(two, 'of b') == name
    assert visits.file(one.token, name).read_text() == 'of a'
    assert visits.file(two.token, name).read_text() == 'of b'
    visits.end('b')
    assert visits.file(one.token, name).read_text() == 'of a'
    assert visits.file(two.token, name) is None


@pytest.mark.parametrize(
    'name',
    [
        '../video/clip.mp4',
        '..%2Fvideo%2Fclip.mp4',
        '/etc/passwd',
        '.',
        '',
        'overlay-1.mp4\n',
        'overlay-1.npz',
        'missing-9.mp4',
    ],
)
def test_only_results_are_found(visits, uploads, name):
    visit = visits.of('a')
    visit.take_upload(uploads / 'clip.mp4', 'video')
    _write(visit, 'result')
    (visit.files.folder / 'overlay-1.npz').write_text('masks')
    assert visits.file(visit.token, name) is None


@pytest.mark.parametrize('token', ['', 'a', 'é', '../visits'])
def test_only_the_token_opens_a_visit(visits, token):
    name = _write(visits.of('a'), 'of a')
    assert visits.file(token, name) is None


def test_the_end_deletes_the_files_and_the_upload(visits, uploads, tmp_path):
    visit = visits.of('a')
    copy = visit.take_upload(uploads / 'clip.mp4', 'video')
    assert copy.read_text() == 'clip'
    visits.end('a')
    assert visit.is_cancelled()
    assert list((tmp_path / 'visits').iterdir()) == []
    assert list(uploads.iterdir()) == []
    visits.end('a')  # a second time does nothing


def test_an_upload_that_another_visitor_repeated_is_kept(visits, uploads):
    """Equal files of two visitors have one path in Gradio's folder."""
    path = uploads / 'clip.mp4'
    visits.of('a').take_upload(path, 'video')
    changed = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(changed, changed))
    visits.of('b').take_upload(path, 'video')
    visits.end('a')
    assert path.exists()
    visits.end('b')
    assert not path.exists()


def test_a_sample_is_kept(visits, tmp_path):
    sample = tmp_path / 'sample.mp4'
    sample.write_text('sample')
    visits.of('a').copy(sample, 'video')
    visits.end_all()
    assert sample.read_text() == 'sample'
    assert len(visits) == 0


@pytest.mark.parametrize('name', ['../secret.mp4', 'link.mp4', 'gone.mp4'])
def test_only_uploads_are_taken(visits, uploads, name):
    secret = uploads.parent / 'secret.mp4'
    secret.write_text('secret')
    (uploads / 'link.mp4').symlink_to(secret)
    with pytest.raises(FileNotFoundError, match='expected an uploaded video'):
        visits.of('a').take_upload(uploads / name, 'video')
    assert secret.exists()


def test_idle_visits_end_when_the_next_begins(tmp_path, uploads):
    visits = Visits(tmp_path / 'visits', uploads, idle_seconds=0)
    visits.of('a')
    visits.of('b')
    assert len(visits) == 1
    assert len(list((tmp_path / 'visits').iterdir())) == 1


def test_an_ended_visit_stays_cancelled(visits):
    visit = visits.of('a')
    visit.cancel()
    visit.start()
    assert not visit.is_cancelled()
    visits.end('a')
    visit.start()
    assert visit.is_cancelled()
