"""The verbs of the queue, which is data: run folders whose status says queued, lowest `order` first."""

from __future__ import annotations

import time

from ham import store
from ham.config import StoreError, TrainConfig
from ham.engine.settings import settings
from ham.store import Run

MAX_ATTEMPTS = 3  # a run that took its worker down this often is not taken up again by itself


def submit(config: TrainConfig, data: dict, *, now: float | None = None) -> Run:
    """Puts a run at the end of the queue. `data` is `LesionDataset.record`. Raises StoreError."""
    return store.create_run(config, data, now=now)


def queue() -> list[Run]:
    """The waiting runs, next first."""
    return sorted((run for run in store.list_runs() if run.state == "queued"), key=lambda run: run.status.order)


def cancel(run: Run) -> None:
    """Ends a waiting run at once; asks a running one to stop after its current step.

    Raises StoreError where the run has ended already.
    """
    with store.claim(run) as mine:
        if mine and mine.state in ("queued", "interrupted"):
            store.write_status(mine, state="cancelled", ended=time.time(), seconds_left=None)
            return
    run = mine or store.read_run(run.id)
    if not run.live:
        raise StoreError(f"Run {run.id}", f"it has ended already ({run.state}).", "There is nothing to cancel.")
    store.request_cancel(run)


def resume(run: Run) -> Run:
    """Puts a run that did not finish back into the queue; it goes on after its last epoch.

    Raises StoreError where the run is done, waits or works.
    """
    with store.claim(run) as mine:
        if not mine or mine.state not in ("interrupted", "cancelled", "failed"):
            raise StoreError(f"Run {run.id}", f"it is {mine.state if mine else 'running'}.",
                             "Only runs that did not finish can be resumed.")
        store.withdraw_cancel(mine)
        now = time.time()
        return store.write_status(mine, state="queued", order=now, updated=now, ended=None, error=None, attempts=0)


def move(run: Run, places: int) -> None:
    """Moves a waiting run by so many places, negative towards the front; past an end it stops there.

    Raises StoreError where the run does not wait (any more).
    """
    waiting = queue()
    ids = [other.id for other in waiting]
    if run.id not in ids:
        raise StoreError(f"Run {run.id}", "it does not wait any more.", "Only waiting runs can be moved.")
    others = [other for other in waiting if other.id != run.id]
    place = min(max(ids.index(run.id) + places, 0), len(others))
    before = others[place - 1].status.order if place else None
    after = others[place].status.order if place < len(others) else None
    if before is None and after is None:
        return
    order = after - 1 if before is None else before + 1 if after is None else (before + after) / 2
    with store.claim(run) as mine:
        if mine and mine.state == "queued":
            store.write_status(mine, order=order)


def takeable(owner: str) -> list[Run]:
    """What a worker of `owner` may train, in this order: runs that this owner's workers had taken up
    before they died (every interrupted run, where that is set), then the queue.
    """
    every = settings().resume_by_itself
    orphans = [run for run in store.list_runs() if run.state == "interrupted"
               and (run.status.owner == owner or (every and run.status.attempts < MAX_ATTEMPTS))]
    return [*orphans, *queue()]
