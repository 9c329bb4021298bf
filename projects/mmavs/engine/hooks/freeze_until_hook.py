"""Freeze a part of the network until a given epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..model_wrapping import rewrap_model, unwrap_model
from ..resume_place import is_iter_based


@HOOKS.register_module()
class FreezeUntilHook(Hook):
    """Freeze parameters until a given epoch begins.

    AVSegFormer trains its visual backbone with this schedule. As published
    (``AVSegFormer@7083cb6:model/AVSegFormer.py``; behavioural reference),
    only parameters are frozen: batch norms still update their statistics and
    stochastic depth still drops paths. The optimizer skips parameters without
    a gradient, weight decay included.

    Args:
        parameters (Sequence[str]): Regular expressions, searched in
            parameter names. Parameters that the model itself freezes stay
            frozen.
        epoch (int): The first epoch, from 0, that trains them.

    Raises:
        ValueError: If ``epoch`` is below 1, or when training begins, if an
            expression matches no parameter that is trained, or the training
            counts iterations instead of epochs.
    """

    def __init__(self, *, parameters: Sequence[str], epoch: int) -> None:
        if epoch < 1:
            raise ValueError(
                f'epoch must be at least 1, got {epoch}: without '
                'FreezeUntilHook everything is trained from epoch 0 on'
            )
        if isinstance(parameters, str):
            raise ValueError(
                'parameters must be a list of regular expressions, got '
                f'{parameters!r}'
            )
        self.parameters = tuple(parameters)
        self.epoch = epoch
        self._frozen: list[str] = []

    def before_train(self, runner: Runner) -> None:
        """Freeze, unless training resumes after the frozen epochs.

        Args:
            runner (Runner): The runner of the training process.
        """
        if is_iter_based(runner):
            raise ValueError(
                f'FreezeUntilHook freezes until epoch {self.epoch} and needs '
                'an EpochBasedTrainLoop, got an IterBasedTrainLoop, which '
                'counts no epochs'
            )
        names = self._find(runner)
        if runner.epoch < self.epoch:
            self._frozen = names
            self._set_trained(runner, False)

    def before_train_epoch(self, runner: Runner) -> None:
        """Train the parameters when their first epoch begins.

        Args:
            runner (Runner): The runner of the training process.
        """
        if self._frozen and runner.epoch >= self.epoch:
            self._set_trained(runner, True)
            self._frozen = []

    def _find(self, runner: Runner) -> list[str]:
        """Names of the parameters that an expression finds."""
        model = unwrap_model(runner)
        trained = [n for n, p in model.named_parameters() if p.requires_grad]
        for pattern in self.parameters:
            if not any(re.search(pattern, name) for name in trained):
                raise ValueError(
                    f'FreezeUntilHook: {pattern!r} matches no parameter of '
                    f'{type(model).__name__} that is trained'
                )
        return [
            name
            for name in trained
            if any(re.search(pattern, name) for pattern in self.parameters)
        ]

    def _set_trained(self, runner: Runner, trained: bool) -> None:
        parameters = dict(unwrap_model(runner).named_parameters())
        for name in self._frozen:
            parameters[name].requires_grad = trained
            # The optimizer would still apply a gradient left over.
            parameters[name].grad = None
        number = sum(parameters[name].numel() for name in self._frozen)
        runner.logger.info(
            f'{"Training" if trained else "Freezing"} {number:,} parameters '
            f'({", ".join(self.parameters)})'
        )
        rewrap_model(runner)
