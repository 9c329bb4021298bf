"""TPAVI's attention, compared with its formula and hand-worked numbers."""

import pytest
import torch
from mmavs.models.tpavi import TPAVIBlock, split_windows
from torch import nn

CHANNELS, AUDIO = 6, 4


def make_block(seed: int = 0, **options) -> TPAVIBlock:
    """A block in float64 and evaluation mode whose weights are all nonzero."""
    torch.manual_seed(seed)
    block = TPAVIBlock(CHANNELS, AUDIO, **options).double()
    for kind in ('weight', 'bias', 'running_mean'):
        nn.init.normal_(getattr(block.bn, kind))
    return block.eval()


def make_inputs(num_frames: int, height: int = 2, width: int = 3):
    generator = torch.Generator().manual_seed(num_frames)
    x = torch.randn(num_frames, CHANNELS, height, width, generator=generator)
    audio = torch.randn(num_frames, AUDIO, generator=generator)
    return x.double(), audio.double()


def with_matrix(block, x, other):
    """The published form of one window: n pixels attend to n pixels."""
    pixels = x.permute(0, 2, 3, 1)  # (T, H, W, C)
    theta, g = block.theta(pixels), block.g(pixels)
    theta, g = theta.flatten(0, 2), g.flatten(0, 2)
    phi = block.phi(other.expand_as(pixels)).flatten(0, 2)
    scores = torch.einsum('pc,qc->pq', theta, phi) / len(pixels.flatten(0, 2))
    out = block.out_proj(scores @ g).view_as(pixels).permute(0, 3, 1, 2)
    out = (x + block.bn(out)).permute(0, 2, 3, 1)
    return block.norm(out).permute(0, 3, 1, 2)


def published(block, x, audio, windows):
    """Attend to sound, window by window."""
    sound = block.audio_proj(audio)[:, None, None]
    return torch.cat(
        [
            with_matrix(block, frames, heard)
            for frames, heard in zip(
                x.split(windows), sound.split(windows), strict=True
            )
        ]
    )


@pytest.mark.parametrize(
    ('num_frames', 'window', 'expected'),
    [
        ((5,), 5, [5]),
        ((10,), 5, [5, 5]),
        ((7, 5), 5, [5, 2, 5]),  # 7 is 5 and 2; 2 never joins the next clip
        ((1, 3), 5, [1, 3]),
        ((10, 5), None, [10, 5]),
        ((3,), 1, [1, 1, 1]),
    ],
)
def test_windows_never_cross_clips(num_frames, window, expected):
    assert split_windows(num_frames, window) == expected


@pytest.mark.parametrize('windows', [[1], [5], [5, 5], [5, 2, 3]])
@pytest.mark.parametrize('audio_bias', [True, False])
def test_equals_the_form_with_the_large_matrix(windows, audio_bias):
    block = make_block(audio_bias=audio_bias)
    x, audio = make_inputs(sum(windows))
    out, sound = block(x, audio, windows)
    torch.testing.assert_close(
        out, published(block, x, audio, windows), rtol=0, atol=1e-12
    )
    assert torch.equal(sound, block.audio_proj(audio))


def test_gradients_equal_those_of_the_large_matrix():
    """Of the inputs and of every parameter."""
    block = make_block()
    x, audio = (tensor.requires_grad_() for tensor in make_inputs(5))
    wanted = [x, audio, *block.parameters()]
    weight = torch.randn_like(x)

    def one_window(run):
        out = run(block, x, audio, [5])
        return torch.autograd.grad((out * weight).sum(), wanted)

    ours = one_window(lambda block, *inputs: block(*inputs)[0])
    theirs = one_window(published)
    assert len(ours) == 2 + len(list(block.parameters())) == 16
    for our, their in zip(ours, theirs, strict=True):
        assert our.abs().max() > 0
        torch.testing.assert_close(our, their, rtol=1e-9, atol=1e-10)


