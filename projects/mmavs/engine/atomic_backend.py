"""A local file backend that writes atomically."""

from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmavs.atomic_file import atomic_path

#: Name for ``backend_args=dict(backend=...)``.
ATOMIC_BACKEND = 'mmavs_atomic'


class AtomicBackend(LocalBackend):
    """Local disk backend; a file has its old or new content, never a part.

    Bytes are written to a temporary file in the target's folder, synced to
    disk, and renamed to the target. A process killed before the rename leaves
    the temporary file, which the next write to the same target replaces.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Args:
            obj (bytes): Content.
            filepath (str | Path): Target; its directory is made if absent.
        """
        with atomic_path(filepath, durable=True) as temporary:
            temporary.write_bytes(obj)

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
