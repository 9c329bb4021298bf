"""Options that nothing reads are named; all others pass in silence."""

from pathlib import Path

import mmavs  # noqa: F401  registers everything
import pytest
from mmavs.engine.option_names import warn_of_unknown_names
from mmengine.config import Config

CONFIGS = Path(__file__).parents[2] / 'configs'


def _warnings(monkeypatch, config, *keys):
    lines = []
    monkeypatch.setattr(
        'mmavs.engine.option_names.print_log',
        lambda text, **_: lines.append(text),
    )
    cfg = Config.fromfile(CONFIGS / config)
    warn_of_unknown_names(cfg, dict.fromkeys(keys, 1))
    return lines


@pytest.mark.parametrize(
    ('key', 'warning'),
    [
        ('traincfg.max_epochs', "the config has no 'traincfg'; did you mean"),
        ('max_epochz', "the config has no 'max_epochz'"),
        ('train_cfg.max_epochz', "train_cfg has no 'max_epochz'; did you mea"),
        (
            'model.decode_head.num_quries',
            "model.decode_head has no 'num_quries'; did you mean "
            "'num_queries'?",
        ),
        ('model.decode_hed.num_queries', "model has no 'decode_hed'; did you"),
        ('model.backbone.drop_path', "did you mean 'drop_path_rate'?"),
        ('train_dataloader.batchsize', "did you mean 'batch_size'?"),
        ('train_dataloader.dataset.splitt', "did you mean 'split'?"),
        ('optim_wrapper.optimiser.lr', "did you mean 'optimizer'?"),
        ('optim_wrapper.optimizer.learning', "optimizer has no 'learning'"),
        ('default_hooks.checkpoint.intervall', "did you mean 'interval'?"),
        ('default_hooks.check_weights.share', "did you mean 'min_share'?"),
        ('default_hooks.chekpoint.interval', "did you mean 'checkpoint'?"),
        ('num_classes', "'num_classes' is a variable of the config, which"),
        ('launcher', 'no effect: the argument --launcher sets it; give that'),
        ('custom_imports.imports', 'imported when the config file is read'),
        ('randomness.sed', "did you mean 'seed'?"),
    ],
)
def test_unknown_names(monkeypatch, key, warning):
    config = 'aavs/aavs_swin-b_1xb1-60e_s4-384x384.py'
    (line,) = _warnings(monkeypatch, config, key)
    assert line.startswith(f'--cfg-options {key}: ')
    assert warning in line


@pytest.mark.parametrize(
    'config',
    [
        'stepping_stones/aavs_swin-b_stage2_1xb1-60e_avss-384x384.py',
        'synthetic/aavs_tiny_stage2_avss-96x96.py',
    ],
)
def test_names_that_are_read(monkeypatch, config):
    """The options of the docs and the tools, and some that few need."""
    keys = [
        'data_root',
        'load_from',
        'custom_hooks',
        'find_unused_parameters',
        'optim_wrapper.optimizer.lr',
        'optim_wrapper.optimizer.betas',
        'optim_wrapper.clip_grad.max_norm',
        'optim_wrapper.accumulative_counts',
        'optim_wrapper.paramwise_cfg.bias_lr_mult',
        'optim_wrapper.type',
        'param_scheduler.0.begin',
        'train_cfg.max_epochs',
        'train_cfg.val_interval',
        'train_cfg.dynamic_intervals',
        'train_cfg.max_iters',
        'train_dataloader.batch_size',
        'train_dataloader.num_workers',
        'train_dataloader.prefetch_factor',
        'train_dataloader.sampler.shuffle',
        'train_dataloader.dataset.subsets',
        'train_dataloader.dataset.mask_prior.source',
        'train_dataloader.dataset.mask_prior.root',
        'train_dataloader.dataset.mask_prior.iou',
        'test_dataloader.dataset.data_root',
        'test_dataloader.dataset.indices',
        'test_dataloader.dataset.label_folder',
        'test_dataloader.dataset.unlabelled',
        'test_dataloader.dataset.mask_prior.root',
        'default_hooks.checkpoint.interval',
        'default_hooks.checkpoint.max_keep_ckpts',
        'default_hooks.checkpoint.by_epoch',
        'default_hooks.check_weights.min_share',
        'default_hooks.mask_prior_check.expect_checkpoint',
        'default_hooks.visualization.type',
        'model.decode_head.mask_prior.robust_key',
        'model.decode_head.mask_prior.low',
        'model.decode_head.mask_prior.high',
        'model.decode_head.num_queries',
        'model.decode_head.align_corners',
        'model.backbone.init_cfg.checkpoint',
        'model.audio_backbone.init_cfg.checkpoint',
        'model.data_preprocessor.pad_clips_to',
        'randomness.seed',
        'randomness.deterministic',
        'env_cfg.cudnn_benchmark',
        'log_processor.window_size',
    ]
    assert _warnings(monkeypatch, config, *keys) == []


def test_all_keys_of_the_configs_are_read(monkeypatch):
    """Each entry of a config, left out and given as an option again."""
    for path in sorted(CONFIGS.glob('synthetic/*tiny_*ms3-96x96.py')):
        cfg = Config.fromfile(path)
        model = cfg.model.to_dict()
        for part in ('backbone', 'audio_backbone', 'decode_head'):
            for name in list(model[part]):
                if name == 'type':
                    continue
                del cfg.model[part][name]
                lines = []
                monkeypatch.setattr(
                    'mmavs.engine.option_names.print_log',
                    lambda text, lines=lines, **_: lines.append(text),
                )
                warn_of_unknown_names(cfg, {f'model.{part}.{name}': 1})
                assert lines == []


def test_data_root_of_a_config_without_that_variable(monkeypatch):
    """As in a dumped config; the option still reaches the data sets."""
    lines = []
    monkeypatch.setattr(
        'mmavs.engine.option_names.print_log',
        lambda text, **_: lines.append(text),
    )
    loader = dict(dataset=dict(type='AVSBenchDataset', data_root='a'))
    warn_of_unknown_names(
        Config(dict(test_dataloader=loader)), {'data_root': 'b'}
    )
    assert lines == []
    warn_of_unknown_names(Config(dict(train_cfg={})), {'data_root': 'b'})
    assert len(lines) == 1
