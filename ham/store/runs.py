"""The run folder itself: create, status, lock, list, read, delete; and the runs that ship with HAM Lab."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.metadata
import logging
import math
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import filelock

import ham
from ham.config import (
    CODES,
    MODEL_TITLES,
    RECIPES,
    HamError,
    StoreError,
    TrainConfig,
    reference_folder,
    runs_folder,
)
from ham.store import notes as notes_file
from ham.store.files import DAMAGED, parse_json, reading, ships, write_json, writing
from ham.store.notes import Notes
from ham.store.origin import origin

log = logging.getLogger(__name__)

FORMAT = 1
STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")
RUN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow", "scikit-learn")
SHIPS = "ships with HAM Lab"
SYNTHETIC = "synthetic data"
_CHUNK = 65536  # bytes
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
class Run:
    """A run folder as it was when read."""

    id: str
    folder: Path
    config: TrainConfig
    record: dict  # config.json, whole
    status: Status
    notes: Notes = field(default_factory=Notes)

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
    def shipped(self) -> bool:
        """Whether it ships with HAM Lab: it can be read, asked and exported, and never changed."""
        return ships(self.folder)

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on synthetic data, so that it knows nothing of real lesions."""
        return bool(self.record["data"].get("synthetic"))

    @property
    def title(self) -> str:
        """For people: the one they gave it, else `own_title`; what was trained on synthetic data says so."""
        return (self.notes.title or self.own_title) + (f" ({SYNTHETIC})" if self.synthetic else "")

    @property
    def own_title(self) -> str:
        """From the settings: "CNN, as described, seed 1", or "CNN, as described (ships with HAM Lab)"."""
        return f"{self.short_title} ({SHIPS})" if self.shipped else f"{self.short_title}, seed {self.config.seed}"

    @property
    def short_title(self) -> str:
        """"CNN, as described": model and recipe alone."""
        recipe = RECIPES[self.config.recipe].title.lower() if self.config.recipe in RECIPES else self.config.recipe
        return f"{MODEL_TITLES[self.config.model]}, {recipe}"


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
        "origin": origin(),
    }
    status = Status(state="queued", epochs=config.epochs, created=now, order=now)
    folder = runs_folder() / run_id
    with writing(folder):
        runs_folder().mkdir(parents=True, exist_ok=True)
        fresh = runs_folder() / f".new-{run_id}"
        fresh.mkdir()
        write_json(fresh / "config.json", record)
        write_json(fresh / "status.json", dataclasses.asdict(status))
        fresh.rename(folder)
    return Run(run_id, folder, config, record, status)


def write_status(run: Run, **changes: object) -> Run:
    """The run with its status changed, on disk too. Raises StoreError."""
    changed = dataclasses.replace(run, status=dataclasses.replace(run.status, **changes))
    with writing(run.folder):
        write_json(run.folder / "status.json", dataclasses.asdict(changed.status))
    return changed


def write_record(run: Run, **changes: object) -> Run:
    """The run with entries of config.json added or changed, on disk too; None takes one out. Raises StoreError."""
    record = {name: value for name, value in {**run.record, **changes}.items() if value is not None}
    changed = dataclasses.replace(run, record=record)
    with writing(run.folder):
        write_json(run.folder / "config.json", changed.record)
    return changed


def write_notes(run: Run, **changes: object) -> Run:
    """The run with title, tags or text changed, on disk too, also while it trains.

    Raises StoreError on a title, tag or text that is too long or cannot be shown.
    """
    notes = dataclasses.replace(run.notes, problem="", **changes)
    path = run.folder / notes_file.FILE
    with writing(run.folder):
        if notes == Notes():
            path.unlink(missing_ok=True)
        else:
            write_json(path, notes.to_dict())
    return dataclasses.replace(run, notes=notes)


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
    _remove(run.folder)


def delete_damaged(name: str) -> None:
    """Removes a folder that `damaged_runs` lists. Raises StoreError where it is none of these."""
    if RUN_ID.fullmatch(name):
        try:
            _read_folder(runs_folder() / name)
        except StoreError:
            _remove(runs_folder() / name)
            return
    raise StoreError(f"Run {name!r}", "it is not damaged.", "Look at the list of runs again.")


def _remove(folder: Path) -> None:
    with _lock(folder) as mine:
        if not mine:
            raise StoreError(f"Run {folder.name} is being trained", "a run cannot be deleted while it works.",
                             "Cancel it first.")
        with writing(folder):  # out of sight at once, however long removing takes
            gone = folder.with_name(f".deleted-{folder.name}-{secrets.token_hex(2)}")
            folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


