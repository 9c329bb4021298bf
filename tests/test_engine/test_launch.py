"""Configs from command lines."""

import argparse
import importlib.util
import subprocess
from pathlib import Path

import pytest
import torch
from mmavs.engine import add_launch_arguments, joined_processes, load_config
from mmengine.config import Config

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def train_tool():
    spec = importlib.util.spec_from_file_location('tool', TOOLS / 'train.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _load(tmp_path, *options, text='a = dict(b=1)'):
    (tmp_path / 'some_config.py').write_text(text)
    parser = argparse.ArgumentParser()
    add_launch_arguments(parser)
    path = str(tmp_path / 'some_config.py')
    return load_config(parser.parse_args([path, *options]))


def test_work_dir_is_the_configs_name_unless_given(tmp_path):
    assert _load(tmp_path).work_dir == 'work_dirs/some_config'
    text = "work_dir = 'from/config'"
    assert _load(tmp_path, text=text).work_dir == 'from/config'
    cfg = _load(tmp_path, '--work-dir', 'mine', text=text)
    assert cfg.work_dir == 'mine'


def test_nested_settings_are_overridden(tmp_path):
    cfg = _load(tmp_path, '--cfg-options', 'a.b=2', 'a.c="[3,4]"')
    assert cfg.a == dict(b=2, c=[3, 4])


_DATA = """
data_root = 'a'
train_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
"""


def test_data_root_reaches_the_loaders(tmp_path):
    """data_root was already substituted when the option is applied."""
    nested = 'test_dataloader.dataset.data_root=c'
    cfg = _load(tmp_path, '--cfg-options', 'data_root=b', text=_DATA)
    assert cfg.train_dataloader.dataset.data_root == 'b'
    assert cfg.test_dataloader.dataset.data_root == 'b'
    cfg = _load(tmp_path, '--cfg-options', 'data_root=b', nested, text=_DATA)
    assert cfg.train_dataloader.dataset.data_root == 'b'
    assert cfg.test_dataloader.dataset.data_root == 'c'


def test_one_process_needs_nothing():
    cfg = Config(dict(launcher='none'))
    with joined_processes(cfg):
        pass
    assert 'model_wrapper_cfg' not in cfg


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_cluster_launchers_need_cuda(monkeypatch, launcher):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    processes = joined_processes(Config(dict(launcher=launcher)))
    with pytest.raises(ValueError, match=f'{launcher} needs CUDA.*dist_tra'):
        processes.__enter__()


def test_processes_part_when_the_work_is_done(tmp_path, monkeypatch):
    """The process group is destroyed before the interpreter ends.

    After an error, no process waits for the others.
    """
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = Config(dict(launcher='pytorch'))
    group = torch.distributed
    group.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/meet', rank=0, world_size=1
    )
    with pytest.raises(KeyError), joined_processes(cfg):
        raise KeyError
    assert group.is_initialized()
    with joined_processes(cfg):
        assert cfg.model_wrapper_cfg.device_ids is None
    assert not group.is_initialized()


def test_resume_from_the_last_or_a_given_checkpoint(train_tool, tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), load_from='pretrained.pth'))
    train_tool.set_resume(cfg, None)
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')
    # no checkpoint to resume from: start from the pretrained weights
    train_tool.set_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')
    (tmp_path / 'last_checkpoint').write_text('some/epoch_3.pth')
    train_tool.set_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (True, 'some/epoch_3.pth')
    # of a copied work dir, the copy's own file
    (tmp_path / 'epoch_3.pth').touch()
    train_tool.set_resume(cfg, 'auto')
    assert cfg.load_from == str(tmp_path / 'epoch_3.pth')
    train_tool.set_resume(cfg, 'given.pth')
    assert (cfg.resume, cfg.load_from) == (True, 'given.pth')


def test_resume_of_a_config_is_not_overruled(train_tool, tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), resume=True, load_from='a.pth'))
    train_tool.set_resume(cfg, None)
    assert (cfg.resume, cfg.load_from) == (True, 'a.pth')
    (tmp_path / 'last_checkpoint').write_text('some/epoch_3.pth')
    cfg.load_from = None
    train_tool.set_resume(cfg, None)
    assert (cfg.resume, cfg.load_from) == (True, 'some/epoch_3.pth')


