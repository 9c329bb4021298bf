"""mmavs.video.overlay draws masks on a video and keeps its sound."""

import itertools
import resource

import av
import numpy as np
import pytest
from mmavs.video import MaskTimes, check_output, scan_video, write_overlay
from mmavs.video.container import find_picture, open_video
from mmavs.video.frames import seconds_in, to_upright_rgb
from support.tiny_videos import make_video, number_of

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

#: Options of a video by file name, and whether its sound is copied.
KINDS = {
    'h264-aac.mp4': (dict(), True),
    'mpeg4-pcm.avi': (
        dict(
            fps=12.5,
            codec='mpeg4',
            sound_codec='pcm_s16le',
            sample_rate=22050,
            layout='mono',
        ),
        False,
    ),
    'vp9-opus.webm': (
        dict(
            fps=30,
            codec='libvpx-vp9',
            sound_codec='libopus',
            sample_rate=48000,
        ),
        False,
    ),
    'odd-flac.mkv': (dict(size=(47, 63), fps=10, sound_codec='flac'), False),
    'h264-mp3.mkv': (dict(sound_codec='libmp3lame'), True),
    'adts-aac.ts': (dict(sample_rate=48000), True),
    'uneven.mp4': (dict(times=[0, 0.1, 0.9, 1.5, 2.1]), True),
    'late-sound.mp4': (dict(sound_span=(0.7, 2.2)), True),
    'long-sound.mp4': (dict(sound_span=(0, 4)), True),
    'late-picture.mkv': (
        dict(times=[0.5 + n / 25 for n in range(45)], sound_codec='flac'),
        False,
    ),
}


def empty_masks(facts):
    return itertools.repeat(np.zeros((facts.height, facts.width), np.uint8))


def frames_of(facts):
    """Times, in seconds after the first frame, and images of all frames."""
    with open_video(facts.path) as container:
        picture = find_picture(container, facts.path)
        return [
            (float(seconds_in(frame, facts)), to_upright_rgb(frame, facts))
            for frame in container.decode(picture)
        ]


def sound_packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0)][:-1]


def overlay(path, masks=None, **options):
    """Write an overlay; give the scans of the input and of the output."""
    before = scan_video(path)
    out = path.with_name('out.mp4')
    masks = empty_masks(before.facts) if masks is None else masks
    write_overlay(before.facts, masks, out, **options)
    return before, scan_video(out)


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    """Path of a video and whether its sound is copied."""
    options, is_copied = KINDS[request.param]
    return make_video(tmp_path / request.param, **options), is_copied


def test_all_but_the_masked_pixels_stays(kind):
    path, is_copied = kind
    before, after = overlay(path)
    old, new = frames_of(before.facts), frames_of(after.facts)
    assert len(new) == len(old) == before.facts.num_frames
    assert [time for time, _ in new] == pytest.approx(
        [time for time, _ in old], abs=1e-3
    )
    assert after.facts.duration == pytest.approx(
        before.facts.duration, abs=0.05
    )
    for (_, was), (_, now) in zip(old, new, strict=True):
        assert was.shape == now.shape
        assert number_of(now) == number_of(was)
        assert np.abs(was.astype(int) - now).mean() < 4
    if path.suffix == '.ts':  # its packets have headers that mp4 leaves out
        for was, now in zip(
            sound_packets(path), sound_packets(after.facts.path), strict=True
        ):
            assert was[:2] == b'\xff\xf1'
            assert was[7:] == now
    elif is_copied:
        assert sound_packets(after.facts.path) == sound_packets(path)
    else:
        assert after.facts.sound_codec == 'aac'
    # No shift: a lag of 1 ms is 0.6 of a period of 600 Hz.
    assert after.facts.sound_rate == before.facts.sound_rate
    length = min(len(before.waveform), len(after.waveform))
    was, now = before.waveform[:length], after.waveform[:length]
    norms = np.linalg.norm(was) * np.linalg.norm(now)
    assert was @ now / norms > 0.98


