"""The sweep's study in Optuna: which settings a trial gets, what it scored, whether it is pruned.

Optuna's own journal holds it (JournalStorage). Who writes holds the sweep's driver lock, so the
journal needs none of its own, which a killed process would leave behind.

A trial comes into being in one line of the journal with all its settings: a copy of the study in
memory is asked for them. Its sampler is seeded by the trial's number, so a sweep that was stopped
or killed goes on with the very suggestions that it would have got, and no trial is suggested twice.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ham import io
from ham.config import StoreError
from ham.lab.sweep.folder import Sweep
from ham.lab.sweep.plan import Plan
from ham.lab.sweep.space import Value, Values, combinations, listed, rounded, setting_of

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileOpenLock
    from optuna.trial import FrozenTrial

TrialState = Literal["running", "complete", "pruned", "failed"]
_WHY = "why"  # user attribute of a failed trial
_START_TRIALS = 5  # so many complete trials before one is pruned: Optuna's own number
_FEWEST_RANDOM, _MOST_RANDOM = 4, 10  # trials before TPE begins
_TRIES = 50  # for settings that no trial had
_FEWEST_FOR_IMPORTANCE = 4  # complete trials


@dataclass(frozen=True)
class StudyTrial:
    """A trial as the journal has it."""

    number: int
    state: TrialState
    params: dict[str, Value]
    value: float | None  # of one that is complete: the mean over its runs
    scores: dict[int, float]  # epoch -> mean over the runs that have reached it
    why: str  # it failed
    started: float | None  # Unix seconds
    ended: float | None


class Study:
    """Of one sweep. Whoever calls a verb that writes holds the sweep's `driving`."""

    def __init__(self, sweep: Sweep, study: optuna.Study, storage: JournalStorage) -> None:
        self.sweep, self.plan = sweep, sweep.plan
        self._study, self._storage = study, storage

    @classmethod
    def opened(cls, sweep: Sweep, driving: bool = False) -> Study | None:
        """None where nobody has driven the sweep yet; with `driving` it is made then, and a last
        line of the journal that a crash cut short is removed. Raises StoreError.
        """
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if not driving and not sweep.journal.exists():
            return None
        with _damage(sweep):
            if driving:
                _mend(sweep.journal)
            storage = JournalStorage(
                JournalFileBackend(str(sweep.journal), _no_lock(sweep.journal))
            )
            made = any(study.study_name == sweep.name for study in storage.get_all_studies())
            if not made and not driving:
                return None
            study = optuna.create_study(
                storage=storage,
                study_name=sweep.name,
                direction=_direction(sweep.plan),
                load_if_exists=True,
                sampler=optuna.samplers.RandomSampler(seed=0),  # the copies have their own
            )
        return cls(sweep, study, storage)

    # -------------------------------------------------------------------------- reading

    def trials(self) -> list[StudyTrial]:
        """By number. Raises StoreError where the journal is damaged."""
        with _damage(self.sweep):
            return [_read(trial) for trial in self._frozen()]

    def importance(self) -> dict[str, float]:
        """Share of the scores' variance that a setting explains (fANOVA: Hutter, Hoos,
        Leyton-Brown 2014), the largest first; they add up to 1. Empty before four trials are
        complete, or where all have one score.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        done = [trial.value for trial in self.trials() if trial.value is not None]
        if len(done) < _FEWEST_FOR_IMPORTANCE or max(done) == min(done):
            return {}
        found = get_param_importances(self._study, evaluator=FanovaImportanceEvaluator(seed=0))
        return {name: float(share) for name, share in found.items()}

    # -------------------------------------------------------------------------- writing

    def ask(self) -> StudyTrial:
        """The next trial, with settings that none before it had."""
        import optuna
        from optuna.trial import TrialState as State

        frozen = self._frozen()
        params = self._suggested(frozen)
        self._study.add_trial(
            optuna.create_trial(
                state=State.RUNNING, params=params, distributions=_distributions(self.plan)
            )
        )
        return _read(self._frozen()[len(frozen)])

    def report(self, number: int, epoch: int, score: float) -> None:
        """What the trial scores after this epoch."""
        if self._frozen()[number].intermediate_values.get(epoch) != score:
            self._storage.set_trial_intermediate_value(self._id(number), epoch, score)

    def is_to_be_pruned(self, number: int) -> bool:
        """Whether its best so far is worse than the median of the complete trials at its last
        epoch; never before five trials are complete, nor in the trial's first epochs.
        """
        import optuna

        if not self.plan.pruning:
            return False

        trial = self._frozen()[number]
        epochs = self.plan.configs(_params(trial))[0].epochs
        pruner = optuna.pruners.MedianPruner(
            n_startup_trials=_START_TRIALS, n_warmup_steps=self.plan.warm_up(epochs)
        )
        return pruner.prune(self._study, trial)

    def complete(self, number: int, value: float) -> None:
        from optuna.trial import TrialState as State

        self._study.tell(number, value, State.COMPLETE)

    def prune(self, number: int) -> None:
        from optuna.trial import TrialState as State

        self._study.tell(number, state=State.PRUNED)

    def fail(self, number: int, why: str) -> None:
        from optuna.trial import TrialState as State

        self._storage.set_trial_user_attr(self._id(number), _WHY, why[:500])
        self._study.tell(number, state=State.FAIL)

    def _id(self, number: int) -> int:
        """The trial's in the journal."""
        study_id = self._storage.get_study_id_from_name(self.sweep.name)
        return self._storage.get_trial_id_from_study_id_trial_number(study_id, number)

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    # ---------------------------------------------------------------------- suggestions

    def _suggested(self, frozen: list[FrozenTrial]) -> dict[str, Value]:
        """The settings of the trial after these: the same whenever and by whomever it is asked."""
        number = len(frozen)
        if self.plan.method == "grid":
            return combinations(self.plan.model, self.plan.space)[number]
        tried = [_params(trial) for trial in frozen]
        for again in range(_TRIES):
            found = self._drawn(frozen, _seed(self.plan.seed, number, again))
            if found not in tried:
                return found
        # few combinations are left: the first of them
        every = combinations(self.plan.model, self.plan.space)
        return next((params for params in every if params not in tried), found)

    def _drawn(self, frozen: list[FrozenTrial], seed: int) -> dict[str, Value]:
        import optuna

        copied = optuna.create_study(
            direction=_direction(self.plan), sampler=_sampler(self.plan, seed)
        )
        copied.add_trials(frozen)
        drawn = copied.ask(_distributions(self.plan)).params
        return {
            values.name: _settled(self.plan, values, drawn[values.name])
            for values in self.plan.space
        }


