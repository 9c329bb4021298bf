"""Test mmavs.apis.inferencer: masks for frames and audio of any length."""

import numpy as np
import pytest
import soundfile
import torch
from mmavs.apis import AVSInferencer
from mmavs.datasets import BaseClipDataset
from mmavs.datasets.transforms import clip_collate
from mmavs.evaluation import MaskDump
from mmavs.evaluation.functional import sounding_score
from mmavs.video import read_video, scan_video
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image
from support.avsbench_tree import Clip, write_avsbench_tree
from support.hearing_stub import stub_config, write_stub
from support.tiny_models import TINY_CONFIG, build, tiny_config
from support.tiny_videos import make_video

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

RATE = 16000


def sound_of(loud_seconds, num_seconds, rate=RATE):
    """Tone in the given seconds and silence in all others."""
    waveform = np.zeros(int(num_seconds * rate))
    for second in loud_seconds:
        span = slice(second * rate, (second + 1) * rate)
        times = np.arange(len(waveform[span])) / rate
        waveform[span] = 0.5 * np.sin(2 * np.pi * 1000 * times)
    return waveform


def grey_frames(num_frames, size=(37, 53)):
    """Frame t has the grey value t."""
    values = np.arange(num_frames, dtype=np.uint8)
    return np.broadcast_to(
        values[:, None, None, None], (num_frames, *size, 3)
    ).copy()


@pytest.fixture
def inferencer(tmp_path):
    _, checkpoint = write_stub(tmp_path)
    return AVSInferencer(stub_config(), checkpoint)


def grey_values_seen(inferencer):
    """Grey values of the frames of each window that the model was given."""
    preprocessor = inferencer.model.data_preprocessor
    return [
        (inputs['frames'] * preprocessor.std + preprocessor.mean)
        .mean((1, 2, 3))
        .round()
        .int()
        .tolist()
        for inputs in inferencer.model.seen
    ]


def test_masks_and_scores_of_loud_seconds(inferencer):
    masks, scores, first = inferencer(
        grey_frames(5), sound_of([1, 3], 5), RATE
    )
    assert first == 0
    assert (masks.shape, masks.dtype) == ((5, 37, 53), np.uint8)
    assert (scores.shape, scores.dtype) == ((5, 37, 53), np.float32)
    assert not masks[:, :, :26].any()
    right = masks[:, :, 26:].mean((1, 2)).tolist()
    assert right == [0, 1, 0, 1, 0]
    assert (scores[:, :, 26:].min((1, 2)) > 0.5).tolist() == [
        loud > 0 for loud in right
    ]
    # S0 = 0, S1 = -10: sigmoid(2 * -10 - 0) = 2.1e-9
    assert scores[:, :, :26].max() < 1e-8


@pytest.mark.parametrize('rate', [16000, 44100])
def test_sound_and_frames_stay_in_step(inferencer, rate):
    """In one window of 30 s, frame 29 would get the audio from 27.84 s on."""
    masks = inferencer(
        grey_frames(30), sound_of([0, 17, 29], 30, rate), rate
    ).masks
    assert np.flatnonzero(masks.any((1, 2))).tolist() == [0, 17, 29]


def test_last_window_is_moved_back_until_full(inferencer):
    masks = inferencer(grey_frames(7), sound_of([5], 6.4), RATE).masks
    assert grey_values_seen(inferencer) == [[0, 1, 2, 3, 4], [2, 3, 4, 5, 6]]
    assert len(masks) == 7
    # 4.4 s are left for 5 frames: 4 examples, the last one is repeated.
    assert masks.any((1, 2)).tolist() == [False] * 5 + [True] * 2


def test_short_clip_is_one_window(inferencer):
    assert len(inferencer(grey_frames(2), sound_of([0], 2), RATE).masks) == 2
    assert grey_values_seen(inferencer) == [[0, 1]]


def test_inputs_go_through_the_test_pipeline(inferencer, tmp_path):
    inferencer(list(grey_frames(5)), sound_of([], 5), RATE)
    (inputs,) = inferencer.model.seen
    assert inputs['frames'].shape == (5, 3, 32, 40)
    assert inputs['audio'].shape == (5, 1, 96, 64)
    assert not (tmp_path / 'never_made').exists()


@pytest.mark.parametrize(
    ('dataset', 'seconds'),
    [
        (dict(task='ms3'), 5),
        (dict(task='avss'), 5),
        (dict(task='avss', subsets=['v2']), 10),
    ],
)
def test_windows_are_as_long_as_the_clips_tested_on(
    tmp_path, dataset, seconds
):
    _, checkpoint = write_stub(tmp_path)
    inferencer = AVSInferencer(stub_config(**dataset), checkpoint)
    assert inferencer.clip_seconds == seconds


