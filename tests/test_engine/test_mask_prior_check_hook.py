"""Stage two does not start with wrong or missing masks."""

from types import SimpleNamespace

import numpy as np
import pytest
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.folds import assign_folds, key_of
from mmavs.datasets.mask_directory import MadeBy, MaskDirectory
from mmavs.datasets.transforms import LoadClipMasks, LoadMaskPrior
from mmavs.engine import MaskPriorCheckHook
from mmengine.dataset import (
    ClassBalancedDataset,
    Compose,
    ConcatDataset,
    RepeatDataset,
)
from support.avsbench_tree import (
    Clip,
    write_avsbench_tree,
    write_mask_directory,
)
from torch.utils.data import Dataset, Subset


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('avsbench'))


@pytest.fixture
def masks(tmp_path):
    return write_mask_directory(tmp_path / 'masks')


def _loader(root, split, source, masks):
    dataset = AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split=split,
        mask_prior=dict(source=source, root=str(masks)),
        pipeline=[LoadMaskPrior()],
    )
    return SimpleNamespace(dataset=dataset)


def _runner(root, masks, *, train='truth', val='files', test='files'):
    return SimpleNamespace(
        train_dataloader=_loader(root, 'train', train, masks),
        val_dataloader=_loader(root, 'val', val, masks),
        test_dataloader=_loader(root, 'test', test, masks),
        val_loop=object(),
    )


def test_a_whole_folder_passes(root, masks):
    hook = MaskPriorCheckHook(
        size=(224, 224), expect_checkpoint='kkk', expect_mode='hard'
    )
    runner = _runner(root, masks, train='files')
    hook.before_train(runner)
    hook.before_val(runner)
    hook.before_test(runner)


@pytest.mark.parametrize('subset', ['v1s', 'v1m', 'v2'])
def test_validation_is_checked_before_training(root, masks, subset):
    (masks / subset / f'{subset}-val' / '4.png').unlink()
    with pytest.raises(FileNotFoundError, match=f"4.png .*'{subset}-val'"):
        MaskPriorCheckHook().before_train(_runner(root, masks))


def test_training_is_checked_only_if_it_reads_files(root, masks):
    (masks / 'v1m/v1m-train/0.png').unlink()
    MaskPriorCheckHook().before_train(_runner(root, masks))
    with pytest.raises(FileNotFoundError, match='v1m-train'):
        MaskPriorCheckHook().before_train(_runner(root, masks, train='files'))


def test_an_oracle_needs_no_masks(root, tmp_path):
    runner = _runner(root, tmp_path / 'none', val='truth', test='truth')
    hook = MaskPriorCheckHook()
    hook.before_train(runner)
    hook.before_test(runner)


def test_a_test_is_checked_on_its_own(root, masks):
    (masks / 'v2/v2-test/9.png').unlink()
    with pytest.raises(FileNotFoundError, match='v2-test'):
        MaskPriorCheckHook().before_test(_runner(root, masks))


def test_a_training_without_validation(root, masks):
    runner = _runner(root, masks)
    runner.val_loop = runner.val_dataloader = None
    MaskPriorCheckHook().before_train(runner)


def test_a_folder_is_read_once(root, masks):
    """It is not read again before the validation of each epoch."""
    hook, runner = MaskPriorCheckHook(), _runner(root, masks)
    hook.before_train(runner)
    (masks / 'index.json').unlink()
    hook.before_val(runner)


def _write_cross_fitted(root, folder, checkpoints):
    """Masks of training clips, by the checkpoint of the fold of each clip."""
    clips = _loader(root, 'train', 'files', folder).dataset.list_clips()
    folds = assign_folds(clips, len(checkpoints))
    directory = MaskDirectory(folder)
    for clip in clips:
        made_by = MadeBy('c' * 64, checkpoints[folds[key_of(clip)]], 'hard')
        directory.begin(made_by)
        masks = np.zeros((clip['num_frames'], 8, 8), np.uint8)
        directory.write_clip(clip, masks, made_by)
    directory.write_index(made_by)
    return len(clips)


