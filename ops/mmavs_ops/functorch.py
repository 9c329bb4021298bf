"""Support ``torch.func`` transforms of the operator.

functorch does not support gradients registered through ``torch.library``, but
supports an ``autograd.Function`` with ``setup_context``. Frames are
independent, so a mapped dimension is folded into the frames.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


def _fold(
    tensor: Tensor, dim: int | None, batch: int, num_frames: int
) -> Tensor:
    """Move a mapped dimension to the front and fold it into the frames."""
    if dim is None:
        tensor = tensor.expand(batch, *tensor.shape)
    else:
        tensor = tensor.movedim(dim, 0)
    return tensor.reshape(batch * num_frames, *tensor.shape[2:])


def _fold_all(
    args: tuple[Tensor, ...],
    in_dims: tuple[int | None, ...],
    batch: int,
    first_table: int,
) -> tuple[list[Tensor], tuple[int, int]]:
    """Fold every tensor except the two tables of levels."""
    tables = (first_table, first_table + 1)
    if any(in_dims[index] is not None for index in tables):
        raise ValueError(
            'spatial_shapes and level_start_index must be the same for all '
            'samples of a vmap, got mapped tensors.'
        )
    num_frames = args[0].shape[1 if in_dims[0] == 0 else 0]
    folded = [
        arg if index in tables else _fold(arg, dim, batch, num_frames)
        for index, (arg, dim) in enumerate(zip(args, in_dims, strict=True))
    ]
    return folded, (batch, num_frames)


class AttentionFunction(Function):
    """``ms_deform_attn`` with rules for ``torch.func``."""

    @staticmethod
    def forward(*args: Tensor) -> Tensor:
        """Run the operator."""
        return torch.ops.mmavs_ops.ms_deform_attn(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Save the inputs for the gradient."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Run the gradient operator."""
        grads = GradientFunction.apply(grad, *ctx.saved_tensors)
        return grads[0], None, None, grads[1], grads[2]

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *args: Tensor) -> tuple[Tensor, int]:
        """Fold the mapped dimension into the frames."""
        folded, split = _fold_all(args, in_dims, info.batch_size, 1)
        return AttentionFunction.apply(*folded).unflatten(0, split), 0


class GradientFunction(Function):
    """``ms_deform_attn_backward`` with rules for ``torch.func``."""

    @staticmethod
    def forward(*args: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the gradient operator."""
        return torch.ops.mmavs_ops.ms_deform_attn_backward(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        """Save nothing, because there is no second gradient."""

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> None:
        """Raise an error: there is no second gradient."""
        refuse_second_gradient()

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple, *args: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, int, int]]:
        """Fold the mapped dimension into the frames."""
        folded, split = _fold_all(args, in_dims, info.batch_size, 2)
        grads = GradientFunction.apply(*folded)
        return tuple(grad.unflatten(0, split) for grad in grads), (0, 0, 0)


def refuse_second_gradient(*_: Any) -> None:
    """Raise an error, because the operator has no second derivative.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError(
        'mmavs_ops.ms_deform_attn can be differentiated once, not twice; '
        'compute the first gradient without create_graph=True.'
    )
