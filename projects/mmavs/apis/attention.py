"""Where the queries of a model look, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.model import BaseModel

from ..datasets.front_end import find_front_end
from ..datasets.transforms import clip_collate
from ..engine.clip_picture import clip_picture, predicted_masks
from ..models.layers import AttentionRecord
from ..visualization import ClipPicture
from .clip_model import ClipModel
from .windows import Clip


@contextmanager
def recorded_attention(model: BaseModel) -> Iterator[AttentionRecord]:
    """Record the attention of a model's queries within the block.

    Forward hooks compute it; they change no output, and are removed after the
    block.

    Args:
        model (BaseModel): A segmentor in evaluation mode.

    Yields:
        AttentionRecord: Filled by the forward passes of one clip.

    Raises:
        ValueError: If the model has no queries that attend to pixels.
    """
    head = getattr(model, 'decode_head', model)
    if not hasattr(head, 'watch_attention'):
        raise ValueError(
            f'expected a model with queries that attend to pixels (AAVS, '
            f'AVSegFormer, EASE), got one whose head {type(head).__name__} '
            'has none, so there is no attention to draw; leave out '
            '--show-attention.'
        )
    record = AttentionRecord()
    handles = head.watch_attention(record)
    try:
        yield record
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def attention_picture(clip_model: ClipModel, clip: Clip) -> ClipPicture:
    """Segment a clip and draw where the queries look.

    Args:
        clip_model (ClipModel): Model and pipeline.
        clip (Clip): T frames and their sound.

    Returns:
        ClipPicture: Frames, prediction, attention of each layer, and sound.

    Raises:
        ValueError: See :func:`recorded_attention`.
    """
    with recorded_attention(clip_model.model) as record:
        packed = clip_model.pack([clip])
        results = clip_model.model.test_step(clip_collate(packed))
    samples = [sample.to_dict() for sample in results]
    classes = clip_model.classes
    return clip_picture(
        packed[0]['inputs'],
        samples,
        predicted_masks(samples, num_classes=len(classes)),
        metainfo=dict(classes=classes, palette=clip_model.palette),
        front_end=find_front_end(clip_model.pipeline),
        title=clip.name,
        attention={
            f'attention\n{name}': heat.cpu().numpy()
            for name, heat in record.maps().items()
        },
    )
