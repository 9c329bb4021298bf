"""Frames and labels as the published code reads them, and faulty files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmavs.datasets import AVSBENCH_PALETTE, AVSBenchDataset
from mmavs.datasets.transforms import LoadClipFrames, LoadClipMasks
from PIL import Image
from support.avsbench_tree import Clip, square_of_frame, write_avsbench_tree

CLIP = Clip('v1m', 'val', 'a', class_id=28, frame_size=(60, 90))


@pytest.fixture
def clip(tmp_path):
    write_avsbench_tree(tmp_path, [CLIP])
    return _entry(tmp_path)


def _entry(root, **kwargs):
    kwargs = dict(task='ms3', split='val') | kwargs
    return AVSBenchDataset(data_root=str(root), **kwargs)[0]


def _masks_of(tmp_path, image, *, name='0.png', results=None, **kwargs):
    """Load one label image."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(tmp_path / name)
    results = dict(mask_paths=[str(tmp_path / name)]) | (results or {})
    return LoadClipMasks(**kwargs)(results)['masks'][0]


#: Entry of the data set for labels that are class ids.
IDS = dict(label_folder='labels_semantic')


def test_frames_are_the_stored_pixels(clip):
    results = LoadClipFrames()(clip)
    assert results['frames'].shape == (5, 60, 90, 3)
    assert results['frames'].dtype == np.uint8
    assert results['ori_frame_shapes'] == [(60, 90)] * 5
    for frame, path in zip(
        results['frames'], clip['frame_paths'], strict=True
    ):
        bgr = cv2.imread(path)
        np.testing.assert_array_equal(frame, bgr[:, :, ::-1])


