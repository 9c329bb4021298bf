"""A training of milliseconds that uses every random state.

The model has the two kinds of adapters of AAVS, the data depend on the epoch,
and the metric is noisy, so the best epoch is not always the last.
"""

import contextlib
import gc
import os
import random
import runpy
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import mmavs  # noqa: F401  registers everything
import mmseg.datasets
import mmseg.engine
import mmseg.evaluation
import mmseg.visualization  # noqa: F401  once instead of in every process
import numpy as np
import torch
import torch._dynamo  # takes a second, once instead of in every process
import torch.utils.cpp_extension
from mmavs import atomic_file
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS
from torch import Tensor, nn
from torch.utils.data import Dataset

from support.quick_mmengine import as_lines, quick_mmengine

ROOT = Path(__file__).parents[2]
NUM_ITEMS = 8


def _adapter(channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(channels, 2), nn.GELU(), nn.Linear(2, channels)
    )


class _Part(nn.Module):
    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(4, out_channels)
        self.adapter = _adapter(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x)
        return x + self.adapter(x)


@MODELS.register_module()
class ToyModel(BaseModel):
    """89 parameters.

    Backbone: linear 4*4+4 = 20, adapter 4*2+2 + 2*4+4 = 22; head: as many;
    class embedding 4+1 = 5. Trainable in phase one are the head's adapter and
    the class embedding, 22 + 5 = 27; in phase two 27 + 22 = 49.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = _Part(4)
        self.decode_head = _Part(4)
        self.cls_embed = nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 1))

    def forward(
        self,
        inputs: list[Tensor],
        data_samples: None = None,
        mode: str = 'tensor',
    ) -> dict | list:
        inputs = torch.stack(inputs)
        if mode == 'loss':
            noise = torch.rand(()) + np.random.rand() + random.random()
            inputs = inputs + 0.1 * float(noise)
        score = self.cls_embed(self.decode_head(self.backbone(inputs)))
        if mode == 'loss':
            return dict(loss=(score - inputs.sum(1, keepdim=True)).square())
        return list(score)


@DATASETS.register_module()
class ToyDataset(Dataset):
    """Vectors of 4 that depend on (epoch, index)."""

    def __init__(self) -> None:
        # seen by persistent workers, as in AVSBenchDataset
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        return int(self._epoch)

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return NUM_ITEMS

    def __getitem__(self, index: int) -> dict:
        generator = np.random.default_rng([self.epoch, index])
        vector = generator.normal(size=4).astype(np.float32)
        return dict(inputs=torch.from_numpy(vector))


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Varies rapidly with the predictions; also uses the random states."""

    def process(self, data_batch: dict, data_samples: Sequence) -> None:
        self.results += [float(score) for score in data_samples]

    def compute_metrics(self, results: list) -> dict:
        random.random(), np.random.rand(7)
        torch.rand(5)
        return {'split/mIoU': float(np.sin(100 * np.mean(results)))}


#: (event, epoch from 0) at which a process of `run_tool` kills itself
_KILL_AT: list[tuple[str, int]] = []


def _kill(event: str, epoch: int) -> None:
    if (event, epoch) in _KILL_AT:
        os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class ToyKillHook(Hook):
    """kill -9 in the middle of an epoch, of a validation, or of a save."""

    priority = 'VERY_HIGH'

    def after_train_iter(self, runner, batch_idx, **kwargs) -> None:
        if batch_idx == 1:
            _kill('train', runner.epoch)

    def before_val(self, runner) -> None:
        _kill('val', runner.epoch - 1)

    def after_train_epoch(self, runner) -> None:
        def half_written(descriptor: int) -> None:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            _kill('save', runner.epoch)

        if ('save', runner.epoch) in _KILL_AT:
            atomic_file.os.fsync = half_written


@HOOKS.register_module()
class ToyBlockHook(Hook):
    """Put a file where a folder was, once the test has its metrics."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def after_test_epoch(self, runner, metrics=None) -> None:
        self.folder.rmdir()
        self.folder.touch()


@HOOKS.register_module()
class ToyRankHook(Hook):
    """Keep what every process ends with, to compare."""

    def after_train(self, runner) -> None:
        model = getattr(runner.model, 'module', runner.model)
        path = Path(runner.work_dir, f'rank_{runner.rank}.pth')
        torch.save(model.state_dict(), path)


def two_phase(**options: object) -> dict:
    """Config of the two-phase hook for the toy model."""
    return dict(
        type='TwoPhaseTuningHook',
        trainable=['adapter', 'cls_embed'],
        backbone_adapters=r'^backbone\..*adapter',
        **options,
    )


def toy_loader(**changes: object) -> dict:
    """Config of the toy's data loader."""
    loader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='ToyDataset'),
    )
    return {**loader, **changes}


def write_config(folder: Path, **changes: object) -> Path:
    """Write a config of 4 epochs of 4 iterations, phase two from epoch 2."""
    loader = toy_loader()
    settings = dict(
        _base_=[str(ROOT / 'configs/_base_/default_runtime.py')],
        custom_imports=dict(
            imports=['mmavs', 'support.toy_training'],
            allow_failed_imports=False,
        ),
        model=dict(type='ToyModel'),
        train_dataloader=loader,
        val_dataloader=loader,
        test_dataloader=loader,
        val_evaluator=dict(type='ToyMetric'),
        test_evaluator=dict(type='ToyMetric'),
        train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=1),
        val_cfg=dict(),
        test_cfg=dict(),
        optim_wrapper=dict(
            type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01)
        ),
        custom_hooks=[
            two_phase(switch_epoch=2, phase2_lr=0.001),
            dict(type='ToyKillHook'),
            dict(type='ToyRankHook'),
        ],
    )
    settings.update(changes)
    path = folder / 'toy.py'
    path.write_text(as_lines(settings))
    return path


def build_runner(folder: Path, **changes: object) -> Runner:
    """Build a runner with work dir ``folder``, to train in this process."""
    folder.mkdir(exist_ok=True)
    cfg = Config.fromfile(write_config(folder, **changes))
    cfg.work_dir = str(folder)
    # mmengine's singletons are found by this name
    cfg.experiment_name = cfg.get('experiment_name', folder.as_posix())
    return Runner.from_cfg(cfg)


def run_tool(
    tool: str, arguments: Sequence[str], kill_at: tuple[str, int] | None, log
) -> None:
    """Run ``tools/<tool>``; the target of a process of its own."""
    if kill_at is not None:
        _KILL_AT.append(kill_at)
    sys.argv = [tool, *arguments]
    # What this process was forked with is not garbage.
    gc.freeze()
    # Python puts the script's folder first.
    sys.path.insert(0, str(ROOT / 'tools'))
    with (
        open(log, 'w') as file,
        contextlib.redirect_stderr(file),
        contextlib.ExitStack() as stack,
        quick_mmengine(),
    ):
        stack.push(_print_traceback)
        runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')


def _print_traceback(kind, error, trace) -> None:
    """Write an error to the log; multiprocessing has a stderr of its own."""
    if kind is not None:
        traceback.print_exception(kind, error, trace)
