"""mmavs.converters.tpavi on the names of published checkpoints."""

import pytest
import torch
from mmavs.converters.name_table import convert
from mmavs.converters.tpavi import tpavi_table
from support.tpavi_parity import build_tpavi
from support.tpavi_seeded import published_keys

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

LAYOUTS = pytest.mark.parametrize(
    ('backbone', 'task'),
    # MS3's layout is that of S4.
    [(b, t) for b in ('r50', 'pvtv2-b5') for t in ('s4', 'avss')],
)
#: (backbone, four biases) -> tensors in the file, dropped, of the backbone.
COUNTS = {
    ('r50', True): (630, 174 + 4, 318),
    ('r50', False): (626, 174 + 4, 318),
    ('pvtv2-b5', True): (1190, 4, 1052),
    ('pvtv2-b5', False): (1186, 4, 1052),
}


def published(backbone: str, task: str) -> dict[str, torch.Tensor]:
    """A published checkpoint without its numbers."""
    return {
        name: torch.empty(shape, device='meta')
        for name, shape in published_keys(backbone, task).items()
    }


def converted(source, backbone: str, task: str, **options):
    return convert(source, tpavi_table(backbone, task), **options)


@LAYOUTS
def test_every_weight_but_vggish_comes_from_the_file(backbone, task):
    model = build_tpavi(backbone, task)
    expected = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith('audio_backbone.')
    }
    source = published(backbone, task)
    # Raises where a name or a shape differs.
    state_dict, report = converted(source, backbone, task, expected=expected)
    assert set(state_dict) == set(expected)
    in_file, dropped, of_backbone = COUNTS[backbone, task != 'avss']
    assert len(source) == in_file
    assert len(report.dropped) == dropped
    taken = {'backbone': 0, 'neck': 0, 'decode_head': 0}
    for name, sources in report.moved.items():
        taken[name.split('.')[0]] += len(sources)
    # 138 or 134 around the backbone, less the four of path4.resConfUnit1;
    # the neck has 4 stages of 4 convolutions with weight and bias.
    around = 134 if task != 'avss' else 130
    assert taken == {
        'backbone': of_backbone,
        'neck': 32,
        'decode_head': around - 32,
    }


def test_what_is_dropped_is_named():
    _, report = converted(published('r50', 'avss'), 'r50', 'avss')
    unused = [n for n in report.dropped if n.startswith('path4.resConfUnit1')]
    second = [n for n in report.dropped if '_2.' in n]
    assert (len(unused), len(second)) == (4, 174)


@pytest.mark.parametrize(
    ('layout', 'read_as', 'message'),
    [
        (('r50', 's4'), ('r50', 'avss'), 'unknown .*align_channel.bias'),
        (('r50', 'avss'), ('r50', 's4'), 'missing .*align_channel.bias'),
        (('r50', 'avss'), ('pvtv2-b5', 'avss'), 'missing .*encoder_backbone'),
    ],
)
def test_a_file_of_another_layout_is_refused(layout, read_as, message):
    with pytest.raises(ValueError, match=message):
        converted(published(*layout), *read_as)


@pytest.mark.parametrize(
    'absent',
    [
        'tpavi_b3.W_z.1.running_var',
        'conv4.conv2d_list.3.bias',
        'path1.resConfUnit1.conv2.weight',
        'output_conv.4.bias',
        'resnet.layer4_1.2.bn3.weight',
    ],
)
def test_a_missing_key_is_named(absent):
    rest = published('r50', 'avss')
    del rest[absent]
    with pytest.raises(ValueError, match=absent.replace('.', r'\.')):
        converted(rest, 'r50', 'avss')
