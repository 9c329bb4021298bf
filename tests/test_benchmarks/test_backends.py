"""benchmarks/backends.py: all runtimes on a tiny network."""

import json
import sys

import pytest

from benchmarks import backends

for package in ('onnxruntime', 'openvino'):
    pytest.importorskip(
        package, reason=f"needs pip install 'mmavs[{package}]'"
    )

CONFIG = 'configs/synthetic/tpavi_tiny_ms3-96x96.py'


@pytest.mark.slow
def test_all_runtimes_of_float32_agree(tmp_path, monkeypatch):
    """Without instructions for bfloat16 only these are measured."""
    monkeypatch.setattr(backends, 'is_fast_on_cpu', lambda precision: False)
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(dict(systems=dict(other={}))))
    words = ['', CONFIG, '--rounds', '1', '--json', str(path)]
    monkeypatch.setattr(sys, 'argv', words)
    backends.main()
    systems = json.loads(path.read_text('utf-8'))['systems']
    assert [*systems] == ['other', 'tpavi_tiny_ms3-96x96']
    runtimes = systems['tpavi_tiny_ms3-96x96']['runtimes']
    assert [*runtimes] == ['PyTorch', 'ONNX Runtime', 'OpenVINO']
    for row in runtimes.values():
        assert row['max_difference'] < 1e-4
        assert row['equal_pixels'] > 0.999
        assert row['frames_per_second'] == 5 / row['cpu_seconds']
