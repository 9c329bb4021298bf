"""Masks at more than one time per second."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from mmavs.apis import AVSInferencer
from mmavs.apis.windows import Window, cut_sound, cut_windows
from mmavs.video import MaskTimes, iter_frames, scan_video
from support.hearing_stub import stub_config, write_stub
from support.tiny_models import TINY_CONFIG, build, tiny_config
from support.tiny_videos import make_video

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

FPS = 5


def moving_square(number, size):
    """A bright square that crosses the dark picture in 4 s and returns."""
    image = np.full((*size, 3), 40, np.uint8)
    image[square_at(number, size)] = 240
    return image


def square_at(number, size):
    """Pixels of the square of 16 x 16 in a frame."""
    steps = 4 * FPS
    path = abs((number + steps) % (2 * steps) - steps) / steps
    left = round((1 - path) * (size[1] - 16))
    place = np.zeros(size, bool)
    place[16:32, left : left + 16] = True
    return place


def tone(times):
    return 0.5 * np.sin(2 * np.pi * 1000 * times)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two checkpoints, and a video of 6.2 s."""
    folder = tmp_path_factory.mktemp('rates')
    make_video(
        folder / 'a.mp4',
        fps=FPS,
        seconds=6.2,
        sample_rate=16000,
        size=(48, 96),
        image=moving_square,
        sound=tone,
    )
    write_stub(folder)
    model = build(tiny_config())
    torch.manual_seed(7)
    for parameter in model.decode_head.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.5)
    torch.save(dict(state_dict=model.state_dict()), folder / 'tiny.pth')
    return folder


def stub(folder, **model):
    config = stub_config()
    config.model.update(model)
    return AVSInferencer(config, folder / 'stub.pth')


def joined(inferencer, video, **options):
    parts = list(inferencer.segment_video(video, **options))
    firsts = np.cumsum([0, *(len(part.masks) for part in parts)])[:-1]
    assert [part.first for part in parts] == firsts.tolist()
    return tuple(
        np.concatenate([getattr(part, name) for part in parts])
        for name in ('masks', 'scores')
    )


def mean_iou(masks, times, num_frames):
    """Mean IoU of the masks on all frames with the square's pixels."""
    ious = []
    for number in range(num_frames):
        truth = square_at(number, masks.shape[1:])
        mask = masks[times.index_of(number / FPS)] > 0
        ious.append((truth & mask).sum() / (truth | mask).sum())
    return np.mean(ious)


def test_masks_follow_the_picture(folder):
    """The same model and sound, one mask per second and one per frame."""
    inferencer = stub(folder, marks_bright=True)
    video = scan_video(folder / 'a.mp4')
    ious = {}
    for rate in (1, 2, 'full'):
        masks, _ = joined(inferencer, video, mask_rate=rate)
        times = MaskTimes(video.facts, rate)
        assert len(masks) == len(times)
        ious[rate] = mean_iou(masks, times, video.facts.num_frames)
    assert ious['full'] > ious[1] + 0.15
    assert ious[1] < ious[2] < ious['full']
    assert ious['full'] > 0.7


@pytest.mark.parametrize('rate', [2, 'full'])
def test_masks_of_one_per_second_are_among_all(folder, rate):
    """For a real model: the same numbers, also at the end of the video."""
    inferencer = AVSInferencer(TINY_CONFIG, folder / 'tiny.pth')
    video = scan_video(folder / 'a.mp4')
    one, one_scores = joined(inferencer, video)
    assert one.any()
    masks, scores = joined(inferencer, video, mask_rate=rate)
    times = list(MaskTimes(video.facts, rate))
    common = [times.index(time) for time in MaskTimes(video.facts)]
    np.testing.assert_array_equal(masks[common], one)
    np.testing.assert_array_equal(scores[common], one_scores)


def test_windows_in_batches(folder):
    """The stub is given two windows at once, and the masks are the same."""
    inferencer = stub(folder, marks_bright=True)
    video = scan_video(folder / 'a.mp4')
    one, scores = joined(inferencer, video, mask_rate=2)
    inferencer.model.seen.clear()
    many, many_scores = joined(inferencer, video, mask_rate=2, batch_size=2)
    np.testing.assert_array_equal(one, many)
    np.testing.assert_allclose(scores, many_scores, atol=1e-6)
    lengths = [seen['num_frames'] for seen in inferencer.model.seen]
    # 13 masks: 7 in the published sequence, 6 in the other one.
    assert lengths == [(5, 5), (5, 5)]


