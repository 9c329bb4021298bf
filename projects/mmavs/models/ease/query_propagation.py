"""Hand the queries of a second on to the next second of the same clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from .joint_input import JointInput, Prediction


class QueryPropagation(BaseModule):
    """Add the previous second's queries, projected, to those of a second.

    The idea of VidEoMT (https://arxiv.org/abs/2602.17807), for queries that
    also depend on the audio of their second; not a part of EASE. Behaviour of
    the projection follows ``tue-mps/videomt@39411e9``; reimplemented, no code
    taken. A clip's first second has no previous one and is computed as
    without propagation. The joint blocks run second after second, on all
    clips of the batch at once; the backbone is not affected.

    Args:
        embed_dims (int): Width D of the queries.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(
        self,
        frames: JointInput,
        num_frames: Sequence[int],
        run_joint: Callable[[JointInput], tuple[Sequence[Prediction], Tensor]],
    ) -> list[Prediction]:
        """Predict second after second.

        Args:
            frames (JointInput): N frames, clip after clip.
            num_frames (Sequence[int]): T of every clip; their sum is N.
            run_joint (Callable): Maps some of the frames to their predictions
                and to the normalised queries (n, Q, D) after the last block.

        Returns:
            list[Prediction]: Predictions of the N frames in their order.
        """
        predictions: list[Sequence[Prediction]] = []
        outputs: dict[int, Tensor] = {}
        seconds = _rows_by_second(num_frames)
        for rows in seconds:
            part = frames.select(rows)
            if outputs:
                previous = torch.stack([outputs[row - 1] for row in rows])
                part = part._replace(
                    queries=part.queries + self.proj(previous)
                )
            predicted, queries = run_joint(part)
            predictions.append(predicted)
            outputs = dict(zip(rows, queries, strict=True))
        order = torch.tensor([row for rows in seconds for row in rows])
        back = order.argsort().to(frames.x.device)
        return [
            tuple(torch.cat(parts)[back] for parts in zip(*one, strict=True))
            for one in zip(*predictions, strict=True)
        ]


def _rows_by_second(num_frames: Sequence[int]) -> list[list[int]]:
    """Rows of frame 0 of each clip, of frame 1 of those that have one, ..."""
    ends = list(accumulate(num_frames))
    starts = [end - count for end, count in zip(ends, num_frames, strict=True)]
    return [
        [
            start + t
            for start, count in zip(starts, num_frames, strict=True)
            if t < count
        ]
        for t in range(max(num_frames))
    ]
