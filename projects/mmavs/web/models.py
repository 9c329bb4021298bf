"""The models that a visitor can choose."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..apis import AVSInferencer
from ..config_file import read_config


class ModelFiles(NamedTuple):
    """A model and its name on the page.

    Attributes:
        name (str): The name.
        config (str): Config file, or the name of one that mmavs has.
        checkpoint (str): Weights.
        stage_one (tuple[str, str] | None): Config and checkpoint of stage
            one, for a model of stage two.
    """

    name: str
    config: str
    checkpoint: str
    stage_one: tuple[str, str] | None = None


class Models:
    """Models that are loaded when they are first used.

    Args:
        models (Sequence[ModelFiles]): At least one, with different names.
        device (str): Such as ``'cpu'`` or ``'cuda:0'``.

    Raises:
        FileNotFoundError: If a config or a checkpoint does not exist.
        ValueError: If two models have the same name, or a config is faulty.
    """

    def __init__(
        self, models: Sequence[ModelFiles], *, device: str = 'cpu'
    ) -> None:
        self._files = {model.name: model for model in models}
        if len(self._files) < len(models):
            names = ', '.join(model.name for model in models)
            raise ValueError(
                f'expected models with different names, got {names}; change '
                'the first word after --model.'
            )
        for model in models:
            _check_files(model.config, model.checkpoint)
            if model.stage_one is not None:
                _check_files(*model.stage_one)
        self._device = device
        self._loaded: dict[str, AVSInferencer] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """Names of the models."""
        return list(self._files)

    @contextmanager
    def use(self, name: str) -> Iterator[AVSInferencer]:
        """Wait until no other visitor uses a model, and load this one.

        Args:
            name (str): Its name.

        Yields:
            AVSInferencer: The model.

        Raises:
            ValueError: If there is no such model, or it cannot be loaded.
        """
        if name not in self._files:
            raise ValueError(
                f'expected a model among {self.names}, got {name!r}.'
            )
        with self._lock:
            if name not in self._loaded:
                files = self._files[name]
                self._loaded[name] = AVSInferencer(
                    files.config,
                    files.checkpoint,
                    device=self._device,
                    stage_one=files.stage_one,
                )
            yield self._loaded[name]


def _check_files(config: str, checkpoint: str) -> None:
    """Raise FileNotFoundError if one of the files does not exist."""
    read_config(config)
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'{checkpoint}: expected the weights of {config}, found no file; '
            'check the path.'
        )
