"""Put this folder on the Python path, so that tests import ``support``."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Run slow tests first, so that no process ends with one."""
    if config.getoption('numprocesses', None):
        items.sort(key=lambda item: item.get_closest_marker('slow') is None)
