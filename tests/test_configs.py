"""Every config loads, builds, trains a step and predicts.

The width and depth of large models are reduced. Options, hooks, data and
metrics of a config stay as they are.
"""

import argparse
import ast
import copy
import functools
import json
import re
from pathlib import Path

import pytest
import torch
from mmavs.models.audio_backbones import VGGish
from mmavs.preparation import convert_vpo
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import MODELS
from support.avsbench_tree import write_avsbench_tree, write_mask_directory
from support.vpo_tree import write_vpo_release

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(
    path
    for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts
)
NAMES = [str(path.relative_to(ROOT / 'configs')) for path in CONFIGS]

#: {system}_{backbone}[_stage2]_{schedule}_{task}-{HxW}[_{ablation}].py
NAME = re.compile(
    r'[a-z0-9]+_(tiny|r50|[a-z0-9]+-[a-z0-9]+)(_stage2)?(_\d+xb\d+-\d+e)?'
    r'_(s4|ms3|avss|vpo)(-binary)?-\d+x\d+(_[a-z0-9-]+)*\.py'
)

_SMALL_SWIN = dict(
    embed_dims=16,
    depths=(2, 2, 2, 2),
    num_heads=(1, 2, 4, 8),
    window_size=3,
)

#: Of AAVS's decoder, for the number of the same name.
_SMALL_DECODER = dict(
    num_queries=10,
    feat_channels=32,
    out_channels=32,
    embed_dims=32,
    num_feats=16,
    num_heads=4,
    num_groups=8,
    feedforward_channels=64,
)


@functools.cache
def _read(path: Path) -> Config:
    return Config.fromfile(path)


def read(path: Path) -> Config:
    """Read a config file once, and give every test a copy to change."""
    return copy.deepcopy(_read(path))


@MODELS.register_module()
class NarrowVGGish(VGGish):
    """VGGish with 42,000 instead of 72 M parameters and the same options."""

    conv_channels = (8, None, 8, None, 8, 8, None, 16, 16, None)
    hidden_channels = 64


def shrink(cfg: Config) -> None:
    """Reduce a model of the paper to a size for tests, in place."""
    head = cfg.model.decode_head
    if cfg.model.audio_backbone.type == 'VGGish':
        cfg.model.audio_backbone.type = 'NarrowVGGish'
    if cfg.model.backbone.type == 'AdapterSwin':
        cfg.model.backbone.update(_SMALL_SWIN)
        _shrink_decoder(head)
        head.in_channels = [16, 32, 64, 128]
        head.pixel_decoder.encoder.num_layers = 1
        head.transformer_decoder.num_layers = 3
        head.train_cfg.num_points = 256
    if head.type == 'AVSegFormerHead' and head.num_queries > 10:
        _shrink_avsegformer(cfg.model)
    if head.type == 'TPAVIHead' and 'init_cfg' in cfg.model.backbone:
        _shrink_tpavi(cfg.model)
    if head.type == 'EASEHead' and head.num_queries > 10:
        _shrink_ease(cfg)


def _shrink_decoder(part: ConfigDict) -> None:
    for name, value in part.items():
        if isinstance(value, dict):
            _shrink_decoder(value)
        elif name in _SMALL_DECODER:
            part[name] = _SMALL_DECODER[name]


def _shrink_avsegformer(model: ConfigDict) -> None:
    if model.backbone.type == 'ResNet':
        model.backbone.update(depth=18, base_channels=8, stem_channels=8)
        model.decode_head.in_channels = (8, 16, 32, 64)
    elif model.backbone.type == 'PVTv2':
        model.backbone.update(embed_dims=8, num_layers=(1, 1, 1, 1))
        model.decode_head.in_channels = (8, 16, 40, 64)
    head = model.decode_head
    head.update(num_queries=6, mask_head=dict(hidden_channels=16))
    if head.query_generator:
        head.query_generator.num_layers = 1
    head.encoder.num_layers = head.decoder.num_layers = 1


