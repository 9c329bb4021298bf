"""Text of a config, written without formatting it.

mmengine formats a config at every start of a runner and at every save, which
takes half a second.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from mmengine.config import Config


def as_lines(settings: Mapping[str, object]) -> str:
    """Python text of a config, not formatted."""
    lines = [f'{name} = {value!r}\n' for name, value in settings.items()]
    return ''.join(lines)


@contextmanager
def unformatted_configs() -> Iterator[None]:
    """Let mmengine write every config as :func:`as_lines` does.

    Yields:
        None: Configs are written this way inside.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', property(as_lines))
        yield