def test_amp_exchanges_the_wrapper(train_tool, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config(dict(optim_wrapper=dict(type='OptimWrapper', clip_grad=1)))
    train_tool.set_amp(cfg)
    assert cfg.optim_wrapper == dict(
        type='AmpOptimWrapper', clip_grad=1, loss_scale='dynamic'
    )
    cfg.optim_wrapper.type = 'Other'
    with pytest.raises(ValueError, match="type='Other'"):
        train_tool.set_amp(cfg)


def test_amp_without_cuda_is_bfloat16(train_tool, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    wrapper = dict(type='AmpOptimWrapper', loss_scale='dynamic', clip_grad=1)
    cfg = Config(dict(optim_wrapper=wrapper))
    train_tool.set_amp(cfg)
    assert cfg.optim_wrapper == dict(type='BFloat16OptimWrapper', clip_grad=1)


@pytest.mark.parametrize(
    ('script', 'arguments', 'expected'),
    [
        (
            'slurm_train.sh',
            ['part', 'name', 'c.py', '--amp'],
            'srun -p part --job-name=name --gres=gpu:4 --ntasks=8 '
            '--ntasks-per-node=4 --cpus-per-task=5 --kill-on-bad-exit=1 '
            'python -u {tools}/train.py c.py --launcher slurm --amp',
        ),
        (
            'slurm_test.sh',
            ['part', 'name', 'c.py', 'k.pth', '--out', 'm.json'],
            'srun -p part --job-name=name --gres=gpu:4 --ntasks=8 '
            '--ntasks-per-node=4 --cpus-per-task=5 --kill-on-bad-exit=1 '
            'python -u {tools}/test.py c.py k.pth --launcher slurm '
            '--out m.json',
        ),
    ],
)
def test_slurm_scripts(tmp_path, script, arguments, expected):
    """A replacement for srun prints its command line."""
    (tmp_path / 'srun').write_text('#!/bin/sh\necho srun "$@"\n')
    (tmp_path / 'srun').chmod(0o755)
    done = subprocess.run(
        ['bash', TOOLS / script, *arguments],
        env=dict(PATH=f'{tmp_path}:/usr/bin:/bin', GPUS='8'),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected.format(tools=TOOLS)


@pytest.mark.parametrize(
    ('environment', 'meeting'),
    [
        ({}, '--standalone --local-addr=127.0.0.1'),
        (
            dict(PORT='29501'),
            '--nnodes=1 --node_rank=0 --master_addr=127.0.0.1 '
            '--master_port=29501',
        ),
        (
            dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='10.0.0.1'),
            '--nnodes=2 --node_rank=1 --master_addr=10.0.0.1 '
            '--master_port=29500',
        ),
    ],
)
@pytest.mark.parametrize(
    ('script', 'arguments', 'expected'),
    [
        (
            'dist_train.sh',
            ['c.py', '8', '--amp'],
            'train.py c.py --launcher pytorch --amp',
        ),
        (
            'dist_test.sh',
            ['c.py', 'k.pth', '8', '--out', 'm.json'],
            'test.py c.py k.pth --launcher pytorch --out m.json',
        ),
    ],
)
def test_dist_scripts(
    tmp_path, script, arguments, expected, environment, meeting
):
    """A replacement for Python; the port is fixed only where needed."""
    (tmp_path / 'echo_words').write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / 'echo_words').chmod(0o755)
    done = subprocess.run(
        ['bash', TOOLS / script, *arguments],
        env=dict(
            PATH='/usr/bin:/bin',
            PYTHON=str(tmp_path / 'echo_words'),
            **environment,
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (
        f'-m torch.distributed.run {meeting} --nproc_per_node=8 '
        f'{TOOLS}/{expected}'
    )


@pytest.mark.parametrize(
    ('script', 'arguments', 'environment', 'expected'),
    [
        ('dist_train.sh', [], {}, 'usage: dist_train.sh CONFIG GPUS ['),
        ('dist_train.sh', ['c.py'], {}, 'usage: dist_train.sh CONFIG GPUS ['),
        ('dist_train.sh', ['c.py', '0'], {}, 'error: GPUS must be 1 or m'),
        ('dist_train.sh', ['c.py', '--amp'], {}, "got '--amp'\nusage: dist_t"),
        ('dist_test.sh', ['c.py', 'k.pth'], {}, 'CONFIG CHECKPOINT GPUS ['),
        ('dist_test.sh', ['c.py', 'k.pth', '-1'], {}, "more, got '-1'"),
        ('slurm_train.sh', ['p', 'n'], {}, 'PARTITION JOB_NAME CONFIG ['),
        ('slurm_test.sh', ['p', 'n', 'c.py'], {}, 'JOB_NAME CONFIG CHECKPOIN'),
        (
            'slurm_train.sh',
            ['p', 'n', 'c.py'],
            dict(GPUS='none'),
            "error: GPUS must be 1 or more, got 'none'",
        ),
        (
            'slurm_test.sh',
            ['p', 'n', 'c.py', 'k.pth'],
            dict(GPUS_PER_NODE='0'),
            "error: GPUS_PER_NODE must be 1 or more, got '0'",
        ),
    ],
)
def test_scripts_check_their_arguments(
    script, arguments, environment, expected
):
    done = subprocess.run(
        ['bash', TOOLS / script, *arguments],
        env=dict(PATH='/usr/bin:/bin', PYTHON='false', **environment),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stdout == ''
