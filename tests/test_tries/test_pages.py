"""Pages of data sets that cannot be written."""

from support.tries import Try, check, rows

TOOL = 'analysis_tools/browse_dataset.py'

TRIES = [
    Try(
        'clips',
        f'{TOOL} stub.py --out o --num-clips 0',
        'must be 1 .* got 0',
        2,
    ),
    Try('config', f'{TOOL} none.py --out o', 'none.py: expected a config'),
    Try('phase', f'{TOOL} stub.py --out o', 'without train_dataloader'),
    Try(
        'foreign',
        f'{TOOL} stub.py --phase test --out data',
        'data: expected no folder, .* got label2idx.json in it',
        1,
        keeps=['data/v1m/a/audio.wav'],
    ),
]

RESULTS = 'analysis_tools/analyze_results.py'
MASKS = f'{RESULTS} masks masks/v1m data --task ms3 --out o --workers 1'

RESULT_TRIES = [
    Try('nothing', RESULTS, 'arguments are required: kind', 2),
    Try('no-task', f'{RESULTS} masks a b --out o', 'required: --task', 2),
    Try('no-clips', f'{MASKS} --num-clips 0', 'must be 1 .* got 0', 2),
    Try('no-data', MASKS.replace(' data', ' none'), 'none/metadata.csv'),
    Try(
        'no-masks',
        MASKS.replace('masks/v1m', 'none'),
        'none: expected a folder of masks',
    ),
    Try(
        'white-of-classes',
        f'{MASKS.replace("ms3", "avss")} --white 1',
        '--white needs --task s4 or ms3',
        2,
    ),
    Try(
        'no-checkpoint',
        f'{RESULTS} model stub.py none.pth --out o',
        'none.pth',
    ),
    Try(
        'foreign-folder',
        f'{RESULTS} model stub.py stub.pth --out data',
        'data: expected no folder, .* got label2idx.json in it',
        1,
        keeps=['data/v1m/a/audio.wav'],
    ),
]

FLOPS = 'analysis_tools/get_flops.py'
LOGS = 'analysis_tools/analyze_logs.py'

COST_TRIES = [
    Try('no-config', f'{FLOPS} none.py', 'none.py: expected a config'),
    Try('no-size', f'{FLOPS} stub.py --shape 0', 'two positive .* got', 2),
    Try(
        'no-model',
        f'{FLOPS} {{root}}/configs/_base_/default_runtime.py',
        'without model',
    ),
    Try(
        'flops',
        f'{FLOPS} aavs_tiny_ms3-96x96 --shape 64',
        r'5 frames of 64x64 .* audio_backbone .* decode_head .* 1\.212',
        0,
    ),
    Try('no-task', LOGS, 'arguments are required: task', 2),
    Try('no-log', f'{LOGS} cal_train_time none.json', 'none.json'),
    Try(
        'no-json', f'{LOGS} cal_train_time stub.py', 'stub.py: expected a log'
    ),
    Try(
        'no-key',
        f'{LOGS} plot_curve log.json --keys none --out o.png',
        "log.json: expected values of 'none', found none; there are loss",
        1,
        lambda folder: (folder / 'log.json').write_text(
            '{"loss": 1.0, "step": 1}'
        ),
    ),
    Try(
        'picture-is-a-folder',
        f'{LOGS} plot_curve log.json --out data',
        '--out data: expected a file whose name ends in .png, .pdf, .svg',
    ),
    Try(
        'no-step-and-no-number',
        f'{LOGS} plot_curve log.json --keys loss --out o.png',
        "log.json: expected numbers of 'loss', got 'x'",
        1,
        lambda folder: (folder / 'log.json').write_text('{"loss": "x"}\n'),
    ),
    Try(
        'legend',
        f'{LOGS} plot_curve a b --legend one --out o.png',
        'expected 2 names, .* got 1',
        2,
    ),
]


@rows([*TRIES, *RESULT_TRIES, *COST_TRIES])
def test_line(row, place, capsys):
    check(row, place, capsys)
    assert not list(place.glob('.*'))
