"""Lets every test import ``support``: pytest puts this folder on the path."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Several processes begin with the slow tests, so none ends with one."""
    if config.getoption('numprocesses', None):
        items.sort(key=lambda item: item.get_closest_marker('slow') is None)
