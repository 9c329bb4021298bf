"""Labels without a class stop a run, a NaN loss a training, with the clip."""

from types import SimpleNamespace

import pytest
import torch
from mmavs.engine import CheckStepHook
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from support.toy_training import ToyModel, build_runner
from torch import nn


def _batch(*labels, clip='c1'):
    """A clip of one frame for each label: 2x2, a corner has the label."""
    samples = []
    for index, label in enumerate(labels):
        truth = torch.zeros(1, 2, 2, dtype=torch.int64)
        truth[0, 1, 1] = label
        sample = SegDataSample(
            metainfo=dict(clip_id=clip, frame_index=index),
            gt_sem_seg=PixelData(data=truth),
        )
        samples.append(sample)
    return dict(data_samples=[samples])


def _check(num_classes, batch, mode='train'):
    head = SimpleNamespace(num_classes=num_classes)
    model = nn.Module()
    model.decode_head = head
    check = getattr(CheckStepHook(), f'before_{mode}_iter')
    check(SimpleNamespace(model=model), 0, batch)


@pytest.mark.parametrize('mode', ['train', 'val', 'test'])
def test_label_without_a_class_is_named(mode):
    """Also in tests: a model of fewer classes would score without a word."""
    with pytest.raises(
        ValueError,
        match=r"clip 'c1', frame 2: expected labels below "
        r'model\.decode_head\.num_classes=3, got class id 7\. ',
    ):
        _check(3, _batch(2, 255, 7), mode)


@pytest.mark.parametrize(
    ('num_classes', 'labels'), [(3, (0, 2, 255)), (1, (0, 5)), (None, (9,))]
)
def test_labels_that_are_fine(num_classes, labels):
    """255 is unlabelled; a head of one class asks only what is not 0."""
    _check(num_classes, _batch(*labels))


@MODELS.register_module()
class DivergingModel(ToyModel):
    """Its third loss is infinite."""

    num_steps = 0

    def forward(self, inputs, data_samples=None, mode='tensor'):
        outputs = super().forward(inputs, data_samples, mode)
        if mode == 'loss':
            self.num_steps += 1
            if self.num_steps == 3:
                outputs['loss'] = outputs['loss'] / 0
        return outputs


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    runner = build_runner(
        tmp_path, model=dict(type='DivergingModel'), custom_hooks=[]
    )
    with pytest.raises(
        ValueError,
        match=r'the loss \((inf|nan)\) became NaN or infinite \(iteration 3; '
        r'learning rate 0\.01\)\. .* optim_wrapper\.optimizer\.lr',
    ):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))
