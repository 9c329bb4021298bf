"""Command lines: what is missing or wrong in them, tool by tool."""

import pytest
from support.tries import TOOLS, Try, check, rows

ONE = '{root}/configs/synthetic/aavs_tiny_avss-binary-96x96.py'
TWO = '{root}/configs/synthetic/aavs_tiny_stage2_avss-96x96.py'
STAGES = f'run_stepping_stones.py {ONE} {TWO} --work-dir w'
MAKE = 'dataset_converters/make_synthetic.py'
SEGMENT = 'segment_video.py a.mp4 --config stub.py --checkpoint stub.pth'


def required(names: str) -> str:
    """What argparse says of missing arguments."""
    return f'error: the following arguments are required: {names}$'


TRIES = [
    Try('train-nothing', 'train.py', required('config'), 2),
    Try(
        'train-unknown-option',
        'train.py toy.py --epochs 3',
        'error: unrecognized arguments: --epochs 3',
        2,
    ),
    Try(
        'train-launcher',
        'train.py toy.py --launcher torchrun',
        r"--launcher: invalid choice: 'torchrun' \(choose from .*pytorch",
        2,
    ),
    Try(
        'train-local-rank',
        'train.py toy.py --local-rank first',
        "--local_rank: invalid int value: 'first'",
        2,
    ),
    Try(
        'test-precision',
        'test.py toy.py toy.pth --precision int8',
        r"--precision: invalid choice: 'int8' \(choose from .*bfloat16",
        2,
    ),
    Try(
        'train-slurm-without-cuda',
        'train.py toy.py --launcher slurm',
        'error: --launcher slurm needs CUDA; without it, .*dist_train.sh',
    ),
    Try(
        'train-option-without-value',
        'train.py toy.py --cfg-options train_cfg.max_epochs',
        "expected KEY=VALUE, got 'train_cfg.max_epochs'",
        2,
    ),
    Try(
        'train-option-without-any',
        'train.py toy.py --cfg-options',
        '--cfg-options: expected at least one argument',
        2,
    ),
    Try(
        'train-work-dir-is-a-file',
        'train.py toy.py --work-dir stub.pth',
        'work dir stub.pth: expected a folder, got a file; choose another',
        keeps=['stub.pth'],
    ),
    Try('test-nothing', 'test.py', required('config, checkpoint'), 2),
    Try('test-no-checkpoint', 'test.py stub.py', required('checkpoint'), 2),
    Try(
        'test-soft-alone',
        'test.py stub.py stub.pth --soft',
        '--soft needs --dump-masks',
        2,
    ),
    Try(
        'test-all-with-metrics',
        'test.py stub.py stub.pth --split all --out m.json',
        '--out with --split all would mix training and test clips in one',
        2,
    ),
    Try(
        'test-all-alone',
        'test.py stub.py stub.pth --split all',
        '--split all needs --dump-masks or --show-dir',
        2,
    ),
    Try(
        'test-unknown-split',
        'test.py stub.py stub.pth --split dev',
        r"--split must be one of \('train', 'val', 'test', 'all'\), got 'dev'",
    ),
    Try(
        'test-clips-no-number',
        'test.py stub.py stub.pth --show-dir s --show-clips some',
        "--show-clips: invalid int value: 'some'",
        2,
    ),
    Try(
        'test-negative-clips',
        'test.py stub.py stub.pth --show-dir s --show-clips -1',
        '--show-clips must be 1 or more, got -1',
        2,
    ),
    Try(
        'test-clips-without-folder',
        'test.py stub.py stub.pth --show-clips 2',
        '--show-clips needs --show-dir',
        2,
    ),
    Try(
        'stages-nothing',
        'run_stepping_stones.py',
        required('stage_one, stage_two, --work-dir'),
        2,
    ),
    Try(
        'stages-one-config',
        f'run_stepping_stones.py {ONE} --work-dir w',
        required('stage_two'),
        2,
    ),
    Try(
        'stages-no-process',
        f'{STAGES} --launcher pytorch --nproc 0',
        '--nproc must be at least 1, got 0',
        2,
    ),
    Try(
        'stages-processes-alone',
        f'{STAGES} --nproc 2',
        '--nproc needs --launcher pytorch or slurm',
        2,
    ),
    Try(
        'stages-no-partition',
        f'{STAGES} --launcher slurm',
        '--launcher slurm needs --partition',
        2,
    ),
    Try(
        'stages-pair',
        f'{STAGES} --stage-one-for v1m',
        "--stage-one-for takes SUBSET=CONFIG, got 'v1m'",
        2,
    ),
    Try(
        'stages-unknown-subset',
        f'{STAGES} --subsets v3',
        r"--subsets: AVSBenchDataset has the subsets .*'v2'\), got \['v3'\]",
    ),
    Try(
        'stages-unknown-subset-of-a-pair',
        f'{STAGES} --stage-one-for v3={ONE}',
        r"--stage-one-for: AVSBenchDataset has the subsets .*got \['v3'\]",
    ),
    Try(
        'stages-config-missing',
        f'run_stepping_stones.py {ONE} none.py --work-dir w',
        'none.py: expected a config file, found none; check the path',
    ),
    Try(
        'stages-config-of-a-subset-missing',
        f'{STAGES} --stage-one-for v1m=none.py',
        'none.py: expected a config file, found none; check the path',
    ),
    Try(
        'stages-one-twice',
        f'run_stepping_stones.py {ONE} {ONE} --work-dir w',
        'does not use the masks of stage one: expected a config of stage two',
    ),
    Try(
        'stages-swapped',
        f'run_stepping_stones.py {TWO} {ONE} --work-dir w',
        'expected a config of stage two, whose test pipeline has LoadMaskP',
    ),
    Try(
        'stages-other-size',
        'run_stepping_stones.py {root}/configs/avsegformer/avsegformer_r50_'
        f'1xb4-30e_avss-binary-224x224.py {TWO} --work-dir w',
        r'takes masks of \(96, 96\), but .* predicts masks of \(224, 224\)',
    ),
    Try(
        'stages-work-dir-is-a-file',
        f'run_stepping_stones.py {ONE} {TWO} --work-dir stub.pth',
        'work dir stub.pth: expected a folder, got a file; choose another',
        keeps=['stub.pth'],
    ),
    Try(
        'segment-nothing',
        'segment_video.py',
        required('VIDEO'),
        2,
    ),
    Try(
        'segment-no-model',
        'segment_video.py v.mp4 --out o.mp4',
        required('--config, --checkpoint'),
        2,
    ),
    Try(
        'segment-backend-alone',
        f'{SEGMENT} --out o.mp4 --backend openvino',
        'openvino needs --exported in place of --checkpoint',
        2,
    ),
    Try(
        'segment-exported-alone',
        f'{SEGMENT} --out o.mp4 --exported a.onnx',
        '--exported needs --backend onnxruntime or openvino',
        2,
    ),
    Try(
        'export-ending',
        'export.py c.py c.pth --out c.pt2',
        'ends in .onnx for --format onnx, got c.pt2',
        2,
    ),
    Try(
        'export-no-config',
        'export.py none.py c.pth --out c.onnx',
        'none.py: expected a config file, found none',
    ),
    Try('segment-no-output', SEGMENT, 'either --out for one video', 2),
    Try(
        'segment-soft-alone',
        f'{SEGMENT} --out o.mp4 --soft-prior',
        '--soft-prior says how --stage-one is used; give it',
        2,
    ),
    Try(
        'segment-stage-one-without-checkpoint',
        f'{SEGMENT} --out o.mp4 --stage-one stub.py',
        '--stage-one: expected 2 arguments',
        2,
    ),
    Try(
        'segment-alpha-no-number',
        f'{SEGMENT} --out o.mp4 --alpha half',
        "--alpha: invalid float value: 'half'",
        2,
    ),
    Try('demo-unknown-option', 'demo.py --fast', 'arguments: --fast', 2),
    Try('demo-no-folder', 'demo.py --work-dir', 'expected one argument', 2),
    Try(
        'web-words-of-a-model',
        'web_demo.py --model mine stub.py',
        'error: --model expects NAME CONFIG CHECKPOINT, and for a model of '
        r"stage two also .*; got \['mine', 'stub.py'\]",
        2,
    ),
    Try(
        'web-no-weights',
        'web_demo.py --model mine stub.py gone.pth',
        'error: gone.pth: expected the weights of stub.py, found no file',
    ),
    Try(
        'web-no-sample',
        'web_demo.py --model mine stub.py stub.pth --sample gone.mp4',
        'error: gone.mp4: expected a video as sample, found none',
    ),
    Try(
        'web-other-folder',
        'web_demo.py --model mine stub.py stub.pth --files-dir a.mp4',
        'error: .*a.mp4',
        keeps=['a.mp4'],
    ),
    Try('demo-help', 'demo.py --help', '--work-dir WORK_DIR', 0),
    Try('make-nothing', MAKE, 'nothing to write: give --root, --video or', 2),
    Try(
        'make-unknown-subset',
        f'{MAKE} --root s --subsets v3',
        "--subsets: invalid choice: 'v3'",
        2,
    ),
    Try(
        'make-two-classes', f'{MAKE} --root s --classes 2', 'be 3 to 14, got 2'
    ),
    Try(
        'make-negative',
        f'{MAKE} --root s --test -3',
        "must not be negative, nor all 0, got .*'test': -3",
    ),
    Try('make-tiny-frames', f'{MAKE} --root s --size 4', 'at least 32, got 4'),
    Try(
        'make-root-is-a-file',
        f'{MAKE} --root stub.pth',
        'stub.pth: expected a folder for the data set, got a file; choose',
    ),
    Try(
        'make-root-has-files',
        f'{MAKE} --root data --train 1 --val 1 --test 1',
        'data holds a data set already, expected one .* choose another',
        keeps=['data/metadata.csv', 'data/v1m/a/frames/0.jpg'],
    ),
    Try(
        'make-video-name',
        f'{MAKE} --video v.txt',
        'v.txt: expected the name of a video, which ends in .mp4',
    ),
    Try(
        'make-video-is-a-folder',
        f'{MAKE} --video data.mp4',
        'data.mp4: expected no file, or a video of this tool, got a file',
        prepare=lambda folder: (folder / 'data.mp4').mkdir(),
    ),
    Try(
        'make-works',
        f'{MAKE} --root s --subsets v1m --train 1 --val 1 --test 1 --size 48',
        'The data set is in s v1m train: best sound-blind mIoU',
        0,
    ),
    Try('dist-train-nothing', 'dist_train.sh', 'CONFIG GPUS', 2),
    Try(
        'dist-train-no-number',
        'dist_train.sh toy.py two',
        "error: GPUS must be 1 or more, got 'two'",
        2,
    ),
    Try(
        'dist-train-none',
        'dist_train.sh toy.py 0',
        "error: GPUS must be 1 or more, got '0'",
        2,
    ),
    Try('dist-test-nothing', 'dist_test.sh', 'CHECKPOINT GPUS', 2),
    Try(
        'dist-test-no-number',
        'dist_test.sh stub.py stub.pth',
        'CHECKPOINT GPUS',
        2,
    ),
    Try(
        'dist-test-option-for-number',
        'dist_test.sh stub.py stub.pth --out m.json',
        "error: GPUS must be 1 or more, got '--out'",
        2,
    ),
    Try('slurm-train-nothing', 'slurm_train.sh', 'PARTITION JOB_NAME CON', 2),
    Try('slurm-train-no-config', 'slurm_train.sh p job', 'JOB_NAME CONFIG', 2),
    Try('slurm-test-nothing', 'slurm_test.sh', 'CONFIG CHECKPOINT', 2),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)


@pytest.mark.parametrize('script', ['slurm_train.sh', 'slurm_test.sh'])
@pytest.mark.parametrize('count', ['GPUS', 'GPUS_PER_NODE', 'CPUS_PER_TASK'])
def test_counts_for_slurm(script, count, place, capsys, monkeypatch):
    monkeypatch.setenv(count, 'many')
    line = f"error: {count} must be 1 or more, got 'many'"
    words = f'{script} partition job stub.py stub.pth'
    check(Try('slurm', words, line, 2), place, capsys)
    assert (TOOLS / script).is_file()
