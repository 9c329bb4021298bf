"""The inferencer draws where the queries of a model look."""

import pytest
import torch
from mmavs.apis import AVSInferencer
from mmavs.visualization import draw_contact_sheet
from PIL import Image
from support.tiny_models import TINY_CONFIG, build, tiny_config
from support.tiny_videos import make_video

pytestmark = pytest.mark.slow


def test_attention_of_the_first_clip(tmp_path):
    """A video of seven seconds; the model's clips have five."""
    model = build(tiny_config())
    checkpoint = tmp_path / 'tiny.pth'
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    video = make_video(tmp_path / 'a.mp4', seconds=7, fps=4, size=(48, 64))
    inferencer = AVSInferencer(TINY_CONFIG, checkpoint)
    picture = inferencer.draw_attention(video)
    assert picture.title == 'a.mp4 from second 0'
    names = [f'attention\nlayer {number}' for number in (1, 2, 3)]
    assert list(picture.attention) == names
    # Strides of 32, 16 and 8 of frames of 96 x 96.
    sizes = [heat.shape for heat in picture.attention.values()]
    assert sizes == [(5, 3, 3), (5, 6, 6), (5, 12, 12)]
    for heat in picture.attention.values():
        assert heat.sum((1, 2)).tolist() == pytest.approx([1] * 5, abs=1e-5)
    head = inferencer.model.decode_head
    hooks = [m._forward_hooks or m._forward_pre_hooks for m in head.modules()]
    assert not any(hooks)
    draw_contact_sheet(picture, tmp_path / 'attention.png')
    width, height = Image.open(tmp_path / 'attention.png').size
    assert height > width  # frame, prediction, three layers and sound
