"""mmavs.converters.name_table loses no key."""

import pytest
import torch
from mmavs.converters.name_table import Into, convert


def test_rename_join_transform_and_drop():
    """One table with every kind of row, written out by hand."""
    source = {
        'blocks.1.norm1.weight': torch.tensor([1.0]),
        'blocks.1.norm2.weight': torch.tensor([2.0]),
        'blocks.1.q.bias': torch.tensor([3.0]),
        'blocks.1.k.bias': torch.tensor([4.0, 5.0]),
        'turn.weight': torch.tensor([[1.0, 2.0]]),
        'blocks.1.index': torch.tensor([0]),
    }
    converted, report = convert(
        source,
        {
            'blocks.{}.norm{1..2}.{weight}': 'layers.{}.norms.{0..1}.{}',
            ('blocks.{}.q.{bias}', 'blocks.{}.k.{bias}'): 'layers.{}.qk_{}',
            'turn.weight': Into('turned', torch.t),
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


def test_index_field_takes_digits_only():
    with pytest.raises(ValueError, match='unknown in the source: a.b.c'):
        convert(
            {'a.12.c': torch.ones(1), 'a.b.c': torch.ones(1)},
            {'a.{}.c': 'd.{}'},
        )


def test_every_listed_choice_must_be_there():
    with pytest.raises(ValueError, match='missing in the source: a.3'):
        convert({'a.0': torch.ones(1)}, {'a.{0,3}': 'b.{}'})


def test_a_part_of_a_joined_tensor_must_be_there():
    with pytest.raises(ValueError, match='missing in the source: 7.k'):
        convert({'7.q': torch.ones(1)}, {('{}.q', '{}.k'): '{}.qk'})


def test_names_and_shapes_of_the_model_are_compared():
    with pytest.raises(ValueError, match='unknown to the model: x') as caught:
        convert(
            {'x': torch.ones(1), 'y': torch.ones(2)},
            {'x': 'x', 'y': 'y'},
            expected={'y': torch.ones(3), 'z': torch.ones(1)},
        )
    assert 'y is (2,), the model expects (3,)' in str(caught.value)
    assert 'missing for the model: z' in str(caught.value)


def test_errors_count_and_give_three_examples():
    source = {f'features.{i}.weight': torch.ones(1) for i in range(5)}
    source['embeddings.0.weight'] = torch.ones(1)
    with pytest.raises(ValueError, match='got 8 problems: ') as caught:
        convert(source, {'a.{0,1}': 'a.{}'})
    message = str(caught.value)
    assert '2 missing in the source: a.0, a.1; 6 unknown' in message
    examples = [f'features.{i}.weight' for i in range(3)]
    assert f'6 unknown in the source: {", ".join(examples)}, ...' in message
    assert "The file looks like torchvggish's VGGish; check" in message


def test_two_rows_for_one_key_are_refused():
    with pytest.raises(ValueError, match='ambiguous'):
        convert({'a.0': torch.ones(1)}, {'a.{}': 'b.{}', 'a.0': 'c'})


def test_a_target_with_other_fields_is_refused():
    with pytest.raises(ValueError, match='as many fields'):
        convert({'a.0': torch.ones(1)}, {'a.{}': 'b'})


def test_not_strict_reports_without_raising():
    converted, report = convert({'a': torch.ones(1)}, {'b': 'b'}, strict=False)
    assert converted == {}
    assert report.problems == [
        'missing in the source: b',
        'unknown in the source: a',
    ]
