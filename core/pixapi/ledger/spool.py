"""Where settles and voids wait while the database is away: a file, synced before anybody is told "done".

One JSON object a line, appended; a line counts once its newline is on the disk, so a torn last line was never
promised to anyone. Each process has a file of its own, locked while it lives. A start also takes over the files
that dead processes left in the folder. Replaying a line twice is harmless (see `pixapi.ledger.operations`), so a
file is removed only after all of it is in the database.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import msgspec

from pixapi.ledger.operations import SettleOrder, VoidOrder
from pixapi.telemetry.logs import logger

Spooled = SettleOrder | VoidOrder

_CHUNK = 100

log = logger("ledger")


class Spool:
    """The process's own file. `append` and `replay` may be called from different threads.

    Args:
        folder: made where it is missing.
        owner: names the file.
    """

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder
        self._path = folder / f"{owner}.jsonl"
        self._lock = Lock()
        self._descriptor: int | None = None
        self._encoder = msgspec.json.Encoder()
        self.waiting = 0
        """Lines that are not yet in the database."""

    def append(self, orders: Sequence[Spooled]) -> None:
        """Writes the orders and waits until the disk has them.

        Raises:
            OSError: it could not be written; nothing of it counts.
        """
        data = b"".join(self._encoder.encode(order) + b"\n" for order in orders)
        with self._lock:
            descriptor = self._open()
            before = os.fstat(descriptor).st_size
            try:
                written = os.write(descriptor, data)
                if written != len(data):
                    raise OSError(f"only {written} of {len(data)} bytes fitted into the spool")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
            self.waiting += len(orders)

    def replay(self, commit: Callable[[Sequence[Spooled]], None]) -> int:
        """Hands the own file's orders to ``commit`` in slices, then removes the file; the number of orders.

        What ``commit`` raises goes to the caller, and the file stays.
        """
        with self._lock:
            if self._descriptor is None:
                return 0
            count = _feed(self._path, commit)
            self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None
            self.waiting = 0
            return count

    def adopt(self, commit: Callable[[Sequence[Spooled]], None]) -> int:
        """The same with the files that dead processes left behind."""
        count = 0
        for path in sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else []:
            if path == self._path:
                continue
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # another start has replayed it meanwhile
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_nlink == 0:
                    continue  # likewise
                count += _feed(path, commit)
                path.unlink()
            except BlockingIOError:
                continue  # its process lives and replays it by itself
            finally:
                os.close(descriptor)
        return count

    def close(self) -> None:
        """Gives the file up; what is in it is replayed by the next start."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # the file's name, too, must outlive a power cut
            finally:
                os.close(folder)
            self._descriptor = descriptor
        return self._descriptor


def _feed(path: Path, commit: Callable[[Sequence[Spooled]], None]) -> int:
    decoder = msgspec.json.Decoder(Spooled)
    lines = path.read_bytes().split(b"\n")
    if lines.pop():
        log.warning("spool_torn", file=path.name)
    orders: list[Spooled] = []
    for number, line in enumerate(lines, 1):
        try:
            orders.append(decoder.decode(line))
        except msgspec.DecodeError:
            # Nothing this program wrote; keep it for a person to look at, and go on with the rest.
            log.error("spool_unreadable", file=path.name, line=number)
            _set_aside(path, line)
    for start in range(0, len(orders), _CHUNK):
        commit(orders[start : start + _CHUNK])
    return len(orders)


def _set_aside(path: Path, line: bytes) -> None:
    with path.with_suffix(".unreadable").open("ab") as file:
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
