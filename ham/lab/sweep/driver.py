"""What drives a sweep: asks for trials, submits their runs, reads how they train, prunes, tells.

A step looks at what is there, in the journal and in the run folders, and does what is missing. A
run belongs to its trial by what its own record says, and never by what the journal says, so
wherever everything was killed the next step goes on: no trial is lost and none is trained twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

import filelock
import msgspec

from ham import engine, store
from ham.config import ConfigError, HamError, StoreError, TrainConfig
from ham.lab.sweep.folder import Sweep, change, driver_lock, find_sweeps, read_sweep
from ham.lab.sweep.promotion import finish_promotions
from ham.lab.sweep.study import Study, StudyTrial, finite_mean
from ham.store import Notes, Run, TrialRecord

#: An engine takes up what its own workers left within seconds; after so many we do.
INTERRUPTED_SECONDS = 5.0
_AHEAD = 1  # runs that wait while others train, where the next trial needs no result
_logger = logging.getLogger(__name__)


class Driver:
    """Drives one sweep. Whoever makes one holds the sweep's driver lock until its end."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._study: Study | None = None
        self._interrupted: dict[str, float] = {}  # since when a run was seen so; monotonic
        self._data = msgspec.to_builtins(sweep.record.data)

    def step(self, owner: str = "") -> Sweep:
        """One look; `owner` is the name of the engine that works here. Raises HamError, OSError."""
        self.sweep = sweep = read_sweep(self.sweep.name)
        runs = runs_of(sweep, store.list_runs())
        if sweep.state == "done":
            return sweep
        if sweep.state == "stopped":
            self.sweep = pause(sweep, runs.values())
            return self.sweep
        study = self._study = self._study or _opened(sweep)
        trials = study.trials()
        self._end_what_is_over(trials, runs)
        self._go_on_with_what_was_paused(runs)
        for trial in trials:
            if trial.state == "running":
                self._tend(study, trial, runs, owner)
        self._ask_for_more(study, runs)
        trials = study.trials()
        if len(trials) >= sweep.plan.trials and all(t.state != "running" for t in trials):
            now = time.time()
            self.sweep = change(
                sweep,
                lambda record: (
                    msgspec.structs.replace(record, state="done", ended=now)
                    if record.state == "running"
                    else record
                ),
            )
        return self.sweep

    # -------------------------------------------------------------------- a trial that runs

    def _tend(
        self, study: Study, trial: StudyTrial, runs: dict[tuple[int, int], Run], owner: str
    ) -> None:
        try:
            configs = self.sweep.plan.configs(trial.params)
        except ConfigError as error:  # three settings that do not go together
            study.fail(trial.number, str(error))
            return
        own = []
        for place, config in enumerate(configs):
            key = (trial.number, place)
            if key not in runs:
                runs[key] = self._submit(trial.number, place, config)
            run = runs[key]
            own.append(self._again(run, owner) if run.state == "interrupted" else run)
        if why := next(filter(None, map(_failure, own)), ""):
            study.fail(trial.number, why)
            _cancel_all(own)
        elif all(run.state == "done" for run in own):
            self._tell(study, trial, own)
        elif self._report(study, trial, own):
            study.prune(trial.number)
            _cancel_all(own)

    def _submit(self, number: int, place: int, config: TrainConfig) -> Run:
        plan = self.sweep.plan
        seed = f", seed {config.seed}" if plan.seeds > 1 else ""
        return engine.submit(
            config,
            self._data,
            trial=TrialRecord(plan.name, self.sweep.record.id, number, place),
            notes=Notes(title=f"{plan.name}, trial {number}{seed}", tags=(plan.name,)),
        )

    def _again(self, run: Run, owner: str) -> Run:
        """An interrupted run, back in the queue where no engine that lives takes it up."""
        if owner and (run.status.owner or "").partition(".")[0] == owner:
            return run
        since = self._interrupted.setdefault(run.id, time.monotonic())
        if time.monotonic() - since < INTERRUPTED_SECONDS:
            return run
        del self._interrupted[run.id]
        return _resumed(run)

    def _tell(self, study: Study, trial: StudyTrial, own: list[Run]) -> None:
        for epoch, score in scores_by_epoch(self.sweep, own).items():
            study.report(trial.number, epoch, score)
        values = [_kept(self.sweep, run) for run in own]
        mean = finite_mean(values)
        if mean is None:
            study.fail(trial.number, "its score is no number.")
        else:
            study.complete(trial.number, mean)

    def _report(self, study: Study, trial: StudyTrial, own: list[Run]) -> bool:
        """Tells Optuna the epochs that it does not know, in their order; True where the trial is
        to be pruned after one of them.
        """
        reached = [run.status.epoch for run in own]
        known = len(trial.scores)
        if max(reached) == known and all(epoch in (0, known) for epoch in reached):
            return False
        for epoch, score in scores_by_epoch(self.sweep, own).items():
            if trial.scores.get(epoch) == score:
                continue
            study.report(trial.number, epoch, score)
            if study.is_to_be_pruned(trial.number):
                return True
        return False

    # ------------------------------------------------------------------------ all of them

    def _end_what_is_over(self, trials: list[StudyTrial], runs: dict[tuple[int, int], Run]) -> None:
        """Of a trial that was pruned or failed, just before everything was killed."""
        over = {trial.number for trial in trials if trial.state in ("pruned", "failed")}
        _cancel_all(run for (number, _), run in runs.items() if number in over and run.withheld)

    def _go_on_with_what_was_paused(self, runs: dict[tuple[int, int], Run]) -> None:
        """The runs that the last stop cancelled, once for each stop."""
        if not self.sweep.record.paused:
            return
        left = []
        for key, run in runs.items():
            if run.id not in self.sweep.record.paused:
                continue
            if run.state == "cancelled":
                runs[key] = _resumed(run)
            elif run.live and store.cancel_requested(run):
                left.append(run.id)  # it still ends
        self.sweep = change(
            self.sweep, lambda record: msgspec.structs.replace(record, paused=tuple(left))
        )

    def _ask_for_more(self, study: Study, runs: dict[tuple[int, int], Run]) -> None:
        """As many runs as can train, and where a trial does not depend on those before it, one
        that waits.
        """
        plan = self.sweep.plan
        wanted = engine.settings().workers + (_AHEAD if plan.method != "tpe" else 0)
        live = sum(not _over(run) for run in runs.values())
        while len(study.trials()) < plan.trials and live < wanted:
            trial = study.ask()
            for place, config in enumerate(plan.configs(trial.params)):
                runs[trial.number, place] = self._submit(trial.number, place, config)
                live += 1


