"""Benchmarks of speed: their arithmetic, tables and errors."""

import json
import sys
import time

import pytest

from benchmarks import (
    backends,
    growth,
    growth_plot,
    precision,
    published,
    video,
)
from benchmarks.machine import cpu_name
from benchmarks.moving_picture import write_moving_picture
from benchmarks.published_systems import SYSTEMS
from benchmarks.speed_page import (
    _TITLES,
    describe_run,
    make_backends_lines,
    make_parts_lines,
    make_precision_lines,
    make_published_lines,
    make_video_lines,
    make_window_lines,
)

MACHINE = dict(cpu='C', cores=2, threads=1, torch='2.0', load_average=3.04)
TEXT = 'C, 2 cores, torch 2.0, 1 thread, load average 3.0'


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_stopwatch_gives_each_part_its_own_time():
    """0.04 s outside, 0.02 s inside, of which the stream takes half."""
    watch = video.Stopwatch()

    def numbers():
        burn(0.01)
        yield 1

    inside = watch.timed('inside', lambda: burn(0.01))
    stream = watch.timed_stream('stream', numbers)
    with watch.part('outside'):
        burn(0.02)
        inside()
        assert list(stream()) == [1]
        burn(0.02)
    expected = dict(outside=0.04, inside=0.01, stream=0.01)
    assert watch.seconds == pytest.approx(expected, abs=4e-3)


def test_name_of_the_cpu(tmp_path, monkeypatch):
    info = tmp_path / 'cpuinfo'
    info.write_text(
        'model name\t: AMD EPYC\nflags\t\t: fpu avx2 avx512_bf16\n'
        'model name\t: other\n'
    )
    monkeypatch.setattr('benchmarks.machine._CPU_INFO', info)
    assert cpu_name() == 'AMD EPYC (avx2, avx512_bf16)'
    assert describe_run(MACHINE) == TEXT
    assert '2 threads' in describe_run(dict(MACHINE, threads=2))


def test_table_of_the_comparison_by_hand():
    theirs = dict(cpu_seconds=6.0, peak_memory_bytes=2**22, max_difference=0.0)
    theirs.update(equal_pixels=1.0, seconds=12.0, spread=0.5)
    ours = dict(
        theirs,
        cpu_seconds=4.0,
        peak_memory_bytes=2**20,
        max_difference=2e-6,
        equal_pixels=0.75,
    )
    fast = dict(ours, cpu_seconds=2.0, peak_memory_bytes=None)
    codes = {'published': theirs, 'mmavs': ours, 'mmavs, bfloat16': fast}
    systems = dict(tpavi_r50=dict(machine=MACHINE, rounds=2, codes=codes))
    lines = make_published_lines(dict(systems=systems))
    assert lines[2:] == [
        '| TPAVI R50, 224 | published | 6.00 |  | 4 |  |  |  |',
        '|  | mmavs | 4.00 | 1.50 | 1 | 25% | 2.0e-06 | 0.75000 |',
        '|  | mmavs, bfloat16 | 2.00 | 3.00 |  |  | 2.0e-06 | 0.75000 |',
        '',
        f'- TPAVI R50, 224: {TEXT}, medians of 2 clips.',
    ]
    table = published.make_table(systems)
    columns = {c.header: list(c.cells) for c in table.columns}
    assert columns['times faster (CPU)'] == ['1.00', '1.50', '3.00']
    assert {*_TITLES} == {*SYSTEMS}


def test_table_of_the_runtimes_by_hand():
    """Times faster than the first one."""
    pytorch = dict(cpu_seconds=4.0, frames_per_second=1.25, seconds=8.0)
    pytorch.update(spread=0.5, max_difference=0.0, equal_pixels=1.0)
    other = dict(
        pytorch,
        cpu_seconds=2.5,
        frames_per_second=2.0,
        max_difference=2e-6,
        equal_pixels=0.75,
    )
    system = dict(machine=MACHINE, rounds=2, export='difference of 1e-06')
    system['runtimes'] = {'PyTorch': pytorch, 'OpenVINO': other}
    systems = dict(a=system)
    assert make_backends_lines(dict(systems=systems))[2:] == [
        '| `a` | PyTorch | 4.000 | 1.25 |  |  |  |',
        '|  | OpenVINO | 2.500 | 2.00 | 1.60 | 2.0e-06 | 0.75000 |',
        '',
        f'- `a`: {TEXT}, medians of 2 clips. Check of the export: difference '
        'of 1e-06.',
    ]
    table = backends.make_table(systems)
    columns = {c.header: list(c.cells) for c in table.columns}
    assert columns['times faster (CPU)'] == ['1.00', '1.60']


