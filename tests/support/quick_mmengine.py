"""Leave out steps of mmengine that take long and change no result."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.dataset import base_dataset


def as_lines(settings: Mapping[str, object]) -> str:
    """Python text of a config, not formatted."""
    lines = [f'{name} = {value!r}\n' for name, value in settings.items()]
    return ''.join(lines)


@contextmanager
def quick_mmengine() -> Iterator[None]:
    """Write configs unformatted, and do not collect garbage by hand.

    mmengine formats a config at every start of a runner and at every save,
    which takes half a second. Each data set it builds calls ``gc.collect()``,
    which visits millions of objects of torch and of the test modules.

    Yields:
        None: Inside, configs are written as by :func:`as_lines`, and only
        Python itself decides when garbage is collected.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', property(as_lines))
        collector = SimpleNamespace(collect=lambda: 0)
        patch.setattr(base_dataset, 'gc', collector)
        yield
