"""A sweep's folder beside the runs: its plan, whether it goes on, what was promoted.

    runs/.sweeps/NAME/sweep.json    SweepRecord, replaced atomically
                      journal.log   Optuna's: every trial, its settings, its scores an epoch
                      lock          held by who changes sweep.json, for a moment
                      driver.lock   held by who drives it, for as long as that one lives

The trials' runs are ordinary runs; each names its sweep, trial and seed in its own record.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import filelock
import msgspec
from msgspec import Struct

from ham import engine, hosting, io, store
from ham.config import StoreError, runs_folder
from ham.hosting import Act
from ham.io import Count, Text, Time, typed
from ham.lab.sweep.plan import Plan
from ham.store import DataRecord

FORMAT = 1
_NAME = "sweep.json"
_LOCK_SECONDS = 10.0
State = Literal["running", "stopped", "done"]


class Promotion(Struct, frozen=True):
    """The test part was looked at for this trial."""

    trial: Count
    when: Time


class SweepRecord(Struct, frozen=True, kw_only=True):
    """sweep.json."""

    format: Count = FORMAT
    id: Text  # the runs name it: a name may be used again
    plan: Plan
    data: DataRecord
    created: Time
    state: State = "running"
    ended: Time | None = None
    paused: tuple[Text, ...] = ()  # ids of runs that a stop cancelled, to be resumed with it
    promoted: tuple[Promotion, ...] = ()  # in this order


@dataclass(frozen=True)
class Sweep:
    """A sweep as it was when read."""

    folder: Path
    record: SweepRecord

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def plan(self) -> Plan:
        return self.record.plan

    @property
    def state(self) -> State:
        return self.record.state

    @property
    def journal(self) -> Path:
        return self.folder / "journal.log"


@dataclass(frozen=True)
class SweepProblem:
    """A folder that holds no readable sweep, and why."""

    name: str
    error: StoreError


@dataclass(frozen=True)
class FoundSweeps:
    """What lies in the folder of the sweeps."""

    sweeps: list[Sweep]  # newest first
    problems: list[SweepProblem]


def sweeps_folder() -> Path:
    return runs_folder() / ".sweeps"


# -------------------------------------------------------------------------------- reading


def find_sweeps() -> FoundSweeps:
    """Never raises: it is for who shows what there is."""
    sweeps, problems = [], []
    try:
        with os.scandir(sweeps_folder()) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError:  # none yet; the runs folder says for itself what is wrong with it
        names = []
    for name in names:
        try:
            sweeps.append(_read(sweeps_folder() / name))
        except StoreError as error:
            problems.append(SweepProblem(name, error))
    sweeps.sort(key=lambda sweep: (sweep.record.created, sweep.name), reverse=True)
    return FoundSweeps(sweeps, problems)


def read_sweep(name: str) -> Sweep:
    """Raises StoreError where there is none of this name, or it is damaged."""
    known = find_sweeps()
    for sweep in known.sweeps:
        if sweep.name == name:
            return _read(sweep.folder)
    for problem in known.problems:
        if problem.name == name:
            raise problem.error
    raise StoreError(
        f"Sweep {name!r}",
        f"there is no such sweep in {runs_folder()}.",
        "List them with: python -m ham sweep",
    )


def _read(folder: Path) -> Sweep:
    path = folder / _NAME
    try:
        stat = path.stat()
        return Sweep(folder, _parsed(str(path), (stat.st_mtime_ns, stat.st_size, stat.st_ino)))
    except io.DAMAGED as error:
        why = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
        raise StoreError(
            f"Sweep {folder.name}",
            f"its {_NAME} cannot be read: {why}.",
            f"Its runs are safe. Remove the folder {folder} if nobody needs it.",
        ) from error


@functools.lru_cache(maxsize=256)
def _parsed(path: str, version: tuple[int, int, int]) -> SweepRecord:
    """`version` makes a file that was replaced another entry. Raises one of DAMAGED."""
    found = typed(io.read_json(Path(path)), SweepRecord)
    if found.format != FORMAT:
        raise ValueError(f"its format is {found.format}, not {FORMAT}; update HAM Lab")
    return found


# -------------------------------------------------------------------------------- writing


def create_sweep(plan: Plan, data: dict[str, object], *, now: float | None = None) -> Sweep:
    """A sweep of a plan that was checked, which goes on as soon as somebody drives it. `data` is
    `LesionDataset.record`. Raises StoreError where its name is taken, or on a disk that refuses,
    AccessError and LimitError.
    """
    engine.refuse_too_many(1)
    now = time.time() if now is None else now
    _refuse_taken(plan.name)
    record = SweepRecord(
        id=f"{plan.name}-{secrets.token_hex(4)}",
        plan=plan,
        data=typed(dict(data), DataRecord),
        created=now,
    )
    folder = sweeps_folder() / plan.name
    store.make_runs_folder()
    with io.writing(folder, StoreError), io.whole(folder) as draft:
        io.write_json(draft / _NAME, msgspec.to_builtins(record))
    return _read(folder)


def _refuse_taken(name: str) -> None:
    """Two that differ in capitals only would share a folder on some disks."""
    known = find_sweeps()
    taken = [sweep.name for sweep in known.sweeps] + [problem.name for problem in known.problems]
    if name.casefold() in map(str.casefold, taken):
        raise StoreError(
            f"A sweep named {name}",
            "is there already.",
            f"Choose another name, or see it with: python -m ham sweep {name}",
        )


def change(sweep: Sweep, edit: Callable[[SweepRecord], SweepRecord]) -> Sweep:
    """The sweep with its record edited as it is now, on disk too. Raises StoreError and
    AccessError.
    """
    hosting.require(Act.TRAIN)
    with io.writing(sweep.folder, StoreError, f"Sweep {sweep.name}"):
        lock = filelock.FileLock(sweep.folder / "lock", timeout=_LOCK_SECONDS)
        try:
            with lock:
                now = _read(sweep.folder)
                edited = edit(now.record)
                if edited != now.record:
                    io.write_json(sweep.folder / _NAME, msgspec.to_builtins(edited))
                return Sweep(sweep.folder, edited)
        except filelock.Timeout as error:
            raise StoreError(
                f"Sweep {sweep.name}",
                "another process has been changing it for seconds.",
                "Try again.",
            ) from error


@contextlib.contextmanager
def driving(sweep: Sweep) -> Iterator[bool]:
    """Whether this process may drive it for the block: one at a time does. Raises StoreError."""
    lock = driver_lock(sweep)
    if lock is None:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def driver_lock(sweep: Sweep) -> filelock.BaseFileLock | None:
    """Held; None where another drives. Raises StoreError."""
    # released by whichever thread stops the driving
    lock = filelock.FileLock(sweep.folder / "driver.lock", timeout=0, thread_local=False)
    try:
        with io.writing(sweep.folder, StoreError, f"Sweep {sweep.name}"):
            lock.acquire()
    except filelock.Timeout:
        return None
    return lock
