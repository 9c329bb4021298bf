"""EASE's configs agree with each other and with the published settings."""

import re
from pathlib import Path

import pytest
import torch
from mmavs.converters.target_model import model_tensors
from mmengine.config import Config
from mmengine.registry import DefaultScope
from support.tiny_ease import tiny_features, tiny_head

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / 'configs'
AVSS = 'ease_vit-b_2xb60-22e_avss-224x224'
#: Of the paper's code with 71 classes, audio backbone left out, minus its
#: `fusion_s2` of 320 x 320, which has no effect and does not exist here.
NUM_PARAMETERS = {
    'ease_vit-s_2xb60-22e_avss-224x224': 28_423_369 - 102_400,
    AVSS: 100_331_977 - 102_400,
    'ease_vit-l_2xb30-22e_avss-224x224': 325_816_265 - 102_400,
    'ease_pvtv2-b5_2xb60-36e_avss-224x224': 73_843_209 - 102_400,
    'ease_pvtv2-b5_2xb25-36e_avss-384x384': 73_856_009 - 102_400,
}
#: (task, backbone, side) -> (batch size of a process, epochs), from the
#: published configs.
PUBLISHED = {
    ('s4', 'pvt', 224): (12, 36),
    ('s4', 'pvt', 384): (5, 36),
    ('ms3', 'pvt', 224): (12, 72),
    ('ms3', 'pvt', 384): (5, 72),
    ('avss', 'pvt', 224): (60, 36),
    ('avss', 'pvt', 384): (25, 36),
    ('s4', 'b', 224): (12, 36),
    ('s4', 'b', 384): (8, 36),
    ('s4', 'l', 224): (6, 36),
    ('s4', 'l', 384): (4, 36),
    ('ms3', 'b', 224): (12, 72),
    ('ms3', 'b', 384): (8, 72),
    ('ms3', 'l', 224): (6, 72),
    ('ms3', 'l', 384): (4, 72),
    ('avss', 'b', 224): (60, 22),
    ('avss', 'b', 384): (40, 22),
    ('avss', 'l', 224): (30, 22),
    ('avss', 'l', 384): (20, 22),
}


def load(name: str, folder: str = 'ease') -> dict:
    return Config.fromfile(CONFIGS / folder / f'{name}.py').to_dict()


@pytest.mark.parametrize('name', NUM_PARAMETERS)
def test_sizes_of_the_networks(name):
    model = load(name)['model']
    count = 0
    for part in ('backbone', 'decode_head'):
        tensors = model_tensors(model[part])
        tensors.pop('attn_mask_probs', None)  # a buffer
        count += sum(tensor.numel() for tensor in tensors.values())
    assert count == NUM_PARAMETERS[name]


@pytest.mark.parametrize(('task', 'size', 'side'), PUBLISHED)
def test_settings_are_the_published_ones(task, size, side):
    batch, epochs = PUBLISHED[task, size, side]
    pvt = size == 'pvt'
    network = 'pvtv2-b5' if pvt else f'vit-{size}'
    cfg = load(f'ease_{network}_2xb{batch}-{epochs}e_{task}-{side}x{side}')
    train = cfg['train_dataloader']
    assert train['batch_size'] == batch
    assert train['drop_last']
    assert train['dataset'].get('items') == (
        'frames' if task == 'avss' else None
    )
    assert train['dataset']['unlabelled'] == 'ignore'
    assert cfg['train_cfg']['max_epochs'] == epochs
    (scheduler,) = cfg['param_scheduler']
    assert scheduler['end'] == epochs
    short = (100, 150) if pvt else (50, 100)
    assert scheduler['warmup'] == (short if task == 'ms3' else (300, 600))
    decay = cfg['optim_wrapper']['paramwise_cfg']['layer_decay']
    assert decay == (1.0 if pvt else 0.8)
    rate = cfg['optim_wrapper']['optimizer']['lr']
    assert rate == (1e-4 if task == 'ms3' else 2e-4)
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader']['dataset']
        assert (dataset['task'], dataset['split']) == (task, split)
        by_type = {t['type']: t for t in dataset['pipeline']}
        assert by_type['ClipResize']['frame_size'] == (side, side)
        assert ('ClipScaleJitter' in by_type) == (split == 'train')
        if split == 'train':
            assert by_type['ClipScaleJitter']['target_size'] == (side, side)
    for part in ('backbone', 'decode_head'):
        module = cfg['model'][part]
        if pvt:
            file = 'pretrained/ease_pvtv2-b5.pth'
        else:
            assert module['arch'] == dict(b='base', l='large')[size]
            file = f'pretrained/dinov3_vit-{size}.pth'
        assert module['init_cfg']['checkpoint'] == file
        assert module['init_cfg']['prefix'] == part


@pytest.mark.parametrize('size', ['b', 'l'])
def test_only_the_size_of_frames_and_batches_differs(size):
    """Models are small in tests/test_configs.py, which trains 224 alone."""
    batches = dict(b=(60, 40), l=(30, 20))[size]
    small, large = (
        load(f'ease_vit-{size}_2xb{batch}-22e_avss-{side}x{side}')
        for batch, side in zip(batches, (224, 384), strict=True)
    )
    for part in ('model', 'optim_wrapper', 'param_scheduler', 'custom_hooks'):
        assert small[part] == large[part]


