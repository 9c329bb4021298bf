"""Install ``mmavs`` (from projects) and ``mmavs_ops`` (from ops).

The OpenMMLab packages are not required here: two families of them exist
under the same import names and cannot be installed together. Install one of
``requirements/onedl.txt`` and ``requirements/openmmlab.txt`` beside this.
"""

import re
import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
# An isolated or PEP 517 build does not put the project's root on the path.
sys.path.insert(0, str(ROOT / 'ops'))

from build_extension import build_ext_class, ext_modules  # noqa: E402


def version() -> str:
    """Read the version from the package without importing it."""
    text = (ROOT / 'projects/mmavs/__init__.py').read_text(encoding='utf-8')
    match = re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE)
    assert match is not None
    return match[1]


def requirements(name: str) -> list[str]:
    """Read the lines of a requirements file, without comments."""
    text = (ROOT / 'requirements' / name).read_text(encoding='utf-8')
    lines = (line.split('#')[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


class BuildWithConfigs(build_py):
    """Copies the configs into the package, where mim expects them.

    ``mmavs.config_file.find_config`` finds them by name.
    """

    def run(self) -> None:
        """Build, then copy; an editable installation has the source tree."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / 'mmavs' / '.mim'
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(
            ROOT / 'configs',
            target / 'configs',
            ignore=shutil.ignore_patterns('__pycache__'),
        )
        shutil.copy(ROOT / 'model-index.yml', target)


setup(
    name='mmavs',
    version=version(),
    description='Audio-visual segmentation on OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    packages=[*find_packages('projects'), *find_packages('ops')],
    package_dir={'mmavs': 'projects/mmavs', 'mmavs_ops': 'ops/mmavs_ops'},
    package_data={'mmavs': ['py.typed'], 'mmavs_ops': ['py.typed']},
    install_requires=requirements('runtime.txt'),
    extras_require={
        'nncf': requirements('nncf.txt'),
        'onnxruntime': requirements('onnxruntime.txt'),
        'openvino': requirements('openvino.txt'),
        'tensorboard': requirements('tensorboard.txt'),
        'timm': requirements('optional.txt'),
        'transformers': requirements('transformers.txt'),
        'web': requirements('web.txt'),
    },
    ext_modules=ext_modules(),
    cmdclass={'build_ext': build_ext_class(), 'build_py': BuildWithConfigs},
    zip_safe=False,
)
