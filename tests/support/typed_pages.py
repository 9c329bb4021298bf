"""Write the files that a page of the documentation lists."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A block of Python, and the file that is named last before it.
_LISTING = re.compile(
    r'`([\w/.-]+\.py)`(?:(?!\.py`).)*?```python\n(.*?)```', re.DOTALL
)


def type_in(page: str, root: Path) -> list[str]:
    """Write the files of a page below ``root``, beside the base configs.

    Args:
        page (str): Name of a file in ``docs``.
        root (Path): Folder of the new project.

    Returns:
        list[str]: Paths of the files, relative to ``root``.
    """
    shutil.copytree(ROOT / 'configs' / '_base_', root / 'configs/_base_')
    text = (ROOT / 'docs' / page).read_text(encoding='utf-8')
    names = []
    for name, code in _LISTING.findall(text):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding='utf-8')
        names.append(name)
    return names
