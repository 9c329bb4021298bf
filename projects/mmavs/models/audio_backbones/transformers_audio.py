"""Audio encoders of the ``transformers`` package: AST and CLAP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from mmavs.structures import AudioFeatures

Architecture = Literal['ast', 'clap']


class _Names(NamedTuple):
    """Classes of transformers for one architecture."""

    model: str
    config: str
    extractor: str


_CLASSES: dict[str, _Names] = {
    'ast': _Names('ASTModel', 'ASTConfig', 'ASTFeatureExtractor'),
    'clap': _Names(
        'ClapAudioModel', 'ClapAudioConfig', 'ClapFeatureExtractor'
    ),
}
#: ``model_type`` in a folder's config.json -> architecture and class to load.
#: ClapAudioModel does not find its weights in a folder of the full CLAP model
#: and would keep random ones.
_MODEL_TYPES = {
    'audio-spectrogram-transformer': ('ast', 'ASTModel'),
    'clap': ('clap', 'ClapAudioModelWithProjection'),
    'clap_audio_model': ('clap', 'ClapAudioModel'),
}
#: AST's spectrogram: samples of its window, and frames per second of sound.
_AST_WINDOW_SAMPLES = 400
_AST_FRAMES_PER_SECOND = 100


@MODELS.register_module()
class TransformersAudio(BaseModule):
    """``ASTModel`` or ``ClapAudioModel``, with their own feature extractors.

    Takes the windows of raw waveform of ``AudioWindows`` and runs the model's
    extractor on the CPU: ``ASTFeatureExtractor`` (128-band filter bank) or
    ``ClapFeatureExtractor`` (64-band mel spectrogram). Channels are averaged.
    Needs the extra ``mmavs[transformers]``. Nothing is downloaded.
    ``ASTFeatureExtractor`` uses torchaudio if it is installed, and numpy
    otherwise; their filter banks differ slightly.

    - AST (https://arxiv.org/abs/2104.01778): the embedding is the mean of the
      class and distillation tokens, the tokens are the patches.
    - CLAP (https://arxiv.org/abs/2211.06687): the embedding is the pooled
      output before the projection to the joint text-audio space, the tokens
      are the last map, row by row. ``is_longer`` is always False, because
      windows never exceed the model's maximum length (the extractor would set
      it for a random window of the batch).

    Args:
        sample_rate (int): Samples per second of the windows, as in
            ``LoadWaveform(sample_rate=...)``; compared with the extractor's.
        folder (str | None): Folder written by ``save_pretrained``:
            config.json, preprocessor_config.json and model.safetensors (or
            pytorch_model.bin, opened with ``weights_only=True``).
        architecture (str | None): ``'ast'`` or ``'clap'``, to use random
            weights instead of a folder.
        config (dict | None): Values of ``ASTConfig`` or ``ClapAudioConfig``,
            with ``architecture``.
        extractor (dict | None): Values of the feature extractor, with
            ``architecture``.
        frozen (bool): Freeze the parameters and keep the module in eval mode
            while the rest of the model trains.
        init_cfg (dict | list[dict] | None): Must be None; use ``folder`` for
            pretrained weights.

    Raises:
        ImportError: If transformers is not installed.
        FileNotFoundError: If the folder or one of its files is missing.
        ValueError: If neither or both of ``folder`` and ``architecture`` are
            given, the folder contains another model or lacks weights, or the
            sample rates differ.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        folder: str | None = None,
        architecture: Architecture | None = None,
        config: Mapping[str, Any] | None = None,
        extractor: Mapping[str, Any] | None = None,
        frozen: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if init_cfg is not None:
            raise ValueError(
                'TransformersAudio takes no init_cfg, got '
                f'{init_cfg}; set folder to that of the weights.'
            )
        super().__init__()
        if (folder is None) == (architecture is None):
            raise ValueError(
                'give either folder (a local folder with weights) or '
                'architecture, config and extractor (random weights), got '
                f'folder={folder!r} and architecture={architecture!r}.'
            )
        if architecture is not None:
            self.architecture: str = architecture
            self.model, self._extractor = _from_values(
                architecture, config or {}, extractor or {}
            )
        else:
            assert folder is not None
            self.architecture, self.model, self._extractor = _from_folder(
                Path(folder)
            )
        if self._extractor.sampling_rate != sample_rate:
            raise ValueError(
                f'{folder or architecture} takes '
                f'{self._extractor.sampling_rate} samples per second, got '
                f'sample_rate={sample_rate}; set '
                f'LoadWaveform(sample_rate={self._extractor.sampling_rate}) '
                'and sample_rate to it.'
            )
        self.out_channels = (
            self.model.config.hidden_size
            if self.architecture == 'ast'
            else self.model.audio_encoder.num_features
        )
        self.frozen = frozen
        # Tells CheckWeightsHook that load_from need not contain these weights.
        self.has_own_weights = folder is not None
        self.requires_grad_(not frozen)
        self.train()

    def forward(self, audio: Tensor) -> AudioFeatures:
        """Embed each window independently.

        Args:
            audio (Tensor): (N, C, S), windows of raw waveform at
                ``sample_rate``, nominally in [-1, 1].

        Returns:
            AudioFeatures: ``embed`` (N, out_channels) and ``tokens``
            (N, number of tokens, out_channels).

        Raises:
            ValueError: If the input has another shape, or windows exceed the
                model's maximum length.
        """
        shortest, longest = self._sample_range()
        seconds = longest / self._extractor.sampling_rate
        if audio.dim() != 3 or not shortest <= audio.shape[2] <= longest:
            raise ValueError(
                f'audio must be (N, C, S) with S from {shortest} to {longest} '
                f'samples ({seconds:g} s), got '
                f'{tuple(audio.shape)}; use AudioWindows(seconds=...) and '
                "PackClip(audio_key='audio_windows')."
            )
        features = self._extract(audio)
        with torch.no_grad() if self.frozen else nullcontext():
            if self.architecture == 'ast':
                out = self.model(features)
                # The first two are the class and distillation tokens.
                return AudioFeatures(
                    out.pooler_output, out.last_hidden_state[:, 2:]
                )
            is_longer = torch.zeros(
                len(audio), 1, dtype=torch.bool, device=audio.device
            )
            out = self.model(features, is_longer=is_longer)
            # (N, A, h, w) -> (N, h * w, A)
            tokens = out.last_hidden_state.flatten(2).transpose(1, 2)
            return AudioFeatures(out.pooler_output, tokens)

    @torch.no_grad()
    def _extract(self, audio: Tensor) -> Tensor:
        """Run the extractor, which takes arrays, on (N, C, S)."""
        mono = audio.mean(1).float().cpu().numpy()
        features = self._extractor(
            list(mono),
            sampling_rate=self._extractor.sampling_rate,
            return_tensors='pt',
        )
        return features[self._extractor.model_input_names[0]].to(audio)

    def _sample_range(self) -> tuple[int, int]:
        """Smallest and largest S that the extractor does not truncate."""
        extractor = self._extractor
        if self.architecture == 'clap':
            return 1, int(extractor.nb_max_samples)
        rate = extractor.sampling_rate
        longest = extractor.max_length * rate // _AST_FRAMES_PER_SECOND
        return _AST_WINDOW_SAMPLES, longest

    def init_weights(self) -> None:
        """Do nothing: transformers has loaded or initialised the weights."""

    def train(self, mode: bool = True) -> TransformersAudio:
        """Switch the mode, except when frozen."""
        return super().train(mode and not self.frozen)


def _transformers() -> ModuleType:
    """Import transformers, which is optional."""
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            'TransformersAudio needs the package transformers; install it '
            "with pip install 'mmavs[transformers]'."
        ) from error
    return transformers


