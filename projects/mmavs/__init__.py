"""mmavs: audio-visual segmentation on OpenMMLab.

Importing the package registers everything into ``mmseg.registry``.
"""

from .compat import check_openmmlab, install_missing_ops

__version__ = '0.1.0'

check_openmmlab()
install_missing_ops()

# Only now: these import mmengine, and mmdet.models needs the stand-in.
from .checkpoint import install_safe_loading  # noqa: E402

install_safe_loading()

from . import (  # noqa: E402
    datasets,
    engine,
    evaluation,
    models,
    visualization,
)

__all__ = [
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
]
