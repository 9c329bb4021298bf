"""Files of a download, unpacked or inside zip archives."""

from __future__ import annotations

import functools
import os
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple


class SourceFile(NamedTuple):
    """A file of the download.

    Attributes:
        path (str): The file, or the archive that holds it.
        member (str): Its name in the archive; empty for a plain file.
    """

    path: str
    member: str = ''

    def __str__(self) -> str:
        return f'{self.path}/{self.member}' if self.member else self.path

    def size(self) -> int:
        """Return the size in bytes.

        Raises:
            OSError: If a plain file does not exist.
        """
        if not self.member:
            return os.stat(self.path).st_size
        return _archive(self.path, os.getpid()).getinfo(self.member).file_size

    def read(self) -> bytes:
        """Return the content, for small files.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If the archive is damaged or encrypted.
        """
        if not self.member:
            return Path(self.path).read_bytes()
        try:
            return _archive(self.path, os.getpid()).read(self.member)
        except (zipfile.BadZipFile, RuntimeError) as error:
            raise _unreadable(self, error) from error

    def copy_to(self, target: Path) -> None:
        """Copy the content to a new file.

        Args:
            target (Path): The file.

        Raises:
            OSError: If a file cannot be read or written.
            ValueError: If the archive is damaged or encrypted.
        """
        if not self.member:
            shutil.copyfile(self.path, target)
            return
        archive = _archive(self.path, os.getpid())
        try:
            with (
                archive.open(self.member) as source,
                target.open('wb') as file,
            ):
                shutil.copyfileobj(source, file)
        # RuntimeError: the archive is encrypted.
        except (zipfile.BadZipFile, RuntimeError) as error:
            raise _unreadable(self, error) from error


def list_files(src: Path) -> dict[str, SourceFile]:
    """List the files of a download.

    Args:
        src (Path): A folder, in which zip archives count as folders, or one
            zip archive.

    Returns:
        dict[str, SourceFile]: Path relative to ``src``, with forward slashes
        and without the name of an archive, -> file. A plain file hides an
        archive's file of the same name.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If a zip archive cannot be read, or ``src`` is another
            kind of file.
    """
    if src.is_file():
        if not zipfile.is_zipfile(src):
            raise ValueError(
                f'{src}: expected a folder or a zip archive, got another '
                'file; unpack it and give the folder.'
            )
        return _list_archive(src, '')
    if not src.is_dir():
        raise FileNotFoundError(
            f'{src}: expected the folder of the download or its zip archive, '
            'got nothing of this name.'
        )
    plain, packed = {}, {}
    for folder, _, names in os.walk(src, followlinks=False):
        inside = Path(folder).relative_to(src).as_posix()
        prefix = '' if inside == '.' else f'{inside}/'
        for name in names:
            path = os.path.join(folder, name)
            if name.lower().endswith('.zip'):
                packed.update(_list_archive(Path(path), prefix))
            else:
                plain[prefix + name] = SourceFile(path)
    return {**packed, **plain}


def _list_archive(path: Path, prefix: str) -> dict[str, SourceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                prefix + info.filename: SourceFile(str(path), info.filename)
                for info in archive.infolist()
                if not info.is_dir()
            }
    except zipfile.BadZipFile as error:
        raise ValueError(
            f'{path}: expected a zip archive, got a damaged one ({error}); '
            'download it again.'
        ) from error


@functools.lru_cache(maxsize=8)
def _archive(path: str, process: int) -> zipfile.ZipFile:
    """Open an archive once in each process.

    Forked processes must not share the position in an open file, so the id of
    the process is part of the key.
    """
    return zipfile.ZipFile(path)


def _unreadable(file: SourceFile, error: Exception) -> ValueError:
    return ValueError(
        f'{file}: cannot be read from the archive ({error}); download the '
        'archive again or, if it has a password, unpack it and give the '
        'folder.'
    )