def _from_values(
    architecture: Architecture,
    config: Mapping[str, Any],
    extractor: Mapping[str, Any],
) -> tuple[Any, Any]:
    """Build a model with random weights, and its extractor."""
    if architecture not in _CLASSES:
        raise ValueError(
            f'architecture must be one of {sorted(_CLASSES)}, got '
            f'{architecture!r}.'
        )
    transformers, names = _transformers(), _CLASSES[architecture]
    values = getattr(transformers, names.config)(**config)
    return (
        getattr(transformers, names.model)(values),
        getattr(transformers, names.extractor)(**extractor),
    )


def _from_folder(folder: Path) -> tuple[str, Any, Any]:
    """Read architecture, model and extractor from local files."""
    transformers = _transformers()
    for name in ('config.json', 'preprocessor_config.json'):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f'{folder / name} is missing; folder must hold a model of '
                'transformers, as save_pretrained writes it, and its feature '
                'extractor.'
            )
    content, _ = transformers.PretrainedConfig.get_config_dict(
        folder, local_files_only=True
    )
    model_type = content.get('model_type')
    if model_type not in _MODEL_TYPES:
        raise ValueError(
            f'{folder} holds a model of type {model_type!r}, expected one of '
            f'{sorted(_MODEL_TYPES)}.'
        )
    architecture, name = _MODEL_TYPES[model_type]
    extractor_class = getattr(transformers, _CLASSES[architecture].extractor)
    extractor = extractor_class.from_pretrained(folder, local_files_only=True)
    model = _load_model(folder, name)
    if model_type == 'clap':
        model = model.audio_model
    return architecture, model, extractor


def _load_model(folder: Path, name: str) -> Any:
    """Load weights; raise an error if any is missing."""
    transformers = _transformers()
    weights = ('model.safetensors', 'pytorch_model.bin')
    shards = [f'{file}.index.json' for file in weights]
    if not any((folder / file).is_file() for file in (*weights, *shards)):
        raise FileNotFoundError(
            f'{folder} holds no weights, expected one of {weights}.'
        )
    model, report = getattr(transformers, name).from_pretrained(
        folder,
        local_files_only=True,
        weights_only=True,
        output_loading_info=True,
    )
    missing = sorted(report['missing_keys'])
    if missing:
        raise ValueError(
            f'{folder} lacks {len(missing)} of the weights of {name}, such as '
            f'{missing[:3]}.'
        )
    return model
