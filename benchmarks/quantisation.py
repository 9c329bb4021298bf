"""Quantise exported networks to int8 with OpenVINO's NNCF."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmavs.apis.export import ExportedSegmentor
from mmavs.apis.export.backends import import_backend
from mmavs.atomic_file import atomic_path
from mmavs.fingerprint import hash_file
from mmengine.config import Config
from mmengine.runner import Runner

#: Types of operators that are quantised, if they have constant weights.
_QUANTISED = ('Convolution', 'GroupConvolution', 'MatMul')
#: Types of operators that have nothing to quantise.
_WITHOUT_INPUT = ('Constant', 'Parameter', 'Result')
#: Linear layers that stay in float32: one gives the positions at which
#: GridSample reads, the other the mask logits that AAVS compares with 0.
KEPT_LAYERS = ('sampling_offsets', 'mask_embed')


def load_clips(loader: Any, num_clips: int) -> Iterator[dict[str, Any]]:
    """Load the first clips of a data set, one in each batch.

    Args:
        loader (Any): Config of a data loader.
        num_clips (int): At most this many.

    Yields:
        dict[str, Any]: Batches.
    """
    loader = Config(loader.to_dict())
    loader.update(
        batch_size=1,
        num_workers=0,
        persistent_workers=False,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    loader.pop('batch_sampler', None)
    batches = Runner.build_dataloader(loader, seed=0)
    yield from itertools.islice(batches, num_clips)


def record_inputs(
    model: ExportedSegmentor, loader: Any, num_clips: int
) -> list[Mapping[str, np.ndarray]]:
    """Record what a network gets for the first clips of a data set.

    Args:
        model (ExportedSegmentor): The network.
        loader (Any): Config of a data loader.
        num_clips (int): At most this many.

    Returns:
        list[Mapping[str, np.ndarray]]: Inputs by name, for each clip.
    """
    session = model.session
    recorded: list[Mapping[str, np.ndarray]] = []

    def record(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        recorded.append(inputs)
        return session.run(inputs)

    model.session = session._replace(run=record)
    for batch in load_clips(loader, num_clips):
        model.test_step(batch)
    model.session = session
    return recorded


def quantise(
    exported: str | Path,
    clips: Sequence[Mapping[str, np.ndarray]],
    out: str | Path,
) -> None:
    """Quantise the convolutions and linear layers of a network to int8.

    Everything else stays in float32, see :func:`list_kept`. The ranges of the
    activations are those on the given clips.

    Args:
        exported (str | Path): ONNX file that ``tools/export.py`` wrote.
        clips (Sequence[Mapping[str, np.ndarray]]): Inputs of the network by
            name, float32 (T, ...), of at least one clip.
        out (str | Path): File to write, ``.xml``. The weights are written
            beside it as ``.bin``. It has the metadata of the ONNX file, and
            the SHA-256 of the weights.

    Raises:
        ImportError: If nncf or openvino is not installed.
    """
    nncf = import_backend('nncf')
    openvino = import_backend('openvino')
    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(exported)
    quantised = nncf.quantize(
        model,
        nncf.Dataset([dict(clip) for clip in clips]),
        subset_size=len(clips),
        ignored_scope=nncf.IgnoredScope(names=list_kept(model)),
    )
    out = Path(out)
    weights = out.with_suffix('.bin')
    with atomic_path(out) as part, atomic_path(weights) as weights_part:
        # OpenVINO writes both files of a model by two names.
        openvino.serialize(quantised, part, weights_part)
        # Results of segment_video.py are identified by the hash of the .xml.
        quantised.set_rt_info(
            hash_file(weights_part), ['framework', 'int8_weights_sha256']
        )
        openvino.serialize(quantised, part, weights_part)


def list_kept(model: Any) -> list[str]:
    """List the operators that stay in float32.

    These are all but convolutions and products with constant weights: sums,
    norms, products of two activations (attention, masks) and interpolation,
    and also the layers :data:`KEPT_LAYERS`. With int8 in all of them the masks
    of AAVS agree worse, and OpenVINO 2026.4 cannot load TPAVI and AVSegFormer.

    Args:
        model (Any): Model of OpenVINO.

    Returns:
        list[str]: Names.
    """
    kept = []
    for operator in model.get_ops():
        name, kind = operator.get_friendly_name(), operator.get_type_name()
        if kind in _WITHOUT_INPUT:
            continue
        has_weights = kind in _QUANTISED and any(
            is_constant(value) for value in operator.input_values()
        )
        if not has_weights or any(layer in name for layer in KEPT_LAYERS):
            kept.append(name)
    return kept


def is_constant(value: Any) -> bool:
    """Whether a tensor of a model of OpenVINO depends on no input."""
    node = value.get_node()
    if node.get_type_name() in ('Constant', 'Parameter'):
        return node.get_type_name() == 'Constant'
    return all(is_constant(other) for other in node.input_values())


def size_of(path: Path) -> int:
    """Return the bytes of an exported network, with those of its weights."""
    weights = path.with_suffix('.bin')
    files = [path, weights] if path.suffix == '.xml' else [path]
    return sum(file.stat().st_size for file in files)
