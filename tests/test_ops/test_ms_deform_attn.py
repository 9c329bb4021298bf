"""The operator's results, gradients, errors and behaviour.

Run with ``MMAVS_OPS_ISA=baseline`` or ``avx2`` to test the other kernels.
"""

import os
import subprocess
import sys
from typing import Any

import mmavs  # noqa: F401  makes mmcv.ops importable without compiled ops
import pytest
import torch
from attention_inputs import LEVELS, NUM_ROWS, random_inputs, relative_error
from mmavs_ops import compiled_devices, ms_deform_attn
from mmavs_ops.grid_sample_path import backward_pytorch, forward_pytorch
from mmcv.ops.multi_scale_deform_attn import (
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor

DEVICES = [
    'cpu',
    pytest.param(
        'cuda',
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(
                'cuda' not in compiled_devices()
                or not torch.cuda.is_available(),
                reason='needs a CUDA device and the CUDA kernels',
            ),
        ],
    ),
]
HALVES = (torch.float16, torch.bfloat16)
TOLERANCE = {
    torch.float32: 1e-5,
    torch.float64: 1e-12,
    torch.float16: 1e-3,
    torch.bfloat16: 1e-2,
}
OPS = torch.ops.mmavs_ops
TABLE = torch.tensor(LEVELS)
STARTS = torch.tensor([0, 20, 26])


def mmcv_with_grads(
    inputs: tuple[Tensor, ...], grad: Tensor
) -> tuple[Any, ...]:
    """mmcv's function in float64 on the CPU, and its three gradients."""
    leaves = [t.detach().cpu().double().requires_grad_() for t in inputs]
    output = multi_scale_deformable_attn_pytorch(leaves[0], TABLE, *leaves[1:])
    output.backward(grad.cpu().double())
    return output.detach(), *(leaf.grad for leaf in leaves)


def ours_with_grads(
    inputs: tuple[Tensor, ...], grad: Tensor, device: str
) -> tuple[Any, ...]:
    leaves = [t.detach().to(device).requires_grad_() for t in inputs]
    output = ms_deform_attn(leaves[0], LEVELS, None, *leaves[1:])
    output.backward(grad.to(device))
    return output.detach(), *(leaf.grad for leaf in leaves)


def test_one_point_worked_by_hand() -> None:
    """A 1x2 map [10, 20], read at x = 0.5 and at x = 0.

    x = 0.5 lies at pixel 0.5 * 2 - 0.5 = 0.5, half way: 15. x = 0 lies at
    pixel -0.5: half of 10 and half of nothing, 5. With weights 0.6 and 0.4:
    0.6 * 15 + 0.4 * 5 = 11. The slope is W * (20 - 10) * 0.6 = 12 at the
    first point and W * (10 - 0) * 0.4 = 8 at the second.
    """
    value = torch.tensor([10.0, 20.0]).view(1, 2, 1, 1)
    locations = torch.tensor([[0.5, 0.5], [0.0, 0.5]]).view(1, 1, 1, 1, 2, 2)
    locations.requires_grad_()
    weights = torch.tensor([0.6, 0.4]).view(1, 1, 1, 1, 2).requires_grad_()
    value.requires_grad_()
    output = ms_deform_attn(value, [(1, 2)], [0], locations, weights)
    output.backward()
    assert output.item() == pytest.approx(11.0)
    assert weights.grad is not None
    assert weights.grad.flatten().tolist() == pytest.approx([15.0, 5.0])
    assert locations.grad is not None
    assert locations.grad[..., 0].flatten().tolist() == pytest.approx([12, 8])
    # 10 is read with 0.6 * 0.5 + 0.4 * 0.5, 20 with 0.6 * 0.5
    assert value.grad is not None
    assert value.grad.flatten().tolist() == pytest.approx([0.5, 0.3])


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('channels', [1, 8, 30, 32, 64, 71])
@pytest.mark.parametrize('dtype', list(TOLERANCE), ids=str)
def test_agrees_with_mmcv(
    dtype: torch.dtype, channels: int, device: str
) -> None:
    inputs = random_inputs(channels, dtype, num_queries=130)
    grad = torch.randn(2, 130, 3 * channels).to(dtype)
    expected = mmcv_with_grads(inputs, grad)
    results = ours_with_grads(inputs, grad, device)
    assert results[0].dtype == dtype
    for result, reference in zip(results, expected, strict=True):
        assert relative_error(result, reference) < TOLERANCE[dtype]


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('dtype', HALVES, ids=str)
def test_half_values_take_float32_positions(
    dtype: torch.dtype, device: str
) -> None:
    """As under autocast; the positions keep their precision."""
    value, locations, weights = random_inputs()
    inputs = (value.to(dtype), locations, weights)
    grad = torch.randn(2, 11, 96).to(dtype)
    expected = mmcv_with_grads(inputs, grad)
    results = ours_with_grads(inputs, grad, device)
    assert [r.dtype for r in results] == [dtype, dtype] + 2 * [torch.float32]
    for result, reference in zip(results, expected, strict=True):
        assert relative_error(result, reference) < TOLERANCE[dtype]
    # the gradients of positions are computed and kept in float32
    assert relative_error(results[2], expected[2]) < 1e-5


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('channels', [1, 8, 30, 32, 64, 71])
def test_gradcheck(channels: int, device: str) -> None:
    generator = torch.Generator().manual_seed(0)
    levels = ((2, 3), (1, 2))
    value = torch.rand(1, 8, 2, channels, generator=generator)
    locations = torch.rand(1, 2, 2, 2, 2, 2, generator=generator)
    weights = torch.rand(1, 2, 2, 2, 2, generator=generator)
    inputs = [
        t.double().to(device).requires_grad_()
        for t in (value, locations, weights)
    ]
    assert torch.autograd.gradcheck(
        lambda v, where, w: ms_deform_attn(v, levels, None, where, w),
        inputs,
        fast_mode=channels > 8,
        # on CUDA the order of additions changes from run to run
        nondet_tol=1e-12,
    )


