"""A segmentor whose network runs in another runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor

from ...engine import Precision
from ...models import AVSegmentor
from .backends import Backend, Session, open_session


class ExportedSegmentor(AVSegmentor):
    """An :class:`AVSegmentor` without weights, around an exported network.

    Data preprocessor and post-processing are those of the segmentor. Only
    the call of the networks differs, one clip at a time.

    Args:
        session (Session): The network.
        path (str | Path): Its file, for errors.
    """

    def __init__(self, session: Session, path: str | Path) -> None:
        # The networks are in the session, so none is built.
        BaseSegmentor.__init__(
            self,
            data_preprocessor=session.facts.config['model'].get(
                'data_preprocessor'
            ),
        )
        self.session = session
        self.path = path
        self.align_corners = session.facts.align_corners
        self.test_cfg = ConfigDict(mode='whole')

    def encode_decode(
        self, inputs: dict[str, Any], batch_img_metas: list[dict]
    ) -> Tensor:
        """Compute the logits of a batch, clip by clip.

        Args:
            inputs (dict): See :meth:`AVSegmentor.extract_feat`.
            batch_img_metas (list[dict]): Not used.

        Returns:
            Tensor: (N, K, h, w).

        Raises:
            ValueError: If clips or frames have another size than the file's.
        """
        facts = self.session.facts
        counts = inputs['num_frames']
        rows = {name: inputs[name] for name in facts.shapes}
        valid = inputs.get('valid')
        if valid is not None:
            # A head that uses padded frames is exported for full clips.
            clips = valid.split(list(counts))
            counts = [int(flags.sum()) for flags in clips]
            rows = {name: tensor[valid] for name, tensor in rows.items()}
        wrong = sorted({n for n in counts if n != facts.num_frames})
        if wrong:
            raise ValueError(
                f'{self.path}: exported for clips of {facts.num_frames} '
                f'frames, one per second, got {wrong[0]}; segment a longer '
                f'video, or export with --num-frames {wrong[0]}.'
            )
        arrays = {name: tensor.numpy() for name, tensor in rows.items()}
        for name, shape in facts.shapes.items():
            got = arrays[name].shape
            if list(got[1:]) != shape[1:]:
                raise ValueError(
                    f'{self.path}: exported for {name} of {shape[1:]}, got '
                    f'{list(got[1:])}; export with the size of the test '
                    'pipeline.'
                )
        starts = range(0, len(arrays['frames']), facts.num_frames)
        logits = [
            self.session.run(
                {
                    name: array[start : start + facts.num_frames]
                    for name, array in arrays.items()
                }
            )
            for start in starts
        ]
        return torch.from_numpy(np.concatenate(logits))


def load_exported(
    path: str | Path,
    backend: Backend,
    config: Config | None = None,
    precision: Precision = 'float32',
) -> ExportedSegmentor:
    """Load an exported network.

    Args:
        path (str | Path): ONNX file that ``tools/export.py`` wrote.
        backend (Backend): ``'onnxruntime'`` or ``'openvino'``.
        config (Config | None): If given, it must be the exported one.
        precision (Precision): See :func:`.backends.open_session`.

    Returns:
        ExportedSegmentor: It is used as a trained model.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the runtime is not installed.
        ValueError: If the file is not an exported network, it is one of
            another config, or the runtime does not compute with this
            precision.
    """
    session = open_session(path, backend, precision)
    init_default_scope(session.facts.config['default_scope'])
    if config is not None:
        session.facts.check_config(config, path)
    return ExportedSegmentor(session, path).eval()
