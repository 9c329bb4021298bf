"""Put this folder on the Python path, so that tests import ``support``.

Modules that take seconds to import are imported in fixtures: the main process
of pytest-xdist reads the conftest files too, but runs no test.
"""

import gc

import pytest

# Until the tests are collected: while it imports torch, mmseg and the test
# modules, Python would visit all of their objects again and again.
gc.disable()

#: Files of slow tests alone that take 10 to 40 s of CPU time, longest first.
_LONGEST = [
    'test_dist.py',
    'test_export.py',
    'test_tpavi_digests.py',
    'test_aavs_digests.py',
    'test_aavs_parity.py',
    'test_avsegformer_digests.py',
    'test_tpavi_parity.py',
    'test_tpavi_benchmark.py',
]


def _place(item):
    """Sort the tests that are not slow first, then the longest files.

    Some slow tests compile or keep large models, after which every other test
    of the process takes about twice as long. A long file that starts last
    would run in one process while the others have nothing left to do.
    """
    if item.get_closest_marker('slow') is None:
        return 0
    name = item.path.name
    rank = _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)
    return 1 + rank


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Order the tests of a process of pytest-xdist."""
    if hasattr(config, 'workerinput'):
        items.sort(key=_place)


def pytest_collection_finish():
    """Exempt what is imported by now from garbage collection.

    Each collection would visit millions of objects of torch and of the test
    modules.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


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