#: Ablation -> what it changes in the model.
ABLATIONS = {
    'linear-enhancer': dict(audio_enhancer=dict(type='EASELinearEnhancer')),
    'no-visual-clusters': dict(
        fuser=dict(type='EASEAligner', num_clusters=None, deterministic=True)
    ),
    'bi-attention': dict(
        fuser=dict(type='EASEBiAttention', num_heads=8, num_tokens=5)
    ),
    'no-fuser': dict(fuser=None),
    'late-fusion': dict(fuse_before=()),
    'fuse-last-block': dict(fuse_before=(3,)),
    'no-masked-attention': dict(masked_attention=False),
    'plain-queries': dict(query_generator=None),
}


@pytest.mark.parametrize('name', ABLATIONS)
def test_an_ablation_changes_one_option_of_the_head(name):
    whole, changed = load(AVSS), load(f'{AVSS}_{name}')
    for option, value in ABLATIONS[name].items():
        assert changed['model']['decode_head'].pop(option) == value
        whole['model']['decode_head'].pop(option, None)
    assert changed['model'] == whole['model']
    hooks = [] if name == 'no-masked-attention' else whole['custom_hooks']
    assert changed['custom_hooks'] == hooks
    for part in ('train_dataloader', 'optim_wrapper', 'param_scheduler'):
        assert changed[part] == whole[part]


VARIANTS = sorted(
    path.stem.removeprefix(f'{AVSS}_')
    for path in (CONFIGS / 'ease').glob(f'{AVSS}_*.py')
)
#: Sizes of the tiny head, and its losses, replace those of a config.
_TINY = (
    *('type', 'init_cfg', 'arch', 'variant', 'num_classes', 'num_queries'),
    *('audio_dims', 'num_blocks', 'joint_blocks', 'fuse_before', 'train_cfg'),
    *('loss_cls', 'loss_mask', 'loss_dice'),
)


@pytest.mark.parametrize('name', VARIANTS)
@torch.no_grad()
def test_the_head_of_a_variant_runs(name):
    options = load(f'{AVSS}_{name}')['model']['decode_head']
    fused = options['fuse_before'] and (1,)
    options = {k: v for k, v in options.items() if k not in _TINY}
    with DefaultScope.overwrite_default_scope('mmseg'):
        head = tiny_head(fuse_before=fused, audio_dims=64, **options)
    features = tiny_features()
    classes, masks = head(features)
    assert len(classes) == (1 if name == 'no-masked-attention' else 3)
    assert all(part.isfinite().all() for part in (*classes, *masks))
    others = features._replace(audio_embed=features.audio_embed.flip(0))
    before, after = head.eval()(features)[1][0], head(others)[1][0]
    assert (before - after)[0].abs().max() > 1e-6
    assert len(VARIANTS) >= 8


def test_stage_two_is_the_single_stage_and_a_prior():
    name = 'ease_vit-b_stage2_2xb60-22e_avss-224x224'
    single, staged = load(AVSS), load(name, 'stepping_stones')
    prior = dict(type='MaskPrior', robust_key=False, init_attention=False)
    assert staged['model']['decode_head'].pop('mask_prior') == prior
    for part in ('model', 'optim_wrapper', 'train_cfg', 'param_scheduler'):
        assert staged[part] == single[part], part
    for split, source in (('train', 'truth'), ('val', 'files')):
        dataset = staged[f'{split}_dataloader']['dataset']
        pipeline = dataset['pipeline']
        place = pipeline.index(dict(type='LoadMaskPrior'))
        assert pipeline[place - 1]['type'] == 'LoadClipMasks'
        assert dataset['mask_prior']['source'] == source
        plain = single[f'{split}_dataloader']['dataset']['pipeline']
        assert [*pipeline[:place], *pipeline[place + 1 :]] == plain


def test_propagation_trains_on_whole_clips():
    name = 'ease_vit-b_2xb6-22e_avss-224x224_query-propagation'
    loader = load(name)['train_dataloader']
    assert loader['dataset']['items'] == 'clips'
    # Clips of v2, the largest subset, have ten frames.
    assert loader['batch_size'] * 10 == 60


def test_documented_options_exist():
    """Each names an entry of the config, or of the class that it sets."""
    text = (ROOT / 'docs/ease.md').read_text(encoding='utf-8')
    options = re.findall(r'`((?:[a-z_]+\.)[a-z_.]+)=[^`]+`', text)
    assert len(options) >= 6
    cfg = Config.fromfile(
        CONFIGS / 'stepping_stones/ease_vit-b_stage2_2xb60-22e_avss-224x224.py'
    )
    optional = {'model.decode_head.share_fuser'}
    for option in set(options) - optional:
        place = cfg
        for name in option.split('.'):
            assert name in place, option
            place = place[name]