def _shrink_tpavi(model: ConfigDict) -> None:
    if model.backbone.type == 'ResNet':
        model.backbone.update(depth=18, base_channels=8, stem_channels=8)
        model.neck.in_channels = [8, 16, 32, 64]
    else:
        model.backbone.update(embed_dims=8, num_layers=(1, 1, 1, 1))
        model.neck.in_channels = [8, 16, 40, 64]
    model.neck.out_channels = 16
    model.decode_head.update(
        in_channels=[16] * 4, hidden_channels=16, channels=8
    )


_SMALL_VIT = dict(embed_dims=32, num_layers=5, num_heads=2, mlp_channels=32)


def _shrink_ease(cfg: Config) -> None:
    head = cfg.model.decode_head
    head.update(num_queries=6, audio_dims=32)
    if cfg.model.backbone.type == 'PVTv2':
        cfg.model.backbone.update(embed_dims=8, num_layers=(1, 1, 8, 1))
        head.arch = dict(
            embed_dims=40, num_heads=5, mlp_channels=40, sr_ratio=2
        )
        head.num_queries = 13  # and 6 x 6 patches make 7 x 7 tokens
        cfg.model.backbone.mlp_ratios = (4, 4, 1, 4)
    else:
        cfg.model.backbone.update(arch=_SMALL_VIT, patch_size=16)
        head.arch = _SMALL_VIT
    head.train_cfg.num_points = 256
    cfg.param_scheduler[0].warmup = (0, 0)  # there is one step


def prepare(cfg: Config, data_root: Path, work_dir: Path) -> Config:
    """Point a config at a tiny data set, for one epoch of one clip."""
    shrink(cfg)
    cfg.work_dir = str(work_dir)
    cfg.load_from = None
    cfg.model.backbone.pop('init_cfg', None)
    cfg.model.decode_head.pop('init_cfg', None)
    cfg.model.audio_backbone.pop('init_cfg', None)
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False, batch_size=1)
        loader.dataset.update(data_root=str(data_root), indices=1)
        if loader.dataset.type == 'VPODataset':
            loader.dataset.data_root = str(data_root / 'vpo')
        if loader.dataset.get('negative_sound'):
            # One clip has no clip of another category for its sound.
            loader.dataset.negative_sound.update(offscreen=0.0, noise=0.75)
        if 'mask_prior' in loader.dataset:
            height, width = cfg.default_hooks.mask_prior_check.size
            masks = str(data_root / f'masks_{height}x{width}')
            loader.dataset.mask_prior.root = masks
        for transform in loader.dataset.pipeline:
            if transform.type == 'LogMel':
                transform.cache_dir = None
            if transform.type == 'ClipResize':
                transform.frame_size = (96, 96)
            if transform.type == 'ClipScaleJitter':
                transform.target_size = (96, 96)
            if transform.type == 'ClipResizeCenterCrop':
                transform.frame_size = 96
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    # VGGish alone would be 300 MB on disk, and saving has its own tests.
    cfg.default_hooks.checkpoint.update(
        interval=10, save_best=None, save_last=False
    )
    return cfg


class Snapshot(Hook):
    """Keep the parameters as they were before the first step."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.parameters = {
            name: parameter.detach().clone()
            for name, parameter in runner.model.named_parameters()
        }


def trained_parameters(runner: Runner) -> set[str]:
    return {
        name
        for name, parameter in runner.model.named_parameters()
        if parameter.requires_grad
    }


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    root = write_avsbench_tree(tmp_path_factory.mktemp('avsbench'))
    for size in ((224, 224), (96, 96)):
        name = f'masks_{size[0]}x{size[1]}'
        write_mask_directory(root / name, size=size)
    release = write_vpo_release(tmp_path_factory.mktemp('release'))
    convert_vpo(release / 'VPO', release / 'VGGSound', root / 'vpo')
    return root


def test_there_are_configs():
    assert len(CONFIGS) >= 26


@pytest.mark.parametrize('name', NAMES)
def test_name_follows_the_scheme(name):
    assert NAME.fullmatch(Path(name).name), name


@pytest.mark.parametrize('name', NAMES)
def test_config_is_short_and_says_what_it_is(name):
    path = ROOT / 'configs' / name
    text = path.read_text(encoding='utf-8')
    assert text.startswith('"""'), f'{name} has no header'
    assert len(text.splitlines()) <= 60


