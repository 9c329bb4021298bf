"""benchmarks/mask_scoring.py on a few clips."""

import pytest

from benchmarks import mask_scoring


@pytest.mark.slow
@pytest.mark.parametrize(('task', 'num_frames'), [('s4', 5), ('avss', 10)])
def test_clips_are_written_and_scored(tmp_path, monkeypatch, task, num_frames):
    """Two different clips, and a third one that is a link to the first."""
    monkeypatch.setattr(mask_scoring, '_NUM_DIFFERENT', 2)
    mask_scoring.write_clips(tmp_path, 3, semantic=task == 'avss')
    masks = sorted(tmp_path.glob('masks/*/*/*.png'))
    assert len(masks) == 3 * num_frames
    assert len({path.stat().st_ino for path in masks}) == 2 * num_frames
    taken = mask_scoring.time_tool(tmp_path, task)
    assert taken.cpu > 0
