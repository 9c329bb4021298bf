"""Exported networks give the logits of PyTorch, for all four systems."""

import runpy
import shutil
import sys

import numpy as np
import pytest
import torch
from mmavs.apis import AVSInferencer
from mmavs.apis.clip_model import ClipModel
from mmavs.apis.export import (
    backends,
    export_file,
    export_network,
    load_exported,
)
from mmavs.config_file import read_config
from PIL import Image
from support.tiny_models import ROOT, build
from support.tiny_videos import make_video

pytest.importorskip(
    'onnxruntime', reason="needs pip install 'mmavs[onnxruntime]'"
)

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

CONFIGS = ROOT / 'configs/synthetic'
TOOLS = ROOT / 'tools'
#: All four systems; of AAVS with shifted windows, and with a prior.
NAMES = [
    'aavs_tiny-swin_ms3-96x96',
    'aavs_tiny_stage2_avss-96x96',
    'avsegformer_tiny_ms3-96x96',
    'tpavi_tiny_ms3-96x96',
    'ease_tiny_ms3-96x96',
]


def load_config(name):
    return read_config(CONFIGS / f'{name}.py')


@pytest.fixture(scope='module')
def checkpoint_of(tmp_path_factory):
    """Write seeded weights of a config; config and checkpoint."""
    folder = tmp_path_factory.mktemp('checkpoints')

    def write(name):
        path = folder / f'{name}.pth'
        if not path.exists():
            torch.save(build(load_config(name).model).state_dict(), path)
        return load_config(name), path

    return write


@pytest.fixture(scope='module')
def exported(checkpoint_of, tmp_path_factory):
    """Export a config once: path, facts and difference."""
    folder = tmp_path_factory.mktemp('exported')
    done = {}

    def export(name):
        if name not in done:
            path = folder / f'{name}.onnx'
            done[name] = path, *export_network(*checkpoint_of(name), path)
        return done[name]

    return export


@pytest.fixture
def traced_before(exported, monkeypatch):
    """Let exports of a config copy its file instead of tracing it again."""

    def reuse(name):
        path, *_ = exported(name)

        def write(network, traced, facts, part):
            shutil.copyfile(path, part)
            session = export_file.open_session(part, 'onnxruntime')
            return lambda clip: torch.from_numpy(
                session.run({key: rows.numpy() for key, rows in clip.items()})
            )

        monkeypatch.setattr(export_file, '_write_onnx', write)

    return reuse


def random_batch(facts, num_clips, seed=3):
    """Inputs of clips as the data preprocessor returns them."""
    generator = torch.Generator().manual_seed(seed)
    inputs = {
        name: torch.rand(num_clips * shape[0], *shape[1:], generator=generator)
        for name, shape in facts.shapes.items()
    }
    return dict(inputs, num_frames=(facts.num_frames,) * num_clips)


@pytest.mark.parametrize('name', NAMES)
def test_logits_equal_pytorch(name, exported, checkpoint_of):
    """Also for two clips together, which the file computes one by one."""
    path, facts, agreement = exported(name)
    assert agreement.difference < 1e-4
    assert (facts.num_frames, facts.frame_size) == (5, (96, 96))
    config, _ = checkpoint_of(name)
    model = build(config.model)
    inputs = random_batch(facts, 2)
    with torch.no_grad():
        expected = model.predict(inputs)
        found = load_exported(path, 'onnxruntime', config).predict(inputs)
    assert len(found) == len(expected) == 10
    for ours, theirs in zip(found, expected, strict=True):
        gap = ours.seg_logits.data - theirs.seg_logits.data
        assert gap.abs().max() < 1e-4


def test_padding_is_removed(exported):
    path, facts, _ = exported('avsegformer_tiny_ms3-96x96')
    segmentor = load_exported(path, 'onnxruntime')
    inputs = random_batch(facts, 1)
    expected = segmentor.encode_decode(inputs, [])
    padded = {
        name: torch.cat([inputs[name], torch.ones_like(inputs[name][:2])])
        for name in facts.shapes
    }
    valid = torch.arange(7) < 5
    padded.update(num_frames=(7,), valid=valid)
    assert torch.equal(segmentor.encode_decode(padded, []), expected)


def openvino_types():
    """Types in which OpenVINO computes on this machine's CPU."""
    openvino = pytest.importorskip(
        'openvino', reason="needs pip install 'mmavs[openvino]'"
    )
    return openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


