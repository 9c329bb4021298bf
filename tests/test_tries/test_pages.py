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


@rows([*TRIES, *RESULT_TRIES])
def test_line(row, place, capsys):
    check(row, place, capsys)
    assert not list(place.glob('.*'))
