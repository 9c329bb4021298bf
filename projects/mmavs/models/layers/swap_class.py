"""Replace the class of layers that a library constructs by name."""

from __future__ import annotations

from torch import nn


def swap_class(
    module: nn.Module, old: type[nn.Module], new: type[nn.Module]
) -> int:
    """Change the class of layers inside a module, in place.

    For layers that mmdet and mmcv construct by name, so that no config key
    selects another class. Parameters and the state dict stay as they are.

    Args:
        module (nn.Module): Any module, itself included.
        old (type[nn.Module]): Class of the layers to change. Layers of its
            subclasses are not changed.
        new (type[nn.Module]): Their new class, with the same attributes.

    Returns:
        int: The number of layers changed.
    """
    layers = [layer for layer in module.modules() if type(layer) is old]
    for layer in layers:
        layer.__class__ = new
    return len(layers)