def test_openvino(exported):
    pytest.importorskip(
        'openvino', reason="needs pip install 'mmavs[openvino]'"
    )
    path, facts, _ = exported('aavs_tiny-swin_ms3-96x96')
    inputs = random_batch(facts, 1)
    logits = [
        load_exported(path, backend).encode_decode(inputs, [])
        for backend in ('onnxruntime', 'openvino')
    ]
    assert (logits[0] - logits[1]).abs().max() < 1e-3


def test_reduced_precision_of_openvino(exported, monkeypatch):
    """Logits differ, and the log says so on a CPU that only emulates it."""
    if 'BF16' not in openvino_types():
        pytest.skip("OpenVINO has no bfloat16 on this machine's CPU")
    warned = []
    monkeypatch.setattr(backends, 'warn_if_slow_on_cpu', warned.append)
    path, facts, _ = exported('tpavi_tiny_ms3-96x96')
    inputs = random_batch(facts, 1)
    exact, reduced = (
        load_exported(path, 'openvino', precision=precision)
        .predict(inputs)[0]
        .seg_logits.data
        for precision in ('float32', 'bfloat16')
    )
    assert warned == ['bfloat16']
    assert reduced.dtype == torch.float32
    assert 0 < (reduced - exact).abs().max() < 0.05 * exact.abs().max()


def test_openvino_never_replaces_a_precision(exported):
    """OpenVINO takes another type if the CPU lacks the one asked for."""
    if 'FP16' in openvino_types():
        pytest.skip("OpenVINO has float16 on this machine's CPU")
    path, *_ = exported('tpavi_tiny_ms3-96x96')
    with pytest.raises(ValueError, match='on this CPU in place of float16'):
        load_exported(path, 'openvino', precision='float16')


def test_torch_export(checkpoint_of, tmp_path):
    out = tmp_path / 'network.pt2'
    facts, agreement = export_network(
        *checkpoint_of('tpavi_tiny_ms3-96x96'), out, kind='torch_export'
    )
    assert agreement.difference < 1e-5
    extra = dict.fromkeys(facts.to_metadata(), '')
    torch.export.load(out, extra_files=extra)
    assert type(facts).from_metadata(extra, out) == facts


def test_size_and_number_of_frames(checkpoint_of, tmp_path):
    """The pipeline of the file resizes to its size."""
    out = tmp_path / 'small.onnx'
    config, checkpoint = checkpoint_of('tpavi_tiny_ms3-96x96')
    facts, _ = export_network(
        config, checkpoint, out, size=(64, 96), num_frames=2
    )
    assert facts.shapes['frames'] == [2, 3, 64, 96]
    inferencer = AVSInferencer(None, out, backend='onnxruntime')
    assert inferencer.clip_seconds == 2
    frames = np.zeros((4, 30, 40, 3), np.uint8)
    masks = inferencer(frames, np.zeros(4 * 16000), 16000).masks
    assert masks.shape == (4, 30, 40)
    with pytest.raises(ValueError, match=r'frames are \[\(96, 96\)\], those'):
        load_exported(out, 'onnxruntime', config)


def test_wrong_results_leave_no_file(
    checkpoint_of, traced_before, tmp_path, monkeypatch
):
    out = tmp_path / 'wrong.onnx'
    model = checkpoint_of('tpavi_tiny_ms3-96x96')
    traced_before('tpavi_tiny_ms3-96x96')
    real = export_file.clip_logits
    monkeypatch.setattr(
        export_file, 'clip_logits', lambda *args: real(*args) + 2e-3
    )
    with pytest.raises(ValueError, match='so no file was written'):
        export_network(*model, out)
    assert not list(tmp_path.iterdir())
    _, agreement = export_network(*model, out, tolerance=3e-3)
    assert agreement.difference == pytest.approx(2e-3, abs=1e-4)
    assert agreement.flips is None
    assert out.is_file()


def test_attention_masks_of_the_file_are_compared(
    checkpoint_of, tmp_path, monkeypatch
):
    """A difference that equal masks do not explain is an error."""
    model = checkpoint_of('aavs_tiny_ms3-96x96')
    real = export_file.clip_logits
    monkeypatch.setattr(
        export_file, 'clip_logits', lambda *args: real(*args) + 2e-3
    )
    with pytest.raises(
        ValueError,
        match=r'got a difference of 0\.002; with equal attention masks 0\.002,'
        r' where 0 of 9450 mask pixels differ',
    ):
        export_network(*model, tmp_path / 'wrong.onnx')


