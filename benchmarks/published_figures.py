"""The README's table of published figures, from the headers of the configs."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.generated_tables import make_table

_FIGURES = re.compile(r': ([\d.]+) mIoU, ([\d.]+) F\b')
_PROTOCOL = re.compile(r'protocol ``([\w-]+)``')
_TO_CHECK = 'quoted from memory'


class Published(NamedTuple):
    """Figures that the authors of a model published.

    Attributes:
        miou (str): In percent, with the digits of the source.
        f_score (str): Likewise.
        protocol (str | None): None if the config does not name it.
        source (str): Such as ``Paper (Table 1)``.
        to_check (bool): Whether the config says that the figures were quoted
            from memory.
    """

    miou: str
    f_score: str
    protocol: str | None
    source: str
    to_check: bool


class Row(NamedTuple):
    """A row of the README's table.

    Attributes:
        system (str): Name of the system.
        backbone (str): Name of the backbone.
        s4 (str): Name of the config of S4; empty if there is none.
        ms3 (str): Of MS3.
        avss (str): Of AVSS.
        two_stages (str): Of stage two on AVSS.
    """

    system: str
    backbone: str
    s4: str
    ms3: str
    avss: str
    two_stages: str


def _row(
    system: str,
    backbone: str,
    pattern: str,
    schedules: Sequence[str],
    two_stages: str = '',
) -> Row:
    """Make a row from a pattern of names and the schedule of each task."""
    s4, ms3, avss = (
        pattern.format(schedule=schedule, task=task)
        for schedule, task in zip(
            schedules, ('s4', 'ms3', 'avss'), strict=True
        )
    )
    return Row(system, backbone, s4, ms3, avss, two_stages)


#: Largest published input size of each model.
ROWS = (
    Row(
        *('AAVS', 'Swin-B'),
        'aavs_swin-b_1xb1-60e_s4-384x384',
        'aavs_swin-b_1xb1-60e_ms3-384x384',
        '',  # the paper's single stage has other settings
        'aavs_swin-b_stage2_1xb1-60e_avss-384x384',
    ),
    Row(
        *('AVSegFormer', 'PVTv2-B5'),
        'avsegformer_pvtv2-b5_1xb2-30e_s4-512x512',
        'avsegformer_pvtv2-b5_1xb2-60e_ms3-512x512',
        'avsegformer_pvtv2-b5_1xb4-30e_avss-224x224',
        'avsegformer_pvtv2-b5_stage2_1xb4-30e_avss-224x224_high-prior',
    ),
    Row(
        *('AVSegFormer', 'ResNet-50'),
        'avsegformer_r50_1xb2-30e_s4-512x512',
        'avsegformer_r50_1xb2-60e_ms3-512x512',
        'avsegformer_r50_1xb4-30e_avss-224x224',
        'avsegformer_r50_stage2_1xb4-30e_avss-224x224',
    ),
    _row(
        *('TPAVI', 'PVTv2-B5', 'tpavi_pvtv2-b5_{schedule}_{task}-224x224'),
        ('1xb4-15e', '1xb4-30e', '1xb4-60e'),
        'tpavi_pvtv2-b5_stage2_1xb4-60e_avss-224x224_high-prior',
    ),
    _row(
        *('TPAVI', 'ResNet-50', 'tpavi_r50_{schedule}_{task}-224x224'),
        ('1xb4-15e', '1xb4-30e', '1xb4-60e'),
        'tpavi_r50_stage2_1xb4-60e_avss-224x224',
    ),
    _row(
        *('EASE', 'PVTv2-B5', 'ease_pvtv2-b5_{schedule}_{task}-384x384'),
        ('2xb5-36e', '2xb5-72e', '2xb25-36e'),
    ),
    _row(
        *('EASE', 'ViT-B', 'ease_vit-b_{schedule}_{task}-384x384'),
        ('2xb8-36e', '2xb8-72e', '2xb40-22e'),
        'ease_vit-b_stage2_2xb60-22e_avss-224x224',
    ),
    _row(
        *('EASE', 'ViT-L', 'ease_vit-l_{schedule}_{task}-384x384'),
        ('2xb4-36e', '2xb4-72e', '2xb20-22e'),
    ),
)


def read_published(config: Path) -> Published | None:
    """Read the published figures from a config's docstring.

    Args:
        config (Path): The config.

    Returns:
        Published | None: The first figures; None if there are none.
    """
    tree = ast.parse(config.read_text(encoding='utf-8'))
    text = ' '.join((ast.get_docstring(tree) or '').split())
    figures = _FIGURES.search(text)
    if figures is None:
        return None
    protocol = _PROTOCOL.search(text)
    return Published(
        miou=figures[1],
        f_score=figures[2],
        protocol=protocol[1] if protocol else None,
        source=text[: figures.start()].rpartition('. ')[2],
        to_check=_TO_CHECK in text,
    )


def find_configs(root: Path) -> dict[str, Path]:
    """Find all configs by name.

    Args:
        root (Path): Root of the repository.

    Returns:
        dict[str, Path]: Name without ``.py`` -> file, relative to ``root``.
    """
    return {
        path.stem: path.relative_to(root)
        for path in sorted((root / 'configs').rglob('*.py'))
        if '_base_' not in path.parts
    }


def make_readme_lines(root: Path) -> list[str]:
    """Make the README's table of published figures.

    Args:
        root (Path): Root of the repository.

    Returns:
        list[str]: Lines of Markdown.
    """
    configs = find_configs(root)
    rows: list[list[str]] = []
    for row in ROWS:
        cells = [_cell(root, configs, name) for name in row[2:]]
        folder = configs[row.s4].parent
        link = f'[{row.system}]({folder})'
        is_new = not rows or all(link != other[0] for other in rows)
        rows.append([link if is_new else '', row.backbone, *cells])
    titles = ['system', 'backbone', 'S4', 'MS3', 'AVSS', 'AVSS, two stages']
    return make_table(titles, rows)


def _cell(root: Path, configs: Mapping[str, Path], name: str) -> str:
    """Write the figures of a config with a link to it."""
    if not name:
        return '-'
    published = read_published(root / configs[name])
    if published is None:
        return f'[not published]({configs[name]})'
    text = f'{published.miou} / {published.f_score}'
    if published.to_check:
        text += ' (to be checked)'
    if name.endswith('_high-prior'):
        text += ' ("high" prior)'
    return f'[{text}]({configs[name]})'
