"""Runs the published VGGish code of AVSBench and AVSegFormer.

To rewrite the stored numbers of ``tests/data/vggish``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_vggish

where CHECKOUTS holds ``AVSBench`` at commit f7414af.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import soundfile
import torch

from support.vggish_seeded import (
    FIXTURE,
    LOG_MEL_STRIDE,
    SOUNDS,
    seed_weights,
    write_sound,
)

#: Folders of the identical code in the two repositories.
FOLDERS = {
    'AVSBench': 'AVSBench/avs_scripts/avs_s4/torchvggish',
    'AVSegFormer': 'AVSegFormer/model/vggish',
}


def load_reference(repository: str, module: str) -> ModuleType:
    """Import ``vggish`` or ``vggish_input`` of one of ``FOLDERS``."""
    folder = Path(os.environ['MMAVS_REFERENCE_ROOT']) / FOLDERS[repository]
    package = f'reference_vggish_{repository}'
    # Bare packages: their own __init__ files pull in more than is compared.
    sys.modules.setdefault(package, ModuleType(package)).__path__ = [
        str(folder)
    ]
    return importlib.import_module(f'{package}.{module}')


def reference_model(repository: str) -> torch.nn.Module:
    """Build the published network with seeded weights, in eval mode."""
    model = load_reference(repository, 'vggish')._vgg().eval()
    seed_weights(model.state_dict())
    return model


def embeddings(
    model: torch.nn.Module, log_mel: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Return the published embeddings before and after the last ReLU."""
    before = []
    # Cloned, because the published ReLU works in place.
    hook = model.embeddings[4].register_forward_hook(
        lambda module, inputs, output: before.append(output.clone())
    )
    with torch.no_grad():
        after = model(log_mel)
    hook.remove()
    return before[0].numpy(), after.numpy()


def main() -> None:
    """Write the fixture."""
    source = load_reference('AVSBench', 'vggish_input')
    model = reference_model('AVSBench')
    expected = {}
    for name in SOUNDS:
        with tempfile.TemporaryDirectory() as folder:
            data, rate = soundfile.read(write_sound(name, Path(folder)))
        log_mel = source.waveform_to_examples(data, rate).detach()
        flat = log_mel.numpy().ravel()
        expected[f'{name}_shape'] = np.array(log_mel.shape)
        expected[f'{name}_mean'] = flat.mean(dtype=np.float64)
        expected[f'{name}_log_mel'] = flat[::LOG_MEL_STRIDE]
        expected[f'{name}_embed'] = embeddings(model, log_mel)[0]
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(FIXTURE, **expected)
    print(f'{FIXTURE.name}: {FIXTURE.stat().st_size} bytes')


if __name__ == '__main__':
    main()
