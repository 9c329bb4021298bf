"""Check the weights that a run starts from."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmavs.checkpoint import check_finite, count_fitting, get_weights

from ..model_wrapping import unwrap_model


@HOOKS.register_module()
class CheckWeightsHook(Hook):
    """Refuse weights with NaN, and fine-tuning from a file that does not fit.

    mmengine only warns of missing and superfluous weights of ``load_from``,
    and trains from scratch if none fits. This hook logs for every component
    of the model (``backbone``, ``decode_head``, ...) how many of its tensors
    are in the file with the same name and shape.

    Args:
        min_share (float): Share of the tensors of every component that
            ``load_from`` must fill, 0 to 1. At least one tensor is needed
            unless it is 0, which allows any file.

    Raises:
        ValueError: If ``min_share`` is out of range; on loading, if the file
            has values that are not finite, or fills too little of a
            component.
    """

    def __init__(self, min_share: float = 0.5) -> None:
        if not 0 <= min_share <= 1:
            raise ValueError(f'min_share must be 0 to 1, got {min_share}')
        self.min_share = min_share

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Check a checkpoint before its weights are used.

        Args:
            runner (Runner): The runner.
            checkpoint (dict[str, Any]): The whole checkpoint.
        """
        path = str(runner._load_from or 'The checkpoint')
        weights = get_weights(checkpoint)
        check_finite(weights, path)
        if runner._load_from is None or runner._resume:
            return
        counts = count_fitting(unwrap_model(runner), weights)
        for name, (fitting, total) in counts.items():
            runner.logger.info(
                f'load_from: {fitting} of {total} tensors of {name} are in '
                f'{path}'
            )
        lacking = [
            f'{name} ({fitting} of {total})'
            for name, (fitting, total) in counts.items()
            if fitting < self.min_share * total
        ]
        if lacking:
            raise ValueError(
                f'load_from={path!r} fits too little of {", ".join(lacking)}: '
                f'expected at least {self.min_share:.0%} of the tensors of '
                'every component. Give a checkpoint of the same system, or '
                'allow the rest to start from scratch with --cfg-options '
                'default_hooks.check_weights.min_share=0'
            )
