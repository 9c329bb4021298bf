"""The page in Chromium: what a visitor does, and what one must not do.

The model is a stub that marks the right half of the frames whose second of
sound is loud; see ``support/hearing_stub.py``.
"""

import http.client
import json
import re
import time

import numpy as np
import pytest
from conftest import MAX_MEGABYTES, SLOW_SECONDS, stop
from support.tiny_videos import make_video

#: Of the browser's false camera and microphone.
RECORDING_SECONDS = 4
#: Mean red minus mean green and blue of both halves of a video's picture.
REDNESS = """video => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const {data, width, height} =
    context.getImageData(0, 0, canvas.width, canvas.height);
  const sums = [0, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const i = 4 * (y * width + x);
    sums[x < width / 2 ? 0 : 1] += data[i] - (data[i+1] + data[i+2]) / 2;
  }
  return sums.map(sum => sum / (width * height / 2));
}"""


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """Four seconds; the name has a space and a letter beyond ASCII."""
    folder = tmp_path_factory.mktemp('clips')
    return make_video(
        folder / 'my clip ä.mp4', size=(96, 128), fps=10, seconds=4
    )


def upload(page, path):
    page.locator('#upload input[type=file]').first.set_input_files(path)


def segment(page, path):
    """Upload and segment a video; return the overlay's element."""
    upload(page, path)
    page.wait_for_selector('#status:has-text("Press")')
    page.click('#segment')
    overlay = page.locator('#result figure:nth-child(2) video')
    overlay.wait_for()
    return overlay


def wait_until_shown(video, second):
    """Wait until a video shows the picture of a second."""
    video.evaluate(
        """(video, second) => new Promise((done, failed) => {
          video.onerror = () => failed(video.error.message);
          video.onseeked = done;
          video.currentTime = second;
        })""",
        second,
    )


def status(page):
    return page.inner_text('#status').strip()


def choose(page, name, option):
    page.click(f'#{name} input')
    page.get_by_role('option', name=option).click()


def test_a_video_is_segmented_and_plays_with_its_sound(
    open_page, server, clip
):
    page = open_page()
    overlay = segment(page, clip)
    assert re.fullmatch('4 masks, one event.', status(page))
    original = page.locator('#result figure:nth-child(1) video')
    for video, is_marked in ((original, False), (overlay, True)):
        wait_until_shown(video, 1.5)
        left, right = video.evaluate(REDNESS)
        assert abs(left) < 5
        assert (right > 40) == is_marked

    overlay.evaluate('video => { video.currentTime = 0; video.play(); }')
    page.wait_for_function(
        """() => {
          const [original, overlay] =
            document.querySelectorAll('#result video');
          return overlay.currentTime > 1 && original.currentTime > 0.8
            && overlay.webkitAudioDecodedByteCount > 0
            && !overlay.muted && original.muted;
        }"""
    )
    timeline = page.locator('#timeline img')
    timeline.wait_for()
    assert timeline.evaluate('image => image.naturalWidth') > 1000
    page.get_by_role('tab', name='Events').click()
    cells = page.locator('#events tbody td').all_inner_texts()
    assert cells[:4] == ['sounding', '0.00 s', '4.00 s', '50.0%']


def test_sliders_draw_again_without_running_the_model(open_page, server, clip):
    page = open_page()
    overlay = segment(page, clip)
    num_runs, address = server.num_runs(), overlay.get_attribute('src')
    assert num_runs > 0

    _drag(page, 'opacity', 1.0)
    page.wait_for_function(
        'old => document.querySelector("#result figure:nth-child(2) video")'
        '?.getAttribute("src") !== old',
        arg=address,
    )
    wait_until_shown(overlay, 1.5)
    stronger = overlay.evaluate(REDNESS)[1]
    assert stronger > 150
    address = overlay.get_attribute('src')
    _drag(page, 'threshold', 1.0)
    page.wait_for_selector('#status:has-text("0 events")')
    wait_until_shown(overlay, 1.5)
    assert abs(overlay.evaluate(REDNESS)[1]) < 5
    assert server.num_runs() == num_runs
    # The earlier overlay is deleted.
    assert page.request.get(server.url + address).status == 404


def _drag(page, name, to):
    """Drag the handle of a slider from its middle to a part of its width."""
    slider = page.locator(f'#{name} input[type=range]')
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box['y'] + box['height'] / 2
    page.mouse.move(box['x'] + box['width'] / 2, middle)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width'] * to, middle, steps=4)
    page.mouse.up()