@DATASETS.register_module()
class OtherClips(BaseClipDataset):
    """Clips that are not of AVSBench."""

    METAINFO = dict(classes=('background', 'bell'))

    def load_clips(self):
        raise AssertionError('an inferencer reads no clips')


def test_other_data_sets_say_how_long_clips_are(tmp_path):
    """The data set also defines the classes and the palette."""
    _, checkpoint = write_stub(tmp_path)
    config = stub_config()
    dataset = config.test_dataloader.dataset
    config.test_dataloader.dataset = dict(
        type='OtherClips', split='test', pipeline=dataset.pipeline
    )
    inferencer = AVSInferencer(config, checkpoint)
    assert inferencer.clip_seconds == 5
    assert inferencer.classes == ('background', 'bell')
    assert inferencer.palette == [[0, 0, 0], [128, 0, 0]]


def test_data_sets_that_hold_no_clips_are_refused(tmp_path):
    _, checkpoint = write_stub(tmp_path)
    config = stub_config()
    config.test_dataloader.dataset.type = 'ADE20KDataset'
    with pytest.raises(ValueError, match="BaseClipDataset, got type='ADE20K"):
        AVSInferencer(config, checkpoint)


def test_video_is_the_same_as_its_frames_and_sound(inferencer, tmp_path):
    video = make_video(
        tmp_path / 'a.mp4',
        seconds=6.4,
        fps=5,
        sound=lambda times: np.where(
            (times >= 2) & (times < 3), 0.5 * np.sin(6000 * times), 0
        ),
    )
    frames, waveform, facts = read_video(video)
    whole = inferencer(frames, waveform, facts.sound_rate)
    parts = list(inferencer.segment_video(video))
    assert [part.first for part in parts] == [0, 5]
    assert [len(part.masks) for part in parts] == [5, 2]
    for name in ('masks', 'scores'):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert whole.masks.any((1, 2)).tolist() == [
        second == 2 for second in range(7)
    ]


def test_more_classes(tmp_path):
    """Score of 3 classes: 1 - softmax(0, -10, loudness)[0]."""
    _, checkpoint = write_stub(tmp_path)
    config = stub_config(labels='semantic')
    config.model.num_channels = 3
    inferencer = AVSInferencer(config, checkpoint)
    masks, scores, _ = inferencer(grey_frames(5), sound_of([2], 5), RATE)
    assert set(np.unique(masks[2])) == {0, 2}
    loud = inferencer.model.seen[0]['audio'][2].mean() + 4
    expected = 1 - 1 / (1 + np.exp(-10) + np.exp(float(loud)))
    assert scores[2, 0, -1] == pytest.approx(expected, abs=1e-5)
    assert len(inferencer.palette) == len(inferencer.classes) == 71
    assert inferencer.classes[2] == 'airplane'


def test_published_pipeline_and_inferencer_agree(tmp_path):
    """The demo's model: a clip of a data set, and the same clip by hand."""
    clip = Clip('v1m', 'test', 'one', frame_size=(96, 96))
    root = write_avsbench_tree(tmp_path / 'data', [clip])
    model = build(tiny_config())
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'tiny.pth')
    config = Config.fromfile(TINY_CONFIG)
    dataset_cfg = config.test_dataloader.dataset
    dataset_cfg.data_root = str(root)
    dataset_cfg.pipeline[3].cache_dir = None
    dataset = DATASETS.build(dataset_cfg)
    with torch.no_grad():
        samples = model.test_step(clip_collate([dataset[0]]))
    logits = torch.stack([sample.seg_logits.data for sample in samples])
    expected = sounding_score(logits).numpy()

    folder = root / 'v1m' / 'one'
    frames = [
        np.asarray(Image.open(folder / f'frames/{t}.jpg')) for t in range(5)
    ]
    waveform, rate = soundfile.read(folder / 'audio.wav')
    inferencer = AVSInferencer(config, tmp_path / 'tiny.pth')
    scores = inferencer(frames, waveform, rate).scores
    assert expected.std() > 1e-4  # random weights see something, too
    np.testing.assert_array_equal(scores, expected)


STAGE_TWO_CONFIG = TINY_CONFIG.with_name('aavs_tiny_stage2_avss-96x96.py')


