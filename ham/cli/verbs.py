"""The short verbs: data, runs, cancel, work."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

import msgspec

from ham.cli.writing import (
    DONE,
    SOME_REFUSED,
    WRONG_INPUT,
    Progress,
    show_error,
    write_json,
    write_table,
)
from ham.config import CLASSES, CODES, EngineError, HamError

_LOOK_AGAIN_SECONDS = 1.0  # at a queue that another process empties
_LOCKED_SECONDS = 10.0  # after which a run that nobody trains is not waited for any more

if TYPE_CHECKING:
    from ham.data import LesionDataset
    from ham.prediction import Marks
    from ham.store import Run


def data(chosen: argparse.Namespace, out: TextIO) -> int:
    """The data set in use: where it is, what is in it."""
    import numpy as np

    dataset = open_data(chosen.data)
    marks = _marks(dataset, chosen.gate)
    counts = np.bincount(dataset.labels, minlength=len(CLASSES)).tolist()
    if chosen.json:
        names = ("name", "source", "n_images", "n_lesions", "synthetic", "fingerprint")
        write_json(
            {name: getattr(dataset, name) for name in names}
            | {"counts": dict(zip(CODES, counts, strict=True)), "notes": list(dataset.notes)}
            | {"unlike_training": None if marks is None else _marks_record(dataset, marks)},
            out,
        )
        return DONE
    badge = " (synthetic)" if dataset.synthetic else ""
    print(
        f"{dataset.name}{badge}: {dataset.n_images:,} images of {dataset.n_lesions:,} lesions",
        file=out,
    )
    print(f"{dataset.source}\nfingerprint {dataset.fingerprint}\n", file=out)
    for note in dataset.notes:
        print(note, file=out)
    if marks is not None:
        print(_marks_in_words(dataset, marks), file=out)
    write_table(
        [
            ("class", "images", "share"),
            *(
                (c.title, f"{count:,}", f"{100 * count / dataset.n_images:.1f} %")
                for c, count in zip(CLASSES, counts, strict=True)
            ),
        ],
        out,
    )
    return DONE


def _marks(dataset: LesionDataset, look: bool) -> Marks | None:
    """The images that are unlike those that models learn from; None where nobody looked yet and
    nobody asks for it. Raises StoreError.
    """
    from ham import prediction

    found = prediction.kept_marks(dataset)
    if found is None and look:
        with Progress() as progress:
            progress.show("Getting ready to look at the images")
            found = prediction.unlike_training(
                dataset,
                prediction.gate(),
                lambda done, total, what: progress.show(what, done, total),
            )
    return found


def _marks_record(dataset: LesionDataset, marks: Marks) -> dict[str, object]:
    image_ids = dataset.metadata["image_id"].iloc[marks.rows].tolist()
    return {
        "n": len(image_ids),
        "images": dict(zip(image_ids, marks.reasons, strict=True)),
    }


def _marks_in_words(dataset: LesionDataset, marks: Marks) -> str:
    finding = marks.finding()
    if finding is None:
        return f"All {dataset.n_images:,} images look like dermatoscopic photographs.\n"
    counted = "; ".join(f"{reason} ({n:,})" for reason, n in marks.counted())
    return f"{finding.title}: {counted}.\n"


def runs(chosen: argparse.Namespace, out: TextIO) -> int:
    """Every run, newest first, then those that ship with HAM Lab."""
    from ham import store

    own = store.find_runs()
    if own.unreadable is not None:
        show_error(own.unreadable)
    for problem in own.problems:
        print(f"{problem.name} is left out: {problem.error}", file=sys.stderr)
    found = own.runs + store.reference_runs()
    if chosen.json:
        write_json({"runs": [_run_record(run) for run in found]}, out)
    elif not found and own.unreadable is None:
        print("No run yet. Start one with: python -m ham train --model cnn --wait", file=sys.stderr)
    else:
        write_table(
            [
                ("run", "what", "split", "state", "epoch", "test accuracy"),
                *(
                    (
                        run.id,
                        run.title,
                        run.config.split,
                        run.state,
                        f"{run.status.epoch}/{run.status.epochs}",
                        accuracy(run),
                    )
                    for run in found
                ),
            ],
            out,
        )
    return DONE if own.unreadable is None else WRONG_INPUT


def cancel(chosen: argparse.Namespace, out: TextIO) -> int:
    """Stops runs; what was trained so far is kept."""
    from ham import engine, store

    for run in [store.read_run(run_id) for run_id in chosen.runs]:
        engine.cancel(run)
        print(run.id, file=out)
    return DONE


def work(chosen: argparse.Namespace, out: TextIO) -> int:
    """Trains what waits in the queue, one run at a time, until it is empty (`train` starts this
    by itself).

    While another process trains it waits, since that one may leave a run behind. A run that nobody
    trains and that cannot be taken up either is waited for some seconds.
    """
    from ham import engine
    from ham.config import home_folder

    if chosen.engine:
        return _work_for(chosen.engine, out)
    owner = f"cli-{os.getpid()}-{time.time_ns()}"
    refused: dict[str, HamError] = {}
    locked_since = None
    with Progress() as progress:
        while True:
            worked = engine.work(str(home_folder().absolute()), owner)
            refused |= worked.refused
            waiting = [run for run in engine.queue() if run.id not in worked.refused]
            if not waiting:
                break
            if worked.trained or worked.slots_taken:
                locked_since = None
            if worked.slots_taken:
                progress.show(f"{len(waiting)} in the queue; {engine.waits_for(waiting)}")
            elif not worked.trained:
                locked_since = locked_since or time.monotonic()
                if time.monotonic() - locked_since > _LOCKED_SECONDS:
                    raise EngineError(
                        f"Run {waiting[0].id}",
                        "another process holds it and does not train it.",
                        "End that process, or take the run out of the queue: "
                        f"python -m ham cancel {waiting[0].id}",
                    )
                progress.show(f"another process holds {waiting[0].id}")
            time.sleep(_LOOK_AGAIN_SECONDS)
    for error in refused.values():
        show_error(error)
    return SOME_REFUSED if refused else DONE


def _work_for(owner: str, out: TextIO) -> int:
    """For an engine, which reads why a run could not be taken up from standard output."""
    from ham import engine

    try:
        refused = [*engine.work_for(owner).values()]
    except HamError as error:
        refused = [error]
    for first in refused[:1]:
        write_json({"what": first.what, "why": first.why, "todo": first.todo}, out)
    return SOME_REFUSED if refused else DONE


def open_data(folder: str | None) -> LesionDataset:
    from ham import data as data_module

    source = folder or data_module.current_source()
    with Progress() as progress:
        found = data_module.open_dataset(
            source, lambda done, total, what: progress.show(what, done, total)
        )
    if found.synthetic:
        print(
            "These are the synthetic demo data: nothing learned from them says anything about skin "
            "lesions. For the real data set HAM_DATA, or add --data /path/to/ham10000.",
            file=sys.stderr,
        )
    return found


def _run_record(run: Run) -> dict[str, object]:
    from ham.evaluation import intervals_record

    status = run.status
    return {
        "run": run.id,
        "title": run.title,
        "state": run.state,
        "model": run.config.model,
        "recipe": run.config.recipe,
        "split": run.config.split,
        "seed": run.config.seed,
        "epoch": status.epoch,
        "epochs": status.epochs,
        "seconds_left": status.seconds_left,
        "created": status.created,
        "started": status.started,
        "ended": status.ended,
        "error": msgspec.to_builtins(status.error),
        "data": msgspec.to_builtins(run.record.data),
        "scores": intervals_record(run.scores) if run.scores else None,
        "shipped": run.shipped,
    }


def accuracy(run: Run) -> str:
    from ham.evaluation import percent

    return percent(run.scores["accuracy"]) if run.scores else "–"
