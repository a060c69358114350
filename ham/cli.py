"""python -m ham: the dashboard's verbs without a browser.

Answers go to standard output, everything else (progress, warnings, what libraries print) to
standard error. Exit status: 0 all of it worked; 1 some images of many were refused, the others
answered; 2 wrong usage or input, with what came in, why it does not work and what to do next;
130 stopped by Ctrl-C. Modules that take long to import are imported by the verb that needs them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import ham
from ham.config import (
    CLASSES,
    CODES,
    DISCLAIMER,
    MODEL_SETTINGS,
    RECIPES,
    SETTINGS,
    ConfigError,
    DataError,
    EngineError,
    HamError,
)

if TYPE_CHECKING:
    from ham.data import LesionDataset
    from ham.store import Run

DONE, SOME_REFUSED, WRONG_INPUT, BUG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141
_POLL_SECONDS = 0.5
_SCHEDULER_SECONDS = 30  # in which a Dask scheduler takes the work, or another server had it


class _WrongUsage(HamError):
    """The command line itself."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    try:
        chosen = _parser().parse_args(arguments)
        with _answers() as out:
            return chosen.run(chosen, out)
    except HamError as error:
        print(f"{error.what}: {error.why}\n{error.todo}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has read enough
        return PIPE_CLOSED
    except Exception:
        traceback.print_exc()
        print("This is a mistake in HAM Lab: please report it with the lines above.", file=sys.stderr)
        return BUG


# ------------------------------------------------------------------------------- verbs


def data(chosen: argparse.Namespace, out: TextIO) -> int:
    """The data set in use: where it is, what is in it."""
    import numpy as np

    dataset = _open_data(chosen.data)
    counts = np.bincount(dataset.labels, minlength=len(CLASSES)).tolist()
    if chosen.json:
        names = ("name", "source", "n_images", "n_lesions", "synthetic", "fingerprint")
        _write_json({name: dataset.record[name] for name in names} | {"counts": dict(zip(CODES, counts, strict=True))},
                    out)
        return DONE
    badge = " (synthetic)" if dataset.synthetic else ""
    print(f"{dataset.name}{badge}: {dataset.n_images:,} images of {dataset.n_lesions:,} lesions", file=out)
    print(f"{dataset.source}\nfingerprint {dataset.fingerprint}\n", file=out)
    _write_table([("class", "images", "share"), *(
        (c.title, f"{count:,}", f"{100 * count / dataset.n_images:.1f} %")
        for c, count in zip(CLASSES, counts, strict=True))], out)
    return DONE


def train(chosen: argparse.Namespace, out: TextIO) -> int:
    """Queues a training; with --wait follows it to its end. The run's id is the last line."""
    from ham import engine

    config, dataset = _train_config(chosen), _open_data(chosen.data)
    run = engine.submit(config, dataset.record)
    try:
        worker = _start_worker()
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
        print(f"Queued. Follow it with: python -m ham runs. Stop it with: python -m ham cancel {run.id}",
              file=sys.stderr)
    print(run.id, file=out)
    return WRONG_INPUT if ended.state in ("failed", "interrupted") else DONE


def runs(chosen: argparse.Namespace, out: TextIO) -> int:
    """Every run, newest first."""
    from ham import store

    found = store.list_runs()
    for name, error in store.damaged_runs():
        print(f"{name} is left out: {error}", file=sys.stderr)
    if chosen.json:
        _write_json({"runs": [_run_record(run) for run in found]}, out)
    elif not found:
        print("No run yet. Start one with: python -m ham train --model cnn --wait", file=sys.stderr)
    else:
        _write_table([("run", "what", "split", "state", "epoch", "test accuracy"), *(
            (run.id, run.title, run.config.split, run.state, f"{run.status.epoch}/{run.status.epochs}", _accuracy(run))
            for run in found)], out)
    return DONE


def evaluate(chosen: argparse.Namespace, out: TextIO) -> int:
    """Scores of runs on their test images, with 95 % intervals."""
    from ham import evaluation, store

    records, shown = [], []
    for run in [store.read_run(run_id) for run_id in chosen.runs]:
        test = store.read_predictions(run)["test"]
        found = evaluation.evaluate(test.y_true, test.proba, test.lesion)
        records.append({"run": run.id, "title": run.title, **evaluation.evaluation_record(found)})
        shown.append((run, found))
    if len({(run.record["data"]["fingerprint"], run.record["split"]["test_fingerprint"]) for run, _ in shown}) > 1:
        print("These runs were tested on different images: their scores cannot be compared.", file=sys.stderr)
    if chosen.json:
        _write_json({"runs": records}, out)
        return DONE
    for run, found in shown:
        leaking = ", a leaking split" if run.record["split"]["leaking"] else ""
        print(f"{run.id}: {run.title}, {found.n_images:,} test images of {found.n_lesions:,} lesions "
              f"(split by {run.config.split}{leaking})", file=out)
        _write_table([(f"  {score.title}", evaluation.format_score(key, found.scores[key]))
                      for key, score in evaluation.SCORES.items()], out)
    return DONE


def predict(chosen: argparse.Namespace, out: TextIO) -> int:
    """What a run makes of images. A refused image does not keep the others from being answered."""
    from ham import prediction, store

    run = store.read_run(chosen.run_id)
    entries, accepted = [], []
    for path in chosen.images:
        entry = {"image": path, "run": run.id, "label": None, "probabilities": None}
        entries.append(entry)
        try:
            accepted.append((entry, prediction.check_image(path, _read_image(path))))
        except HamError as error:
            entry["error"] = str(error)
            print(f"{error.what}: {error.why}\n{error.todo}", file=sys.stderr)
    if accepted:
        answers = prediction.predict([image for _, image in accepted], [prediction.Predictor(run)])
        for (entry, _), answer in zip(accepted, answers, strict=True):
            entry["label"] = CODES[answer.label]
            entry["probabilities"] = {code: round(float(p), 6) for code, p in zip(CODES, answer.proba, strict=True)}
    if chosen.json:
        _write_json(entries, out)
    else:
        _write_answers(entries, out)
    if len(accepted) == len(entries):
        return DONE
    return SOME_REFUSED if accepted else WRONG_INPUT


def cancel(chosen: argparse.Namespace, out: TextIO) -> int:
    """Stops runs; what was trained so far is kept."""
    from ham import engine, store

    for run in [store.read_run(run_id) for run_id in chosen.runs]:
        engine.cancel(run)
        print(run.id, file=out)
    return DONE


def work(chosen: argparse.Namespace, out: TextIO) -> int:
    """Trains what waits in the queue, one run at a time, until it is empty (`train` starts this by itself)."""
    from ham import engine
    from ham.config import home_folder

    while engine.queue():
        if not engine.work(str(home_folder()), f"cli-{os.getpid()}-{time.time_ns()}"):
            time.sleep(1)  # another worker trains; it may leave a run behind
    return DONE


# ------------------------------------------------------------------------------- parts


def _open_data(folder: str | None) -> LesionDataset:
    from ham import data as data_module

    source = Path(folder).expanduser() if folder else data_module.current_source()
    if source is None:
        raise DataError("No data", "HAM_DATA names no folder, and none was chosen on the page.",
                        "Set HAM_DATA=/path/to/ham10000, or add --data /path/to/ham10000.")
    with _Progress() as progress:
        return data_module.open_dataset(source, lambda done, total, what: progress.show(what, done, total))


def _train_config(chosen: argparse.Namespace):
    from ham.config import parse_settings, recipe_config

    pairs = [*chosen.set, *([f"split={chosen.split}"] if chosen.split else [])]
    if chosen.model not in MODEL_SETTINGS:
        raise ConfigError(f"--model {chosen.model}", f"it must be one of {', '.join(MODEL_SETTINGS)}.",
                          "Choose one of these.")
    return recipe_config(chosen.recipe, chosen.model, **parse_settings(chosen.model, pairs))


def _start_worker() -> subprocess.Popen | None:
    """A process of its own that outlives this one. None with a Dask scheduler: its workers do it."""
    from ham.config import home_folder

    if os.environ.get("DASK_SCHEDULER_ADDRESS"):
        from ham.engine import Engine

        engine, patience = Engine().start(), time.monotonic() + _SCHEDULER_SECONDS
        while engine.state == "idle" and time.monotonic() < patience:  # idle for good where another server works
            time.sleep(0.1)
        if engine.problem is not None:
            raise engine.problem
        return None
    root = str(Path(ham.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
                   "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (home_folder() / "work.log").open("w") as log:
        return subprocess.Popen([sys.executable, "-m", "ham", "work"], env=environment, start_new_session=True,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _follow(run: Run, worker: subprocess.Popen | None) -> Run:
    """Shows the run's progress until it has ended; returns it as it ended. Raises EngineError."""
    from ham import store
    from ham.config import home_folder

    with _Progress() as progress:
        while run.live:
            status = run.status
            if run.state == "queued":
                progress.show("waiting for its turn")
            elif status.phase != "training":
                progress.show(status.phase)
            else:
                progress.show(f"epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}", status.step,
                              status.steps, status.seconds_left)
            time.sleep(_POLL_SECONDS)
            ended = worker is not None and worker.poll() is not None
            run = store.read_run(run.id)
            if ended and run.state == "queued":  # read after the worker's end: nobody will take it up
                raise EngineError(f"Run {run.id}", f"the process that trains ended with status {worker.returncode}.",
                                  f"{home_folder() / 'work.log'} says why. Start it again with: python -m ham work")
    return run


def _say_how_it_ended(run: Run) -> None:
    if error := run.status.error:
        print(f"{error['what']}: {error['why']}\n{error['todo']}", file=sys.stderr)
    elif run.state == "interrupted":
        print(f"Run {run.id}: its process ended before its time.\nResume it on the Training page.", file=sys.stderr)
    else:
        seconds = (run.status.ended or 0) - (run.status.started or 0)
        epochs = f"{run.status.epoch} epoch{'s' if run.status.epoch != 1 else ''}"
        print(f"{run.title}: {run.state} after {epochs} and {_clock(seconds)}, "
              f"test accuracy {_accuracy(run)}", file=sys.stderr)


def _run_record(run: Run) -> dict:
    status = run.status
    return {
        "run": run.id, "title": run.title, "state": run.state, "model": run.config.model, "recipe": run.config.recipe,
        "split": run.config.split, "seed": run.config.seed, "epoch": status.epoch, "epochs": status.epochs,
        "seconds_left": status.seconds_left, "created": status.created, "started": status.started,
        "ended": status.ended, "error": status.error, "data": run.record["data"],
        "scores": run.record.get("evaluation", {}).get("scores"),
    }


def _accuracy(run: Run) -> str:
    from ham.evaluation import percent, scores_from_record

    return percent(scores_from_record(run.record["evaluation"])["accuracy"]) if "evaluation" in run.record else "–"


def _read_image(path: str) -> bytes:
    from ham.config import ImageError

    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(path, f"it cannot be read ({error.strerror}).", "Check the path.") from error


# ----------------------------------------------------------------------------- writing


@contextlib.contextmanager
def _answers() -> Iterator[TextIO]:
    """Standard output for our answers alone: what libraries write there, their native code too,
    goes to standard error for the length of the block."""
    sys.stdout.flush()
    try:
        standard, errors = sys.stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):  # no real files, as under a test
        out = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):
            yield out
        return
    ours = os.dup(standard)
    os.dup2(errors, standard)
    try:
        with (os.fdopen(os.dup(ours), "w", encoding="utf-8", errors="backslashreplace") as out,
              contextlib.redirect_stdout(sys.stderr)):
            yield out
    finally:
        os.dup2(ours, standard)
        os.close(ours)


class _Progress:
    """One line on standard error that moves; on a file, a line whenever its words change."""

    def __init__(self) -> None:
        self._moves = sys.stderr.isatty()
        self._last = ""

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._moves and self._last:
            print("\r" + " " * len(self._last) + "\r", end="", file=sys.stderr, flush=True)

    def show(self, what: str, done: int = 0, total: int = 0, seconds_left: float | None = None) -> None:
        left = f", {_clock(seconds_left)} left" if seconds_left is not None else ""
        if not self._moves:
            if what != self._last:
                print(f"{what}{left}", file=sys.stderr, flush=True)
            self._last = what
            return
        line = f"{what}{f': {done:,} of {total:,}' if total else ''}{left}"
        print("\r" + line.ljust(len(self._last)), end="", file=sys.stderr, flush=True)
        self._last = line


def _clock(seconds: float) -> str:
    """75 -> "1:15"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _write_json(document: object, out: TextIO) -> None:
    print(json.dumps(document, indent=1, allow_nan=False), file=out)


def _write_table(rows: list[tuple[str, ...]], out: TextIO) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)


def _write_answers(entries: list[dict], out: TextIO) -> None:
    titles = {c.code: f"{c.title}, {'malignant' if c.malignant else 'benign'}" for c in CLASSES}
    for entry in entries:
        if "error" in entry:
            print(f"{entry['image']}: refused", file=out)
            continue
        likely = sorted(entry["probabilities"].items(), key=lambda item: -item[1])[:3]
        print(f"{entry['image']}: " + "; ".join(f"{titles[code]} {100 * p:.0f} %" for code, p in likely), file=out)
    print(f"{DISCLAIMER}.", file=sys.stderr)


# ------------------------------------------------------------------------------ parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _WrongUsage(self.prog, f"{message}.", f"See {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m ham", description=f"HAM Lab without a browser. {DISCLAIMER}.",
                     epilog="Runs and the cache lie in HAM_HOME, the data where HAM_DATA says.")
    parser.add_argument("--version", action="version", version=ham.__version__)
    verbs = parser.add_subparsers(required=True, metavar="COMMAND", title="commands", dest="command")

    def verb(function, json_too: bool = False) -> argparse.ArgumentParser:
        words = function.__doc__
        added = verbs.add_parser(function.__name__, description=words, help=words.replace("%", "%%"))
        added.set_defaults(run=function)
        if json_too:
            added.add_argument("--json", action="store_true", help="one JSON document on standard output")
        return added

    folder = {"metavar": "FOLDER", "help": "the data in Kaggle's layout (default: HAM_DATA, or as chosen on the page)"}
    verb(data, json_too=True).add_argument("--data", **folder)
    training = verb(train)
    training.formatter_class = argparse.RawDescriptionHelpFormatter
    training.epilog = _settings_help()
    training.add_argument("--model", default="cnn", help=f"{', '.join(MODEL_SETTINGS)} (default: cnn)")
    training.add_argument("--recipe", default="described", help=f"{', '.join(RECIPES)} (default: described)")
    training.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting; may be repeated")
    training.add_argument("--split", help="short for --set split=...")
    training.add_argument("--data", **folder)
    training.add_argument("--wait", action="store_true", help="stay until it has ended, showing the time left")
    verb(runs, json_too=True)
    verb(evaluate, json_too=True).add_argument("runs", nargs="+", metavar="RUN")
    asking = verb(predict, json_too=True)
    asking.add_argument("run_id", metavar="RUN")
    asking.add_argument("images", nargs="+", metavar="IMAGE")
    verb(cancel).add_argument("runs", nargs="+", metavar="RUN")
    verb(work)
    return parser


def _settings_help() -> str:
    lines = ["settings of every model:", *(f"  {s.name:24} {s.allowed} (default: {s.default})" for s in SETTINGS)]
    for model, settings in MODEL_SETTINGS.items():
        lines += [f"settings of {model}:", *(f"  {s.name:24} {s.allowed} (default: {s.default})" for s in settings)]
    return "\n".join(lines)
