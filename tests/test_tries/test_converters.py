"""Converters: sources that do not fit, and files that they must not touch."""

import torch
from support.tries import Try, check, rows

VGGISH = 'model_converters/vggish.py'
PREPARE = 'dataset_converters/prepare_avsbench.py'
VALIDATE = 'dataset_converters/validate_avsbench.py'
VPO = 'dataset_converters/vpo.py'
PACK = 'dataset_converters/pack_clips.py'
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


def cut_frames(folder):
    for path in folder.glob('*/*/frames/*.jpg'):
        path.write_bytes(path.read_bytes()[:300])


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
        'pack-no-config',
        f'{PACK} none.py store',
        'error: none.py: expected a config file, found',
    ),
    Try(
        'pack-into-a-file',
        f'{PACK} stub.py data/metadata.csv --splits test',
        'expected a folder, got a file; choose another name',
        keeps=('data/metadata.csv',),
    ),
    Try(
        'pack-cut-frame',
        f'{PACK} stub.py store --splits test --workers 1',
        r'cannot read \(.*\) frame file data/.*\.jpg of clip',
        prepare=lambda folder: cut_frames(folder / 'data'),
    ),
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
    Try('prepare-nothing', PREPARE, 'arguments are required: src, dst', 2),
    Try(
        'prepare-missing',
        f'{PREPARE} none d',
        'none: expected the folder of the download or its zip archive, got n',
    ),
    Try(
        'prepare-no-archive',
        f'{PREPARE} stub.py d',
        'stub.py: expected a folder or a zip archive, got another file',
    ),
    Try(
        'prepare-other-data',
        f'{PREPARE} toy d',
        r'toy: expected metadata.csv \(AVSBench-semantic\), or Single-source/',
    ),
    Try(
        'prepare-onto-itself',
        f'{PREPARE} data data',
        'data: expected a folder outside of the release data',
        1,
        keeps=['data/metadata.csv'],
    ),
    Try(
        'prepare-other-subset',
        f'{PREPARE} data d --subsets v2',
        r"data: expected clips of \('v2',\), got none; give other --subsets",
    ),
    Try('vpo-nothing', VPO, 'arguments are required: src, vggsound, dst', 2),
    Try(
        'vpo-missing',
        f'{VPO} none toy d',
        'none: expected one of the folders VPO-SS, VPO-MS, VPO-MSMI with cli',
    ),
    Try(
        'vpo-onto-itself',
        f'{VPO} data toy data',
        'data: expected a folder outside of data, which is not changed',
    ),
    Try('validate-nothing', VALIDATE, 'give ROOT or --config CONFIG', 2),
    Try(
        'validate-both',
        f'{VALIDATE} data --config stub.py',
        'give ROOT or --config CONFIG',
        2,
    ),
    Try(
        'validate-missing',
        f'{VALIDATE} none',
        'none: expected the folder of a data set, with metadata.csv; see docs',
    ),
    Try(
        'validate-a-config-without-clips',
        f'{VALIDATE} --config toy.py',
        'toy.py: expected a data set that derives from mmavs.datasets.BaseCl',
    ),
    Try(
        'validate-cleaning-a-config',
        f'{VALIDATE} --config stub.py --clean-labels',
        '--clean-labels and --shift-labels need ROOT',
        2,
    ),
    Try(
        'validate-report-exists',
        f'{VALIDATE} data --out stub.py',
        'stub.py: expected a file that does not exist yet; .* --force',
        1,
        keeps=['stub.py'],
    ),
    Try(
        'validate-config',
        f'{VALIDATE} --config stub.py --workers 1',
        '2 clips, 22 files: 0 errors, 0 warnings',
        0,
    ),
    Try(
        'prepare-unknown-link',
        f'{PREPARE} data d --link soft',
        "--link: invalid choice: 'soft'",
        2,
    ),
]


@rows([*MISSING, *NOTHING, *TRIES])
def test_line(row, place, capsys):
    check(row, place, capsys)
    assert not (place / 'd.pth').exists() or row.name == 'exists'