def _bases(path: Path) -> list[Path]:
    """Files that a config inherits."""
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            names = ast.literal_eval(node.value)
            names = [names] if isinstance(names, str) else names
            return [(path.parent / name).resolve() for name in names]
    return []


def _depth(path: Path) -> int:
    """Longest chain of ``_base_`` from a config; 0 without a base."""
    return max((1 + _depth(base) for base in _bases(path)), default=0)


def test_depth_counts_the_longest_chain(tmp_path):
    """a inherits b and d, b inherits c: a -> b -> c is 2 steps."""
    texts = dict(a="_base_ = ['b.py', 'd.py']", b="_base_ = 'c.py'", c='x = 1')
    for name, text in dict(texts, d='y = 2').items():
        (tmp_path / f'{name}.py').write_text(text)
    depths = [_depth(tmp_path / f'{name}.py') for name in 'abcd']
    assert depths == [2, 1, 0, 0]


@pytest.mark.parametrize('path', CONFIGS, ids=NAMES)
def test_inheritance_is_at_most_three_deep(path):
    assert _depth(path) <= 3


@pytest.mark.parametrize('path', CONFIGS, ids=NAMES)
def test_a_child_of_a_config_is_short(path):
    if any('_base_' not in base.parts for base in _bases(path)):
        assert len(path.read_text(encoding='utf-8').splitlines()) < 40


def test_nothing_addresses_a_transform_by_its_position():
    """Inserting a transform would silently change another one."""
    pages = [*ROOT.glob('docs/*.md'), ROOT / 'README.md']
    files = [*(ROOT / 'configs').rglob('*.py'), *pages]
    by_position = re.compile(r'pipeline(\.\d|\[\d*:?\d*\])')
    assert by_position.search('dataset.pipeline.2.iou=0.5')
    assert by_position.search('[*_base_.pipeline[:2], prior]')
    found = [f for f in files if by_position.search(f.read_text('utf-8'))]
    assert not found


#: The settings that a training depends on; validation and test excluded.
_TRAINING = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'train_cfg',
    'load_from',
    'default_hooks',
)


@pytest.mark.slow
def test_the_documentation_counts_configs_and_trainings():
    trainings = set()
    for path in CONFIGS:
        cfg = _read(path).to_dict()
        parts = [cfg.get(name) for name in _TRAINING]
        trainings.add(json.dumps(parts, sort_keys=True, default=str))
    text = f'{len(CONFIGS)} configs and {len(trainings)} distinct trainings'
    assert text in REPRODUCE.read_text(encoding='utf-8')


#: Once models are small these are the same as others, or differ in options
#: of the head that tests/test_ease_configs.py runs without data.
_RUN_ELSEWHERE = re.compile(
    r'ease_(vit-[ls]|lingbot)|ease_.*-384x384|ease_vit-b.*_avss-224x224_|'
    r'ease_pvtv2-b5_.*_(ms3|avss)'
)
STEPPED = [path for path in CONFIGS if not _RUN_ELSEWHERE.match(path.name)]


@pytest.mark.slow
@pytest.mark.parametrize('path', STEPPED, ids=lambda path: path.stem)
def test_one_step_and_one_prediction(path, data_root, tmp_path):
    cfg = prepare(read(path), data_root, tmp_path)
    if cfg.model.backbone.type == 'TIMMBackbone':
        pytest.importorskip('timm')
    if cfg.model.audio_backbone.type == 'TransformersAudio':
        pytest.importorskip('transformers')
    cfg.experiment_name = f'{path.stem}_{tmp_path.name}'
    runner = Runner.from_cfg(cfg)
    snapshot = Snapshot()
    runner.register_hook(snapshot, priority='LOWEST')
    runner.train()
    assert runner.iter == 1
    moved = {
        name
        for name, parameter in runner.model.named_parameters()
        if not torch.equal(parameter, snapshot.parameters[name])
    }
    assert moved
    assert moved <= trained_parameters(runner)
    metrics = runner.test()
    assert metrics
    assert all(0 <= value <= 1 for value in metrics.values())


