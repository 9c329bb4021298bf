"""torch's multi-head attention without attention weights."""

from typing import Any

from torch import Tensor, nn

from .swap_class import swap_class


class RowMajorMultiheadAttention(nn.MultiheadAttention):
    """``nn.MultiheadAttention`` that copies transposed inputs first.

    mmcv's layers pass transposed tensors. Without a copy of the tensor, torch
    copies the matrix of a projection for each of its rows.
    """

    def forward(
        self, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Attend as ``nn.MultiheadAttention`` does.

        Args:
            *args (Any): Its positional arguments, at most query, key, value.
            **kwargs (Any): Its other arguments.

        Returns:
            tuple[Tensor, Tensor | None]: As torch's.
        """
        named = dict(zip(('query', 'key', 'value'), args, strict=False))
        rows = {
            name: x.contiguous()
            for name, x in {**named, **kwargs}.items()
            if name in ('query', 'key', 'value')
        }
        return super().forward(**{**kwargs, **rows})


class FusedMultiheadAttention(RowMajorMultiheadAttention):
    """The same, never with its attention weights.

    mmcv's layers request the weights, averaged over heads, and do not use
    them. Without that request torch uses its fused kernel, which does not
    store the attention matrix; results are equal.
    """

    def forward(
        self, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Attend as ``nn.MultiheadAttention`` does.

        Args:
            *args (Any): Its positional arguments, at most query, key, value.
            **kwargs (Any): Its other arguments.

        Returns:
            tuple[Tensor, Tensor | None]: The output, and None.
        """
        return super().forward(*args, **{**kwargs, 'need_weights': False})


def use_fused_attention(module: nn.Module) -> int:
    """Make torch's attention layers inside a module skip their weights.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    return swap_class(module, nn.MultiheadAttention, FusedMultiheadAttention)


def use_row_major_attention(module: nn.Module) -> int:
    """Make torch's attention layers inside a module copy their inputs.

    For layers whose rounding in training must stay that of torch's unfused
    attention.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed.
    """
    return swap_class(
        module, nn.MultiheadAttention, RowMajorMultiheadAttention
    )
