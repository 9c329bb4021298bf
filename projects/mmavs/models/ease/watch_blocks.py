"""Hooks that record the attention of queries to patches."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from ..layers import AttentionRecord


def watch_joint_blocks(
    head: Any, record: AttentionRecord
) -> list[RemovableHandle]:
    """Record each joint block of a head.

    Args:
        head (Any): An ``EASEHead``.
        record (AttentionRecord): See ``EASEHead.watch_attention``.

    Returns:
        list[RemovableHandle]: Of the hooks.
    """
    grid: list[int] = []

    def keep_grid(module: nn.Module, args: Any) -> None:
        grid[:] = args[0].visual[0].shape[-2:]

    def weigh(module: nn.Module, args: Any, output: Any) -> None:
        record.weigh_queries(output[0][-1].softmax(-1)[..., 1:-1].sum(-1))

    def watch(index: int) -> RemovableHandle:
        def keep(block: Any, args: Any, output: Any) -> None:
            height, width = grid
            # Queries are the first tokens, patches the last.
            weights = block.attention(*args)[:, : head.num_queries]
            record.add(
                f'block {index + 1}',
                weights[..., -height * width :],
                [(height, width)],
            )

        return head.blocks[index].register_forward_hook(keep)

    return [
        head.register_forward_pre_hook(keep_grid),
        *(watch(i) for i in range(head.first_joint, len(head.blocks))),
        head.register_forward_hook(weigh),
    ]
