"""Fine-tuning starts from weights that fit and are finite."""

import pytest
import torch
from mmavs.engine import CheckWeightsHook
from mmengine.model import BaseModule
from support.toy_training import ToyModel, build_runner


def _train(folder, weights, **options):
    folder.mkdir(exist_ok=True)
    torch.save(dict(state_dict=weights), folder / 'weights.pth')
    runner = build_runner(
        folder,
        load_from=str(folder / 'weights.pth'),
        custom_hooks=[],
        train_cfg=dict(by_epoch=True, max_epochs=1),
        default_hooks=dict(check_weights=options),
    )
    runner.train()
    (log,) = folder.glob('*/*.log')
    return log.read_text()


def test_says_how_much_of_every_component_fits(tmp_path):
    """Each part: a linear layer, an adapter of two, 6 tensors."""
    weights = ToyModel().state_dict()
    for name in [n for n in weights if n.startswith('backbone.adapter')]:
        del weights[name]
    with pytest.raises(
        ValueError,
        match=r'too little of backbone \(2 of 6\): expected at least 50%',
    ):
        _train(tmp_path, weights)
    log = _train(tmp_path / 'b', weights, min_share=0.3)
    assert 'load_from: 2 of 6 tensors of backbone are in' in log
    assert 'load_from: 2 of 2 tensors of cls_embed are in' in log


@pytest.mark.parametrize('weights', [{}, {'other.weight': torch.ones(2)}])
def test_nothing_fits(tmp_path, weights):
    with pytest.raises(ValueError, match=r'backbone \(0 of 6\), decode_head'):
        _train(tmp_path, weights)


def test_weights_that_are_not_finite(tmp_path):
    weights = ToyModel().state_dict()
    weights['cls_embed.1.bias'][0] = float('inf')
    with pytest.raises(ValueError, match=r'1 of 14 tensors .*: cls_embed\.1'):
        _train(tmp_path, weights)


def test_share_out_of_range():
    with pytest.raises(ValueError, match='min_share must be 0 to 1, got 50'):
        CheckWeightsHook(50)


def _train_pretrained(folder, weights, **changes):
    """Train the toy model, its backbone initialised from a file."""
    folder.mkdir(exist_ok=True)
    path = folder / 'pretrained.pth'
    torch.save(weights, path)
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    init_cfg.update(changes.pop('init_cfg', {}))
    make_part = changes.pop('part', _Initialised)
    runner = build_runner(
        folder,
        custom_hooks=[],
        train_cfg=dict(by_epoch=True, max_epochs=1),
        **changes,
    )
    runner.model.backbone = make_part(init_cfg)
    runner.train()
    (log,) = folder.glob('*/*.log')
    return log.read_text()


class _Initialised(BaseModule):
    """A part of the toy model that mmengine can initialise: 6 tensors."""

    def __init__(self, init_cfg):
        super().__init__(init_cfg)
        part = ToyModel().backbone
        self.linear, self.adapter = part.linear, part.adapter

    def forward(self, x):
        x = self.linear(x)
        return x + self.adapter(x)


class _Ignoring(_Initialised):
    """Ignores its init_cfg, as mmdet's Mask2FormerHead does."""

    def init_weights(self):
        torch.nn.init.zeros_(self.linear.bias)


def test_init_cfg_that_the_module_does_not_read(tmp_path):
    state = ToyModel().backbone.state_dict()
    weights = {name: value + 1 for name, value in state.items()}
    with pytest.raises(
        ValueError,
        match=r'model\.backbone\.init_cfg: _Ignoring\.init_weights did not '
        'read its checkpoint.*load_from=FILE',
    ):
        _train_pretrained(tmp_path / 'a', weights, part=_Ignoring)
    # Harmless if another file has these weights.
    torch.save(ToyModel().state_dict(), tmp_path / 'whole.pth')
    _train_pretrained(
        tmp_path / 'b',
        weights,
        part=_Ignoring,
        load_from=str(tmp_path / 'whole.pth'),
    )


def test_init_cfg_says_how_much_fits(tmp_path):
    weights = ToyModel().backbone.state_dict()
    log = _train_pretrained(tmp_path, weights)
    line = 'model.backbone.init_cfg: 6 of 6 tensors of backbone are in'
    assert line in log


@pytest.mark.parametrize(
    'weights', [{}, {'other.weight': torch.ones(2)}, ToyModel().state_dict()]
)
def test_init_cfg_that_does_not_fit(tmp_path, weights):
    with pytest.raises(
        ValueError,
        match=r'model\.backbone\.init_cfg\.checkpoint=.* does not fit: 0 of 6 '
        'tensors of backbone are in the file, expected at least 50%',
    ):
        _train_pretrained(tmp_path, weights)


def test_init_cfg_that_fits_in_part(tmp_path):
    """2 of 6 tensors; with a prefix, all that the file has there count."""
    weights = {
        name: value
        for name, value in ToyModel().state_dict().items()
        if name.startswith('backbone.linear')
    }
    inner = {name.partition('.')[2]: v for name, v in weights.items()}
    with pytest.raises(ValueError, match='2 of 6 tensors of backbone'):
        _train_pretrained(tmp_path / 'a', inner)
    share = dict(default_hooks=dict(check_weights=dict(min_share=0)))
    _train_pretrained(tmp_path / 'b', inner, **share)
    prefix = dict(prefix='backbone.')
    _train_pretrained(tmp_path / 'c', weights, init_cfg=prefix)


def test_init_cfg_with_bad_values_or_without_a_file(tmp_path):
    weights = ToyModel().backbone.state_dict()
    weights['linear.bias'][1] = float('nan')
    with pytest.raises(ValueError, match=r'1 of 6 tensors .*: linear\.bias'):
        _train_pretrained(tmp_path / 'a', weights)
    missing = dict(checkpoint=str(tmp_path / 'none.pth'))
    with pytest.raises(
        FileNotFoundError,
        match=r'model\.backbone\.init_cfg: there is no checkpoint at .*none',
    ):
        _train_pretrained(tmp_path / 'b', weights, init_cfg=missing)


def test_load_from_leaves_components_with_their_own_file(tmp_path):
    """AAVS starts from ADE20k, which has no sound, and from a VGGish."""
    model = ToyModel().state_dict()
    others = {n: v for n, v in model.items() if not n.startswith('backbone')}
    torch.save(others, tmp_path / 'others.pth')
    log = _train_pretrained(
        tmp_path,
        ToyModel().backbone.state_dict(),
        load_from=str(tmp_path / 'others.pth'),
    )
    assert 'load_from: 0 of 6 tensors of backbone are in' in log
