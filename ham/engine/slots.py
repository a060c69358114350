"""How many runs train at the same time: a lock file for each of them, whoever holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from ham import io, store
from ham.config import StoreError, runs_folder

_SLOT_SECONDS = 0.05  # who only counts the free slots holds one for microseconds


@contextlib.contextmanager
def slot(slots: int) -> Iterator[bool]:
    """Holds one of the slots for the block; yields False where all are taken. Raises StoreError."""
    for path in _slot_files(slots):
        lock = _acquired(path, _SLOT_SECONDS)
        if lock is not None:
            try:
                yield True
            finally:
                lock.release()
            return
    yield False


def free_slots(slots: int) -> int:
    """How many slots nobody holds just now. Raises StoreError."""
    free = 0
    for path in _slot_files(slots):
        lock = _acquired(path, 0)
        if lock is not None:
            lock.release()
            free += 1
    return free


def _slot_files(slots: int) -> list[Path]:
    store.make_runs_folder()
    return [runs_folder() / ".slots" / f"{number}.lock" for number in range(slots)]


def _acquired(path: Path, seconds: float) -> filelock.BaseFileLock | None:
    """The lock, held; None where another holds it."""
    lock = filelock.FileLock(path, timeout=seconds, poll_interval=0.005)
    with (
        contextlib.suppress(filelock.Timeout),
        io.writing(path, StoreError, f"The folder {path.parent}"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        return lock
    return None