def test_masks_change_with_the_sound(open_page, server, clip):
    page = open_page()
    segment(page, clip)
    page.get_by_role('tab', name='Does it listen?').click()
    page.click('#compare')
    page.wait_for_selector('#comparison video')
    assert page.locator('#comparison strong').inner_text() == '0.00'
    own, muted = (
        page.locator('#comparison video').nth(number) for number in (0, 1)
    )
    wait_until_shown(own, 1.5)
    wait_until_shown(muted, 1.5)
    assert own.evaluate(REDNESS)[1] > 40
    assert abs(muted.evaluate(REDNESS)[1]) < 5

    page.get_by_label('Noise').check()
    page.click('#compare')
    page.wait_for_selector('#comparison strong:has-text("1.00")')
    second = page.locator('#comparison video').nth(1)
    assert second.evaluate('v => v.parentElement.innerText') == (
        'Noise, as loud as its sound'
    )


def test_masks_change_with_the_sound_of_another_video(
    open_page, server, clip, tmp_path
):
    def late(times):
        """Silent, then loud: half of its seconds give a mask."""
        return np.where(times % 4 < 2, 0, 0.5 * np.sin(3000 * times))

    other = make_video(tmp_path / 'other.mp4', fps=5, seconds=4, sound=late)
    page = open_page()
    segment(page, clip)
    page.get_by_role('tab', name='Does it listen?').click()
    page.get_by_label('Sound of another video').check()
    page.click('#compare')
    page.wait_for_selector('#status .error:has-text("expected another vid")')
    page.locator('#other input[type=file]').first.set_input_files(other)
    page.wait_for_selector('#other video')
    page.click('#compare')
    page.wait_for_selector('#comparison strong:has-text("0.50")')
    video = page.locator('#comparison video').nth(1)
    wait_until_shown(video, 0.5)
    assert abs(video.evaluate(REDNESS)[1]) < 5
    wait_until_shown(video, 3.5)
    assert video.evaluate(REDNESS)[1] > 40


def test_wrong_files_are_refused_in_clear_words(open_page, clip, tmp_path):
    page = open_page()
    page.click('#segment')
    page.wait_for_selector('#status .error:has-text("expected a video, fou")')
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(clip.read_bytes()[:3000])
    upload(page, broken)
    page.wait_for_selector('#status .error:has-text("broken.mp4: expected")')
    assert '/' not in status(page).split('ffmpeg')[0]
    _clear(page)
    upload(page, make_video(tmp_path / 'long.mp4', fps=1, seconds=40))
    page.wait_for_selector('#status .error:has-text("expected at most 30 s")')
    _clear(page)
    upload(page, make_video(tmp_path / 'quiet.mp4', sound_codec=None))
    page.wait_for_selector('#status .error:has-text("got no sound track")')


def _clear(page):
    buttons = '#upload button[aria-label=Clear]'
    # While the page shows the video in place of its upload, both have one.
    page.wait_for_function(
        'buttons => document.querySelectorAll(buttons).length === 1',
        arg=buttons,
    )
    page.click(buttons)
    page.wait_for_selector('#status:has-text("Upload or record")')


def test_a_file_that_is_too_large_is_refused(open_page, server, tmp_path):
    large = tmp_path / 'large.mp4'
    large.write_bytes(b'\0' * (MAX_MEGABYTES * 10**6 + 10**5))
    page = open_page()
    upload(page, large)
    page.wait_for_selector('text=/maximum allowed size/')
    file = dict(
        name='large.mp4', mimeType='video/mp4', buffer=large.read_bytes()
    )
    answer = page.request.post(
        f'{server.url}/gradio_api/upload', multipart=dict(files=file)
    )
    assert answer.status == 413
    assert 'large.mp4' not in server.files()


def test_a_long_run_is_cancelled(open_page, server, tmp_path):
    clip = make_video(tmp_path / 'long.mp4', fps=5, seconds=20)
    page = open_page()
    choose(page, 'model', 'Slow')
    page.get_by_label('every frame').check()
    upload(page, clip)
    page.wait_for_selector('#status:has-text("Press")')
    before = server.num_runs()
    page.click('#segment')
    page.wait_for_selector('text=Running the model')
    page.click('#cancel')
    page.wait_for_selector('#status:has-text("Cancelled")')
    time.sleep(2 * SLOW_SECONDS)
    runs = server.num_runs() - before
    # 20 windows would take 20 s.
    assert 1 <= runs <= 6
    time.sleep(2 * SLOW_SECONDS)
    assert server.num_runs() - before == runs
    assert page.locator('#result figure').count() == 1
    choose(page, 'model', 'Quick')
    page.get_by_label('1 (as published)').check()
    page.click('#segment')
    page.wait_for_selector('#status:has-text("20 masks")')


def test_a_sample_and_a_recording(open_page):
    page = open_page()
    choose(page, 'sample', 'sample.mp4')
    page.wait_for_selector('#status:has-text("sample.mp4: 64x48")')
    page.click('#segment')
    page.wait_for_selector('#status:has-text("2 masks")')

    page.locator('#upload button[aria-label="Capture from camera"]').click()
    page.get_by_text('Click to Access Webcam').click()
    page.locator('#upload button:has-text("Record")').click()
    time.sleep(RECORDING_SECONDS)
    page.locator('#upload button:has-text("Stop")').click()
    page.wait_for_selector('#status:has-text(".webm: 1280x720")')
    page.click('#segment')
    page.wait_for_selector('#status:has-text(" masks, ")')