def test_masks_of_a_fold_are_of_the_model_trained_without_it(tmp_path):
    clips = [
        Clip('v1m', split, f'{split}-{i}', 17, (32, 32))
        for split, count in (('train', 4), ('val', 1), ('test', 1))
        for i in range(count)
    ]
    root = write_avsbench_tree(tmp_path / 'data', clips)
    checkpoints = ['a' * 64, 'b' * 64]
    assert _write_cross_fitted(root, tmp_path / 'masks', checkpoints) == 4
    runner = _runner(root, tmp_path / 'masks', train='files', val='truth')
    hook = MaskPriorCheckHook(
        expect_checkpoint='k' * 64, expect_held_out=dict(v1m=checkpoints)
    )
    hook.before_train(runner)
    # The same masks, where each model was trained on the clips it predicts.
    swapped = MaskPriorCheckHook(expect_held_out=dict(v1m=checkpoints[::-1]))
    with pytest.raises(ValueError, match='another checkpoint: .*index.json'):
        swapped.before_train(runner)
    # The first clips of the table have the fold that they have among all.
    short = AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split='train',
        indices=2,
        mask_prior=dict(source='files', root=str(tmp_path / 'masks')),
    )
    runner.train_dataloader = SimpleNamespace(dataset=short)
    hook.before_train(runner)
    # Other clips still need the checkpoint that was trained on all clips.
    runner.val_dataloader = _loader(root, 'val', 'files', tmp_path / 'masks')
    with pytest.raises(ValueError, match='lists 0 masks, expected 5'):
        hook.before_train(runner)


class ListDataset(Dataset):
    """A data set that is no BaseClipDataset."""

    def __init__(self, pipeline):
        self.pipeline = Compose(pipeline)


def _wrapped(root, masks, wrap):
    dataset = _loader(root, 'test', 'files', masks).dataset
    return SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=wrap(dataset))
    )


@pytest.mark.parametrize(
    'wrap',
    [
        lambda dataset: RepeatDataset(dataset, times=2),
        lambda dataset: ConcatDataset([dataset]),
        lambda dataset: Subset(RepeatDataset(dataset, times=2), [0]),
        lambda dataset: Subset(dataset, [0]),
    ],
    ids=['repeat', 'concat', 'both', 'subset'],
)
def test_masks_of_wrapped_data_sets_are_checked(root, masks, wrap):
    MaskPriorCheckHook().before_test(_wrapped(root, masks, wrap))
    (masks / 'v2/v2-test/9.png').unlink()
    with pytest.raises(FileNotFoundError, match='v2-test'):
        MaskPriorCheckHook().before_test(_wrapped(root, masks, wrap))


def test_all_data_sets_of_a_concatenation_are_checked(root, masks):
    """The second data set is faulty."""
    (masks / 'v2/v2-test/9.png').unlink()
    other = _loader(root, 'val', 'files', masks).dataset
    with pytest.raises(FileNotFoundError, match='v2-test'):
        MaskPriorCheckHook().before_test(
            _wrapped(root, masks, lambda own: ConcatDataset([other, own]))
        )


def test_a_class_balanced_data_set_is_checked(root, masks):
    class Balanced(AVSBenchDataset):
        def get_cat_ids(self, idx):
            return [0]

    dataset = Balanced(
        data_root=str(root),
        task='avss',
        split='test',
        mask_prior=dict(source='files', root=str(masks)),
        pipeline=[LoadMaskPrior()],
    )
    runner = _wrapped(root, masks, lambda _: ClassBalancedDataset(dataset, 1))
    MaskPriorCheckHook().before_test(runner)
    (masks / 'v2/v2-test/9.png').unlink()
    with pytest.raises(FileNotFoundError, match='v2-test'):
        MaskPriorCheckHook().before_test(runner)


@pytest.mark.parametrize(
    'pipeline',
    [[LoadMaskPrior()], [Compose([LoadMaskPrior()])]],
    ids=['flat', 'nested'],
)
def test_a_prior_that_cannot_be_checked_is_refused(root, masks, pipeline):
    def wrap(_):
        return Subset(ListDataset(pipeline), [0])

    with pytest.raises(
        ValueError, match='pipeline of a ListDataset.*BaseClipDataset'
    ):
        MaskPriorCheckHook().before_test(_wrapped(root, masks, wrap))


def test_other_data_sets_without_a_prior_are_left_alone(root, masks):
    dataset = ListDataset([LoadClipMasks()])
    MaskPriorCheckHook().before_test(_wrapped(root, masks, lambda _: dataset))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(size=(96, 96)), r'must be \(96, 96\)'),
        (dict(expect_checkpoint='abc'), 'another checkpoint'),
        (dict(expect_mode='soft'), 'lists hard masks, expected soft ones'),
    ],
)
def test_options_reach_the_check(root, masks, options, message):
    with pytest.raises(ValueError, match=message):
        MaskPriorCheckHook(**options).before_train(_runner(root, masks))
