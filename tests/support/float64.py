"""Compare two networks in float64, where rounding does not blur a difference.

The published code and mmavs create some constants in float32 by name. For a
comparison in float64 :func:`double_precision` replaces these names, so neither
side has to be changed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import mmavs  # noqa: F401  lets mmdet be imported without compiled mmcv
import pytest
import torch
from mmdet.models.task_modules import MlvlPointGenerator
from torch import Tensor, nn

from support.quick_convolution import quick_convolution

#: Largest absolute difference of any output.
OUTPUT_BOUND = 1e-10
#: Largest difference of a parameter's gradient, relative to its norm.
GRADIENT_BOUND = 1e-9
#: A gradient of less than this share of the largest one is zero but for
#: rounding, as that of a bias before a normalisation.
_ZERO_GRADIENT = 1e-12

#: Outputs, and gradients by our names.
Side = tuple[dict[str, Tensor], dict[str, Tensor]]


@contextmanager
def double_precision() -> Iterator[None]:
    """Use float64 wherever code asks for float32 by name.

    Yields:
        None: Networks and inputs must be made, and run, inside.
    """
    default = torch.get_default_dtype()
    # mmdet's name for float32 here is an argument's default.
    priors = MlvlPointGenerator.single_level_grid_priors
    defaults = tuple(
        torch.float64 if value is torch.float32 else value
        for value in priors.__defaults__
    )
    torch.set_default_dtype(torch.float64)
    try:
        with (
            mock.patch.object(torch, 'float32', torch.float64),
            mock.patch.object(torch, 'float', torch.float64),
            mock.patch.object(Tensor, 'float', Tensor.double),
            mock.patch.object(priors, '__defaults__', defaults),
            quick_convolution(),
        ):
            yield
    finally:
        torch.set_default_dtype(default)


def gradients(network: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    """Compute the gradient of every parameter.

    Args:
        network (nn.Module): The network.
        loss (Tensor): Scalar.

    Returns:
        dict[str, Tensor]: By name; zero where the loss does not depend on
        the parameter.
    """
    parameters = {
        name: parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    found = torch.autograd.grad(
        loss, list(parameters.values()), allow_unused=True
    )
    return {
        name: torch.zeros_like(parameter) if grad is None else grad
        for (name, parameter), grad in zip(
            parameters.items(), found, strict=True
        )
    }


def without_graph(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Detach outputs: their graphs hold gigabytes."""
    return {name: x.detach() for name, x in outputs.items()}


