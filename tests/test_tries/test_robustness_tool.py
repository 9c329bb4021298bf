"""tools/robustness.py: what it writes, and wrong command lines."""

import errno
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from support.tries import Try, check, rows

TOOL = 'robustness.py stub.py stub.pth'


def one_category(folder):
    table = folder / 'data/metadata.csv'
    table.write_text(table.read_text().replace('guitar', 'dog'))


TRIES = [
    Try('nothing', 'robustness.py', 'required: config, checkpoint', 2),
    Try(
        'unknown-sound',
        f'{TOOL} --sounds silence music',
        "--sounds: invalid choice: 'music'",
        2,
    ),
    Try(
        'no-config',
        'robustness.py none.py stub.pth',
        'none.py: expected a config file, found none',
    ),
    Try(
        'no-checkpoint',
        'robustness.py stub.py none.pth --sounds silence',
        r'none.pth',
    ),
    Try(
        'stage-two',
        'robustness.py two.py stub.pth',
        'expected a config without mask_prior, got one of stage two',
    ),
    Try(
        'one-category',
        TOOL,
        r"categories \['animal'\]; off-screen sounds need",
        1,
        one_category,
    ),
    Try(
        'swapped',
        f'{TOOL} --cfg-options test_dataloader.dataset.sound_from=next_clip',
        "expected a test data set with sound_from='own', got 'next_clip'",
    ),
    Try(
        'negative-sounds',
        f'{TOOL} --sounds silence --cfg-options '
        'test_dataloader.dataset.negative_sound.prob=2',
        r'prob must be in \[0, 1\], got 2',
    ),
    Try(
        'keeps-files',
        f'{TOOL} --out old.json',
        'old.json: expected a file that does not exist yet; .*--force',
        1,
        lambda folder: (folder / 'old.json').write_text(''),
    ),
    Try(
        'keeps-the-checkpoint',
        f'{TOOL} --out stub.pth --force',
        'stub.pth: expected another file than the source',
        keeps=['stub.pth'],
    ),
    Try(
        'keeps-the-config',
        f'{TOOL} --out stub.py --force',
        'stub.py: expected another file than the source',
        keeps=['stub.py'],
    ),
    Try(
        'two-negatives-have-no-summary',
        f'{TOOL} --sounds silence',
        'G-mIoU, G-F and G-FPR need --sounds silence noise offscreen',
        0,
    ),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)


def measure(place, capsys):
    row = Try('all', f'{TOOL} --out r.json', r'G-FPR +\d', 0)
    check(row, place, capsys)
    return json.loads((place / 'r.json').read_text())


def test_all_conditions(place, capsys):
    """The stub marks the right half of a frame if its sound is loud."""
    result = measure(place, capsys)
    assert result['protocol'] == 'mmavs-robust'
    assert len(result['checkpoint_hash']) == len(result['config_hash']) == 64
    assert (result['num_clips'], result['split']) == (2, 'test')
    assert result['front_end'].startswith('LogMel(')
    figures = result['conditions']
    names = ['original', 'silence', 'noise', 'offscreen', 'swap', 'shift']
    assert list(figures) == names
    half = dict(FPR=0.5, S=pytest.approx(0.5**0.5), EMPTY=0, AUC_N=11 / 20)
    for name in names:
        expected = dict(half, CONS=1, clips=2)
        if name == 'silence':
            expected = dict(FPR=0, S=0, EMPTY=1, AUC_N=1, CONS=0)
        assert expected.items() <= figures[name].items(), name
    # Wrong labels of another clip would give another score.
    mious = {name: row['split/mIoU'] for name, row in figures.items()}
    assert mious['silence'] == 0
    assert len({mious[name] for name in names if name != 'silence'}) == 1
    negative = mious['original'] * 2 / 3
    rest = 1 - negative
    assert result['summary']['split/G-mIoU'] == pytest.approx(
        2 * mious['original'] * rest / (mious['original'] + rest)
    )
    assert result['summary']['G-FPR'] == pytest.approx(1 / 3)


def test_a_clip_without_offscreen_sound_is_left_out(place, capsys):
    """A third clip has the categories of both others."""
    table = place / 'data/metadata.csv'
    third = next(
        line for line in table.read_text().splitlines() if ',test,' in line
    )
    uid = third.split(',')[1]
    row = f'x,copy,0,0,dog_guitar,test,{third.split(",")[6]}'
    folder = place / 'data' / third.split(',')[6]
    shutil.copytree(folder / uid, folder / 'copy')
    table.write_text(f'{table.read_text().rstrip()}\n{row}\n')
    figures = measure(place, capsys)['conditions']
    assert {name: row['clips'] for name, row in figures.items()} == dict(
        original=3, silence=3, noise=3, offscreen=2, swap=3, shift=3
    )
    assert figures['offscreen']['CONS'] == 1