def _resumed(run: Run) -> Run:
    """Back in the queue, unless somebody else has put it there. Raises StoreError."""
    try:
        return engine.resume(run)
    except StoreError:
        now = store.read_run(run.id)
        if not now.live:
            raise
        return now


def _over(run: Run) -> bool:
    return run.state in ("done", "failed", "cancelled") or store.cancel_requested(run)


def _failure(run: Run) -> str:
    """Why the run has no score; "" where it has one or may yet."""
    if failure := run.failure:
        return failure.why
    return "its run was cancelled." if run.state == "cancelled" else ""


def _kept(sweep: Sweep, run: Run) -> float:
    """The run's score at the epoch that it keeps."""
    history = store.read_history(run)
    rows = history[history["epoch"] == run.status.best_epoch]
    return float(rows[sweep.plan.goal.column].iloc[-1]) if len(rows) else float("nan")


def scores_by_epoch(sweep: Sweep, own: Iterable[Run]) -> dict[int, float]:
    """Epoch -> mean over the runs that have reached it."""
    found: dict[int, list[float]] = {}
    for run in own:
        history = store.read_history(run)
        for epoch, score in zip(history["epoch"], history[sweep.plan.goal.column], strict=True):
            found.setdefault(int(epoch), []).append(float(score))
    means = ((epoch, finite_mean(found[epoch])) for epoch in sorted(found))
    return {epoch: mean for epoch, mean in means if mean is not None}


