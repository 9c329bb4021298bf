"""Files and index that MaskDump writes."""

import json

import numpy as np
import pytest
import torch
from mmavs.evaluation import MaskDump
from mmavs.evaluation.functional import sounding_mask, sounding_score
from mmavs.fingerprint import hash_excerpt
from PIL import Image
from support import predicted_clips
from support.forked import run_in_two_processes
from support.predicted_clips import (
    as_dicts,
    predicted_frames,
    seeded_clip,
)

#: Hash of the file used as frames and audio of all predicted clips.
DATA = {
    'frame_hash': hash_excerpt(predicted_clips.__file__),
    'sound_hash': hash_excerpt(predicted_clips.__file__),
    'sound_from': 'own',
}
HASHES = {'config_hash': 'c' * 64, 'checkpoint_hash': 'k' * 64}


def _clip(index):
    """Predicted frames without truth."""
    logits, _ = seeded_clip(index, channels=2)
    subset = 'v1s' if index % 2 else 'v1m'
    return predicted_frames(logits, None, sample_idx=index, subset=subset)


def _read(path):
    image = Image.open(path)
    assert image.mode == 'L'
    return np.asarray(image)


def _files(root):
    return sorted(p.relative_to(root).as_posix() for p in root.rglob('*.*'))


def test_classes_are_merged_by_hand(tmp_path):
    """Four pixels: background, class 2, a tie, and class 1."""
    scores = [[2.0, 1, 3, 0], [0, 1, 3, 1], [1, 2, 0, 0]]
    logits = torch.tensor(scores).view(3, 1, 4).repeat(5, 1, 1, 1)
    frames = as_dicts(predicted_frames(logits, None))
    MaskDump(str(tmp_path / 'merged'), merge_classes=True, **HASHES).process(
        {}, frames
    )
    mask = _read(tmp_path / 'merged/v1m/clip0/0.png')
    assert mask.tolist() == [[0, 255, 0, 255]]
    with pytest.raises(ValueError, match=r'got \(3, 1, 4\).*--merge-classes'):
        MaskDump(str(tmp_path / 'not'), **HASHES).process({}, frames)
    binary = as_dicts(predicted_frames(logits[:, :1], None))
    metric = MaskDump(str(tmp_path / 'one'), merge_classes=True, **HASHES)
    with pytest.raises(ValueError, match=r'got \(1, 1, 4\).*binary model'):
        metric.process({}, binary)


def test_hard_masks_read_back_equal_the_prediction(tmp_path):
    metric = MaskDump(str(tmp_path), **HASHES)
    metric.process({}, as_dicts([*_clip(0), *_clip(1)]))
    assert metric.evaluate(2) == {}
    masks = [f'v1m/clip0/{t}.png' for t in range(5)]
    masks += [f'v1s/clip1/{t}.png' for t in range(5)]
    masks += ['v1m/clip0/clip.json', 'v1s/clip1/clip.json']
    assert _files(tmp_path) == sorted([*masks, 'dump.json', 'index.json'])
    for index, subset in ((0, 'v1m'), (1, 'v1s')):
        expected = sounding_mask(seeded_clip(index, channels=2)[0])
        for t in range(5):
            mask = _read(tmp_path / subset / f'clip{index}' / f'{t}.png')
            assert set(np.unique(mask)) == {0, 255}
            assert np.array_equal(mask == 255, expected[t].numpy())


def test_soft_masks_are_rounded_scores(tmp_path):
    metric = MaskDump(str(tmp_path), soft=True, **HASHES)
    metric.process({}, as_dicts(_clip(0)))
    metric.evaluate(1)
    score = sounding_score(seeded_clip(0, channels=2)[0]).numpy()
    for t in range(5):
        mask = _read(tmp_path / 'v1m' / 'clip0' / f'{t}.png').astype(float)
        # Rounding moves a value by half a step at most.
        assert np.abs(mask - 255 * score[t]).max() <= 0.5 + 1e-4
        assert len(np.unique(mask)) > 50


def _record(index, **changes):
    record = {
        'subset': 'v1s' if index % 2 else 'v1m',
        'clip_id': f'clip{index}',
        'split': 'test',
        'num_frames': 5,
        'protocol': 'hard-24x32',
        'mode': 'hard',
        **HASHES,
        **DATA,
    }
    return {**record, **changes}


def _index(root):
    return json.loads((root / 'index.json').read_text())


