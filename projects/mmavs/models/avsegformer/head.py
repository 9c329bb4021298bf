"""AVSegFormer's decode head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from mmdet.models.layers import DetrTransformerDecoderLayer
from mmengine.model import BaseModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmavs.structures import UNLABELLED, ClipFeatures

from ..layers import (
    AttentionRecord,
    use_fused_attention,
    watch_multihead,
)
from ..stepping_stones import build_fusion_prior
from .channel_mixer import AVSegFormerChannelMixer
from .mask_head import AVSegFormerMaskHead
from .pixel_decoder import AVSegFormerPixelDecoder
from .query_generator import AVSegFormerQueryGenerator


@MODELS.register_module()
class AVSegFormerHead(BaseModule):
    """Decode audio queries over maps of a deformable-attention encoder.

    Call graph::

        forward(): audio_proj -> query_generator
                   pixel_decoder -> decoder (queries over memory)
                   mixer -> mask_prior -> mask_head

    AVSegFormer (https://arxiv.org/abs/2307.01146) in its current release,
    ``AVSegFormer@7083cb6``; behavioural reference, reimplemented on mmdet's
    layers, no code taken. Each frame uses only its own row of audio: there is
    no temporal modelling.

    Args:
        in_channels (Sequence[int]): Channels of the visual maps, fine to
            coarse.
        num_classes (int): Logits K per pixel: 1 for "sounds", thresholded
            at 0, or one per class, background included.
        num_queries (int): Q.
        embed_dims (int): Width C.
        audio_channels (int): Width of the audio embedding.
        audio_query (str): ``'attention'`` or ``'repeat'``, see
            :class:`AVSegFormerQueryGenerator`.
        query_generator (dict | None): Its other arguments.
        encoder (dict): Arguments of mmdet's
            ``DeformableDetrTransformerEncoder``.
        decoder (dict): ``num_layers``, and ``layer_cfg`` of mmdet's
            ``DetrTransformerDecoderLayer``.
        num_heads (int): Attention heads of generator and mixer.
        num_groups (int): Groups of the group norms; divides C.
        mask_head (dict | None): Other arguments of
            :class:`AVSegFormerMaskHead`.
        mask_prior (dict | None): Config of a ``MaskPrior`` that is fused with
            the mixed mask feature (stage two of Stepping Stones); see
            :func:`mmavs.models.stepping_stones.build_fusion_prior`.
        loss_decode (dict): Loss of the logits. With K = 1 it gets (n, H, W)
            and truth of 0 and 1, else (n, K, H, W) and class ids.
        loss_mix (dict): Loss of the mask feature's mean over channels, which
            is trained to predict where any class sounds. It uses the mask
            feature before the prior is added, since the prior may be the
            truth.
        align_corners (bool): Option of mmseg's resizing of logits.

    Raises:
        ValueError: If ``audio_query`` is unknown, or ``mask_prior`` sets
            options that this head does not support.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        num_classes: int,
        encoder: dict,
        decoder: dict,
        loss_decode: dict,
        loss_mix: dict,
        num_queries: int = 300,
        embed_dims: int = 256,
        audio_channels: int = 128,
        audio_query: Literal['attention', 'repeat'] = 'attention',
        query_generator: dict | None = None,
        num_heads: int = 8,
        num_groups: int = 32,
        mask_head: dict | None = None,
        mask_prior: dict | None = None,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.out_channels = num_classes
        self.align_corners = align_corners
        self.audio_proj = nn.Linear(audio_channels, embed_dims)
        self.query_generator = AVSegFormerQueryGenerator(
            audio_query,
            num_queries=num_queries,
            embed_dims=embed_dims,
            num_heads=num_heads,
            **(query_generator or {}),
        )
        self.query_embed = nn.Embedding(num_queries, embed_dims)
        self.pixel_decoder = AVSegFormerPixelDecoder(
            in_channels, embed_dims, encoder, num_groups
        )
        self.decoder = nn.ModuleList(
            DetrTransformerDecoderLayer(**decoder['layer_cfg'])
            for _ in range(decoder['num_layers'])
        )
        use_fused_attention(self.decoder)
        self.mixer = AVSegFormerChannelMixer(embed_dims, num_heads)
        self.mask_head = AVSegFormerMaskHead(
            num_queries, embed_dims, num_classes, **(mask_head or {})
        )
        self.mask_prior = build_fusion_prior(mask_prior, embed_dims)
        self.loss_decode = MODELS.build(loss_decode)
        self.loss_mix = MODELS.build(loss_mix)

    def init_weights(self) -> None:
        """Initialise as published; ``audio_proj`` keeps PyTorch's default."""
        self.query_generator.init_weights()
        self.pixel_decoder.init_weights()
        self.mixer.init_weights()
        self.mask_head.init_weights()
        nn.init.xavier_uniform_(self.query_embed.weight)
        for parameter in self.decoder.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def decode_pixels(self, visual: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Compute what the queries attend to; it does not use the sound.

        Args:
            visual (Sequence[Tensor]): L + 1 maps (N, C_l, H_l, W_l).

        Returns:
            tuple[Tensor, Tensor]: See :class:`AVSegFormerPixelDecoder`.
        """
        return self.pixel_decoder(list(visual))

    def forward(self, features: ClipFeatures) -> tuple[Tensor, Tensor]:
        """Predict logits.

        Args:
            features (ClipFeatures): Visual maps and audio of N frames.

        Returns:
            tuple[Tensor, Tensor]: Logits (N, K, 4 H, 4 W), and the mask
            feature (N, C, H, W) after the mixer and before the prior is
            added. H and W are those of the finest map.
        """
        audio = self.audio_proj(features.audio_embed)[:, None]  # (N, 1, C)
        memory, mask_feature = features.pixels or self.decode_pixels(
            features.visual
        )
        query = self.query_generator(audio) + self.query_embed.weight
        for layer in self.decoder:
            query = layer(query, key=memory, value=memory)
        mask_feature = self.mixer(mask_feature, audio)
        fused = mask_feature
        if self.mask_prior is not None:
            fused = self.mask_prior.fuse(mask_feature, features.mask_prior)
        return self.mask_head(query, fused), mask_feature

    def loss(
        self,
        features: ClipFeatures,
        data_samples: list[SegDataSample],
        train_cfg: dict,
    ) -> dict[str, Tensor]:
        """Compute the losses, averaged over labelled frames.

        Args:
            features (ClipFeatures): Features of N frames.
            data_samples (list[SegDataSample]): N samples with
                ``gt_sem_seg``; frames that are all 255 are not labelled.
            train_cfg (dict): Not used; part of mmseg's signature.

        Returns:
            dict[str, Tensor]: ``loss_decode`` and ``loss_mix``; zero if no
            frame is labelled.

        Raises:
            ValueError: If a frame is partially labelled.
        """
        logits, mask_feature = self(features)
        truth = torch.cat([s.gt_sem_seg.data for s in data_samples])
        labelled = _labelled_frames(truth)
        logits = logits[labelled]
        mean = mask_feature[labelled].mean(1)
        if not labelled.any():
            # Distributed training needs every parameter in the graph; their
            # gradients are zero.
            return dict(loss_decode=logits.sum(), loss_mix=mean.sum())
        truth = truth[labelled]
        sounds = (truth > 0).to(logits.dtype)
        logits = self._resized(logits, truth)
        one_channel = self.num_classes == 1
        return dict(
            loss_decode=self.loss_decode(
                logits[:, 0] if one_channel else logits,
                sounds if one_channel else truth,
            ),
            loss_mix=self.loss_mix(
                self._resized(mean[:, None], truth)[:, 0], sounds
            ),
        )

    def predict(
        self,
        features: ClipFeatures,
        batch_img_metas: list[dict],
        test_cfg: dict,
    ) -> Tensor:
        """Predict logits.

        Args:
            features (ClipFeatures): Features of N frames.
            batch_img_metas (list[dict]): Not used; part of mmseg's
                signature, as is ``test_cfg``.
            test_cfg (dict): Not used.

        Returns:
            Tensor: (N, K, 4 H, 4 W).
        """
        return self(features)[0]

    def watch_attention(
        self, record: AttentionRecord
    ) -> list[RemovableHandle]:
        """Record the cross-attention of the queries in each decoder layer.

        All queries count alike, since they have no classes.

        Args:
            record (AttentionRecord): Gets the attention of every forward
                pass.

        Returns:
            list[RemovableHandle]: Of the hooks.
        """
        sizes: list[tuple[int, int]] = []

        def keep_sizes(module: Any, args: Any) -> None:
            _, *coarse = args[0]
            sizes[:] = [tuple(level.shape[-2:]) for level in coarse]

        def watch(i: int, layer: Any) -> RemovableHandle:
            return watch_multihead(
                layer.cross_attn.attn,
                lambda weights: record.add(f'layer {i + 1}', weights, sizes),
            )

        return [
            self.pixel_decoder.register_forward_pre_hook(keep_sizes),
            *(watch(i, layer) for i, layer in enumerate(self.decoder)),
        ]

    def _resized(self, maps: Tensor, truth: Tensor) -> Tensor:
        if maps.shape[-2:] == truth.shape[-2:]:
            return maps
        return resize(
            maps,
            tuple(truth.shape[-2:]),
            mode='bilinear',
            align_corners=self.align_corners,
        )


def _labelled_frames(truth: Tensor) -> Tensor:
    """Find the labelled frames: (n, H, W) -> (n,) bool."""
    ignored = (truth == UNLABELLED).flatten(1)
    in_part = ignored.any(1) & ~ignored.all(1)
    if in_part.any():
        raise ValueError(
            'truth must be labelled in every pixel of a frame or in none '
            f'({UNLABELLED}); frame {int(in_part.nonzero()[0])} of the '
            'batch mixes both, and dice losses cannot ignore pixels.'
        )
    return ~ignored.all(1)
