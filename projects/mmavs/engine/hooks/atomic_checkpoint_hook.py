"""Checkpoints that a kill at any moment leaves usable."""

from __future__ import annotations

import os.path as osp
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..atomic_backend import ATOMIC_BACKEND


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` in an order that survives ``kill -9``.

    mmengine writes checkpoints and ``last_checkpoint`` in place, and removes
    the outdated file before the new one is written. Here both are written
    whole or not at all, first the checkpoint, then ``last_checkpoint``, and
    only then is the outdated file removed. Whatever ``last_checkpoint`` names
    is therefore complete, and so is the best checkpoint it speaks of.

    Args:
        max_keep_ckpts (int): How many of the regular checkpoints to keep; -1
            keeps all.
        save_best (str | None): One metric to keep the best checkpoint of.
        **kwargs: Other options of mmengine's ``CheckpointHook``, but for
            those that choose where files go.

    Raises:
        ValueError: If ``save_best`` names more than one metric.
    """

    best_ckpt_path: str | None

    def __init__(
        self,
        *,
        max_keep_ckpts: int = -1,
        save_best: str | None = None,
        **kwargs: Any,
    ) -> None:
        if save_best is not None and not isinstance(save_best, str):
            raise ValueError(
                f'save_best must be the name of one metric, got {save_best!r}'
            )
        super().__init__(
            save_best=save_best,
            backend_args=dict(backend=ATOMIC_BACKEND),
            **kwargs,
        )
        self.num_kept = max_keep_ckpts

    def before_train(self, runner: Runner) -> None:
        """Find the directory, and after a resume the last checkpoint.

        Args:
            runner (Runner): The runner of the training process.
        """
        super().before_train(runner)
        # mmengine forgets it on resume, and then a new best checkpoint would
        # not be entered in the regular one.
        self.last_ckpt = runner.message_hub.get_info('last_ckpt')

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        kept = list(runner.message_hub.get_info('keep_ckpt_ids') or [])
        if step not in kept:
            kept.append(step)
        # The outdated ones stay on the list that this checkpoint holds: a run
        # resumed from it removes what a kill now would leave behind.
        runner.message_hub.update_info('keep_ckpt_ids', kept)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
        )
        if is_main_process():
            self.file_backend.put_text(
                self.last_ckpt, osp.join(runner.work_dir, 'last_checkpoint')
            )
        if self.num_kept > 0:
            for old_step in kept[: -self.num_kept]:
                self._remove(
                    osp.join(self.out_dir, self.filename_tmpl.format(old_step))
                )
            runner.message_hub.update_info(
                'keep_ckpt_ids', kept[-self.num_kept :]
            )

    def _save_best_checkpoint(
        self, runner: Runner, metrics: dict[str, float]
    ) -> None:
        if not self.save_best:
            return
        previous: str | None = self.best_ckpt_path
        # mmengine removes the file named here before it writes the new one
        self.best_ckpt_path = None
        super()._save_best_checkpoint(runner, metrics)
        if self.best_ckpt_path is None:
            self.best_ckpt_path = previous
        elif previous is not None and previous != self.best_ckpt_path:
            self._remove(previous)

    def _remove(self, path: str) -> None:
        # Absent when a kill came between its removal and the next save.
        if is_main_process() and self.file_backend.isfile(path):
            self.file_backend.remove(path)
