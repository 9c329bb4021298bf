"""Videos that cannot be segmented, and places that cannot be written."""

import os
import shutil

import numpy as np
from support.tiny_videos import make_video
from support.tries import Try, check, rows

MODEL = '--config stub.py --checkpoint stub.pth'
RUN = f'segment_video.py v.mp4 {MODEL} --out o.mp4'
OWN = f'segment_video.py a.mp4 {MODEL}'


def video(**options):
    """Make v.mp4, or v.mkv for what mp4 does not take."""
    name = 'v.mkv' if options.get('sound_codec') == 'pcm_f32le' else 'v.mp4'
    settings = dict(seconds=2, fps=5, **options)
    return lambda folder: make_video(folder / name, **settings)


def write(content):
    return lambda folder: (folder / 'v.mp4').write_bytes(content)


def cut(folder):
    shutil.copy(folder / 'a.mp4', folder / 'v.mp4')
    size = (folder / 'v.mp4').stat().st_size
    os.truncate(folder / 'v.mp4', size // 2)


def other_file(folder):
    (folder / 'masks').mkdir()
    (folder / 'masks' / '0.png').write_text('mine')


def nan(times):
    return np.where(times > 0.5, np.nan, 0)


TRIES = [
    Try('works', f'{OWN} --out o.mp4', 'Wrote the video to o.mp4', 0),
    Try(
        'attention-of-no-queries',
        f'{OWN} --out o.mp4 --show-attention a.png',
        'queries .* head HearingStub has none.* leave out --show-attention',
    ),
    Try(
        'attention-name',
        f'{OWN} --out o.mp4 --show-attention a.jpg',
        'ends in .png, got a.jpg',
        2,
    ),
    Try(
        'attention-of-many',
        f'{OWN} --out-dir o --show-attention a.png',
        '--show-attention is for --out',
        2,
    ),
    Try(
        'works-masks', f'{OWN} --out o.mp4 --masks m', 'Wrote 3 masks to m', 0
    ),
    Try('missing', RUN, 'v.mp4: expected a video file, found none'),
    Try(
        'link-to-itself',
        RUN,
        'error: .*v.mp4.*(expected a video|symbolic links)',
        1,
        lambda folder: (folder / 'v.mp4').symlink_to('v.mp4'),
    ),
    Try(
        'folder',
        RUN,
        'v.mp4: expected a video file',
        1,
        lambda folder: (folder / 'v.mp4').mkdir(),
    ),
    Try('empty', RUN, 'v.mp4: expected .*damaged or cut off', 1, write(b'')),
    Try(
        'text',
        RUN,
        'v.mp4: expected a video .*not a video, damaged',
        1,
        write(b'no video'),
    ),
    Try('cut', RUN, 'v.mp4: expected .*damaged or cut off', 1, cut),
    Try(
        'no-sound',
        RUN,
        'v.mp4: expected .*got no sound track',
        1,
        video(sound_codec=None),
    ),
    Try(
        'works-without-sound',
        f'{RUN} --no-audio silence',
        'note: the video is treated as silent',
        0,
        video(sound_codec=None),
    ),
    Try(
        'works-many',
        f'segment_video.py a.mp4 data/v1m {MODEL} --out-dir r --results coco',
        '2 segmented, 0 skipped, 0 failed',
        0,
        lambda folder: shutil.copy(
            folder / 'a.mp4', folder / 'data/v1m/b.mp4'
        ),
    ),
    Try(
        'one-of-many',
        f'segment_video.py a.mp4 v.mp4 {MODEL} --out-dir r --results events',
        'v.mp4: expected .*damaged or cut off',
        1,
        cut,
    ),
    Try(
        'pattern-without-match',
        f'segment_video.py *.mov {MODEL} --out-dir r',
        r'\*.mov: expected videos, found none',
    ),
    Try(
        'folder-without-videos',
        f'segment_video.py data {MODEL} --out-dir r',
        'data: expected videos, found none',
    ),
    Try(
        'results-among-others',
        f'segment_video.py a.mp4 {MODEL} --out-dir .',
        'a: expected no folder, .* got mine.txt in it',
        1,
        lambda folder: (
            (folder / 'a').mkdir(),
            (folder / 'a/mine.txt').touch(),
        ),
        ['a/mine.txt'],
    ),
    Try('no-output', f'segment_video.py a.mp4 {MODEL}', 'either --out', 2),
    Try(
        'out-for-two',
        f'segment_video.py a.mp4 v.mp4 {MODEL} --out o.mp4',
        '--out is for one video',
        2,
    ),
    Try(
        'masks-for-many',
        f'segment_video.py a.mp4 {MODEL} --out-dir r --masks m',
        '--masks is for --out',
        2,
    ),
    Try(
        'results-for-one',
        f'{OWN} --out o.mp4 --results coco',
        '--results is for --out-dir',
        2,
    ),
    Try('mask-rate', f'{OWN} --out o.mp4 --mask-rate 0', 'full.* got 0'),
    Try('vote', f'{OWN} --out o.mp4 --majority-vote 4', 'odd .* got 4'),
    Try('batch', f'{OWN} --out o.mp4 --batch-size 0', 'batch_size .* got 0'),
    Try(
        'no-picture',
        RUN.replace('v.mp4', 'data/v1m/a/audio.wav'),
        'audio.wav: expected .*picture',
    ),
    Try(
        'nan-sound',
        RUN.replace('v.mp4', 'v.mkv'),
        'v.mkv: .*got NaN or infinity at 0.',
        1,
        video(sound_codec='pcm_f32le', sound=nan),
    ),
    Try(
        'too-short',
        RUN,
        'v.mp4.*s',
        1,
        lambda folder: make_video(folder / 'v.mp4', seconds=0.4, fps=5),
    ),
    Try(
        'onto-itself',
        f'{OWN} --out a.mp4',
        'a.mp4: expected another',
        1,
        keeps=['a.mp4'],
    ),
    Try(
        'other-ending', f'{OWN} --out o.avi', 'o.avi: .*ends in .mp4 or .webm'
    ),
    Try(
        'output-is-a-folder',
        f'{OWN} --out data.mp4',
        'data.mp4',
        1,
        lambda folder: (folder / 'data.mp4').mkdir(),
    ),
    Try(
        'under-a-file',
        f'{OWN} --out stub.pth/o.mp4',
        'stub.pth',
        1,
        keeps=['stub.pth'],
    ),
    Try('works-new-folder', f'{OWN} --out new/o.mp4', 'Wrote the video', 0),
    Try(
        'masks-beside-others',
        f'{OWN} --out o.mp4 --masks masks',
        'masks: expected an empty folder, .* got 0.png in it, which is',
        1,
        other_file,
        ['masks/0.png'],
    ),
    Try(
        'masks-into-labels',
        f'{OWN} --out o.mp4 --masks data/v1m/a/labels_rgb',
        'expected an empty folder, .* choose another',
        1,
        keeps=['data/v1m/a/labels_rgb/0.png'],
    ),
    Try(
        'masks-are-a-file',
        f'{OWN} --out o.mp4 --masks stub.pth',
        'stub.pth: expected a folder, got a file',
        1,
        keeps=['stub.pth'],
    ),
    Try('alpha', f'{OWN} --out o.mp4 --alpha 2', 'alpha must be in 0..1'),
    Try(
        'device-without-values',
        f'{OWN} --out o.mp4 --device meta',
        "device 'meta' cannot compute here; use device='cpu'",
    ),
    Try(
        'device',
        f'{OWN} --out o.mp4 --device foo',
        "expected a device such as 'cpu' or 'cuda:0', got 'foo'",
    ),
    Try('no-gpu', f'{OWN} --out o.mp4 --device cuda:7', "use .*'cpu'"),
    Try(
        'no-checkpoint',
        'segment_video.py a.mp4 --config stub.py '
        '--checkpoint none.pth --out o.mp4',
        'none.pth: expected a checkpoi',
    ),
    Try(
        'no-config',
        'segment_video.py a.mp4 --config none.py '
        '--checkpoint stub.pth --out o.mp4',
        'none.py: expected a config',
    ),
    Try(
        'config-of-training',
        'segment_video.py a.mp4 --config toy.py '
        '--checkpoint stub.pth --out o.mp4',
        'derives from mmavs.datasets.B',
    ),
    Try(
        'second-stage-alone',
        'segment_video.py a.mp4 --config two.py '
        '--checkpoint stub.pth --out o.mp4',
        'two.py is .* --stage-one CONF',
    ),
    Try(
        'first-stage-twice',
        f'{OWN} --out o.mp4 --stage-one stub.py stub.pth',
        'stub.py takes no masks of a first stage',
    ),
    Try(
        'out-is-a-folder',
        'test.py stub.py stub.pth --out data',
        'data: expected a file, got a folder',
        1,
    ),
    Try(
        'out-is-the-checkpoint',
        'test.py stub.py stub.pth --out stub.pth',
        'stub.pth: expected a new file, or one with the metrics of an earlier',
        1,
        keeps=['stub.pth'],
    ),
    Try(
        'out-is-a-table',
        'test.py stub.py stub.pth --out data/label2idx.json',
        'data/label2idx.json: expected a new file.*Nothing was changed',
        1,
        keeps=['data/label2idx.json'],
    ),
    Try(
        'out-is-a-device',
        'test.py stub.py stub.pth --out /dev/null',
        '/dev/null: expected a new file',
    ),
    Try(
        'table-of-clips-onto-another',
        'test.py stub.py stub.pth --cfg-options '
        'test_evaluator.per_clip_csv=data/metadata.csv',
        'data/metadata.csv: expected a new file, or a table of an earlier run',
        1,
        keeps=['data/metadata.csv'],
    ),
    Try(
        'works-table-of-clips-again',
        'test.py stub.py stub.pth --cfg-options '
        'test_evaluator.per_clip_csv=t.csv',
        'split/mIoU',
        0,
        lambda folder: (folder / 't.csv').write_text(
            'sample_idx,subset,clip_id,num_frames\n'
        ),
    ),
    Try(
        'works-out-again',
        'test.py stub.py stub.pth --out m.json',
        'split/mIoU',
        0,
        lambda folder: (folder / 'm.json').write_text('{"split/F": 0.5}'),
    ),
    Try(
        'out-under-a-file',
        'test.py stub.py stub.pth --out stub.pth/m.json',
        'stub.pth',
        1,
        keeps=['stub.pth'],
    ),
    Try(
        'works-out',
        'test.py stub.py stub.pth --out new/m.json',
        'split/mIoU',
        0,
    ),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)
    leftovers = [path.name for path in place.glob('.*')]
    assert not leftovers