def test_mask_of_each_second_lies_on_its_frames(tmp_path):
    """At 25 frames a second, frames 25 to 49 get the second mask."""
    path = make_video(tmp_path / 'a.mp4', seconds=2.6)
    masks = np.zeros((3, 48, 64), np.uint8)
    for second in range(3):
        masks[second, 16 * second : 16 * (second + 1)] = 1
    _, after = overlay(path, masks)
    frames = frames_of(after.facts)
    assert len(frames) == 65
    for number, (_, image) in enumerate(frames):
        redness = image[..., 0].astype(int) - image[..., 2]
        thirds = redness.reshape(3, 16, 64).mean((1, 2))
        assert thirds.argmax() == number // 25
        assert thirds.max() > 50
        assert np.sort(thirds)[1] < 20


@pytest.mark.parametrize(
    'options',
    [
        dict(layout='5.1', sound_codec='flac', sample_rate=44100),
        dict(size=(47, 63), sample_rate=8000, layout='mono'),
        dict(sound_codec=None),
    ],
)
def test_webm(tmp_path, options):
    """VP9 and Opus; odd sizes with 4:2:0 colour; nothing is shifted."""
    path = make_video(tmp_path / 'a.mkv', fps=10, **options)
    before = scan_video(path, no_audio='silence')
    out = tmp_path / 'out.webm'
    write_overlay(before.facts, empty_masks(before.facts), out)
    after = scan_video(out, no_audio='silence')
    with av.open(str(out)) as file:
        codecs = [stream.codec_context.name for stream in file.streams]
        assert file.streams.video[0].pix_fmt == 'yuv420p'
    has_sound = before.facts.sound_codec is not None
    assert codecs[0] == 'libvpx-vp9' or codecs[0] == 'vp9'
    assert (after.facts.sound_codec == 'opus') == has_sound
    old, new = frames_of(before.facts), frames_of(after.facts)
    for (was, image), (now, other) in zip(old, new, strict=True):
        assert now == pytest.approx(was, abs=1e-3)
        assert number_of(other) == number_of(image)
    if has_sound:
        rate, other = before.facts.sound_rate, after.facts.sound_rate
        assert other == 48000
        times = np.arange(2 * 8000) / 8000
        was = before.waveform[(times * rate).astype(int)]
        now = after.waveform[(times * other).astype(int)]
        assert was @ now / np.linalg.norm(was) / np.linalg.norm(now) > 0.9


def test_masks_at_several_times_of_a_second(tmp_path):
    """Two masks per second at 4 frames per second: 0 0 0 1 1 2 2 3."""
    path = make_video(tmp_path / 'a.mp4', seconds=2, fps=4)
    facts = scan_video(path).facts
    masks = np.zeros((4, 48, 64), np.uint8)
    for number in range(4):
        masks[number, 12 * number : 12 * (number + 1)] = 1
    _, after = overlay(path, masks, times=MaskTimes(facts, 2))
    shown = [
        (image[..., 0].astype(int) - image[..., 2])
        .reshape(4, 12, 64)
        .mean((1, 2))
        .argmax()
        for _, image in frames_of(after.facts)
    ]
    assert shown == [0, 0, 0, 1, 1, 2, 2, 3]


def test_colour_and_alpha(tmp_path):
    """Grey 200 under 0.25 of (0, 0, 240): 150, 150, 150 + 60 = 210."""
    path = make_video(
        tmp_path / 'a.mp4',
        image=lambda number, size: np.full((*size, 3), 200, np.uint8),
    )
    masks = [np.full((48, 64), 2, np.uint8)] * 3
    palette = [(0, 0, 0), (255, 0, 0), (0, 0, 240)]
    _, after = overlay(path, masks, palette=palette, alpha=0.25)
    for _, image in frames_of(after.facts):
        colour = image.reshape(-1, 3).mean(0)
        np.testing.assert_allclose(colour, (150, 150, 210), atol=4)


