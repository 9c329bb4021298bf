"""Each kind of damage is found, named, and comes with a command."""

import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from mmavs.datasets import AVSBenchDataset
from mmavs.validation import validate_avsbench, validate_datasets
from PIL import Image
from support.damage import (
    COUNTS,
    DAMAGES,
    FRAME,
    LABEL,
    SPECK_COLOUR,
    TEST,
    write_tree,
)
from support.tries import run_tool

TOOL = 'dataset_converters/validate_avsbench.py'


@pytest.fixture(scope='module')
def clean(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp('clean') / 'data')


@pytest.fixture
def root(clean, tmp_path):
    """A copy whose path needs quotes in a shell."""
    return shutil.copytree(clean, tmp_path / "d\xe4ta it's 1")


def _validate(root, **options):
    return validate_avsbench(str(root), expected_counts=COUNTS, **options)


def test_a_clean_tree_has_no_finding(root):
    result = _validate(root)
    assert result.findings == []
    assert result.counts == COUNTS
    # Frames 5+5+5+10, two kinds of labels (1+5+5+10 each), 4 sounds.
    assert result.num_files == 25 + 2 * 21 + 4


@pytest.mark.parametrize('damage', DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_found(damage, clean, tmp_path):
    root = shutil.copytree(clean, tmp_path / 'data')
    damage.apply(root)
    findings = _validate(root).findings
    for path in root.rglob('frames'):
        path.chmod(0o755)  # so that pytest can remove it
    kinds = [item.kind for item in findings]
    assert damage.kind in kinds, findings
    found = findings[kinds.index(damage.kind)]
    assert found.path == str(root / damage.path)
    assert re.search(damage.text, found.text), found.text
    assert re.search(damage.mend, found.mend), found.mend


def test_there_are_enough_kinds():
    assert len(DAMAGES) >= 50
    assert len({damage.kind for damage in DAMAGES}) >= 30


def test_paths_in_commands_are_quoted(root):
    """A shell takes the command, whatever the name of the folder."""
    os.truncate(root / FRAME, 0)
    (found,) = _validate(root).findings
    removal, _, _ = found.mend.partition(' && ')
    subprocess.run(removal, shell=True, check=True)
    assert not (root / FRAME).exists()


def test_commands_for_the_table_mend_it(root):
    table = root / 'metadata.csv'
    text = table.read_text()
    twice = text + text.splitlines(keepends=True)[2]
    table.write_bytes(b'\xef\xbb\xbf' + twice.replace('\n', '\r\n').encode())
    findings = _validate(root).findings
    kinds = {'table-bom', 'table-crlf', 'table-duplicate'}
    assert {item.kind for item in findings} == kinds
    for item in findings:
        subprocess.run(item.mend, shell=True, check=True)
    assert table.read_text() == text


def test_several_processes_find_the_same(root):
    (root / FRAME).unlink()
    os.truncate(root / LABEL, 60)
    alone = _validate(root)
    assert alone.num_errors == 2
    assert _validate(root, num_workers=2) == alone


def test_the_data_sets_of_a_config(root):
    """The option label_folder decides which labels are opened."""
    os.truncate(root / LABEL, 60)
    (root / FRAME).unlink()
    kinds = {}
    for folder in ('labels_rgb', 'labels_semantic'):
        datasets = [
            AVSBenchDataset(
                data_root=str(root),
                task='avss',
                split=split,
                labels='semantic',
                label_folder=folder,
                # The items that EASE is trained on.
                items='frames',
            )
            for split in ('train', 'val', 'test')
        ]
        result = validate_datasets(datasets)
        assert result.counts == COUNTS
        kinds[folder] = sorted(item.kind for item in result.findings)
    assert kinds == dict(
        labels_rgb=['frame-missing', 'label-unreadable'],
        labels_semantic=['frame-missing'],
    )


def test_tool_writes_a_report(root, tmp_path, capsys):
    out = tmp_path / 'report.json'
    words = [str(root), '--any-counts', '--workers', '1']
    assert run_tool(TOOL, words, capsys).code == 0
    os.truncate(root / FRAME, 0)
    outcome = run_tool(TOOL, [*words, '--out', str(out)], capsys)
    assert outcome.code == 3
    assert '4 clips, 71 files: 1 errors, 0 warnings' in outcome.out
    report = json.loads(out.read_text())
    (found,) = report.pop('findings')
    assert found['kind'] == 'frame-empty'
    assert found['clip'] == TEST
    assert report == dict(
        root=str(root),
        counts=dict(
            v1s=dict(train=1, test=1), v1m=dict(val=1), v2=dict(test=1)
        ),
        num_files=71,
        num_errors=1,
        num_warnings=0,
    )
    again = run_tool(TOOL, [*words, '--out', str(out)], capsys)
    assert again.code == 1
    assert '--force' in again.err


def test_published_counts_are_the_default(root, capsys):
    outcome = run_tool(TOOL, [str(root), '--workers', '1'], capsys)
    assert outcome.code == 3
    # Three splits each of v1s, v1m and v2.
    assert '9 errors, 0 warnings' in outcome.out


def test_specks_are_cleaned_and_originals_kept(root, capsys):
    path = root / LABEL
    before = np.array(Image.open(path))
    damaged = before.copy()
    damaged[0, :2] = SPECK_COLOUR
    damaged[20, 20] = (1, 2, 3)
    Image.fromarray(damaged).save(path)
    words = [str(root), '--any-counts', '--workers', '1', '--clean-labels']
    outcome = run_tool(TOOL, words, capsys)
    assert outcome.code == 0, outcome
    assert 'removed specks from 1 labels' in outcome.out
    assert (np.array(Image.open(path)) == before).all()
    kept = root / TEST / 'labels_rgb.uncleaned/2.png'
    assert (np.array(Image.open(kept)) == damaged).all()
    again = run_tool(TOOL, words, capsys)
    assert 'removed specks from 0 labels' in again.out


def test_shifting_continues_after_an_interruption(root, capsys):
    paths = sorted(root.glob('*/*/labels_semantic/*.png'))
    before = [np.array(Image.open(path)) for path in paths]
    for path, ids in zip(paths, before, strict=True):
        Image.fromarray(ids + 1).save(path)
    # As if the tool had been killed when one clip was done.
    done = paths[0].parent
    shutil.copytree(done, done.with_name('labels_semantic.from_one'))
    for path, ids in zip(paths, before, strict=True):
        if path.parent == done:
            Image.fromarray(ids).save(path)
    words = [str(root), '--any-counts', '--workers', '1', '--shift-labels']
    outcome = run_tool(TOOL, words, capsys)
    assert outcome.code == 0, outcome
    # 1, 5 and 10 labels; the 5 of the other clip are done.
    assert 'shifted the ids of 16 labels' in outcome.out
    counted = [
        path
        for path in paths
        if 'one_0_5000' not in str(path) or path.name == '0.png'
    ]
    for path, ids in zip(paths, before, strict=True):
        if path in counted:
            assert (np.array(Image.open(path)) == ids).all(), path
    assert 'shifted the ids of 0 labels' in run_tool(TOOL, words, capsys).out


def test_ids_from_zero_are_not_shifted(root, capsys):
    words = [str(root), '--shift-labels']
    outcome = run_tool(TOOL, words, capsys)
    assert outcome.code == 1
    assert 'expected class ids that start at 1' in outcome.err
