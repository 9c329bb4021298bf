"""Inputs for counting, and counts of tiny models."""

import pytest
import torch
from mmavs.apis.flops import count_flops, random_inputs
from mmavs.config_file import read_config
from mmengine.analysis import get_model_complexity_info


def test_inputs_are_those_of_the_pipeline():
    """Frames and log-mel; ``shape`` sets another size of frames."""
    cfg = read_config('aavs_tiny_ms3-96x96')
    inputs = random_inputs(cfg, 3)
    assert inputs['frames'].shape == (3, 3, 96, 96)
    assert inputs['audio'].shape == (3, 1, 96, 64)
    assert inputs['num_frames'] == [3]
    other = random_inputs(cfg, 2, shape=(64, 32))
    assert other['frames'].shape == (2, 3, 64, 32)


def test_stage_two_gets_a_prior():
    cfg = read_config('aavs_tiny_stage2_avss-96x96')
    inputs = random_inputs(cfg, 2)
    assert inputs['mask_prior'].shape[:2] == (2, 1)


def test_counts_are_twice_those_of_mmengine():
    """Which counts a multiplication with its addition as one."""
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(64, 2)
    )
    model.eval().requires_grad_(False)
    frames = torch.rand(1, 3, 6, 6)
    counts = count_flops(lambda: model(frames))
    # 16 places of 4 x 27, then 64 x 2.
    assert counts['Global'] == 2 * (16 * 4 * 27 + 64 * 2)
    assert counts['Sequential.2'] == 2 * 64 * 2
    info = get_model_complexity_info(model, inputs=frames, show_table=False)
    assert counts['Global'] == pytest.approx(2 * info['flops'])
