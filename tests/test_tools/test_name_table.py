"""tools/model_converters/name_table.py: every key is accounted for."""

import sys
from pathlib import Path

import pytest
import torch

_TOOLS = Path(__file__).parents[2] / 'tools' / 'model_converters'


@pytest.fixture
def name_table(monkeypatch):
    monkeypatch.syspath_prepend(str(_TOOLS))
    import name_table

    yield name_table
    sys.modules.pop('name_table')


def test_rename_join_transform_and_drop(name_table):
    """One table with every kind of row, written out by hand."""
    source = {
        'blocks.1.norm1.weight': torch.tensor([1.0]),
        'blocks.1.norm2.weight': torch.tensor([2.0]),
        'blocks.1.q.bias': torch.tensor([3.0]),
        'blocks.1.k.bias': torch.tensor([4.0, 5.0]),
        'turn.weight': torch.tensor([[1.0, 2.0]]),
        'blocks.1.index': torch.tensor([0]),
    }
    converted, report = name_table.convert(
        source,
        {
            'blocks.{}.norm{1..2}.{weight}': 'layers.{}.norms.{0..1}.{}',
            ('blocks.{}.q.{bias}', 'blocks.{}.k.{bias}'): 'layers.{}.qk_{}',
            'turn.weight': name_table.Into('turned', torch.t),
            'blocks.{}.index': None,
            'never.there': None,
        },
    )
    assert {k: v.tolist() for k, v in converted.items()} == {
        'layers.1.norms.0.weight': [1.0],
        'layers.1.norms.1.weight': [2.0],
        'layers.1.qk_bias': [3.0, 4.0, 5.0],
        'turned': [[1.0], [2.0]],
    }
    assert report.dropped == ['blocks.1.index']
    assert '5 tensors became 4 (4 renamed or joined), 1 dropped' in str(report)


def test_index_field_takes_digits_only(name_table):
    with pytest.raises(ValueError, match='unknown in the source: a.b.c'):
        name_table.convert(
            {'a.12.c': torch.ones(1), 'a.b.c': torch.ones(1)},
            {'a.{}.c': 'd.{}'},
        )


def test_every_listed_choice_must_be_there(name_table):
    with pytest.raises(ValueError, match='missing in the source: a.3'):
        name_table.convert({'a.0': torch.ones(1)}, {'a.{0,3}': 'b.{}'})


def test_a_part_of_a_joined_tensor_must_be_there(name_table):
    with pytest.raises(ValueError, match='missing in the source: 7.k'):
        name_table.convert({'7.q': torch.ones(1)}, {('{}.q', '{}.k'): '{}.qk'})


def test_the_model_has_the_last_word(name_table):
    """Names and shapes of the target model are compared."""
    with pytest.raises(ValueError, match='the model has no: x') as caught:
        name_table.convert(
            {'x': torch.ones(1), 'y': torch.ones(2)},
            {'x': 'x', 'y': 'y'},
            expected={'y': torch.ones(3), 'z': torch.ones(1)},
        )
    assert 'y is (2,), the model expects (3,)' in str(caught.value)
    assert 'the model expects, but nothing became: z' in str(caught.value)


def test_two_rows_for_one_key_are_refused(name_table):
    with pytest.raises(ValueError, match='ambiguous'):
        name_table.convert(
            {'a.0': torch.ones(1)}, {'a.{}': 'b.{}', 'a.0': 'c'}
        )


def test_a_target_with_other_fields_is_refused(name_table):
    with pytest.raises(ValueError, match='as many fields'):
        name_table.convert({'a.0': torch.ones(1)}, {'a.{}': 'b'})


def test_not_strict_reports_without_raising(name_table):
    converted, report = name_table.convert(
        {'a': torch.ones(1)}, {'b': 'b'}, strict=False
    )
    assert converted == {}
    assert report.problems == [
        'missing in the source: b',
        'unknown in the source: a',
    ]


def test_files_go_round(name_table, tmp_path):
    """What is written opens with weights_only=True and is unwrapped."""
    path = tmp_path / 'new' / 'a.pth'
    name_table.write_checkpoint(path, {'a': torch.ones(2)}, meta={'b': 'c'})
    assert torch.load(path, weights_only=True)['meta'] == {'b': 'c'}
    assert name_table.read_state_dict(path)['a'].tolist() == [1.0, 1.0]
    assert [p.name for p in path.parent.iterdir()] == ['a.pth']


def test_files_that_are_no_checkpoint(name_table, tmp_path):
    path = tmp_path / 'a.pth'
    with pytest.raises(FileNotFoundError, match='There is no checkpoint at'):
        name_table.read_state_dict(path)
    path.write_bytes(b'not a checkpoint')
    with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
        name_table.read_state_dict(path)
    torch.save(dict(a=3), path)
    with pytest.raises(ValueError, match='dict of tensors'):
        name_table.read_state_dict(path)
