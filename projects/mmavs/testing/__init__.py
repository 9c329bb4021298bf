"""Run published code from its checkouts, for tests and benchmarks.

The checkouts are found by the environment variable MMAVS_REFERENCE_ROOT, a
folder with ``AVSBench`` at commit f7414af, ``AVSegFormer`` at 7083cb6,
``EASE`` at 12ab645 and ``Stepping-Stones`` at de6a17b. This project contains
none of their code.
"""

from .published_code import (
    REFERENCE_ROOT,
    SteadyPath,
    import_published,
    importable,
    on_the_cpu,
    timm_stubs,
    why_not,
)

__all__ = [
    'REFERENCE_ROOT',
    'SteadyPath',
    'import_published',
    'importable',
    'on_the_cpu',
    'timm_stubs',
    'why_not',
]