def _save(config, path, seed):
    """Random weights of a config's model; return the model."""
    model = build(config.model, seed)
    torch.save(dict(state_dict=model.state_dict()), path)
    return model


def _stage_one(folder, size=(48, 48)):
    """Config, whose masks are ``size``, and checkpoint of a first stage."""
    config = Config.fromfile(TINY_CONFIG)
    config.test_dataloader.dataset.pipeline[1].size = size
    config.test_dataloader.dataset.pipeline[4].mask_size = size
    model = build(config.model, seed=7)
    # With the initial weights all queries are equal: the masks have one class.
    torch.manual_seed(7)
    for parameter in model.decode_head.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.5)
    torch.save(dict(state_dict=model.state_dict()), folder / 'one.pth')
    return config, folder / 'one.pth', model


@pytest.mark.parametrize('soft', [False, True])
def test_second_stage_as_with_masks_in_files(tmp_path, soft):
    """The scores equal those of masks written to PNG and read, bit by bit.

    The masks of stage one are smaller than the size to which stage two resizes
    them.
    """
    clip = Clip('v1m', 'test', 'one', frame_size=(96, 96))
    root = write_avsbench_tree(tmp_path / 'data', [clip])
    one, one_path, one_model = _stage_one(tmp_path)
    two = Config.fromfile(STAGE_TWO_CONFIG)
    two_model = _save(two, tmp_path / 'two.pth', 2)
    dump = MaskDump(
        str(tmp_path / 'masks'),
        config_hash='c',
        checkpoint_hash='k',
        soft=soft,
    )
    for config, log_mel in ((one, 3), (two, 4)):
        dataset = config.test_dataloader.dataset
        dataset.data_root = str(root)
        dataset.pipeline[log_mel].cache_dir = None
    two.test_dataloader.dataset.mask_prior.root = str(dump.directory.root)
    with torch.no_grad():
        item = DATASETS.build(one.test_dataloader.dataset)[0]
        samples = one_model.test_step(clip_collate([item]))
        dump.process({}, [sample.to_dict() for sample in samples])
        item = DATASETS.build(two.test_dataloader.dataset)[0]
        samples = two_model.test_step(clip_collate([item]))
    mask = np.asarray(Image.open(dump.directory.root / 'v1m/one/2.png'))
    assert mask.shape == (48, 48)
    assert 0 < mask.mean() < 255  # else any prior would do

    folder = root / 'v1m' / 'one'
    frames = [
        np.asarray(Image.open(folder / f'frames/{t}.jpg')) for t in range(5)
    ]
    waveform, rate = soundfile.read(folder / 'audio.wav')
    inferencer = AVSInferencer(
        two,
        tmp_path / 'two.pth',
        stage_one=(one, one_path),
        soft_prior=soft,
    )
    masks, scores, _ = inferencer(frames, waveform, rate)
    logits = torch.stack([sample.seg_logits.data for sample in samples])
    expected = (1 - logits.softmax(1)[:, 0]).numpy()
    np.testing.assert_array_equal(scores, expected)
    labels = torch.cat([sample.pred_sem_seg.data for sample in samples])
    np.testing.assert_array_equal(masks, labels.numpy())

    other = AVSInferencer(
        two,
        tmp_path / 'two.pth',
        stage_one=(one, one_path),
        soft_prior=not soft,
    )
    assert not np.array_equal(other(frames, waveform, rate).scores, scores)


def test_second_stage_in_windows(tmp_path):
    """Each window's prior is that of its own frames and sound."""
    one, one_path, _ = _stage_one(tmp_path)
    _save(Config.fromfile(STAGE_TWO_CONFIG), tmp_path / 'two.pth', 2)
    inferencer = AVSInferencer(
        STAGE_TWO_CONFIG, tmp_path / 'two.pth', stage_one=(one, one_path)
    )
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (7, 40, 60, 3), dtype=np.uint8)
    waveform = rng.normal(scale=0.1, size=7 * RATE)
    whole = inferencer(frames, waveform, RATE).scores
    assert whole.shape == (7, 40, 60)
    first = inferencer(frames[:5], waveform[: 5 * RATE], RATE).scores
    last = inferencer(frames[2:], waveform[2 * RATE :], RATE).scores
    np.testing.assert_array_equal(whole, [*first, *last[3:]])


def test_second_stage_without_a_first(tmp_path):
    path = tmp_path / 'two.pth'
    _save(Config.fromfile(STAGE_TWO_CONFIG), path, 2)
    with pytest.raises(
        ValueError, match=r'stage2_avss-96x96.py is .*--stage-one CONFIG CHECK'
    ):
        AVSInferencer(STAGE_TWO_CONFIG, path)


