"""Record where the queries of a head attend, by hooks, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class AttentionRecord:
    """Attention of Q queries to pixels, collected in a forward pass.

    A head with queries has the method ``watch_attention(record)``, which
    registers forward hooks that call :meth:`add`, and optionally
    :meth:`weigh_queries`, and returns their handles.
    """

    def __init__(self) -> None:
        self._weights: dict[str, list[Tensor]] = {}
        self._sizes: dict[str, list[tuple[int, int]]] = {}
        self._query_weights: list[Tensor] = []

    def add(
        self, name: str, weights: Tensor, sizes: Sequence[tuple[int, int]]
    ) -> None:
        """Add the attention of a layer to frames that follow each other.

        Args:
            name (str): Names the layer.
            weights (Tensor): (N, Q, S), mean over heads. A row sums up to at
                most 1; the rest is attention to tokens that are no pixels.
            sizes (Sequence[tuple[int, int]]): (h, w) of the maps whose pixels
                are concatenated in S.
        """
        self._weights.setdefault(name, []).append(weights.detach())
        self._sizes[name] = list(sizes)

    def weigh_queries(self, weights: Tensor) -> None:
        """Set how much each query counts; without a call, all count alike.

        Args:
            weights (Tensor): (N, Q), not negative.
        """
        self._query_weights.append(weights.detach())

    def maps(self) -> dict[str, Tensor]:
        """Average the attention over queries and put it onto a map.

        Returns:
            dict[str, Tensor]: By name of the layer, in order: (N, h, w) at
            the size of the finest map. A frame sums up to the share of the
            attention that goes to pixels.
        """
        found = {}
        for name, parts in self._weights.items():
            weights = torch.cat(parts).float()
            share = weights.new_ones(weights.shape[:2])
            if self._query_weights:
                share = torch.cat(self._query_weights).float()
            # Sums of probabilities; a silent frame's are close to 0.
            share = share / share.sum(1, keepdim=True).clamp(min=1e-12)
            rows = torch.einsum('nq,nqs->ns', share, weights)
            found[name] = _add_levels(rows, self._sizes[name])
        return found


def _add_levels(rows: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """Add up maps that are concatenated in (N, S), keeping their sum."""
    height, width = max(sizes)
    total = rows.new_zeros(len(rows), height, width)
    parts = rows.split([h * w for h, w in sizes], dim=1)
    for part, (h, w) in zip(parts, sizes, strict=True):
        level = part.unflatten(1, (h, w))[:, None]
        resized = F.interpolate(level, (height, width), mode='nearest-exact')
        total += resized[:, 0] * (h * w) / (height * width)
    return total


def watch_multihead(
    module: nn.MultiheadAttention, report: Callable[[Tensor], None]
) -> RemovableHandle:
    """Report the attention weights of each call of torch's attention.

    They are computed a second time, because its fused kernels do not return
    them; the output of the module does not change.

    Args:
        module (nn.MultiheadAttention): The module.
        report (Callable[[Tensor], None]): Called with (N, Q, S), the mean
            over heads.

    Returns:
        RemovableHandle: Of the hook.
    """

    def hook(
        module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> None:
        assert isinstance(module, nn.MultiheadAttention)
        # The method of the base class: a subclass may return no weights.
        _, weights = nn.MultiheadAttention.forward(
            module, *args, **{**kwargs, 'need_weights': True}
        )
        assert weights is not None
        report(weights)

    return module.register_forward_hook(hook, with_kwargs=True)


def self_attention_weights(
    query: Tensor, key: Tensor, allowed: Tensor | None
) -> Tensor:
    """Compute the weights of scaled dot-product attention.

    Args:
        query (Tensor): (N, M, S, d), M heads.
        key (Tensor): (N, M, S, d).
        allowed (Tensor | None): (N, S, S) bool, see ``DinoAttention``.

    Returns:
        Tensor: (N, S, S), mean over heads.
    """
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed[:, None], -torch.inf)
    return scores.softmax(-1).mean(1)
