"""Change the class of layers within a module."""

import torch
from mmavs.models.layers import swap_class
from torch import nn


class Doubling(nn.Linear):
    """A linear layer whose output is doubled."""

    def forward(self, x):
        return 2 * super().forward(x)


def test_only_layers_of_exactly_that_class_change():
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), Doubling(2, 2))
    before = {k: v.clone() for k, v in module.state_dict().items()}
    x = torch.ones(1, 2)
    expected = 2 * module[0](x)
    assert swap_class(module, nn.Linear, Doubling) == 1
    assert swap_class(module, nn.Linear, Doubling) == 0
    assert type(module[0]) is type(module[2]) is Doubling
    torch.testing.assert_close(module[0](x), expected)
    after = module.state_dict()
    assert before.keys() == after.keys()
    assert all(before[k].equal(after[k]) for k in before)
