"""Speeds up the trainings of these tests."""

import pytest
from mmengine.config import Config
from support.toy_training import as_lines


@pytest.fixture(autouse=True)
def _no_formatting(monkeypatch):
    """mmengine formats the config at every save, which is slow."""
    monkeypatch.setattr(Config, 'pretty_text', property(as_lines))
