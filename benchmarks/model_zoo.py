"""The model zoo's page and metafiles, from config headers and result files.

The figures that authors published are in the docstrings of the configs, with
their source and protocol. Figures measured with this project come from the
files in ``results/``, see docs/metrics.md. Nothing else is a source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from mmavs.engine.results import SCHEMA, read_result

from benchmarks.generated_tables import make_table
from benchmarks.published_figures import read_published


def read_results(root: Path) -> list[dict[str, Any]]:
    """Read all result files.

    Args:
        root (Path): Root of the repository.

    Returns:
        list[dict[str, Any]]: Their contents, by name of the file. Other
        reports in ``results/`` are left out.
    """
    return [
        read_result(path)
        for path in sorted((root / 'results').rglob('*.json'))
        if f'"{SCHEMA}"' in path.read_text(encoding='utf-8')[:200]
    ]


def make_zoo_page(root: Path) -> str:
    """Make docs/model_zoo.md.

    Args:
        root (Path): Root of the repository.

    Returns:
        str: The page.
    """
    results = read_results(root)
    lines = [
        '# Model zoo',
        '',
        'Every config that reproduces a published model, as listed in the',
        '`metafile.yml` of its folder. The figures are mIoU / F in percent;',
        'the protocols are those of [metrics.md](metrics.md). "Measured" is',
        'the mean over the seeds of the files in `results/`. No weights are',
        'available, because none of these models has been trained on AVSBench',
        'yet.',
    ]
    index = yaml.safe_load((root / 'model-index.yml').read_text('utf-8'))
    for path in index['Import']:
        metafile = yaml.safe_load((root / path).read_text('utf-8'))
        for collection in metafile['Collections']:
            lines += _collection_lines(root, collection, metafile, results)
    lines += _synthetic_lines(results)
    return '\n'.join(lines) + '\n'


def _collection_lines(
    root: Path,
    collection: Mapping[str, Any],
    metafile: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Make the section of one collection."""
    paper = collection['Paper']
    rows = []
    for model in metafile['Models']:
        if model['In Collection'] != collection['Name']:
            continue
        found = read_published(root / model['Config'])
        published = ['none', '', '']
        if found is not None:
            source = found.source
            if found.to_check:
                source += ', to be checked'
            figures = f'{found.miou} / {found.f_score}'
            published = [figures, found.protocol or 'not named', source]
        measured = [
            _measured(result)
            for result in results
            if result['config'] == model['Name'] and not _is_synthetic(result)
        ]
        rows.append(
            [model['Name'], *published, ', '.join(measured) or 'not yet']
        )
    titles = ['config', 'published', 'protocol', 'source', 'measured']
    return [
        *('', f'## {collection["Name"]}', ''),
        *(f'[{paper["Title"]}]({paper["URL"]})', ''),
        *make_table(titles, rows),
    ]


def _synthetic_lines(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Make the section of results on synthetic clips."""
    rows = [
        [
            result['config'],
            str(result['data']['num_clips']),
            ', '.join(str(run['seed']) for run in result['runs']),
            _measured(result),
        ]
        for result in results
        if _is_synthetic(result)
    ]
    if not rows:
        return []
    return [
        *('', '## Synthetic clips', ''),
        'Tiny models on [synthetic clips](data.md#synthetic-data), not on',
        'AVSBench; see also [results.md](results.md).',
        '',
        *make_table(['config', 'test clips', 'seeds', 'measured'], rows),
    ]


def _is_synthetic(result: Mapping[str, Any]) -> bool:
    return bool(result['data'].get('synthetic'))


def measured_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """Average mIoU and F over the seeds of a result.

    Args:
        result (Mapping[str, Any]): Content of a result file.

    Returns:
        dict[str, float]: In percent, by ``<protocol>/mIoU`` and
        ``<protocol>/F``.
    """
    runs = [run['metrics'] for run in result['runs']]
    return {
        name: 100 * sum(run[name] for run in runs) / len(runs)
        for name in runs[0]
        if name.endswith(('/mIoU', '/F'))
    }


def _measured(result: Mapping[str, Any]) -> str:
    """Write mIoU / F of every protocol."""
    metrics = measured_metrics(result)
    protocols = dict.fromkeys(name.partition('/')[0] for name in metrics)
    texts = []
    for name in protocols:
        miou, f_score = metrics[f'{name}/mIoU'], metrics[f'{name}/F']
        texts.append(f'{miou:.1f} / {f_score:.1f} (`{name}`)')
    return ', '.join(texts)


def make_metafile(text: str, results: Sequence[Mapping[str, Any]]) -> str:
    """Write the ``Results`` of the models of a metafile.

    Args:
        text (str): Content of a ``metafile.yml``.
        results (Sequence[Mapping[str, Any]]): Contents of result files.

    Returns:
        str: The content with the results that were measured on AVSBench.
    """
    head, separator, _ = text.partition('Models:\n')
    assert separator, text
    parts = []
    for model in yaml.safe_load(text)['Models']:
        entry: dict[str, Any] = {
            key: value for key, value in model.items() if key != 'Results'
        }
        found = [
            {
                'Task': 'Audio-Visual Segmentation',
                'Dataset': ' '.join(['AVSBench', *result['data']['subsets']]),
                'Metrics': {
                    name: round(value, 2)
                    for name, value in measured_metrics(result).items()
                },
            }
            for result in results
            if result['config'] == model['Name'] and not _is_synthetic(result)
        ]
        if found:
            entry['Results'] = found
        lines = yaml.safe_dump([entry], sort_keys=False, width=1000)
        parts.append(''.join(f'  {line}\n' for line in lines.splitlines()))
    return f'{head}{separator}{"".join(parts)}'
