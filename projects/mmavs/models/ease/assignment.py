"""Soft assignment to learned centres."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def soft_assignment(scores: Tensor, *, noisy: bool) -> Tensor:
    """Distribute each row over the centres.

    The published model calls ``gumbel_softmax`` in evaluation as well, so two
    tests of one checkpoint differ.

    Args:
        scores (Tensor): (..., K) logits of K centres.
        noisy (bool): Add Gumbel noise before the softmax.

    Returns:
        Tensor: (..., K), positive, sums to 1.
    """
    if noisy:
        return F.gumbel_softmax(scores, dim=-1)
    return scores.softmax(-1)
