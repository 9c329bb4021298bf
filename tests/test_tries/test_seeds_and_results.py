"""tools/multi_seed.py and result files: wrong command lines and files."""

import json

import pytest
from support.tries import Try, check, rows

TOOL = 'multi_seed.py toy.py'
TEST = 'test.py stub.py stub.pth --results r.json'


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


def validate_on_test(folder):
    with open(folder / 'stub.py', 'a') as file:
        file.write(
            'val_dataloader = test_dataloader\n'
            'val_evaluator = test_evaluator\n'
            'val_cfg = {}\n'
        )


TRIES = [
    Try('nothing', 'multi_seed.py', 'required: config', 2),
    Try('no-seeds', f'{TOOL} --seeds 0', 'number of seeds of at least 1', 2),
    Try('same-seeds', f'{TOOL} --seeds 4 4', 'or several different', 2),
    Try('too-many-seeds', f'{TOOL} --seeds 99999999999999', 'at most 1000', 2),
    Try(
        'results-under-a-file',
        f'{TOOL} --results stub.pth/r.json',
        'stub.pth: expected a folder, got a file; choose another with',
        keeps=['stub.pth'],
    ),
    Try('no-jobs', f'{TOOL} --jobs 0', '--jobs must be at least 1', 2),
    Try(
        'devices-and-jobs',
        f'{TOOL} --devices cuda:0 --jobs 2',
        '--jobs: not allowed with argument --devices',
        2,
    ),
    Try('device-cpu', f'{TOOL} --devices cpu', 'names as cuda:0, got cpu', 2),
    Try(
        'no-such-device',
        f'{TOOL} --devices cuda:99',
        r'--devices cuda:99: expected one of the \d+ CUDA devices',
    ),
    Try('no-config', 'multi_seed.py none.py', 'none.py: expected a config'),
    Try(
        'cannot-train',
        'multi_seed.py stub.py',
        'stub.py: expected a config with .* got one without train_dataloader',
    ),
    Try(
        'work-dir-is-a-file',
        f'{TOOL} --work-dir stub.pth',
        'stub.pth: expected a folder, got a file',
        keeps=['stub.pth'],
    ),
    Try(
        'keeps-a-file',
        f'{TOOL} --results stub.pth',
        'stub.pth: expected a result file .* got another file',
        keeps=['stub.pth'],
    ),
    Try(
        'test-keeps-a-file',
        TEST,
        '--results r.json: expected a new file, .* got another file',
        prepare=write('r.json', '{"split/mIoU": 0.5}'),
        keeps=['stub.pth'],
    ),
    Try(
        'result-of-all-splits',
        f'{TEST} --split all --show-dir s',
        '--results with --split all would mix',
        2,
    ),
    Try(
        'best-on-test',
        'test.py stub.py stub.pth',
        r"save_best='split/mIoU' chooses the checkpoint on the split test .*"
        'set val_dataloader.dataset.split=val',
        0,
        validate_on_test,
    ),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)


def run(place, capsys, words=TEST):
    check(Try('result', words, 'split/mIoU', 0), place, capsys)
    return json.loads((place / 'r.json').read_text())


def test_a_result_names_clips_checkpoint_and_versions(place, capsys):
    result = run(place, capsys)
    assert result['config'] == 'stub'
    data = result['data']
    assert len(data.pop('hash')) == 64
    assert data == dict(
        type='AVSBenchDataset',
        num_clips=2,
        splits=['test'],
        subsets=['v1m'],
        sound_from='own',
        synthetic=False,
    )
    (found,) = result['runs']
    assert found['seed'] is None  # the stub was not trained
    assert found['checkpoint'] == 'stub.pth'
    assert found['metrics']['split/mIoU'] > 0
    families = {'mmengine', 'onedl-mmengine'} & set(found['versions'])
    assert len(families) == 1


@pytest.mark.parametrize(
    ('change', 'is_same'),
    [('nothing', True), ('a label', False), ('the sound', False)],
)
def test_the_hash_is_that_of_the_clips(place, capsys, change, is_same):
    before = run(place, capsys)['data']['hash']
    clip = place / 'data/v1m/b'
    if change == 'a label':
        first, *_, last = sorted(clip.glob('labels_rgb/*.png'))
        last.write_bytes(first.read_bytes() + b'\0')
    elif change == 'the sound':
        sound = clip / 'audio.wav'
        sound.write_bytes(sound.read_bytes() + b'\0')
    assert (run(place, capsys)['data']['hash'] == before) is is_same
