"""Makes the trainings of these tests quick."""

import pytest


@pytest.fixture(autouse=True)
def _no_formatting(monkeypatch):
    """mmengine formats the config at every save, which takes longer."""
    monkeypatch.setattr(
        'mmengine.config.config.FormatCode', lambda text, **_: (text, True)
    )
