"""Put this folder on the Python path, so that tests import ``support``.

Modules that take seconds to import are imported in fixtures: the main process
of pytest-xdist reads the conftest files too, but runs no test.
"""

import gc

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Run files of slow tests last.

    Some of them compile or keep large models, after which every other test
    of the process takes about twice as long.
    """
    if hasattr(config, 'workerinput'):  # a process of pytest-xdist
        items.sort(
            key=lambda item: item.get_closest_marker('slow') is not None
        )


def pytest_collection_finish():
    """Exempt what is imported by now from garbage collection.

    Each collection would visit millions of objects of torch and of the test
    modules.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='module', autouse=True)
def _exempt_later_imports():
    """The same for what earlier modules of the process have imported."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session', autouse=True)
def _quick_mmengine():
    from support.quick_mmengine import quick_mmengine

    with quick_mmengine():
        yield
