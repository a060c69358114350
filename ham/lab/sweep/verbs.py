"""A sweep stopped, and taken up again."""

from __future__ import annotations

import msgspec

from ham import store
from ham.config import StoreError
from ham.lab.sweep.driver import pause, runs_of
from ham.lab.sweep.folder import Sweep, SweepRecord, change


def stop_sweep(sweep: Sweep) -> Sweep:
    """No further trial; what trains stops after its step and keeps its epochs, what waits leaves
    the queue. Raises StoreError where it is done.
    """

    def stopped(record: SweepRecord) -> SweepRecord:
        if record.state == "done":
            raise StoreError(
                f"Sweep {sweep.name}", "it is done already.", "There is nothing to stop."
            )
        return msgspec.structs.replace(record, state="stopped")

    sweep = change(sweep, stopped)
    return pause(sweep, runs_of(sweep, store.list_runs()).values())


def resume_sweep(sweep: Sweep) -> Sweep:
    """It goes on where it was stopped as soon as somebody drives it. Raises StoreError where it
    is done.
    """

    def running(record: SweepRecord) -> SweepRecord:
        if record.state == "done":
            raise StoreError(
                f"Sweep {sweep.name}",
                "all of its trials have ended.",
                "Start another one for more trials.",
            )
        return msgspec.structs.replace(record, state="running")

    return change(sweep, running)
