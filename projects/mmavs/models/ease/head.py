"""EASE's decode head: the last blocks of the Vision Transformer, and masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, ModuleList
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmavs.structures import ClipFeatures

from ..layers.dino_block import DinoBlock, dino_settings
from ..stepping_stones import build_fusion_prior
from .mask_losses import LabelledFrameLosses
from .query_generator import EASEQueryGenerator
from .upscaler import Upscaler


@MODELS.register_module()
class EASEHead(LabelledFrameLosses):
    """Encoder-only masks: queries from audio join the last ViT blocks.

    Call graph::

        forward(): audio_enhancer -> query_generator
                   blocks: fuser -> [queries, prefix, patches] -> block
                   norm -> predict(): class_head; mask_head x upscaler

    EASE (https://arxiv.org/abs/2609.29121). Behaviour follows
    ``ilpoviertola/EASE@12ab645:models/{ease,ease_vit}.py``; reimplemented on
    mmdet's losses, no code taken. The backbone is a ``DinoViT`` with the same
    ``arch`` and ``variant`` and ``joint_blocks=num_blocks``.

    In training a prediction is made before each joint block as well. It
    blocks the attention of a query to the patches outside its mask, and is
    supervised like the last one. ``attn_mask_probs`` holds, for each joint
    block, the share of queries that are blocked; ``MaskAnnealingHook`` lowers
    it from 1 to 0. In evaluation only the last prediction is computed.

    Args:
        arch (str | dict): As in ``DinoViT``.
        variant (str): As in ``DinoViT``.
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
        share_fuser (bool): One fuser for all places, as published; False
            makes one per place.
        masked_attention (bool): Predict before each joint block in training
            and block attention by it, see above. False supervises the last
            prediction alone.
        num_upscale (int): Doublings of the patch map for the masks.
        dropout (float): Channel dropout of that map in training.
        mask_prior (dict | None): Config of a ``MaskPrior`` for stage two of
            Stepping Stones, added to the upscaled map.
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
        share_fuser: bool = True,
        masked_attention: bool = True,
        num_upscale: int = 2,
        dropout: float = 0.1,
        mask_prior: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        _check_blocks(num_blocks, joint_blocks, fuse_before)
        super().__init__(
            num_classes=num_classes,
            loss_cls=loss_cls,
            loss_mask=loss_mask,
            loss_dice=loss_dice,
            train_cfg=train_cfg,
            init_cfg=init_cfg,
        )
        settings = dino_settings(arch, variant)
        dims = settings.embed_dims
        self.num_queries = num_queries
        self.first_joint = num_blocks - joint_blocks
        self.masked_attention = masked_attention

        self.blocks = ModuleList(
            [DinoBlock(settings) for _ in range(num_blocks)]
        )
        self.norm = nn.LayerNorm(dims, eps=settings.norm_eps)
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
        self.fuse_places = _fuse_places(fuse_before, fuse_late, num_blocks)
        self.fusers = _build_fusers(
            fuser,
            num=1 if share_fuser else len(self.fuse_places),
            embed_dims=dims,
            audio_dims=audio_dims,
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
        self.mask_prior = build_fusion_prior(mask_prior, dims)
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
            features (ClipFeatures): ``visual`` as ``DinoViT`` hands it on.
            data_samples (list[SegDataSample] | None): Not used; part of
                mmdet's signature.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Class logits (N, Q, K + 1), the
            last for "no object", and mask logits (N, Q, 2^u h, 2^u w) for u
            doublings; in training with masked attention before each joint
            block and at the end, else at the end alone.
        """
        patch_map, prefix, *positions = features.visual
        grid = (patch_map.shape[-2], patch_map.shape[-1])
        rope = positions[0] if positions else None
        tokens = self.audio_enhancer(features.audio_embed)
        x = torch.cat([_rows(prefix), _rows(patch_map)], 1)
        predictions = []
        predict_between = self.training and self.masked_attention
        for i, block in enumerate(self.blocks):
            x = self._fuse(x, tokens, grid, place=i)
            allowed = None
            if i == self.first_joint:
                x = torch.cat([self._queries(tokens), x], 1)
            if i >= self.first_joint and predict_between:
                predictions.append(self._predict(x, grid, features.mask_prior))
                allowed = self._allowed(predictions[-1][1], x, grid, i)
            x = block(x, rope, allowed)
        x = self._fuse(x, tokens, grid, place=len(self.blocks))
        predictions.append(self._predict(x, grid, features.mask_prior))
        classes, masks = zip(*predictions, strict=True)
        return list(classes), list(masks)

    def _queries(self, tokens: Tensor) -> Tensor:
        """(N, k, E) -> (N, Q, D)."""
        learned = self.query_embed.weight.expand(len(tokens), -1, -1)
        if self.query_generator is None:
            return learned
        return learned + self.query_generator(tokens)

    def _fuse(
        self, x: Tensor, tokens: Tensor, grid: tuple[int, int], *, place: int
    ) -> Tensor:
        """Add sound to the patches, the last tokens of (N, S, D)."""
        if not len(self.fusers) or place not in self.fuse_places:
            return x
        fuser = self.fusers[self.fuse_places.index(place) % len(self.fusers)]
        others, patches = x.tensor_split([-math.prod(grid)], dim=1)
        return torch.cat([others, fuser(patches, tokens, grid)], 1)

    def _predict(
        self, x: Tensor, grid: tuple[int, int], prior: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Classes and masks of (N, S, D), queries first, patches last."""
        x = self.norm(x)
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

    def _allowed(
        self, masks: Tensor, x: Tensor, grid: tuple[int, int], block: int
    ) -> Tensor | None:
        """Where tokens may attend in a block: (N, S, S) bool, None for all.

        Only the attention of queries to patches is ever blocked.
        """
        blocked_share = self.attn_mask_probs[block - self.first_joint]
        if blocked_share == 0:
            return None
        resized = F.interpolate(masks.detach(), grid, mode='bilinear')
        inside = resized.flatten(2) > 0  # (N, Q, P)
        if blocked_share < 1:
            # The attention of the other queries is not restricted.
            draw = torch.rand(inside.shape[:2], device=inside.device)
            inside = inside | (draw > blocked_share)[..., None]
        num_tokens = x.shape[1]
        allowed = inside.new_ones(len(x), num_tokens, num_tokens)
        allowed[:, : self.num_queries, -inside.shape[-1] :] = inside
        return allowed


def _rows(feature_map: Tensor) -> Tensor:
    """(N, D, h, w) -> (N, h * w, D)."""
    return feature_map.flatten(2).transpose(1, 2)


def _fuse_places(
    fuse_before: Sequence[int], fuse_late: bool, num_blocks: int
) -> tuple[int, ...]:
    return (*sorted(fuse_before), *([num_blocks] if fuse_late else []))


def _build_fusers(
    cfg: dict | None, *, num: int, embed_dims: int, audio_dims: int
) -> ModuleList:
    if cfg is None:
        return ModuleList()
    defaults = dict(embed_dims=embed_dims, audio_dims=audio_dims)
    return ModuleList(
        [MODELS.build(cfg, default_args=defaults) for _ in range(num)]
    )


def _check_blocks(
    num_blocks: int, joint_blocks: int, fuse_before: Sequence[int]
) -> None:
    if not 1 <= joint_blocks <= num_blocks:
        raise ValueError(
            'joint_blocks must be in 1..num_blocks, got '
            f'{joint_blocks} of {num_blocks}'
        )
    wrong = [i for i in fuse_before if i not in range(num_blocks)]
    if wrong or len(set(fuse_before)) != len(fuse_before):
        raise ValueError(
            f'fuse_before must be different blocks of 0..{num_blocks - 1}, '
            f'got {list(fuse_before)}'
        )