def test_outline_is_one_pixel_of_full_colour(tmp_path):
    """On grey 100 without a tint, only the border of the mask is red 230."""
    path = make_video(
        tmp_path / 'a.mp4',
        size=(47, 63),  # odd: colour is not halved, a pixel keeps its own
        image=lambda number, size: np.full((*size, 3), 100, np.uint8),
    )
    mask = np.zeros((47, 63), np.uint8)
    mask[20:, 10:40] = 1
    _, after = overlay(path, [mask] * 3, alpha=0)
    _, image = frames_of(after.facts)[0]
    edge = np.zeros((47, 63), bool)
    edge[20, 10:40] = edge[20:, 10] = edge[20:, 39] = True
    np.testing.assert_array_equal(image[..., 0] > 165, edge)


def test_rotated_video_is_written_upright(tmp_path):
    path = make_video(tmp_path / 'a.mp4', rotation=90)
    before, after = overlay(path)
    assert (after.facts.height, after.facts.width) == (64, 48)
    assert (before.facts.rotation, after.facts.rotation) == (1, 0)
    _, was = frames_of(before.facts)[10]
    _, now = frames_of(after.facts)[10]
    assert np.abs(was.astype(int) - now).mean() < 4


def test_surround_sound_becomes_stereo(tmp_path):
    path = make_video(tmp_path / 'a.mkv', sound_codec='flac', layout='5.1')
    _, after = overlay(path)
    with av.open(str(after.facts.path)) as container:
        assert container.streams.audio[0].layout.name == 'stereo'
    assert after.facts.sound_seconds == pytest.approx(2.2, abs=0.05)


@pytest.mark.parametrize(
    ('masks', 'text'),
    [
        ([np.zeros((48, 64), np.uint8)] * 2, 'got none for mask 2'),
        ([np.zeros((64, 48), np.uint8)] * 3, r'got one of \(64, 48\)'),
        ([np.full((48, 64), 2, np.uint8)] * 3, 'a colour for class 2'),
    ],
)
def test_masks_that_do_not_fit_leave_no_file(tmp_path, masks, text):
    path = make_video(tmp_path / 'a.mp4')
    with pytest.raises(ValueError, match=text):
        overlay(path, masks)
    assert [file.name for file in tmp_path.iterdir()] == ['a.mp4']


def test_alpha_out_of_range(tmp_path):
    path = make_video(tmp_path / 'a.mp4')
    with pytest.raises(ValueError, match=r'alpha must be in 0..1, got 1.5'):
        overlay(path, alpha=1.5)


def test_output_that_cannot_be(tmp_path):
    source = tmp_path / 'a.mp4'
    source.touch()
    (tmp_path / 'folder.mp4').mkdir()
    for out, text in (
        ('b.avi', 'ends in .mp4 or .webm'),
        ('a.mp4', 'another file than the video'),
        ('folder.mp4', 'got a folder'),
        ('a.mp4/b.mp4', 'a folder that exists or can be created'),
    ):
        with pytest.raises(ValueError, match=text):
            check_output(tmp_path / out, source=source)
    made = check_output(tmp_path / 'new/b.mp4', source=source)
    assert made.parent.is_dir()


def test_full_disk(tmp_path):
    """A limit on the file size simulates it; no partial file remains."""
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    path = make_video(
        tmp_path / 'a.mp4', image=lambda number, size: noise, size=(480, 640)
    )
    facts = scan_video(path).facts
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, limits[1]))
    try:
        with pytest.raises(OSError, match='cannot write the video'):
            write_overlay(
                facts,
                empty_masks(facts),
                tmp_path / 'out.mp4',
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ['a.mp4']


def test_damaged_picture_leaves_no_file(tmp_path):
    """Damage in the middle may only be found when all is decoded."""

    def noise(number, size):
        generator = np.random.default_rng(number)
        return generator.integers(0, 256, (*size, 3), np.uint8)

    path = make_video(tmp_path / 'a.mp4', image=noise)
    facts = scan_video(path).facts
    content = bytearray(path.read_bytes())
    middle, length = len(content) // 2, len(content) // 8
    content[middle : middle + length] = bytes(length)
    path.write_bytes(content)
    with pytest.raises(ValueError, match='damaged or cut off'):
        write_overlay(
            facts,
            empty_masks(facts),
            tmp_path / 'out.mp4',
        )
    assert [file.name for file in tmp_path.iterdir()] == ['a.mp4']