def test_a_model_of_background(place, capsys):
    """It predicts nothing with any sound."""
    weights = dict(state_dict=dict(weight=torch.zeros(1)))
    torch.save(weights, place / 'stub.pth')
    result = measure(place, capsys)
    for row in result['conditions'].values():
        assert (row['FPR'], row['EMPTY'], row['CONS']) == (0, 1, 1)
    assert result['summary']['G-FPR'] == 0


def results_of(place):
    """Modification times of the kept results."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in (place / 'work_dirs/stub/robustness').iterdir()
        if not path.name.startswith('.')
    }


def test_what_is_known_is_not_predicted_again(place, capsys):
    """2 clips with 6 sounds; first with two of them, then with all."""
    row = Try('two', f'{TOOL} --sounds silence', 'G-mIoU', 0)
    check(row, place, capsys)
    first = results_of(place)
    assert len(first) == 4
    whole = measure(place, capsys)
    second = results_of(place)
    assert len(second) == 12
    assert first.items() <= second.items()
    (place / 'r.json').unlink()
    assert measure(place, capsys) == whole
    assert results_of(place) == second
    # Other weights, or another frame, need new predictions.
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), 'stub.pth')
    (place / 'r.json').unlink()
    assert measure(place, capsys)['summary'] != whole['summary']
    assert len(results_of(place)) == 24
    frame = place / 'data/v1m/a/frames/4.jpg'
    frame.write_bytes(frame.read_bytes() + b' ')
    (place / 'r.json').unlink()
    measure(place, capsys)
    assert len(results_of(place)) == 30


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs os.fork')
@pytest.mark.parametrize('num_results', [1, 7])
def test_a_killed_run_continues(place, capsys, num_results):
    """kill -9 in the middle of writing a result; the figures are the same."""
    whole = measure(place, capsys)
    (place / 'r.json').unlink()
    folder = place / 'work_dirs/stub/robustness'
    shutil.rmtree(folder)
    child = os.fork()
    if child == 0:
        write, written = Path.write_bytes, []

        def stop_while_writing(path, content):
            if path.suffix == '.pt':
                written.append(path)
                if len(written) > num_results:
                    write(path, content[: len(content) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
            return write(path, content)

        Path.write_bytes = stop_while_writing
        measure(place, capsys)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    kept = results_of(place)
    assert len(kept) == num_results
    assert not (place / 'r.json').exists()
    assert measure(place, capsys) == whole
    after = results_of(place)
    assert len(after) == 12
    assert kept.items() <= after.items()


def test_full_disk(place, capsys, monkeypatch):
    """One line; what was written before is complete and used."""
    write = Path.write_bytes

    def no_space(path, content):
        if path.suffix == '.pt' and len(results_of(place)) == 3:
            write(path, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'write_bytes', no_space)
        row = Try('full', f'{TOOL} --out r.json', 'No space left on device')
        check(row, place, capsys)
    folder = place / 'work_dirs/stub/robustness'
    assert len(list(folder.iterdir())) == 3
    assert not (place / 'r.json').exists()
    assert measure(place, capsys)['num_clips'] == 2


def test_a_damaged_result(place, capsys):
    measure(place, capsys)
    (place / 'r.json').unlink()
    (name, *_) = results_of(place)
    (place / 'work_dirs/stub/robustness' / name).write_bytes(b'PK')
    row = Try('cut', TOOL, f'{name}: expected results of a clip, .* remove it')
    check(row, place, capsys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('config', 'uses_audio'),
    [('tpavi_tiny_ms3-96x96', True), ('aavs_tiny_ms3-96x96_no-audio', False)],
)
def test_a_model_without_audio_is_consistent(
    place, capsys, config, uses_audio
):
    """Untrained; with audio the masks differ, without they are the same.

    TPAVI's block starts with weights of 0, which pass no audio on.
    """
    from mmengine.config import Config
    from support.tiny_models import ROOT, build

    config = ROOT / f'configs/synthetic/{config}.py'
    model = build(Config.fromfile(config).model)
    weights = model.state_dict()
    for name, weight in weights.items():
        if name.endswith('weight'):
            weight[weight == 0] = 1
    torch.save(dict(state_dict=weights), place / 'tiny.pth')
    check(
        Try(
            'tiny',
            f'robustness.py {config} tiny.pth --out r.json --cfg-options '
            'test_dataloader.dataset.data_root=data',
            'G-FPR',
            0,
        ),
        place,
        capsys,
    )
    figures = json.loads((place / 'r.json').read_text())['conditions']
    consistencies = [row['CONS'] for row in figures.values()]
    if uses_audio:
        assert consistencies[0] == 1
        assert min(consistencies) < 0.99
    else:
        assert consistencies == [1.0] * 6
