"""One parameter group per parameter, with layer-wise decay of the rate."""

from __future__ import annotations

import re
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

_HEAD_BLOCK = re.compile(r'decode_head\.blocks\.(\d+)\.')
_BACKBONE_BLOCK = re.compile(r'backbone\.blocks\.(\d+)\.')
#: Pretrained parts of the head.
_JOINT = ('decode_head.blocks.', 'decode_head.norm.')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LateBackboneOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Learning rates of EASE: decay below the joint blocks, late backbone.

    Every parameter gets a group with ``lr`` and ``late``, which
    :class:`TwoStageWarmupPolyLR` reads:

    ==================================  =============================  =====
    parameter                           rate                           late
    ==================================  =============================  =====
    block i of n in the backbone        base * mult * decay^(n-1-i)    yes
    the rest of a ViT backbone          as block 0                     yes
    any other backbone                  base * mult                    yes
    joint blocks and norm of the head   base                           yes
    other blocks of the head            as in the backbone             yes
    norm of the head, not of a ViT      base * mult                    yes
    everything else                     base                           no
    ==================================  =============================  =====

    Weight decay is the same for all, norms and biases included. Behaviour
    follows ``ilpoviertola/EASE@12ab645:training/lightning_module.py``.

    Options of ``paramwise_cfg``: ``layer_decay`` (float, 1.0) and
    ``backbone_lr_mult`` (float, 1.0). The published runs multiply by the
    square root of their 2 GPUs.
    """

    def add_params(
        self, params: list[dict], module: nn.Module, **kwargs: object
    ) -> None:
        """Add the groups of all parameters that train.

        Args:
            params (list[dict]): Gets the groups.
            module (nn.Module): The whole model.
            kwargs (object): Not used; mmengine's signature.
        """
        decay = self.paramwise_cfg.get('layer_decay', 1.0)
        mult = self.paramwise_cfg.get('backbone_lr_mult', 1.0)
        settings = getattr(module.backbone, 'settings', None)
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            rate = self.base_lr
            above = _blocks_above(name, module)
            if above is not None:
                rate *= mult
                if settings is not None:
                    rate *= decay**above
            late = name.startswith(('backbone.', *_JOINT))
            params.append(dict(params=[parameter], lr=rate, late=late))


def _blocks_above(name: str, model: nn.Module) -> int | None:
    """Number of blocks above a parameter; None if it has the base rate."""
    head: Any = model.decode_head
    settings: Any = getattr(model.backbone, 'settings', None)
    block = _HEAD_BLOCK.match(name)
    if block and int(block[1]) < getattr(head, 'first_joint', 0):
        return len(head.blocks) - 1 - int(block[1])
    if settings is None:
        pretrained = name.startswith(('backbone.', 'decode_head.norm.'))
        return 0 if pretrained else None
    if not name.startswith('backbone.'):
        return None
    block = _BACKBONE_BLOCK.match(name)
    return settings.num_layers - 1 - (int(block[1]) if block else 0)
