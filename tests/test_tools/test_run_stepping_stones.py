"""Both stages with one command, which is killed in every step."""

import json
import multiprocessing
import os
import re
import signal
import sys

import pytest
import torch
from mmavs.datasets.folds import assign_folds
from mmavs.engine.launcher import Launcher
from mmengine.config import Config
from PIL import Image
from support import toy_training
from support.avsbench_tree import Clip, write_avsbench_tree
from support.staged_runs import Kill, run_stages
from support.tries import run_tool

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(
    ['support.toy_training', 'support.staged_runs']
)

CONFIGS = toy_training.ROOT / 'configs/synthetic'
STAGE_ONE = CONFIGS / 'aavs_tiny_ms3-96x96.py'
STAGE_TWO = CONFIGS / 'aavs_tiny_stage2_avss-96x96.py'
#: Makes the decoder of AAVS quick.
ONE_LAYER = 'model.decode_head.transformer_decoder.num_layers=1'
ABLATION = CONFIGS / 'aavs_tiny_stage2_avss-96x96_no-robust-key.py'
#: Of each subset: 2 training clips, 1 to validate on and 1 to test on.
CLIPS = [
    Clip(subset, split, f'{split}-{i}', class_id, (32, 32))
    for subset, class_id in (('v1s', 17), ('v1m', 28))
    for split, count in (('train', 2), ('val', 1), ('test', 1))
    for i in range(count)
]


def _settings(folder, max_epochs):
    """Epochs of single clips: two steps of stage one, four of stage two."""
    settings = [f'train_cfg.max_epochs={max_epochs}']
    settings += ['train_cfg.val_interval=1']
    settings += ['train_dataloader.batch_size=1']
    for split in ('train', 'val', 'test'):
        loader = f'{split}_dataloader'
        settings += [f'{loader}.dataset.data_root={folder}/data']
        settings += [f'{loader}.num_workers=0']
    return settings


