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


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)
    assert not list(place.glob('.*'))
