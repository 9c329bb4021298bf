"""Hooks that change what is trained, and ``DistributedDataParallel``."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def unwrap_model(runner: Runner) -> nn.Module:
    """Return the model itself.

    Args:
        runner (Runner): The runner.

    Returns:
        nn.Module: Without the wrapper that distributed training puts on.
    """
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def rewrap_model(runner: Runner) -> None:
    """Tell ``DistributedDataParallel`` anew which parameters to average.

    It looks at ``requires_grad`` only when it is made: it would wait for the
    gradients of parameters frozen later, and not average those of parameters
    freed later.

    Args:
        runner (Runner): Its model is wrapped again if it was before.
    """
    if is_model_wrapper(runner.model):
        model = runner.model.module
        runner.model = runner.wrap_model(
            runner.cfg.get('model_wrapper_cfg'), model
        )