SPECIAL = [float('nan'), float('inf'), float('-inf'), 1e30, -1e30, -0.125]


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize('position', [*SPECIAL, 0.0, 1.0, 0.125, 0.875, 1.125])
def test_special_positions(
    position: float, dtype: torch.dtype, device: str
) -> None:
    """Borders, far outside, NaN and inf: as mmcv's function on the CPU."""
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(1, 16, 2, 8, generator=generator).to(dtype)
    # eighths, so that positions are exact in both dtypes
    locations = torch.randint(1, 8, (1, 6, 2, 1, 3, 2), generator=generator)
    locations = locations.to(dtype) / 8
    locations[0, 2, 1] = position
    locations[0, 3, 0, 0, 0, 0] = position
    locations[0, 4, 0, 0, 0, 1] = position
    weights = torch.rand(1, 6, 2, 1, 3, generator=generator).to(dtype)
    results = []
    for attend, where in (
        (multi_scale_deformable_attn_pytorch, 'cpu'),
        (lambda v, t, p, w: ms_deform_attn(v, t, None, p, w), device),
    ):
        leaves = [
            t.clone().to(where).requires_grad_()
            for t in (value, locations, weights)
        ]
        output = attend(leaves[0], torch.tensor([[4, 4]]), *leaves[1:])
        output.sum().backward()
        results.append([output.detach(), *(leaf.grad for leaf in leaves)])
    for reference, result in zip(*results, strict=True):
        torch.testing.assert_close(
            result.cpu(), reference, equal_nan=True, rtol=1e-5, atol=1e-5
        )


def test_infinite_value_is_not_read_outside_of_the_map() -> None:
    """Padding is left out, not computed as zero times a neighbour of inf."""
    value = torch.full((1, 4, 1, 1), torch.inf)
    locations = torch.full((1, 1, 1, 1, 1, 2), 5.0)
    weights = torch.ones(1, 1, 1, 1, 1)
    assert ms_deform_attn(value, [(2, 2)], [0], locations, weights).item() == 0


@pytest.mark.parametrize('device', DEVICES)
def test_non_contiguous_inputs(device: str) -> None:
    inputs = [t.to(device) for t in random_inputs()]
    expected = ms_deform_attn(inputs[0], LEVELS, None, *inputs[1:])
    strided = []
    for tensor in inputs:
        order = list(range(tensor.dim()))[::-1]
        strided.append(tensor.permute(order).contiguous().permute(order))
    assert not any(tensor.is_contiguous() for tensor in strided)
    result = ms_deform_attn(strided[0], LEVELS, None, *strided[1:])
    torch.testing.assert_close(result, expected, rtol=0, atol=0)