def test_two_seconds_by_hand():
    """Two frames of one pixel, two channels, nothing but the attention.

    theta adds the channels: 1 for (1, 0), 2 for (0, 2). Sound (3, 0), (5, 0)
    gives phi = 3, 5; g takes the second channel: 0, 2. The sum over seconds
    of phi g is 3 * 0 + 5 * 2 = 10, over n = 2 pixels 5, times theta 5 and
    10, which out_proj adds to the first channel.
    """
    block = TPAVIBlock(2, 2, audio_bias=False).eval()
    block.bn, block.norm = nn.Identity(), nn.Identity()
    for layer, rows in (
        (block.audio_proj, [[1, 0], [0, 1]]),
        (block.theta, [[1, 1]]),
        (block.phi, [[1, 0]]),
        (block.g, [[0, 1]]),
        (block.out_proj, [[1], [0]]),
    ):
        layer.weight.data = torch.tensor(rows).float()
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    x = torch.tensor([[1.0, 0], [0, 2]])[..., None, None]
    audio = torch.tensor([[3.0, 0], [5, 0]])
    out, _ = block(x, audio, [2])
    assert out.flatten(1).tolist() == [[6, 0], [10, 2]]
    # Each second on its own: phi g is 0, and 10 over n = 1 pixel.
    out, _ = block(x, audio, [1, 1])
    assert out.flatten(1).tolist() == [[1, 0], [20, 2]]


def test_begins_as_a_layer_norm():
    block = TPAVIBlock(CHANNELS, AUDIO).eval()
    x, audio = (tensor.float() for tensor in make_inputs(3))
    out, _ = block(x, audio, [3])
    expected = block.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(out, expected)


def test_sound_acts_within_its_window_alone():
    block = make_block()
    x, audio = make_inputs(7)
    changed = audio.clone()
    changed[6] += 1
    before, _ = block(x, audio, [5, 2])
    after, _ = block(x, changed, [5, 2])
    assert torch.equal(after[:5], before[:5])
    assert ((after[5:] - before[5:]).abs().amax((1, 2, 3)) > 1e-3).all()


def test_the_order_of_seconds_is_lost_within_a_window():
    """Frames that look alike get the same audio context.

    So if the sounding objects change from second to second, the attention does
    not show which second an object sounds in.
    """
    block = make_block()
    x, audio = make_inputs(3)
    x = x[:1].expand_as(x)
    turned = audio.roll(1, 0)
    whole, swapped = (block(x, a, [3])[0] for a in (audio, turned))
    torch.testing.assert_close(whole, swapped)
    torch.testing.assert_close(whole[0], whole[2])
    alone, swapped = (block(x, a, [1, 1, 1])[0] for a in (audio, turned))
    assert not torch.allclose(alone, swapped, atol=0.01)
    torch.testing.assert_close(alone.roll(1, 0), swapped)


@pytest.mark.parametrize('windows', [[4], [3, 1]])
def test_visual_attention_equals_the_form_with_the_large_matrix(windows):
    block = make_block(attend='visual')
    x, audio = make_inputs(4)
    out, sound = block(x, audio, windows)
    expected = torch.cat(
        [
            with_matrix(block, frames, frames.permute(0, 2, 3, 1))
            for frames in x.split(windows)
        ]
    )
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-12)
    assert sound is None
    assert 'audio_proj.weight' not in block.state_dict()


def test_both_is_the_mean_of_the_two():
    both, visual = make_block(attend='both'), make_block(attend='visual')
    heard = make_block()
    state = both.state_dict()
    heard.load_state_dict(state)
    visual.load_state_dict(
        {k: v for k, v in state.items() if not k.startswith('audio_proj')}
    )
    x, audio = make_inputs(4)
    out, sound = both(x, audio, [4])
    expected = heard(x, audio, [4])[0] + visual(x, audio, [4])[0]
    torch.testing.assert_close(out, expected / 2)
    assert torch.equal(sound, heard.audio_proj(audio))


def test_an_unknown_kind_of_attention_is_refused():
    with pytest.raises(ValueError, match=r"'audio', 'visual'.* got 'sound'"):
        TPAVIBlock(CHANNELS, attend='sound')
