"""Stage two does not begin with masks that do not fit."""

from types import SimpleNamespace

import pytest
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.transforms import LoadMaskPrior
from mmavs.engine import MaskPriorCheckHook
from support.avsbench_tree import write_avsbench_tree, write_mask_directory


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('avsbench'))


@pytest.fixture
def masks(tmp_path):
    return write_mask_directory(tmp_path / 'masks')


def _loader(root, split, source, masks=None):
    dataset = AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split=split,
        data_prefix={} if masks is None else dict(mask_prior=str(masks)),
        pipeline=[LoadMaskPrior(source)],
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
    """Not again before each epoch's validation."""
    hook, runner = MaskPriorCheckHook(), _runner(root, masks)
    hook.before_train(runner)
    (masks / 'index.json').unlink()
    hook.before_val(runner)


def test_a_data_set_without_a_folder_is_named(root):
    with pytest.raises(ValueError, match='the val data set has LoadMaskPrior'):
        MaskPriorCheckHook().before_train(_runner(root, None))


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
