"""The runs folder: runs created, changed, locked, deleted, found; and the runs that ship with
HAM Lab.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import msgspec

import ham
from ham import hosting, io
from ham.config import (
    CODES,
    MODEL_TITLES,
    RECIPES,
    StoreError,
    TrainConfig,
    reference_folder,
    runs_folder,
)
from ham.hosting import Act
from ham.store import notes as notes_file
from ham.store.files import DamagedRunError, reading, writing
from ham.store.folder import RUN_ID, SHIPS, Run, read_folder
from ham.store.notes import Notes
from ham.store.origin import own_origin
from ham.store.record import ENTRIES, FORMAT, Status, TrialRecord, parse_record
from ham.store.repeats import installed_version

log = logging.getLogger(__name__)

_VISITOR = "visitor"
_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow", "scikit-learn")


# -------------------------------------------------------------------------------- write


def create_run(
    config: TrainConfig,
    data: dict[str, Any],
    *,
    now: float | None = None,
    trial: TrialRecord | None = None,
    notes: Notes | None = None,
) -> Run:
    """A new queued run. `data` names the data set: name, source, synthetic, fingerprint, n_images,
    n_lesions. Its trial and its first notes are there with it or not at all. Raises StoreError
    where the runs folder cannot be written.
    """
    now = time.time() if now is None else now
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    run_id = f"{config.model}-{stamp}-{secrets.token_hex(2)}"
    record = {
        "format": FORMAT,
        "id": run_id,
        "created": now,
        "config": config.to_dict(),
        "config_fingerprint": config.fingerprint,
        "code_version": ham.__version__,
        "python": sys.version.split()[0],
        "packages": _package_versions(),
        "classes": list(CODES),
        "data": data,
        "origin": own_origin(),
        **({"trial": msgspec.to_builtins(trial)} if trial is not None else {}),
    }
    status = Status(state="queued", epochs=config.epochs, created=now, order=now)
    folder = runs_folder() / run_id
    make_runs_folder()
    with writing(folder), io.whole(folder) as draft:
        io.write_json(draft / "config.json", record)
        io.write_json(draft / "status.json", msgspec.to_builtins(status))
        if notes is not None:
            io.write_json(draft / notes_file.FILE, notes.to_dict())
        if visitor := hosting.acting().key:
            io.write_file(draft / _VISITOR, visitor.encode())
    return read_folder(folder)


def visitor_of(run: Run) -> str:
    """The key of the visitor who asked for it (`hosting.Person`); "" where none did. It never
    leaves this computer: bundles are without it.
    """
    try:
        return (run.folder / _VISITOR).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def make_runs_folder() -> None:
    """Raises StoreError where it cannot be made, or is there and cannot be read."""
    _run_folders(runs_folder())
    with io.writing(runs_folder(), StoreError):
        runs_folder().mkdir(parents=True, exist_ok=True)


def write_status(run: Run, **changes: object) -> Run:
    """The run with its status changed, on disk too. Raises StoreError."""
    status = msgspec.to_builtins(run.status) | msgspec.to_builtins(changes)
    changed = dataclasses.replace(run, status=io.typed(status, Status))
    with writing(run.folder):
        io.write_json(run.folder / "status.json", status)
    return changed


def write_record(run: Run, **changes: object) -> Run:
    """The run with entries of its record added or replaced, on disk too; None takes one out.

    What else stands in config.json, of other versions too, stays as it is. Raises StoreError, and
    ValueError on what could not be read again.
    """
    path = run.folder / "config.json"
    with writing(run.folder):
        with reading(path):
            content = io.read_json(path)
        for name, value in changes.items():
            content[ENTRIES[name]] = msgspec.to_builtins(value)
            if value is None:
                del content[ENTRIES[name]]
        written = io.json_bytes(content)
        changed = dataclasses.replace(run, record=parse_record(written, f"Run {run.id}"))
        io.write_file(path, written)
    return changed


def write_notes(run: Run, **changes: Any) -> Run:
    """The run with title, tags or text changed, on disk too, also while it trains.

    Raises StoreError on a title, tag or text that is too long or cannot be shown.
    """
    hosting.require(Act.NOTE)
    notes = dataclasses.replace(run.notes, problem="", **changes)
    path = run.folder / notes_file.FILE
    with writing(run.folder):
        if notes == Notes():
            path.unlink(missing_ok=True)
        else:
            io.write_json(path, notes.to_dict())
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
    """Removes the folder. Raises StoreError while somebody trains it, AccessError."""
    hosting.require(Act.DELETE)
    _remove(run.folder)


def delete_damaged(name: str) -> None:
    """Removes a folder that `find_runs` calls damaged. Raises StoreError where it is none of
    these, AccessError.
    """
    hosting.require(Act.DELETE)
    if RUN_ID.fullmatch(name):
        try:
            read_folder(runs_folder() / name)
        except DamagedRunError:
            _remove(runs_folder() / name)
            return
    raise StoreError(f"Run {name!r}", "it is not damaged.", "Look at the list of runs again.")


def _remove(folder: Path) -> None:
    with _lock(folder) as mine:
        if not mine:
            raise StoreError(
                f"Run {folder.name} is being trained",
                "a run cannot be deleted while it works.",
                "Cancel it first.",
            )
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
        yield read_folder(run.folder, alive=False) if mine else None


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


# --------------------------------------------------------------------------------- read


@dataclass(frozen=True)
class Problem:
    """A folder among the runs that holds none that can be read, and why."""

    name: str
    error: StoreError

    @property
    def damaged(self) -> bool:
        """Whether it may as well be deleted: not where a newer version made it, nor where it may
        not be read.
        """
        return isinstance(self.error, DamagedRunError)


@dataclass(frozen=True)
class Found:
    """What lies in the runs folder."""

    runs: list[Run]  # one's own, newest first
    problems: list[Problem]  # by name
    unreadable: StoreError | None = None  # why the runs folder itself cannot be listed

    @functools.cached_property
    def live(self) -> list[Run]:
        """Those that wait or train."""
        return [run for run in self.runs if run.live]

    @functools.cached_property
    def models(self) -> list[Run]:
        """Every run that can answer and be compared: one's own, newest first, then those that
        ship.
        """
        return [run for run in self.runs if run.has_model] + reference_runs()


def find_runs() -> Found:
    """Every run of one's own, and what cannot be read. Never raises: it is for who shows what
    there is.
    """
    try:
        folders = _run_folders(runs_folder())
    except StoreError as error:
        return Found([], [], error)
    runs, problems = [], []
    with _nothing_collected():
        for folder in folders:
            try:
                runs.append(read_folder(folder))
            except StoreError as error:
                if os.path.lexists(folder):  # not one that was deleted meanwhile
                    problems.append(Problem(os.path.basename(folder), error))
    runs.sort(key=lambda run: (run.status.created, run.id), reverse=True)
    return Found(runs, sorted(problems, key=lambda problem: problem.name))


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """Python's collector looks through all records again and again while a long list of them
    grows: a fifth of the time, and it finds nothing.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def list_runs() -> list[Run]:
    """Every readable run of one's own, newest first. Raises StoreError where the runs folder
    cannot be listed: to whoever trains, that is not the same as no run.
    """
    found = find_runs()
    if found.unreadable is not None:
        raise found.unreadable
    return found.runs