def _run(
    folder,
    name,
    kill=None,
    stage_one=STAGE_ONE,
    stage_two=STAGE_TWO,
    options=('--subsets', 'v1s', 'v1m'),
    max_epochs=2,
    settings=(ONE_LAYER,),
):
    """Run the tool in ``folder/name``; return exit code and commands."""
    work_dir = folder / name
    logs = folder / f'{name}-logs-{len(list(folder.glob(f"{name}-logs-*")))}'
    arguments = [stage_one, stage_two, '--work-dir', work_dir]
    arguments += [*options, '--cfg-options', *settings]
    process = _PROCESSES.Process(
        target=run_stages,
        args=(
            [str(a) for a in [*arguments, *_settings(folder, max_epochs)]],
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


def _metrics(work_dir, name='stage_two'):
    path = _only(work_dir, f'{name}-*/result.json')
    (run,) = json.loads(path.read_text())['runs']
    return run['metrics']


def _weights(work_dir, stage):
    folder = _only(work_dir, f'{stage}-*')
    record = json.loads((folder / 'trained.json').read_text())
    path = folder / record['checkpoint']
    return torch.load(path, weights_only=True)['state_dict']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with data and, in ``alone``, an uninterrupted run."""
    folder = tmp_path_factory.mktemp('stages')
    write_avsbench_tree(folder / 'data', CLIPS)
    code, commands = _run(folder, 'alone')
    # Training and masks of either subset, then training and test.
    assert (code, commands) == (0, 6)
    return folder


@pytest.mark.slow
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


@pytest.mark.slow
def test_killed_in_every_step_it_ends_in_the_same_numbers(folder):
    """From the second run on, command 0 is the interrupted one."""
    kills = [
        Kill(0, 3),  # training on v1s, in its second epoch
        Kill(1, 3),  # masks of v1s, two clips of four written
        Kill(1, 1, only_parent=True),  # training on v1m, which goes on
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


@pytest.mark.slow
def test_steps_that_are_done_are_skipped(folder):
    """All steps; or, with another stage two, those of stage one."""
    work_dir = folder / 'alone'
    tested = _only(work_dir, 'stage_two-*/result.json')
    before = json.loads(tested.read_text())
    assert _run(folder, 'alone') == (0, 0)
    assert _run(folder, 'alone', stage_two=ABLATION) == (0, 2)
    assert len(list(work_dir.glob('stage_two-*/result.json'))) == 2

    # Lost results are recomputed: the test, and the index from the masks.
    tested.unlink()
    (work_dir / 'masks' / 'index.json').unlink()
    assert _run(folder, 'alone') == (0, 2)
    assert json.loads(tested.read_text()) == before


#: Stage two of any system: the single stage with a prior.
OTHER_STAGE_TWO = """
_base_ = [{base!r}]

model = dict(
    decode_head=dict(
        mask_prior=dict(
            type='MaskPrior', robust_key=False, init_attention=False
        )
    )
)
pipeline = _base_.stage_two_pipeline
from_truth = dict(pipeline=pipeline, mask_prior=dict(source='truth'))
from_files = dict(pipeline=pipeline, mask_prior=dict(source='files'))
train_dataloader = dict(dataset=from_truth)
val_dataloader = dict(dataset=from_files)
test_dataloader = dict(dataset=from_files)
"""


@pytest.mark.slow
def test_other_systems_soft_masks_and_options_of_one_stage(folder):
    """No step is specific to AAVS; each subset can have its own config."""
    two = folder / 'tpavi_stage2.py'
    base = str(CONFIGS / 'tpavi_tiny_avss-96x96.py')
    two.write_text(OTHER_STAGE_TWO.format(base=base))
    noise = 'train_dataloader.dataset.mask_prior'
    code, commands = _run(
        folder,
        'other',
        stage_two=two,
        settings=(),
        options=(
            *('--subsets', 'v1m', '--soft', '--stage-one-for'),
            f'v1m={CONFIGS / "avsegformer_tiny_ms3-96x96.py"}',
            *('--stage-one-options', 'optim_wrapper.optimizer.lr=0.002'),
            *('--stage-two-options', f'{noise}.source=degraded'),
            f'{noise}.iou=[0.5,0.9]',
        ),
    )
    assert (code, commands) == (0, 4)
    work_dir = folder / 'other'
    index = json.loads((work_dir / 'masks' / 'index.json').read_text())
    assert {clip['mode'] for clip in index['clips']} == {'soft'}
    assert {clip['split'] for clip in index['clips']} == {
        *('train', 'val', 'test')
    }
    # Two steps train little; the score may be 0 in one family of packages.
    assert 0 <= _metrics(work_dir)['dataset/mIoU'] < 1
    one = Config.fromfile(_only(work_dir, 'stage_one_v1m-*/*.py'))
    assert one.model.decode_head.type == 'AVSegFormerHead'
    assert one.optim_wrapper.optimizer.lr == 0.002
    cfg = Config.fromfile(_only(work_dir, 'stage_two-*/*.py'))
    assert cfg.model.decode_head.type == 'TPAVIHead'
    assert cfg.optim_wrapper.optimizer.lr == 0.001
    assert cfg.train_dataloader.dataset.mask_prior.iou == [0.5, 0.9]


@pytest.mark.slow
def test_a_model_of_all_classes_takes_the_place_of_stage_one(folder):
    options = ('--subsets', 'v1m', '--merge-classes')
    options += ('--initialise-from', 'v1m')
    config = CONFIGS / 'aavs_tiny_avss-96x96.py'
    code, commands = _run(
        folder, 'merged', stage_one=config, options=options, max_epochs=1
    )
    assert (code, commands) == (0, 4)
    work_dir = folder / 'merged'
    masks = [*(work_dir / 'masks/v1m').glob('*/*.png')]
    assert len(masks) == 4 * 5
    for path in masks:
        assert {*Image.open(path).tobytes()} <= {0, 255}
    one = _only(work_dir, 'stage_one_v1m-*')
    logs = work_dir.glob('stage_two_from_v1m-*/*/*.log')
    wanted = f'Load checkpoint from {one}'
    assert any(wanted in log.read_text() for log in logs)
    assert 'dataset/mIoU' in _metrics(work_dir, 'stage_two_from_v1m')


@pytest.mark.slow
def test_cross_fitted_masks_come_from_models_without_the_clip(folder):
    """v1m has two training clips, so each model is trained on one of them."""
    options = ('--subsets', 'v1m', '--cross-fit', '2')
    options += ('--initialise-from', 'v1m')
    # Killed in the second fold's training: the first fold's masks are there.
    code, commands = _run(folder, 'crossed', Kill(4, 2), options=options)
    assert (code, commands) == (-signal.SIGKILL, 5)
    # That training, its masks, then training and test of stage two.
    assert _run(folder, 'crossed', options=options) == (0, 4)
    assert _run(folder, 'crossed', options=options) == (0, 0)

    work_dir = folder / 'crossed'
    index = json.loads((work_dir / 'masks_cross_fit_2/index.json').read_text())
    made_by = {
        clip['clip_id']: clip['checkpoint_hash'] for clip in index['clips']
    }
    assert set(made_by) == {'train-0', 'train-1'}
    cfg = Config.fromfile(_only(work_dir, 'stage_two_from_v1m-*/*.py'))
    check = cfg.default_hooks.mask_prior_check
    folds = assign_folds(index['clips'], 2)
    for name, checkpoint in made_by.items():
        fold = folds['v1m', 'train', name]
        assert check.expect_held_out.v1m[fold] == checkpoint
        record = _only(work_dir, f'stage_one_v1m_fold_2_{fold}-*/trained.json')
        assert json.loads(record.read_text())['hash'] == checkpoint
    one = _only(work_dir, 'stage_one_v1m-*/trained.json')
    assert check.expect_checkpoint.v1m == json.loads(one.read_text())['hash']
    priors = [
        cfg[f'{split}_dataloader'].dataset.mask_prior
        for split in ('train', 'val', 'test')
    ]
    assert {prior.source for prior in priors} == {'files'}
    assert [prior.root.rpartition('/')[2] for prior in priors] == [
        *('masks_cross_fit_2', 'masks', 'masks')
    ]
    logs = work_dir.glob('stage_two_from_v1m-*/*/*.log')
    wanted = f'Load checkpoint from {one.parent}'
    assert any(wanted in log.read_text() for log in logs)
    assert 'dataset/mIoU' in _metrics(work_dir, 'stage_two_from_v1m')


@pytest.mark.slow
def test_stages_that_do_not_fit_stop_before_anything_is_trained(folder):
    options = (
        '--stage-one-options',
        'test_dataloader.dataset.pipeline.4.mask_size=[48,48]',
    )
    code, commands = _run(folder, 'unfit', options=options)
    assert (code, commands) == (1, 0)
    (log,) = folder.glob('unfit-logs-*/tool.txt')
    assert (
        'aavs_tiny_stage2_avss-96x96.py takes masks of (96, 96), but '
        f'{STAGE_ONE} predicts masks of (48, 48)'
    ) in log.read_text()


@pytest.mark.parametrize(
    ('stage_one', 'options', 'message'),
    [
        (
            'tpavi_tiny_ms3-96x96.py',
            ('--merge-classes',),
            r'merging classes needs .*got \(1, h, w\) for .*tiny_ms3.*; '
            'leave out --merge-classes',
        ),
        (
            'aavs_tiny_avss-96x96.py',
            (),
            r'binary segmentation needs .*got \(71, h, w\) for .*tiny_avss.*;'
            ' merge the classes of a semantic model: --merge-classes',
        ),
    ],
)
def test_classes_that_do_not_fit_stop_before_anything_is_trained(
    tmp_path, stage_one, options, message
):
    code, commands = _run(
        tmp_path,
        'classes',
        stage_one=CONFIGS / stage_one,
        options=options,
        settings=(),
    )
    assert (code, commands) == (1, 0)
    (log,) = tmp_path.glob('classes-logs-*/tool.txt')
    assert re.search(message, log.read_text())


@pytest.mark.slow
def test_a_stage_one_in_place_of_stage_two_is_refused(folder):
    """It would be trained and tested without masks."""
    code, commands = _run(folder, 'twice', stage_two=STAGE_ONE)
    assert (code, commands) == (1, 0)
    (log,) = folder.glob('twice-logs-*/tool.txt')
    assert (
        f'{STAGE_ONE} does not use the masks of stage one: expected a config '
        'of stage two'
    ) in log.read_text()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--subsets', 'v9'), "--subsets: AVSBenchDataset has.*got .'v9'"),
        (
            ('--stage-one-for', 'v9=one.py'),
            "--stage-one-for: AVSBenchDataset has.*got .'v9'",
        ),
        (
            ('--subsets', 'v1s', '--initialise-from', 'v1m'),
            r"--initialise-from: .* of the subsets \['v1s'\].*got 'v1m'",
        ),
    ],
)
def test_unknown_subsets_stop_before_anything_is_trained(
    tmp_path, options, message
):
    code, commands = _run(tmp_path, 'unknown', options=options)
    assert (code, commands) == (1, 0)
    (log,) = tmp_path.glob('unknown-logs-*/tool.txt')
    assert re.search(message, log.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--cross-fit', '1'), 'at least 2, got 1'),
        (('--cross-fit', '3'), 'got 3 folds and 2 clips'),
        (
            (
                *('--cross-fit', '2', '--stage-two-options'),
                'train_dataloader.dataset.mask_prior.source=none',
            ),
            r"--cross-fit: expected .* got {'source': 'none'}",
        ),
    ],
)
def test_folds_that_cannot_be_made_stop_before_anything_is_trained(
    folder, options, message
):
    count = len(list(folder.glob('unfolded-logs-*')))
    code, commands = _run(folder, 'unfolded', options=options)
    assert (code, commands) == (1, 0)
    log = folder / f'unfolded-logs-{count}/tool.txt'
    assert re.search(message, log.read_text())


@pytest.mark.slow
@pytest.mark.skipif(
    torch.cuda.is_available(), reason='checks what happens without CUDA'
)
def test_two_processes_reach_every_step(folder):
    """Two training clips: one step, where one process needs two."""
    options = ('--subsets', 'v1m', '--launcher', 'pytorch', '--nproc', '2')
    code, commands = _run(folder, 'two', options=options, max_epochs=1)
    # Training and masks, training and test.
    assert (code, commands) == (0, 4)
    assert len(list(folder.glob('two-logs-*/*.txt.1'))) == 4
    work_dir = folder / 'two'
    for stage in ('stage_one_v1m', 'stage_two'):
        path = _only(work_dir, f'{stage}-*/epoch_1.pth')
        meta = torch.load(path, weights_only=False)['meta']
        assert (meta['epoch'], meta['iter']) == (1, 1)
    clips = json.loads((work_dir / 'masks/index.json').read_text())['clips']
    assert len(clips) == sum(clip.subset == 'v1m' for clip in CLIPS) == 4
    assert 'dataset/mIoU' in _metrics(work_dir)


@pytest.mark.slow
def test_slurm_gets_the_training(folder, tmp_path, monkeypatch, capsys):
    """A replacement for srun writes its command line and fails."""
    srun = tmp_path / 'srun'
    srun.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nexit 3\n')
    srun.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    # Slurm's scripts must be found from any working directory.
    monkeypatch.chdir(folder)
    words = [STAGE_ONE, STAGE_TWO, '--work-dir', folder / 'slurm']
    words += ['--subsets', 'v1m', '--launcher', 'slurm', '--nproc', '8']
    words += ['--partition', 'gpus', '--cfg-options', *_settings(folder, 1)]
    outcome = run_tool(
        'run_stepping_stones.py', [str(word) for word in words], capsys
    )
    assert outcome.code == 1
    assert 'ended with 3. Once the cause is removed' in outcome.err
    words = (tmp_path / 'words').read_text().split()
    assert words[:5] == [
        *('-p', 'gpus', '--job-name=train'),
        *('--gres=gpu:4', '--ntasks=8'),
    ]
    python = words.index(sys.executable)
    assert words[python : python + 6] == [
        *(sys.executable, '-u', f'{toy_training.ROOT}/tools/train.py'),
        *(str(STAGE_ONE), '--launcher', 'slurm'),
    ]
    assert 'train_dataloader.dataset.subsets=[v1m]' in words


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