def test_every_frame_passes_once_but_for_the_last_windows(folder):
    """31 frames, 32 masks; five sequences of 6 or 7 have two windows of 5."""
    inferencer = stub(folder)
    video = scan_video(folder / 'a.mp4')
    joined(inferencer, video, mask_rate='full')
    passed = sum(len(seen['frames']) for seen in inferencer.model.seen)
    assert passed == 5 * 2 * 5


@pytest.mark.parametrize('align', ['second', 'centred'])
def test_sound_of_a_frame(folder, tmp_path, align):
    """A tone from 1.5 to 3.5 s.

    With the second in which the frame is displayed, masks begin and end with
    a whole second; with the second around it, with the tone. The stub's limit
    is half of the loudness of the whole tone. An example of VGGish lies up to
    0.16 s earlier than its second.
    """
    video = make_video(
        tmp_path / 'b.mp4',
        fps=10,
        seconds=5,
        sample_rate=16000,
        sound=lambda t: np.where((t >= 1.5) & (t < 3.5), tone(t), 0),
    )
    inferencer = stub(folder)
    video = scan_video(video)
    _, scores = joined(inferencer, video, mask_rate='full', sound_window=align)
    score = scores[:, 0, -1]
    logit = np.log(score / (1 - score))
    loud = logit > (logit.min() + logit.max()) / 2
    times = np.array([float(t) for t in MaskTimes(video.facts, 'full')])
    shown = times[loud]
    if align == 'centred':
        assert shown[0] == pytest.approx(1.5, abs=0.2)
        assert shown[-1] == pytest.approx(3.5, abs=0.25)
        return
    assert {2} <= set(shown.astype(int)) <= {1, 2, 3}
    for second in range(5):
        assert len(set(loud[times.astype(int) == second])) == 1


def test_second_stage_at_every_rate(folder):
    """Each window's prior is that of its own frames and sound."""
    config = stub_config(labels='semantic')
    config.model.update(num_channels=3, needs_prior=True)
    prior = dict(type='LoadMaskPrior')
    config.test_dataloader.dataset.pipeline.insert(2, prior)
    inferencer = AVSInferencer(
        config,
        folder / 'stub.pth',
        stage_one=(stub_config(), folder / 'stub.pth'),
    )
    video = scan_video(folder / 'a.mp4')
    masks, _ = joined(inferencer, video, mask_rate=2, batch_size=3)
    assert len(masks) == 13
    assert set(np.unique(masks[:, :, 48:])) == {2}


def test_sound_of_windows_by_hand():
    """A window of two seconds at 4 samples per second."""
    sound = np.arange(20.0)
    frames = np.zeros((2, 1, 1, 3), np.uint8)

    def cut(time, align='second'):
        window = Window(frames, Fraction(time), (0, 1), 2)
        return cut_sound(sound, 4, window, align=align).tolist()

    assert cut(1) == [4, 5, 6, 7, 8, 9, 10, 11]
    assert cut(1.75) == [4, 5, 6, 7, 8, 9, 10, 11]
    # The window of an incomplete second is shorter.
    assert cut(4.25) == [16, 17, 18, 19]
    assert cut(1.25, 'centred') == [3, 4, 5, 6, 7, 8, 9, 10]
    # Mirrored at both ends; sample 0 and sample 19 are not repeated.
    assert cut(0, 'centred') == [2, 1, 0, 1, 2, 3, 4, 5]
    assert cut(4, 'centred') == [14, 15, 16, 17, 18, 19, 18, 17]


def test_windows_by_hand(folder):
    """Two masks per second for 3 s, in windows of two seconds."""
    video = make_video(folder / 'c.mp4', fps=4, seconds=3, sample_rate=16000)
    facts = scan_video(video).facts
    times = MaskTimes(facts, 2)
    windows = list(cut_windows(iter_frames(facts, times), times, length=2))
    assert [(w.numbers, w.num_new, float(w.time)) for w in windows] == [
        ((0, 2), 2, 0.4375),
        ((1, 3), 2, 0.9375),
        ((2, 4), 1, 1.4375),
        ((3, 5), 1, 1.9375),
    ]


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (dict(mask_rate=0), "'full' or a number"),
        (dict(batch_size=0), 'batch_size must be positive'),
        (dict(sound_window='late'), "got 'late'"),
    ],
)
def test_arguments_out_of_range(folder, options, text):
    with pytest.raises(ValueError, match=text):
        list(stub(folder).segment_video(folder / 'a.mp4', **options))
