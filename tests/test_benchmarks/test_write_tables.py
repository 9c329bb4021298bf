"""The generated tables are those of the pages, and say what the files say."""

import json

import pytest

from benchmarks import write_tables
from benchmarks.compare_systems_page import (
    make_cost_lines,
    make_score_lines,
    make_setting_lines,
    read_reports,
)
from benchmarks.generated_tables import make_table, replace_part
from benchmarks.performance_page import (
    make_loading_lines,
    make_training_lines,
)
from benchmarks.robustness_page import (
    make_area_lines,
    make_consistency_lines,
    make_difference_lines,
    read_runs,
)
from benchmarks.stepping_stones_page import (
    make_difference_lines as make_stage_difference_lines,
)
from benchmarks.stepping_stones_page import (
    make_row_lines,
)
from benchmarks.stepping_stones_page import read_reports as read_studies
from benchmarks.stepping_stones_report import make_report


def test_the_pages_are_up_to_date():
    for page, text in write_tables.make_pages(write_tables.ROOT).items():
        assert page.read_text(encoding='utf-8') == text, (
            f'{page.name}: run python -m benchmarks.write_tables'
        )


def _report(task, protocol, bound, *, seeds=(0, 1)):
    """Own mIoU 0.5, 0.7 (mean .6, deviation .1414), exchanged 0.1."""
    runs = [
        dict(
            seed=seed,
            metrics={
                f'{protocol}/mIoU': 0.5 + 0.2 * i,
                f'{protocol}/F': 0.25,
            },
            metrics_exchanged={f'{protocol}/mIoU': 0.1, f'{protocol}/F': 0.0},
        )
        for i, seed in enumerate(seeds)
    ]
    row = dict(
        runs=runs,
        parameters=1_234_567,
        gflops_per_frame=0.1,
        frames_per_second=99.6,
        peak_memory_bytes=3 * 2**20,
    )
    facts = dict(
        protocol=protocol,
        num_steps=480,
        sound_blind_miou=bound,
        systems=dict(ease=row),
    )
    return dict(torch='2.0', device='cpu', tasks={task: facts})


def test_tables_by_hand(tmp_path):
    for task, report in (
        ('ms3', _report('ms3', 'stepping_stones', 0.508)),
        ('avss', _report('avss', 'dataset', None, seeds=[3])),
    ):
        path = tmp_path / f'compare_systems_{task}.json'
        path.write_text(json.dumps(report))
    reports = read_reports(tmp_path)
    assert list(reports) == ['ms3', 'avss']
    assert make_score_lines(reports)[2:] == [
        '| MS3, `stepping_stones` | EASE | 0.600 +- 0.141 | 0.250 +- 0.000 '
        '| 0.100 +- 0.000 |',
        '|  | best sound-blind guesser | 0.508 |  |  |',
        '| AVSS, `dataset` | EASE | 0.500 | 0.250 | 0.100 |',
    ]
    assert make_cost_lines(reports)[2:] == [
        '| EASE | 1.23 M | 0.100 | 100 | 3.0 MiB |'
    ]
    assert make_setting_lines(reports) == [
        '- MS3: 480 steps, seeds 0, 1, torch 2.0, cpu.',
        '- AVSS: 480 steps, seed 3, torch 2.0, cpu.',
    ]


def test_a_task_in_two_reports_is_refused(tmp_path):
    for name in ('a', 'b'):
        path = tmp_path / f'compare_systems_{name}.json'
        path.write_text(json.dumps(_report('s4', 'split', 0.1)))
    with pytest.raises(ValueError, match="each task in one report, got 's4'"):
        read_reports(tmp_path)


def test_only_the_named_part_changes():
    text = 'a\n<!-- generated: x -->\nold\n<!-- end: x -->\nb\n'
    assert replace_part(text, 'x', make_table(['t'], [['1']])) == (
        'a\n<!-- generated: x -->\n\n| t |\n| --- |\n| 1 |\n\n'
        '<!-- end: x -->\nb\n'
    )
    with pytest.raises(ValueError, match='found 0 beginnings and 0 ends'):
        replace_part(text, 'y', [])


def _robustness(miou, fpr):
    """A file in which every consistency is half of the mIoU."""
    names = ('original', 'silence', 'noise', 'offscreen', 'swap', 'shift')
    row = {'stepping_stones/mIoU': miou, 'FPR': fpr, 'CONS': miou / 2}
    summary = {'stepping_stones/G-mIoU': 0.1, 'stepping_stones/G-F': 0.2}
    return dict(
        conditions={name: dict(row) for name in names},
        summary={**summary, 'G-FPR': fpr},
    )


