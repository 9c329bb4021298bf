"""The prior of stage two, from labels and from the masks of stage one."""

import json

import numpy as np
import pytest
import torch
from mmavs.datasets import AVSBenchDataset
from mmavs.datasets.mask_directory import MaskDirectory
from mmavs.datasets.mask_prior_option import parse_mask_prior
from mmavs.datasets.transforms import LoadClipMasks, LoadMaskPrior
from mmavs.evaluation import MaskDump
from mmavs.evaluation.functional import frame_iou
from PIL import Image
from support.avsbench_tree import write_avsbench_tree, write_mask_directory
from support.predicted_clips import as_dicts, predicted_frames, seeded_clip
from torch.utils.data import DataLoader

COMMAND = r'python tools/test\.py CONFIG CHECKPOINT --dump-masks DIR'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_avsbench_tree(tmp_path_factory.mktemp('avsbench'))


@pytest.fixture
def masks(tmp_path):
    return write_mask_directory(tmp_path / 'masks')


def _dataset(root, masks, split='test', **kwargs):
    return AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split=split,
        mask_prior=dict(source='files', root=str(masks)),
        **kwargs,
    )


def _clips(root, masks, **kwargs):
    dataset = _dataset(root, masks, **kwargs)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def _load(clip, source='truth', **options):
    """Run the transform as a data set with this option would."""
    option = parse_mask_prior(dict(source=source, **options))
    return LoadMaskPrior()({**clip, 'mask_prior_option': option})['mask_prior']


def _of(clips, subset):
    return next(clip for clip in clips if clip['subset'] == subset)


def test_truth_is_one_where_the_label_is_not_background():
    labels = np.array([[[0, 70], [3, 0]]], np.uint8)
    prior = _load(dict(masks=labels))
    assert prior.dtype == np.float32
    assert prior.tolist() == [[[0, 1], [1, 0]]]


def test_truth_of_a_frame_without_a_label_is_silent():
    labels = np.array([[[0, 3]], [[255, 255]]], np.uint8)
    prior = _load(dict(masks=labels))
    assert prior.tolist() == [[[0, 1]], [[0, 0]]]


def test_files_are_divided_by_255(tmp_path):
    """Hard values, and soft ones: 51 / 255 = 0.2."""
    path = str(tmp_path / '0.png')
    Image.fromarray(np.array([[0, 255], [51, 204]], np.uint8)).save(path)
    prior = _load(dict(mask_prior_paths=[path]), 'files', root='-')
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, [[[0, 1], [0.2, 0.8]]], rtol=1e-6)


def test_a_clip_gets_its_own_masks_in_order(root, masks):
    """Mask t fills (t + 1) / T of the height, half of the width."""
    clip = _of(_clips(root, masks), 'v2')
    prior = _load(clip, 'files', root='-')
    assert prior.shape == (10, 224, 224)
    expected = [(t + 1) * 224 // 10 / 224 / 2 for t in range(10)]
    np.testing.assert_allclose(prior.mean((1, 2)), expected, rtol=1e-5)


def test_a_dump_read_back_is_the_prediction(tmp_path):
    frames = predicted_frames(
        seeded_clip(0, channels=2)[0], None, sample_idx=0, subset='v1m'
    )
    dump = MaskDump(
        str(tmp_path), config_hash='c' * 64, checkpoint_hash='k' * 64
    )
    dump.process({}, as_dicts(frames))
    dump.evaluate(1)
    clip = dict(
        clip_id='clip0',
        subset='v1m',
        num_frames=5,
        frame_paths=[frames[0].frame_path],
        audio_path=frames[0].audio_path,
        mask_prior_paths=[
            str(tmp_path / f'v1m/clip0/{t}.png') for t in range(5)
        ],
    )
    MaskDirectory(tmp_path).check([clip], checkpoint='k' * 64)
    prior = _load(clip, 'files', root='-')
    logits = seeded_clip(0, channels=2)[0]
    np.testing.assert_array_equal(prior, (logits[:, 1] > logits[:, 0]).float())


def test_masks_of_a_run_do_not_lie_below_the_data(root):
    """root is the folder given to --dump-masks; it may be a link."""
    clip = _clips(root, 'work_dirs/masks')[0]
    first = clip['mask_prior_paths'][0]
    assert first == 'work_dirs/masks/v1s/v1s-test/0.png'


def test_five_seconds_with_frame_0_have_five_masks(root, masks):
    """A v1s training clip repeats frame 0 with five seconds of audio."""
    clip = _of(_clips(root, masks, split='train'), 'v1s')
    assert len(set(clip['frame_paths'])) == 1
    names = [path.rsplit('/', 1)[1] for path in clip['mask_prior_paths']]
    assert names == [f'{t}.png' for t in range(5)]


def _degraded(root, iou, *, epoch=0, seed=0, split='test', **kwargs):
    """Prior and truth of every clip, by name."""
    dataset = AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split=split,
        seed=seed,
        labels='semantic',
        pipeline=[
            LoadClipMasks('semantic', size=(56, 56)),
            LoadMaskPrior(),
        ],
        mask_prior=dict(source='degraded', iou=iou),
        **kwargs,
    )
    dataset.epoch = epoch
    clips = [dataset[i] for i in range(len(dataset))]
    return {c['clip_id']: (c['mask_prior'], c['masks']) for c in clips}


