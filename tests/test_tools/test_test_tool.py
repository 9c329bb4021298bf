"""tools/test.py and the files that it writes."""

import json
import multiprocessing
import os
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from support import toy_training
from support.avsbench_tree import Clip, write_avsbench_tree
from support.tiny_models import TINY_CONFIG, build, tiny_config

pytestmark = pytest.mark.slow

_PROCESSES = multiprocessing.get_context('forkserver')
_PROCESSES.set_forkserver_preload(['support.toy_training'])


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Clips with different audio, and an untrained tiny model."""
    folder = tmp_path_factory.mktemp('test_tool')
    clips = [Clip('v1m', 'test', f'test-{i}', 9 + 20 * i) for i in range(3)]
    clips += [Clip('v1m', split, f'{split}-0') for split in ('train', 'val')]
    write_avsbench_tree(folder / 'data', clips)
    torch.save(build(tiny_config()).state_dict(), folder / 'model.pth')
    return folder


def _test(folder, *options, config=TINY_CONFIG, override=None):
    """Run the tool and return its exit code and what it wrote to stderr."""
    arguments = [config, folder / 'model.pth', '--work-dir', folder]
    arguments += [*options, '--cfg-options']
    arguments += [f'test_dataloader.dataset.data_root={folder}/data']
    arguments += [] if override is None else [override]
    log = folder / 'stderr.txt'
    process = _PROCESSES.Process(
        target=toy_training.run_tool,
        args=('test.py', [str(word) for word in arguments], None, log),
    )
    with pytest.MonkeyPatch.context() as patch:
        # the process that the others are forked from looks only there
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        process.start()
    process.join()
    return process.exitcode, log.read_text()


def test_writes_metrics_and_pictures(folder):
    code, log = _test(
        folder,
        *('--out', folder / 'new' / 'metrics.json'),
        *('--show-dir', folder / 'show', '--show-clips', 2),
    )
    assert code == 0, log
    metrics = json.loads((folder / 'new' / 'metrics.json').read_text())
    assert {'split/mIoU', 'stepping_stones/F'} <= set(metrics)
    assert 0 < metrics['split/mIoU'] < 1
    pictures = sorted(path.name for path in (folder / 'show').iterdir())
    assert pictures == [f'v1m_test-{i}.png' for i in range(2)]


def _dump(folder, *options):
    code, log = _test(folder, '--dump-masks', folder / 'masks', *options)
    assert code == 0, log
    text = (folder / 'masks' / 'index.json').read_text()
    return {clip['clip_id']: clip for clip in json.loads(text)['clips']}


def test_dumps_the_masks_of_every_split_once(folder):
    """A second call writes only missing masks."""
    clips = _dump(folder, '--split', 'all', '--soft')
    splits = {'test-0': 'test', 'test-1': 'test', 'test-2': 'test'}
    splits.update({'train-0': 'train', 'val-0': 'val'})
    assert {name: clip['split'] for name, clip in clips.items()} == splits
    for clip in clips.values():
        assert clip['protocol'] == 'soft-96'
        assert len(clip['checkpoint_hash']) == len(clip['config_hash']) == 64
    masks = sorted((folder / 'masks').rglob('*.png'))
    assert len(masks) == 5 * 5
    assert len(np.unique(Image.open(masks[0]))) > 2
    times = {path: path.stat().st_mtime_ns for path in masks}
    pixels = masks[7].read_bytes()
    masks[7].unlink()

    assert _dump(folder, '--split', 'all', '--soft') == clips

    rewritten = [p for p in masks if p.stat().st_mtime_ns != times[p]]
    assert rewritten == masks[5:10]  # the clip that lacked one
    assert masks[7].read_bytes() == pixels
    (folder / 'masks' / 'index.json').unlink()
    assert _dump(folder, '--split', 'all', '--soft') == clips
    assert [p for p in masks[:5] if p.stat().st_mtime_ns != times[p]] == []


def test_masks_metrics_and_pictures_in_one_run(folder):
    """Metrics cover all clips, also if their masks exist already."""
    masks, out, show = folder / 'both', folder / 'both.json', folder / 'both_s'
    assert _test(folder, '--out', folder / 'alone.json')[0] == 0
    for _ in range(2):
        out.unlink(missing_ok=True)
        options = ('--dump-masks', masks, '--out', out, '--show-dir', show)
        code, log = _test(folder, *options, '--show-clips', 1)
        assert code == 0, log
        assert out.read_text() == (folder / 'alone.json').read_text()
        assert len(list(masks.rglob('*.png'))) == 3 * 5
        assert len(list(show.glob('*.png'))) == 1
    # The masks are the same, so a dump alone has no clips to predict.
    times = {p: p.stat().st_mtime_ns for p in masks.rglob('*.png')}
    code, log = _test(folder, '--dump-masks', masks)
    assert code == 0, log
    assert times == {p: p.stat().st_mtime_ns for p in masks.rglob('*.png')}


def _content(root):
    return {p: p.read_bytes() for p in root.rglob('*') if p.is_file()}


@pytest.mark.parametrize('place', ['data', 'data/v1m/test-0/labels_rgb'])
@pytest.mark.parametrize('options', [(), ('--out', 'x.json')])
def test_masks_do_not_go_into_folders_of_the_data(folder, place, options):
    before = _content(folder / 'data')
    code, log = _test(folder, '--dump-masks', folder / place, *options)
    assert code == 1
    assert f'{folder / place}: expected a new folder for masks' in log
    assert _content(folder / 'data') == before


def test_pictures_of_all_splits_come_without_metrics(folder, tmp_path):
    for split, has_metrics in (('all', False), ('val', True)):
        work_dir, show = tmp_path / split, tmp_path / f'{split}-pictures'
        options = ('--show-dir', show, '--show-clips', 1, '--split', split)
        code, log = _test(folder, *options, '--work-dir', work_dir)
        assert code == 0, log
        assert len(list(show.glob('*.png'))) == 1
        (log,) = work_dir.glob('*/*.log')
        assert 'Epoch(test)' in log.read_text()
        assert ('split/mIoU: ' in log.read_text()) == has_metrics


def test_metrics_are_of_one_split(folder):
    out = folder / 'val.json'
    code, log = _test(folder, '--out', out, '--split', 'val')
    assert code == 0, log
    assert 0 < json.loads(out.read_text())['split/mIoU'] < 1
    code, log = _test(folder, '--out', out, '--split', 'all')
    assert code == 2
    assert 'would mix training and test clips' in log
    code, log = _test(folder, '--split', 'all')
    assert code == 2
    assert '--split all needs --dump-masks or --show-dir' in log


@pytest.mark.parametrize(('indices', 'names'), [('-2', {1, 2}), ('[2]', {2})])
def test_a_dump_keeps_to_the_indices_of_the_config(
    folder, tmp_path, indices, names
):
    code, log = _test(
        folder,
        *('--dump-masks', tmp_path),
        override=f'test_dataloader.dataset.indices={indices}',
    )
    assert code == 0, log
    found = {path.name for path in (tmp_path / 'v1m').iterdir()}
    assert found == {f'test-{i}' for i in names}


def test_clips_without_labels_have_masks_but_no_metrics(folder, tmp_path):
    """A pipeline that does not load labels, for data that have none."""
    pipeline = [
        transform
        for transform in Config.fromfile(TINY_CONFIG).pipeline
        if transform['type'] != 'LoadClipMasks'
    ]
    config = tmp_path / 'unlabelled.py'
    config.write_text(
        f'_base_ = [{str(TINY_CONFIG)!r}]\n'
        f'test_dataloader = dict(dataset=dict(pipeline={pipeline!r}))\n'
    )
    masks = tmp_path / 'masks'
    code, log = _test(folder, '--dump-masks', masks, config=config)
    assert code == 0, log
    assert len(list(masks.rglob('*.png'))) == 3 * 5
    options = ('--dump-masks', masks, '--out', tmp_path / 'metrics.json')
    code, log = _test(folder, *options, config=config)
    assert code != 0
    assert 'this split has no labels' in log


def test_swapped_sound_changes_the_result(folder):
    """The F-score depends on the scores, and they depend on the audio."""
    results = []
    for options in ((), ('--swap-sound',)):
        out = folder / f'{len(results)}.json'
        code, log = _test(folder, '--out', out, *options)
        assert code == 0, log
        results.append(json.loads(out.read_text())['split/F'])
    assert results[0] != results[1]


def test_incomplete_checkpoint_is_refused_by_name(folder):
    """Missing weights are never replaced by random ones."""
    whole = torch.load(folder / 'model.pth', weights_only=True)
    part = {k: v for k, v in whole.items() if 'audio_backbone' not in k}
    assert 0 < len(part) < len(whole)
    torch.save(part, folder / 'model.pth')
    try:
        code, log = _test(folder)
    finally:
        torch.save(whole, folder / 'model.pth')
    assert code != 0
    assert 'give the config that the checkpoint was trained with. Of' in log
    assert f'{len(whole) - len(part)} missing: audio_backbone.' in log


def test_out_is_checked_before_the_first_clip(folder, tmp_path):
    code, log = _test(folder, '--out', tmp_path)
    assert code == 1
    assert f'error: --out {tmp_path}: expected a file, got a folder' in log
    (tmp_path / 'file').touch()
    code, log = _test(folder, '--out', tmp_path / 'file' / 'metrics.json')
    assert code == 1
    assert 'error: [Errno 17]' in log


def test_metrics_are_logged_where_out_fails_after_the_test(folder, tmp_path):
    out = tmp_path / 'out' / 'metrics.json'
    config = tmp_path / 'config.py'
    hook = dict(type='ToyBlockHook', folder=str(out.parent))
    config.write_text(
        f'_base_ = {str(TINY_CONFIG)!r}\ncustom_hooks = [{hook!r}]\n'
    )
    options = ('--work-dir', tmp_path / 'work', '--out', out)
    code, log = _test(folder, *options, config=config)
    assert code == 1
    assert f"error: [Errno 17] File exists: '{out.parent}'" in log
    (written,) = (tmp_path / 'work').glob('*/*.log')
    assert 'split/mIoU: 0.' in written.read_text()


def test_weights_that_are_not_finite_are_refused(folder, tmp_path):
    weights = torch.load(folder / 'model.pth', weights_only=True)
    name = next(n for n, v in weights.items() if v.is_floating_point())
    good = weights[name].clone()
    weights[name].view(-1)[0] = float('nan')
    torch.save(weights, folder / 'model.pth')
    try:
        code, log = _test(folder)
    finally:
        weights[name] = good
        torch.save(weights, folder / 'model.pth')
    assert code == 1
    assert f'1 of {len(weights)} tensors have values that are NaN' in log
    assert name in log


def test_soft_without_masks_is_refused(folder):
    code, log = _test(folder, '--soft')
    assert code == 2
    assert '--soft needs --dump-masks' in log