@pytest.mark.parametrize('device', DEVICES)
def test_tables_in_every_form(device: str) -> None:
    value, locations, weights = (t.to(device) for t in random_inputs())
    expected = ms_deform_attn(value, LEVELS, None, locations, weights)
    forms: list[tuple[Any, Any]] = [
        ([list(size) for size in LEVELS], [0, 20, 26]),
        (TABLE, STARTS),
        (TABLE.int(), None),
        (TABLE.to(device), STARTS.to(device)),
        (TABLE.to(device), None),
    ]
    for shapes, starts in forms:
        result = ms_deform_attn(value, shapes, starts, locations, weights)
        assert torch.equal(result, expected)


@pytest.mark.parametrize('shape', [(0, 11), (2, 0)])
def test_nothing_in_nothing_out(shape: tuple[int, int]) -> None:
    value, locations, weights = random_inputs()
    frames, queries = shape
    value = value[:frames].requires_grad_()
    output = ms_deform_attn(
        value,
        LEVELS,
        None,
        locations[:frames, :queries],
        weights[:frames, :queries],
    )
    assert output.shape == (frames, queries, 96)
    output.sum().backward()
    assert value.grad is not None
    assert not value.grad.any()


def test_same_bits_whatever_the_number_of_threads() -> None:
    inputs = random_inputs(num_queries=300)
    grad = torch.randn(2, 300, 96, generator=torch.Generator().manual_seed(1))
    threads = torch.get_num_threads()
    runs = []
    try:
        for count in (1, 2, 3, 2):
            torch.set_num_threads(count)
            runs.append(ours_with_grads(inputs, grad, 'cpu'))
    finally:
        torch.set_num_threads(threads)
    for run in runs[1:]:
        for tensor, first in zip(run, runs[0], strict=True):
            assert torch.equal(tensor, first)


