# The demo's data, see tools/dataset_converters/make_synthetic.py.
_base_ = ['./avsbench_s4_384x384.py']

data_root = 'data/synthetic'
frame_size = (96, 96)
mask_size = (96, 96)

pipeline = [
    dict(type='LoadClipFrames'),
    dict(type='LoadClipMasks', label='binary', size=mask_size),
    dict(type='LoadWaveform', sample_rate=16000),
    dict(type='LogMel', cache_dir='work_dirs/log_mel_cache'),
    dict(type='ClipResize', frame_size=frame_size, mask_size=mask_size),
    dict(type='PackClip'),
]
dataset = dict(data_root=data_root, task='ms3', pipeline=pipeline)
train_dataloader = dict(batch_size=8, num_workers=1, dataset=dataset)
val_dataloader = dict(num_workers=0, dataset=dataset)
test_dataloader = dict(num_workers=0, dataset=dataset)