def test_other_tables_by_hand():
    row = dict(cpu_seconds_per_clip=2.0, parts=dict(backbone=1.5), iou=0.5)
    report = dict(config='a', machine=MACHINE, rounds=2)
    lines = make_parts_lines(dict(report, precisions=dict(float32=row)))
    assert lines[2:] == [
        '| float32 | 2.00 | 1.50 | 0.5000 |',
        '',
        f'`a`, {TEXT}, medians of 2 clips.',
    ]
    stage = dict(size=96, channels=128, heads=4)
    stage['cpu_ms'] = dict(mmdet=30.0, mmavs=10.0)
    lines = make_window_lines(dict(report, stages=[stage]))
    assert lines[2] == '| 96 x 96, 128, 4 | 30 | 10 | 3.0 |'
    precisions = dict(bfloat16=dict(iou=0.99, equal_pixels=1.0))
    system = dict(config='b', clips=24, precisions=precisions)
    lines = make_precision_lines(dict(machine=MACHINE, systems=[system]))
    assert lines[0] == '| config | clips | bfloat16 |'
    assert lines[2] == '| `b` | 24 | 0.9900 |'
    clip = dict(
        first_call_seconds=1.5,
        parts=dict(network=4.0, overlay=1.0),
        share_of_network=0.25,
        peak_memory_bytes=2**20,
    )
    result = dict(machine=MACHINE, size=[36, 64], fps=25, videos={'5': clip})
    lines = make_video_lines(dict(c=result))
    assert lines[2] == (
        '| `c` | 5 s, 64 x 36, 25 fps | 4.00 | 1.00 | 25.0% | 1.50 | 1 |'
    )
    assert lines[-1] == f'{TEXT}.'
    result['videos']['20'] = dict(clip, peak_memory_bytes=2**22)
    lines = make_video_lines(dict(c=result))
    assert ' '.join(lines[-2:]).endswith(
        '`c`: the peak grows by 3 MiB from 5 s to 20 s.'
    )


def test_plot_of_the_growth():
    points = [
        dict(value=n, cpu_seconds=0.1 * n, peak_memory_bytes=2**20 * n)
        for n in (1, 2)
    ]
    series = dict(frames=points, size=points)
    report = dict(systems=dict(aavs_tiny_s4=dict(size=96, series=series)))
    axes = growth_plot.draw(report).axes
    assert len(axes) == 4
    ours, slope = axes[2].get_lines()
    assert list(ours.get_ydata()) == [1, 2]
    assert ours.get_label() == 'aavs, tiny, 96 x 96'
    assert list(slope.get_ydata()) == [0.5, 1]
    # The number of pixels is the square of the size.
    assert list(axes[3].get_lines()[1].get_ydata()) == [0.5, 2]


@pytest.mark.parametrize(
    ('module', 'words', 'message'),
    [
        (published, ['unet'], r"expected one of \['aavs_swin-b', .*'unet'"),
        (growth, ['configs/none.py'], 'configs/none.py: expected a config'),
        (video, ['configs/none.py'], 'configs/none.py: expected a config'),
        (
            precision,
            ['configs'],
            r'configs: expected the work directory of a training with one '
            r'\*.py, found 0',
        ),
    ],
)
def test_wrong_arguments_end_in_one_line(module, words, message, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['', *words])
    with pytest.raises(SystemExit, match=f'^error: {message}'):
        module.main()


@pytest.mark.slow
def test_growth_and_video_of_a_tiny_network(tmp_path, monkeypatch, capsys):
    """What the processes print is one line of JSON."""
    config = 'configs/synthetic/tpavi_tiny_ms3-96x96.py'
    points = dict(frames=(1, 2), clips=(1, 2))
    monkeypatch.setattr(growth, 'SERIES', points)
    monkeypatch.setattr(sys, 'argv', ['', config, '--child'])
    growth.main()
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result['size'] == 96
    for name, values in points.items():
        found = result['series'][name]
        assert [point['value'] for point in found] == [*values]
        assert all(point['cpu_seconds'] > 0 for point in found)

    path = tmp_path / 'a.mp4'
    write_moving_picture(path, (48, 64), fps=5, seconds=2)
    monkeypatch.setattr(
        video, 'last_line_of_new_process', lambda *words: run_here(words)
    )

    def run_here(words):
        monkeypatch.setattr(sys, 'argv', [*map(str, words)])
        video.main()
        return capsys.readouterr().out.splitlines()[-1]

    words = ['--seconds', '2', '--size', '48', '64', '--fps', '5']
    out = tmp_path / 'video.json'
    monkeypatch.setattr(sys, 'argv', ['', config, *words, '--json', str(out)])
    video.main()
    (result,) = json.loads(out.read_text()).values()
    row = result['videos']['2']
    parts = row['parts']
    assert {'reading', 'network', 'overlay'} < {*parts}
    assert row['first_call_seconds'] > 0
    rest = sum(parts.values()) - parts['network']
    assert row['share_of_network'] == pytest.approx(rest / parts['network'])