def _ious(clips):
    """IoU of every frame, by the project's metric."""
    return {
        name: frame_iou(
            torch.from_numpy(prior > 0), torch.from_numpy(masks > 0)
        )
        for name, (prior, masks) in clips.items()
    }


def test_degraded_truth_has_the_wanted_iou_in_every_frame(root):
    clips = _degraded(root, 0.5)
    assert len(clips) == 3
    for name, iou in _ious(clips).items():
        prior, masks = clips[name]
        assert prior.dtype == np.float32
        assert set(np.unique(prior)) == {0, 1}
        area = (masks > 0).sum((1, 2))
        assert area.min() > 100
        assert (np.abs(iou.numpy() - 0.5) <= 0.5 / area).all()


def test_errors_depend_on_seed_and_clip_alone(root):
    """They depend neither on the epoch nor on the other clips."""
    clips = _degraded(root, 0.7)
    for same in (
        _degraded(root, 0.7, epoch=3),
        _degraded(root, 0.7, indices=[2, 1]),
        _degraded(root, 0.7, subsets=['v2']),
    ):
        assert same
        for name, (prior, _) in same.items():
            np.testing.assert_array_equal(prior, clips[name][0])
    for name, (prior, _) in _degraded(root, 0.7, seed=1).items():
        assert not np.array_equal(prior, clips[name][0])


def test_a_range_of_iou_is_drawn_for_each_clip_and_epoch(root):
    seen = []
    for epoch in range(3):
        clips = _degraded(root, (0.4, 0.9), epoch=epoch)
        again = _degraded(root, (0.4, 0.9), epoch=epoch)
        for name, iou in _ious(clips).items():
            np.testing.assert_array_equal(clips[name][0], again[name][0])
            assert iou.min() > 0.39
            assert iou.max() < 0.91
            assert float(iou.max() - iou.min()) < 0.02  # one for a clip
            seen.append(float(iou.mean()))
    assert len(seen) == 9
    assert max(seen) - min(seen) > 0.2
    assert len({round(iou, 3) for iou in seen}) == 9


@pytest.mark.parametrize('num_workers', [1, 2])
def test_errors_do_not_depend_on_workers(root, num_workers):
    dataset = AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split='test',
        labels='semantic',
        pipeline=[
            LoadClipMasks('semantic', size=(56, 56)),
            LoadMaskPrior(),
        ],
        mask_prior=dict(source='degraded', iou=(0.2, 0.9)),
    )
    loader = DataLoader(
        dataset, batch_size=None, num_workers=num_workers, shuffle=True
    )
    clips = _degraded(root, (0.2, 0.9))
    found = {clip['clip_id']: clip['mask_prior'] for clip in loader}
    assert found.keys() == clips.keys()
    for name, prior in found.items():
        np.testing.assert_array_equal(prior, clips[name][0])


