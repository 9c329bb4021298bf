"""Import the published EASE; this project contains none of its code.

EASE needs ``timm``, ``einops``, ``lightning_fabric`` and ``torchmetrics``,
which mmavs does not. Its trainer, Lightning, is replaced.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from torch import nn

from . import published_code

FOLDER = 'EASE'
_OWN_MODULES = ('datasets', 'models', 'training', 'utils')
#: Imported before the published modules, because an import that is undone
#: cannot be repeated for packages that register operators.
_DEPENDENCIES = ('timm', 'einops', 'lightning_fabric', 'torchmetrics')
_TRANSFORMERS = (
    'transformers.models.auto.modeling_auto',
    'transformers.models.mask2former.modeling_mask2former',
)


def why_not() -> str | None:
    """Return why the published network cannot be run, or None."""
    reason = published_code.why_not(f'{FOLDER}/models')
    if reason is not None:
        return reason
    absent = [
        name
        for name in (*_DEPENDENCIES, 'transformers')
        if importlib.util.find_spec(name) is None
    ]
    if absent:
        return f'the published EASE needs {", ".join(absent)}'
    return None


def import_module(name: str) -> ModuleType:
    """Import a published module.

    Args:
        name (str): Dotted name, such as ``models.ease_vit``.

    Returns:
        ModuleType: The module.
    """
    assert published_code.REFERENCE_ROOT is not None, why_not()
    for dependency in (*_DEPENDENCIES, *_TRANSFORMERS):
        importlib.import_module(dependency)
    folder = Path(published_code.REFERENCE_ROOT, FOLDER)
    with published_code.importable(folder, _OWN_MODULES, _stubs()):
        module = importlib.import_module(name)
    assert Path(str(module.__file__)).is_relative_to(folder)
    return module


def build_network(
    encoder: nn.Module,
    *,
    num_classes: int,
    num_queries: int,
    num_clusters: int = 71,
    audio_dims: int = 320,
    **options: Any,
) -> nn.Module:
    """Build the published network around an encoder, as its configs do.

    Args:
        encoder (nn.Module): From :func:`build_vit` or :func:`build_pvt`.
        num_classes (int): K, background among them.
        num_queries (int): Q.
        num_clusters (int): Of the audio enhancer.
        audio_dims (int): Width E of the audio tokens.
        options (Any): Other arguments of ``EASEViT`` or ``EASEPvT``.

    Returns:
        nn.Module: With random weights, without dropout; its names have the
        prefix ``network.``, as in the checkpoints.
    """
    generators = 'models.query_generators.'
    upscalers = import_module('models.feat_upscalers.conv_scaler')
    enhancers = import_module(f'{generators}aud_enhancer_w_clustering')
    queries = import_module(f'{generators}attention_generator')
    fusers = import_module('models.fusers.av_aligner')
    backbone: Any = encoder.backbone
    upscaler: nn.Module
    if type(encoder).__name__ == 'PvT':
        network = import_module('models.ease_pvt').EASEPvT
        dims = backbone.num_features
        upscaler = upscalers.ConvScalerFixedDepth(2, dims)
    else:
        network = import_module('models.ease_vit').EASEViT
        dims = backbone.embed_dim
        upscaler = upscalers.ConvScaler((16, 16), dims)
    built = network(
        encoder=encoder,
        feat_upscaler=upscaler,
        num_classes=num_classes,
        num_q=num_queries,
        final_dropout_rate=0.0,
        query_generator=queries.AttentionGenerator(
            2, num_queries, embed_dim=audio_dims, project_output_dim=dims
        ),
        audio_enhance=enhancers.ClusteringTokenFeatureEnhancer(
            audio_dims, num_clusters
        ),
        fuser=fusers.AVAligner(dims, audio_dims, num_heads=8, num_clusters=5),
        late_fusion=True,
        **options,
    )
    return nn.ModuleDict({'network': built})


def build_vit(sizes: dict[str, int], frame_size: tuple[int, int]) -> nn.Module:
    """Build the published encoder around a DINOv3 with random weights.

    Args:
        sizes (dict[str, int]): ``embed_dims``, ``num_layers``, ``num_heads``
            and ``mlp_channels``.
        frame_size (tuple[int, int]): H and W.

    Returns:
        nn.Module: Its position coordinates are not rescaled in training.
    """
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    config = DINOv3ViTConfig(
        hidden_size=sizes['embed_dims'],
        num_hidden_layers=sizes['num_layers'],
        num_attention_heads=sizes['num_heads'],
        intermediate_size=sizes['mlp_channels'],
        num_register_tokens=4,
        pos_embed_rescale=None,
        attn_implementation='sdpa',
    )
    module = import_module('models.encoders.vit')
    with mock.patch.object(
        module.AutoModel,
        'from_pretrained',
        return_value=DINOv3ViTModel(config),
    ):
        return module.ViT(frame_size, backbone_name='any/model')


def build_pvt(joint_blocks: int, **sizes: Any) -> nn.Module:
    """Build the published encoder around timm's PVTv2-B5, random weights.

    Args:
        joint_blocks (int): Blocks that run on queries.
        sizes (Any): Arguments of timm's ``PyramidVisionTransformerV2`` in
            place of B5's.

    Returns:
        nn.Module: Without the last stage.
    """
    module = import_module('models.encoders.pvt')
    backbone = module.timm.create_model('pvt_v2_b5', num_classes=0, **sizes)
    with mock.patch.object(module.timm, 'create_model', return_value=backbone):
        return module.PvT(num_fusion_blocks=joint_blocks)


def _stubs() -> dict[str, ModuleType]:
    """Replace what the trainer imports and the comparison does not use."""
    lightning = ModuleType('lightning')
    vars(lightning)['LightningModule'] = nn.Module
    fabric = ModuleType('lightning.fabric')
    utilities: Any = mock.MagicMock()
    return {
        'lightning': lightning,
        'lightning.fabric': fabric,
        'lightning.fabric.utilities': utilities,
        'wandb': utilities,
    }
