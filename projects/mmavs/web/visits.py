"""Files and state of the visitors of the page."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from pathlib import Path

from .rendering import ReceivedVideo, Result
from .result_files import ResultFiles


class Visit:
    """Files and state of one visitor.

    Attributes:
        token (str): Secret part of the addresses of the visit's files.
        files (ResultFiles): What the visitor's browser may ask for.
        lock (threading.Lock): Held while files of the visit are written.
        video (ReceivedVideo | None): The visitor's video.
        result (Result | None): Its masks and how they are shown.

    Args:
        folder (Path): Folder of the visit; is created.
        token (str): See above.
        uploads (Path): Folder of the uploads of all visitors.
    """

    def __init__(self, folder: Path, token: str, uploads: Path) -> None:
        self.token = token
        self.folder = folder
        self.files = ResultFiles(folder / 'results')
        self.lock = threading.Lock()
        self.video: ReceivedVideo | None = None
        self.result: Result | None = None
        self.last_used = time.monotonic()
        self._cancelled = threading.Event()
        self._ended = False
        self._uploads_folder = uploads
        self._uploads: dict[Path, int] = {}
        self._num_names = 0

    def take_upload(self, upload: Path, place: str) -> Path:
        """Copy an uploaded file into the visit.

        Args:
            upload (Path): The file; it is deleted when the visit ends, unless
                it was uploaded again in the meantime.
            place (str): Name of its folder; what is in it is removed.

        Returns:
            Path: The copy, with the same name.

        Raises:
            FileNotFoundError: If it is not a file in the folder of uploads.
        """
        upload = upload.resolve()
        is_upload = upload.is_relative_to(self._uploads_folder.resolve())
        if not is_upload or not upload.is_file():
            raise FileNotFoundError(
                f'{upload.name}: expected an uploaded video, found none: '
                'uploads are deleted after an hour; upload it again.'
            )
        self._uploads[upload] = upload.stat().st_mtime_ns
        return self.copy(upload, place)

    def copy(self, path: Path, place: str) -> Path:
        """Copy a file into the visit.

        Args:
            path (Path): The file.
            place (str): Name of its folder; what is in it is removed.

        Returns:
            Path: The copy, with the same name.
        """
        folder = self.new_folder(place)
        folder.mkdir()
        return Path(shutil.copyfile(path, folder / path.name))

    def forget(self) -> None:
        """Forget the video, and delete what was computed from it."""
        self.video = self.result = None
        self.files.remove()
        self.new_folder('masks')

    def new_folder(self, name: str) -> Path:
        """Remove a folder of the visit, so that it can be made again.

        Args:
            name (str): Name of the folder.

        Returns:
            Path: The folder, which does not exist.
        """
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def start(self) -> None:
        """Forget an earlier request to cancel."""
        if not self._ended:
            self._cancelled.clear()

    def cancel(self) -> None:
        """Ask the running work to stop."""
        self._cancelled.set()

    def is_cancelled(self) -> bool:
        """Return whether the running work has to stop."""
        return self._cancelled.is_set()

    def end(self) -> None:
        """Stop the running work and delete all files of the visit."""
        self._ended = True
        self.cancel()
        with self.lock:
            self.result = None
            shutil.rmtree(self.folder, ignore_errors=True)
        for path, changed in self._uploads.items():
            if path.is_file() and path.stat().st_mtime_ns == changed:
                path.unlink()


class Visits:
    """All visits of a server.

    A visit is found by the session of its visitor, which only the visitor's
    browser knows, and its files by its token.

    Attributes:
        uploads (Path): Folder of the uploads of all visitors.

    Args:
        root (Path): Gets the folders of the visits.
        uploads (Path): Folder of the uploads of all visitors.
        idle_seconds (float): A visit that is not used for this long is ended
            when the next one begins.
    """

    def __init__(
        self, root: Path, uploads: Path, *, idle_seconds: float = 3600
    ) -> None:
        self._root = root
        self.uploads = uploads
        self._idle_seconds = idle_seconds
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of visits."""
        return len(self._visits)

    def of(self, session: str) -> Visit:
        """Return the visit of a session; begin it if there is none.

        Args:
            session (str): Name of the session.

        Returns:
            Visit: Its visit.
        """
        with self._lock:
            visit = self._visits.get(session)
            idle = [] if visit is not None else self._take_idle()
            if visit is None:
                token = secrets.token_urlsafe(16)
                # Another name, so that no error message has the token.
                folder = self._root / secrets.token_hex(8)
                visit = Visit(folder, token, self.uploads)
                self._visits[session] = visit
            visit.last_used = time.monotonic()
        for old in idle:
            old.end()
        return visit

    def file(self, token: str, name: str) -> Path | None:
        """Find a file that a browser asks for.

        Args:
            token (str): Of the visit.
            name (str): Name of the file.

        Returns:
            Path | None: The file; None if there is no such visit, or it has
            no file of this name among its results.
        """
        with self._lock:
            visits = list(self._visits.values())
        for visit in visits:
            if secrets.compare_digest(visit.token.encode(), token.encode()):
                return visit.files.find(name)
        return None

    def end(self, session: str) -> None:
        """End the visit of a session, if there is one.

        Args:
            session (str): Name of the session.
        """
        with self._lock:
            visit = self._visits.pop(session, None)
        if visit is not None:
            visit.end()

    def end_all(self) -> None:
        """End all visits."""
        for session in list(self._visits):
            self.end(session)

    def _take_idle(self) -> list[Visit]:
        """Remove the visits that were not used for long from the table."""
        oldest = time.monotonic() - self._idle_seconds
        idle = [s for s, v in self._visits.items() if v.last_used < oldest]
        return [self._visits.pop(session) for session in idle]
