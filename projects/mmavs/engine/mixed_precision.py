"""Training with mixed precision."""

from __future__ import annotations

import torch
from mmengine.config import Config


def set_amp(cfg: Config) -> None:
    """Replace the optimizer wrapper by one with mixed precision.

    On a GPU float16 with scaled losses, on the CPU bfloat16.

    Args:
        cfg (Config): ``optim_wrapper`` is changed in it.

    Raises:
        ValueError: If the config has a wrapper of another type.
    """
    wrapper = cfg.optim_wrapper
    if wrapper.get('type', 'OptimWrapper') not in (
        'OptimWrapper',
        'AmpOptimWrapper',
        'BFloat16OptimWrapper',
    ):
        raise ValueError(
            '--amp replaces an OptimWrapper, the config has '
            f'optim_wrapper.type={wrapper.type!r}'
        )
    if not torch.cuda.is_available():
        wrapper.type = 'BFloat16OptimWrapper'
        wrapper.pop('loss_scale', None)
        wrapper.pop('dtype', None)
        return
    wrapper.type = 'AmpOptimWrapper'
    wrapper.setdefault('loss_scale', 'dynamic')
