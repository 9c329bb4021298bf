# Synthetic clips of 14 classes in AVSBench's layout: the sound tells eight
# groups of classes apart, the appearance the classes within a group. Write:
#   python tools/dataset_converters/make_synthetic.py \
#       --root data/synthetic_avss --subsets v1m --classes 14 --test 96
data_root = 'data/synthetic_avss'
frame_size = (96, 96)
mask_size = (96, 96)

load_labels = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='semantic', size=mask_size),
]
load_sound = [
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', cache_dir='work_dirs/log_mel_cache'),
]
resize = [
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
pipeline = [*load_labels, *load_sound, *resize]
load_prior = dict(type='LoadMaskPrior')
stage_two_pipeline = [*load_labels, load_prior, *load_sound, *resize]
clips = dict(
    type='AVSBenchDataset',
    data_root=data_root,
    task='avss',
    subsets=('v1m',),  # clips with silent objects of the same classes
    labels='semantic',
    pipeline=pipeline,
)
loader = dict(
    batch_size=1,
    num_workers=0,
    collate_fn=dict(type='clip_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    loader,
    batch_size=4,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train'),
)
val_dataloader = dict(loader, dataset=dict(clips, split='val'))
test_dataloader = dict(loader, dataset=dict(clips, split='test'))
val_evaluator = dict(
    type='AVSSemanticMetric',
    protocols=['dataset', 'stepping_stones', 'avsbench'],
)
test_evaluator = val_evaluator
