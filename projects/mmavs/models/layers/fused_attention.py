"""torch's multi-head attention without the weights that nobody reads."""

from typing import Any

from torch import Tensor, nn


class FusedMultiheadAttention(nn.MultiheadAttention):
    """``nn.MultiheadAttention`` that never returns its attention weights.

    mmcv's layers ask for the weights, averaged over heads, and drop them.
    Without them torch takes its fused kernel, which does not write out the
    attention matrix; results are equal.
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
    """Let torch's attention layers inside a module skip their weights.

    mmcv's layers construct torch's class by name, so there is no config key
    to change. Parameters and state dict stay as they are.

    Args:
        module (nn.Module): Any module, changed in place.

    Returns:
        int: The number of layers changed; subclasses of torch's layer are
        left alone.
    """
    layers = [
        layer
        for layer in module.modules()
        if type(layer) is nn.MultiheadAttention
    ]
    for layer in layers:
        layer.__class__ = FusedMultiheadAttention
    return len(layers)
