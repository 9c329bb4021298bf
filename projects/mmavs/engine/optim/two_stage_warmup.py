"""Warm up what is new first, then what is pretrained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import PolyLR
from mmseg.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class TwoStageWarmupPolyLR(PolyLR):
    """EoMT's two-stage warm-up with polynomial decay.

    With T steps in all and w1, w2 warm-up steps, the rate at step t is the
    group's base rate times

    - groups with ``late=False``: t / w1 for t < w1, then
      (1 - (t - w1) / (T - w1)) ** power;
    - groups with ``late=True``: 0 for t < w1, (t - w1) / w2 for
      t < w1 + w2, then (1 - (t - w1 - w2) / (T - w1 - w2)) ** power.

    Groups come from :class:`LateBackboneOptimWrapperConstructor`. Behaviour
    follows ``tue-mps/eomt@7bd19dd:training/two_stage_warmup_poly_schedule``.

    Args:
        optimizer (Any): Optimiser or its wrapper.
        warmup (Sequence[int]): (w1, w2) steps.
        power (float): Exponent of the decay.
        kwargs (Any): Arguments of mmengine's ``PolyLR``; use ``end`` in
            epochs with ``by_epoch=True, convert_to_iter_based=True``, or in
            steps with ``by_epoch=False``.

    Raises:
        ValueError: If the warm-up is not shorter than the training.
    """

    def __init__(
        self,
        optimizer: Any,
        *,
        warmup: Sequence[int] = (300, 600),
        power: float = 0.9,
        **kwargs: Any,
    ) -> None:
        self.warmup = tuple(warmup)
        begin, end = kwargs.get('begin', 0), kwargs.get('end', 0)
        if sum(self.warmup) >= end - begin:
            raise ValueError(
                f'the warm-up of {self.warmup} steps must be shorter than '
                f'the training of {end - begin} steps'
            )
        self.num_steps = end - begin
        super().__init__(optimizer, power=power, **kwargs)

    def _get_value(self) -> list[float]:
        """Rates of all groups at ``last_step``."""
        return [
            # mmengine adds a group without parameters, for the log.
            base * self._factor(group.get('late', False))
            for base, group in zip(
                self.base_values, self.optimizer.param_groups, strict=True
            )
        ]

    def _factor(self, late: bool) -> float:
        first, second = self.warmup
        start, length = (first, second) if late else (0, first)
        step = self.last_step - start
        if step < length:
            return max(step, 0) / length
        rest = self.num_steps - start - length
        return (1 - min((step - length) / rest, 1)) ** self.power