def test_frames_without_a_label_are_not_marked(root):
    """Four frames of a v1s training clip have an empty prior."""
    clips = _degraded(
        root, 0.5, split='train', subsets=['v1s'], unlabelled='ignore'
    )
    prior, _ = clips['v1s-train']
    assert prior.any((1, 2)).tolist() == [True] + [False] * 4


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        (
            dict(source='guess'),
            r"one of \('truth', .*'mixture'\), got 'guess'",
        ),
        (dict(root='masks'), 'source must be .* got None'),
        (dict(source='files'), r'needs root=DIR, .*mask_prior\.root=DIR'),
        (dict(source='truth', folder='x'), r"probabilities, got \['folder'\]"),
        (dict(source='degraded'), "'degraded' needs iou"),
        (dict(source='truth', iou=0.5), 'no other source takes it'),
        (dict(source='degraded', iou=1.2), r'in \[0, 1\]'),
        (dict(source='degraded', iou=(0.8, 0.5)), 'low <= high'),
        (dict(source='degraded', iou=(0.1, 0.2, 0.3)), r'\(low, high\)'),
        (dict(source='mixture'), "'mixture' needs probabilities"),
        (
            dict(source='truth', probabilities=dict(truth=1)),
            'no other source takes them',
        ),
        (
            dict(source='mixture', probabilities=dict(guess=1)),
            r"some of \('truth', .*, got \['guess'\]",
        ),
        (
            dict(source='mixture', probabilities=dict(truth=0.5, none=0.4)),
            "have the sum 1, got {'truth': 0.5, 'none': 0.4}",
        ),
        (
            dict(source='mixture', probabilities=dict(truth=1.5, none=-0.5)),
            'must be at least 0',
        ),
        (
            dict(source='mixture', probabilities=dict(files=1)),
            'needs root=DIR',
        ),
        (
            dict(source='mixture', probabilities=dict(degraded=1)),
            "'degraded' needs iou",
        ),
        (
            dict(source='mixture', probabilities=dict(truth=1), iou=0.5),
            'no other source takes it',
        ),
    ],
)
def test_a_wrong_option_is_named_when_the_data_set_is_built(
    root, option, message
):
    with pytest.raises(ValueError, match=message):
        AVSBenchDataset(
            data_root=str(root), task='s4', split='test', mask_prior=option
        )


def test_a_folder_may_stay_when_the_source_changes(root):
    """A config may inherit root and set source to the labels."""
    option = parse_mask_prior(dict(source='truth', root='masks', iou=None))
    assert (option.source, option.root, option.iou) == ('truth', 'masks', None)
    clip = AVSBenchDataset(
        data_root=str(root),
        task='s4',
        split='test',
        mask_prior=dict(source='truth', root='masks'),
    )[0]
    assert 'mask_prior_paths' not in clip


def test_one_value_of_iou_is_not_drawn_again():
    once = parse_mask_prior(dict(source='degraded', iou=0.5))
    assert (once.iou, once.redraw) == ((0.5, 0.5), False)
    often = parse_mask_prior(dict(source='degraded', iou=[0.5, 1.0]))
    assert (often.iou, often.redraw) == ((0.5, 1.0), True)


def test_no_prior_is_minus_one_everywhere():
    labels = np.array([[[0, 3]], [[255, 255]]], np.uint8)
    prior = _load(dict(masks=labels), 'none')
    assert prior.dtype == np.float32
    assert prior.tolist() == [[[-1, -1]], [[-1, -1]]]


def _clip_of_three_sources(tmp_path):
    """Truth 1, files 51 / 255 = 0.2, none -1."""
    path = str(tmp_path / '0.png')
    Image.fromarray(np.full((1, 1), 51, np.uint8)).save(path)
    return dict(masks=np.ones((1, 1, 1), np.uint8), mask_prior_paths=[path])


def _drawn(clip, names, epochs, seed=0, **probabilities):
    """Sources of a mixture by name and epoch, as in the function above."""
    known = {1.0: 'truth', 0.2: 'files', -1.0: 'none'}
    return {
        (name, epoch): known[
            round(
                float(
                    _load(
                        dict(
                            clip,
                            subset='v1m',
                            clip_id=name,
                            rng_seed=(seed, epoch, 7),
                        ),
                        'mixture',
                        root='-',
                        probabilities=probabilities,
                    ).item()
                ),
                3,
            )
        ]
        for name in names
        for epoch in epochs
    }


