"""What an exported file says about the network in it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mmengine.config import Config

from ...fingerprint import hash_config

_FORMAT = 'mmavs export 1'
#: Keys of the file's metadata.
_FORMAT_KEY, _FACTS_KEY, _CONFIG_KEY = 'format', 'mmavs', 'mmavs_config'


@dataclass(frozen=True)
class ExportFacts:
    """Facts about an exported network.

    Attributes:
        config (dict[str, Any]): The parts of the config that segmenting
            needs: ``default_scope``, ``model`` and ``test_dataloader``.
        shapes (dict[str, list[int]]): Shape of each input by name, T first.
        classes (list[str]): Name of each class id.
        align_corners (bool): How logits are resized.
        checkpoint (str): SHA-256 of the checkpoint.
    """

    config: dict[str, Any]
    shapes: dict[str, list[int]]
    classes: list[str]
    align_corners: bool
    checkpoint: str

    @property
    def num_frames(self) -> int:
        """T, the frames of a clip."""
        return self.shapes['frames'][0]

    @property
    def frame_size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        _, _, height, width = self.shapes['frames']
        return height, width

    def to_metadata(self) -> dict[str, str]:
        """Describe the facts as text, for the metadata of a file.

        Returns:
            dict[str, str]: JSON, except for the config, a Python literal:
            JSON has no tuples.
        """
        text = repr(self.config)
        assert ast.literal_eval(text) == self.config
        facts = {k: v for k, v in asdict(self).items() if k != 'config'}
        facts.update(
            system=self.config['model']['type'],
            num_frames=self.num_frames,
            frame_size=list(self.frame_size),
            config_sha256=_identity(self.config),
        )
        return {
            _FORMAT_KEY: _FORMAT,
            _FACTS_KEY: json.dumps(facts),
            _CONFIG_KEY: text,
        }

    @classmethod
    def from_metadata(
        cls, metadata: Mapping[str, str], path: object
    ) -> ExportFacts:
        """Read what :meth:`to_metadata` made.

        Args:
            metadata (Mapping[str, str]): Of the file.
            path (object): The file, for the error.

        Returns:
            ExportFacts: The facts.

        Raises:
            ValueError: If the file is not from ``tools/export.py``.
        """
        if metadata.get(_FORMAT_KEY) != _FORMAT:
            raise ValueError(
                f'{path}: expected a network that tools/export.py wrote '
                f'({_FORMAT}), found none of its metadata; export the '
                'checkpoint again.'
            )
        facts = json.loads(metadata[_FACTS_KEY])
        return cls(
            config=ast.literal_eval(metadata[_CONFIG_KEY]),
            shapes=facts['shapes'],
            classes=facts['classes'],
            align_corners=facts['align_corners'],
            checkpoint=facts['checkpoint'],
        )

    def check_config(self, config: Config, path: object) -> None:
        """Check that a config is the one that was exported.

        Data paths and training settings may differ.

        Args:
            config (Config): The config.
            path (object): The exported file, for the error.

        Raises:
            ValueError: If model or test pipeline differ.
        """
        given = segmenting_parts(config)
        if _identity(given) == _identity(self.config):
            return
        reason = 'its model or its test pipeline differs'
        if frame_sizes(given) != frame_sizes(self.config):
            reason = (
                f'its frames are {frame_sizes(given)}, those of the file '
                f'{frame_sizes(self.config)}'
            )
        raise ValueError(
            f'{path} was not exported from {config.filename}: {reason}. '
            'Leave out --config, or export the checkpoint with this config.'
        )


def segmenting_parts(config: Config) -> dict[str, Any]:
    """Return the entries of a config that segmenting needs."""
    content = config.to_dict()
    return {
        'default_scope': content.get('default_scope', 'mmseg'),
        'model': content['model'],
        'test_dataloader': content['test_dataloader'],
    }


def frame_sizes(config: Mapping[str, Any]) -> list[tuple[int, int]]:
    """List the frame sizes that the test pipeline of a config sets."""
    steps = config['test_dataloader']['dataset']['pipeline']
    return [tuple(s['frame_size']) for s in steps if 'frame_size' in s]


def _identity(config: Mapping[str, Any]) -> str:
    pipeline = config['test_dataloader']['dataset']['pipeline']
    return hash_config(dict(model=config['model'], pipeline=pipeline))