# --------------------------------------------------------------------------------- lock


@contextlib.contextmanager
def claim(run: Run, wait_seconds: float = 0.5) -> Iterator[Run | None]:
    """Holds the run's lock for the block; None where another process holds it.

    Yields the run as it is now that nobody else can change it: it is never running, because
    who trains holds the lock. Raises StoreError where the folder is gone or cannot be written.
    """
    with _lock(run.folder, wait_seconds) as mine:
        yield _read_folder(run.folder, alive=False) if mine else None


@contextlib.contextmanager
def _lock(folder: Path, wait_seconds: float = 0.5) -> Iterator[bool]:
    lock = filelock.FileLock(folder / "lock", timeout=wait_seconds, poll_interval=0.01)
    try:
        with writing(folder):
            if not folder.is_dir():
                raise FileNotFoundError("the run is gone")
            lock.acquire()
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
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
    """An own run, else one that ships. Raises StoreError where there is none or its folder is damaged."""
    if not RUN_ID.fullmatch(run_id):
        raise StoreError(f"Run {run_id!r}", "that is no run id.", "List the runs and copy an id from there.")
    folder = runs_folder() / run_id
    if not folder.is_dir() and (reference_folder() / run_id).is_dir():
        return _read_reference(reference_folder() / run_id)
    if not folder.is_dir():
        raise StoreError(f"Run {run_id!r}", f"there is no such run in {runs_folder()}.",
                         "List the runs and copy an id from there.")
    return _read_folder(folder)


def list_runs() -> list[Run]:
    """Every readable run of one's own, newest first. Damaged folders are left to `damaged_runs`."""
    runs = []
    for folder in _run_folders(runs_folder()):
        with contextlib.suppress(StoreError):
            runs.append(_read_folder(folder))
    return sorted(runs, key=lambda run: (run.status.created, run.id), reverse=True)


def reference_runs() -> list[Run]:
    """The runs that ship with HAM Lab, as models and then recipes are listed. Left out: damaged ones, and one whose
    id a run of one's own has.
    """
    runs = []
    for folder in _run_folders(reference_folder()):
        try:
            run = _read_reference(Path(folder))
        except StoreError as error:
            _warn_once(folder, str(error))
        else:
            if not (runs_folder() / run.id).is_dir():
                runs.append(run)
    models, recipes = [*MODEL_TITLES], [*RECIPES]

    def place(run: Run) -> tuple:
        known = run.config.recipe in recipes
        return models.index(run.config.model), recipes.index(run.config.recipe) if known else len(recipes), run.id

    return sorted(runs, key=place)


def models() -> list[Run]:
    """Every run that can answer and be compared: one's own, newest first, then those that ship."""
    return [run for run in list_runs() if run.has_model] + reference_runs()


def damaged_runs() -> list[tuple[str, StoreError]]:
    """Folders that hold no readable run, with the reason, by name."""
    found = []
    for folder in _run_folders(runs_folder()):
        try:
            _read_folder(folder)
        except StoreError as error:
            if os.path.exists(folder):  # not one that was deleted meanwhile
                found.append((os.path.basename(folder), error))
    return sorted(found, key=lambda entry: entry[0])


def _run_folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry.path for entry in entries if RUN_ID.fullmatch(entry.name) and entry.is_dir()]


def _read_reference(folder: Path) -> Run:
    """A run that ships. Nobody trains it, so no lock is asked for: asking would make a file."""
    run = _read_folder(folder, alive=False)
    if run.state != "done" or not run.has_model:
        raise StoreError(f"Run {run.id}", f"it {SHIPS} and is not whole.", "Install HAM Lab again.")
    return run


@functools.lru_cache(maxsize=64)
def _warn_once(folder: str, words: str) -> None:
    """Every page looks at these folders at every click; the log is told once."""
    log.warning("%s %s and is left out: %s", folder, SHIPS, words)


def _read_folder(folder: Path | str, alive: bool | None = None) -> Run:
    """The run; `alive` says whether somebody trains it, where the caller knows."""
    run = _read_version(str(folder), *_versions(str(folder)))
    if run.state == "running" and not (_is_alive(run.folder) if alive is None else alive):
        # the trainer may have ended between the two looks
        run = _read_version(str(folder), *_versions(str(folder)))
        if run.state == "running":
            return dataclasses.replace(
                run, status=dataclasses.replace(run.status, state="interrupted", seconds_left=None))
    return run