def converted_gradients(
    network: nn.Module,
    loss: Tensor,
    keys: Mapping[str, tuple[int, ...]],
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> dict[str, Tensor]:
    """Compute a published network's gradients under our names.

    The converters only rename, join, reshape and permute weights, so they
    turn gradients into gradients.

    Args:
        network (nn.Module): The published network.
        loss (Tensor): Scalar.
        keys (Mapping[str, tuple[int, ...]]): Shapes of its checkpoint.
        convert (Callable): From a published state dict to ours.

    Returns:
        dict[str, Tensor]: By our names, without those of the audio
        backbone; whatever is no parameter is zero.
    """
    nothing = torch.zeros(())
    state = {name: nothing.expand(shape) for name, shape in keys.items()}
    found = convert(state | gradients(network, loss))
    return {
        name: grad
        for name, grad in found.items()
        if not name.startswith('audio_backbone.')
    }


def assert_agree(theirs: Side, ours: Side) -> None:
    """Compare outputs and gradients.

    Args:
        theirs (Side): Of the published code.
        ours (Side): The same entries.
    """
    assert_outputs_agree(theirs[0], ours[0])
    assert_gradients_agree(theirs[1], ours[1])


def assert_outputs_agree(
    theirs: dict[str, Tensor], ours: dict[str, Tensor]
) -> None:
    """Compare every output, which must be float64.

    Args:
        theirs (dict[str, Tensor]): Expected.
        ours (dict[str, Tensor]): Computed here.
    """
    assert set(theirs) == set(ours)
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape, name
        assert ours[name].dtype == expected.dtype == torch.float64, name
        worst = (ours[name] - expected).abs().max().item()
        print(f'float64 {name}: max error {worst:.2e}')
        assert worst < OUTPUT_BOUND, name


def assert_gradients_agree(
    theirs: dict[str, Tensor], ours: dict[str, Tensor]
) -> None:
    """Compare the gradient of every parameter of ours.

    Args:
        theirs (dict[str, Tensor]): From :func:`converted_gradients`.
        ours (dict[str, Tensor]): From :func:`gradients`.
    """
    assert ours
    largest = max(grad.norm().item() for grad in ours.values())
    for group, norm in _group_norms(ours).items():
        assert norm > 0, f'nothing to compare in {group}'
    worst = 0.0
    for name, grad in ours.items():
        expected = theirs[name].view_as(grad)
        error = (grad - expected).norm().item()
        if expected.norm() > _ZERO_GRADIENT * largest:
            error /= expected.norm().item()
            worst = max(worst, error)
            assert error < GRADIENT_BOUND, name
        else:
            assert error <= 2 * _ZERO_GRADIENT * largest, name
    print(f'float64 gradients: relative error at most {worst:.2e}')


def digest(
    outputs: dict[str, Tensor], grads: dict[str, Tensor]
) -> dict[str, list[float]]:
    """Reduce outputs and gradients to numbers few enough to store.

    Args:
        outputs (dict[str, Tensor]): Every output.
        grads (dict[str, Tensor]): Every gradient, by our names.

    Returns:
        dict[str, list[float]]: Of each output the mean, the root of the mean
        square and three elements; of each group of parameters, such as
        ``backbone`` or ``decode_head.mixer``, the norm of the gradient.
    """
    numbers = {}
    for name, value in outputs.items():
        flat = value.detach().ravel()
        picked = flat[[len(flat) * share // 7 for share in (1, 3, 5)]]
        moments = torch.stack([flat.mean(), flat.square().mean().sqrt()])
        numbers[name] = torch.cat([moments, picked]).tolist()
    return numbers | {
        f'gradient of {group}': [norm]
        for group, norm in _group_norms(grads).items()
    }


def _group_norms(grads: dict[str, Tensor]) -> dict[str, float]:
    """Norms by part of the model: ``decode_head.x`` or another child."""
    squares: dict[str, float] = {}
    for name, grad in grads.items():
        first, second, *_ = name.split('.')
        group = f'{first}.{second}' if first == 'decode_head' else first
        square = grad.square().sum().item()
        squares[group] = squares.get(group, 0.0) + square
    return {group: square**0.5 for group, square in squares.items()}


def write_digests(
    path: Path, digests: dict[str, dict[str, list[float]]]
) -> None:
    """Store the digests of all cases of a system.

    Args:
        path (Path): JSON file.
        digests (dict): By case.
    """
    rows = [
        f'  {json.dumps(case)}: {{\n'
        + ',\n'.join(
            f'    {json.dumps(name)}: {json.dumps(numbers)}'
            for name, numbers in entries.items()
        )
        + '\n  }'
        for case, entries in digests.items()
    ]
    path.write_text('{\n' + ',\n'.join(rows) + '\n}\n')
    print(f'Wrote {path.name}, {path.stat().st_size} bytes')


def assert_digest_is_stored(
    path: Path,
    case: str,
    numbers: dict[str, list[float]],
    *,
    outputs_only: bool = False,
) -> None:
    """Compare our digest with that of the published code.

    Args:
        path (Path): From :func:`write_digests`.
        case (str): Of the system.
        numbers (dict[str, list[float]]): From :func:`digest`.
        outputs_only (bool): Whether ``numbers`` has no gradients.
    """
    stored = json.loads(path.read_text())[case]
    assert any(name.startswith('gradient of') for name in stored)
    for name, expected in stored.items():
        # A norm or a root of the mean square. Equal zeros would show nothing.
        size = expected[0 if name.startswith('gradient of') else 1]
        assert size > 0, f'nothing to compare in {name} of {case}'
    if outputs_only:
        stored = {
            name: expected
            for name, expected in stored.items()
            if not name.startswith('gradient of')
        }
    assert set(numbers) == set(stored)
    for name, expected in stored.items():
        # Other CPUs add up in another order: 1e-12 in float64.
        assert numbers[name] == pytest.approx(
            expected, rel=GRADIENT_BOUND, abs=1e-12
        ), name
