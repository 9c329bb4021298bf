"""The folder of good inputs that every try starts from."""

import pytest
from support.tries_inputs import write_inputs


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A new folder, the working directory, in which nothing is wrong."""
    monkeypatch.chdir(tmp_path)
    return write_inputs(tmp_path)
