"""Contact sheets, and the hook that draws them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmavs.datasets.front_end import find_front_end
from mmavs.datasets.metainfo import get_metainfo
from mmavs.datasets.transforms import LogMel
from mmavs.engine import AVSVisualizationHook
from mmavs.structures import AudioPicture
from mmavs.visualization import (
    ClipPicture,
    draw_contact_sheet,
)
from mmavs.visualization.contact_sheet import (
    _build_figure,
    overlay_heat,
    overlay_mask,
)
from mmavs.visualization.panels import span_caption
from mmcv.transforms import Compose, RandomApply
from mmengine.visualization import (
    BaseVisBackend,
    TensorboardVisBackend,
    Visualizer,
)
from mmseg.registry import HOOKS, VISBACKENDS
from PIL import Image
from support.predicted_clips import (
    predicted_frames,
    predicted_ids,
    seeded_clip,
    seeded_ids,
)

GREEN = np.array([46, 204, 113])


def _picture(**changes):
    parts = {
        'title': 'v1m / abc',
        'frames': np.zeros((2, 30, 40, 3), np.uint8),
        'prediction': np.zeros((2, 24, 32), bool),
        'audio': AudioPicture('sound', np.zeros((2, 64, 96))),
        'audio_spans': [(0.0, 0.975), (0.96, 1.935)],
        'truth': np.ones((2, 24, 32), bool),
        'frame_iou': [0.5, 0.25],
    }
    return ClipPicture(**{**parts, **changes})


def _count_near(path, colour):
    pixels = np.asarray(Image.open(path).convert('RGB')).astype(int)
    return int((np.abs(pixels - colour).max(-1) < 8).sum())


def test_overlay_tints_inside_and_greys_outside():
    frame = np.full((4, 4, 3), (200, 100, 0), np.uint8)
    mask = np.zeros((2, 2), bool)
    mask[0, 1] = True
    drawn = overlay_mask(frame, mask, [(9, 9, 9), (0, 0, 255)])
    # Inside: .45 * (200, 100, 0) + .55 * (0, 0, 255) = (90, 45, 140.25)
    # Outside: .7 * mean(200, 100, 0) = 70
    assert (drawn[:2, 2:] == (90, 45, 140)).all()
    assert (drawn[2:] == 70).all()
    assert (drawn[:2, :2] == 70).all()


def test_overlay_gives_each_class_its_colour_and_parts_them():
    frame = np.zeros((1, 6, 3), np.uint8)
    palette = [(9, 9, 9), (100, 0, 0), (0, 200, 0)]
    drawn = overlay_mask(frame, np.array([[0, 0, 1, 1, 2, 2]]), palette)
    # .55 * (100, 0, 0) and .55 * (0, 200, 0) over black; class 0 stays black;
    # white before each change.
    black, white = [0, 0, 0], [255, 255, 255]
    expected = [black, white, [55, 0, 0], white, [0, 110, 0], [0, 110, 0]]
    assert drawn.tolist() == [expected]


def test_legend_names_the_classes_shown_and_no_other(tmp_path):
    """Class 17 in the prediction, 28 in the truth."""
    meta = get_metainfo('semantic')
    truth = np.zeros((2, 24, 32), np.int64)
    prediction = truth.copy()
    prediction[0, :12] = 17
    truth[1, :12] = 28
    picture = _picture(truth=truth, prediction=prediction, **meta)
    figure = _build_figure(picture)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ['dog', 'guitar']
    patches = figure.legends[0].get_patches()
    for class_id, patch in zip((17, 28), patches, strict=True):
        colour = np.array(patch.get_facecolor()[:3]) * 255
        np.testing.assert_allclose(colour, meta['palette'][class_id])
    draw_contact_sheet(picture, tmp_path / 'with.png')
    draw_contact_sheet(_picture(), tmp_path / 'binary.png')
    height = Image.open(tmp_path / 'with.png').size[1]
    assert height > Image.open(tmp_path / 'binary.png').size[1]


def test_silent_or_binary_clips_have_no_legend():
    nothing = np.zeros((2, 24, 32), np.int64)
    silent = _picture(
        truth=nothing, prediction=nothing, **get_metainfo('semantic')
    )
    assert not _build_figure(silent).legends
    assert not _build_figure(_picture()).legends


def test_truth_is_drawn_where_it_is(tmp_path):
    colour = 0.55 * GREEN  # over a black frame
    full, none = tmp_path / 'full.png', tmp_path / 'none.png'
    draw_contact_sheet(_picture(), full)
    draw_contact_sheet(_picture(truth=np.zeros((2, 24, 32), bool)), none)
    assert _count_near(full, colour) > 10000
    assert _count_near(none, colour) == 0


def test_sheet_without_labels_has_a_row_less(tmp_path):
    with_truth, without = tmp_path / 'a.png', tmp_path / 'b.png'
    draw_contact_sheet(_picture(), with_truth)
    draw_contact_sheet(_picture(truth=None, frame_iou=None), without)
    size, smaller = Image.open(with_truth).size, Image.open(without).size
    assert size[0] == smaller[0]
    assert size[1] > smaller[1] + 100


def test_sheet_has_a_column_per_frame(tmp_path):
    long = _picture(
        frames=np.zeros((10, 30, 40, 3), np.uint8),
        prediction=np.zeros((10, 24, 32), bool),
        audio=None,
        audio_spans=None,
        truth=None,
        frame_iou=None,
    )
    draw_contact_sheet(long, tmp_path / 'long.png')
    draw_contact_sheet(_picture(), tmp_path / 'short.png')
    width = Image.open(tmp_path / 'long.png').size[0]
    assert width > 2 * Image.open(tmp_path / 'short.png').size[0]


def test_parts_of_different_length_are_refused():
    with pytest.raises(ValueError, match="'audio': 3.*'v1m / abc'"):
        _picture(audio=AudioPicture('sound', np.zeros((3, 64, 96))))


def _batch(indices, *, with_truth=True):
    """Packed inputs and predicted frames of some clips."""
    outputs, frames, audio = [], [], []
    for index in indices:
        logits, truth = seeded_clip(index, channels=2, num_frames=2)
        outputs += predicted_frames(
            logits, truth if with_truth else None, sample_idx=index
        )
        frames.append(torch.zeros(2, 3, 30, 40, dtype=torch.uint8))
        audio.append(torch.zeros(2, 1, 96, 64))
    for sample in outputs:
        start = 0.96 * sample.frame_index
        sample.set_metainfo({'audio_span': (start, start + 0.975)})
    return {'inputs': {'frames': frames, 'audio': audio}}, outputs


def _runner(loop, *transforms, metainfo=None):
    """The attributes of a runner that the hook reads."""
    dataset = SimpleNamespace(
        metainfo=metainfo or get_metainfo('binary'),
        pipeline=Compose(list(transforms)),
    )
    loader = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(**{f'{loop}_dataloader': loader})


def _drawn(folder):
    return sorted(path.name for path in folder.iterdir())


def test_hook_draws_every_clip_of_a_batch(tmp_path):
    hook = HOOKS.build(
        {'type': 'AVSVisualizationHook', 'show_dir': str(tmp_path / 'show')}
    )
    hook.after_test_iter(None, 0, *_batch([0, 1]))
    hook.after_val_iter(None, 0, *_batch([2], with_truth=False))
    names = [f'v1m_clip{i}.png' for i in range(3)]
    assert _drawn(tmp_path / 'show') == names
    for name in names:
        assert Image.open(tmp_path / 'show' / name).format == 'PNG'


def test_hook_chooses_clips_by_their_place_in_the_dataset(tmp_path):
    """The number of processes does not change the choice."""
    hook = AVSVisualizationHook(str(tmp_path), interval=2, max_clips=2)
    for indices in ([5, 4], [3, 2], [1, 0]):
        hook.after_test_iter(None, 0, *_batch(indices))
    assert _drawn(tmp_path) == ['v1m_clip0.png', 'v1m_clip2.png']


def test_hook_gives_each_clip_its_own_mask_and_truth(tmp_path, monkeypatch):
    pictures = []
    monkeypatch.setattr(
        'mmavs.engine.hooks.visualization_hook.draw_contact_sheet',
        lambda picture, out_file: pictures.append(picture),
    )
    batch, outputs = _batch([0, 1])
    batch['inputs']['frames'][1] += 7
    batch['inputs']['audio'][1] += 7
    hook = AVSVisualizationHook(str(tmp_path))
    hook.before_test_epoch(_runner('test', LogMel()))
    hook.after_test_iter(None, 0, batch, outputs)
    assert [p.frames.max() for p in pictures] == [0, 7]
    assert [p.audio.panels.max() for p in pictures] == [0, 7]
    assert pictures[1].audio_spans == [(0.0, 0.975), (0.96, 1.935)]
    for index, picture in enumerate(pictures):
        logits, truth = seeded_clip(index, channels=2, num_frames=2)
        assert np.array_equal(picture.truth, truth.numpy())
        prediction = (logits[:, 1] > logits[:, 0]).numpy()
        assert np.array_equal(picture.prediction, prediction)
        both = (prediction & picture.truth).sum((1, 2))
        either = (prediction | picture.truth).sum((1, 2))
        assert picture.frame_iou == pytest.approx((both / either).tolist())
        assert f'{np.mean(both / either):.3f}' in picture.title


@pytest.mark.parametrize('loop', ['val', 'test'])
@pytest.mark.parametrize('with_truth', [True, False])
def test_hook_draws_the_classes_of_the_dataset(
    tmp_path, monkeypatch, loop, with_truth
):
    pictures = []
    monkeypatch.setattr(
        'mmavs.engine.hooks.visualization_hook.draw_contact_sheet',
        lambda picture, out_file: pictures.append(picture),
    )
    meta = get_metainfo('semantic')
    runner = _runner(loop, metainfo=meta)
    pred, truth = seeded_ids(0, num_frames=2)
    outputs = predicted_ids(pred, truth if with_truth else None)
    hook = AVSVisualizationHook(str(tmp_path))
    getattr(hook, f'before_{loop}_epoch')(runner)
    getattr(hook, f'after_{loop}_iter')(runner, 0, _batch([0])[0], outputs)
    (picture,) = pictures
    assert np.array_equal(picture.prediction, pred.numpy())
    assert picture.classes == meta['classes']
    assert picture.palette == meta['palette']
    if not with_truth:
        assert picture.truth is None
        return
    assert np.array_equal(picture.truth, truth.numpy())
    for frame in range(2):
        ious = [
            ((pred[frame] == index) & (truth[frame] == index)).sum()
            / ((pred[frame] == index) | (truth[frame] == index)).sum()
            for index in torch.cat([pred[frame], truth[frame]]).unique()
        ]
        expected = float(sum(ious) / len(ious))
        assert picture.frame_iou[frame] == pytest.approx(expected)


def test_hook_refuses_outputs_of_other_clips(tmp_path):
    batch, _ = _batch([0, 1])
    _, outputs = _batch([0])
    hook = AVSVisualizationHook(str(tmp_path))
    with pytest.raises(ValueError, match='got 1 for 2 clips'):
        hook.after_test_iter(None, 0, batch, outputs)


@VISBACKENDS.register_module()
class _KeepingBackend(BaseVisBackend):
    """Keeps what a visualizer passes to its backends."""

    def __init__(self):
        super().__init__('unused')
        self.images = []

    def _init_env(self):
        pass

    @property
    def experiment(self):
        return self

    def add_image(self, name, image, step=0, **kwargs):
        self.images.append((name, step, image))


def test_sheets_go_to_the_backends_without_a_folder(tmp_path):
    """Each validation passes its step; the picture is that of the file."""
    backend = _KeepingBackend()
    visualizer = Visualizer(vis_backends=[backend])
    hook = HOOKS.build({'type': 'AVSVisualizationHook', 'max_clips': 1})
    for step in (7, 14):
        runner = SimpleNamespace(visualizer=visualizer, iter=step)
        hook.after_val_iter(runner, 0, *_batch([0, 1]))
    names = [(name, step) for name, step, _ in backend.images]
    assert names == [('v1m_clip0', 7), ('v1m_clip0', 14)]
    AVSVisualizationHook(str(tmp_path)).after_val_iter(None, 0, *_batch([0]))
    sheet = Image.open(tmp_path / 'v1m_clip0.png').convert('RGB')
    assert np.array_equal(backend.images[0][2], np.asarray(sheet))


def test_sheets_in_tensorboard(tmp_path):
    pytest.importorskip('tensorboard', reason='TensorBoard is not installed')
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    backend = TensorboardVisBackend(str(tmp_path))
    visualizer = Visualizer(vis_backends=[backend], save_dir=str(tmp_path))
    runner = SimpleNamespace(visualizer=visualizer, iter=7)
    AVSVisualizationHook().after_val_iter(runner, 0, *_batch([0]))
    visualizer.close()
    events = EventAccumulator(str(tmp_path)).Reload()
    (image,) = events.Images('v1m_clip0')
    assert image.step == 7
    assert image.width > 500


def test_sheets_need_somewhere_to_go():
    visualizer = Visualizer()
    runner = _runner('val')
    runner.visualizer = visualizer
    with pytest.raises(ValueError, match='show_dir.* or vis_backends'):
        AVSVisualizationHook().before_val_epoch(runner)


@pytest.mark.parametrize('options', [{'interval': 0}, {'max_clips': 0}])
def test_hook_options_are_at_least_one(tmp_path, options):
    with pytest.raises(ValueError, match='must be at least 1'):
        AVSVisualizationHook(str(tmp_path), **options)


# ---- sound ------------------------------------------------------------------


def test_captions_name_the_seconds_that_are_shown():
    """Examples start every 0.96 s; the fourth and fifth pad the clip."""
    third = (1.92, 2.895)
    spans = [(0.0, 0.975), (0.96, 1.935), third, third, None]
    assert [span_caption(spans, t) for t in range(5)] == [
        '0 to 0.975 s',
        '0.96 to 1.935 s',
        '1.92 to 2.895 s',
        'repeats 1.92 to 2.895 s',
        'no sound (padding)',
    ]


def _captions(picture):
    figure = _build_figure(picture)
    return [axes.get_xlabel() for axes in figure.axes[-2:]]


def test_sheets_show_captions_and_the_name_of_the_sound():
    picture = _picture()
    assert _captions(picture) == ['0 to 0.975 s', '0.96 to 1.935 s']
    assert _build_figure(picture).axes[-2].get_ylabel() == 'sound'


def test_waveforms_are_drawn_between_their_extremes():
    """400 samples in 200 columns: the peak of 2 in [0, 400) is kept."""
    samples = np.zeros((2, 1, 400), np.float32)
    samples[1, 0, 11] = 2
    samples[1, 0, 201] = -1
    picture = _picture(audio=AudioPicture('wave', samples, 'waveform'))
    (band,) = _build_figure(picture).axes[-1].collections
    heights = band.get_paths()[0].vertices
    # One scale for the clip: 2 is 0.45 above the middle, -1 is 0.225 below.
    assert heights[:, 1].max() == pytest.approx(0.45)
    assert heights[:, 1].min() == pytest.approx(-0.225)
    assert heights[heights[:, 1].argmax(), 0] == 10  # column of sample 11


def test_sheet_without_sound_has_a_row_less(tmp_path):
    silent = _picture(audio=None, audio_spans=None)
    draw_contact_sheet(_picture(), tmp_path / 'a.png')
    draw_contact_sheet(silent, tmp_path / 'b.png')
    heights = [Image.open(tmp_path / f'{n}.png').size[1] for n in 'ab']
    assert heights[0] > heights[1] + 50


def test_sound_comes_with_its_seconds():
    with pytest.raises(ValueError, match='together'):
        _picture(audio_spans=None)


class _OtherFrontEnd(LogMel):
    """Another front-end class."""


def test_front_end_is_found_through_wrappers():
    front_end = LogMel()
    plain = SimpleNamespace(pipeline=Compose([front_end]))
    nested = SimpleNamespace(
        pipeline=Compose([RandomApply([front_end], prob=1.0)])
    )
    repeated = SimpleNamespace(dataset=plain)
    joined = SimpleNamespace(datasets=[repeated, nested])
    for dataset in (plain, nested, repeated, joined):
        assert find_front_end(dataset) is front_end
    assert find_front_end(SimpleNamespace(pipeline=Compose([]))) is None
    other = SimpleNamespace(pipeline=Compose([_OtherFrontEnd()]))
    with pytest.raises(ValueError, match="'LogMel', '_OtherFrontEnd'"):
        find_front_end(SimpleNamespace(datasets=[plain, other]))


def test_prior_without_a_prediction(tmp_path):
    """The prior of 0.6 is grey 153; no orange of a prediction is drawn."""
    picture = _picture(prediction=None, prior=np.full((2, 8, 8), 0.6))
    draw_contact_sheet(picture, tmp_path / 'a.png')
    assert _count_near(tmp_path / 'a.png', (153, 153, 153)) > 5000
    assert _count_near(tmp_path / 'a.png', (255, 127, 14)) == 0


def test_heat_colours_a_grey_frame():
    """Cold: .8 grey of .7 * 100; hot: .15 of it and .85 of inferno's end."""
    frame = np.full((2, 2, 3), 100, np.uint8)
    cold, hot = (
        overlay_heat(frame, np.full((1, 1), heat))[0, 0] for heat in (0, 1)
    )
    # inferno starts at (0, 0, 4) and ends at (252, 255, 164).
    assert cold.tolist() == [56, 56, 57]
    assert hot.tolist() == [225, 227, 150]


def test_rows_of_attention_name_the_share_that_is_missing():
    heat = np.zeros((2, 3, 4))
    heat[:, 0, 0] = (1, 0.25)
    picture = _picture(attention={'layer 1': heat})
    figure = _build_figure(picture)
    captions = [axes.get_title() for axes in figure.axes]
    assert captions[6:8] == ['', '25% on pixels']
    assert figure.axes[6].get_ylabel() == 'layer 1'
    with pytest.raises(ValueError, match="'layer 1': 1"):
        _picture(attention={'layer 1': heat[:1]})
