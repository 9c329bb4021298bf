"""Networks on which EASE is compared with the published code.

Weights and inputs are seeded, see ``aavs_seeded``.
"""

import re
from typing import NamedTuple

import torch
from torch import Tensor

from support.aavs_seeded import (
    DATA_DIR,
    load_keys,
    seeded_audio,
    seeded_classes,
    seeded_frames,
    seeded_masks,
    seeded_state_dict,
)

DATA = DATA_DIR.parent / 'ease'
NUM_FRAMES = 2
#: Of the preprocessor: RGB in [0, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Case(NamedTuple):
    """A network and its input.

    Attributes:
        name (str): Of the case.
        sizes (dict[str, int]): Sizes of the Vision Transformer, as
            ``DinoViT(arch=...)`` takes them; of PVTv2 ``embed_dims`` of the
            first stage and ``num_layers`` of the third.
        frame_size (tuple[int, int]): H and W.
        num_classes (int): K.
        training (bool): Whether to predict before each joint block.
        num_queries (int): Q.
        num_clusters (int): Of the audio enhancer.
        audio_dims (int): Width E of the audio tokens.
        num_points (int): Sampled by matcher and losses.
        pvt (bool): PVTv2 in place of a Vision Transformer.
    """

    name: str
    sizes: dict[str, int]
    frame_size: tuple[int, int]
    num_classes: int
    training: bool = True
    num_queries: int = 100
    num_clusters: int = 71
    audio_dims: int = 320
    num_points: int = 12544
    pvt: bool = False

    @property
    def joint_blocks(self) -> int:
        """Blocks that run on queries."""
        return 6 if self.pvt else 4

    @property
    def blocked_shares(self) -> Tensor:
        """Shares of masked queries; 1 draws nothing."""
        shares = [1.0, 0.7, 0.3, 1.0, 0.5, 0.9]
        return torch.tensor(shares[: self.joint_blocks])

    def weights(self, keys: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
        """Draw the weights of a published checkpoint."""
        gains = {} if self.pvt else {r'layer_scale\d\.lambda1': 0.4}
        weights = seeded_state_dict(keys, gains=gains)
        weights['network.attn_mask_probs'] = self.blocked_shares
        weights['network.encoder.pixel_mean'] = channels(MEAN)
        weights['network.encoder.pixel_std'] = channels(STD)
        return weights

    def frames(self) -> Tensor:
        """(N, 3, H, W) uint8."""
        height, width = self.frame_size
        size = 16 * -(-max(self.frame_size) // 16)
        return seeded_frames(NUM_FRAMES, size)[..., :height, :width]

    def audio(self) -> Tensor:
        """(N, 128), not negative."""
        return seeded_audio(NUM_FRAMES).relu()

    def truth(self) -> Tensor:
        """(N, 224, 224) class ids."""
        if self.num_classes == 2:
            return seeded_masks(NUM_FRAMES)
        return seeded_classes(NUM_FRAMES)


def channels(values: tuple[float, ...]) -> Tensor:
    """(1, 3, 1, 1), to compute with frames."""
    return torch.tensor(values).view(1, 3, 1, 1)


_SMALL = dict(embed_dims=384, num_layers=12, num_heads=6, mlp_channels=1536)
_BASE = dict(embed_dims=768, num_layers=12, num_heads=12, mlp_channels=3072)
_TINY = dict(embed_dims=64, num_layers=6, num_heads=4, mlp_channels=128)
TINY = Case(
    'tiny',
    _TINY,
    (48, 64),
    71,
    num_queries=10,
    num_clusters=12,
    audio_dims=32,
    num_points=256,
)
TINY_PVT = Case(
    'tiny-pvt',
    dict(embed_dims=16, num_layers=8),
    (64, 64),
    71,
    num_queries=9,  # and 16 patches make 5 x 5 tokens
    num_clusters=12,
    audio_dims=64,
    num_points=256,
    pvt=True,
)
_PVT_B5 = dict(embed_dims=64, num_layers=40)
CASES = (
    TINY,
    TINY_PVT,
    Case('vit-s-224', _SMALL, (224, 224), 71),
    Case('vit-b-224', _BASE, (224, 224), 71),
    Case('vit-b-384-eval', _BASE, (384, 384), 2, training=False),
    Case('pvt-224', _PVT_B5, (224, 224), 71, num_queries=29, pvt=True),
    Case(
        'pvt-384-eval',
        _PVT_B5,
        (384, 384),
        2,
        training=False,
        num_queries=49,
        pvt=True,
    ),
)


def published_keys(case: Case) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published checkpoint of a case.

    Args:
        case (Case): Which.

    Returns:
        dict[str, tuple[int, ...]]: Those of ViT-B or PVTv2-B5 with other
        sizes.
    """
    if case.pvt:
        return _published_pvt_keys(case)
    keys = load_keys(DATA / 'vit-b_avss_keys.json')
    sizes = {
        768: case.sizes['embed_dims'],
        3072: case.sizes['mlp_channels'],
        320: case.audio_dims,
        960: 3 * case.audio_dims,
        1280: 4 * case.audio_dims,
        100: case.num_queries,
        72: case.num_classes + 1,
        71: case.num_clusters,
    }
    return {
        name: tuple(
            # The patch's and the kernel's sides, and 128 audio channels.
            sizes.get(n, n)
            for n in shape
        )
        for name, shape in keys.items()
        if _block(name) < case.sizes['num_layers']
        and name != 'criterion.empty_weight'
    }


def _published_pvt_keys(case: Case) -> dict[str, tuple[int, ...]]:
    keys = load_keys(DATA / 'pvtv2-b5_avss_keys.json')
    width = case.sizes['embed_dims']
    sizes = {
        **{64 * n: width * n for n in (1, 2, 4, 5, 8, 10, 15, 20)},
        29: case.num_queries,
        72: case.num_classes + 1,
        71: case.num_clusters,
    }
    if width != 64:  # 4, not 5 heads in the third stage
        sizes |= {320: 4 * width, 640: 8 * width, 1280: 16 * width}
        sizes |= {960: 12 * width}
    wanted: dict[str, tuple[int, ...]] = {}
    for name, shape in keys.items():
        if name == 'criterion.empty_weight':
            continue
        if name == 'network.audio_enhance.audio_proj.weight':
            wanted[name] = (sizes[320], 128)
            continue
        wanted[name] = tuple(sizes.get(n, n) for n in shape)
    if case.sizes['num_layers'] == 40:
        return wanted
    return _with_few_blocks(wanted, case.sizes['num_layers'])


def _with_few_blocks(
    keys: dict[str, tuple[int, ...]], num_layers: int
) -> dict[str, tuple[int, ...]]:
    """One block in the first two stages, ``num_layers`` in the third."""
    pattern = re.compile(r'(.*stages\.)(\d)(\.blocks\.)(\d+)(\..*)')
    few = {}
    for name, shape in keys.items():
        match = pattern.fullmatch(name)
        if match is None:
            few[name] = shape
            continue
        first, stage, middle, block, rest = match.groups()
        # Counted from the last block of the stage.
        place = int(block) - (40 - num_layers if stage == '2' else 0)
        if place == 0 or (stage == '2' and place > 0):
            few[f'{first}{stage}{middle}{place}{rest}'] = shape
    return few


def _block(name: str) -> int:
    _, found, rest = name.partition('backbone.blocks.')
    return int(rest.split('.')[0]) if found else -1
