"""Resume training, bit-identically to an uninterrupted run if possible."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..model_wrapping import unwrap_model
from ..random_state import get_random_state, set_random_state
from ..resume_place import (
    Division,
    check_is_training,
    check_is_whole,
    is_iter_based,
    is_validation_due,
    move_to_iteration,
    pass_over_data,
    set_epoch,
    skip_batches,
)

_KEY = 'resume_state'


@HOOKS.register_module()
class ResumeStateHook(Hook):
    """Save and restore the state that mmengine does not restore on resume.

    Every checkpoint stores the random states of all processes, the position
    in the data, and whether a validation was still due. A resumed training
    first runs that validation, so that the best checkpoint is the same, skips
    the batches already seen, and restores the random states. Validation does
    not change the random states of training. The hook also sets ``epoch`` of
    the data set, on which augmentation depends.

    A resumed training is bit-identical to an uninterrupted one with the same
    number of processes, batch size and data, from checkpoints at the end of
    an epoch or within one, if transforms draw from ``results['rng_seed']``
    (the random states of data loading workers are not saved). Otherwise
    training continues, and a warning names what changed:

    - Other number of processes, batch size or number of clips: epoch-based
      training continues at the same fraction of the epoch, and schedules that
      count iterations are stretched to the new length of an epoch.
      Iteration-based training keeps its number of iterations. The learning
      rate is that of the checkpoint.
    - Iteration-based training with data loading workers: workers load clips
      in advance, so clips near the end of a pass over the data may be
      augmented as those of the neighbouring pass.

    Raises:
        ValueError: On resume, if the file is not a training checkpoint.
    """

    # Before CheckpointHook (VERY_LOW) saves.
    priority = 'LOW'

    def __init__(self) -> None:
        self._saved: dict[str, Any] | None = None
        self._loaded: dict[str, Any] | None = None
        self._before_val: dict[str, Any] | None = None
        self._num_skipped = 0
        self._at_first_iter: dict[str, Any] | None = None

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the state; whether this is a resume is known later.

        Args:
            runner (Runner): The runner of the training process.
            checkpoint (dict[str, Any]): The whole checkpoint.
        """
        if runner._resume:
            path = str(runner._load_from)
            check_is_training(checkpoint, path)
            check_is_whole(unwrap_model(runner), checkpoint, path)
        self._loaded = checkpoint.get(_KEY)

    def before_train(self, runner: Runner) -> None:
        """On resume, find the position in the data; warn if it is inexact.

        Args:
            runner (Runner): The runner of the training process.
        """
        if runner.iter == 0:
            self._loaded = None
            return
        if self._loaded is None:
            runner.logger.warning(
                'The checkpoint holds no random states (it was saved without '
                'ResumeStateHook): training continues, but is not '
                'bit-identical to an uninterrupted one.'
            )
        now = Division.of_runner(runner)
        then = Division.of_checkpoint(self._loaded) if self._loaded else now
        place = f'iteration {runner.iter}'
        if not is_iter_based(runner):
            self._find_batch(runner, then.iters_per_epoch, now.iters_per_epoch)
            place = f'epoch {runner.epoch}, {place} -> {runner.iter}'
        changes = then.changes(now)
        if changes:
            rates = runner.optim_wrapper.get_lr().values()
            rate = ', '.join(f'{value:.3g}' for v in rates for value in set(v))
            runner.logger.warning(
                'The resumed training is not bit-identical to an '
                f'uninterrupted one, because {", ".join(changes)}. It goes on '
                f'({place}). The learning rate is not rescaled: it is that of '
                f'the checkpoint ({rate}), and a new '
                'optim_wrapper.optimizer.lr has no effect on resume. To train '
                'with another one, start a new training with load_from.'
            )
        elif is_iter_based(runner) and runner.train_dataloader.num_workers:
            runner.logger.warning(
                'The resumed training may differ from an uninterrupted one: '
                'data loading workers load ahead, so in iteration-based '
                'training the augmentation of clips next to the end of a '
                'pass over the data is not exact. num_workers=0 is exact.'
            )

    def _find_batch(self, runner: Runner, then: int, now: int) -> None:
        """Find the next batch of an epoch of ``then``, ``now`` batches."""
        done = runner.iter - runner.epoch * then
        if not 0 <= done <= then:
            runner.logger.warning(
                f'Iteration {runner.iter} of the checkpoint is not in its '
                f'epoch {runner.epoch} of {then} iterations: training '
                'continues from the beginning of that epoch.'
            )
            done = 0
        self._num_skipped = round(done * now / then)
        iteration = runner.epoch * now + self._num_skipped
        if iteration != runner.iter:
            move_to_iteration(runner, iteration, now / then)

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the data set's epoch and, once on resume, the random states.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._catch_up(runner)
        loader = runner.train_dataloader
        set_epoch(loader.dataset, pass_over_data(runner, runner.iter))
        # Starting the workers draws a random number, from the global state if
        # the loader has no generator. Persistent workers start once per run,
        # so a resumed training would have drawn a different count of numbers.
        loader.generator = torch.Generator().manual_seed(runner.epoch)
        if self._num_skipped:
            skip_batches(loader, self._num_skipped)
            self._num_skipped = 0

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Restore the random states after mmengine has skipped batches.

        Args:
            runner (Runner): The runner of the training process.
            batch_idx (int): Not used.
            data_batch (Any): Not used.
        """
        if self._at_first_iter is not None:
            set_random_state(self._at_first_iter)
            self._at_first_iter = None

    def after_train(self, runner: Runner) -> None:
        """On resume, run the last validation if only it was left.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._catch_up(runner)

    def _catch_up(self, runner: Runner) -> None:
        """Once after a resume, restore the state at the time of the save."""
        state, self._loaded = self._loaded, None
        if state is None:
            return
        # Later checkpoints, such as the best one saved after this
        # validation, store the same state.
        self._saved = state
        if state['validation_due']:
            runner.logger.info(
                f'Validating epoch {runner.epoch}, iteration {runner.iter} '
                'first: the checkpoint was saved before this validation'
            )
            runner.val_loop.run()
        if get_rank() < len(state['random_states']):
            own = state['random_states'][get_rank()]
            set_random_state(own)
            if is_iter_based(runner):
                self._at_first_iter = own

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Collect the state if a checkpoint is about to be saved.

        Args:
            runner (Runner): The runner of the training process.
            batch_idx (int): Not used.
            data_batch (Any): Not used.
            outputs (dict | None): Not used.
        """
        if is_iter_based(runner):
            number = pass_over_data(runner, runner.iter + 1)
            set_epoch(runner.train_dataloader.dataset, number)
        if any(_saves_now(hook, runner) for hook in runner.hooks):
            due = is_iter_based(runner) and is_validation_due(
                runner, runner.iter + 1, runner.max_iters
            )
            self._collect(runner, runner.epoch, runner.iter + 1, due)

    def after_train_epoch(self, runner: Runner) -> None:
        """Collect the state of all processes for the next checkpoints.

        Args:
            runner (Runner): The runner of the training process.
        """
        if not is_iter_based(runner):
            epoch = runner.epoch + 1
            due = is_validation_due(runner, epoch, runner.max_epochs)
            self._collect(runner, epoch, runner.iter, due)

    def _collect(
        self, runner: Runner, epoch: int, iteration: int, due: bool
    ) -> None:
        # Checkpoints are saved on the main process only, which cannot gather
        # the other processes' states at that time.
        self._saved = dict(
            Division.of_runner(runner)._asdict(),
            epoch=epoch,
            iter=iteration,
            validation_due=due,
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
        """Keep the random states for the training after the validation.

        Args:
            runner (Runner): The runner of the training process.
        """
        self._before_val = get_random_state()

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Mark the validation as done before the best checkpoint is saved.

        Args:
            runner (Runner): The runner of the training process.
            metrics (dict[str, float] | None): Results of the validation.
        """
        if self._saved is not None:
            self._saved['validation_due'] = False

    def after_val(self, runner: Runner) -> None:
        """Restore the random states.

        Args:
            runner (Runner): The runner of the training process.
        """
        if self._before_val is not None:
            set_random_state(self._before_val)


def _saves_now(hook: Hook, runner: Runner) -> bool:
    """Whether a checkpoint hook saves at the end of this iteration."""
    return (
        isinstance(hook, CheckpointHook)
        and not hook.by_epoch
        and (
            hook.every_n_train_iters(runner, hook.interval, hook.save_begin)
            or (hook.save_last and hook.is_last_train_iter(runner))
        )
    )
