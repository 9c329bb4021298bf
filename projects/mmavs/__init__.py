"""mmavs: audio-visual segmentation on OpenMMLab.

Importing the package registers everything into ``mmseg.registry``.
"""

from .compat import check_openmmlab, install_missing_ops

__version__ = '0.1.0'

check_openmmlab()
install_missing_ops()

# Imported after the checks: these modules import mmengine and mmdet.models,
# which needs the stand-in for mmcv._ext.
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
