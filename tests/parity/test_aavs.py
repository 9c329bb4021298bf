"""AAVS stage one against the published code, run side by side.

Set MMAVS_REFERENCE_ROOT to a folder with Stepping-Stones at de6a17b.
"""

import csv

import cv2
import numpy as np
import pytest
import torch
from aavs_parity import (
    build_aavs,
    load_seeded,
    our_outputs,
    thin_out,
)
from mmavs.datasets.transforms import (
    ClipResize,
    LoadClipFrames,
    LoadClipMasks,
    PackClip,
)
from reference_aavs import (
    FIXTURE,
    FIXTURE_FRAMES,
    TRAINED_IN_PHASE_ONE,
    TRAINED_IN_PHASE_TWO,
    build_reference,
    image_processor,
    import_reference,
    reference_outputs,
    why_not,
)

pytestmark = [
    pytest.mark.reference,
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
NUM_FRAMES = 5
# Measured on 2 CPU cores: pixels 2.4e-7, visual maps 8e-6, cls 2.7e-6,
# mask 4.7e-5, scores 5.5e-5, losses 4.8e-5.
TOLERANCES = {
    'pixels': 1e-5,
    'backbone_0': 1e-4,
    'backbone_1': 1e-4,
    'backbone_2': 1e-4,
    'backbone_3': 1e-4,
    'mask_feature': 1e-4,
    'memory_0': 1e-4,
    'memory_1': 1e-4,
    'memory_2': 1e-4,
    'cls': 1e-4,
    'mask': 1e-3,
    'scores': 1e-3,
    'losses': 1e-4,
}


@pytest.fixture(scope='module')
def published():
    """The published package, its data set, network and preprocessing."""
    transformers, dataset = import_reference()
    network = build_reference(transformers)
    return network, image_processor(transformers), dataset


@pytest.fixture(scope='module')
def ours():
    """Our network with the same weights, and its names of theirs."""
    model = build_aavs()
    return model, load_seeded(model)


@pytest.fixture(scope='module')
def outputs(published, ours):
    """Both sides' outputs on a clip of five frames."""
    with torch.no_grad():
        return _both_sides(published, ours, NUM_FRAMES)


def _both_sides(published, ours, num_frames: int):
    network, processor, _ = published
    theirs = reference_outputs(network, processor, num_frames)
    with pytest.MonkeyPatch.context() as patch:
        return theirs, our_outputs(ours[0], num_frames, patch)


@pytest.mark.parametrize('name', TOLERANCES)
def test_every_output_agrees(outputs, name):
    theirs, mine = outputs
    assert mine[name].shape == theirs[name].shape
    worst = (mine[name] - theirs[name]).abs().max().item()
    print(f'{name}: max error {worst:.2e}')
    assert worst < TOLERANCES[name]


def test_nothing_is_left_uncompared(outputs):
    theirs, mine = outputs
    assert set(theirs) == set(mine) == set(TOLERANCES)
    assert theirs['cls'].shape == (10, NUM_FRAMES, 30, 3)
    assert theirs['mask'].shape == (10, NUM_FRAMES, 30, 96, 96)
    assert theirs['scores'].shape == (NUM_FRAMES, 2, 224, 224)
    assert theirs['losses'].shape == (10, 3)


def test_gradients_agree(published, ours):
    """Of all that the published first stage trains, in its second phase."""
    theirs, mine = _both_sides(published, ours, num_frames=1)
    network, (model, our_names) = published[0], ours
    names = {
        name: parameter
        for name, parameter in network.named_parameters()
        if any(part in name for part in TRAINED_IN_PHASE_TWO)
    }
    own = dict(model.named_parameters())
    assert len(names) == 192 + 60 + 8
    their_grads = torch.autograd.grad(
        theirs['losses'].sum(), list(names.values())
    )
    our_grads = torch.autograd.grad(
        mine['losses'].sum(), [own[our_names[name]] for name in names]
    )
    cosines, errors = [], []
    for their, our in zip(their_grads, our_grads, strict=True):
        errors.append(((our - their).norm() / their.norm()).item())
        cosines.append(
            torch.cosine_similarity(our.ravel(), their.ravel(), dim=0).item()
        )
    print(f'gradients: relative error at most {max(errors):.2e}')
    assert min(cosines) > 0.99999
    # Measured: at most 4.7e-4, which is rounding (1.6e-7 in float64).
    assert max(errors) < 5e-3


def test_as_many_parameters_train(published, ours):
    """709 827 in the first phase and 7 719 491 in the second."""
    network, (model, our_names) = published[0], ours
    own = dict(model.named_parameters())
    for parts, expected in (
        (TRAINED_IN_PHASE_ONE, 709_827),
        (TRAINED_IN_PHASE_TWO, 7_719_491),
    ):
        trained = {
            name: parameter.numel()
            for name, parameter in network.named_parameters()
            if any(part in name for part in parts)
        }
        assert sum(trained.values()) == expected
        assert sum(own[our_names[n]].numel() for n in trained) == expected
    visual = sum(
        parameter.numel()
        for name, parameter in own.items()
        if not name.startswith('audio_backbone.')
    )
    assert visual == sum(p.numel() for p in network.parameters())


def test_stored_numbers_are_those_of_the_published_code(published):
    """What ``tests/test_models/test_aavs_parity.py`` compares with."""
    network, processor, _ = published
    with torch.no_grad():
        outputs = reference_outputs(network, processor, FIXTURE_FRAMES)
    computed = thin_out(outputs)
    with np.load(FIXTURE) as stored:
        assert set(stored) == set(computed)
        for name, expected in stored.items():
            np.testing.assert_allclose(
                computed[name], expected, rtol=0, atol=5e-5, err_msg=name
            )


@pytest.fixture
def clip(tmp_path):
    """A clip of the v1m subset on disk: 5 frames of 300x500, all masks."""
    rng = np.random.RandomState(0)
    folder = tmp_path / 'v1m' / 'clip_0'
    for name in ('frames', 'labels_rgb'):
        (folder / name).mkdir(parents=True)
    for t in range(5):
        coarse = rng.randint(0, 256, (15, 25, 3)).astype(np.uint8)
        frame = cv2.resize(coarse, (500, 300), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / 'frames' / f'{t}.jpg'), frame)
        label = np.zeros((300, 500, 3), np.uint8)
        if t != 1:  # a silent frame
            cv2.circle(label, (80 * t + 60, 150), 55, (0, 64, 0), -1)
            cv2.circle(label, (450, 40 * t + 20), 9, (128, 128, 0), -1)
        cv2.imwrite(str(folder / 'labels_rgb' / f'{t}.png'), label)
    with (tmp_path / 'metadata.csv').open('w') as file:
        writer = csv.writer(file)
        writer.writerow(['uid', 'label', 'split'])
        writer.writerow(['clip_0', 'v1m', 'test'])
    return tmp_path


