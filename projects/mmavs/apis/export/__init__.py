"""Networks in the formats of other runtimes: writing, reading, running."""

from .backends import BACKENDS, Backend
from .export_file import export_network
from .exported_segmentor import ExportedSegmentor, load_exported
from .facts import ExportFacts

__all__ = [
    'BACKENDS',
    'Backend',
    'ExportFacts',
    'ExportedSegmentor',
    'export_network',
    'load_exported',
]
