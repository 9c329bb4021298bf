"""Fine-tuning starts from weights that fit and are finite."""

import pytest
import torch
from mmavs.engine import CheckWeightsHook
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