def read_run(run_id: str) -> Run:
    """An own run, else one that ships. Raises StoreError where there is none or its folder is
    damaged.
    """
    todo = "List the runs and copy an id from there."
    if not RUN_ID.fullmatch(run_id):
        raise StoreError(f"Run {run_id!r}", "that is no run id.", todo)
    folder = runs_folder() / run_id
    if os.path.isdir(folder):
        return read_folder(folder)
    if os.path.isdir(reference_folder() / run_id):
        return _read_reference(reference_folder() / run_id)
    _run_folders(runs_folder())
    raise StoreError(f"Run {run_id!r}", f"there is no such run in {runs_folder()}.", todo)


def reference_runs() -> list[Run]:
    """The runs that ship with HAM Lab, as models and then recipes are listed. Left out: damaged
    ones, and one whose id a run of one's own has.
    """
    runs = []
    for folder in _run_folders(reference_folder()):
        try:
            run = _read_reference(Path(folder))
        except StoreError as error:
            _warn_once(folder, str(error))
        else:
            if not os.path.isdir(runs_folder() / run.id):
                runs.append(run)
    models, recipes = [*MODEL_TITLES], [*RECIPES]

    def place(run: Run) -> tuple[int, int, str]:
        known = run.config.recipe in recipes
        return (
            models.index(run.config.model),
            recipes.index(run.config.recipe) if known else len(recipes),
            run.id,
        )

    return sorted(runs, key=place)


def _run_folders(folder: Path) -> list[str]:
    """Empty where there is no such folder yet. Raises StoreError where it is there and cannot be
    listed.
    """
    todo = "Give yourself the right to read it, or set HAM_HOME to another folder."
    try:
        with os.scandir(folder) as entries:
            return [
                entry.path
                for entry in entries
                if RUN_ID.fullmatch(entry.name) and _is_folder(entry)
            ]
    except FileNotFoundError:
        if link := next((place for place in (folder, *folder.parents) if place.is_symlink()), None):
            raise StoreError(
                f"The folder {folder}",
                f"{link} is a link to a place that is not there.",
                "Mend the link, or connect the disk that it leads to.",
            ) from None
        return []
    except NotADirectoryError:
        place = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        raise StoreError(
            f"The folder {folder}",
            f"{place} is a file, and a folder must stand there.",
            "Move the file away, or set HAM_HOME to another folder.",
        ) from None
    except OSError as error:
        raise StoreError(
            f"The folder {folder}", f"it cannot be read ({error.strerror or error}).", todo
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _read_reference(folder: Path) -> Run:
    """A run that ships. Nobody trains it, so no lock is asked for: asking would make a file."""
    run = read_folder(folder, alive=False)
    if run.state != "done" or not run.has_model:
        raise StoreError(f"Run {run.id}", f"it {SHIPS} and is not whole.", "Install HAM Lab again.")
    return run


@functools.lru_cache(maxsize=64)
def _warn_once(folder: str, words: str) -> None:
    """Every page looks at these folders at every click; the log is told once."""
    log.warning("%s %s and is left out: %s", folder, SHIPS, words)


def _package_versions() -> dict[str, str]:
    known = ((package, installed_version(package)) for package in _PACKAGES)
    return {package: version for package, version in known if version is not None}
