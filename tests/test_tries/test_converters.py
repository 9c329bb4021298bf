"""Converters: sources that do not fit, and files that they must not touch."""

import torch
from support.tries import Try, check, rows

VGGISH = 'model_converters/vggish.py'
OBJECT = 'dataset_converters/avsbench_object.py'
#: Script -> options that it needs.
OPTIONS = {
    'aavs': '--vggish v.pth',
    'avsegformer': '--backbone r50 --task s4',
    'dino': '--arch small',
    'ease': '--vggish v.pth --arch base --task s4',
    'hf_mask2former': '',
    'pvt_v2': '',
    'resnet50': '',
    'tpavi': '--vggish v.pth --backbone r50',
    'vggish': '',
}


def other_weights(folder):
    torch.save({'a.b': torch.zeros(1)}, folder / 's.pth')


def existing(folder):
    (folder / 'd.pth').write_text('mine')
    other_weights(folder)


MISSING = [
    Try(
        f'{name}-missing',
        f'model_converters/{name}.py s.pth d.pth {options}',
        "There is no checkpoint at 's.pth'",
    )
    for name, options in OPTIONS.items()
]
NOTHING = [
    Try(
        f'{name}-nothing',
        f'model_converters/{name}.py',
        'error: the following arguments are required: src, dst',
        2,
    )
    for name in OPTIONS
]
TRIES = [
    Try(
        'other-weights',
        f'{VGGISH} s.pth d.pth',
        'problems: .*missing in the source: .*unknown in the source: a.b',
        1,
        other_weights,
    ),
    Try(
        'text',
        f'{VGGISH} data/metadata.csv d.pth',
        "metadata.csv' cannot be read as a checkpoint",
    ),
    Try(
        'onto-itself',
        f'{VGGISH} s.pth s.pth --force',
        's.pth: expected another file than the source',
        1,
        other_weights,
        ['s.pth'],
    ),
    Try(
        'exists',
        f'{VGGISH} s.pth d.pth',
        'd.pth: expected a file that does not exist yet; .*--force',
        1,
        existing,
        ['d.pth'],
    ),
    Try(
        'folder',
        f'{VGGISH} s.pth data --force',
        'data: expected a file to write, got a folder',
        1,
        other_weights,
    ),
    Try(
        'unknown-task',
        'model_converters/avsegformer.py s d --backbone r50 --task avs',
        "--task: invalid choice: 'avs'",
        2,
    ),
    Try(
        'unknown-backbone',
        'model_converters/tpavi.py s d --vggish v --backbone r18',
        "--backbone: invalid choice: 'r18'",
        2,
    ),
    Try('object-nothing', OBJECT, 'arguments are required: src, dst', 2),
    Try(
        'object-missing',
        f'{OBJECT} none d',
        'none: expected Single-source/ '
        'or Multi-sources/ with clips, .* got neither',
    ),
    Try('object-other-data', f'{OBJECT} data d', 'data: expected Single-sour'),
    Try(
        'object-onto-itself',
        f'{OBJECT} data data',
        'data: expected a folder outside of the release data',
        1,
        keeps=['data/metadata.csv'],
    ),
    Try(
        'object-onto-data',
        f'{OBJECT} none data',
        'data holds a data set already .*--force',
        1,
        keeps=['data/metadata.csv'],
    ),
]


@rows([*MISSING, *NOTHING, *TRIES])
def test_line(row, place, capsys):
    check(row, place, capsys)
    assert not (place / 'd.pth').exists() or row.name == 'exists'