def test_frames_resized_while_loading_equal_pillow(clip):
    frames = LoadClipFrames(size=(24, 32))(clip)['frames']
    for frame, path in zip(frames, clip['frame_paths'], strict=True):
        expected = Image.open(path).resize((32, 24), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(frame, np.asarray(expected))


def test_frames_of_different_sizes_need_a_size(clip):
    Image.new('RGB', (40, 30)).save(clip['frame_paths'][3])
    with pytest.raises(
        ValueError, match=r"'a' must have one size, got \[\(30, 40\), \(60, 90"
    ):
        LoadClipFrames()(clip)
    assert LoadClipFrames(size=(16, 16))(clip)['frames'].shape[0] == 5


def test_binary_masks_equal_the_published_steps(clip):
    """OpenCV reads, resizes in colour and converts to grey; > 0 sounds."""
    results = LoadClipMasks()(clip)
    assert results['masks'].shape == (5, 224, 224)
    assert results['masks'].dtype == np.uint8
    assert results['mask_size'] == (224, 224)
    for mask, path in zip(results['masks'], clip['mask_paths'], strict=True):
        image = cv2.resize(cv2.imread(path), (224, 224))
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        np.testing.assert_array_equal(mask, grey > 0)
        assert 0 < mask.mean() < 0.5


def test_binary_masks_widen_by_hand(tmp_path):
    """Two pixels to four: centres at -1/4, 1/4, 3/4, 5/4 of the old ones."""
    # Red 0, 128 -> 0, 32, 96, 128; grey = 0.299 red -> 0, 10, 29, 38; > 0.
    image = np.zeros((1, 2, 3), dtype=np.uint8)
    image[0, 1] = (128, 0, 0)
    mask = _masks_of(tmp_path, image, size=(1, 4))
    np.testing.assert_array_equal(mask, [[0, 1, 1, 1]])


@pytest.mark.parametrize('class_id', range(1, 71))
def test_no_class_is_too_dark_to_sound(tmp_path, class_id):
    image = np.tile(AVSBENCH_PALETTE[class_id], (2, 2, 1))
    assert _masks_of(tmp_path, image, size=(2, 2)).all()


@pytest.mark.parametrize('folder', ['labels_rgb', 'labels_semantic'])
def test_semantic_masks_of_both_folders(tmp_path, folder):
    write_avsbench_tree(tmp_path, [CLIP])
    clip = _entry(tmp_path, labels='semantic', label_folder=folder)
    masks = LoadClipMasks(label='semantic', size=CLIP.frame_size)(clip)[
        'masks'
    ]
    assert masks.dtype == np.uint8
    for t, mask in enumerate(masks):
        expected = np.zeros(CLIP.frame_size, dtype=np.uint8)
        expected[square_of_frame(CLIP, t)] = 28
        np.testing.assert_array_equal(mask, expected)


def test_semantic_masks_are_resized_by_nearest_centre(tmp_path):
    """Six pixels to three: centres 1, 3, 5 hit pixels 1, 3, 5."""
    image = AVSBENCH_PALETTE[[[1, 2, 3, 4, 5, 6]]]
    mask = _masks_of(tmp_path, image, label='semantic', size=(1, 3))
    np.testing.assert_array_equal(mask, [[2, 4, 6]])


def test_unknown_colours(tmp_path):
    image = np.full((1, 1, 3), 77, dtype=np.uint8)
    kwargs = dict(label='semantic', size=(1, 1))
    message = r'\(77, 77, 77\) in 1 of 1 pixels; in mask file .*0.p.*unknown_'
    with pytest.raises(ValueError, match=message):
        _masks_of(tmp_path, image, **kwargs)
    kwargs['unknown_colour'] = 'background'
    assert not _masks_of(tmp_path, image, **kwargs).any()


@pytest.mark.parametrize('mode', ['1', 'L', 'RGB'])
def test_black_and_white_labels_are_for_binary_tasks(tmp_path, mode):
    """As those of the first release of AVSBench."""
    white = np.array([[255, 0, 0], [0, 0, 0]], dtype=np.uint8)
    image = Image.fromarray(white).convert(mode)
    with pytest.raises(
        ValueError,
        match=r'got RGB \(255, 255, 255\) in 1 of 6 pixels; .*Are these '
        'black-and-white labels, for binary tasks only',
    ):
        _masks_of(tmp_path, image, label='semantic', size=None)
    mask = _masks_of(tmp_path, image, size=None)
    np.testing.assert_array_equal(mask, white > 0)


@pytest.mark.parametrize('label', ['binary', 'semantic'])
def test_labels_saved_as_jpeg(tmp_path, label):
    """Recognised whatever the file name; JPEG changes colours at outlines."""
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    image[4:9, 5:11] = AVSBENCH_PALETTE[9]
    Image.fromarray(image).save(tmp_path / 'a.jpg', quality=95)
    (tmp_path / 'a.jpg').rename(tmp_path / 'a.png')
    results = dict(clip_id='a', mask_paths=[str(tmp_path / 'a.png')])
    message = r"PNG\), got a JPEG.*unknown_colour='background'.*a.png of clip"
    with pytest.raises(ValueError, match=message):
        LoadClipMasks(label, size=None)(dict(results))
    load = LoadClipMasks(label, size=None, unknown_colour='background')
    assert load(results)['masks'].shape == (1, 16, 16)


def test_grey_images_of_labels_rgb_are_colours(tmp_path):
    """Grey 64 is the colour (64, 64, 64) of class 56, not class 64."""
    assert tuple(AVSBENCH_PALETTE[56]) == (64, 64, 64)
    image = np.array([[0, 64], [128, 192]], dtype=np.uint8)
    results = dict(label_folder='labels_rgb')
    ids = _masks_of(
        tmp_path, image, label='semantic', size=None, results=results
    )
    # Bits 0 to 2 set the high bits of a colour, 3 to 5 the next ones.
    np.testing.assert_array_equal(ids, [[0, 0b111000], [0b111, 0b111111]])


@pytest.mark.parametrize('mode', ['L', 'P'])
def test_images_of_labels_semantic_are_ids(tmp_path, mode):
    """The palette only serves image viewers."""
    ids = np.array([[0, 64], [70, 7]], dtype=np.uint8)
    image = Image.fromarray(ids)
    if mode == 'P':
        image.putpalette(AVSBENCH_PALETTE.ravel().tolist())
    kwargs = dict(size=None, results=IDS)
    mask = _masks_of(tmp_path, image, label='semantic', **kwargs)
    np.testing.assert_array_equal(mask, ids)
    mask = _masks_of(tmp_path, image, **kwargs)
    np.testing.assert_array_equal(mask, [[0, 1], [1, 1]])


@pytest.mark.parametrize('label', ['binary', 'semantic'])
def test_colours_in_labels_semantic(tmp_path, label):
    image = np.zeros((2, 2, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match=r"8-bit grey .*'RGB' in mask file"):
        _masks_of(tmp_path, image, label=label, size=None, results=IDS)


@pytest.mark.parametrize('label', ['binary', 'semantic'])
def test_ids_beyond_the_classes(tmp_path, label):
    image = np.full((1, 1), 71, dtype=np.uint8)
    with pytest.raises(ValueError, match=r'ids must be 0..70, got 71 in mask'):
        _masks_of(tmp_path, image, label=label, size=(1, 1), results=IDS)


@pytest.mark.parametrize('resize', ['bilinear', 'nearest'])
@pytest.mark.parametrize('class_id', [1, 8, 64, 70])
def test_binary_masks_of_both_folders_are_the_same(tmp_path, class_id, resize):
    """Ids are converted to colours before resizing; they are not averaged."""
    stored = CLIP._replace(class_id=class_id)
    write_avsbench_tree(tmp_path, [stored])
    load = LoadClipMasks(size=(37, 41), binary_resize=resize)
    colours, ids = (
        load(_entry(tmp_path, label_folder=folder))['masks']
        for folder in ('labels_rgb', 'labels_semantic')
    )
    assert 0 < ids.mean() < 0.5
    np.testing.assert_array_equal(ids, colours)


@pytest.mark.parametrize('label', ['binary', 'semantic'])
@pytest.mark.parametrize('size', [None, (224, 224)])
def test_labels_of_another_aspect_ratio_than_the_frames(clip, label, size):
    clip['labels'] = label
    Image.new('RGB', (60, 90)).save(clip['mask_paths'][2])
    results = LoadClipFrames()(clip)
    with pytest.raises(
        ValueError,
        match=r'\(H, W\) = \(60, 90\), got \(90, 60\); .*other_aspect='
        r"'squash'\).*2.png of clip 'a'",
    ):
        LoadClipMasks(label, size)(dict(results))
    load = LoadClipMasks(label, (224, 224), other_aspect='squash')
    assert load(results)['masks'].shape == (5, 224, 224)


@pytest.mark.parametrize('label', ['binary', 'semantic'])
def test_labels_of_a_few_pixels(clip, label):
    """The frames are 60x90; 3x5 is less than a sixteenth of it."""
    clip['labels'] = label
    Image.new('RGB', (5, 3)).save(clip['mask_paths'][2])
    results = LoadClipFrames()(clip)
    with pytest.raises(
        ValueError, match=r"1/16 of the height of its frame, 60, got 3; .*'a'"
    ):
        LoadClipMasks(label, (224, 224))(dict(results))


@pytest.mark.parametrize(
    ('frame', 'label', 'fits'),
    [
        ((720, 1280), (224, 398), True),  # 398.2 is rounded
        ((720, 1280), (720, 1280), True),
        ((720, 1280), (224, 224), False),
        ((100, 100), (102, 100), True),  # 2 %
        ((100, 100), (103, 100), False),
        ((90, 160), (7, 13), True),  # 7.3: one pixel of a small label
        ((90, 160), (6, 13), False),
    ],
)
def test_aspect_ratios_may_differ_by_rounding(tmp_path, frame, label, fits):
    image = np.zeros((*label, 3), dtype=np.uint8)
    results = dict(ori_frame_shapes=[frame])
    if fits:
        _masks_of(tmp_path, image, results=results)
    else:
        with pytest.raises(ValueError, match='must have the aspect ratio'):
            _masks_of(tmp_path, image, results=results)


def test_each_label_is_compared_with_its_own_frame(clip):
    """Frames of a clip can differ in size if they are resized."""
    Image.new('RGB', (40, 30)).save(clip['frame_paths'][3])
    Image.new('RGB', (80, 60)).save(clip['mask_paths'][3])
    results = LoadClipFrames(size=(16, 16))(clip)
    assert results['ori_frame_shapes'][2:4] == [(60, 90), (30, 40)]
    assert LoadClipMasks()(results)['masks'].shape == (5, 224, 224)


def test_labels_of_transform_and_data_set_must_agree(clip):
    with pytest.raises(ValueError, match=r"labels='binary', but LoadClipMas"):
        LoadClipMasks(label='semantic')(clip)


@pytest.mark.parametrize('resize', ['bilinear', 'nearest'])
@pytest.mark.parametrize('label', ['binary', 'semantic'])
@pytest.mark.parametrize('size', [(224, 224), (6, 4), None])
def test_frames_without_a_label_are_255_all_over(
    tmp_path, label, resize, size
):
    """They do not change the labelled frame."""
    stored = Clip('v1s', 'train', 'a', class_id=28, frame_size=(60, 90))
    write_avsbench_tree(tmp_path, [stored])
    clip = _entry(
        tmp_path, task='s4', split='train', labels=label, unlabelled='ignore'
    )
    load = LoadClipMasks(label=label, size=size, binary_resize=resize)
    results = load(dict(clip))
    expected_size = size or (60, 90)
    assert results['mask_size'] == expected_size
    assert results['masks'].shape == (5, *expected_size)
    assert results['masks'].dtype == np.uint8
    assert (results['masks'][1:] == 255).all()
    first = load(dict(clip, mask_paths=clip['mask_paths'][:1]))['masks'][0]
    np.testing.assert_array_equal(results['masks'][0], first)
    assert set(np.unique(first)) == {0, 28 if label == 'semantic' else 1}


def test_masks_as_stored_need_one_size(clip):
    Image.new('RGB', (40, 30)).save(clip['mask_paths'][3])
    with pytest.raises(
        ValueError,
        match=r"labels of clip 'a' .*got \[\(30, 40\), \(60, 90\)\]",
    ):
        LoadClipMasks(size=None)(clip)
    clip['mask_paths'] = [None] * 5
    with pytest.raises(ValueError, match=r'one size, got \[\]; set LoadClip'):
        LoadClipMasks(size=None)(clip)


def test_a_clip_without_labels_is_named():
    with pytest.raises(ValueError, match=r"clip 'a' has no labels; leave"):
        LoadClipMasks()(dict(clip_id='a', mask_paths=None))


def test_nearest_binary_masks_keep_outlines_by_hand(tmp_path):
    """Four pixels to eight: each twice, where bilinear would widen."""
    image = np.zeros((1, 4, 3), dtype=np.uint8)
    image[0, 1] = (0, 0, 128)
    size = (1, 8)
    mask = _masks_of(tmp_path, image, size=size, binary_resize='nearest')
    np.testing.assert_array_equal(mask, [[0, 0, 1, 1, 0, 0, 0, 0]])
    # Centres at -1/4, 1/4, 3/4, 5/4, 7/4, 9/4, ...: shares of pixel 1 are
    # 0, 1/4, 3/4, 3/4, 1/4, 0, ..., the least is grey 0.114 * 128 / 4 > 0.
    mask = _masks_of(tmp_path, image, size=size)
    np.testing.assert_array_equal(mask, [[0, 1, 1, 1, 1, 0, 0, 0]])


@pytest.mark.parametrize('mode', ['1', 'L', 'RGB', 'P'])
def test_nearest_binary_masks_of_any_stored_type(tmp_path, mode):
    """The published code reads palette files depending on their palette."""
    grey = Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8))
    grey.convert(mode).save(tmp_path / 'a.png')
    with Image.open(tmp_path / 'a.png') as image:
        assert image.mode == mode
    results = dict(mask_paths=[str(tmp_path / 'a.png')])
    load = LoadClipMasks(size=None, binary_resize='nearest')
    assert load(results)['masks'].tolist() == [[[0, 1], [1, 0]]]


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(binary_resize='x'), r"'bilinear' or 'nearest', got 'x'"),
        (dict(label='soft'), r"'binary' or 'semantic', got 'soft'"),
        (dict(unknown_colour='x'), r"'error' or 'background', got 'x'"),
        (dict(other_aspect='x'), r"'error' or 'squash', got 'x'"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        LoadClipMasks(**kwargs)


@pytest.mark.parametrize(
    ('load', 'key', 'layout'),
    [
        (LoadClipFrames(), 'frame_paths', r'frames/\{0..T-1\}.jpg'),
        (LoadClipMasks(), 'mask_paths', r'labels_semantic\}/\{0..T-1\}.png'),
    ],
)
class TestFaultyFiles:
    """Errors name the file, the clip, the subset and the layout."""

    def test_missing(self, clip, load, key, layout):
        path = clip[key][2]
        Path(path).unlink()
        message = rf"{path}.* clip 'a', subset 'v1m', T=5; .*{layout}"
        with pytest.raises(FileNotFoundError, match=message):
            load(clip)

    @pytest.mark.parametrize('keep', [0, 20, 0.5])
    def test_cut_off(self, clip, load, key, layout, keep):
        """An incomplete copy must not be read as a grey image."""
        path = clip[key][2]
        with open(path, 'rb') as file:
            content = file.read()
        keep = keep if keep > 1 else int(keep * len(content))
        with open(path, 'wb') as file:
            file.write(content[:keep])
        message = rf"cannot read .*{path}.* clip 'a', subset 'v1m'.*{layout}"
        with pytest.raises(ValueError, match=message):
            load(clip)

    def test_link_to_itself(self, clip, load, key, layout):
        path = Path(clip[key][2])
        path.unlink()
        path.symlink_to(path.name)
        message = rf"cannot read .*{path}.* clip 'a', subset 'v1m'.*{layout}"
        with pytest.raises(ValueError, match=message):
            load(clip)

    def test_decompression_bomb(self, clip, load, key, layout, monkeypatch):
        """More than twice the pixels of this limit, 60 x 90 = 5400."""
        monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 2600)
        path = clip[key][0]
        message = rf"cannot read .*5400 pixels.*{path}.* clip 'a'.*{layout}"
        with pytest.raises(ValueError, match=message):
            load(clip)

    def test_folder_in_place_of_file(self, clip, load, key, layout):
        clip[key] = [str(Path(clip[key][0]).parent)]
        with pytest.raises(ValueError, match=rf'cannot read .*{layout}'):
            load(clip)
