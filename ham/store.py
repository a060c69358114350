"""Run folders: everything known about a training, whole or not at all.

A run is a folder under `config.runs_folder()`, readable without TensorFlow and without pickle:

    config.json       every setting, versions, data and split fingerprints, and at the end the
                      model's SHA-256 and its scores
    status.json       state, epoch, times, error; replaced atomically
    history.csv       a row an epoch
    checkpoint/       last.npz and best.npz while the run can be resumed
    model.keras       the model of the best epoch
    predictions.npz   image ids, lesions, y_true and proba of validation and test
    log.txt           what happened, a line each
    lock              held by the process that trains, for as long as it lives
    cancel            there when somebody asked the run to stop

Who is alive is told by the lock alone: the operating system frees it when its process ends,
however it ends. A run whose status says running and whose lock is free was interrupted.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import hashlib
import importlib.metadata
import io
import json
import math
import os
import re
import secrets
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np
import pandas as pd

import ham
from ham.config import CODES, MODEL_TITLES, N_CLASSES, RECIPES, HamError, StoreError, TrainConfig, runs_folder

FORMAT = 1
STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")
HISTORY_COLUMNS = (
    "epoch", "loss", "accuracy", "balanced_accuracy", "validation_loss", "validation_accuracy",
    "validation_balanced_accuracy", "learning_rate", "seconds", *(f"recall_{code}" for code in CODES),
)
_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow", "scikit-learn")
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)  # what reading a damaged file raises
_RUN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_PROBE_SECONDS = 0.02  # a probe of another process holds the lock for microseconds, a trainer for minutes


@dataclass(frozen=True)
class Status:
    """Where a run stands. Times are Unix seconds; None where it has not happened yet."""

    state: str
    epochs: int
    created: float
    order: float  # place in the queue: lowest first
    epoch: int = 0  # epochs completed
    step: int = 0  # gradient steps done in the current epoch
    steps: int = 0  # gradient steps of an epoch
    phase: str = ""  # what it does now, in words: "loading the data", "training", "evaluating"
    started: float | None = None
    updated: float | None = None
    ended: float | None = None
    seconds_left: float | None = None
    best_epoch: int | None = None
    attempts: int = 0  # times a worker took the run up
    owner: str | None = None  # the engine's task that took it up last
    error: dict[str, str] | None = None  # what, why, todo


@dataclass(frozen=True)
class Predictions:
    """A model's answers on one part of a split, rows in the order of the part."""

    image_id: np.ndarray  # str (n,)
    lesion: np.ndarray  # int64 (n,), rows of one lesion share a number
    y_true: np.ndarray  # int64 (n,), index in CLASSES
    proba: np.ndarray  # float32 (n, 7), rows sum to 1, columns in CLASSES order