def test_index_states_where_the_masks_come_from(tmp_path):
    metric = MaskDump(str(tmp_path), **HASHES)
    for index in (1, 0):
        metric.process({}, as_dicts(_clip(index)))
    metric.evaluate(2)
    assert _index(tmp_path) == {
        **HASHES,
        'mode': 'hard',
        'clips': [_record(0), _record(1)],
    }


def test_dumps_of_several_models_share_a_folder(tmp_path):
    """As for the subsets; each clip names the model that predicted it."""
    other = {**HASHES, 'checkpoint_hash': 'o' * 64}
    for hashes, index in ((HASHES, 1), (other, 0)):
        metric = MaskDump(str(tmp_path), **hashes)
        metric.process({}, as_dicts(_clip(index)))
        metric.evaluate(1)
    assert _index(tmp_path)['clips'] == [
        _record(0, checkpoint_hash='o' * 64),
        _record(1),
    ]


def _finished(root, **changes):
    arguments = {**HASHES, 'soft': False, **changes}
    metric = MaskDump(str(root), **arguments)
    return [
        metric.directory.is_written(
            {
                **_record(index),
                'frame_paths': [predicted_clips.__file__],
                'audio_path': predicted_clips.__file__,
            },
            metric.made_by,
        )
        for index in (0, 1)
    ]


def test_a_dump_that_was_cut_off_knows_its_finished_clips(tmp_path):
    metric = MaskDump(str(tmp_path), **HASHES)
    assert _finished(tmp_path) == [False, False]
    for index in (0, 1):
        metric.process({}, as_dicts(_clip(index)))
    assert _finished(tmp_path) == [True, True]
    # Another dump has written nothing yet.
    for changes in (
        dict(soft=True),
        dict(config_hash='x'),
        dict(checkpoint_hash='x'),
    ):
        assert _finished(tmp_path, **changes) == [False, False], changes
    (tmp_path / 'v1m/clip0/3.png').unlink()
    assert _finished(tmp_path) == [False, True]


def test_a_clip_counts_only_with_its_last_mask(tmp_path, monkeypatch):
    """Also if an earlier dump had finished the clip."""
    metric = MaskDump(str(tmp_path), **HASHES)
    metric.process({}, as_dicts(_clip(0)))
    saved = []

    def save_twice(image, path):
        if len(saved) == 2:
            path.write_bytes(b'half')
            raise KeyboardInterrupt
        saved.append(path)
        path.write_bytes(b'whole')

    monkeypatch.setattr(Image.Image, 'save', save_twice)
    with pytest.raises(KeyboardInterrupt):
        metric.process({}, as_dicts(_clip(0)))
    assert _finished(tmp_path) == [False, False]


def test_leftovers_of_a_killed_dump_are_removed(tmp_path):
    metric = MaskDump(str(tmp_path), **HASHES)
    metric.process({}, as_dicts(_clip(0)))
    files = _files(tmp_path)
    (tmp_path / 'v1m/clip0/.3-0123.png').write_bytes(b'half')
    metric.directory.remove_leftovers(_record(0))
    assert _files(tmp_path) == files


def test_a_new_dump_first_takes_the_old_index_away(tmp_path):
    """Otherwise an interrupted dump would look complete."""
    metric = MaskDump(str(tmp_path), **HASHES)
    for _ in range(2):
        metric.process({}, as_dicts(_clip(0)))
        assert not (tmp_path / 'index.json').exists()
        metric.evaluate(1)
        assert (tmp_path / 'index.json').exists()


def test_no_index_when_a_clip_is_missing(tmp_path):
    metric = MaskDump(str(tmp_path), **HASHES)
    metric.process({}, as_dicts(_clip(0)))
    with pytest.raises(ValueError, match='MaskDump must see every clip'):
        metric.evaluate(2)
    assert not (tmp_path / 'index.json').exists()


def _dump_share(rank, root):
    metric = MaskDump(root, **HASHES)
    for index in ([0, 2], [1, 0])[rank]:
        metric.process({}, as_dicts(_clip(index)))
    metric.evaluate(3)


def test_two_processes_write_what_one_writes(tmp_path):
    alone = MaskDump(str(tmp_path / 'one'), **HASHES)
    for index in range(3):
        alone.process({}, as_dicts(_clip(index)))
    alone.evaluate(3)
    run_in_two_processes(
        _dump_share, str(tmp_path / 'rendezvous'), str(tmp_path / 'two')
    )
    files = _files(tmp_path / 'one')
    assert len(files) == 3 * (5 + 1) + 2
    assert _files(tmp_path / 'two') == files
    for name in files:
        one, two = (tmp_path / n / name for n in ('one', 'two'))
        assert one.read_bytes() == two.read_bytes(), name
