"""Results on CUDA equal those on the CPU."""

import pytest
import torch
from support.tiny_models import build, random_features, samples_of, tiny_config

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available(), reason='needs a CUDA device'
    ),
]

CHANNELS = [16, 32, 64, 128]


def _inputs(device: str) -> dict:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(5, 3, 96, 96, generator=generator)
    log_mel = torch.randn(5, 1, 96, 64, generator=generator) - 3
    return dict(
        frames=frames.to(device),
        audio=log_mel.to(device),
        num_frames=(2, 3),
    )


def test_prediction_agrees_with_the_cpu():
    model = build(tiny_config())
    with torch.no_grad():
        on_cpu = model.predict(_inputs('cpu'))
        on_cuda = model.to('cuda').predict(_inputs('cuda'))
    for one, other in zip(on_cpu, on_cuda, strict=True):
        torch.testing.assert_close(
            other.seg_logits.data.cpu(),
            one.seg_logits.data,
            rtol=1e-2,
            atol=1e-2,
        )


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_a_step_with_mixed_precision(dtype):
    model = build(tiny_config()).to('cuda').train()
    masks = torch.zeros(5, 96, 96, device='cuda')
    masks[:, 20:50, 20:50] = 1
    with torch.autocast('cuda', dtype):
        losses = model.loss(_inputs('cuda'), samples_of(masks, size=96))
    total = sum(losses.values())
    assert torch.isfinite(total)
    total.backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_silent_batch_on_cuda():
    cfg = tiny_config()
    cfg.decode_head.skip_silent_clips = True
    head = build(cfg).decode_head.to('cuda')
    features = random_features(CHANNELS)
    features = features._replace(
        visual=tuple(v.to('cuda') for v in features.visual),
        audio_embed=features.audio_embed.to('cuda'),
    )
    silent = samples_of(torch.zeros(5, 16, 16, device='cuda'))
    assert head.loss(features, silent, {})['loss_cls'].item() == 0