def test_backbone_is_as_pretrained_in_the_first_phase(data_root, tmp_path):
    """Phase one trains what the paper names, and no backbone parameter."""
    path = ROOT / 'configs/aavs/aavs_swin-b_1xb1-60e_s4-384x384.py'
    cfg = prepare(read(path), data_root, tmp_path)
    cfg.experiment_name = f'phases_{tmp_path.name}'
    runner = Runner.from_cfg(cfg)
    runner.train()
    trained = trained_parameters(runner)
    assert trained
    assert not [name for name in trained if name.startswith('backbone')]
    groups = (
        'query_embed',
        'query_feat',
        'adapter',
        'cls_embed',
        'audio_proj',
    )
    for group in groups:
        assert [name for name in trained if group in name], group
    assert len(trained) == len(
        [name for name in trained if any(group in name for group in groups)]
    )


STEPPING_STONES = ROOT / 'configs/stepping_stones'
STAGE_TWO = 'aavs_swin-b_stage2_1xb1-60e_avss-384x384'


def test_ablations_are_short():
    ablations = list(STEPPING_STONES.glob(f'{STAGE_TWO}_*.py'))
    assert len(ablations) >= 6
    for path in ablations:
        assert len(path.read_text().splitlines()) < 15, path


def _changes(path: Path, base: Path) -> dict:
    """Return the settings in which a config differs, by dotted name."""
    flat = [_flat(read(p).to_dict()) for p in (path, base)]
    names = sorted(flat[0].keys() | flat[1].keys())
    missing = object()
    return {
        name: flat[0].get(name)
        for name in names
        if flat[0].get(name, missing) != flat[1].get(name, missing)
    }


def _flat(value, name: str = '') -> dict:
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {
            k: v
            for key, part in pairs
            for k, v in _flat(part, f'{name}.{key}').items()
        }
    return {name[1:]: value}


def test_stage_two_is_the_single_stage_and_a_prior():
    """Otherwise comparing the two would also compare other settings."""
    changes = _changes(
        STEPPING_STONES / f'{STAGE_TWO}.py',
        ROOT / 'configs/aavs/aavs_swin-b_1xb1-60e_avss-384x384.py',
    )
    model = {name for name in changes if name.startswith('model')}
    assert model == {'model.decode_head.mask_prior.type'}
    hooks = {name for name in changes if name.startswith('default_hooks')}
    assert hooks == {
        'default_hooks.tuning.trainable',
        'default_hooks.mask_prior_check.type',
        'default_hooks.mask_prior_check.size',
    }
    roots = ('optim_wrapper', 'train_cfg', 'load_from', 'val_evaluator')
    assert not [name for name in changes if name.startswith(roots)]


@pytest.mark.parametrize(
    ('ablation', 'changed'),
    [
        ('no-mask-fusion', {'fuse_mask_feature': False}),
        ('no-robust-key', {'robust_key': False}),
        (
            'no-mask-fusion_no-robust-key',
            {'fuse_mask_feature': False, 'robust_key': False},
        ),
    ],
)
def test_an_ablation_changes_its_switch_alone(ablation, changed):
    changes = _changes(
        STEPPING_STONES / f'{STAGE_TWO}_{ablation}.py',
        STEPPING_STONES / f'{STAGE_TWO}.py',
    )
    prefix = 'model.decode_head.mask_prior.'
    assert changes == {f'{prefix}{k}': v for k, v in changed.items()}


def test_the_oracle_changes_what_is_tested_and_not_what_is_trained():
    changes = _changes(
        STEPPING_STONES / f'{STAGE_TWO}_oracle-prior.py',
        STEPPING_STONES / f'{STAGE_TWO}.py',
    )
    assert changes['test_dataloader.dataset.mask_prior.source'] == 'truth'
    assert changes['val_dataloader.dataset.mask_prior.source'] == 'truth'
    assert not [n for n in changes if n.startswith(('train', 'model'))]