def _versions(folder: str) -> tuple[tuple, tuple, tuple | None]:
    """What tells that status.json, config.json or notes.json was written anew. Raises StoreError.

    The status comes first, here and in the reading: a training writes its result before its end, so whoever sees
    the end sees the result.
    """
    found = []
    for name in ("status.json", "config.json", notes_file.FILE):
        try:
            stat = os.stat(f"{folder}/{name}")
        except OSError:
            if name != notes_file.FILE:
                with reading(Path(folder, name)):
                    raise
            found.append(None)
        else:
            found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


# The version is part of every key: a file that was replaced is read again. The three files have
# their own caches because a training replaces status.json twice a second and config.json hardly ever.
# Folders are text here: 2,000 of them are listed, and making and hashing Paths took most of the time.


@functools.lru_cache(maxsize=8192)
def _read_version(folder: str, status: tuple, record: tuple, notes: tuple | None) -> Run:
    try:
        where = _read_status(folder, status)
    except DAMAGED as error:
        with reading(Path(folder, "status.json")):
            raise error
    try:
        content, config = _read_record(folder, record)
    except DAMAGED as error:
        with reading(Path(folder, "config.json")):
            raise error
    path = Path(folder)
    return Run(path.name, path, config, content, where, _read_notes(folder, notes) if notes else Notes())


@functools.lru_cache(maxsize=8192)
def _read_record(folder: str, version: tuple) -> tuple[dict, TrainConfig]:
    record = parse_json(_read_bytes(f"{folder}/config.json"))
    check_format(record, f"Run {os.path.basename(folder)}")
    return record, config_of(record)


@functools.lru_cache(maxsize=8192)
def _read_status(folder: str, version: tuple) -> Status:
    return status_from(parse_json(_read_bytes(f"{folder}/status.json")))


@functools.lru_cache(maxsize=8192)
def _read_notes(folder: str, version: tuple) -> Notes:
    """A damaged file says so in `problem` and breaks nothing."""
    try:
        if version[1] > notes_file.MAX_BYTES:
            raise ValueError("it is too large")
        return Notes.from_dict(parse_json(_read_bytes(f"{folder}/{notes_file.FILE}")))
    except StoreError as error:
        return Notes(problem=f"{notes_file.FILE} is damaged: {error}")
    except DAMAGED as error:
        return Notes(problem=f"{notes_file.FILE} is damaged: {error}.")


def _read_bytes(path: str) -> bytes:
    """The whole file; a file object costs more than the reading."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        content = part = os.read(descriptor, _CHUNK)
        while len(part) == _CHUNK:
            part = os.read(descriptor, _CHUNK)
            content += part
        return content
    finally:
        os.close(descriptor)


# -------------------------------------------------------------------------------- parse


def check_format(record: dict, what: str) -> None:
    if record.get("format") != FORMAT:
        raise StoreError(what, f"it has format {record.get('format')!r}, we read {FORMAT}.",
                         "Open it with the version of HAM Lab that wrote it.")


def config_of(record: dict) -> TrainConfig:
    """The settings in a config.json. Raises ValueError where they, or the entries beside them, are not ours."""
    if record.get("classes") != list(CODES):
        raise ValueError("its class order is not ours")
    for name in ("data", "split", "model", "evaluation", "parameters"):
        if not isinstance(record.get(name, {}), dict):
            raise ValueError(f"its entry {name} is no JSON object")
    try:
        return TrainConfig(**record["config"])
    except (HamError, KeyError, TypeError) as error:
        raise ValueError(f"its settings cannot be read ({error})") from error


def status_from(content: dict) -> Status:
    """Raises ValueError where it is no status of ours, so that what is shown and sorted has its type."""
    try:
        status = Status(**content)
    except TypeError as error:
        raise ValueError(str(error)) from error
    for name, kinds in _STATUS_KINDS.items():
        value = getattr(status, name)
        kind = type(value)
        if kind not in kinds or (kind is float and not math.isfinite(value)):
            raise ValueError(f"its {name} is {value!r}")
    if status.state not in STATES:
        raise ValueError(f"its state is {status.state!r}")
    if status.error is not None and (set(status.error) != {"what", "why", "todo"}
                                     or not all(isinstance(words, str) for words in status.error.values())):
        raise ValueError("its error is not in three parts")
    return status


_KINDS = {"str": (str,), "int": (int,), "float": (int, float), "dict[str, str]": (dict,), "None": (type(None),)}
_STATUS_KINDS = {entry.name: tuple(kind for part in entry.type.split(" | ") for kind in _KINDS[part])
                 for entry in dataclasses.fields(Status)}


def _package_versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
