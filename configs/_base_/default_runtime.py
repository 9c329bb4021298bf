default_scope = 'mmseg'
custom_imports = dict(imports=['mmavs'], allow_failed_imports=False)

randomness = dict(seed=3407)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # without CUDA the tools take gloo
)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    resume_state=dict(type='ResumeStateHook'),
    check_weights=dict(type='CheckWeightsHook'),
    check_step=dict(type='CheckStepHook'),
    checkpoint=dict(
        type='AtomicCheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        save_best='split/mIoU',
        rule='greater',
    ),
)
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
