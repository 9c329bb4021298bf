"""benchmarks/int8.py: a tiny network, quantised and compared."""

import json
import sys

import pytest
from mmavs.apis.export import load_exported
from support.tiny_models import ROOT, build

from benchmarks import int8
from benchmarks.quantisation import list_kept
from benchmarks.speed_page import make_int8_lines

CONFIG = 'configs/synthetic/ease_tiny_ms3-96x96.py'


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['', *map(str, words)])
    int8.main()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['a.onnx', '--clips', '0'], '--clips must be positive, got 0'),
        (['a.pt2'], r'a.pt2: expected an ONNX file that tools/export.py'),
        (
            ['a.onnx', '--out', 'b.onnx'],
            '--out: expected a name that ends in .xml, got b.onnx',
        ),
        (
            ['a.onnx'],
            "the package nncf is needed .* run: pip install 'mmavs.nncf.'",
        ),
    ],
)
def test_wrong_arguments(words, message, monkeypatch):
    monkeypatch.setitem(sys.modules, 'nncf', None)
    with pytest.raises(SystemExit, match=f'^error: {message}'):
        call(monkeypatch, *words, '--config', CONFIG)


def test_table():
    machine = dict(cpu='C', cores=2, threads=1, torch='2.0', load_average=3.0)
    exact = dict(cpu_seconds=0.02, bytes=2_000_000, iou=1.0, miou=0.9)
    small = dict(cpu_seconds=0.01, bytes=500_000, iou=0.99, miou=0.8)
    result = dict(machine=machine, calibration_clips=64, clips=24, rounds=20)
    result['networks'] = dict(float32=exact, int8=small)
    lines = make_int8_lines(dict(systems=dict(a=result)))
    assert lines[2:4] == [
        '| `a` | float32 | 2.0 | 20.0 |  |  | 0.9000 |',
        '|  | int8 | 0.5 | 10.0 | 2.00 | 0.9900 | 0.8000 |',
    ]
    assert '64 training clips for the ranges, 24 test clips,' in lines[5]


class Node:
    """An operator of OpenVINO's graph, as far as it is used."""

    def __init__(self, kind, name, *inputs):
        self.kind, self.name, self.inputs = kind, name, inputs

    def get_type_name(self):
        return self.kind

    def get_friendly_name(self):
        return self.name

    def input_values(self):
        return self.inputs

    def get_node(self):
        return self

    def get_ops(self):
        """As the model whose result this is."""
        return [node for i in self.inputs for node in i.get_ops()] + [self]


def test_what_stays_in_float32():
    """All but layers with weights, also if they are transposed."""
    weight = Node('Transpose', 't', Node('Constant', 'w'))
    linear = Node('MatMul', 'linear', Node('Parameter', 'x'), weight)
    offsets = Node('MatMul', 'a/sampling_offsets/MatMul', linear, weight)
    product = Node('MatMul', 'attention', linear, offsets)
    model = Node('Add', 'sum', product, Node('Constant', 'bias'))
    kept = list_kept(model)
    assert set(kept) == {'t', 'a/sampling_offsets/MatMul', 'attention', 'sum'}


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """A tiny EASE with random weights, and its config with clips."""
    for package in ('nncf', 'onnxruntime', 'openvino'):
        pytest.importorskip(
            package, reason=f"needs pip install 'mmavs[{package}]'"
        )
    import torch
    from mmavs.apis.export import export_network
    from mmavs.config_file import read_config
    from mmavs.datasets.synthetic import write_dataset

    folder = tmp_path_factory.mktemp('int8')
    counts = dict(train=2, val=1, test=1)
    write_dataset(folder / 'data', counts, subsets=['v1m'], size=96)
    cfg = read_config(ROOT / CONFIG)
    cfg.train_dataloader.dataset.data_root = str(folder / 'data')
    cfg.test_dataloader.dataset.data_root = str(folder / 'data')
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            if 'cache_dir' in step:
                step.cache_dir = None
    config = folder / 'tiny.py'
    cfg.dump(config)
    torch.save(build(cfg.model).state_dict(), folder / 'a.pth')
    cfg = read_config(config)
    export_network(cfg, folder / 'a.pth', folder / 'a.onnx')
    return folder / 'a.onnx', config


@pytest.mark.slow
def test_quantised_network(exported, tmp_path, monkeypatch):
    """It keeps the metadata, is smaller, and gives similar masks."""
    path, config = exported
    monkeypatch.setattr(int8, 'is_fast_on_cpu', lambda precision: False)
    words = ['--config', config, '--calibration-clips', '2', '--clips', '1']
    words += ['--rounds', '1', '--json', tmp_path / 'a.json']
    out = tmp_path / 'a.xml'
    call(monkeypatch, path, *words, '--out', out)
    report = json.loads((tmp_path / 'a.json').read_text())
    result = report['systems']['tiny']
    assert result['calibration_clips'] == 2
    exact, small = result['networks'].values()
    assert [*result['networks']] == ['float32', 'int8']
    assert exact['iou'] == 1
    assert small['equal_pixels'] > 0.9
    weights = out.with_suffix('.bin').stat().st_size
    assert weights < exact['bytes'] / 2
    assert small['bytes'] == weights + out.stat().st_size
    facts = load_exported(path, 'openvino').session.facts
    assert load_exported(out, 'openvino').session.facts == facts
    with pytest.raises(SystemExit, match='^error: .*a.xml'):
        call(monkeypatch, path, *words, '--out', out)
    other = ROOT / 'configs/synthetic/tpavi_tiny_ms3-96x96.py'
    with pytest.raises(SystemExit, match='^error: .* was not exported from'):
        call(monkeypatch, path, '--config', other)
