"""Position of a training in its data, and its continuation on resume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.hooks import IterTimerHook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmavs.checkpoint_weights import count_fitting, get_weights
from mmavs.datasets import iter_datasets

#: Attributes of mmengine's schedulers that count steps.
_STEP_COUNTS = (
    *('begin', 'end', 'last_step', '_global_step'),
    *('T_max', 'total_iters', 'step_size'),
)
#: Value of ``end`` in mmengine's schedules that have no end.
_NO_END = int(1e9)


class Division(NamedTuple):
    """How a training divides its data into iterations.

    Attributes:
        processes (int): Number of processes.
        batch_size (int | None): Clips in a batch of one process; None if
            unknown, as in old checkpoints.
        num_clips (int | None): Clips in the data set; None if unknown.
        iters_per_epoch (int): Iterations of each process in one epoch.
    """

    processes: int
    batch_size: int | None
    num_clips: int | None
    iters_per_epoch: int

    @classmethod
    def of_runner(cls, runner: Runner) -> Division:
        """Read it from a runner whose train loop is built."""
        loader = runner.train_dataloader
        return cls(
            processes=runner.world_size,
            batch_size=getattr(loader.batch_sampler, 'batch_size', None),
            num_clips=len(loader.dataset),
            iters_per_epoch=len(loader),
        )

    @classmethod
    def of_checkpoint(cls, state: dict[str, Any]) -> Division:
        """Read it from a checkpoint's state; old ones lack some values."""
        return cls(
            processes=state['processes'],
            batch_size=state.get('batch_size'),
            num_clips=state.get('num_clips'),
            iters_per_epoch=state['iters_per_epoch'],
        )

    def changes(self, now: Division) -> list[str]:
        """List the differences, for example ``batch_size 2 -> 4``."""
        pairs = zip(self._fields, self, now, strict=True)
        return [
            f'{name} {old} -> {new}'
            for name, old, new in pairs
            if old is not None and old != new
        ]


def check_is_training(checkpoint: Any, path: str) -> None:
    """Check that mmengine can resume from a checkpoint.

    Args:
        checkpoint (Any): The whole checkpoint.
        path (str): Its file, for the message.

    Raises:
        ValueError: If it has no number of epochs and iterations, no log or no
            state of the optimizer.
    """
    meta, hub, optimizer = (
        part if isinstance(part, dict) else {}
        for part in map(checkpoint.get, ('meta', 'message_hub', 'optimizer'))
    )
    parts = {
        'meta.epoch': _is_count(meta.get('epoch')),
        'meta.iter': _is_count(meta.get('iter')),
        'message_hub': 'log_scalars' in hub,
        # Several optimizers store one state each, by name.
        'optimizer': bool(optimizer),
        'optimizer.state': meta.get('iter') == 0 or _has_state(optimizer),
    }
    missing = [name for name, is_there in parts.items() if not is_there]
    if missing:
        raise ValueError(
            f'{path}: expected a checkpoint to resume training from, got a '
            f'file without {", ".join(missing)}. Resume from a file that '
            'tools/train.py wrote (epoch_N.pth), or start a new training from '
            'these weights: --cfg-options load_from=FILE without --resume.'
        )


def check_is_whole(model: nn.Module, checkpoint: Any, path: str) -> None:
    """Check that a training is resumed with all of its weights.

    mmengine warns of missing tensors only, and leaves them random.

    Args:
        model (nn.Module): The model.
        checkpoint (Any): The whole checkpoint.
        path (str): Its file, for the message.

    Raises:
        ValueError: If a tensor is missing or has another shape.
    """
    counts = count_fitting(model, get_weights(checkpoint))
    lacking = [
        f'{name} ({fitting} of {total})'
        for name, (fitting, total) in counts.items()
        if fitting < total
    ]
    if lacking:
        raise ValueError(
            f'{path}: expected all tensors of the model to resume with, got '
            f'only a part of {", ".join(lacking)}. Give the config that this '
            'checkpoint was trained with, or start a new training from these '
            'weights: --cfg-options load_from=FILE without --resume.'
        )


