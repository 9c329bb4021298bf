"""Systems of this project beside their published code, with equal weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from mmavs.converters.aavs import TABLES
from mmavs.converters.avsegformer import convert_avsegformer
from mmavs.converters.name_table import convert
from mmavs.converters.tpavi import tpavi_table
from mmavs.engine import Precision
from mmavs.testing import aavs, avsegformer, on_the_cpu, tpavi
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from benchmarks.system_costs import build_segmenter

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
TASK, AUDIO_CHANNELS = 's4', 128
#: Segments frames (T, 3, H, W) by audio embeddings (T, 128) to logits
#: (T, C, h, w).
Run = Callable[[Tensor, Tensor], Tensor]


class Published(NamedTuple):
    """A published network.

    Attributes:
        run (Run): Segments a clip.
        weights (Mapping[str, Tensor]): Its weights by our names, without the
            audio backbone.
    """

    run: Run
    weights: Mapping[str, Tensor]


class System(NamedTuple):
    """A system whose published code can be run.

    Attributes:
        title (str): For tables.
        config (str): Ours, below ``configs/``.
        code (ModuleType): Imports the published code.
        build_published (Callable[[], Published]): Builds it with random
            weights.
        label_size (tuple[int, int] | None): (h, w) of the logits; None for
            that of the frames.
    """

    title: str
    config: str
    code: ModuleType
    build_published: Callable[[], Published]
    label_size: tuple[int, int] | None = None


class Ours:
    """Our network.

    Args:
        system (System): Which.
        weights (Mapping[str, Tensor] | None): From :class:`Published`; None
            for random ones.

    Attributes:
        clip (tuple[Tensor, Tensor]): Random frames and embeddings.
    """

    def __init__(
        self, system: System, weights: Mapping[str, Tensor] | None
    ) -> None:
        segmenter = build_segmenter(CONFIGS / system.config, 'cpu')
        self.model = segmenter.model
        # VGGish is the same in both.
        self.model.audio_backbone = nn.Identity()
        if weights is not None:
            self.model.load_state_dict(weights)
        frames = segmenter.clip['frames']
        audio = torch.randn(len(frames), AUDIO_CHANNELS).relu()
        self.clip = frames, audio
        size = system.label_size or tuple(frames.shape[-2:])
        self._meta = dict(
            ori_shape=size,
            img_shape=tuple(frames.shape[-2:]),
            pad_shape=tuple(frames.shape[-2:]),
        )

    def run(
        self, frames: Tensor, audio: Tensor, precision: Precision = 'float32'
    ) -> Tensor:
        """Segment a clip.

        Args:
            frames (Tensor): (T, 3, H, W).
            audio (Tensor): (T, 128).
            precision (Precision): Type of the computation.

        Returns:
            Tensor: Logits (T, C, h, w).
        """
        is_reduced = precision != 'float32'
        self.model.autocast_dtype = (
            getattr(torch, precision) if is_reduced else None
        )
        samples = [SegDataSample(metainfo=self._meta) for _ in frames]
        inputs: dict[str, Any] = dict(
            frames=frames, audio=audio, num_frames=[len(frames)]
        )
        found = self.model.predict(inputs, samples)
        return torch.stack([sample.seg_logits.data for sample in found])


def _published_aavs() -> Published:
    package = aavs.import_package(1)
    network: Any = aavs.build_model(package).eval()
    processor = aavs.image_processor(package.transformers)

    def run(frames: Tensor, audio: Tensor) -> Tensor:
        # As its forward() without the losses, which need labels.
        output = network.model(
            frames,
            prompt_features_projected=network.audio_proj(audio[None]),
        )
        scores = processor.post_process_binary_segmentation(
            output, target_sizes=[AAVS_LABEL_SIZE] * len(frames)
        )
        return torch.stack(scores)

    weights, _ = convert(network.state_dict(), TABLES[1])
    return Published(run, weights)


def _published_avsegformer(backbone: str) -> Published:
    network = avsegformer.build_network(
        avsegformer.import_network().model, backbone, TASK
    ).eval()
    weights, _ = convert_avsegformer(network.state_dict(), backbone, TASK)
    network.vggish = nn.Identity()
    weights = {
        name: tensor
        for name, tensor in weights.items()
        if not name.startswith('audio_backbone.')
    }
    return Published(lambda frames, audio: network(audio, frames)[0], weights)


def _published_tpavi(backbone: str) -> Published:
    package = tpavi.import_network(backbone, TASK)
    network = tpavi.build_network(package, TASK)

    def run(frames: Tensor, audio: Tensor) -> Tensor:
        with on_the_cpu():
            return network(frames, audio)[0]

    weights, _ = convert(network.state_dict(), tpavi_table(backbone, TASK))
    return Published(run, weights)


#: AAVS compares with labels of this size.
AAVS_LABEL_SIZE = (224, 224)
SYSTEMS = {
    'aavs_swin-b': System(
        'AAVS Swin-B, 384',
        'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py',
        aavs,
        _published_aavs,
        AAVS_LABEL_SIZE,
    ),
    'avsegformer_r50': System(
        'AVSegFormer R50, 512',
        'avsegformer/avsegformer_r50_1xb2-30e_s4-512x512.py',
        avsegformer,
        lambda: _published_avsegformer('r50'),
    ),
    'avsegformer_pvtv2-b5': System(
        'AVSegFormer PVTv2-B5, 512',
        'avsegformer/avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py',
        avsegformer,
        lambda: _published_avsegformer('pvtv2-b5'),
    ),
    'tpavi_r50': System(
        'TPAVI R50, 224',
        'tpavi/tpavi_r50_1xb4-15e_s4-224x224.py',
        tpavi,
        lambda: _published_tpavi('r50'),
    ),
    'tpavi_pvtv2-b5': System(
        'TPAVI PVTv2-B5, 224',
        'tpavi/tpavi_pvtv2-b5_1xb4-15e_s4-224x224.py',
        tpavi,
        lambda: _published_tpavi('pvtv2-b5'),
    ),
}
