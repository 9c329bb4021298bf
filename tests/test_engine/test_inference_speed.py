"""Reduced precision and compilation of a model."""

import logging

import pytest
import torch
from mmavs.engine import BFloat16OptimWrapper, inference_speed, speed_up
from mmavs.models import AVSegmentor
from torch import nn


class _Head(nn.Linear):
    """A decode head of one layer; keeps the type that it computed in."""

    dtype = None

    def predict(self, x, metas, test_cfg):
        out = self(x)
        self.dtype = out.dtype
        return out


class _Segmentor(AVSegmentor):
    """As small as a segmentor can be."""

    def __init__(self):
        nn.Module.__init__(self)
        self.backbone = nn.Identity()
        self.audio_backbone = nn.Identity()
        self.decode_head = _Head(4, 4)
        self.test_cfg = None

    def extract_feat(self, inputs):
        return self.backbone(inputs['frames'])


def _logits(model):
    return model.encode_decode(dict(frames=torch.ones(1, 2, 4, 4)), [])


@pytest.mark.parametrize('precision', ['bfloat16', 'float16'])
def test_networks_compute_in_the_precision_and_logits_are_float32(precision):
    model = _Segmentor()
    before = {n: p.clone() for n, p in model.state_dict().items()}
    expected = _logits(model)
    assert model.decode_head.dtype == torch.float32
    speed_up(model, precision)
    logits = _logits(model)
    assert model.decode_head.dtype == getattr(torch, precision)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, expected, rtol=0.02, atol=0.02)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_autocast_of_the_caller_stays_on():
    model = _Segmentor()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        _logits(model)
    assert model.decode_head.dtype == torch.bfloat16


def test_compiling_keeps_the_names_of_the_weights(monkeypatch):
    compiled = []
    monkeypatch.setattr(
        nn.Module, 'compile', lambda part, **_: compiled.append(type(part))
    )
    model = _Segmentor()
    names = list(model.state_dict())
    speed_up(model, compiled=True)
    assert compiled == [nn.Identity, nn.Identity, _Head]
    assert list(model.state_dict()) == names


def test_cpu_without_the_instructions_is_named(monkeypatch, tmp_path):
    info = tmp_path / 'cpuinfo'
    monkeypatch.setattr(inference_speed, '_CPU_INFO', info)
    info.write_text('model name : A\nflags : fpu avx2 avx512_bf16\n')
    assert inference_speed.is_fast_on_cpu('bfloat16')
    assert not inference_speed.is_fast_on_cpu('float16')
    messages = []
    monkeypatch.setattr(
        inference_speed,
        'print_log',
        lambda text, logger, level: messages.append((text, level)),
    )
    speed_up(_Segmentor(), 'bfloat16')
    assert messages == []
    speed_up(_Segmentor(), 'float16')
    ((text, level),) = messages
    assert level == logging.WARNING
    assert 'no instructions for float16 (amx_fp16 or avx512_fp16)' in text


def test_other_models_and_precisions_are_refused():
    with pytest.raises(ValueError, match="got 'int8'"):
        speed_up(_Segmentor(), 'int8')
    with pytest.raises(ValueError, match='AVSegmentor .*got Linear'):
        speed_up(nn.Linear(1, 1), 'bfloat16')
    speed_up(nn.Linear(1, 1))  # nothing to do


def test_training_in_bfloat16_updates_float32_weights():
    model = nn.Linear(3, 1)
    before = model.weight.detach().clone()
    wrapper = BFloat16OptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1)
    )
    with wrapper.optim_context(model):
        out = model(torch.ones(2, 3))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32
    # The gradient of each weight is the number of rows, 2.
    torch.testing.assert_close(model.weight, before - 0.2)