def test_cuda_backward_admits_that_it_is_not_deterministic() -> None:
    if 'cuda' not in compiled_devices() or not torch.cuda.is_available():
        pytest.skip('needs a CUDA device and the CUDA kernels')
    inputs = random_inputs()
    torch.use_deterministic_algorithms(True)
    try:
        with pytest.raises(RuntimeError, match='deterministic'):
            ours_with_grads(inputs, torch.ones(2, 11, 96), 'cuda')
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.gpu
@pytest.mark.skipif(
    'cuda' not in compiled_devices() or not torch.cuda.is_available(),
    reason='needs a CUDA device and the CUDA kernels',
)
@pytest.mark.parametrize(
    ('table', 'starts'),
    [
        ([[4, 5], [2, 3], [7, 7]], [0, 20, 26]),
        ([[4, 5], [2, 3], [7, 5]], [0, 20, 26]),
        ([[4, 5], [2, -3], [7, 6]], [0, 20, 26]),
        ([[4, 5], [2, 3], [7, 6]], [0, 20, 27]),
    ],
)
def test_bad_tables_on_the_device_give_nan(
    table: list[list[int]], starts: list[int]
) -> None:
    value, locations, weights = (t.cuda() for t in random_inputs())
    output = ms_deform_attn(
        value,
        torch.tensor(table).cuda(),
        torch.tensor(starts).cuda(),
        locations,
        weights,
    )
    assert output.isnan().all()


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        'value of three dimensions',
        dict(value=torch.ones(2, NUM_ROWS, 96)),
        r'value must be \(N, S, M, D\), got \(2, 68, 96\)',
    ),
    (
        'integer value',
        dict(value=torch.ones(2, NUM_ROWS, 3, 32, dtype=torch.int64)),
        'value must be float32, .* got torch.int64',
    ),
    (
        'frames differ',
        dict(value=torch.ones(3, NUM_ROWS, 3, 32)),
        r'sampling_locations must be .* N=3 and M=3',
    ),
    (
        'heads differ',
        dict(value=torch.ones(2, NUM_ROWS, 4, 32)),
        r'sampling_locations must be .* M=4',
    ),
    (
        'three coordinates',
        dict(sampling_locations=torch.ones(2, 11, 3, 3, 4, 3)),
        r'sampling_locations must be .* got \(2, 11, 3, 3, 4, 3\)',
    ),
    (
        'weights of another number of points',
        dict(attention_weights=torch.ones(2, 11, 3, 3, 5)),
        r'attention_weights must be \(2, 11, 3, 3, 4\).* 3, 5\)',
    ),
    (
        'double positions for a float value',
        dict(sampling_locations=torch.ones(2, 11, 3, 3, 4, 2).double()),
        'sampling_locations must be torch.float32 .* got torch.float64',
    ),
    (
        'half weights for a float value',
        dict(attention_weights=torch.ones(2, 11, 3, 3, 4).half()),
        'attention_weights must be torch.float32 .* got torch.float16',
    ),
    (
        'another device',
        dict(attention_weights=torch.ones(2, 11, 3, 3, 4, device='meta')),
        'attention_weights must be on the device of value, cpu, got meta',
    ),
    (
        'two levels for three',
        dict(spatial_shapes=LEVELS[:2]),
        'spatial_shapes must hold .* each of the 3 levels',
    ),
    (
        'sizes that do not add up',
        dict(spatial_shapes=((4, 5), (2, 3), (7, 7))),
        'spatial_shapes must add up to the S=68 rows',
    ),
    (
        'a negative size that adds up',
        dict(spatial_shapes=((-4, -5), (2, 3), (7, 6))),
        'every side at least 1',
    ),
    (
        'a table that does not add up',
        dict(spatial_shapes=torch.tensor([[4, 5], [2, 3], [7, 5]])),
        'spatial_shapes must add up to the S=68 rows',
    ),
    (
        'a table whose product overflows',
        dict(spatial_shapes=torch.tensor([[4, 5], [2, 3], [2**62, 4]])),
        'spatial_shapes must add up to the S=68 rows',
    ),
    (
        'a table of another shape',
        dict(spatial_shapes=torch.ones(3, 3, dtype=torch.int64)),
        r'spatial_shapes must be \(3, 2\)',
    ),
    (
        'a table of floats',
        dict(spatial_shapes=torch.ones(3, 2)),
        'spatial_shapes must be int64',
    ),
    (
        'starts that are no running sum',
        dict(level_start_index=torch.tensor([0, 20, 27])),
        'level_start_index must be the running sum',
    ),
    (
        'a list of starts that is no running sum',
        dict(level_start_index=[0, 10, 26]),
        'level_start_index must be the running sum',
    ),
    (
        'too few starts',
        dict(level_start_index=[0, 20]),
        'level_start_index must hold 3 numbers',
    ),
]


@pytest.mark.parametrize(
    ('change', 'message'),
    [case[1:] for case in WRONG],
    ids=[case[0] for case in WRONG],
)
def test_wrong_arguments_are_named(
    change: dict[str, Any], message: str
) -> None:
    value, locations, weights = random_inputs()
    arguments: dict[str, Any] = dict(
        value=value,
        spatial_shapes=LEVELS,
        level_start_index=None,
        sampling_locations=locations,
        attention_weights=weights,
    )
    arguments.update(change)
    with pytest.raises(ValueError, match=message):
        ms_deform_attn(**arguments)


def test_a_list_is_no_value() -> None:
    _, locations, weights = random_inputs()
    not_a_tensor: Any = [1.0]
    with pytest.raises(TypeError, match='value must be a tensor'):
        ms_deform_attn(not_a_tensor, LEVELS, None, locations, weights)