@pytest.fixture
def their_item(published, clip, monkeypatch):
    """The clip as the published data set gives it."""
    _, processor, dataset = published
    monkeypatch.setattr(
        dataset.Mask2FormerImageProcessor,
        'from_pretrained',
        lambda *args, **kwargs: processor,
    )
    monkeypatch.setattr(
        dataset.AVSBench, 'get_audio_emb', lambda *args: torch.zeros(5, 128)
    )
    args = type('Args', (), {'data_path': str(clip), 'model_dir': None})
    return dataset.AVSBench(args, 'test', 'v1m')[0]


@pytest.fixture
def our_item(clip):
    """The clip through our transforms."""
    folder = clip / 'v1m' / 'clip_0'
    item = {
        'clip_id': 'clip_0',
        'frame_paths': [str(folder / 'frames' / f'{t}.jpg') for t in range(5)],
        'mask_paths': [
            str(folder / 'labels_rgb' / f'{t}.png') for t in range(5)
        ],
        'log_mel': np.zeros((5, 1, 96, 64), np.float32),
    }
    for transform in (
        LoadClipFrames(),
        LoadClipMasks(),
        ClipResize(),
        PackClip(),
    ):
        item = transform(item)
    return item


def test_pixels_agree_from_the_file_on(their_item, our_item, ours):
    preprocess = ours[0].data_preprocessor
    batch = dict(
        inputs={key: [value] for key, value in our_item['inputs'].items()},
        data_samples=[our_item['data_samples']],
    )
    frames = preprocess(batch)['inputs']['frames']
    worst = (frames - their_item['pixel_values']).abs().max().item()
    print(f'pixels: max error {worst:.2e}')
    assert worst < 1e-5


def test_labels_and_targets_agree_from_the_file_on(their_item, our_item, ours):
    """Truth at 224x224, and the masks that the loss sees at 384x384."""
    samples = our_item['data_samples']
    truth = torch.cat([sample.gt_sem_seg.data for sample in samples])
    assert torch.equal(truth.float(), their_item['mask_recs'])
    assert truth[1].sum() == 0
    assert truth[0].sum() > 0
    instances, _ = ours[0].decode_head._seg_data_to_instance_data(samples)
    assert len(instances) == len(their_item['mask_labels']) == 5
    for mine, labels, masks in zip(
        instances,
        their_item['class_labels'],
        their_item['mask_labels'],
        strict=True,
    ):
        assert torch.equal(mine.labels, labels)
        assert torch.equal(mine.masks.float(), masks.float())