def _sampler(plan: Plan, seed: int) -> BaseSampler:
    import optuna

    if plan.method == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=min(_MOST_RANDOM, max(_FEWEST_RANDOM, plan.trials // 4)),
    )


def _seed(seed: int, number: int, again: int) -> int:
    """One for each, far from those of another sweep's seed."""
    return (seed * 1_000_003 + number * 1_009 + again * 7_919) % 2**31


def _distributions(plan: Plan) -> dict[str, BaseDistribution]:
    return {values.name: _distribution(plan, values) for values in plan.space}


def _distribution(plan: Plan, values: Values) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    declared = setting_of(plan.model, values.name)
    if values.scale == "list" or values.points:
        return CategoricalDistribution(listed(plan.model, values) or ())
    log = values.scale == "log"
    if isinstance(declared.default, int):
        step = declared.multiple_of
        return IntDistribution(int(values.low), int(values.high), log=log, step=step)
    return FloatDistribution(values.low, values.high, log=log)


def _settled(plan: Plan, values: Values, drawn: Value) -> Value:
    """As a person would write it; the journal holds this very value."""
    if values.scale == "list" or values.points or isinstance(drawn, str):
        return drawn
    return rounded(setting_of(plan.model, values.name), values, drawn)


def _direction(plan: Plan) -> Literal["maximize", "minimize"]:
    return "maximize" if plan.goal.maximize else "minimize"


# ---------------------------------------------------------------------------- the journal


def _read(trial: FrozenTrial) -> StudyTrial:
    from optuna.trial import TrialState as State

    states: dict[State, TrialState] = {
        State.COMPLETE: "complete",
        State.PRUNED: "pruned",
        State.FAIL: "failed",
    }
    state = states.get(trial.state, "running")
    return StudyTrial(
        number=trial.number,
        state=state,
        params=_params(trial),
        value=trial.value if state == "complete" else None,
        scores=dict(sorted(trial.intermediate_values.items())),
        why=str(trial.user_attrs.get(_WHY, "")),
        started=trial.datetime_start.timestamp() if trial.datetime_start else None,
        ended=trial.datetime_complete.timestamp() if trial.datetime_complete else None,
    )


def _params(trial: FrozenTrial) -> dict[str, Value]:
    return dict(trial.params)


def _no_lock(journal: Path) -> JournalFileOpenLock:
    """For who is alone anyway: whoever writes holds the sweep's driver lock."""
    from optuna.storages.journal import JournalFileOpenLock

    class Alone(JournalFileOpenLock):
        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    return Alone(str(journal))


def _mend(journal: Path) -> None:
    """Takes away a last line that was not written to its end: what it said did not happen, and
    the driver finds out anew. Raises OSError.
    """
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


@contextlib.contextmanager
def _damage(sweep: Sweep) -> Iterator[None]:
    try:
        yield
    except io.DAMAGED as error:
        raise StoreError(
            f"Sweep {sweep.name}",
            f"its journal.log cannot be read ({type(error).__name__}: {error}).",
            f"Its runs are safe. Start another sweep, and remove {sweep.folder} if nobody needs "
            "it.",
        ) from error


def finite_mean(values: list[float]) -> float | None:
    """None where one of them is no number."""
    mean = sum(values) / len(values)
    return mean if math.isfinite(mean) else None
