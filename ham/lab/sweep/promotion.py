"""The one trial of a sweep whose test images are looked at, and the count of such looks.

Validation decides a sweep. The look is written down before anything is answered, so that none goes
uncounted; then the trial's runs go back into the queue, and a worker evaluates them as any other.
"""

from __future__ import annotations

import time

import msgspec

from ham import engine, store
from ham.config import StoreError
from ham.lab.sweep.folder import Promotion, Sweep, SweepRecord, change
from ham.lab.sweep.study import Study, StudyTrial
from ham.store import Run


def best_of(sweep: Sweep, trials: list[StudyTrial]) -> StudyTrial | None:
    """The complete trial of the best score, the first of those; None where there is none."""
    done = [trial for trial in trials if trial.value is not None]
    sign = -1 if sweep.plan.goal.maximize else 1
    return min(done, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)


def promote(
    sweep: Sweep, number: int | None = None, *, again: bool = False, now: float | None = None
) -> tuple[Sweep, int]:
    """Has a trial evaluated on the test images, the best one where none is named: the sweep, and
    the trial's number. `again` says that one knows that they were looked at before, for another
    trial.

    Raises StoreError where the sweep goes on, the trial is not complete, or `again` is wanted.
    """
    if sweep.state == "running":
        raise StoreError(
            f"Sweep {sweep.name}",
            "it still goes on, and another trial may become its best.",
            "Wait for its end, or stop it first.",
        )
    chosen = _complete_trial(sweep, number)
    now = time.time() if now is None else now

    def with_promotion(record: SweepRecord) -> SweepRecord:
        before = [one.trial for one in record.promoted]
        if chosen in before:
            return record
        if before and not again:
            raise _looked_before(sweep, before)
        return msgspec.structs.replace(record, promoted=(*record.promoted, Promotion(chosen, now)))

    sweep = change(sweep, with_promotion)
    finish_promotions(sweep)
    return sweep, chosen


def _looked_before(sweep: Sweep, before: list[int]) -> StoreError:
    names = ", ".join(f"trial {number}" for number in before)
    times = "once" if len(before) == 1 else f"{len(before)} times"
    return StoreError(
        f"Sweep {sweep.name}",
        f"its test images were looked at {times} before, for {names}: the better of several test "
        "scores is too good.",
        "Keep that result, or promote another trial knowing this (--again); the number of looks "
        "is kept.",
    )


def _complete_trial(sweep: Sweep, number: int | None) -> int:
    study = Study.opened(sweep)
    trials = study.trials() if study else []
    best = best_of(sweep, trials)
    if best is None:
        raise StoreError(
            f"Sweep {sweep.name}", "it has no complete trial.", "Let one train to its end first."
        )
    number = best.number if number is None else number
    if not any(trial.number == number and trial.state == "complete" for trial in trials):
        raise StoreError(
            f"Trial {number} of {sweep.name}",
            "there is no such trial that is complete.",
            f"Choose one that is, such as the best, {best.number}.",
        )
    there = [run for run in _runs(sweep) if run.record.trial and run.record.trial.number == number]
    if len(there) < sweep.plan.seeds:
        raise StoreError(
            f"Trial {number} of {sweep.name}",
            "its run was deleted.",
            "Choose another trial, or train one with its settings.",
        )
    return number


def _runs(sweep: Sweep) -> list[Run]:
    """Raises StoreError where the runs cannot be listed."""
    return [
        run
        for run in store.list_runs()
        if run.record.trial is not None and run.record.trial.id == sweep.record.id
    ]


def finish_promotions(sweep: Sweep) -> None:
    """Puts the runs of promoted trials into the queue that are not there yet, as after a crash in
    between, or that a crash took out of it. Raises StoreError.
    """
    looks = {one.trial: place for place, one in enumerate(sweep.record.promoted, start=1)}
    if not looks:
        return
    when = {one.trial: one.when for one in sweep.record.promoted}
    for run in _runs(sweep):
        trial = run.record.trial
        if trial is None or trial.number not in looks or run.record.evaluation is not None:
            continue
        if run.state == "done":
            engine.promote(run, looks[trial.number], now=when[trial.number])
        elif run.state == "interrupted":
            engine.resume(run)
