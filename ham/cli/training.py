"""The verb train: a run is queued, a worker started, and with --wait followed to its end."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

from ham.cli.verbs import accuracy, open_data
from ham.cli.writing import DONE, INTERRUPTED, WRONG_INPUT, Progress, clock
from ham.config import MODEL_SETTINGS, ConfigError, EngineError, HamError

if TYPE_CHECKING:
    import subprocess

    from ham.config import TrainConfig
    from ham.store import Run

_POLL_SECONDS = 0.5
_SCHEDULER_SECONDS = 30  # in which a Dask scheduler takes the work, or another server had it


def train(chosen: argparse.Namespace, out: TextIO) -> int:
    """Queues a training; with --wait follows it to its end. The run's id is the last line."""
    from ham import engine

    config, dataset = _train_config(chosen), open_data(chosen.data)
    run = engine.submit(config, dataset.record)
    try:
        worker = start_worker()
        ended = _follow(run, worker) if chosen.wait else run
    except EngineError:
        print(f"{run.id} stays in the queue.", file=sys.stderr)
        raise
    except KeyboardInterrupt:
        with contextlib.suppress(HamError):
            engine.cancel(run)
        print(f"\nCancelling {run.id}; what was trained so far is kept.", file=sys.stderr)
        print(run.id, file=out)
        return INTERRUPTED
    if chosen.wait:
        _say_how_it_ended(ended)
    else:
        print(
            "Queued. Follow it with: python -m ham runs. Stop it with: python -m ham cancel "
            f"{run.id}",
            file=sys.stderr,
        )
    print(run.id, file=out)
    return WRONG_INPUT if ended.state in ("failed", "interrupted") else DONE


def _train_config(chosen: argparse.Namespace) -> TrainConfig:
    from ham.config import parse_settings, recipe_config

    pairs = [*chosen.set, *([f"split={chosen.split}"] if chosen.split else [])]
    if chosen.model not in MODEL_SETTINGS:
        raise ConfigError(
            f"--model {chosen.model}",
            f"it must be one of {', '.join(MODEL_SETTINGS)}.",
            "Choose one of these.",
        )
    return recipe_config(chosen.recipe, chosen.model, **parse_settings(chosen.model, pairs))


def start_worker() -> subprocess.Popen[bytes] | None:
    """As the page does it. None with a Dask scheduler: its workers do it."""
    from ham import engine

    if not os.environ.get("DASK_SCHEDULER_ADDRESS"):
        return engine.start_worker()
    watching, patience = engine.Engine().start(), time.monotonic() + _SCHEDULER_SECONDS
    # without a worker for good where another server works
    while not (watching.has_workers or watching.problem) and time.monotonic() < patience:
        time.sleep(0.1)
    if watching.problem is not None:
        raise watching.problem
    return None


def _follow(run: Run, worker: subprocess.Popen[bytes] | None) -> Run:
    """Shows the run's progress until it has ended; returns it as it ended. Raises EngineError."""
    from ham import engine, store
    from ham.config import home_folder

    with Progress() as progress:
        while run.live:
            status = run.status
            if run.state == "queued":
                progress.show(
                    f"waiting: {engine.waits_for(store.find_runs().runs) or 'it is taken up.'}"
                )
            elif status.phase != "training":
                progress.show(status.phase)
            else:
                progress.show(
                    f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}",
                    status.step,
                    status.steps,
                    status.seconds_left,
                )
            time.sleep(_POLL_SECONDS)
            status_of_worker = worker.poll() if worker else None
            run = store.read_run(run.id)
            # read after the worker's end: nobody will take it up
            if status_of_worker is not None and run.state == "queued":
                raise EngineError(
                    f"Run {run.id}",
                    f"the process that trains ended with status {status_of_worker}.",
                    f"{home_folder() / 'work.log'} says why. Start it again with: "
                    "python -m ham work",
                )
    return run


def _say_how_it_ended(run: Run) -> None:
    if error := run.failure:
        print(f"{error.what}: {error.why}\n{error.todo}", file=sys.stderr)
    elif run.state == "interrupted":
        print(
            f"Run {run.id}: its process ended before its time.\nResume it on the Training page.",
            file=sys.stderr,
        )
    else:
        seconds = (run.status.ended or 0) - (run.status.started or 0)
        epochs = f"{run.status.epoch} epoch{'s' if run.status.epoch != 1 else ''}"
        print(
            f"{run.title}: {run.state} after {epochs} and {clock(seconds)}, "
            f"test accuracy {accuracy(run)}",
            file=sys.stderr,
        )
