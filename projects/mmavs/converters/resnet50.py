"""Convert torchvision's ResNet-50 to mmseg's ``ResNet``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .name_table import Report, Table, convert
from .target_model import model_tensors

_DEPTHS = (3, 4, 6, 3)
_NORM = '{weight,bias,running_mean,running_var}'


def resnet50_table(
    source: str = '',
    target: str = '',
    *,
    branch: str = '',
    with_counters: bool = True,
) -> Table:
    """Return the table of a ResNet-50 inside a larger model.

    Args:
        source (str): Prefix of the names in the file, dot included.
        target (str): Prefix of the new names, dot included.
        branch (str): Suffix of the names ``layer3`` and ``layer4``.
        with_counters (bool): Whether to convert ``num_batches_tracked`` of
            the norms, which the file must then contain. If False, they are
            dropped if present; torch initialises them to 0.

    Returns:
        Table: See :mod:`.name_table`; without the classifier.
    """
    table: dict = {f'{source}conv1.weight': f'{target}conv1.weight'}
    norms = {f'{source}bn1': f'{target}bn1'}
    for stage, depth in enumerate(_DEPTHS, start=1):
        end = branch if stage > 2 else ''
        layer, into = f'{source}layer{stage}{end}', f'{target}layer{stage}'
        table |= {
            f'{layer}.{{0..{depth - 1}}}.conv{{1..3}}.weight': (
                f'{into}.{{}}.conv{{}}.weight'
            ),
            f'{layer}.0.downsample.0.weight': f'{into}.0.downsample.0.weight',
        }
        norms[f'{layer}.{{0..{depth - 1}}}.bn{{1..3}}'] = f'{into}.{{}}.bn{{}}'
        norms[f'{layer}.0.downsample.1'] = f'{into}.0.downsample.1'
    for name, into in norms.items():
        table[f'{name}.{_NORM}'] = f'{into}.{{}}'
        counter = 'num_batches_tracked'
        table[f'{name}.{counter}'] = (
            f'{into}.{counter}' if with_counters else None
        )
    return table


#: The public files, with or without counters; their classifier is dropped.
TABLE: Table = {
    **resnet50_table(with_counters=False),
    'fc.{weight,bias}': None,
}


def convert_resnet50(
    source: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of one of torchvision's ResNet-50 files.

    Args:
        source (Mapping[str, Tensor]): Tensors of the file.

    Returns:
        tuple[dict[str, Tensor], Report]: State dict of mmseg's ``ResNet``
        without counters, and the report.

    Raises:
        ValueError: If names or shapes are not those of a ResNet-50.
    """
    model = model_tensors(
        dict(type='ResNet', depth=50, norm_cfg=dict(type='BN'))
    )
    expected = {k: v for k, v in model.items() if 'num_batches' not in k}
    return convert(source, TABLE, expected=expected)
