"""What a worker does: one run after the other, each under its lock and in a slot, until none is
left.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ham import store
from ham.config import HamError, StoreError
from ham.engine.preferences import settings
from ham.engine.run_queue import MAX_ATTEMPTS, claimable_runs
from ham.engine.slots import slot
from ham.store import Run

_LOOKS = 5  # at a runs folder that cannot be read for a moment
_LOOK_AGAIN_SECONDS = 1.0
_TOO_MANY_CRASHES = {
    "what": "The training",
    "why": f"took its process down {MAX_ATTEMPTS} times, perhaps for want of memory.",
    "todo": "Resume it to try once more, or train with a smaller batch size or model.",
}


@dataclass(frozen=True)
class Worked:
    """What a worker has done when it ends."""

    trained: int  # runs
    refused: dict[str, HamError]  # run id -> why it could not be taken up; it waits on
    slots_taken: bool  # it ended because every slot is taken, not for want of runs


def work(home: str, owner: str) -> Worked:
    """Trains run after run until nothing is left that can be taken up, or every slot is taken.

    A function of its arguments and of what lies in `home`, so it may be called again with the same
    `owner` after its process died: a run that this owner had taken up was then interrupted by the
    end of its own process, and that is counted. Raises StoreError where the runs cannot be read.
    """
    os.environ["HAM_HOME"] = home
    trained = 0
    refused: dict[str, HamError] = {}
    while True:
        with slot(settings().workers) as mine:
            if not mine:
                return Worked(trained, refused, True)
            if not _train_next(owner, refused):
                return Worked(trained, refused, False)
            trained += 1


def _train_next(owner: str, refused: dict[str, HamError]) -> bool:
    """Trains the first run it can claim; False where none is left."""
    from ham import training

    for candidate in _claimable(owner):
        if candidate.id in refused:
            continue
        taken = False
        try:
            with store.claim(candidate, wait_seconds=0) as run:
                if run is None or run.state not in ("queued", "interrupted"):
                    continue
                run = _take(run, owner)
                if run is None:
                    continue
                taken = True
                training.train_run(run)
        except HamError as error:
            if not taken:
                refused[candidate.id] = error
            # else what went wrong in a run stands in its folder; the others go on
        if taken:
            return True
    return False


def _take(run: Run, owner: str) -> Run | None:
    """The run as this owner's; None where it has taken its process down too often.

    Interrupted under the very same owner, it was left by a process that died by itself: whoever
    stops a server, loses a scheduler or starts another process, works under another name then.
    """
    attempts = max(1, run.status.attempts)
    if run.state == "interrupted" and run.status.owner == owner:
        if attempts >= MAX_ATTEMPTS:
            store.write_status(
                run, state="failed", ended=time.time(), phase="", error=_TOO_MANY_CRASHES
            )
            return None
        attempts += 1
    return store.write_status(run, state="running", owner=owner, attempts=attempts)


def _claimable(owner: str) -> list[Run]:
    """`claimable_runs`, looked for again where the folder cannot be read for a moment. Raises
    StoreError.
    """
    for look in range(_LOOKS):
        try:
            return claimable_runs(store.list_runs(), owner)
        except StoreError:
            if look == _LOOKS - 1:
                raise
            time.sleep(_LOOK_AGAIN_SECONDS)
    return []