@dataclass(frozen=True)
class Run:
    """A run folder as it was when read."""

    id: str
    folder: Path
    config: TrainConfig
    record: dict  # config.json, whole
    status: Status

    @property
    def state(self) -> str:
        return self.status.state

    @property
    def live(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def has_model(self) -> bool:
        """Whether it ended with a model and predictions (done, or cancelled after an epoch)."""
        return "model" in self.record and "evaluation" in self.record and not self.live

    @property
    def title(self) -> str:
        """For people: "CNN, as described, seed 1"."""
        recipe = RECIPES[self.config.recipe].title.lower() if self.config.recipe in RECIPES else self.config.recipe
        return f"{MODEL_TITLES[self.config.model]}, {recipe}, seed {self.config.seed}"


# -------------------------------------------------------------------------------- write


def create_run(config: TrainConfig, data: dict, *, now: float | None = None) -> Run:
    """A new queued run. `data` names the data set: name, source, synthetic, fingerprint, n_images,
    n_lesions. Raises StoreError where the runs folder cannot be written.
    """
    now = time.time() if now is None else now
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    run_id = f"{config.model}-{stamp}-{secrets.token_hex(2)}"
    record = {
        "format": FORMAT, "id": run_id, "created": now, "config": config.to_dict(),
        "config_fingerprint": config.fingerprint, "code_version": ham.__version__, "python": sys.version.split()[0],
        "packages": _package_versions(), "classes": list(CODES), "data": data,
    }
    status = Status(state="queued", epochs=config.epochs, created=now, order=now)
    folder = runs_folder() / run_id
    with writing(folder):
        runs_folder().mkdir(parents=True, exist_ok=True)
        fresh = runs_folder() / f".new-{run_id}"
        fresh.mkdir()
        _write_json(fresh / "config.json", record)
        _write_json(fresh / "status.json", dataclasses.asdict(status))
        fresh.rename(folder)
    return Run(run_id, folder, config, record, status)


def write_status(run: Run, **changes: object) -> Run:
    """The run with its status changed, on disk too. Raises StoreError."""
    changed = dataclasses.replace(run, status=dataclasses.replace(run.status, **changes))
    with writing(run.folder):
        _write_json(run.folder / "status.json", dataclasses.asdict(changed.status))
    return changed


def write_record(run: Run, **changes: object) -> Run:
    """The run with entries of config.json added or changed, on disk too. Raises StoreError."""
    changed = dataclasses.replace(run, record={**run.record, **changes})
    with writing(run.folder):
        _write_json(run.folder / "config.json", changed.record)
    return changed


def append_history(run: Run, row: dict[str, float]) -> None:
    """Adds an epoch's row; `row` has HISTORY_COLUMNS. Raises StoreError."""
    with writing(run.folder):
        path = run.folder / "history.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, HISTORY_COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)


def truncate_history(run: Run, epochs: int) -> pd.DataFrame:
    """Keeps the first `epochs` rows, as a resume from that epoch needs; returns them."""
    history = read_history(run)
    kept = history[history["epoch"] <= epochs].drop_duplicates("epoch", keep="last")
    with writing(run.folder):
        if kept.empty:
            (run.folder / "history.csv").unlink(missing_ok=True)
        else:
            write_file(run.folder / "history.csv", kept.to_csv(index=False).encode())
    return kept


def write_predictions(run: Run, parts: dict[str, Predictions]) -> None:
    """Writes "validation" and "test". Raises StoreError."""
    arrays = {f"{part}_{name}": getattr(predictions, name)
              for part, predictions in parts.items() for name in ("image_id", "lesion", "y_true", "proba")}
    with writing(run.folder):
        write_arrays(run.folder / "predictions.npz", arrays)


def write_log(run: Run, line: str, *, now: float | None = None) -> None:
    """Adds a line to log.txt, with the time. Raises StoreError."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    with writing(run.folder), (run.folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"{stamp}  {line}\n")


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file whole: after a crash it holds the old content or the new, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(2)}")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Replaces an .npz file whole."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_file(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an .npz file, and no pickle. Raises one of `DAMAGED`."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def request_cancel(run: Run) -> None:
    """Asks the process that trains the run to stop after its current step."""
    with writing(run.folder):
        (run.folder / "cancel").touch()


def cancel_requested(run: Run) -> bool:
    return (run.folder / "cancel").exists()


def withdraw_cancel(run: Run) -> None:
    with writing(run.folder):
        (run.folder / "cancel").unlink(missing_ok=True)


def delete_run(run: Run) -> None:
    """Removes the folder. Raises StoreError while somebody trains it."""
    with claim(run) as mine:
        if not mine:
            raise StoreError(f"Run {run.id} is being trained", "a run cannot be deleted while it works.",
                             "Cancel it first.")
        with writing(run.folder):  # out of sight at once, however long removing takes
            gone = runs_folder() / f".deleted-{run.id}-{secrets.token_hex(2)}"
            run.folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


# --------------------------------------------------------------------------------- lock


@contextlib.contextmanager
def claim(run: Run, wait_seconds: float = 0.5) -> Iterator[Run | None]:
    """Holds the run's lock for the block; None where another process holds it.

    Yields the run as it is now that nobody else can change it: it is never running, because
    who trains holds the lock. Raises StoreError where the folder is gone or cannot be written.
    """
    lock = filelock.FileLock(run.folder / "lock", timeout=wait_seconds, poll_interval=0.01)
    try:
        with writing(run.folder):
            if not run.folder.is_dir():
                raise FileNotFoundError("the run is gone")
            lock.acquire()
    except filelock.Timeout:
        yield None
        return
    try:
        yield _read_folder(run.folder, alive=False)
    finally:
        lock.release()


def _is_alive(folder: Path) -> bool:
    """Whether some process holds the run's lock."""
    lock = filelock.FileLock(folder / "lock", timeout=_PROBE_SECONDS, poll_interval=0.005)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except OSError:  # a folder that only can be read is trained by nobody
        return False
    lock.release()
    return False


# --------------------------------------------------------------------------------- read


def read_run(run_id: str) -> Run:
    """Raises StoreError where there is no such run or its folder is damaged."""
    if not _RUN_ID.fullmatch(run_id):
        raise StoreError(f"Run {run_id!r}", "that is no run id.", "List the runs and copy an id from there.")
    folder = runs_folder() / run_id
    if not folder.is_dir():
        raise StoreError(f"Run {run_id!r}", f"there is no such run in {runs_folder()}.",
                         "List the runs and copy an id from there.")
    return _read_folder(folder)


def list_runs() -> list[Run]:
    """Every readable run, newest first. Damaged folders are left to `damaged_runs`."""
    runs = []
    for folder in _run_folders():
        with contextlib.suppress(StoreError):
            runs.append(_read_folder(folder))
    return sorted(runs, key=lambda run: run.status.created, reverse=True)


def damaged_runs() -> list[tuple[str, StoreError]]:
    """Folders that hold no readable run, with the reason."""
    damaged = []
    for folder in _run_folders():
        try:
            _read_folder(folder)
        except StoreError as error:
            if folder.exists():  # not one that was deleted meanwhile
                damaged.append((folder.name, error))
    return damaged


def read_history(run: Run) -> pd.DataFrame:
    """A row an epoch, HISTORY_COLUMNS as float64 but `epoch` as int64; empty before the first.

    A last row that a crash cut short is left out. Raises StoreError on anything else.
    """
    path = run.folder / "history.csv"
    rows = []
    if path.exists():
        with _reading(path), path.open(newline="") as file:
            lines = list(csv.reader(file))
        for number, line in enumerate(lines[1:], start=2):
            try:
                rows.append([float(value) for value in line])
                if len(line) != len(HISTORY_COLUMNS):
                    raise ValueError("wrong number of fields")
            except ValueError as error:
                if number == len(lines):
                    rows = rows[:number - 2]
                    break
                raise _damaged(path, f"line {number}: {error}") from error
    return pd.DataFrame(rows, columns=list(HISTORY_COLUMNS), dtype=float).astype({"epoch": int})


def read_predictions(run: Run) -> dict[str, Predictions]:
    """"validation" and "test". Raises StoreError where the file is missing or damaged."""
    path = run.folder / "predictions.npz"
    with _reading(path):
        arrays = read_arrays(path)
        parts = {part: Predictions(*(arrays[f"{part}_{name}"] for name in ("image_id", "lesion", "y_true", "proba")))
                 for part in ("validation", "test")}
    for part in parts.values():
        if not (len(part.image_id) == len(part.lesion) == len(part.y_true)) or \
                part.proba.shape != (len(part.y_true), N_CLASSES):
            raise _damaged(path, "its arrays do not fit together")
    return parts


def read_log(run: Run) -> str:
    path = run.folder / "log.txt"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def checked_model_path(run: Run) -> Path:
    """model.keras, after its SHA-256 was found to be the recorded one. Raises StoreError."""
    path = run.folder / "model.keras"
    recorded = run.record.get("model", {}).get("sha256")
    with _reading(path):
        found = file_sha256(path)
    if found != recorded:
        raise StoreError(f"The model of {run.id}", "its file is not the one this run saved (SHA-256 differs).",
                         "Train it again; a changed model file is never loaded.")
    return path


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run_folders() -> list[Path]:
    folder = runs_folder()
    if not folder.is_dir():
        return []
    return [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir() and _RUN_ID.fullmatch(entry.name)]


def _read_folder(folder: Path, alive: bool | None = None) -> Run:
    """The run; `alive` says whether somebody trains it, where the caller knows."""
    record_path, status_path = folder / "config.json", folder / "status.json"
    record, config = _read_record(record_path, _version_of(record_path))
    status = _read_status(status_path, _version_of(status_path))
    if status.state == "running" and not (_is_alive(folder) if alive is None else alive):
        # the trainer may have ended between the two looks
        status = _read_status(status_path, _version_of(status_path))
        if status.state == "running":
            status = dataclasses.replace(status, state="interrupted", seconds_left=None)
    return Run(folder.name, folder, config, record, status)


def _version_of(path: Path) -> tuple[int, int, int]:
    with _reading(path):
        found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


@functools.lru_cache(maxsize=8192)  # the version is part of the key: a replaced file is read again
def _read_record(path: Path, version: tuple) -> tuple[dict, TrainConfig]:
    record = _read_json(path)
    if record.get("format") != FORMAT:
        raise StoreError(f"Run {path.parent.name}", f"it has format {record.get('format')!r}, we read {FORMAT}.",
                         "Open it with the version of HAM Lab that wrote it.")
    if record.get("classes") != list(CODES):
        raise _damaged(path, "its class order is not ours")
    try:
        return record, TrainConfig.from_dict(record["config"])
    except (HamError, KeyError, TypeError) as error:
        raise _damaged(path, f"its settings cannot be read ({error})") from error


@functools.lru_cache(maxsize=8192)
def _read_status(path: Path, version: tuple) -> Status:
    try:
        status = Status(**_read_json(path))
    except TypeError as error:
        raise _damaged(path, str(error)) from error
    if status.state not in STATES:
        raise _damaged(path, f"its state is {status.state!r}")
    return status


# -------------------------------------------------------------------------------- files


def _read_json(path: Path) -> dict:
    with _reading(path):
        found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise _damaged(path, "it holds no JSON object")
    return found


def _write_json(path: Path, content: dict) -> None:
    write_file(path, json.dumps(_json_ready(content), indent=1, allow_nan=False).encode())


def _json_ready(value: object) -> object:
    """Numbers that JSON has no word for become null."""
    if isinstance(value, dict):
        return {key: _json_ready(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _package_versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(f"Run {path.parent.name}", f"{path.name} is damaged: {why}.", "Delete the run or train it again.")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise _damaged(path, "it is missing") from error
    except DAMAGED as error:
        raise _damaged(path, str(error)) from error


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the operating system refuses in the block, as a StoreError about this run folder."""
    try:
        yield
    except filelock.Timeout:  # an OSError too, but says that somebody works there
        raise
    except OSError as error:
        raise StoreError(f"Run {folder.name}", f"{folder.parent} cannot be written ({error.strerror or error}).",
                         "Free some space or name another folder in HAM_HOME, then try again.") from error
