"""Runtimes other than PyTorch, each as a function of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch

from ...engine import Precision, check_precision, warn_if_slow_on_cpu
from .facts import ExportFacts

#: What computes a network: PyTorch, or a runtime for an exported file.
Backend = Literal['pytorch', 'onnxruntime', 'openvino']
BACKENDS: tuple[Backend, ...] = get_args(Backend)

#: OpenVINO's names of types.
_OPENVINO_TYPES: dict[Precision, str] = {
    'float32': 'f32',
    'bfloat16': 'bf16',
    'float16': 'f16',
}

#: Maps float32 arrays (T, ...) by name to logits (T, K, h, w).
Run = Callable[[Mapping[str, np.ndarray]], np.ndarray]


class Session(NamedTuple):
    """An exported network that is ready to run.

    Attributes:
        facts (ExportFacts): What the file says about it.
        run (Run): Computes it.
    """

    facts: ExportFacts
    run: Run


def open_session(
    path: str | Path, backend: Backend, precision: Precision = 'float32'
) -> Session:
    """Load an exported network for a runtime, on the CPU.

    It uses as many threads as PyTorch does.

    Args:
        path (str | Path): ONNX file that ``tools/export.py`` wrote.
        backend (Backend): ``'onnxruntime'`` or ``'openvino'``.
        precision (Precision): Type in which it computes; inputs and logits
            are float32. ONNX Runtime has ``'float32'`` only.

    Returns:
        Session: The network.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the runtime is not installed.
        ValueError: If the file is not an exported network, the precision is
            unknown, or the runtime does not compute with it on this CPU.
    """
    check_precision(precision)
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'{path}: expected a network that tools/export.py wrote, found '
            'no file; check the path.'
        )
    module = import_backend(backend)
    opened = _open_openvino if backend == 'openvino' else _open_onnxruntime
    metadata, run = opened(module, str(path), precision)
    return Session(ExportFacts.from_metadata(metadata, path), run)


def _open_onnxruntime(
    module: Any, path: str, precision: Precision
) -> tuple[dict[str, str], Run]:
    if precision != 'float32':
        raise ValueError(
            "backend 'onnxruntime' computes in float32 only, got precision "
            f"{precision!r}; give float32, or backend 'openvino'."
        )
    options = module.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    state = module.capi.onnxruntime_pybind11_state
    try:
        session = module.InferenceSession(
            path, options, providers=['CPUExecutionProvider']
        )
    except (
        state.Fail,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
    ) as error:
        raise _unreadable(path, 'ONNX Runtime', error) from error

    def run(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        (logits,) = session.run(None, dict(inputs))
        return logits

    return session.get_modelmeta().custom_metadata_map, run


def run_onnx(
    path: str | Path,
    inputs: Mapping[str, np.ndarray],
    more_outputs: Sequence[str],
) -> list[np.ndarray]:
    """Run an ONNX file once, and return tensors inside its graph as well.

    Args:
        path (str | Path): The file.
        inputs (Mapping[str, np.ndarray]): By name.
        more_outputs (Sequence[str]): Names of bool tensors in the graph.

    Returns:
        list[np.ndarray]: The outputs of the file, then these tensors.
    """
    onnx = import_backend('onnx')
    content = onnx.load(path)
    content.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.BOOL, None)
        for name in more_outputs
    )
    runtime = import_backend('onnxruntime')
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(
        content.SerializeToString(),
        options,
        providers=['CPUExecutionProvider'],
    )
    return session.run(None, dict(inputs))


def _open_openvino(
    module: Any, path: str, precision: Precision
) -> tuple[dict[str, str], Run]:
    if precision != 'float32':
        warn_if_slow_on_cpu(precision)
    core = module.Core()
    # Without a hint OpenVINO computes in bfloat16 where the CPU can.
    options = {
        'INFERENCE_PRECISION_HINT': _OPENVINO_TYPES[precision],
        'INFERENCE_NUM_THREADS': torch.get_num_threads(),
    }
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, 'CPU', options)
    except RuntimeError as error:
        raise _unreadable(path, 'OpenVINO', error) from error
    used = compiled.get_property('INFERENCE_PRECISION_HINT').to_string()
    if used != _OPENVINO_TYPES[precision]:
        raise ValueError(
            f'{path}: OpenVINO would compute with {used} on this CPU in place '
            f'of {precision}; give another precision.'
        )
    # The metadata of an ONNX file.
    found = model.rt_info['framework'] if 'framework' in model.rt_info else {}
    metadata = {
        name: model.get_rt_info(['framework', name]).astype(str)
        for name in found
    }

    def run(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        return compiled(dict(inputs))[0]

    return metadata, run


def _unreadable(path: str, runtime: str, error: Exception) -> ValueError:
    text = ' '.join(str(error).split())
    return ValueError(
        f'{path}: {runtime} cannot load it as a network; give an ONNX file '
        f'that tools/export.py wrote. It says: {text}'
    )


def import_backend(package: str, extra: str | None = None) -> Any:
    """Import the package of a runtime or a format.

    Args:
        package (str): Its name.
        extra (str | None): The extra of mmavs that installs it. Defaults to
            None, which means the same name.

    Returns:
        Any: The module.

    Raises:
        ImportError: If it is not installed; with the command.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f'the package {package} is needed and cannot be imported '
            f"({error}); run: pip install 'mmavs[{extra or package}]'"
        ) from error
