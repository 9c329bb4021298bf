"""A local file backend whose writes happen whole or not at all."""

from __future__ import annotations

import os
import os.path as osp
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

#: Name for ``backend_args=dict(backend=...)``.
ATOMIC_BACKEND = 'mmavs_atomic'


class AtomicBackend(LocalBackend):
    """Local disk, where a file has its old or its new content, never a part.

    Bytes go to a temporary file beside the target, which takes the target's
    name once they are on disk. A process killed on the way leaves only the
    temporary file, and the next write to the same target replaces it.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Args:
            obj (bytes): Content.
            filepath (str | Path): Target; its directory is made if absent.
        """
        folder, name = osp.split(osp.abspath(filepath))
        os.makedirs(folder, exist_ok=True)
        partial = osp.join(folder, f'.{name}.partial')
        with open(partial, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, filepath)

    def put_text(
        self, obj: str, filepath: str | Path, encoding: str = 'utf-8'
    ) -> None:
        """Write text.

        Args:
            obj (str): Content.
            filepath (str | Path): Target; its directory is made if absent.
            encoding (str): Encoding of the file.
        """
        self.put(obj.encode(encoding), filepath)


register_backend(ATOMIC_BACKEND, AtomicBackend, force=True)