def test_a_mixture_draws_its_sources_with_their_probabilities(tmp_path):
    clip = _clip_of_three_sources(tmp_path)
    names, epochs = [f'clip{i}' for i in range(50)], range(20)
    shares = dict(truth=0.2, files=0.5, none=0.3)
    drawn = _drawn(clip, names, epochs, **shares)
    for source, share in shares.items():
        count = list(drawn.values()).count(source)
        # of 1000 draws; the deviation is at most sqrt(250) = 16
        assert abs(count - 1000 * share) < 50, source
    # A clip has other sources in other epochs, clips in the same epoch too.
    assert len({drawn['clip0', epoch] for epoch in epochs}) == 3
    assert len({drawn[name, 0] for name in names}) == 3
    # A resumed training begins in a later epoch and draws the same.
    resumed = _drawn(clip, names[:9], [11, 3], **shares)
    assert resumed.items() <= drawn.items()
    assert drawn != _drawn(clip, names, epochs, seed=1, **shares)


def test_a_mixture_of_one_source_is_this_source(root):
    """Its errors are those of the source alone."""
    mixed = AVSBenchDataset(
        data_root=str(root),
        task='avss',
        split='test',
        labels='semantic',
        pipeline=[LoadClipMasks('semantic', size=(56, 56)), LoadMaskPrior()],
        mask_prior=dict(
            source='mixture',
            probabilities=dict(truth=0, degraded=1.0, none=None),
            iou=[0.3, 0.9],
        ),
    )
    alone = _degraded(root, (0.3, 0.9))
    assert len(alone) == 3
    for clip in mixed:
        expected, _ = alone[clip['clip_id']]
        np.testing.assert_array_equal(clip['mask_prior'], expected)


def test_only_a_mixture_with_files_has_their_paths(root):
    for name, has_paths in (('files', True), ('none', False)):
        option = dict(
            source='mixture', probabilities={'truth': 0.5, name: 0.5}
        )
        clip = AVSBenchDataset(
            data_root=str(root),
            task='s4',
            split='test',
            mask_prior=dict(option, root='masks'),
        )[0]
        assert ('mask_prior_paths' in clip) == has_paths


def test_degraded_needs_labels_and_a_seed():
    with pytest.raises(ValueError, match="'degraded'.*after LoadClipMasks"):
        _load(dict(clip_id='a'), 'degraded', iou=0.5)
    clip = dict(clip_id='a', masks=np.ones((1, 4, 4), np.uint8))
    with pytest.raises(ValueError, match='BaseClipDataset sets'):
        _load(clip, 'degraded', iou=0.5)


def test_truth_needs_labels():
    with pytest.raises(ValueError, match='put LoadMaskPrior after LoadClip'):
        _load(dict(clip_id='a'))


def test_the_transform_needs_an_option_of_the_data_set(root):
    with pytest.raises(ValueError, match="option mask_prior .* for clip 'a'"):
        LoadMaskPrior()(dict(clip_id='a', mask_prior_option=None))
    with pytest.raises(
        ValueError,
        match='test data set has LoadMaskPrior, but its option mask_prior is',
    ):
        AVSBenchDataset(
            data_root=str(root),
            task='s4',
            split='test',
            pipeline=[dict(type='mmseg.LoadMaskPrior')],
        )


@pytest.mark.parametrize(
    'transform', [dict(source='files'), dict(source='degraded', iou=0.5)]
)
def test_old_arguments_of_the_transform_name_the_new_option(root, transform):
    with pytest.raises(ValueError, match=r'takes no arguments.*mask_prior='):
        AVSBenchDataset(
            data_root=str(root),
            task='s4',
            split='test',
            pipeline=[dict(type='mmseg.LoadMaskPrior', **transform)],
        )


def test_the_old_prefix_names_the_new_option(root):
    with pytest.raises(
        ValueError, match=r"mask_prior=dict\(source='files', root=DIR\)"
    ):
        AVSBenchDataset(
            data_root=str(root),
            task='s4',
            split='test',
            data_prefix=dict(mask_prior='masks'),
        )


def test_masks_of_two_sizes_in_a_clip(root, masks):
    clip = _of(_clips(root, masks), 'v1m')
    Image.new('L', (8, 8)).save(clip['mask_prior_paths'][3])
    with pytest.raises(ValueError, match=r"'v1m-test' must have one size"):
        LoadMaskPrior()(clip)


def _remove(masks):
    (masks / 'v1m/v1m-test/3.png').unlink()


def _cut_off(masks):
    path = masks / 'v1m/v1m-test/3.png'
    path.write_bytes(path.read_bytes()[:60])


def _replace_by_text(masks):
    (masks / 'v1m/v1m-test/3.png').write_text('no picture')


