"""EASE's decode head: the last blocks of the Vision Transformer, and masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mmavs.structures import ClipFeatures

from ..layers import AttentionRecord
from ..stepping_stones import MaskPrior, check_prior
from .blocks import build_blocks, check_blocks
from .fuser_list import FuserList
from .joint_input import (
    JointInput,
    Prediction,
    allow_attention,
    as_rows,
    inside_masks,
)
from .mask_losses import LabelledFrameLosses
from .query_generator import EASEQueryGenerator
from .query_propagation import QueryPropagation
from .upscaler import Upscaler
from .watch_blocks import watch_joint_blocks


@MODELS.register_module()
class EASEHead(LabelledFrameLosses):
    """Encoder-only masks: queries from audio join the last blocks.

    Call graph::

        forward(): audio_enhancer -> query_generator
                   blocks: fusers -> [queries, prefix, patches] -> block
                   norm -> predict(): class_head; mask_head x upscaler

    EASE (https://arxiv.org/abs/2609.29121). Behaviour follows
    ``ilpoviertola/EASE@12ab645:models/{ease,ease_vit,ease_pvt}.py``;
    reimplemented on mmdet's losses, no code taken. The backbone is a
    ``DinoViT`` with the same ``arch`` and ``variant``, or a ``PVTv2``, with
    ``joint_blocks=num_blocks``.

    In training a prediction is made before each joint block as well. It
    blocks the attention of a query to the patches outside its mask, and is
    supervised like the last one. ``attn_mask_probs`` holds, for each joint
    block, the share of queries that are blocked; ``MaskAnnealingHook`` lowers
    it from 1 to 0. In evaluation only the last prediction is computed.

    Args:
        arch (str | dict): As in ``DinoViT``; for PVTv2 ``'b5'``, or the
            fields of :class:`.pvt_block.PVTSettings`.
        variant (str): As in ``DinoViT``, or ``'pvtv2'``. With PVTv2 the
            number of queries and patches must be a square, see
            :class:`.pvt_block.PVTJointBlock`.
        num_classes (int): K, background (id 0) among them.
        num_queries (int): Q.
        audio_channels (int): Width A of the audio embedding.
        audio_dims (int): Width E of the audio tokens.
        num_blocks (int): Last blocks of the network that the head owns.
        joint_blocks (int): Those of them that run on queries as well.
        audio_enhancer (dict): Config of an ``EASEClusterEnhancer`` or an
            ``EASELinearEnhancer``.
        query_generator (dict | None): Arguments of
            :class:`EASEQueryGenerator`; None gives every frame the same
            learned queries.
        fuser (dict | None): Config of an ``EASEAligner`` or an
            ``EASEBiAttention``; None leaves the patches without sound.
        fuse_before (Sequence[int]): Blocks of the head, from 0, that the
            fuser runs before.
        fuse_late (bool): Run the fuser after the last block too.
        norm_before_late_fusion (bool): Normalise before this last fusion, as
            published for PVTv2; False normalises after it, as published for
            ViT.
        share_fuser (bool): One fuser for all places, as published; False
            makes one per place.
        masked_attention (bool): Predict before each joint block in training
            and block attention by it, see above. False supervises the last
            prediction alone.
        num_upscale (int): Doublings of the patch map for the masks.
        dropout (float): Channel dropout of that map in training.
        query_propagation (bool): Add the queries of the previous second of
            the clip, see :class:`QueryPropagation`; not a part of EASE.
        mask_prior (dict | None): Config of a ``MaskPrior`` for stage two of
            Stepping Stones. ``fuse_mask_feature`` adds the prior to the
            upscaled map. ``init_attention`` limits the attention of queries
            in the first joint block to the patches of the prior, also in
            evaluation, in place of masked attention. ``robust_key`` adds an
            embedding to every patch where the queries join.
        loss_cls (dict): Loss of the classes, with K + 1 class weights.
        loss_mask (dict): Loss of the masks at sampled points.
        loss_dice (dict): Loss of the masks at sampled points.
        train_cfg (dict): ``assigner``, ``sampler``, ``num_points``,
            ``oversample_ratio`` and ``importance_sample_ratio`` of mmdet's
            ``Mask2FormerHead``.
        init_cfg (dict | None): Initialisation; ``dict(type='Pretrained',
            checkpoint=..., prefix='decode_head.')`` with the backbone's file
            loads the blocks and the norm.

    Raises:
        ValueError: If block numbers do not fit together.
    """

    def __init__(
        self,
        *,
        arch: str | dict = 'base',
        variant: str = 'dinov3',
        num_classes: int,
        audio_enhancer: dict,
        query_generator: dict | None,
        fuser: dict | None,
        loss_cls: dict,
        loss_mask: dict,
        loss_dice: dict,
        train_cfg: dict,
        num_queries: int = 100,
        audio_channels: int = 128,
        audio_dims: int = 320,
        num_blocks: int = 4,
        joint_blocks: int = 4,
        fuse_before: Sequence[int] = (0, 1, 2, 3),
        fuse_late: bool = True,
        norm_before_late_fusion: bool = False,
        share_fuser: bool = True,
        masked_attention: bool = True,
        num_upscale: int = 2,
        dropout: float = 0.1,
        query_propagation: bool = False,
        mask_prior: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        check_blocks(num_blocks, joint_blocks, fuse_before)
        super().__init__(
            num_classes=num_classes,
            loss_cls=loss_cls,
            loss_mask=loss_mask,
            loss_dice=loss_dice,
            train_cfg=train_cfg,
            init_cfg=init_cfg,
        )
        self.variant = variant
        self.num_queries = num_queries
        self.first_joint = num_blocks - joint_blocks
        self.norm_before_late_fusion = norm_before_late_fusion
        self.masked_attention = masked_attention

        self.blocks, self.norm = build_blocks(
            arch, variant, num_blocks=num_blocks, joint_blocks=joint_blocks
        )
        (dims,) = self.norm.normalized_shape
        self.audio_enhancer = MODELS.build(
            audio_enhancer,
            default_args=dict(
                audio_channels=audio_channels, embed_dims=audio_dims
            ),
        )
        self.query_embed = nn.Embedding(num_queries, dims)
        self.query_generator: nn.Module | None = None
        if query_generator is not None:
            self.query_generator = EASEQueryGenerator(
                num_queries, dims, embed_dims=audio_dims, **query_generator
            )
        self.fusers = FuserList(
            fuser,
            places=[*sorted(fuse_before), *([num_blocks] * fuse_late)],
            share=share_fuser,
            defaults=dict(embed_dims=dims, audio_dims=audio_dims),
        )
        self.upscaler = Upscaler(dims, num_upscale)
        self.dropout = nn.Dropout2d(dropout)
        self.class_head = nn.Linear(dims, num_classes + 1)
        self.mask_head = nn.Sequential(
            nn.Linear(dims, dims),
            nn.GELU(),
            nn.Linear(dims, dims),
            nn.GELU(),
            nn.Linear(dims, dims),
        )
        self.propagation: QueryPropagation | None = None
        if query_propagation:
            self.propagation = QueryPropagation(dims)
        self.mask_prior: MaskPrior | None = None
        if mask_prior is not None:
            self.mask_prior = MODELS.build(
                mask_prior, default_args=dict(embed_dims=dims)
            )
        self.register_buffer('attn_mask_probs', torch.ones(joint_blocks))

    attn_mask_probs: Tensor

    def init_weights(self) -> None:
        """Draw the queries from a normal distribution, the rest by part."""
        nn.init.normal_(self.query_embed.weight)
        BaseModule.init_weights(self)

    def forward(
        self,
        features: ClipFeatures,
        data_samples: list[SegDataSample] | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Predict classes and masks.

        Args:
            features (ClipFeatures): ``visual`` as ``DinoViT`` or ``PVTv2``
                returns it.
            data_samples (list[SegDataSample] | None): Not used; part of
                mmdet's signature.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Class logits (N, Q, K + 1), the
            last for "no object", and mask logits (N, Q, 2^u h, 2^u w) for u
            doublings; in training with masked attention before each joint
            block and at the end, else at the end alone.
        """
        patch_map, *others = features.visual
        grid = (patch_map.shape[-2], patch_map.shape[-1])
        prefix = others[:1]  # none with PVTv2
        rope = others[1] if len(others) > 1 else None
        prior = None
        if self.mask_prior is not None:
            prior = check_prior(features.mask_prior, num_frames=len(patch_map))
        tokens = self.audio_enhancer(features.audio_embed)
        x = torch.cat([as_rows(one) for one in (*prefix, patch_map)], 1)
        positions = grid if self.variant == 'pvtv2' else rope
        for i in range(self.first_joint):
            x = self.fusers(x, tokens, grid, place=i)
            x = self.blocks[i](x, positions)
        frames = JointInput(x, tokens, self._queries(tokens), rope, prior)
        if self.propagation is None:
            predictions, _ = self._run_joint(frames, grid)
        else:
            predictions = self.propagation(
                frames,
                features.num_frames,
                lambda part: self._run_joint(part, grid),
            )
        classes, masks = zip(*predictions, strict=True)
        return list(classes), list(masks)

    def watch_attention(
        self, record: AttentionRecord
    ) -> list[RemovableHandle]:
        """Record the attention of the queries to patches in joint blocks.

        A query counts by its probability of a class other than the
        background.

        Args:
            record (AttentionRecord): Gets the attention of every forward
                pass in evaluation.

        Returns:
            list[RemovableHandle]: Of the hooks.
        """
        return watch_joint_blocks(self, record)

    def _run_joint(
        self, frames: JointInput, grid: tuple[int, int]
    ) -> tuple[list[Prediction], Tensor]:
        """Predictions, and the normalised queries after the last block."""
        x, tokens, queries, rope, prior = frames
        predictions = []
        for i in range(self.first_joint, len(self.blocks)):
            x = self.fusers(x, tokens, grid, place=i)
            if i == self.first_joint:
                x = torch.cat([queries, self._mark(x, grid, prior)], 1)
            inside = None
            if self.training and self.masked_attention:
                predictions.append(self._predict(self.norm(x), grid, prior))
                share = self.attn_mask_probs[i - self.first_joint]
                inside = inside_masks(predictions[-1][1], grid, share)
            if i == self.first_joint and prior is not None:
                inside = self._inside_prior(grid, prior, default=inside)
            x = self.blocks[i](x, rope, allow_attention(inside, x.shape[1]))
        if self.norm_before_late_fusion:
            x = self.norm(x)
        x = self.fusers(x, tokens, grid, place=len(self.blocks))
        if not self.norm_before_late_fusion:
            x = self.norm(x)
        predictions.append(self._predict(x, grid, prior))
        return predictions, x[:, : self.num_queries]

    def _queries(self, tokens: Tensor) -> Tensor:
        """(N, k, E) -> (N, Q, D)."""
        learned = self.query_embed.weight.expand(tokens.shape[0], -1, -1)
        if self.query_generator is None:
            return learned
        return learned + self.query_generator(tokens)

    def _predict(
        self, x: Tensor, grid: tuple[int, int], prior: Tensor | None
    ) -> Prediction:
        """Classes and masks of (N, S, D), queries first, patches last.

        Tokens are normalised.
        """
        query = x[:, : self.num_queries]
        patches = x[:, -math.prod(grid) :]
        mask_feature = self.upscaler(
            patches.transpose(1, 2).unflatten(2, grid)
        )
        mask_feature = self.dropout(mask_feature)
        if self.mask_prior is not None:
            mask_feature = self.mask_prior.fuse(mask_feature, prior)
        masks = torch.einsum(
            'nqc,nchw->nqhw', self.mask_head(query), mask_feature
        )
        return self.class_head(query), masks

    def _mark(
        self, x: Tensor, grid: tuple[int, int], prior: Tensor | None
    ) -> Tensor:
        """Mark the patches, the last tokens of (N, S, D), by the prior."""
        if self.mask_prior is None or prior is None:
            return x
        num_patches = math.prod(grid)
        others = x[:, :-num_patches]
        patches = x[:, -num_patches:]
        marked = self.mask_prior.locate_keys(patches, grid, prior)
        return torch.cat([others, marked], 1)

    def _inside_prior(
        self, grid: tuple[int, int], prior: Tensor, *, default: Tensor | None
    ) -> Tensor | None:
        """(N, Q, P) bool, True where the prior sounds."""
        assert self.mask_prior is not None  # there is a prior
        blocked = self.mask_prior.block(grid, prior)
        if blocked is None:
            return default
        return ~blocked.expand(-1, self.num_queries, -1)
