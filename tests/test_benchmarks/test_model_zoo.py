"""The model zoo: figures from config headers and from result files."""

import json
from pathlib import Path

import yaml

from benchmarks.model_zoo import make_metafile, make_zoo_page
from benchmarks.published_figures import (
    ROWS,
    Published,
    find_configs,
    read_published,
)

ROOT = Path(__file__).parents[2]


def _write_config(folder, header):
    path = folder / 'a.py'
    path.write_text(f'"""{header}"""\n')
    return path


def test_figures_of_a_header(tmp_path):
    header = (
        'A model, as published.\n\nPaper (https://x.org/1): 72.80 mIoU, 84.8\n'
        'F, protocol\n``avsbench-bs4``. The figures are quoted from memory.\n'
        'Epochs: 15. Other: 1.0 mIoU, 2.0 F.'
    )
    assert read_published(_write_config(tmp_path, header)) == Published(
        miou='72.80',
        f_score='84.8',
        protocol='avsbench-bs4',
        source='Paper (https://x.org/1)',
        to_check=True,
    )
    assert read_published(_write_config(tmp_path, 'Paper: 72.8 IoU.')) is None


def test_every_row_names_configs():
    configs = find_configs(ROOT)
    names = {name for row in ROWS for name in row[2:] if name}
    assert names <= set(configs)
    published = [
        name for name in names if read_published(ROOT / configs[name])
    ]
    assert len(published) >= 26


def _result(**changes):
    """Two seeds with 0.5 and 0.7."""
    content = dict(
        schema='mmavs-results-1',
        config='a_s4',
        data=dict(num_clips=3, subsets=['v1s'], synthetic=False),
        runs=[
            dict(seed=i, metrics={'split/mIoU': m, 'split/F': 0.25, 'n': 1})
            for i, m in enumerate((0.5, 0.7))
        ],
    )
    return {**content, **changes}


METAFILE = """Collections:
  - Name: A
    Paper:
      Title: 'T: t'
      URL: https://x.org
# A comment.
Models:
  - Name: a_s4
    In Collection: A
    Config: configs/a/a_s4.py
"""


def test_results_of_a_metafile_by_hand():
    assert make_metafile(METAFILE, []) == METAFILE
    synthetic = _result(data=dict(_result()['data'], synthetic=True))
    assert make_metafile(METAFILE, [synthetic]) == METAFILE
    text = make_metafile(METAFILE, [_result()])
    assert text.startswith(METAFILE)
    (model,) = yaml.safe_load(text)['Models']
    (found,) = model['Results']
    assert found['Dataset'] == 'AVSBench v1s'
    assert found['Metrics'] == {'split/mIoU': 60.0, 'split/F': 25.0}
    # Old results are replaced.
    assert make_metafile(text, []) == METAFILE


def test_page_by_hand(tmp_path):
    folder = tmp_path / 'configs/a'
    folder.mkdir(parents=True)
    (folder / 'metafile.yml').write_text(METAFILE)
    header = 'A.\n\nPaper: 83.2 mIoU, 91.30 F, protocol ``frame``.'
    (folder / 'a_s4.py').write_text(f'"""{header}"""\n')
    (tmp_path / 'model-index.yml').write_text(
        'Import:\n  - configs/a/metafile.yml\n'
    )
    (tmp_path / 'results').mkdir()
    for name, result in (
        ('a', _result()),
        ('b', _result(data=dict(num_clips=3, synthetic=True), config='t')),
        ('other', dict(tasks={})),
    ):
        path = tmp_path / f'results/{name}.json'
        path.write_text(json.dumps(result))
    rows = [
        line
        for line in make_zoo_page(tmp_path).splitlines()
        if line.startswith('| ') and '---' not in line
    ]
    assert rows == [
        '| config | published | protocol | source | measured |',
        '| a_s4 | 83.2 / 91.30 | frame | Paper | 60.0 / 25.0 (`split`) |',
        '| config | test clips | seeds | measured |',
        '| t | 3 | 0, 1 | 60.0 / 25.0 (`split`) |',
    ]
