"""Names and shapes of the model that a checkpoint is converted for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import Tensor
from torch.overrides import TorchFunctionMode


class _LinspaceOnCPU(TorchFunctionMode):
    """Compute drop-path rates, which Swin and PVT read, on the CPU."""

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple = (),
        kwargs: dict | None = None,
    ) -> Any:
        """Create the result of ``torch.linspace`` on the CPU."""
        kwargs = dict(kwargs or {})
        if func is torch.linspace:
            kwargs['device'] = 'cpu'
        return func(*args, **kwargs)


def model_tensors(model: dict | ConfigDict) -> dict[str, Tensor]:
    """Build a model without allocating its weights.

    Args:
        model (dict | ConfigDict): The ``model`` entry of a config, or the
            config of a backbone. ``init_cfg`` is not used.

    Returns:
        dict[str, Tensor]: ``state_dict()`` of the model, on device 'meta'.
    """
    scope = DefaultScope.overwrite_default_scope('mmseg')
    with scope, torch.device('meta'), _LinspaceOnCPU():
        return MODELS.build(model).state_dict()
