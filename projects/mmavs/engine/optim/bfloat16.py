"""Training with bfloat16 autocast on any device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """mmengine's ``OptimWrapper`` that runs the model under bfloat16 autocast.

    mmengine's ``AmpOptimWrapper`` needs a GPU and scales the loss. bfloat16
    has the exponents of float32, so its gradients need no scaling.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the block under autocast.

        Args:
            model (nn.Module): Its device is that of autocast.

        Yields:
            None
        """
        device = next(model.parameters()).device.type
        with (
            super().optim_context(model),
            torch.autocast(device, dtype=torch.bfloat16),
        ):
            yield
