"""AVSInferencer called with files, several files, or arrays."""

import numpy as np
import pytest
from mmavs.apis import AVSInferencer, VideoPrediction
from mmavs.video import read_video, scan_video
from mmseg.structures import SegDataSample
from support.hearing_stub import stub_config, write_stub
from support.tiny_videos import make_video


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The stub, and a video that sounds in second 1 of three."""
    folder = tmp_path_factory.mktemp('prediction')
    write_stub(folder)
    make_video(
        folder / 'a.mp4',
        seconds=3,
        fps=5,
        sample_rate=16000,
        sound=lambda t: np.where(t.astype(int) == 1, np.sin(6000 * t) / 2, 0),
    )
    make_video(folder / 'silent.mp4', fps=5, sound_codec=None)
    return folder


@pytest.fixture(scope='module')
def inferencer(folder):
    config = stub_config(labels='semantic')
    config.model.num_channels = 3
    return AVSInferencer(config, folder / 'stub.pth')


def test_file(inferencer, folder):
    """The same masks as in parts; one event, as in the stub's right half."""
    found = inferencer(folder / 'a.mp4')
    (part,) = inferencer.segment_video(folder / 'a.mp4')
    np.testing.assert_array_equal(found.masks, part.masks)
    np.testing.assert_array_equal(found.scores, part.scores)
    (event,) = found.events()
    assert inferencer.classes[event.class_id] == 'airplane'
    assert (event.start, event.end, event.mean_area) == (1, 2, 0.5)
    (annotation,) = found.coco()['annotations']
    assert (annotation['image_id'], annotation['area']) == (1, 24 * 64)


def test_data_samples(inferencer, folder):
    found = inferencer(str(folder / 'a.mp4'), mask_rate=2)
    samples = found.data_samples()
    assert [sample.time for sample in samples] == [
        0.4375, 0.9375, 1.4375, 1.9375, 2.4375, 2.9375,
    ]  # fmt: skip
    assert all(isinstance(sample, SegDataSample) for sample in samples)
    sample = samples[2]
    assert sample.pred_sem_seg.data.shape == (1, 48, 64)
    np.testing.assert_array_equal(sample.pred_sem_seg.data[0], found.masks[2])
    np.testing.assert_array_equal(sample.scores.data[0], found.scores[2])
    assert sample.frame_index == 2
    assert sample.video_path == str(folder / 'a.mp4')
    assert sample.classes[2] == 'airplane'


def test_several_files(inferencer, folder):
    paths = [folder / 'a.mp4', folder / 'silent.mp4']
    with pytest.raises(ValueError, match='got no sound track'):
        inferencer(paths)
    found = inferencer(paths, no_audio='silence')
    assert [type(one) for one in found] == [VideoPrediction] * 2
    assert [one.masks.any() for one in found] == [True, False]


def test_arrays(inferencer, folder):
    """The same as the file, with one tuple or with three arguments."""
    frames, waveform, facts = read_video(folder / 'a.mp4')
    found = inferencer((frames, waveform, facts.sound_rate))
    masks, scores, _ = inferencer(frames, waveform, facts.sound_rate)
    whole = inferencer(scan_video(folder / 'a.mp4'))
    for one in (found.masks, whole.masks):
        np.testing.assert_array_equal(one, masks)
    np.testing.assert_array_equal(found.scores, scores)
    assert found.events() == whole.events()
    assert len(found.data_samples()) == 3
    with pytest.raises(ValueError, match="'mask_rate'.*one per second"):
        inferencer((frames, waveform, facts.sound_rate), mask_rate=2)