def test_tables_of_the_robustness_by_hand(tmp_path):
    """AAVS: 0.5 and 0.7; with negatives 0.1 more and 0.02 less FPR."""
    for name, miou, fpr in (
        ('aavs_seed-1', 0.7, 0.04),
        ('aavs_seed-0', 0.5, 0.04),
        ('aavs_negative-sound_seed-0', 0.6, 0.02),
        ('aavs_negative-sound_seed-1', 0.8, 0.02),
        ('aavs_negative-sound_seed-2', 0.8, 0.02),
        ('tpavi_seed-0', 0.25, 0.0),
    ):
        path = tmp_path / f'{name}.json'
        path.write_text(json.dumps(_robustness(miou, fpr)))
    runs = read_runs(tmp_path)
    lines = make_consistency_lines(runs)
    half = '| 0.300 +- 0.071 ' * 5
    assert lines[2] == f'| AAVS | 0, 1 | 0.600 +- 0.141 {half}|'
    assert lines[3].startswith('| AAVS, `NegativeSound` | 0, 1, 2 | 0.733')
    assert lines[4].startswith('| TPAVI | 0 | 0.250 | 0.125 |')
    assert make_area_lines(runs)[4] == (
        '| TPAVI | 0 | 0.000 | 0.000 | 0.000 | 0.000 | 0.100 | 0.200 | 0.000 |'
    )
    rest = '| -0.0200 ' * 3
    spread = '| -0.0200 +- 0.0000 ' * 3
    assert make_difference_lines(runs)[2:] == [
        f'| AAVS | 0 | +0.1000 {rest}|',
        f'|  | 1 | +0.1000 {rest}|',
        f'|  | mean | +0.1000 +- 0.0000 {spread}|',
    ]
    (tmp_path / 'other.json').write_text('{}')
    with pytest.raises(ValueError, match='other.json: expected a file SYST'):
        read_runs(tmp_path)


def test_tables_of_one_and_two_stages_by_hand(tmp_path):
    """Two stages lose 0.1 to an equal total; the mixture closes a quarter."""
    scores = {
        'stage one': {0: {'split/mIoU': 0.75}},
        'single stage, steps of both': {0: _classes(0.5)},
        'two stages': {0: _classes(0.4)},
        'two stages, oracle prior': {0: _classes(0.8)},
        'mixture': {0: _classes(0.5)},
        'mixture, oracle prior': {0: _classes(0.7)},
    }
    setting = dict(
        system='aavs',
        regime='default',
        classes=14,
        clips=dict(train=240, test=96),
        batch_size=4,
        steps_per_stage=480,
    )
    report = make_report(setting, scores)
    path = tmp_path / 'stepping_stones_aavs.json'
    path.write_text(json.dumps(report))
    reports = read_studies(tmp_path)
    title, _, _, _, *rows = make_row_lines(reports)
    assert title == (
        'AAVS, regime `default`, 14 classes, 240 training and 96 test clips, '
        '480 steps of 4 clips per stage:'
    )
    assert rows == [
        '| stage one | 0 | 480 |  |  |  | 75.0 |  |',
        '| two stages | 0 | 960 | 40.0 | 25.0 | 80.0 |  |  |',
        '| single stage, steps of both | 0 | 960 | 50.0 | 25.0 |  |  |  |',
        '| mixture | 0 | 960 | 50.0 | 25.0 | 70.0 |  | 25 % |',
    ]
    _, _, _, _, *differences = make_stage_difference_lines(reports)
    assert differences == [
        '| two stages - single stage, steps of both | `dataset` | -10.0 |',
        '| mixture - single stage, steps of both | `dataset` | +0.0 |',
        '| mixture - two stages | `dataset` | +10.0 |',
        '| mixture, oracle prior - two stages, oracle prior | `dataset` '
        '| -10.0 |',
    ]


def _classes(miou):
    return {'dataset/mIoU': miou, 'dataset/F': 0.25}


def test_tables_of_performance_by_hand():
    names = ('plain', 'packed', 'packed, normalised', 'published')
    loaders = {
        name: dict(cpu_ms_per_clip=ms)
        for name, ms in zip(names, (8.0, 2.0, 4.0, 12.0), strict=True)
    }
    lines = make_loading_lines(dict(systems=dict(tpavi=dict(loaders=loaders))))
    assert lines[-1] == '| TPAVI, 224 | 8.0 | 2.0 | 4.0 | 12.0 | 6.0 | 3.0 |'

    parts = dict(forward=1.0, backward=0.5, optimiser=0.5)
    ours = dict(cpu_seconds=2.0, parts=parts, peak_memory_bytes=2**20)
    theirs = dict(ours, cpu_seconds=5.0, peak_memory_bytes=4 * 2**20)
    phases = {'1': dict(mmavs=ours, published=theirs)}
    lines = make_training_lines(dict(phases=phases))
    assert lines[2:] == [
        '| 1 | mmavs | 2.0 | 1.0 | 0.5 | 0.5 | 1 | 2.50 | 25% |',
        '| 1 | published | 5.0 | 1.0 | 0.5 | 0.5 | 4 |  |  |',
    ]
