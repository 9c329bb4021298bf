"""Import files of the published code, found by MMAVS_REFERENCE_ROOT."""

import importlib.util
import os
import sys
import types
from pathlib import Path

REFERENCE_ROOT = os.environ.get('MMAVS_REFERENCE_ROOT')
#: Modules that the published files import and the tested parts do not use,
#: with the names that they import from them.
_UNUSED = {
    'cv2': (),
    'pandas': (),
    'towhee': ('pipe', 'ops'),
    'tqdm': ('tqdm',),
    'torchvision': ('transforms',),
    'transformers': ('Mask2FormerImageProcessor',),
}


def import_published(path: str | Path) -> types.ModuleType:
    """Import a published file; its unused imports may be absent.

    Args:
        path (str | Path): The file.

    Returns:
        types.ModuleType: The module.
    """
    absent = [n for n in _UNUSED if importlib.util.find_spec(n) is None]
    for name in absent:
        sys.modules[name] = types.ModuleType(name)
        for member in _UNUSED[name]:
            setattr(sys.modules[name], member, None)
    spec = importlib.util.spec_from_file_location(
        f'_published_{Path(path).stem}', path
    )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        for name in absent:
            del sys.modules[name]
    return module