def test_wrong_files_and_clips(exported, checkpoint_of, tmp_path):
    path, facts, _ = exported('ease_tiny_ms3-96x96')
    other, _ = checkpoint_of('tpavi_tiny_ms3-96x96')
    with pytest.raises(ValueError, match='its model or its test pipeline'):
        load_exported(path, 'onnxruntime', other)
    segmentor = load_exported(path, 'onnxruntime')
    inputs = random_batch(facts, 1)
    short = {name: rows[:3] for name, rows in inputs.items()}
    short['num_frames'] = (3,)
    with pytest.raises(ValueError, match='clips of 5 frames.*got 3'):
        segmentor.encode_decode(short, [])
    inputs['frames'] = inputs['frames'][:, :, :64]
    with pytest.raises(ValueError, match=r'frames of \[3, 96, 96\], got'):
        segmentor.encode_decode(inputs, [])
    with pytest.raises(FileNotFoundError, match='tools/export.py'):
        load_exported(tmp_path / 'missing.onnx', 'onnxruntime')
    broken = tmp_path / 'broken.onnx'
    broken.write_bytes(b'no network')
    with pytest.raises(ValueError, match='ONNX Runtime cannot load it'):
        load_exported(broken, 'onnxruntime')
    with pytest.raises(ValueError, match="needs device='cpu'"):
        ClipModel(None, path, backend='onnxruntime', compiled=True)
    for precision, message in (
        ('bfloat16', "float32 only, got precision 'bfloat16'"),
        ('int8', "precision must be one of .*, got 'int8'"),
    ):
        with pytest.raises(ValueError, match=message):
            ClipModel(None, path, backend='onnxruntime', precision=precision)


def test_missing_package(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    path, *_ = exported('ease_tiny_ms3-96x96')
    with pytest.raises(ImportError, match=r"'mmavs\[onnxruntime\]'"):
        load_exported(path, 'onnxruntime')


@pytest.fixture
def run_tool(monkeypatch):
    """Run a tool with a command line."""

    def run(name, *words):
        script = TOOLS / name
        monkeypatch.setattr(sys, 'argv', [str(script), *map(str, words)])
        # Python puts the script's folder first.
        monkeypatch.syspath_prepend(TOOLS)
        runpy.run_path(str(script), run_name='__main__')

    return run


def test_tools(run_tool, checkpoint_of, tmp_path, capsys):
    """A video has the same masks with PyTorch and with ONNX Runtime."""
    name = 'aavs_tiny_ms3-96x96'
    config, checkpoint = CONFIGS / f'{name}.py', checkpoint_of(name)[1]
    out = tmp_path / 'aavs.onnx'
    run_tool('export.py', config, checkpoint, '--out', out)
    printed = capsys.readouterr().out
    assert 'frames [5, 3, 96, 96], audio [5, 1, 96, 64]' in printed
    assert 'Logits beside those of PyTorch: difference of ' in printed
    with pytest.raises(SystemExit, match='replace the file with --force'):
        run_tool('export.py', config, checkpoint, '--out', out)

    video = make_video(tmp_path / 'a.mp4', seconds=6, fps=5)
    model = ['--config', config, '--checkpoint', checkpoint]
    exported = ['--exported', out, '--backend', 'onnxruntime']
    masks, facts = [], []
    for folder, options in (('torch', model), ('onnx', exported)):
        target = tmp_path / folder
        results = ['--out', target / 'o.mp4', '--masks', target / 'masks']
        run_tool('segment_video.py', video, *options, *results)
        files = sorted(target.glob('masks/*.png'))
        masks.append(np.stack([np.asarray(Image.open(f)) for f in files]))
        facts.append((target / 'masks/masks.json').read_text('utf-8'))
    assert masks[0].shape == masks[1].shape == (6, 48, 64)
    assert (masks[0] == masks[1]).mean() > 0.999
    assert facts[0] != facts[1]
    assert '"backend": "onnxruntime"' in facts[1]


def test_masks_of_reduced_precision_say_so(run_tool, exported, tmp_path):
    """Their index differs from that of float32."""
    if 'BF16' not in openvino_types():
        pytest.skip("OpenVINO has no bfloat16 on this machine's CPU")
    path, *_ = exported('tpavi_tiny_ms3-96x96')
    video = make_video(tmp_path / 'a.mp4', seconds=5, fps=2)
    model = ['--exported', path, '--backend', 'openvino']
    results = ['--out', tmp_path / 'o.mp4', '--masks', tmp_path / 'masks']
    precision = ['--precision', 'bfloat16']
    run_tool('segment_video.py', video, *model, *results, *precision)
    index = (tmp_path / 'masks/masks.json').read_text('utf-8')
    assert '"precision": "bfloat16"' in index
    assert '"backend": "openvino"' in index
