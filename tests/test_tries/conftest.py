"""The folder of good inputs that every try starts from."""

import pytest


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A new folder, the working directory, in which nothing is wrong."""
    # The main process of pytest-xdist need not import this.
    from support.tries_inputs import write_inputs

    monkeypatch.chdir(tmp_path)
    return write_inputs(tmp_path)
