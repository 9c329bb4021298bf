"""Both stages with one command, killed in every step."""

import json
import multiprocessing
import os
import signal
import sys

import pytest
import torch
import toy_training
from avsbench_tree import Clip, write_avsbench_tree
from mmavs.engine.stages import Launcher
from staged_runs import Kill, run_stages

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(['toy_training', 'staged_runs'])

CONFIGS = toy_training.ROOT / 'configs/synthetic'
STAGE_ONE = CONFIGS / 'aavs_tiny_ms3-96x96.py'
STAGE_TWO = CONFIGS / 'aavs_tiny_stage2_avss-96x96.py'
ABLATION = CONFIGS / 'aavs_tiny_stage2_avss-96x96_no-robust-key.py'
#: Of each subset: 2 training clips, 1 to validate on and 1 to test on.
CLIPS = [
    Clip(subset, split, f'{split}-{i}', class_id, (32, 32))
    for subset, class_id in (('v1s', 17), ('v1m', 28))
    for split, count in (('train', 2), ('val', 1), ('test', 1))
    for i in range(count)
]


def _settings(folder):
    """Two epochs of single clips, so stage one has 2 and stage two 4 steps."""
    settings = ['train_cfg.max_epochs=2', 'train_cfg.val_interval=1']
    settings += ['train_dataloader.batch_size=1']
    for split in ('train', 'val', 'test'):
        loader = f'{split}_dataloader'
        settings += [f'{loader}.dataset.data_root={folder}/data']
        settings += [f'{loader}.num_workers=0']
    return settings


def _run(folder, name, kill=None, stage_two=STAGE_TWO):
    """Run the tool in ``folder/name``; return exit code and commands."""
    work_dir = folder / name
    logs = folder / f'{name}-logs-{len(list(folder.glob(f"{name}-logs-*")))}'
    arguments = [STAGE_ONE, stage_two, '--work-dir', work_dir]
    arguments += ['--subsets', 'v1s', 'v1m', '--cfg-options']
    process = _PROCESSES.Process(
        target=run_stages,
        args=(
            [str(a) for a in [*arguments, *_settings(folder)]],
            kill,
            str(logs),
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        # the process that the others are forked from looks only there
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    process.join()
    commands = sorted(path.name for path in logs.glob('[0-9]*.txt'))
    return process.exitcode, len(commands)


def _only(work_dir, name):
    (path,) = work_dir.glob(name)
    return path


def _metrics(work_dir):
    path = _only(work_dir, 'stage_two-*/tested.json')
    return json.loads(path.read_text())['metrics']


def _weights(work_dir, stage):
    folder = _only(work_dir, f'{stage}-*')
    record = json.loads((folder / 'trained.json').read_text())
    path = folder / record['checkpoint']
    return torch.load(path, weights_only=True)['state_dict']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with data and, in ``alone``, an undisturbed run."""
    folder = tmp_path_factory.mktemp('stages')
    write_avsbench_tree(folder / 'data', CLIPS)
    code, commands = _run(folder, 'alone')
    # Training and masks of either subset, then training and test.
    assert (code, commands) == (0, 6)
    return folder


def test_an_undisturbed_run_leaves_masks_and_metrics(folder):
    masks = folder / 'alone' / 'masks'
    clips = json.loads((masks / 'index.json').read_text())['clips']
    listed = sorted((c['subset'], c['split'], c['clip_id']) for c in clips)
    assert listed == sorted((c.subset, c.split, c.uid) for c in CLIPS)
    made_by = {(c['subset'], c['checkpoint_hash']) for c in clips}
    assert len(made_by) == len({made for _, made in made_by}) == 2
    metrics = _metrics(folder / 'alone')
    assert metrics['dataset/mIoU'] > 0
    assert 'stepping_stones/mIoU' in metrics


def test_killed_in_every_step_it_ends_in_the_same_numbers(folder):
    """From the second run on, command 0 is the one that was cut off."""
    kills = [
        Kill(0, 3),  # training on v1s, in its second epoch
        Kill(1, 3),  # masks of v1s, two clips of four written
        Kill(1, 1, only_parent=True),  # training on v1m, which lives on
        Kill(1, 2),  # that training has nothing left to do; masks of v1m
        # Without an index that of v1s is asked for again, in command 0.
        Kill(2, 6),  # training of stage two, in its second epoch
        Kill(1, 1),  # test
    ]
    for kill in kills:
        code, commands = _run(folder, 'killed', kill)
        assert (code, commands) == (-signal.SIGKILL, kill.command + 1), kill
    assert _run(folder, 'killed') == (0, 1)

    killed, alone = folder / 'killed', folder / 'alone'
    assert _metrics(killed) == _metrics(alone)
    for stage in ('stage_one_v1s', 'stage_one_v1m', 'stage_two'):
        ours, theirs = _weights(killed, stage), _weights(alone, stage)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            assert ours[name].equal(theirs[name]), (stage, name)
    masks = sorted(path for path in (alone / 'masks').rglob('*.png'))
    assert len(masks) == len(CLIPS) * 5
    for path in masks:
        other = killed / path.relative_to(alone)
        assert path.read_bytes() == other.read_bytes(), path
    assert len(list((killed / 'masks').rglob('*.png'))) == len(masks)


def test_steps_that_are_done_are_skipped(folder):
    """All of them; or, with another stage two, those of stage one."""
    work_dir = folder / 'alone'
    before = _metrics(work_dir)
    assert _run(folder, 'alone') == (0, 0)
    tested = _only(work_dir, 'stage_two-*/tested.json')
    assert _run(folder, 'alone', stage_two=ABLATION) == (0, 2)
    assert len(list(work_dir.glob('stage_two-*/tested.json'))) == 2

    # What is lost is made again: the test, and the index, from the masks.
    tested.unlink()
    (work_dir / 'masks' / 'index.json').unlink()
    assert _run(folder, 'alone') == (0, 2)
    assert json.loads(tested.read_text())['metrics'] == before


def _command(name, tool, *arguments):
    launcher = Launcher(name, 8, 'gpus', 3, toy_training.ROOT / 'tools')
    return launcher.command(tool, *arguments)


def test_launchers_get_the_number_of_processes():
    tools = toy_training.ROOT / 'tools'
    train = ('c.py', '--resume')
    test = ('c.py', 'c.pth', '--out', 'm.json')
    assert _command('none', 'train', *train) == [
        *(sys.executable, f'{tools}/train.py', *train)
    ]
    assert _command('pytorch', 'train', *train) == [
        *('bash', f'{tools}/dist_train.sh', 'c.py', '8', '--resume')
    ]
    assert _command('pytorch', 'test', *test) == [
        *('bash', f'{tools}/dist_test.sh', 'c.py', 'c.pth', '8'),
        *('--out', 'm.json'),
    ]
    assert _command('slurm', 'test', *test) == [
        *('bash', f'{tools}/slurm_test.sh', 'gpus', 'test', *test)
    ]