def test_visitors_do_not_mix_and_leave_nothing(open_page, server, clip):
    one, two = open_page(), open_page()
    for page in (one, two):
        segment(page, clip)
    addresses = [
        page.locator('#result video').nth(1).get_attribute('src')
        for page in (one, two)
    ]
    tokens = [address.split('/')[2] for address in addresses]
    assert tokens[0] != tokens[1]
    assert all(len(token) >= 22 for token in tokens)
    for address in addresses:
        assert one.request.get(server.url + address).status == 200

    one.context.close()
    _wait(lambda: two.request.get(server.url + addresses[0]).status == 404)
    assert two.request.get(server.url + addresses[1]).status == 200
    _drag(two, 'opacity', 0.9)
    two.wait_for_function(
        'old => document.querySelectorAll("#result video")[1]'
        '?.getAttribute("src") !== old',
        arg=addresses[1],
    )
    two.context.close()
    _wait(lambda: server.files() == [])


def _wait(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it did not happen in time'
        time.sleep(0.2)


@pytest.mark.parametrize(
    'path',
    [
        '/gradio_api/file=/etc/passwd',
        '/gradio_api/file=../../../../../../etc/passwd',
        '/gradio_api/file={folder}/quick/stub.pth',
        '/gradio_api/file={folder}/.web-0.partial/content/visits/',
        '/gradio_api/file=http://127.0.0.1:1/',
        '/gradio_api/proxy=http://127.0.0.1:1/',
        '/gradio_api/file/../../../../etc/passwd',
        '/file=/etc/passwd',
        '/static/../../../../../../etc/passwd',
        '/assets/..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd',
        '/visit/{token}/../../../../../etc/passwd',
        '/visit/{token}/..%2fvideo%2fmy%20clip%20.mp4',
        '/visit/{token}/%2fetc%2fpasswd',
        '/visit/../overlay-2.mp4',
        '/visit/{token}/',
    ],
)
def test_no_other_file_is_reachable(path, server, visitor):
    status, text = _get(server, path.format(**visitor))
    assert status in (403, 404), text[:200]
    assert b'root:' not in text


@pytest.fixture(scope='module')
def visitor(server, browser, clip):
    """Names for addresses: of a visitor who has segmented a video."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector('#segment')
    overlay = segment(page, clip)
    token = overlay.get_attribute('src').split('/')[2]
    yield dict(folder=server.folder, token=token)
    context.close()


def _get(server, path, body=None):
    """Send a path as it is; libraries and browsers would shorten it."""
    address = server.url.removeprefix('http://')
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request(
        'GET' if body is None else 'POST',
        path,
        body=body,
        headers={'Content-Type': 'application/json'} if body else {},
    )
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_forged_upload_is_refused(open_page, server):
    """A browser that names a file of the server instead of an upload."""
    page = open_page()
    handlers = page.evaluate(
        '() => window.gradio_config.dependencies.map(d => d.id)'
    )
    names = page.evaluate(
        '() => window.gradio_config.components'
        '.map(component => [component.id, component.props.elem_id])'
    )
    (upload_id,) = [number for number, name in names if name == 'upload']
    inputs = page.evaluate(
        '() => window.gradio_config.dependencies.map(d => d.inputs)'
    )
    handler = handlers[inputs.index([upload_id])]
    stub = str(server.folder / 'quick/stub.pth')
    for file in ('/etc/passwd', stub, 'http://127.0.0.1:1/a.mp4', '..'):
        meta = dict(_type='gradio.FileData')
        given = dict(path=file, meta=meta)
        body = dict(data=[given], fn_index=handler, session_hash='forged')
        answer = _get(server, '/gradio_api/queue/join', json.dumps(body))
        assert answer == (403, b'Not an upload')
    assert 'passwd' not in server.files()
    assert 'stub.pth' not in server.files()


def test_only_this_machine_is_served(server):
    """The server listens at 127.0.0.1 alone."""
    port = int(server.url.rpartition(':')[2])
    lines = [
        line.split()
        for name in ('tcp', 'tcp6')
        for line in open(f'/proc/net/{name}', encoding='ascii')
    ]
    listening = [
        words[1]
        for words in lines
        if words[3] == '0A' and words[1].endswith(f':{port:04X}')
    ]
    assert listening == [f'0100007F:{port:04X}']


def test_the_end_of_the_server_deletes_everything(server, browser, clip):
    """Runs last; a visitor is still there."""
    page = browser.new_page()
    page.goto(server.url)
    page.wait_for_selector('#segment')
    wait_until_shown(segment(page, clip), 1.5)
    assert 'original-1.mp4' in server.files()
    assert stop(server) == 0
    assert not list(server.folder.glob('.web-*'))
    assert 'Traceback' not in server.log.read_text()