def test_first_stage_out_of_place(tmp_path):
    stub, checkpoint = write_stub(tmp_path)
    with pytest.raises(ValueError, match='stub.py takes no masks of a first'):
        AVSInferencer(stub, checkpoint, stage_one=(stub, checkpoint))


def test_first_stage_of_many_classes(tmp_path):
    _save(Config.fromfile(STAGE_TWO_CONFIG), tmp_path / 'two.pth', 2)
    (tmp_path / 'one').mkdir()
    one = write_stub(tmp_path / 'one', labels='semantic')
    with pytest.raises(ValueError, match='one/stub.py has 71 classes'):
        AVSInferencer(STAGE_TWO_CONFIG, tmp_path / 'two.pth', stage_one=one)


def test_sound_shorter_than_an_example(inferencer, tmp_path):
    video = make_video(tmp_path / 'a.mp4', seconds=0.8)
    with pytest.raises(ValueError, match='sound of a.mp4 .* 0.975 s'):
        list(inferencer.segment_video(video))


@pytest.mark.parametrize(
    ('frames', 'waveform', 'text'),
    [
        ([], sound_of([], 1), 'at least one frame'),
        (grey_frames(2).astype(float), sound_of([], 2), 'uint8 of one size'),
        (grey_frames(2)[..., :1], sound_of([], 2), r'\(H, W, 3\)'),
        (
            [*grey_frames(1), *grey_frames(1, (8, 8))],
            sound_of([], 2),
            'of one size',
        ),
        (grey_frames(2), np.zeros(32000, np.int16), 'divide 16-bit'),
        (grey_frames(2), np.zeros((2, 32000)), 'mono waveform'),
        (grey_frames(3), sound_of([], 2), 'each of the 3 frames.*got 2.00 s'),
    ],
)
def test_wrong_frames_and_sounds(inferencer, frames, waveform, text):
    with pytest.raises(ValueError, match=text):
        inferencer(frames, waveform, RATE)


def test_checkpoint_of_another_model(tmp_path):
    """Otherwise the model would predict with its random initial weights."""
    torch.save(dict(state_dict=dict(other=torch.ones(1))), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='expected the weights of the model'):
        AVSInferencer(stub_config(), tmp_path / 'a.pth')


def test_missing_files(tmp_path):
    config, checkpoint = write_stub(tmp_path)
    with pytest.raises(FileNotFoundError, match='none.pth: expected a check'):
        AVSInferencer(config, tmp_path / 'none.pth')
    with pytest.raises(FileNotFoundError, match='none.py'):
        AVSInferencer(tmp_path / 'none.py', checkpoint)


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs no GPU')
def test_absent_device(tmp_path):
    config, checkpoint = write_stub(tmp_path)
    with pytest.raises(ValueError, match="'cuda:0' needs a GPU"):
        AVSInferencer(config, checkpoint, device='cuda:0')


def test_device_that_does_not_exist(tmp_path):
    config, checkpoint = write_stub(tmp_path)
    with pytest.raises(ValueError, match="'cpu' or 'cuda:0', got 'foo'"):
        AVSInferencer(config, checkpoint, device='foo')


def test_weights_with_nan(tmp_path):
    """A diverged training: the masks would all be background."""
    model = build(tiny_config())
    name, weight = next(iter(model.named_parameters()))
    weight.data.flatten()[0] = float('nan')
    torch.save(model.state_dict(), tmp_path / 'nan.pth')
    with pytest.raises(
        ValueError, match=rf'nan\.pth: 1 of \d+ tensors .* infinite: {name}\.'
    ):
        AVSInferencer(TINY_CONFIG, tmp_path / 'nan.pth')


def test_clip_seconds_out_of_range(tmp_path):
    config, checkpoint = write_stub(tmp_path)
    with pytest.raises(ValueError, match='clip_seconds must be at least 1'):
        AVSInferencer(config, checkpoint, clip_seconds=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu_and_cpu_agree(tmp_path):
    model = build(tiny_config())
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'tiny.pth')
    video = scan_video(make_video(tmp_path / 'a.mp4', seconds=6))
    scores = [
        np.concatenate(
            [
                part.scores
                for part in AVSInferencer(
                    TINY_CONFIG, tmp_path / 'tiny.pth', device=device
                ).segment_video(video)
            ]
        )
        for device in ('cpu', 'cuda:0')
    ]
    np.testing.assert_allclose(*scores, atol=2e-3)