def _colour(masks):
    Image.new('RGB', (224, 224)).save(masks / 'v1m/v1m-test/3.png')


FAULTS = [
    (_remove, FileNotFoundError, 'no mask prior'),
    (_cut_off, ValueError, 'cannot read'),
    (_replace_by_text, ValueError, 'cannot read'),
    (_colour, ValueError, r'must be 8 bit grey \(L\), got RGB'),
]


@pytest.mark.parametrize(('spoil', 'kind', 'text'), FAULTS)
def test_a_broken_file_is_named_when_it_is_read(
    root, masks, spoil, kind, text
):
    spoil(masks)
    clip = _of(_clips(root, masks), 'v1m')
    with pytest.raises(kind, match=f"{text}.*3.png of clip 'v1m-test'"):
        LoadMaskPrior()(clip)


@pytest.mark.parametrize(('spoil', 'kind', 'text'), FAULTS)
def test_a_broken_file_is_found_by_the_check(root, masks, spoil, kind, text):
    spoil(masks)
    with pytest.raises(
        kind, match=f"{text}.*v1m/v1m-test/3.png of clip 'v1m-test'.*{COMMAND}"
    ):
        MaskDirectory(masks).check(_clips(root, masks))


def test_a_whole_folder_passes(root, masks):
    clips = _clips(root, masks)
    assert len(clips) == 3
    MaskDirectory(masks).check(clips, size=(224, 224), checkpoint='k' * 64)


def test_a_mask_of_another_size(root, masks):
    with pytest.raises(
        ValueError, match=rf'must be \(96, 96\), got \(224, 224\).*{COMMAND}'
    ):
        MaskDirectory(masks).check(_clips(root, masks), size=(96, 96))


def _edit(masks, change):
    path = masks / 'index.json'
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))


def test_a_clip_that_the_index_lacks(root, masks):
    """Its files exist, but the index does not list them as complete."""

    def drop(index):
        index['clips'] = [c for c in index['clips'] if c['subset'] != 'v1m']

    _edit(masks, drop)
    with pytest.raises(
        ValueError,
        match=f"lists 0 masks, expected 5, .*of clip 'v1m-test'.*{COMMAND}",
    ):
        MaskDirectory(masks).check(_clips(root, masks))


def test_a_clip_with_another_number_of_masks(root, masks):
    _edit(masks, lambda index: index['clips'][2].update(num_frames=4))
    with pytest.raises(ValueError, match='lists 4 masks, expected 5'):
        MaskDirectory(masks).check(_clips(root, masks))


def test_no_index_is_a_dump_cut_off(root, masks):
    (masks / 'index.json').unlink()
    with pytest.raises(FileNotFoundError, match=f'no index.json.*{COMMAND}'):
        MaskDirectory(masks).check(_clips(root, masks))


@pytest.mark.parametrize('text', ['{"clips": [', '[]', '{"clips": []}'])
def test_an_index_that_is_none(root, masks, text):
    (masks / 'index.json').write_text(text)
    with pytest.raises(ValueError, match=f'index.*{COMMAND}'):
        MaskDirectory(masks).check(_clips(root, masks))


def test_masks_of_another_checkpoint(root, masks):
    with pytest.raises(
        ValueError,
        match=f"another checkpoint.*kkk, expected abc.*'v1s-test'.*{COMMAND}",
    ):
        MaskDirectory(masks).check(_clips(root, masks), checkpoint='abc')


def test_subsets_may_come_from_checkpoints_of_their_own(root, masks):
    def sign(index):
        for clip in index['clips']:
            clip['checkpoint_hash'] = clip['subset'] * 10

    _edit(masks, sign)
    clips = _clips(root, masks)
    MaskDirectory(masks).check(
        clips, checkpoint=dict(v1s='v1sv1s', v1m='v1mv1m')
    )
    with pytest.raises(ValueError, match="expected v1s, for .*'v1m-test'"):
        MaskDirectory(masks).check(
            clips, checkpoint=dict(v1s='v1s', v1m='v1s')
        )


def test_the_command_for_other_splits_says_so(root, masks):
    (masks / 'index.json').unlink()
    with pytest.raises(
        FileNotFoundError,
        match=rf'{COMMAND} --split val',
    ):
        MaskDirectory(masks).check(_clips(root, masks, split='val'))
