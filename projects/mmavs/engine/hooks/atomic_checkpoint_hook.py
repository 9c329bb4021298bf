"""Write and remove checkpoints so that a killed run loses none."""

from __future__ import annotations

import os.path as osp
from collections.abc import Collection
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..atomic_backend import ATOMIC_BACKEND
from ..resume_place import is_iter_based


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, safe against ``kill -9`` and copies.

    mmengine writes checkpoints and ``last_checkpoint`` in place, and removes
    the outdated file before the new one is written. Here both are written
    atomically: first the checkpoint, then ``last_checkpoint``; the outdated
    file is removed last. The file that ``last_checkpoint`` names is therefore
    always complete, and so is the best checkpoint that this file refers to.

    A checkpoint stores the paths of the best and of the last one. A training
    that is resumed in another folder (a copy of the work dir, or
    ``--resume OTHER/epoch_2.pth --work-dir NEW``) takes files of the same
    name from its own folder instead, and never removes a file elsewhere.

    Args:
        max_keep_ckpts (int): Number of regular checkpoints to keep; -1 keeps
            all.
        save_best (str | None): Metric whose best checkpoint is kept.
        **kwargs: Other options of mmengine's ``CheckpointHook``, except those
            that choose where files are written.

    Raises:
        ValueError: If ``save_best`` names more than one metric, or one that
            the validation does not compute. Metrics that list their
            ``metric_names`` are checked before training, others after the
            first validation.
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
        """Set the directory; after a resume, find the last and best files.

        Args:
            runner (Runner): The runner of the training process.
        """
        super().before_train(runner)
        if self.by_epoch and is_iter_based(runner):
            runner.logger.warning(
                'The training counts iterations, but the checkpoint hook '
                'counts epochs: a checkpoint is saved only at the end. Set '
                'default_hooks.checkpoint.by_epoch=False and interval to a '
                'number of iterations.'
            )
        self._check_save_best(_metric_names(runner))
        info = runner.message_hub
        # mmengine does not restore it on resume; the regular checkpoint would
        # then not be saved again with a new best score.
        self.last_ckpt = self._own_path(info.get_info('last_ckpt'))
        best = info.get_info('best_ckpt')
        if best is None or not self.save_best:
            return
        self.best_ckpt_path = self._own_path(best)
        info.update_info('best_ckpt', self.best_ckpt_path)
        if self.best_ckpt_path == best and not self._is_own(best):
            runner.logger.warning(
                f'The best checkpoint so far, {best}, is in another folder. '
                f'It stays there; a best checkpoint is saved in '
                f'{self.out_dir} when a validation improves on it.'
            )

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float]
    ) -> None:
        """Save the best checkpoint.

        Args:
            runner (Runner): The runner of the training process.
            metrics (dict[str, float]): Results of the validation.
        """
        if metrics:
            self._check_save_best(metrics)
        super().after_val_epoch(runner, metrics)

    def _check_save_best(self, names: Collection[str] | None) -> None:
        wanted = self.save_best[0] if self.save_best else 'auto'
        if names is None or wanted in names or wanted == 'auto':
            return
        raise ValueError(
            f'save_best={wanted!r} is not a result of the validation, which '
            f'computes {", ".join(sorted(names))}; set '
            'default_hooks.checkpoint.save_best to one of them.'
        )

    def _own_path(self, path: str | None) -> str | None:
        """Replace a path by the file of that name in ``out_dir`` if any."""
        if path is None or self._is_own(path):
            return path
        own = osp.join(self.out_dir, osp.basename(path))
        return own if self.file_backend.isfile(own) else path

    def _is_own(self, path: str) -> bool:
        return osp.realpath(osp.dirname(path)) == osp.realpath(self.out_dir)

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        kept = list(runner.message_hub.get_info('keep_ckpt_ids') or [])
        if step not in kept:
            kept.append(step)
        # The list in this checkpoint includes the outdated ones: if this
        # process is killed before removing them, the resumed run does so.
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
        # mmengine would remove this file before it writes the new one
        self.best_ckpt_path = None
        super()._save_best_checkpoint(runner, metrics)
        if self.best_ckpt_path is None:
            self.best_ckpt_path = previous
        elif previous is not None and previous != self.best_ckpt_path:
            self._remove(previous)

    def _remove(self, path: str) -> None:
        # Absent if the process was killed between removal and the next save.
        if (
            is_main_process()
            and self._is_own(path)
            and self.file_backend.isfile(path)
        ):
            self.file_backend.remove(path)


def _metric_names(runner: Runner) -> set[str] | None:
    """Names of all results of the validation, None if they are unknown."""
    if runner.val_loop is None:
        return None
    names: set[str] = set()
    for metric in runner.val_loop.evaluator.metrics:
        own_names = getattr(metric, 'metric_names', None)
        if own_names is None:
            return None
        names.update(own_names)
    return names