def test_the_bare_operator_checks_too() -> None:
    """Calling the operator directly cannot read out of bounds either."""
    value, locations, weights = random_inputs()
    bad: list[tuple[tuple[Tensor, ...], str]] = [
        ((value, TABLE + 1, STARTS, locations, weights), 'spatial_shapes'),
        ((value, TABLE, STARTS + 1, locations, weights), 'level_start'),
        ((value[0], TABLE, STARTS, locations, weights), 'value must be'),
        ((value, TABLE, STARTS, locations[:1], weights), 'sampling_loc'),
        ((value, TABLE, STARTS, locations, weights[:1]), 'attention_w'),
        ((value, TABLE[:2], STARTS, locations, weights), 'spatial_shapes'),
        ((value.double(), TABLE, STARTS, locations, weights), 'sampling_loc'),
    ]
    grad = torch.ones(2, 11, 96)
    for arguments, message in bad:
        with pytest.raises(ValueError, match=message):
            OPS.ms_deform_attn(*arguments)
        with pytest.raises(ValueError, match=message):
            OPS.ms_deform_attn_backward(grad, *arguments)
    good = (value, TABLE, STARTS, locations, weights)
    with pytest.raises(ValueError, match='grad_output'):
        OPS.ms_deform_attn_backward(grad[:, :5], *good)


@pytest.mark.slow
@pytest.mark.parametrize('device', DEVICES)
def test_opcheck(device: str) -> None:
    value, locations, weights = (t.to(device) for t in random_inputs())
    grad = torch.ones(2, 11, 96, device=device)
    tables = (TABLE, STARTS)
    leaves = [t.requires_grad_() for t in (value, locations, weights)]
    torch.library.opcheck(
        OPS.ms_deform_attn, (leaves[0], *tables, *leaves[1:])
    )
    plain = [t.detach() for t in leaves]
    torch.library.opcheck(
        OPS.ms_deform_attn_backward, (grad, plain[0], *tables, *plain[1:])
    )


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('dtype', HALVES, ids=str)
def test_autocast(dtype: torch.dtype, device: str) -> None:
    """float32 positions stay float32 next to a half value."""
    value, locations, weights = (t.to(device) for t in random_inputs())
    with torch.autocast(device, dtype=dtype):
        output = ms_deform_attn(
            value.to(dtype), LEVELS, None, locations, weights.to(dtype)
        )
        # A float32 value meets half positions when only they were projected.
        wide = ms_deform_attn(
            value, LEVELS, None, locations.to(dtype), weights
        )
    assert output.dtype == dtype
    assert wide.dtype == torch.float32


def test_second_gradient_is_refused() -> None:
    value, locations, weights = random_inputs()
    value.requires_grad_()
    output = ms_deform_attn(value, LEVELS, None, locations, weights)
    (grad,) = torch.autograd.grad(output.sum(), value, create_graph=True)
    with pytest.raises(RuntimeError, match='once, not twice'):
        grad.sum().backward()


