"""The verb sweep: started, listed, followed, stopped, taken up again, its best trial promoted."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ham import io
from ham.cli.training import start_worker
from ham.cli.verbs import accuracy, open_data
from ham.cli.writing import (
    DONE,
    INTERRUPTED,
    WRONG_INPUT,
    Progress,
    WrongUsage,
    clock,
    write_json,
    write_table,
)
from ham.config import HamError

if TYPE_CHECKING:
    from ham.data import LesionDataset
    from ham.lab.sweep import Plan, Sweep, SweepResult

_POLL_SECONDS = 0.5
_PROBE_SECONDS = 120  # for what a training costs here, before a sweep starts
_NONE = "–"


def sweep(chosen: argparse.Namespace, out: TextIO) -> int:
    """Trains many times over values of settings, decided on validation; alone it lists the
    sweeps, with a name it shows that one.
    """
    from ham.lab import sweep as lab

    if chosen.name is None:
        return _list(chosen, out)
    if chosen.vary:
        found = _start(chosen)
    else:
        _refuse_new_words(chosen)
        found = lab.read_sweep(chosen.name)
    if chosen.stop:
        found = lab.stop_sweep(found)
    elif chosen.resume:
        found = lab.resume_sweep(found)
    elif chosen.promote is not None:
        return _promote(found, chosen, out)
    if chosen.wait:
        return _follow(found, chosen, out)
    if chosen.vary or chosen.resume:
        print(
            "It goes on while the dashboard runs, or with: "
            f"python -m ham sweep {found.name} --wait",
            file=sys.stderr,
        )
    return _show(found, chosen, out)


# ---------------------------------------------------------------------------------- start


def _start(chosen: argparse.Namespace) -> Sweep:
    from ham.config import parse_settings
    from ham.lab import sweep as lab

    if chosen.stop or chosen.resume or chosen.promote is not None:
        raise WrongUsage(
            "--vary", "starts a sweep, which cannot be stopped or promoted yet.", "Do one by one."
        )
    model = chosen.model or "cnn"
    # a model that is none is named by the plan
    space = tuple(lab.parse_values(model, text) for text in chosen.vary) if _known(model) else ()
    plan = lab.make_plan(
        chosen.name,
        model,
        chosen.recipe or "described",
        space,
        fixed=parse_settings(model, chosen.set),
        method=chosen.method or "tpe",
        trials=chosen.trials,
        seeds=1 if chosen.seeds is None else chosen.seeds,
        objective=chosen.objective or "balanced_accuracy",
        pruning=not chosen.no_pruning,
    )
    dataset = open_data(chosen.data)
    print(f"{plan.words}; {_time(plan, dataset)}", file=sys.stderr)
    for line in [*plan.space_in_words(), *plan.notes]:
        print(f"  {line}", file=sys.stderr)
    return lab.create_sweep(plan, dataset.record)


def _known(model: str) -> bool:
    from ham.config import MODEL_SETTINGS

    return model in MODEL_SETTINGS


def _time(plan: Plan, dataset: LesionDataset) -> str:
    """ "about 12 min here", by a few real steps where nothing like it was trained yet."""
    from ham import store
    from ham.lab import sweep as lab
    from ham.report import words

    patience = time.monotonic() + _PROBE_SECONDS
    with Progress() as progress:
        while (found := lab.time_of(plan, dataset, store.find_runs().runs)).measuring:
            if time.monotonic() > patience or _somebody_trains():
                break
            progress.show("Measuring how long that takes here")
            time.sleep(_POLL_SECONDS)
    if found.seconds is None:
        return "how long that takes is known after the first trial"
    pruned = ", less for what is pruned" if plan.pruning else ""
    return f"{words.about(found.seconds)} here{pruned}"


def _somebody_trains() -> bool:
    from ham import store

    return bool(store.find_runs().live)


def _refuse_new_words(chosen: argparse.Namespace) -> None:
    """What only a new sweep takes. Raises WrongUsage."""
    given = {
        "--model": chosen.model,
        "--recipe": chosen.recipe,
        "--set": chosen.set,
        "--method": chosen.method,
        "--trials": chosen.trials,
        "--seeds": chosen.seeds,
        "--objective": chosen.objective,
        "--no-pruning": chosen.no_pruning,
    }
    if words := [word for word, value in given.items() if value]:
        raise WrongUsage(
            f"sweep {chosen.name} {' '.join(words)}",
            "a new sweep varies one setting at least.",
            "Add --vary, as in --vary learning_rate=log:1e-4:1e-2.",
        )


# --------------------------------------------------------------------------------- follow


def _follow(found: Sweep, chosen: argparse.Namespace, out: TextIO) -> int:
    """Drives the sweep until it has ended; the engine and its workers are of this process."""
    from ham import engine
    from ham.lab import sweep as lab

    drivers = lab.Drivers(only=found.name)
    watching = engine.Engine(beside=drivers.look).start()
    try:
        with Progress() as progress:
            while (found := lab.read_sweep(found.name)).state == "running":
                _show_progress(
                    found, drivers.problems.get(found.name) or watching.problem, progress
                )
                time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        print(
            f"\nNothing is lost: python -m ham sweep {found.name} --wait goes on.", file=sys.stderr
        )
        return INTERRUPTED
    finally:
        watching.stop()
        drivers.stop()
    _show(found, chosen, out)
    return DONE if _result(found).best else WRONG_INPUT


def _show_progress(found: Sweep, problem: HamError | None, progress: Progress) -> None:
    from ham.lab import sweep as lab

    if problem is not None:
        progress.show(str(problem))
        return
    result = _result(found)
    best = result.best
    words = lab.sweep_in_words(result).removesuffix(".")
    if best is not None:
        words += f"; best {_score(result, best.study.value)} (trial {best.number})"
    progress.show(words, result.ended, found.plan.trials, result.seconds_left())


def _promote(found: Sweep, chosen: argparse.Namespace, out: TextIO) -> int:
    """Has the trial evaluated by a worker; with --wait to its end."""
    from ham import engine, store
    from ham.lab import sweep as lab

    number = None
    if chosen.promote != "best":
        if not chosen.promote.isdecimal():
            raise WrongUsage(
                f"--promote {chosen.promote}", "it is no trial's number.", "Write one, or none."
            )
        number = int(chosen.promote)
    found, number = lab.promote(found, number, again=chosen.again)
    runs = _result(found).trials[number].runs
    if chosen.wait:
        watching = engine.Engine().start()
        try:
            with Progress() as progress:
                while any(run.live for run in runs):
                    progress.show(f"Trial {number} is asked about the test images")
                    time.sleep(_POLL_SECONDS)
                    runs = [store.read_run(run.id) for run in runs]
        finally:
            watching.stop()
    elif any(run.live for run in runs):
        start_worker()
        print(f"Trial {number} is in the queue to be evaluated.", file=sys.stderr)
    _show(found, chosen, out)
    failed = [run for run in runs if run.state in ("failed", "interrupted", "cancelled")]
    return WRONG_INPUT if failed else DONE


# ----------------------------------------------------------------------------------- show


def _list(chosen: argparse.Namespace, out: TextIO) -> int:
    from ham.lab import sweep as lab

    found = lab.find_sweeps()
    for problem in found.problems:
        print(f"{problem.name} is left out: {problem.error}", file=sys.stderr)
    if chosen.json:
        write_json({"sweeps": [lab.sweep_summary(one) for one in found.sweeps]}, out)
    elif not found.sweeps:
        print(
            "No sweep yet. Start one with: python -m ham sweep NAME --vary "
            "learning_rate=log:1e-4:1e-2 --trials 10 --wait",
            file=sys.stderr,
        )
    else:
        rows = [("sweep", "what", "state", "test looked at")]
        rows += [
            (one.name, one.plan.words, one.state, _times(len(one.record.promoted)))
            for one in found.sweeps
        ]
        write_table(rows, out)
    return DONE


def _times(looks: int) -> str:
    return {0: "never", 1: "once"}.get(looks, f"{looks} times")


def _show(found: Sweep, chosen: argparse.Namespace, out: TextIO) -> int:
    from ham.lab import sweep as lab

    result = _result(found, importance=True)
    if chosen.csv:
        try:
            io.write_file(Path(chosen.csv), lab.trial_table(result).to_csv(index=False).encode())
        except OSError as error:
            raise io.cannot_write(Path(chosen.csv), error) from error
    if chosen.json:
        write_json(lab.sweep_document(result), out)
        return DONE
    print(f"{found.name} ({found.state}): {found.plan.words}", file=out)
    print(f"{lab.sweep_in_words(result)} {lab.looks_in_words(result)}", file=out)
    if result.trials:
        print(file=out)
        write_table(_table(result), out)
    if result.importance:
        shares = ", ".join(
            f"{lab.setting_of(found.plan.model, name).label.lower()} {share:.0%}".replace("%", " %")
            for name, share in result.importance.items()
        )
        print(f"\nImportance (fANOVA): {shares}", file=out)
    for trial in result.promoted:
        for run in trial.runs:
            print(
                f"Trial {trial.number}, run {run.id}: test accuracy {accuracy(run)}"
                if run.scores
                else f"Trial {trial.number}, run {run.id}: not evaluated yet ({run.state})",
                file=out,
            )
    return DONE


def _table(result: SweepResult) -> list[tuple[str, ...]]:
    """The best trial first where all have ended, else in their order."""
    from ham.lab import sweep as lab

    plan, best = result.sweep.plan, result.best
    names = [values.name for values in plan.space]
    head = ("trial", "state", *names, plan.goal.title.lower(), "epochs", "time")
    rows: list[tuple[str, ...]] = [head]
    for trial in result.trials:
        mark = " *" if best is not None and trial.number == best.number else ""
        rows.append(
            (
                f"{trial.number}{mark}",
                lab.state_in_words(trial.state).lower(),
                *(lab.written(trial.study.params[name]) for name in names),
                _score(result, trial.study.value),
                str(trial.epochs),
                clock(trial.seconds) if trial.seconds is not None else _NONE,
            )
        )
    return rows


def _score(result: SweepResult, value: float | None) -> str:
    if value is None:
        return _NONE
    share = f"{value:.1%}".replace("%", " %")
    return share if result.sweep.plan.goal.maximize else f"{value:.4f}"


def _result(found: Sweep, importance: bool = False) -> SweepResult:
    from ham import store
    from ham.lab import sweep as lab

    return lab.read_result(lab.read_sweep(found.name), store.find_runs().runs, importance)
