"""Train AAVS in two phases, with most of the network frozen."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.fileio import exists
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import HOOKS
from torch import nn

from ..model_wrapping import rewrap_model, unwrap_model
from ..resume_place import is_iter_based

_ADAPTER_STD = 0.02


@HOOKS.register_module()
class TwoPhaseTuningHook(Hook):
    """Tune a few parameters first, then the backbone's adapters as well.

    All parameters are frozen except those named by ``trainable``. In phase
    one the backbone's adapters are zero and frozen, so that the backbone's
    output equals that of the pretrained backbone. Phase two begins with epoch
    ``switch_epoch``: it loads the best checkpoint so far, re-initialises the
    backbone's adapters to N(0, 0.02) with zero biases, trains them too, and
    resets the optimizer with the learning rate ``phase2_lr``.

    Behaviour follows Stepping-Stones@de6a17b ``avs/train.py``
    (https://arxiv.org/abs/2407.11820); reimplemented, no code taken. As
    there, phase two saves a best checkpoint only if it exceeds the best score
    of phase one.

    Args:
        trainable (Sequence[str]): Regular expressions, searched in parameter
            names; parameters that match one are trained in both phases.
        backbone_adapters (str | None): Regular expression for the backbone's
            adapters; overrides ``trainable``. None if there are none.
        switch_epoch (int | None): Epoch, from 0, with which phase two begins.
            None trains in phase one only (the ablation with a frozen
            backbone).
        phase2_lr (float | None): Learning rate of phase two, for all
            parameter groups. Needed with ``switch_epoch``.

    Raises:
        ValueError: If only one of ``switch_epoch`` and ``phase2_lr`` is given,
            ``switch_epoch`` is set without ``backbone_adapters`` or in a
            training that counts iterations instead of epochs, or an
            expression matches no parameter.
        FileNotFoundError: If the best checkpoint is missing when an epoch of
            phase one begins, as after a resume from a folder without it.
    """

    # After ResumeStateHook (LOW), which on resume may first run the validation
    # that finds the best checkpoint, from which phase two begins.
    priority = 'VERY_LOW'

    def __init__(
        self,
        *,
        trainable: Sequence[str],
        backbone_adapters: str | None = None,
        switch_epoch: int | None = None,
        phase2_lr: float | None = None,
    ) -> None:
        if (switch_epoch is None) != (phase2_lr is None):
            raise ValueError(
                'switch_epoch and phase2_lr are set together or not at all, '
                f'got switch_epoch={switch_epoch}, phase2_lr={phase2_lr}'
            )
        if switch_epoch is not None and switch_epoch < 0:
            raise ValueError(
                f'switch_epoch must be 0 or more, got {switch_epoch}'
            )
        if phase2_lr is not None and not phase2_lr > 0:
            raise ValueError(f'phase2_lr must be more than 0, got {phase2_lr}')
        if switch_epoch is not None and backbone_adapters is None:
            raise ValueError(
                'phase two trains the adapters of the backbone: set '
                'backbone_adapters, or leave switch_epoch out'
            )
        self.trainable = tuple(trainable)
        self.backbone_adapters = backbone_adapters
        self.switch_epoch = switch_epoch
        self.phase2_lr = phase2_lr

    def before_train(self, runner: Runner) -> None:
        """Freeze for the phase in which training begins or continues.

        Args:
            runner (Runner): The runner of the training process.
        """
        if self.switch_epoch is not None and is_iter_based(runner):
            raise ValueError(
                f'TwoPhaseTuningHook switches at epoch {self.switch_epoch} '
                'and needs an EpochBasedTrainLoop, got an IterBasedTrainLoop, '
                'which counts no epochs'
            )
        if self._is_past_switch(runner):
            self._freeze(runner, phase=2)
            return
        # Also on resume at the beginning of the switch epoch: the switch
        # itself follows in before_train_epoch.
        with torch.no_grad():
            for _, parameter in self._adapters(unwrap_model(runner)):
                parameter.zero_()
        self._freeze(runner, phase=1)

    def before_train_epoch(self, runner: Runner) -> None:
        """Switch to phase two when its first epoch begins.

        Args:
            runner (Runner): The runner of the training process.
        """
        if self.switch_epoch is None or self._is_past_switch(runner):
            return
        if is_main_process():  # it has written the file
            self._check_best(runner)
        if runner.epoch != self.switch_epoch:
            return
        self._restart_from_best(runner)
        self._restart_adapters(runner)
        self._freeze(runner, phase=2)
        optimizer = runner.optim_wrapper.optimizer
        optimizer.state.clear()
        for group in optimizer.param_groups:
            group['lr'] = self.phase2_lr
        runner.logger.info(f'Phase 2: new optimizer, lr {self.phase2_lr}')

    def _is_past_switch(self, runner: Runner) -> bool:
        if self.switch_epoch is None:
            return False
        # Compared by iterations: a resume may begin within the switch epoch.
        switch_iter = self.switch_epoch * len(runner.train_dataloader)
        return runner.iter > switch_iter

    def _adapters(self, model: nn.Module) -> list[tuple[str, nn.Parameter]]:
        pattern = self.backbone_adapters
        if pattern is None:
            return []
        adapters = [
            (name, parameter)
            for name, parameter in model.named_parameters()
            if re.search(pattern, name)
        ]
        if not adapters:
            raise ValueError(
                f'backbone_adapters={pattern!r} matches no parameter of '
                f'{type(model).__name__}'
            )
        return adapters

    def _freeze(self, runner: Runner, *, phase: int) -> None:
        """Set ``requires_grad`` of all parameters for a phase."""
        model = unwrap_model(runner)
        num_trainable = self.freeze_parameters(model, phase=phase)
        runner.logger.info(
            f'Phase {phase}: {num_trainable:,} trainable parameters of '
            f'{sum(p.numel() for p in model.parameters()):,}'
        )
        rewrap_model(runner)

    def freeze_parameters(self, model: nn.Module, *, phase: int) -> int:
        """Set ``requires_grad`` of all parameters for a phase.

        Args:
            model (nn.Module): The model, without a wrapper.
            phase (int): 1 or 2.

        Returns:
            int: Number of values that are trained.

        Raises:
            ValueError: If an expression matches no parameter.
        """
        adapters = {name for name, _ in self._adapters(model)}
        unused = set(self.trainable)
        num_trainable = 0
        for name, parameter in model.named_parameters():
            matches = {p for p in self.trainable if re.search(p, name)}
            if name in adapters:
                parameter.requires_grad = phase == 2
            else:
                parameter.requires_grad = bool(matches)
                unused -= matches
            if parameter.requires_grad:
                num_trainable += parameter.numel()
            else:
                # The optimizer would still apply a gradient left over.
                parameter.grad = None
        if unused:
            raise ValueError(
                f'trainable={sorted(unused)} match no parameter of '
                f'{type(model).__name__}'
            )
        return num_trainable

    def _check_best(self, runner: Runner) -> None:
        """Raise FileNotFoundError now rather than epochs later."""
        best = runner.message_hub.get_info('best_ckpt')
        if best is not None and not exists(best):
            raise FileNotFoundError(
                f'expected the best checkpoint so far at {best}, from which '
                f'phase two begins, found no file; put it there, or copy it '
                f'into {runner.work_dir}'
            )

    def _restart_from_best(self, runner: Runner) -> None:
        best = runner.message_hub.get_info('best_ckpt')
        if best is None:
            runner.logger.info(
                'Phase 2: no best checkpoint, going on from the last weights'
            )
            return
        # The main process may still be writing it.
        barrier()
        model = unwrap_model(runner)
        state_dict = CheckpointLoader.load_checkpoint(
            best, map_location='cpu', logger=runner.logger
        )['state_dict']
        for name, _ in self._adapters(model):
            del state_dict[name]
        missing, unexpected = model.load_state_dict(state_dict, strict=False)
        assert not unexpected, unexpected
        assert {name for name, _ in self._adapters(model)} == set(missing)
        runner.logger.info(f'Phase 2: going on from {best}')

    def _restart_adapters(self, runner: Runner) -> None:
        # A separate CPU generator draws the same values on all processes,
        # on every device, and after a resume.
        generator = torch.Generator().manual_seed(runner.seed)
        with torch.no_grad():
            for _, parameter in self._adapters(unwrap_model(runner)):
                if parameter.dim() == 1:
                    parameter.zero_()
                    continue
                weight = torch.empty(parameter.shape)
                weight.normal_(std=_ADAPTER_STD, generator=generator)
                parameter.copy_(weight)
