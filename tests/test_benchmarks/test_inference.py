"""benchmarks/inference.py: agreement of masks."""

import sys

import pytest
import torch

from benchmarks.inference import main, mask_agreement


def test_agreement_of_masks_that_differ_in_one_pixel():
    reference = torch.tensor([[[0, 0, 1, 1]]])
    masks = torch.tensor([[[0, 0, 0, 1]]])
    # Background: 2 of 3 pixels; class 1: 1 of 2.
    agreement = mask_agreement(masks, reference)
    assert agreement['equal_pixels'] == 0.75
    assert agreement['iou'] == pytest.approx((2 / 3 + 1 / 2) / 2)
    equal = mask_agreement(reference, reference)
    assert equal == dict(equal_pixels=1.0, iou=1.0)


def test_a_missing_config_ends_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['inference.py', 'configs/none.py'])
    with pytest.raises(
        SystemExit,
        match=r'^error: configs/none.py: expected a config file, found',
    ):
        main()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--exported', 'a.onnx'], '--exported and --backend need each'),
        (
            ['--exported', 'a.onnx', '--backend', 'openvino'],
            '--exported needs --checkpoint',
        ),
    ],
)
def test_options_of_other_runtimes(words, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['inference.py', 'a.py', *words])
    with pytest.raises(SystemExit):
        main()
    assert message in capsys.readouterr().err
