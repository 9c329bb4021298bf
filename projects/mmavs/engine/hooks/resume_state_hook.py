"""What a resumed training needs to go on as if it had never stopped."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmavs.datasets import iter_datasets

from ..random_state import get_random_state, set_random_state

_KEY = 'resume_state'


@HOOKS.register_module()
class ResumeStateHook(Hook):
    """Make training resumed at the end of an epoch equal to one left alone.

    Every checkpoint holds the random states of all processes, its place in
    the sampler's order (epoch and iteration) and whether the validation due
    after its epoch was still to come. A resumed training first catches up on
    that validation, so that the best checkpoint is the same, then goes on
    with the random states. Validation itself leaves them as they were. The
    hook also tells the data set which epoch it is (``dataset.epoch``), on
    which augmentation depends.

    Exact as long as transforms draw from ``results['rng_seed']``; the global
    random states of data loading workers are not in the checkpoint.

    Raises:
        ValueError: If the training loop is not ``EpochBasedTrainLoop``; on
            resume, if the checkpoint is from the middle of an epoch, or the
            number of processes, the batch size or the data has changed.
    """

    # Before CheckpointHook (VERY_LOW) saves.
    priority = 'LOW'

    def __init__(self) -> None:
        self._saved: dict[str, Any] | None = None
        self._loaded: dict[str, Any] | None = None
        self._before_val: dict[str, Any] | None = None

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Remember the state; whether this is a resume shows later.

        Args:
            runner (Runner): The runner of the training process.
            checkpoint (dict[str, Any]): The whole checkpoint.
        """
        self._loaded = checkpoint.get(_KEY)

    def before_train(self, runner: Runner) -> None:
        """Check the loop and, on resume, that the checkpoint fits it.

        Args:
            runner (Runner): The runner of the training process.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                'ResumeStateHook expected an EpochBasedTrainLoop, got '
                f'{type(runner.train_loop).__name__}; set by_epoch=True in '
                'train_cfg or leave the hook out.'
            )
        if runner.iter == 0:
            self._loaded = None
            return
        if self._loaded is None:
            runner.logger.warning(
                'The checkpoint holds no random states (it was saved without '
                'ResumeStateHook): training goes on, but not exactly as it '
                'would have without the stop.'
            )
        self._check_place(runner, self._loaded)

    def _check_place(
        self, runner: Runner, state: dict[str, Any] | None
    ) -> None:
        now = dict(
            processes=runner.world_size,
            iters_per_epoch=len(runner.train_dataloader),
        )
        then = {**now, **({key: state[key] for key in now} if state else {})}
        if runner.iter != runner.epoch * then['iters_per_epoch']:
            raise ValueError(
                'The checkpoint was saved in the middle of an epoch (epoch '
                f'{runner.epoch}, iteration {runner.iter}, '
                f'{then["iters_per_epoch"]} iterations an epoch), from where '
                'training cannot go on exactly. Resume from one saved at the '
                'end of an epoch (by_epoch=True in the checkpoint hook), or '
                'start a new training from it with load_from.'
            )
        if now != then:
            raise ValueError(
                f'The checkpoint was saved with {then}, training now has '
                f'{now}. Resume with the same number of processes, batch size '
                'and data, or start a new training with load_from.'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the data set's epoch and, once on resume, the random states.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._catch_up(runner)
        loader = runner.train_dataloader
        set_epoch(loader.dataset, runner.epoch)
        # Starting the workers draws a number, from the global state if the
        # loader has no generator, and persistent workers start only once in
        # each run: resumed training would be one number behind.
        loader.generator = torch.Generator().manual_seed(runner.epoch)

    def after_train(self, runner: Runner) -> None:
        """Catch up when nothing but the last validation was left to do.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._catch_up(runner)

    def _catch_up(self, runner: Runner) -> None:
        """Once after a resume, reach the state that the save was made in."""
        state, self._loaded = self._loaded, None
        if state is None:
            return
        # What is saved from now on, a better checkpoint included, has it too.
        self._saved = state
        if state['validation_due']:
            runner.logger.info(
                f'Validating epoch {runner.epoch} first: the checkpoint was '
                'saved before that was done'
            )
            runner.val_loop.run()
        set_random_state(state['random_states'][get_rank()])

    def after_train_epoch(self, runner: Runner) -> None:
        """Collect the state of all processes for the checkpoints to come.

        Saving runs on the main process alone, too late to ask the others.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._saved = dict(
            epoch=runner.epoch + 1,
            iter=runner.iter,
            processes=runner.world_size,
            iters_per_epoch=len(runner.train_dataloader),
            validation_due=_is_validation_due(runner),
            random_states=all_gather_object(get_random_state()),
        )

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Put the state into the checkpoint.

        Args:
            runner (Runner): The runner of the training process.
            checkpoint (dict[str, Any]): The whole checkpoint.
        """
        if self._saved is not None:
            checkpoint[_KEY] = self._saved

    def before_val(self, runner: Runner) -> None:
        """Keep the random states that training is to go on with.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._before_val = get_random_state()

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Note the validation as done, for the best checkpoint's sake.

        Args:
            runner (Runner): The runner of the training process.
            metrics (dict[str, float] | None): Results of the validation.
        """
        if self._saved is not None:
            self._saved['validation_due'] = False

    def after_val(self, runner: Runner) -> None:
        """Put the random states back.

        Args:
            runner (Runner): The runner of the training process.
        """
        if self._before_val is not None:
            set_random_state(self._before_val)


def _is_validation_due(runner: Runner) -> bool:
    """Decide as mmengine's epoch loop will, at the end of an epoch."""
    loop = runner.train_loop
    epoch = runner.epoch + 1
    return (
        runner.val_loop is not None
        and epoch >= loop.val_begin
        and (epoch % loop.val_interval == 0 or epoch == loop.max_epochs)
    )


def set_epoch(dataset: Any, epoch: int) -> None:
    """Set ``epoch`` on a data set and on what it wraps.

    Args:
        dataset (Any): A ``Dataset``, which may wrap one (``RepeatDataset``)
            or several (``ConcatDataset``); those without ``epoch`` are left
            alone.
        epoch (int): Number of the epoch, from 0.
    """
    for inner in iter_datasets(dataset):
        if hasattr(type(inner), 'epoch') or 'epoch' in vars(inner):
            inner.epoch = epoch
