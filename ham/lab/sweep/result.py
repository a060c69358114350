"""A sweep as it stands: its trials with their runs, the best so far, the table, the document."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from ham.evaluation import intervals_record
from ham.lab.sweep.driver import runs_of
from ham.lab.sweep.folder import Promotion, Sweep, read_sweep
from ham.lab.sweep.promotion import best_of
from ham.lab.sweep.space import setting_of
from ham.lab.sweep.study import Study, StudyTrial
from ham.store import Run

_STATE_WORDS = {
    "waiting": "Waits",
    "running": "Trains",
    "complete": "Complete",
    "pruned": "Pruned",
    "failed": "Failed",
}


@dataclass(frozen=True)
class Trial:
    """One of them, with its runs where they are still there."""

    study: StudyTrial
    runs: list[Run]  # by seed
    promotion: Promotion | None = None

    @property
    def number(self) -> int:
        return self.study.number

    @property
    def state(self) -> str:
        """waiting, running, complete, pruned or failed."""
        if self.study.state == "running" and not any(run.status.started for run in self.runs):
            return "waiting"
        return self.study.state

    @property
    def epochs(self) -> int:
        """Completed, over all of its runs."""
        return sum(run.status.epoch for run in self.runs)

    @property
    def seconds(self) -> float | None:
        """Of training, over its runs; None before one has ended. A promotion ends a run anew."""
        told = self.study.ended or math.inf
        spans = [
            min(run.status.ended, told) - run.status.started
            for run in self.runs
            if run.status.ended and run.status.started
        ]
        return max(0.0, round(sum(spans), 1)) if spans else None

    @property
    def evaluated(self) -> list[Run]:
        """Its runs that were asked about the test images."""
        return [run for run in self.runs if run.scores]


@dataclass(frozen=True)
class SweepResult:
    """All that is known of a sweep now."""

    sweep: Sweep
    trials: list[Trial]  # by number
    importance: dict[str, float]  # setting -> share; empty where it cannot be told yet

    @property
    def best(self) -> Trial | None:
        found = best_of(self.sweep, [trial.study for trial in self.trials])
        return self.trials[found.number] if found else None

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        return {state: sum(trial.state == state for trial in self.trials) for state in _STATE_WORDS}

    @property
    def ended(self) -> int:
        return sum(trial.study.state != "running" for trial in self.trials)

    @property
    def best_so_far(self) -> list[tuple[int, float]]:
        """(trial, best score up to it), at every complete trial, in their order."""
        better = max if self.sweep.plan.goal.maximize else min
        best, found = None, []
        for trial in self.trials:
            if (value := trial.study.value) is not None:
                best = value if best is None else better(best, value)
                found.append((trial.number, best))
        return found

    def seconds_left(self) -> float | None:
        """By what the ended trials took, side by side as they trained; None before the first."""
        took = [
            trial.study.ended - trial.study.started
            for trial in self.trials
            if trial.study.ended and trial.study.started
        ]
        if not took:
            return None
        at_once = max(1, sum(run.state == "running" for t in self.trials for run in t.runs))
        return (self.sweep.plan.trials - self.ended) * sum(took) / len(took) / at_once

    @property
    def promoted(self) -> list[Trial]:
        """In the order in which the test images were looked at."""
        return [self.trials[one.trial] for one in self.sweep.record.promoted]


class _NotDrivenYet(Exception):
    """It has no journal."""


@functools.lru_cache(maxsize=16)
def _study(folder: Path, sweep_id: str) -> Study:
    """To be read only: it follows its journal as that grows."""
    study = Study.opened(read_sweep(folder.name))
    if study is None:
        raise _NotDrivenYet
    return study


def _study_of(sweep: Sweep) -> Study | None:
    try:
        return _study(sweep.folder, sweep.record.id)
    except _NotDrivenYet:
        return None


def importance_of(sweep: Sweep) -> dict[str, float]:
    """`Study.importance`. Raises StoreError where the journal is damaged."""
    study = _study_of(sweep)
    return study.importance() if study else {}


def read_result(sweep: Sweep, runs: Iterable[Run], importance: bool = True) -> SweepResult:
    """`runs`: those there are. Without `importance`, which takes a second of many trials, it is
    empty. Raises StoreError where the journal is damaged.
    """
    study = _study_of(sweep)
    found = study.trials() if study else []
    own = runs_of(sweep, runs)
    promotions = {one.trial: one for one in sweep.record.promoted}
    trials = [
        Trial(
            trial,
            [
                own[trial.number, place]
                for place in range(sweep.plan.seeds)
                if (trial.number, place) in own
            ],
            promotions.get(trial.number),
        )
        for trial in found
    ]
    return SweepResult(sweep, trials, study.importance() if study and importance else {})


# ------------------------------------------------------------------------------ for people


def state_in_words(state: str) -> str:
    """Of a trial."""
    return _STATE_WORDS[state]


def sweep_in_words(result: SweepResult) -> str:
    """ "7 of 20 trials have ended: 5 complete, 2 pruned."."""
    plan, counts = result.sweep.plan, result.counts
    ended = [
        f"{counts[state]} {state}" for state in ("complete", "pruned", "failed") if counts[state]
    ]
    have = "has" if result.ended == 1 else "have"
    head = f"{result.ended} of {plan.trials} trials {have} ended"
    return f"{head}: {', '.join(ended)}." if ended else f"{head}."


def looks_in_words(result: SweepResult) -> str:
    """How often the test images were looked at, and for which trials."""
    promoted = [f"trial {one.trial}" for one in result.sweep.record.promoted]
    if not promoted:
        return "Validation decides. Nobody has looked at the test images of this sweep."
    if len(promoted) == 1:
        return f"The test images were looked at once, for {promoted[0]}."
    return (
        f"The test images were looked at {len(promoted)} times, for {', '.join(promoted)}: the "
        "better of several test scores is too good."
    )


def trial_table(result: SweepResult) -> pd.DataFrame:
    """A row a trial: Trial, State, the settings by their labels, the score by its title, Epochs,
    Seconds, Runs, Why.
    """
    plan = result.sweep.plan
    rows = []
    for trial in result.trials:
        row: dict[str, object] = {"Trial": trial.number, "State": state_in_words(trial.state)}
        for values in plan.space:
            row[setting_of(plan.model, values.name).label] = trial.study.params[values.name]
        row[plan.goal.title] = trial.study.value
        row["Epochs"] = trial.epochs
        row["Seconds"] = trial.seconds
        row["Runs"] = " ".join(run.id for run in trial.runs)
        row["Why"] = trial.study.why
        rows.append(row)
    columns = [
        "Trial",
        "State",
        *(setting_of(plan.model, values.name).label for values in plan.space),
        plan.goal.title,
        "Epochs",
        "Seconds",
        "Runs",
        "Why",
    ]
    return pd.DataFrame(rows, columns=columns)


# ---------------------------------------------------------------------------- for programs


def sweep_document(result: SweepResult) -> dict[str, Any]:
    """What `python -m ham sweep NAME --json` prints; docs/sweep-schema.md explains it."""
    sweep, plan = result.sweep, result.sweep.plan
    best = result.best
    return {
        **sweep_summary(sweep),
        "ended": sweep.record.ended,
        "plan": msgspec.to_builtins(plan),
        "data": msgspec.to_builtins(sweep.record.data),
        "counts": result.counts,
        "best": best.number if best else None,
        "importance": result.importance,
        "promoted": msgspec.to_builtins(sweep.record.promoted),
        "trials": [_trial_record(trial) for trial in result.trials],
    }


def sweep_summary(sweep: Sweep) -> dict[str, Any]:
    """An entry of `python -m ham sweep --json`."""
    plan = sweep.plan
    return {
        "name": sweep.name,
        "state": sweep.state,
        "created": sweep.record.created,
        "model": plan.model,
        "recipe": plan.recipe,
        "method": plan.method,
        "objective": plan.objective,
        "planned_trials": plan.trials,
        "seeds": plan.seeds,
        "test_looks": len(sweep.record.promoted),
    }


def _trial_record(trial: Trial) -> dict[str, Any]:
    study = trial.study
    return {
        "number": study.number,
        "state": trial.state,
        "params": study.params,
        "value": study.value,
        "scores": {str(epoch): score for epoch, score in study.scores.items()},
        "why": study.why or None,
        "started": study.started,
        "ended": study.ended,
        "seconds": trial.seconds,
        "promoted": trial.promotion.when if trial.promotion else None,
        "runs": [
            {
                "run": run.id,
                "seed": run.config.seed,
                "state": run.state,
                "epoch": run.status.epoch,
                "best_epoch": run.status.best_epoch,
                "test_scores": intervals_record(run.scores) if run.scores else None,
            }
            for run in trial.runs
        ],
    }