def attend(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    return ms_deform_attn(value, LEVELS, None, locations, weights)


@pytest.mark.parametrize(
    'in_dims', [(0, 0, 0), (1, None, 2), (None, 3, None), (None, None, 0)]
)
def test_vmap_is_a_loop(in_dims: tuple[int | None, ...]) -> None:
    many = [random_inputs(seed=seed) for seed in range(3)]
    singles: list[list[Tensor]] = [[], [], []]
    stacked = []
    for index, dim in enumerate(in_dims):
        parts = [inputs[index] for inputs in many]
        if dim is None:
            parts = [parts[0]] * 3
            stacked.append(parts[0])
        else:
            stacked.append(torch.stack(parts, dim))
        for single, part in zip(singles, parts, strict=True):
            single.append(part)
    result = torch.func.vmap(attend, in_dims=in_dims)(*stacked)
    expected = torch.stack([attend(*single) for single in singles])
    torch.testing.assert_close(result, expected)


def test_gradients_of_torch_func() -> None:
    """grad, vmap of grad, and jacrev agree with backward()."""
    inputs = random_inputs(num_queries=2, channels=2)

    def loss(*args: Tensor) -> Tensor:
        return attend(*args).square().sum()

    leaves = [t.clone().requires_grad_() for t in inputs]
    loss(*leaves).backward()
    grads = torch.func.grad(loss, argnums=(0, 1, 2))(*inputs)
    for grad, leaf in zip(grads, leaves, strict=True):
        torch.testing.assert_close(grad, leaf.grad)
    batched = torch.func.vmap(torch.func.grad(loss), in_dims=(0, None, None))(
        torch.stack([inputs[0], 2 * inputs[0]]), *inputs[1:]
    )
    # the output is linear in the value, the loss therefore quadratic
    torch.testing.assert_close(batched[1], 2 * grads[0])
    torch.testing.assert_close(batched[0], grads[0])
    jacobian = torch.func.jacrev(attend)(*inputs)
    torch.testing.assert_close(
        torch.einsum('abc,abcdefg->defg', 2 * attend(*inputs), jacobian),
        grads[0],
    )


@pytest.mark.slow
@pytest.mark.parametrize('dynamic', [False, True])
def test_compile_gives_the_same(dynamic: bool) -> None:
    compiled = torch.compile(
        attend, fullgraph=True, backend='aot_eager', dynamic=dynamic
    )
    for frames in (1, 2, 3):
        inputs = random_inputs(num_frames=frames)
        leaves = [t.clone().requires_grad_() for t in inputs]
        output = compiled(*leaves)
        output.sum().backward()
        expected = ours_with_grads(inputs, torch.ones(frames, 11, 96), 'cpu')
        torch.testing.assert_close(output, expected[0])
        for leaf, grad in zip(leaves, expected[1:], strict=True):
            torch.testing.assert_close(leaf.grad, grad)


def test_grid_sample_path_agrees_with_mmcv() -> None:
    inputs = random_inputs(dtype=torch.float64)
    grad = torch.randn(2, 11, 96, dtype=torch.float64)
    expected = mmcv_with_grads(inputs, grad)
    args = (inputs[0], TABLE, STARTS, *inputs[1:])
    results = (forward_pytorch(*args), *backward_pytorch(grad, *args))
    for result, reference in zip(results, expected, strict=True):
        torch.testing.assert_close(result, reference)


@pytest.mark.slow
def test_a_device_without_kernels_says_so_once() -> None:
    """In a separate process, where the extension is not found."""
    code = """
import pathlib
pathlib.Path.glob = lambda self, pattern: iter(())
import torch
from mmavs_ops import compiled_devices, ms_deform_attn
assert compiled_devices() == ()
value = torch.ones(1, 4, 1, 2, requires_grad=True)
args = ([(2, 2)], None, torch.full((1, 1, 1, 1, 1, 2), 0.5),
        torch.ones(1, 1, 1, 1, 1))
for _ in range(2):
    ms_deform_attn(value, *args).sum().backward()
print(value.grad.flatten().tolist())
"""
    run = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    assert run.stderr.count('has no compiled kernel') == 1
    # a quarter of each of the four pixels, twice
    assert run.stdout.strip() == str([0.5] * 8)


_ISAS = ['baseline', 'avx2', 'avx512']


@pytest.fixture(scope='module')
def agreements() -> list[str]:
    """Run each instruction set; words such as 'avx2:0', an exit status.

    In separate processes, because it is chosen once per process. They are
    forked from one that has imported torch, but not the operator.
    """
    if 'cpu' not in compiled_devices():
        pytest.skip('needs the CPU kernels')
    code = f"""
import os, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import torch
for isa in {_ISAS}:
    child = os.fork()
    if child == 0:
        os.environ['MMAVS_OPS_ISA'] = isa
        break
    print(isa, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sep=':')
else:
    sys.exit()
from attention_inputs import LEVELS, random_inputs, relative_error
from mmavs_ops import ms_deform_attn
from mmavs_ops.grid_sample_path import forward_pytorch
table, starts = torch.tensor(LEVELS), torch.tensor([0, 20, 26])
for dtype, bound in ((torch.float32, 1e-5), (torch.bfloat16, 1e-2),
                     (torch.float16, 1e-3), (torch.float64, 1e-12)):
    for channels in (1, 30, 32, 71):
        value, where, weight = random_inputs(channels, dtype)
        exact = forward_pytorch(
            value.double(), table, starts, where.double(), weight.double())
        result = ms_deform_attn(value, LEVELS, None, where, weight)
        assert relative_error(result, exact) < bound, (dtype, channels)
"""
    run = subprocess.run(
        [sys.executable, '-c', code],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    return run.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize('isa', _ISAS)
def test_every_instruction_set_gives_the_same(
    isa: str, agreements: list[str]
) -> None:
    """As the PyTorch implementation in float64; stderr has the failure."""
    assert f'{isa}:0' in agreements
