"""Where the files of a form lie while its call is served: small ones in memory, large ones on the disk.

All large files of one call share one temporary file, which has no name from the start: whatever ends the call or the
process, the room is free again. Nothing else reads or writes it, and nothing of it is logged.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from threading import Lock
from types import TracebackType
from typing import IO

from pixapi.errors import NotReady
from pixapi.interfaces import Body
from pixapi.telemetry.logs import logger

LARGE_BYTES = 1024 * 1024
"""What of one call's files is kept in memory at most."""
_PIECE_BYTES = 256 * 1024
log = logger("gateway")


class UploadStore:
    """The files of one call. ``folder``: where large ones go; None: the system's folder for temporary files.

    Files are written and read in threads; `close` may be called meanwhile.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._is_closed = False
        self._lock = Lock()
        self._end = 0
        self.held = 0
        """Bytes of it in memory."""

    def __enter__(self) -> UploadStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def keep(self) -> Kept:
        """A place for one file; see `pixapi.wire.multipart.Keep`."""
        return Kept(self)

    def append(self, data: bytes) -> int:
        """Write to the disk; where it begins. One thread at a time.

        Raises:
            NotReady: the disk is full, or cannot be written to; nothing has been charged.
        """
        begin = self._end
        try:
            with self._lock:
                descriptor = self._descriptor()
                rest = memoryview(data)
                while rest:
                    written = os.pwrite(descriptor, rest, self._end)
                    self._end += written
                    rest = rest[written:]
        except OSError as error:
            log.error("upload_not_kept", error=error.strerror, errno=error.errno)
            raise NotReady(
                "the gateway has no room on its disk for so large a file now; nothing was charged, try again later",
                code="no_disk_space",
                retry_after_s=30,
            ) from None
        return begin

    def read(self, offset: int, size: int) -> bytes:
        """Read from the disk. Raises OSError: it cannot be, or the call is over."""
        with self._lock:
            return os.pread(self._descriptor(), size, offset)

    def close(self) -> None:
        """The call is over: give the room back."""
        with self._lock:
            self._is_closed = True
            file, self._file = self._file, None
            if file is not None:
                file.close()

    def _descriptor(self) -> int:
        if self._is_closed:
            raise OSError("the call is over, its files are gone")
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115 - `close` does
        return self._file.fileno()


class Kept:
    """One file, in memory until there is too much of it. Implements `pixapi.wire.multipart.Keep`."""

    def __init__(self, store: UploadStore) -> None:
        self._store = store
        self._pieces: list[bytes] = []
        self._begin: int | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._begin is None:
            self._pieces.append(data)
            self._store.held += len(data)
            if self._store.held <= LARGE_BYTES:
                return
            data = b"".join(self._pieces)
            self._store.held -= len(data)
            self._pieces = []
            self._begin = self._store.append(data)
        else:
            self._store.append(data)

    def end(self) -> bytes | Body:
        if self._begin is None:
            return b"".join(self._pieces)
        return OnDisk(self._store, self._begin, self._size)


class OnDisk:
    """A file that lies in an `UploadStore`. Implements `pixapi.interfaces.Body`."""

    def __init__(self, store: UploadStore, begin: int, size: int) -> None:
        self._store = store
        self._begin = begin
        self._size = size

    def __len__(self) -> int:
        return self._size

    def chunks(self) -> Iterator[bytes]:
        at, end = self._begin, self._begin + self._size
        while at < end:
            piece = self._store.read(at, min(_PIECE_BYTES, end - at))
            if not piece:
                raise OSError("the file on the disk is shorter than what was written to it")
            at += len(piece)
            yield piece
