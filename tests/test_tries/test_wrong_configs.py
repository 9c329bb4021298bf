"""Configs: files that cannot be read, and settings that fit nothing."""

from pathlib import Path

from support.tries import ROOT, Try, check, rows

TEST = 'test.py stub.py stub.pth --cfg-options'
TRAIN = 'train.py toy.py --cfg-options'
ONE = '{root}/configs/synthetic/aavs_tiny_avss-binary-96x96.py'
TWO = '{root}/configs/synthetic/aavs_tiny_stage2_avss-96x96.py'
TINY = 'train.py {root}/configs/synthetic/aavs_tiny_ms3-96x96.py --cfg-options'


def config(text: str):
    """Write ``c.py``."""
    return lambda folder: (folder / 'c.py').write_text(text)


def without(name: str):
    """Write ``c.py`` = ``stub.py`` without a part."""

    def prepare(folder: Path) -> None:
        text = (folder / 'stub.py').read_text()
        (folder / 'c.py').write_text(f'{text}\ndel {name}\n')

    return prepare


DATASET = 'test_dataloader.dataset'
TRIES = [
    Try('missing', 'train.py none.py', 'none.py: expected a config file, f'),
    Try('a-folder', 'train.py data', 'data: expected a config file, whose n'),
    Try('no-python', 'train.py stub.pth', 'stub.pth: expected a config file'),
    Try(
        'syntax',
        'train.py c.py',
        r"c.py, or a config in its _base_, line 2: '\(' was never closed",
        prepare=config('a = 1\nb = (\n'),
    ),
    Try(
        'unknown-name',
        'train.py c.py',
        "c.py: running the config.* NameError: name 'nothing'",
        prepare=config('a = nothing\n'),
    ),
    Try(
        'division',
        'train.py c.py',
        'c.py: running the config.* ZeroDivisionError: .*; correct',
        prepare=config('a = 1 / 0\n'),
    ),
    Try(
        'missing-base',
        'train.py c.py',
        'c.py: a file that it needs is missing: .*no_base.py; check _base_',
        prepare=config("_base_ = ['no_base.py']\n"),
    ),
    Try(
        'base-of-itself',
        'train.py c.py',
        'c.py: running the config.* RecursionError',
        prepare=config("_base_ = ['c.py']\n"),
    ),
    Try(
        'same-key-in-two-bases',
        'train.py c.py',
        'Duplicate key is not allowed among bases',
        prepare=config("_base_ = ['stub.py', 'toy.py']\n"),
    ),
    Try(
        'missing-import',
        'train.py c.py',
        'no_such_package',
        prepare=config("custom_imports = dict(imports=['no_such_package'])\n"),
    ),
    Try(
        'empty-train',
        'train.py c.py',
        'c.py: expected a config with model',
        prepare=config(''),
    ),
    Try(
        'empty-test',
        'test.py c.py stub.pth',
        'c.py: expected a config with model, .* without model, test_dat',
        prepare=config(''),
    ),
    Try(
        'no-test-dataloader',
        'test.py c.py stub.pth',
        'c.py: expected a config with model, test_dataloader, .* one without',
        prepare=without('test_dataloader'),
    ),
    Try(
        'no-evaluator',
        'test.py c.py stub.pth',
        'c.py: expected .* without test_evaluator; give the config',
        prepare=without('test_evaluator'),
    ),
    Try(
        'no-test-cfg',
        'test.py c.py stub.pth',
        'c.py: expected .* without test_cfg; give the config',
        prepare=without('test_cfg'),
    ),
    Try(
        'no-model',
        'test.py c.py stub.pth',
        'c.py: expected .* without model; give the config',
        prepare=without('model'),
    ),
    Try('model-type', f'{TEST} model.type=AAVSNet', 'AAVSNet is not in'),
    Try('metric-type', f'{TEST} test_evaluator.type=mIoU', 'mIoU is not in'),
    Try('dataset-type', f'{TEST} {DATASET}.type=AVSBench', 'AVSBench is not'),
    Try(
        'dataset-of-another-kind',
        f'{TEST} {DATASET}.type=ADE20KDataset',
        "got an unexpected keyword argument 'split'",
    ),
    Try(
        'transform-type',
        f'{TEST} {DATASET}.pipeline.0.type=LoadFrames',
        'LoadFrames is not in',
    ),
    Try(
        'sampler-type',
        f'{TEST} test_dataloader.sampler.type=Random',
        'Random is not in',
    ),
    Try(
        'optimizer-type',
        f'{TRAIN} optim_wrapper.optimizer.type=Adamm',
        "optimizer.type must name .* such as AdamW, got 'Adamm'",
    ),
    Try(
        'hook-type', f'{TRAIN} custom_hooks.0.type=Phases', 'Phases is not in'
    ),
    Try('model-argument', f'{TEST} model.channels=3', "argument 'channels'"),
    Try('dataset-argument', f'{TEST} {DATASET}.folder=x', "argument 'folder'"),
    Try(
        'metric-argument', f'{TEST} test_evaluator.names=x', "argument 'names'"
    ),
    Try(
        'task',
        f'{TEST} {DATASET}.task=s5',
        r"task must be one of \('s4', 'ms3', 'avss'\), got 's5'",
    ),
    Try(
        'split',
        f'{TEST} {DATASET}.split=dev',
        r"split must be one of \('train', 'val', 'test'\), got 'dev'",
    ),
    Try(
        'subset',
        f'{TEST} {DATASET}.subsets=[v9]',
        r"subsets must be one of \('v1s', 'v1m', 'v2'\), got 'v9'",
    ),
    Try('labels', f'{TEST} {DATASET}.labels=colour', "got 'colour'"),
    Try(
        'label-folder',
        f'{TEST} {DATASET}.label_folder=labels',
        r"label_folder must be one of .*, got 'labels'",
    ),
    Try(
        'unlabelled',
        f'{TEST} {DATASET}.unlabelled=skip',
        r"unlabelled must be one of .*, got 'skip'",
    ),
    Try(
        'sound',
        f'{TEST} {DATASET}.sound_from=none',
        r"sound_from must be one of .*, got 'none'",
    ),
    Try(
        'indices-out-of-range',
        f'{TEST} {DATASET}.indices=[7]',
        r'indices must be -2..1, got \[7\]: the data set has 2 clips',
    ),
    Try(
        'data-root',
        f'{TEST} {DATASET}.data_root=nowhere',
        'nowhere/metadata.csv not found; .* Check data_root',
    ),
    Try(
        'ann-file',
        f'{TEST} {DATASET}.ann_file=train.csv',
        'data/train.csv not found; .* and ann_file',
    ),
    Try(
        'split-without-clips',
        f'{TEST} {DATASET}.task=s4',
        "no clip with split in .*'test'.* and subset in .*v1s.*check the opt",
    ),
    Try(
        'labels-differ',
        f'{TEST} {DATASET}.labels=semantic',
        r"labels='semantic', but LoadClipMasks\(label='binary'\); set both",
    ),
    Try(
        'protocol',
        f'{TEST} test_evaluator.protocols=[best]',
        "protocol must be 'split', .* for example .*, got 'best'",
    ),
    Try(
        'prior-of-old',
        f'{TEST} {DATASET}.data_prefix.mask_prior=masks',
        'data_prefix takes no mask_prior; set mask_prior=dict',
    ),
    Try(
        'prior-source',
        f'test.py two.py stub.pth --cfg-options '
        f'{DATASET}.mask_prior.source=labels',
        r"mask_prior.source must be one of \('truth', .*, got 'labels'",
    ),
    Try(
        'prior-without-root',
        f'test.py two.py stub.pth --cfg-options '
        f'{DATASET}.mask_prior.source=files',
        r"source='files'\) needs root=DIR",
    ),
    Try(
        'prior-iou',
        f'test.py two.py stub.pth --cfg-options '
        f'{DATASET}.mask_prior.source=degraded {DATASET}.mask_prior.iou=2',
        r'mask_prior.iou must be in \[0, 1\].*got 2',
    ),
    Try(
        'prior-entry',
        f'test.py two.py stub.pth --cfg-options '
        f'{DATASET}.mask_prior.dir=masks',
        r"has the entries source, root, iou and probabilities, got \['dir'\]",
    ),
    Try(
        'prior-mixture',
        f'test.py two.py stub.pth --cfg-options '
        f'{DATASET}.mask_prior.source=mixture '
        f'{DATASET}.mask_prior.probabilities.truth=0.5',
        "have the sum 1, got {'truth': 0.5}",
    ),
    Try(
        'fold',
        f'test.py two.py stub.pth --cfg-options {DATASET}.fold.part=test',
        r"fold has the entries .*, got \['part'\]; for example",
    ),
    Try(
        'prior-none',
        f'test.py two.py stub.pth --cfg-options {DATASET}.mask_prior=None',
        'has LoadMaskPrior, but its option mask_prior is None; set',
    ),
    Try(
        'prior-arguments',
        f'test.py two.py stub.pth --cfg-options '
        f'{DATASET}.pipeline.2.source=truth',
        'LoadMaskPrior takes no arguments',
    ),
    Try(
        'save-best',
        f'{TRAIN} default_hooks.checkpoint.save_best=mIoU',
        "save_best='mIoU' is not a result of the validation",
    ),
    Try(
        'save-best-two',
        f'{TRAIN} default_hooks.checkpoint.save_best=[a,b]',
        'save_best must be the name of one metric',
    ),
    Try(
        'epochs-are-text',
        f'{TRAIN} train_cfg.max_epochs=many',
        'train_cfg.max_epochs=many: expected a number, as in .*4., got text',
    ),
    Try(
        'batch-size-0',
        f'{TRAIN} train_dataloader.batch_size=0',
        'batch_size should be a positive integer value, but got',
    ),
    Try(
        'batch-size-is-text',
        f'{TRAIN} train_dataloader.batch_size=two',
        'batch_size=two: expected a number',
    ),
    Try(
        'workers-negative',
        f'{TRAIN} train_dataloader.num_workers=-2',
        'num_workers option should be non-negative',
    ),
    Try(
        'rate-is-text',
        f'{TRAIN} optim_wrapper.optimizer.lr=fast',
        'optimizer.lr=fast: expected a number, as in the config .0.01.',
    ),
    Try(
        'rate-negative',
        f'{TRAIN} optim_wrapper.optimizer.lr=-1',
        'Invalid learning rate: -1',
    ),
    Try(
        'seed-is-text',
        f'{TRAIN} randomness.seed=one',
        'randomness.seed=one: expected a number, as in the config .3407.',
    ),
    Try(
        'log-level',
        f'{TRAIN} log_level=LOUD',
        "'LOUD' is missing in the config, or is no known name there",
    ),
    Try(
        'log-level-is-a-list',
        f'{TRAIN} log_level=[1,2]',
        r'expected text or a whole number as log_level, got \[1, 2\]; corr',
    ),
    Try(
        'no-log-level',
        f'{TRAIN} log_level=None',
        'expected a log_level such as INFO, got None',
    ),
    Try(
        'load-from-is-a-number',
        f'{TRAIN} load_from=1.5',
        'expected text as load_from, got 1.5; correct the config, or the opt',
    ),
    Try(
        'hooks-are-text',
        f'{TRAIN} default_hooks=none',
        'default_hooks=none: expected its entries .default_hooks.timer=...',
    ),
    Try(
        'hook-is-a-number',
        f'{TRAIN} default_hooks.checkpoint=5',
        'default_hooks.checkpoint=5: expected its entries',
    ),
    Try(
        'train-cfg-in-a-file',
        'train.py c.py',
        'c.py: expected a dict as train_cfg, got 3; correct the config',
        prepare=config("_base_ = 'toy.py'\ntrain_cfg = 3\n"),
    ),
    Try(
        'norm-of-gradients',
        f'{TRAIN} optim_wrapper.clip_grad.max_norm=None',
        'must be a string or a real number, .* check the values of --cfg-opt',
    ),
    Try(
        'norm-of-gradients-is-negative',
        f'{TRAIN} optim_wrapper.clip_grad.max_norm=-1',
        'optim_wrapper.clip_grad.max_norm must be above 0, got -1',
    ),
    Try(
        'shuffle-is-text',
        f'{TRAIN} train_dataloader.sampler.shuffle=no',
        'shuffle=no: expected True or False, as in the config .True.',
    ),
    Try(
        'sampler-is-a-list',
        f'{TRAIN} train_dataloader.sampler=[1,2]',
        r'sampler=\[1, 2\]: expected its entries .*sampler.*=...',
    ),
    Try(
        'size-of-labels',
        f'{TEST} {DATASET}.pipeline.1.size=-1',
        r'LoadClipMasks: size must be two positive integers .H, W., got -1',
    ),
    Try(
        'half-precision-is-a-number',
        'test.py stub.py stub.pth --cfg-options test_cfg.fp16=5',
        '; check the values of --cfg-options test_cfg.fp16',
    ),
    Try(
        'half-precision-is-a-number-in-a-file',
        'test.py c.py stub.pth',
        r'must be bool, not int; check the values in c\.py \(traceback: .*log',
        prepare=config("_base_ = 'stub.py'\ntest_cfg = dict(fp16=5)\n"),
    ),
    Try(
        'workers-are-text-in-a-file',
        'train.py c.py',
        r"'<' not supported .*; check the values in c\.py \(traceback: .*log",
        prepare=config(
            "_base_ = 'toy.py'\ntrain_dataloader = dict(num_workers='two')\n"
        ),
    ),
    Try(
        'layers-are-text-in-a-file',
        'train.py c.py',
        "AAVSHead: 'str' object cannot be .*; check the values in c.py",
        prepare=config(
            f"_base_ = '{ROOT}/configs/synthetic/aavs_tiny_ms3-96x96.py'\n"
            'model = dict(decode_head=dict(\n'
            "    transformer_decoder=dict(num_layers='x')))\n"
        ),
    ),
    Try(
        'no-epochs',
        f'{TRAIN} train_cfg.max_epochs=-1',
        'train_cfg.max_epochs: expected at least 1, got -1; with less, noth',
    ),
    Try(
        'no-iterations',
        f'{TRAIN} train_cfg.by_epoch=False train_cfg.max_iters=0',
        'train_cfg.max_iters: expected at least 1, got 0',
    ),
    Try(
        'no-interval',
        f'{TRAIN} train_cfg.val_interval=0',
        'train_cfg.val_interval: expected at least 1, got 0',
    ),
    Try(
        'no-batch',
        f'{TRAIN} train_dataloader.drop_last=True '
        'train_dataloader.batch_size=9',
        'train_dataloader gives no batch: its data set has 8 items, batch_s',
    ),
    Try(
        'no-batch-to-validate',
        f'{TRAIN} val_dataloader.drop_last=True val_dataloader.batch_size=9',
        'val_dataloader gives no batch: .*Set val_dataloader.drop_last=False',
    ),
    Try(
        'seed-is-a-fraction',
        f'{TRAIN} randomness.seed=1e30',
        r'randomness.seed=1e\+30: expected a whole number',
    ),
    Try(
        'half-a-worker',
        f'{TRAIN} train_dataloader.num_workers=1.5',
        r'train_dataloader.num_workers=1.5: expected a whole number, .*\(0\)',
    ),
    Try(
        'no-optimizer-wrapper',
        f'{TRAIN} optim_wrapper=None',
        'got one without optim_wrapper',
    ),
    Try(
        'no-optimizer',
        f'{TRAIN} optim_wrapper.optimizer=None',
        'optim_wrapper.optimizer.type must name an optimizer.*got None',
    ),
    Try(
        'loop-of-a-test',
        f'{TRAIN} train_cfg.type=TestLoop',
        'Only one of `type` or `by_epoch` can exist',
    ),
    Try(
        'rate-of-phase-two',
        f'{TRAIN} custom_hooks.0.phase2_lr=-1',
        'phase2_lr must be more than 0, got -1',
    ),
    Try(
        'epoch-of-phase-two',
        f'{TRAIN} custom_hooks.0.switch_epoch=-1',
        'switch_epoch must be 0 or more, got -1',
    ),
    Try(
        'no-clips',
        f'{TEST} {DATASET}.indices=0',
        'indices must choose at least one clip, got 0',
    ),
    Try(
        'no-packing',
        f'{TEST} {DATASET}.pipeline=[]',
        'expected clips with inputs, .*end the pipeline .* with PackClip',
    ),
    Try(
        'size-is-one-number',
        f'{TEST} {DATASET}.pipeline.0.size=-3',
        r'LoadClipFrames: size must be two positive integers \(H, W\), got -3',
    ),
    Try('default-scope', f'{TRAIN} default_scope=mmavs', 'ToyModel is not in'),
    Try(
        'load-from-missing',
        f'{TRAIN} load_from=none.pth',
        "There is no checkpoint at 'none.pth'",
    ),
    Try(
        'load-from-address',
        f'{TRAIN} load_from=http://localhost/a.pth',
        'is an address, .* Download it',
    ),
    Try('works-options', f'{TEST} {DATASET}.indices=1', 'split/mIoU', 0),
    Try(
        'works-second-stage',
        'test.py two.py stub.pth',
        r'Epoch\(test\).*mIoU',
        0,
    ),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)
