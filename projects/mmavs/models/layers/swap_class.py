"""Replace the class of layers that a library constructs by name."""

from __future__ import annotations

from torch import nn


def swap_class(
    module: nn.Module,
    old: type[nn.Module] | tuple[type[nn.Module], ...],
    new: type[nn.Module],
) -> int:
    """Change the class of layers inside a module, in place.

    For layers whose class is fixed in mmdet's and mmcv's code, so that no
    config key can select another one. Parameters and the state dict do not
    change.

    Args:
        module (nn.Module): Any module, itself included.
        old (type[nn.Module] | tuple[type[nn.Module], ...]): Class of the
            layers to change, or several. Layers of their subclasses are not
            changed.
        new (type[nn.Module]): Their new class, with the same attributes.

    Returns:
        int: The number of layers changed.
    """
    kinds = old if isinstance(old, tuple) else (old,)
    layers = [layer for layer in module.modules() if type(layer) in kinds]
    for layer in layers:
        layer.__class__ = new
    return len(layers)