@pytest.mark.parametrize(('level', 'iou'), [('low', 0.5), ('high', 0.8)])
@pytest.mark.parametrize(
    'base',
    [
        STEPPING_STONES / f'{STAGE_TWO}.py',
        ROOT / 'configs/synthetic/aavs_tiny_stage2_avss-96x96.py',
    ],
    ids=['aavs', 'tiny'],
)
def test_a_simulated_prior_changes_what_is_tested(base, level, iou):
    """Nothing else changes: all priors are tested with the same checkpoint."""
    path = base.with_name(f'{base.stem}_{level}-prior.py')
    changes = {
        name: value
        for name, value in _changes(path, base).items()
        if name.startswith(('train', 'model', 'val_data', 'test_data'))
    }
    prior = 'dataset.mask_prior'
    assert changes == {
        f'{split}_dataloader.{prior}.{name}': value
        for split in ('val', 'test')
        for name, value in (('source', 'degraded'), ('iou', iou))
    }


REPRODUCE = ROOT / 'docs/reproduce.md'
TINY_STAGE_TWO = ROOT / 'configs/synthetic/aavs_tiny_stage2_avss-96x96.py'
#: Options beyond the paper, as docs/reproduce.md gives them.
PREDICTED = (
    'train_dataloader.dataset.mask_prior.source=files '
    'train_dataloader.dataset.mask_prior.root=DIR'
)
NOISY = (
    'train_dataloader.dataset.mask_prior.source=degraded '
    'train_dataloader.dataset.mask_prior.iou=[0.5,1.0]'
)
SOFT = (
    'model.decode_head.mask_prior.low=0.1 '
    'model.decode_head.mask_prior.high=0.2'
)


def _stage_two(options, data_root, tmp_path):
    """The tiny stage two with options as after --cfg-options."""
    assert f'`{options}`' in REPRODUCE.read_text('utf-8')
    parser = argparse.ArgumentParser()
    parser.add_argument('options', nargs='+', action=DictAction)
    words = options.replace('DIR', str(data_root / 'masks_96x96')).split()
    cfg = read(TINY_STAGE_TWO)
    cfg.merge_from_dict(parser.parse_args(words).options)
    cfg.experiment_name = tmp_path.as_posix()
    return Runner.from_cfg(prepare(cfg, data_root, tmp_path))


@pytest.fixture
def own_masks(data_root, tmp_path):
    """A data set whose masks a test may change."""
    root = tmp_path / 'data'
    root.mkdir()
    for path in data_root.iterdir():
        if path.name != 'masks_96x96':
            (root / path.name).symlink_to(path)
    write_mask_directory(root / 'masks_96x96', size=(96, 96))
    return root


def test_training_on_predicted_masks(own_masks, tmp_path):
    """They are checked before the first step."""
    runner = _stage_two(PREDICTED, own_masks, tmp_path / 'a')
    runner.train()
    assert runner.iter == 1
    assert runner.train_dataloader.dataset.mask_prior.source == 'files'
    clip = runner.train_dataloader.dataset.get_data_info(0)['clip_id']
    Path(own_masks, 'masks_96x96', 'v1m', clip, '2.png').unlink()
    runner = _stage_two(PREDICTED, own_masks, tmp_path / 'b')
    with pytest.raises(
        FileNotFoundError,
        match=f"2.png of clip '{clip}'.*--dump-masks DIR --split train",
    ):
        runner.train()
    assert runner.iter == 0


def test_training_on_a_noisy_truth(data_root, tmp_path):
    runner = _stage_two(NOISY, data_root, tmp_path)
    runner.train()
    assert runner.iter == 1
    assert runner.train_dataloader.dataset.mask_prior.iou == (0.5, 1.0)
    assert runner.train_dataloader.dataset.mask_prior.redraw


def test_thresholds_of_soft_masks(data_root, tmp_path):
    prior = _stage_two(SOFT, data_root, tmp_path).model.decode_head.mask_prior
    assert (prior.low, prior.high) == (0.1, 0.2)
