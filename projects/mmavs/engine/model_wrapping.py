"""Unwrap and rewrap models for hooks that freeze parameters."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def unwrap_model(runner: Runner) -> nn.Module:
    """Return the model without the wrapper of distributed training.

    Args:
        runner (Runner): The runner.

    Returns:
        nn.Module: The model.
    """
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def rewrap_model(runner: Runner) -> None:
    """Wrap the model again after ``requires_grad`` has changed.

    ``DistributedDataParallel`` reads ``requires_grad`` only when it is
    constructed. It would wait for gradients of parameters that were frozen
    later, and not average gradients of parameters that were unfrozen later.

    Args:
        runner (Runner): Its model is wrapped again if it was before.
    """
    if is_model_wrapper(runner.model):
        model = runner.model.module
        runner.model = runner.wrap_model(
            runner.cfg.get('model_wrapper_cfg'), model
        )