def _has_state(optimizer: Mapping[str, Any]) -> bool:
    """Whether no optimizer of Adam's kind lacks its moments."""
    if 'param_groups' not in optimizer:
        return all(
            _has_state(part)
            for part in optimizer.values()
            if isinstance(part, Mapping)
        )
    groups = optimizer['param_groups']
    has_moments = any('betas' in group for group in groups)
    return bool(optimizer.get('state')) or not has_moments


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


class _LaterBatches:
    """A batch sampler that skips the first batches of its first epoch."""

    def __init__(self, batches: Any, num_skipped: int) -> None:
        self.batches = batches
        self.num_skipped = num_skipped

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        num_skipped, self.num_skipped = self.num_skipped, 0
        for index, batch in enumerate(self.batches):
            if index >= num_skipped:
                yield batch


def skip_batches(loader: DataLoader, num_skipped: int) -> None:
    """Skip batches of the next epoch without loading their clips.

    Args:
        loader (DataLoader): With a batch sampler. Its length stays the same.
        num_skipped (int): Number of its first batches to skip.
    """
    # DataLoader forbids setting this attribute after construction, because
    # existing iterators would not see the change. There are none yet.
    vars(loader)['batch_sampler'] = _LaterBatches(
        loader.batch_sampler, num_skipped
    )


def move_to_iteration(runner: Runner, iteration: int, ratio: float) -> None:
    """Renumber the iterations of a training loop after a resume.

    Args:
        runner (Runner): Its iteration is set; schedules that count iterations
            are stretched, those that count epochs are not changed.
        iteration (int): Number of finished iterations.
        ratio (float): New number of iterations in an epoch divided by the
            old one.
    """
    runner.train_loop._iter = iteration
    for hook in runner.hooks:
        if isinstance(hook, IterTimerHook):
            # The hook divides by the number of iterations since this one.
            hook.start_iter = iteration
    runner.optim_wrapper.initialize_count_status(
        runner.model, iteration, runner.train_loop.max_iters
    )
    schedulers = runner.param_schedulers or []
    if isinstance(schedulers, dict):
        schedulers = [one for group in schedulers.values() for one in group]
    for scheduler in schedulers:
        if not scheduler.by_epoch:
            _stretch(scheduler, ratio)


def _stretch(scheduler: Any, ratio: float) -> None:
    """Multiply all of a scheduler's counts of steps."""
    for name in _STEP_COUNTS:
        count = getattr(scheduler, name, None)
        if count is not None and count != _NO_END:
            setattr(scheduler, name, round(count * ratio))
    if hasattr(scheduler, 'milestones'):
        scheduler.milestones = Counter(
            {
                round(step * ratio): number
                for step, number in scheduler.milestones.items()
            }
        )


def is_iter_based(runner: Runner) -> bool:
    """Whether the training loop counts iterations only."""
    return isinstance(runner.train_loop, IterBasedTrainLoop)


def is_validation_due(runner: Runner, done: int, last: int) -> bool:
    """Decide, as mmengine's loops do, whether a validation follows.

    Args:
        runner (Runner): The runner of the training process.
        done (int): Number of finished epochs or iterations.
        last (int): Their number at the end of the training.

    Returns:
        bool: Whether a validation follows.
    """
    loop = runner.train_loop
    return (
        runner.val_loop is not None
        and done >= loop.val_begin
        and (done % loop.val_interval == 0 or done == last)
    )


def pass_over_data(runner: Runner, iteration: int) -> int:
    """Return which pass over the data an iteration is in.

    Args:
        runner (Runner): The runner of the training process.
        iteration (int): Number of the iteration, from 0.

    Returns:
        int: Number of the pass, from 0; the epoch, if the training loop
        counts epochs.
    """
    if not is_iter_based(runner):
        return runner.epoch
    loader = runner.train_dataloader
    num_seen = iteration * (loader.batch_size or 1) * runner.world_size
    return num_seen // len(loader.dataset)


def set_epoch(dataset: Any, epoch: int) -> None:
    """Set ``epoch`` on a data set and on the data sets that it wraps.

    Args:
        dataset (Any): A ``Dataset``, which may wrap one (``RepeatDataset``)
            or several (``ConcatDataset``); those without ``epoch`` are not
            changed.
        epoch (int): Number of the epoch, from 0.
    """
    for inner in iter_datasets(dataset):
        if hasattr(type(inner), 'epoch') or 'epoch' in vars(inner):
            inner.epoch = epoch
