"""The two-dimensional convolution, in less time for float64.

PyTorch computes a convolution in float64 one frame and one group of channels
at a time, which is slow for small maps and for depthwise convolutions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.utils import _pair

_CONV2D = F.conv2d
#: Largest number of output pixels for which one product of matrices of all
#: frames takes less time.
_SMALL = 64


@contextmanager
def quick_convolution() -> Iterator[None]:
    """Replace ``torch.nn.functional.conv2d``, which ``nn.Conv2d`` calls.

    Yields:
        None: Results inside equal those of PyTorch but for rounding.
    """
    with mock.patch.object(F, 'conv2d', conv2d):
        yield


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: str | int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """Compute what ``torch.nn.functional.conv2d`` computes.

    Args:
        x (Tensor): (N, C, H, W).
        weight (Tensor): (O, C / groups, k, l).
        bias (Tensor | None): (O,).
        stride (int | tuple[int, int]): As in PyTorch.
        padding (str | int | tuple[int, int]): As in PyTorch.
        dilation (int | tuple[int, int]): As in PyTorch.
        groups (int): As in PyTorch.

    Returns:
        Tensor: (N, O, H', W').
    """
    options = (stride, padding, dilation, groups)
    if x.dtype != torch.float64 or isinstance(padding, str):
        return _CONV2D(x, weight, bias, *options)
    steps, borders, gaps = _pair(stride), _pair(padding), _pair(dilation)
    height, width = (
        (size + 2 * border - gap * (kernel - 1) - 1) // step + 1
        for size, kernel, step, border, gap in zip(
            x.shape[2:], weight.shape[2:], steps, borders, gaps, strict=True
        )
    )
    if groups == x.shape[1] == len(weight):
        out = _depthwise(x, weight, (height, width), steps, borders, gaps)
    elif groups == 1 and height * width <= _SMALL:
        columns = F.unfold(x, weight.shape[2:], gaps, borders, steps)
        columns = columns.transpose(0, 1).flatten(1)  # (C k l, N H' W')
        out = (weight.flatten(1) @ columns).view(-1, len(x), height, width)
        out = out.transpose(0, 1)
    else:
        return _CONV2D(x, weight, bias, *options)
    return out if bias is None else out + bias[:, None, None]


def _depthwise(
    x: Tensor,
    weight: Tensor,
    size: tuple[int, int],
    steps: tuple[int, int],
    borders: tuple[int, int],
    gaps: tuple[int, int],
) -> Tensor:
    """Add up the shifted maps, each times its element of the kernel."""
    x = F.pad(x, (borders[1], borders[1], borders[0], borders[0]))
    out = x.new_zeros(())
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            rows, columns = (
                slice(start, start + step * (length - 1) + 1, step)
                for start, step, length in zip(
                    (gaps[0] * i, gaps[1] * j), steps, size, strict=True
                )
            )
            factors = weight[:, 0, i, j, None, None]
            out = torch.addcmul(out, x[:, :, rows, columns], factors)
    return out
