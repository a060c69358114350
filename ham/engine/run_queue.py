"""The verbs of the queue, which is data: run folders whose status says queued, lowest `order`
first.
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

from ham import hosting, store
from ham.config import StoreError, TrainConfig
from ham.engine.preferences import settings
from ham.engine.slots import free_slots
from ham.hosting import Act
from ham.store import Notes, Run, TrialRecord

MAX_ATTEMPTS = 3  # a run that took its own process down this often is not taken up again by itself


def submit(
    config: TrainConfig,
    data: dict[str, Any],
    *,
    now: float | None = None,
    trial: TrialRecord | None = None,
    notes: Notes | None = None,
) -> Run:
    """Puts a run at the end of the queue. `data` is `LesionDataset.record`; `trial` and `notes` as
    in `store.create_run`. Raises StoreError, AccessError and LimitError.
    """
    refuse_too_many(1)
    return store.create_run(config, data, now=now, trial=trial, notes=notes)


def refuse_too_many(more: int) -> None:
    """Raises AccessError where who acts may not train, LimitError where there is no room for so
    many more runs, StoreError where the runs cannot be listed.
    """
    hosting.require(Act.TRAIN)
    hosting.refuse_full_disk("To train another model")
    live = [run for run in store.list_runs() if run.live]
    key = hosting.acting().key
    own = sum(store.visitor_of(run) == key for run in live) if key else None
    hosting.refuse_full_queue(len(live), own, more)


def queue() -> list[Run]:
    """The waiting runs, next first. Raises StoreError where the runs cannot be listed."""
    return _next_first(store.list_runs())


def _next_first(runs: list[Run]) -> list[Run]:
    return sorted((run for run in runs if run.state == "queued"), key=lambda run: run.status.order)


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
        raise StoreError(
            f"Run {run.id}", f"it has ended already ({run.state}).", "There is nothing to cancel."
        )
    store.request_cancel(run)


def resume(run: Run) -> Run:
    """Puts a run that did not finish back into the queue; it goes on after its last epoch.

    Raises StoreError where the run is done, waits or works, AccessError and LimitError.
    """
    refuse_too_many(1)
    with store.claim(run) as mine:
        if not mine or mine.state not in ("interrupted", "cancelled", "failed"):
            raise StoreError(
                f"Run {run.id}",
                f"it is {mine.state if mine else 'running'}.",
                "Only runs that did not finish can be resumed.",
            )
        return _queued_again(mine)


def promote(run: Run, looks: int, *, now: float | None = None) -> Run:
    """Has a sweep's finished run evaluated on its test images: back in the queue it goes on where
    it ended. `looks` is the how many-th promotion of its sweep this is. One that was promoted
    before is only put back where it was not evaluated yet.

    Raises StoreError where it is no such run, or did not finish.
    """
    with store.claim(run) as mine:
        if not mine or mine.state != "done" or mine.record.trial is None:
            raise StoreError(
                f"Run {run.id}",
                f"it is {mine.state if mine else 'running'}."
                if not mine or mine.state != "done"
                else "it belongs to no sweep.",
                "Only runs of a sweep that are done can be promoted.",
            )
        if mine.withheld:
            trial = msgspec.structs.replace(
                mine.record.trial, promoted=time.time() if now is None else now, looks=looks
            )
            mine = store.write_record(mine, trial=trial)
        return mine if mine.record.evaluation is not None else _queued_again(mine)


def _queued_again(mine: Run) -> Run:
    """At the end of the queue, as if nobody had tried it yet."""
    store.withdraw_cancel(mine)
    now = time.time()
    return store.write_status(
        mine,
        state="queued",
        order=now,
        updated=now,
        ended=None,
        error=None,
        attempts=0,
        seconds_left=None,
    )


def move(run: Run, places: int) -> None:
    """Moves a waiting run by so many places, negative towards the front; past an end it stops
    there.

    Raises StoreError where the run does not wait (any more).
    """
    waiting = queue()
    ids = [other.id for other in waiting]
    if run.id not in ids:
        raise StoreError(
            f"Run {run.id}", "it does not wait any more.", "Only waiting runs can be moved."
        )
    others = [other for other in waiting if other.id != run.id]
    place = min(max(ids.index(run.id) + places, 0), len(others))
    if not others:
        return
    orders = [other.status.order for other in others]
    if place == 0:
        order = orders[0] - 1
    elif place == len(orders):
        order = orders[-1] + 1
    else:
        order = (orders[place - 1] + orders[place]) / 2
    with store.claim(run) as mine:
        if mine and mine.state == "queued":
            store.write_status(mine, order=order)


def claimable_runs(runs: list[Run], owner: str) -> list[Run]:
    """What a worker of `owner` may train of these, in this order: runs that the workers of the
    same engine had taken up before they died (every interrupted run, where that is set), then the
    queue.

    An owner is an engine's name; a dot and a number may follow it.
    """
    every = settings().resume_by_itself
    orphans = [
        run
        for run in runs
        if run.state == "interrupted"
        and (
            engine_of(run.status.owner) == engine_of(owner)
            or (every and run.status.attempts < MAX_ATTEMPTS)
        )
    ]
    return [*orphans, *_next_first(runs)]


def engine_of(owner: str | None) -> str:
    return (owner or "").partition(".")[0]


def waits_for(runs: list[Run]) -> str:
    """What the first waiting run of these waits for, as a sentence; "" where none waits.

    Raises StoreError where the slots cannot be looked at.
    """
    if not any(run.state == "queued" for run in runs):
        return ""
    slots = settings().workers
    if free_slots(slots) == 0 or sum(run.state == "running" for run in runs) >= slots:
        return (
            "Another run trains." if slots == 1 else f"All {slots} slots are taken by other runs."
        )
    return "The training process starts; the first time takes some seconds."
