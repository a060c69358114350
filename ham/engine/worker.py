"""What a worker does: one run after the other, each under its lock and in a slot, until none is left."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import filelock

from ham import store
from ham.config import HamError, runs_folder
from ham.engine.queue import MAX_ATTEMPTS, takeable
from ham.engine.settings import settings

_TOO_MANY_ATTEMPTS = {
    "what": "The training", "why": f"took its process down {MAX_ATTEMPTS} times, perhaps for want of memory.",
    "todo": "Resume it to try once more, or train with a smaller batch size or model.",
}


def work(home: str, owner: str) -> int:
    """Trains run after run until nothing is left or every slot is taken; returns how many.

    A function of its arguments and of what lies in `home`, so Dask may run it again after its
    worker died: it then finds the run where it was left.
    """
    os.environ["HAM_HOME"] = home
    trained = 0
    while True:
        with slot(settings().workers) as mine:
            if not mine or not _train_next(owner):
                return trained
            trained += 1


def _train_next(owner: str) -> bool:
    """Trains the first run it can claim; False where none is left."""
    from ham import training

    for candidate in takeable(owner):
        taken = False
        with contextlib.suppress(HamError), store.claim(candidate, wait_seconds=0) as run:
            # what went wrong in a run stands in its folder; the others go on
            if run is None or run.state not in ("queued", "interrupted"):
                continue
            if run.status.attempts >= MAX_ATTEMPTS:
                store.write_status(run, state="failed", ended=time.time(), phase="", error=_TOO_MANY_ATTEMPTS)
                continue
            run = store.write_status(run, state="running", owner=owner, attempts=run.status.attempts + 1)
            taken = True
            training.train_run(run)
        if taken:
            return True
    return False


@contextlib.contextmanager
def slot(slots: int) -> Iterator[bool]:
    """Holds one of the slots for the block; yields False where all are taken."""
    folder = runs_folder() / ".slots"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(slots):
        lock = filelock.FileLock(folder / f"{number}.lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            continue
        try:
            yield True
        finally:
            lock.release()
        return
    yield False


def free_slots(slots: int) -> int:
    """How many slots nobody holds just now."""
    free = 0
    for number in range(slots):
        path = runs_folder() / ".slots" / f"{number}.lock"
        lock = filelock.FileLock(path, timeout=0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout:
            continue
        lock.release()
        free += 1
    return free
