"""mmavs.video.painter draws on frames in YUV, without a video file."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange
from mmavs.video import MaskTimes, VideoFacts
from mmavs.video.canvas import planes, to_canvas
from mmavs.video.painter import Painter

UNSPECIFIED = 2


def facts_of(height, width, rotation=0):
    return VideoFacts(
        path=Path('a.mp4'), height=height, width=width, fps=1, peak_fps=1,
        num_frames=1, num_seconds=1, duration=1.0, rotation=rotation,
        sound_codec=None, sound_rate=16000, sound_seconds=0,
        start=Fraction(0),
    )  # fmt: skip


def grey_frame(height, width, values, pixel_format='yuv420p'):
    """A frame whose planes have constant values."""
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, value in zip(planes(frame), values, strict=True):
        plane[...] = value
    return frame


def values_of(frame):
    return [np.unique(plane).tolist() for plane in planes(frame)]


def paint(mask, frame, **options):
    facts = facts_of(*mask.shape)
    options = dict(classes=None, alpha=0.5) | options
    canvas = to_canvas(frame, facts, frame.format.name, UNSPECIFIED)
    painter = Painter(facts, [mask], times=MaskTimes(facts), **options)
    painter.paint(canvas, Fraction(0))
    return canvas


def test_colour_of_shared_pixels_is_their_mean():
    """White (Y 235, U and V 128) over Y 35, U 64, V 192.

    Of the 4 x 4 pixels inside the outline, alpha 0.25 gives Y
    0.75 * 35 + 0.25 * 235 = 85, U 0.75 * 64 + 0.25 * 128 = 80 and V 176. The
    outline is white. Where one pixel of four is outline and none of the
    others is painted, U is 0.75 * 64 + 0.25 * 128 = 80, too.
    """
    mask = np.zeros((12, 14), np.uint8)
    mask[3:9, 3:9] = 1
    white = [(0, 0, 0), (255, 255, 255)]
    y, u, v = planes(
        paint(
            mask, grey_frame(12, 14, (35, 64, 192)), palette=white, alpha=0.25
        )
    )
    expected = np.full((12, 14), 35)
    expected[3:9, 3:9] = 235
    expected[4:8, 4:8] = 85
    np.testing.assert_array_equal(y, expected)
    # Rows 2 and 3, columns 2 and 3: one pixel of outline. Rows 2 and 3,
    # columns 4 and 5: two of them, 0.5 * 64 + 0.5 * 128 = 96.
    assert u[1].tolist() == [64, 80, 96, 96, 80, 64, 64]
    assert v[1].tolist() == [192, 176, 160, 160, 176, 192, 192]
    assert u[2].tolist() == [64, 96, 80, 80, 96, 64, 64]
    assert (u[0] == 64).all()
    assert (u[5] == 64).all()


def test_odd_end_of_halved_colour_belongs_to_its_own_pixels():
    """5 columns: the third value of U belongs to the fifth column alone."""
    mask = np.zeros((4, 5), np.uint8)
    mask[:, 4] = 1
    white = [(0, 0, 0), (255, 255, 255)]
    canvas = paint(mask, grey_frame(4, 5, (35, 64, 64)), palette=white)
    assert (planes(canvas)[1] == [64, 64, 128]).all()


def test_nothing_is_drawn_without_a_mask():
    mask = np.zeros((4, 6), np.uint8)
    frame = grey_frame(4, 6, (35, 64, 192))
    canvas = paint(mask, frame, palette=[(0, 0, 0), (255, 0, 0)])
    assert values_of(canvas) == [[35], [64], [192]]


def test_the_decoded_frame_is_not_changed():
    """The decoder still refers to it."""
    frame = grey_frame(4, 6, (35, 64, 192))
    mask = np.ones((4, 6), np.uint8)
    canvas = paint(mask, frame, palette=[(0, 0, 0), (255, 0, 0)])
    assert (planes(canvas)[0] != 35).all()
    assert values_of(frame) == [[35], [64], [192]]


@pytest.mark.parametrize('rotation', range(4))
@pytest.mark.parametrize('size', [(8, 12), (7, 11)])
def test_canvas_is_upright(rotation, size):
    """A bright upper left quarter turns counter-clockwise."""
    frame = grey_frame(*size, (50, 128, 128))
    planes(frame)[0][:4, :6] = 200
    upright = np.rot90(planes(frame)[0], rotation)
    canvas = to_canvas(
        frame, facts_of(*upright.shape, rotation), 'yuv420p', UNSPECIFIED
    )
    assert canvas.format.name == 'yuv420p'
    np.testing.assert_allclose(planes(canvas)[0], upright, atol=2)
    for plane in planes(canvas)[1:]:
        np.testing.assert_allclose(plane, 128, atol=1)


def test_frame_of_another_size_is_resized():
    frame = grey_frame(16, 24, (120, 110, 128))
    y, u, _ = planes(to_canvas(frame, facts_of(8, 12), 'yuv420p', UNSPECIFIED))
    assert (y.shape, u.shape) == ((8, 12), (4, 6))
    np.testing.assert_allclose(y, 120, atol=2)
    np.testing.assert_allclose(u, 110, atol=2)


@pytest.mark.parametrize('pixel_format', ['yuv420p', 'yuvj420p'])
def test_full_range_becomes_limited(pixel_format):
    """Of 0..255, 0 becomes 16, and 255 becomes 235."""
    for value, limited in ((0, 16), (255, 235)):
        frame = grey_frame(8, 12, (value, 128, 128), pixel_format)
        frame.color_range = ColorRange.JPEG
        canvas = to_canvas(frame, facts_of(8, 12), 'yuv420p', UNSPECIFIED)
        np.testing.assert_allclose(planes(canvas)[0], limited, atol=1)


def test_matrix_of_high_definition():
    """Green has Y 145 with the matrix of BT.601, and 173 with BT.709."""
    image = np.full((8, 12, 3), (0, 255, 0), np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format='rgb24')
    for colorspace, luma in ((UNSPECIFIED, 145), (1, 173)):
        canvas = to_canvas(frame, facts_of(8, 12), 'yuv420p', colorspace)
        np.testing.assert_allclose(planes(canvas)[0], luma, atol=1)
        assert canvas.colorspace == colorspace
