"""Convert torchvision's ResNet-50 weights to mmavs.

Usage: ``python tools/model_converters/resnet50.py SRC DST``

SRC is ``resnet50-19c8e357.pth`` (ImageNet-1k, the file that AVSegFormer and
AVSBench begin from) or another of torchvision's. DST goes into a config as
``init_cfg=dict(type='Pretrained', checkpoint=DST)`` of mmseg's ``ResNet``.
"""

from __future__ import annotations

from name_table import Table, convert_file

_DEPTHS = (3, 4, 6, 3)
_NORM = '{weight,bias,running_mean,running_var}'


def resnet50_table(
    source: str = '',
    target: str = '',
    *,
    branch: str = '',
    with_counters: bool = True,
) -> Table:
    """Make the table of a ResNet-50 inside a larger model.

    Args:
        source (str): What stands before the names in the file, dot included.
        target (str): What shall stand before mmseg's names.
        branch (str): What the names ``layer3`` and ``layer4`` end in.
        with_counters (bool): The norms' ``num_batches_tracked`` must be
            there. Else they are dropped, or missed by nobody: torch begins
            them at 0.

    Returns:
        Table: See ``name_table``. The classifier is not in it.
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


#: The public file, old (no counters) or new; its classifier is dropped.
TABLE: Table = {
    **resnet50_table(with_counters=False),
    'fc.{weight,bias}': None,
}


if __name__ == '__main__':
    convert_file(
        TABLE,
        description=__doc__,
        converter='tools/model_converters/resnet50.py',
    )