def runs_of(sweep: Sweep, runs: Iterable[Run]) -> dict[tuple[int, int], Run]:
    """(trial, place of the seed) -> its run."""
    found: dict[tuple[int, int], Run] = {}
    for run in runs:  # newest first
        trial = run.record.trial
        if trial is not None and trial.id == sweep.record.id:
            found[trial.number, trial.place] = run
    return found


def pause(sweep: Sweep, runs: Iterable[Run]) -> Sweep:
    """Cancels what waits and trains, and remembers it, so that it goes on when the sweep does."""
    live = [run for run in runs if run.live and run.withheld]
    if not live:
        return sweep
    ids = {run.id for run in live}
    sweep = change(
        sweep,
        lambda record: msgspec.structs.replace(
            record, paused=tuple(sorted(ids | set(record.paused)))
        ),
    )
    _cancel_all(live)
    return sweep


def _cancel_all(runs: Iterable[Run]) -> None:
    """The waiting ones first: else the next would start while the first stops."""
    for run in sorted(runs, key=lambda run: run.state == "running"):
        if not run.live or store.cancel_requested(run):
            continue
        try:
            engine.cancel(run)
        except StoreError:
            if store.read_run(run.id).live:  # else it has just ended by itself
                raise


def _opened(sweep: Sweep) -> Study:
    study = Study.opened(sweep, driving=True)
    if study is None:
        raise StoreError(f"Sweep {sweep.name}", "its journal cannot be made.", "Try again.")
    return study


class Drivers:
    """Drives every sweep of this HAM_HOME that goes on and that nobody else drives, or only the
    one that is named.
    """

    def __init__(self, only: str | None = None) -> None:
        self._only = only
        self.problems: dict[str, HamError] = {}  # sweep -> why it does not go on
        self._held: dict[str, tuple[Driver, filelock.BaseFileLock]] = {}
        self._looked_at: set[str] = set()  # ids of sweeps whose promotions were finished

    def look(self, owner: str = "") -> None:
        """A step of each; what goes wrong in one is told in `problems` and stops no other."""
        sweeps = find_sweeps().sweeps
        for sweep in sweeps:
            if self._only not in (None, sweep.name):
                continue
            try:
                self._finish_promotions(sweep)
                self._step(sweep, owner)
                self.problems.pop(sweep.name, None)
            except HamError as error:
                self._tell(sweep, error)
            # Optuna's, the system's or ours: nothing may end the watching
            except Exception as error:
                self._tell(
                    sweep,
                    StoreError(
                        f"Sweep {sweep.name}",
                        f"stumbled ({type(error).__name__}: {error}).",
                        "It tries again by itself; the log says where.",
                    ),
                    error,
                )
        gone = self._held.keys() - {sweep.name for sweep in sweeps}
        for name in gone:
            self._let_go(name)

    def stop(self) -> None:
        """Lets go of all; another process may drive them."""
        for name in list(self._held):
            self._let_go(name)

    def _step(self, sweep: Sweep, owner: str) -> None:
        if sweep.name not in self._held:
            if sweep.state == "done" or (lock := driver_lock(sweep)) is None:
                return
            self._held[sweep.name] = (Driver(sweep), lock)
        driver, _ = self._held[sweep.name]
        if driver.step(owner).state == "done":
            self._let_go(sweep.name)

    def _let_go(self, name: str) -> None:
        _, lock = self._held.pop(name)
        lock.release()

    def _finish_promotions(self, sweep: Sweep) -> None:
        """Once for each that was there when this process began, and after it none is left."""
        if sweep.record.id not in self._looked_at:
            finish_promotions(sweep)
            self._looked_at.add(sweep.record.id)

    def _tell(self, sweep: Sweep, error: HamError, unexpected: Exception | None = None) -> None:
        if str(self.problems.get(sweep.name)) != str(error):
            _logger.error("%s", error, exc_info=unexpected)
        self.problems[sweep.name] = error
