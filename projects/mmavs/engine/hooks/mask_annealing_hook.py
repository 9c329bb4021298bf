"""Lower the share of masked queries in training, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from ..model_wrapping import unwrap_model


def annealed_share(
    step: int, start: int, end: int, power: float = 0.9
) -> float:
    """Share of queries whose attention is masked at a step.

    Args:
        step (int): Optimiser steps done.
        start (int): Step up to which all queries are masked.
        end (int): Step from which none is.
        power (float): Exponent of the decay in between.

    Returns:
        float: 1 before ``start``, 0 from ``end`` on,
        ``(1 - (step - start) / (end - start)) ** power`` in between.
    """
    if step >= end:
        return 0.0
    if step < start:
        return 1.0
    return (1 - (step - start) / (end - start)) ** power


@HOOKS.register_module()
class MaskAnnealingHook(Hook):
    """Anneal the masked attention of ``EASEHead`` (EoMT's mask annealing).

    Writes the head's buffer ``attn_mask_probs``, which is part of every
    checkpoint, so a resumed training goes on with the same shares. Behaviour
    follows ``ilpoviertola/EASE@12ab645:training/lightning_module.py``.

    Args:
        start (Sequence[float]): For each joint block the share of all
            training steps after which its annealing starts, in [0, 1].
        end (Sequence[float]): Likewise where it ends.
        power (float): Exponent of the decay.

    Raises:
        ValueError: If the sequences differ in length or are not
            0 <= start <= end <= 1; before training, if the model has another
            number of joint blocks or none.
    """

    # The checkpoint of a step holds the share of the next one.
    priority = 'NORMAL'

    def __init__(
        self,
        start: Sequence[float],
        end: Sequence[float],
        power: float = 0.9,
    ) -> None:
        pairs = list(zip(start, end, strict=False))
        if len(start) != len(end) or not all(
            0 <= low <= high <= 1 for low, high in pairs
        ):
            raise ValueError(
                'start and end must have one share per joint block, '
                f'0 <= start <= end <= 1, got {start} and {end}'
            )
        self.pairs = pairs
        self.power = power

    def before_train(self, runner: Runner) -> None:
        """Check the model and set the shares of the first step.

        Args:
            runner (Runner): The runner of the training process.
        """
        shares = _find_shares(runner)
        if shares is None or len(shares) != len(self.pairs):
            found = 'none' if shares is None else f'{len(shares)}'
            raise ValueError(
                f'MaskAnnealingHook has shares for {len(self.pairs)} joint '
                f'blocks, but the decode head has {found}; set start and end '
                'to one value per joint block of EASEHead.'
            )
        self._set(runner, shares, runner.iter)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Set the shares of the next step.

        Args:
            runner (Runner): The runner of the training process.
            batch_idx (int): Not used.
            data_batch (dict | None): Not used.
            outputs (dict | None): Not used.
        """
        shares = _find_shares(runner)
        assert shares is not None  # before_train has checked it
        self._set(runner, shares, runner.iter + 1)

    def _set(self, runner: Runner, shares: Tensor, step: int) -> None:
        total = runner.max_iters
        for block, (low, high) in enumerate(self.pairs):
            shares[block] = annealed_share(
                step, int(low * total), int(high * total), self.power
            )


def _find_shares(runner: Runner) -> Tensor | None:
    head: Any = unwrap_model(runner).decode_head
    return getattr(head, 'attn_mask_probs', None)
