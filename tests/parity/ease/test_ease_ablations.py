"""Compare the fusers and the enhancer of EASE's ablations.

Set MMAVS_REFERENCE_ROOT to a folder with EASE at 12ab645.
"""

import pytest
import torch
from mmavs.converters.name_table import convert
from mmavs.models.ease import (
    EASEAligner,
    EASEBiAttention,
    EASELinearEnhancer,
)
from mmavs.testing.ease import import_module, why_not

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
DIMS, AUDIO, NUM_TOKENS, GRID = 64, 32, 5, (3, 4)
_WB = '{weight,bias}'
#: Published names -> ours; what updates the audio tokens is not used.
NO_CLUSTERING = {
    'aud_proj.weight': 'audio_proj.weight',
    'av_cross_interaction.{q,k,v}_proj.weight': (
        '{audio_q,visual_k,visual_v}.weight'
    ),
    'va_cross_interaction.{q,k,v}_proj.weight': (
        '{visual_q,audio_k,audio_v}.weight'
    ),
}
BI_ATTENTION = {
    f'layers.0.layer_norm_{{v,a}}.{_WB}': 'norm_{visual,audio}.{}',
    f'layers.0.attn.{{v_proj,a_proj}}.{_WB}': '{query,key}.{}',
    f'layers.0.attn.values_a_proj.{_WB}': 'value.{}',
    f'layers.0.attn.out_v_proj.{_WB}': 'proj.{}',
    'layers.0.gamma_v': 'gamma',
    'audio_pos.weight': 'audio_pos.weight',
    f'layers.0.attn.{{values_v_proj,out_a_proj}}.{_WB}': None,
    'layers.0.gamma_a': None,
}


def _no_clustering():
    module = import_module('models.fusers.av_aligner_no_clustering')
    theirs = module.AVAlignerNoClustering(DIMS, AUDIO, num_heads=8)
    return theirs, EASEAligner(DIMS, AUDIO, num_clusters=None), NO_CLUSTERING


def _bi_attention(sigmoid):
    fuser = import_module('models.fusers.bi_attention').BiAttentionFuser
    theirs = fuser(
        DIMS, AUDIO, DIMS, audio_token_num=NUM_TOKENS, use_sigmoid=sigmoid
    )
    return theirs, EASEBiAttention(DIMS, AUDIO, sigmoid=sigmoid), BI_ATTENTION


CASES = {
    'no-clustering': _no_clustering,
    'bi-attention': lambda: _bi_attention(True),
    'bi-attention-softmax': lambda: _bi_attention(False),
}


def _share_weights(theirs, ours, table):
    torch.manual_seed(0)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    weights, _ = convert(
        theirs.state_dict(), table, expected=ours.state_dict()
    )
    ours.load_state_dict(weights)
    theirs.eval(), ours.eval()


@pytest.mark.parametrize('case', CASES)
def test_fusers_agree(case):
    theirs, ours, table = CASES[case]()
    _share_weights(theirs, ours, table)
    patches = torch.randn(2, GRID[0] * GRID[1], DIMS, requires_grad=True)
    tokens = torch.randn(2, NUM_TOKENS, AUDIO, requires_grad=True)
    outputs = [theirs(patches, tokens, *GRID)[0], ours(patches, tokens, GRID)]
    assert (outputs[0] - patches).abs().max() > 0.1
    torch.testing.assert_close(outputs[1], outputs[0], rtol=0, atol=1e-4)
    weights = torch.randn_like(outputs[0])
    gradients = [
        torch.autograd.grad((output * weights).sum(), (patches, tokens))
        for output in outputs
    ]
    for expected, got in zip(*gradients, strict=True):
        error = (got - expected).norm() / expected.norm()
        assert error < 1e-4


@torch.no_grad()
def test_linear_enhancers_agree():
    name = 'models.query_generators.linear_aud_enhancer'
    theirs = import_module(name).LinearAudioFeatureEnhancer(128, AUDIO)
    ours = EASELinearEnhancer(128, AUDIO)
    _share_weights(theirs, ours, {f'linear.{_WB}': 'audio_proj.{}'})
    embed = torch.rand(3, 128)
    torch.testing.assert_close(ours(embed), theirs(embed[:, None]))
