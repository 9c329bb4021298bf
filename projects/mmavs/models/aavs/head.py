"""AAVS's decode head: Mask2Former with audio-conditioned queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData, PixelData
from mmseg.models.decode_heads import Mask2FormerHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from mmavs.structures import UNLABELLED, ClipFeatures

from ..layers import (
    AttentionRecord,
    init_adapters,
    use_row_major_attention,
    use_tiled_ffn,
    watch_multihead,
)
from .audio_query import AudioQueryGenerator
from .transformer_decoder import adapt_decoder


@MODELS.register_module()
class AAVSHead(Mask2FormerHead):
    """Mask2Former's head with queries conditioned on each frame's sound.

    Call graph::

        forward(): pixel_decoder() -> audio_query()
                   -> _decode(): _decoder_memory() -> mask_prior() -> layers

    Behaviour follows ``Stepping-Stones@de6a17b`` (the vendored
    ``modeling_mask2former.py``); reimplemented on mmdet's head, no code
    taken. Background is an ordinary class, id 0, with its own masks.

    Args:
        audio_query (str): ``'adaptive'``, ``'repeat'`` or ``'none'``, see
            :class:`AudioQueryGenerator`.
        audio_channels (int): Width of the audio embedding.
        audio_hidden_channels (int): Hidden width of its projection.
        adapter_mode (str): How the adapters of the pixel decoder and of the
            decoder's self-attention are combined with output projections:
            ``'replace'`` (published stage one), ``'append'`` (published
            stage two) or ``'none'``.
        mask_prior (dict | None): Config of a ``MaskPrior``, which feeds
            the masks of stage one to the decoder (stage two). None ignores
            them.
        skip_silent_clips (bool): Exclude clips without any sounding pixel
            from the loss, as published for MS3. A batch of such clips only
            has zero loss.
        kwargs: Arguments of mmseg's ``Mask2FormerHead``; ``pixel_decoder``
            must be an ``AdapterPixelDecoder`` config.

    Raises:
        ValueError: If ``adapter_mode`` or ``audio_query`` is unknown.
    """

    def __init__(
        self,
        *,
        audio_query: Literal['adaptive', 'repeat', 'none'] = 'adaptive',
        audio_channels: int = 128,
        audio_hidden_channels: int = 512,
        adapter_mode: Literal['replace', 'append', 'none'] = 'replace',
        mask_prior: dict | None = None,
        skip_silent_clips: bool = False,
        pixel_decoder: dict,
        **kwargs: Any,
    ) -> None:
        if adapter_mode not in ('replace', 'append', 'none'):
            raise ValueError(
                "adapter_mode must be 'replace', 'append' or 'none', got "
                f'{adapter_mode!r}.'
            )
        super().__init__(
            pixel_decoder=ConfigDict(pixel_decoder, adapter_mode=adapter_mode),
            **kwargs,
        )
        self.skip_silent_clips = skip_silent_clips
        self.audio_query = AudioQueryGenerator(
            audio_query,
            audio_channels=audio_channels,
            hidden_channels=audio_hidden_channels,
            embed_dims=self.decoder_embed_dims,
        )
        use_row_major_attention(self.transformer_decoder)
        use_tiled_ffn(self.transformer_decoder)
        if adapter_mode != 'none':
            adapt_decoder(self.transformer_decoder, adapter_mode)
        self.mask_prior = None
        if mask_prior is not None:
            self.mask_prior = MODELS.build(
                mask_prior,
                default_args=dict(embed_dims=self.decoder_embed_dims),
            )

    def init_weights(self) -> None:
        """Initialise as mmdet does, then initialise the adapters."""
        super().init_weights()
        init_adapters(self.transformer_decoder)

    def decode_pixels(
        self, visual: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Compute what the queries attend to; it does not use the sound.

        Args:
            visual (Sequence[Tensor]): L maps (N, C_l, H_l, W_l).

        Returns:
            tuple[Tensor, list[Tensor]]: Mask feature (N, C, H/4, W/4), and
            maps (N, C, h, w), coarse to fine.
        """
        return self.pixel_decoder(list(visual))

    def forward(
        self,
        features: ClipFeatures,
        data_samples: list[SegDataSample] | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Predict classes and masks after every decoder layer.

        Args:
            features (ClipFeatures): Visual maps and audio of N frames.
            data_samples (list[SegDataSample] | None): Not used; part of
                mmdet's signature.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Class scores (N, Q, K + 1), of
            which the last is "no object", and mask logits (N, Q, H/4, W/4);
            one of each before the first layer and after each layer.
        """
        mask_feature, memories = features.pixels or self.decode_pixels(
            features.visual
        )
        num_frames = mask_feature.shape[0]
        query_pos = self.query_embed.weight.expand(num_frames, -1, -1)
        query = self.audio_query(
            self.query_feat.weight.expand(num_frames, -1, -1),
            query_pos,
            features.audio_embed,
        )
        return self._decode(
            query, query_pos, memories, mask_feature, features.mask_prior
        )

    def watch_attention(
        self, record: AttentionRecord
    ) -> list[RemovableHandle]:
        """Record the cross-attention of the queries in each decoder layer.

        A query counts by its probability of a class other than the
        background.

        Args:
            record (AttentionRecord): Gets the attention of every forward
                pass.

        Returns:
            list[RemovableHandle]: Of the hooks.
        """
        sizes: list[tuple[int, int]] = []

        def keep_sizes(module: Any, args: Any, output: Any) -> None:
            sizes[:] = [tuple(memory.shape[-2:]) for memory in output[1]]

        def weigh(module: Any, args: Any, output: Any) -> None:
            record.weigh_queries(output[0][-1].softmax(-1)[..., 1:-1].sum(-1))

        def watch(i: int, layer: Any) -> RemovableHandle:
            level = i % self.num_transformer_feat_level
            return watch_multihead(
                layer.cross_attn.attn,
                lambda weights: record.add(
                    f'layer {i + 1}', weights, [sizes[level]]
                ),
            )

        layers = self.transformer_decoder.layers
        return [
            self.pixel_decoder.register_forward_hook(keep_sizes),
            *(watch(i, layer) for i, layer in enumerate(layers)),
            self.register_forward_hook(weigh),
        ]

    def _decoder_memory(
        self, memories: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Flatten the maps to keys (N, h*w, C) and their positions."""
        keys, key_pos = [], []
        for level, memory in enumerate(memories):
            key = self.decoder_input_projs[level](memory)
            key = key.flatten(2).transpose(1, 2)
            keys.append(key + self.level_embed.weight[level])
            no_padding = memory.new_zeros(
                (memory.shape[0], *memory.shape[-2:]), dtype=torch.bool
            )
            pos = self.decoder_positional_encoding(no_padding)
            key_pos.append(pos.flatten(2).transpose(1, 2))
        return keys, key_pos

    def _decode(
        self,
        query: Tensor,
        query_pos: Tensor,
        memories: list[Tensor],
        mask_feature: Tensor,
        prior: Tensor | None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Refine the queries level by level, coarse to fine and again."""
        keys, key_pos = self._decoder_memory(memories)
        sizes = [memory.shape[-2:] for memory in memories]
        first_blocked = None
        if self.mask_prior is not None:
            mask_feature, key_pos, first_blocked = self.mask_prior(
                mask_feature, key_pos, sizes, prior
            )
        cls_score, mask_logit, blocked = self._forward_head(
            query, mask_feature, sizes[0]
        )
        if first_blocked is not None:
            # (N, 1, h*w) -> (N * heads, Q, h*w)
            blocked = first_blocked.repeat_interleave(
                self.num_heads, dim=0
            ).expand_as(blocked)
        cls_scores, mask_logits = [cls_score], [mask_logit]
        for i, layer in enumerate(self.transformer_decoder.layers):
            level = i % self.num_transformer_feat_level
            query = layer(
                query=query,
                key=keys[level],
                value=keys[level],
                query_pos=query_pos,
                key_pos=key_pos[level],
                # A query with an empty mask attends to all pixels.
                cross_attn_mask=blocked & ~blocked.all(-1, keepdim=True),
            )
            cls_score, mask_logit, blocked = self._forward_head(
                query, mask_feature, sizes[(level + 1) % len(sizes)]
            )
            cls_scores.append(cls_score)
            mask_logits.append(mask_logit)
        return cls_scores, mask_logits

    def loss(
        self,
        features: ClipFeatures,
        data_samples: list[SegDataSample],
        train_cfg: dict,
    ) -> dict[str, Tensor]:
        """Compute the set loss of every prediction.

        Args:
            features (ClipFeatures): Features of N frames.
            data_samples (list[SegDataSample]): N samples with
                ``gt_sem_seg``.
            train_cfg (dict): Not used; part of mmseg's signature.

        Returns:
            dict[str, Tensor]: ``loss_cls``, ``loss_mask`` and ``loss_dice``
            of the last prediction, ``d{i}.loss_*`` of the others.
        """
        if not self.skip_silent_clips:
            return super().loss(features, data_samples, train_cfg)
        kept = _frames_of_sounding_clips(features.num_frames, data_samples)
        cls_scores, mask_logits = self(features, data_samples)
        if not kept:
            # Distributed training needs every parameter in the graph; their
            # gradients are zero.
            total = sum(x.sum() for x in (*cls_scores, *mask_logits))
            return {'loss_cls': 0 * total}
        instances, metas = self._seg_data_to_instance_data(
            [data_samples[n] for n in kept]
        )
        return self.loss_by_feat(
            [score[kept] for score in cls_scores],
            [logit[kept] for logit in mask_logits],
            instances,
            metas,
        )

    @torch.no_grad()
    def _get_targets_single(self, *args: Any, **kwargs: Any) -> tuple:
        """Match the queries; mmdet's version keeps a graph of the costs."""
        return super()._get_targets_single(*args, **kwargs)

    def _seg_data_to_instance_data(
        self, batch_data_samples: list[SegDataSample]
    ) -> tuple[list[InstanceData], list[dict]]:
        """Make one target mask per class present, at the frame's size.

        Truth is stored at 224x224 (AVSBench) and trained at the frame's
        size; nearest-exact selects the same pixels as Pillow's NEAREST.

        Raises:
            ValueError: If a frame is not labelled. Without targets it would
                be trained as a frame in which nothing sounds.
        """
        resized = []
        for sample in batch_data_samples:
            truth = sample.gt_sem_seg.data
            if bool((truth == UNLABELLED).any()):
                raise ValueError(
                    'AAVS trains on labelled frames only, got frame '
                    f'{sample.get("frame_index")} of clip '
                    f'{sample.get("clip_id")!r} without labels '
                    f'({UNLABELLED}); set the data set to '
                    "unlabelled='repeat_first'."
                )
            size = tuple(sample.img_shape[:2])
            if truth.shape[-2:] != size:
                truth = F.interpolate(
                    truth[None].float(), size, mode='nearest-exact'
                )[0].to(truth.dtype)
            target = SegDataSample(metainfo=sample.metainfo)
            target.gt_sem_seg = PixelData(data=truth)
            resized.append(target)
        return super()._seg_data_to_instance_data(resized)


def _frames_of_sounding_clips(
    num_frames: tuple[int, ...], data_samples: list[SegDataSample]
) -> list[int]:
    """Indices of the frames of clips that have any sounding pixel."""
    kept: list[int] = []
    start = 0
    for length in num_frames:
        frames = range(start, start + length)
        if any(data_samples[n].gt_sem_seg.data.any() for n in frames):
            kept.extend(frames)
        start += length
    return kept
