"""Signs of a ReLU's output, which are all that its gradient needs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Values that are multiplied at once, so that they stay in the cache.
_PART = 2**18


def pack_signs(x: Tensor) -> Tensor:
    """Return where a tensor is positive: a bit for each value on the CPU.

    Args:
        x (Tensor): Any shape.

    Returns:
        Tensor: For :func:`multiply_by_signs`: (ceil(numel / 8), ) uint8 on
        the CPU; on other devices, where PyTorch cannot pack bits, as ``x``,
        bool.
    """
    positive = x > 0
    if x.device.type != 'cpu':
        return positive
    return torch.from_numpy(np.packbits(positive.numpy()))


def multiply_by_signs(x: Tensor, signs: Tensor) -> Tensor:
    """Multiply by 1 where the packed tensor was positive, otherwise by 0.

    Args:
        x (Tensor): Any shape.
        signs (Tensor): From :func:`pack_signs` of a tensor of this shape.

    Returns:
        Tensor: A new tensor, as ``x``.
    """
    if x.device.type != 'cpu':
        return x * signs
    x = x.contiguous()
    out = torch.empty_like(x)
    products = out.view(-1).split(_PART)
    packed = signs.split(_PART // 8)
    parts = zip(x.view(-1).split(_PART), packed, products, strict=True)
    for values, bits, product in parts:
        unpacked = np.unpackbits(bits.numpy(), count=len(values))
        torch.mul(values, torch.from_numpy(unpacked), out=product)
    return out
