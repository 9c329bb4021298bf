"""The audio query generator."""

import pytest
import torch
from mmavs.models import AudioQueryGenerator
from torch import nn


def _identity_generator(mode: str) -> AudioQueryGenerator:
    """A generator whose audio projection is the identity."""
    generator = AudioQueryGenerator(mode, audio_channels=2, embed_dims=2)
    generator.audio_proj = nn.Identity()
    return generator


def test_adaptive_query_by_hand():
    """c + cos(p, a) * a with a = (3, 4), |a| = 5."""
    query = torch.tensor([[[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]])
    # cos: (3, 4) -> 1; (-4, 3) -> 0; (-1, 0) -> -3/5, sign kept
    query_pos = torch.tensor([[[6.0, 8.0], [-4.0, 3.0], [-1.0, 0.0]]])
    out = _identity_generator('adaptive')(
        query, query_pos, torch.tensor([[3.0, 4.0]])
    )
    expected = torch.tensor([[[4.0, 5.0], [1.0, 1.0], [-0.8, -1.4]]])
    torch.testing.assert_close(out, expected)


def test_repeated_query_by_hand():
    query = torch.tensor([[[1.0, 1.0], [0.0, 2.0]]])
    out = _identity_generator('repeat')(
        query, torch.randn(1, 2, 2), torch.tensor([[3.0, 4.0]])
    )
    assert out.tolist() == [[[4.0, 5.0], [3.0, 6.0]]]


def test_deaf_query_has_no_audio_parameters():
    generator = AudioQueryGenerator('none')
    query = torch.randn(2, 3, 256)
    assert generator(query, query, torch.randn(2, 128)) is query
    assert list(generator.parameters()) == []


def test_each_frame_hears_its_own_second():
    torch.manual_seed(0)
    generator = AudioQueryGenerator('adaptive', embed_dims=16)
    query = torch.randn(1, 5, 16).expand(3, -1, -1)
    audio = torch.randn(3, 128)
    out = generator(query, query, audio)
    swapped = generator(query, query, audio[[1, 0, 2]])
    torch.testing.assert_close(swapped, out[[1, 0, 2]])
    assert not torch.allclose(out[0], out[1])


def test_errors_name_what_came():
    with pytest.raises(ValueError, match=r"audio_query .* got 'loud'"):
        AudioQueryGenerator('loud')
