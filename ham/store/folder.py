"""One run folder as it is: the run in it, who is alive there, and its reading, which a list of
2,000 repeats.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import filelock
import msgspec

from ham import io
from ham.config import HamError, StoreError, TrainConfig, config_title
from ham.evaluation import Interval
from ham.store import notes as notes_file
from ham.store.files import reading, ships
from ham.store.notes import Notes
from ham.store.record import RunRecord, Status, check_format, parse_record, parse_status

RUN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
SHIPS = "ships with HAM Lab"
SYNTHETIC = "synthetic data"
# a probe of another process holds the lock for microseconds, a trainer for minutes
_PROBE_SECONDS = 0.02

_Version = tuple[int, int, int]  # of a file: when it was written, its size, its place


@dataclass(frozen=True)
class Run:
    """A run folder as it was when read. What follows from it is found out once: lists of 2,000 are
    drawn again and again.
    """

    id: str
    folder: Path
    record: RunRecord  # config.json
    status: Status
    notes: Notes = field(default_factory=Notes)

    @property
    def config(self) -> TrainConfig:
        return self.record.config

    @property
    def state(self) -> str:
        return self.status.state

    @property
    def live(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def failure(self) -> HamError | None:
        """Why it failed; None where it did not."""
        if self.state != "failed":
            return None
        found = self.status.error
        if found is None:
            return HamError(
                self.title,
                "it failed and left no reason.",
                "Read its log on the Training page.",
            )
        return HamError(found.what, found.why, found.todo)

    @property
    def has_model(self) -> bool:
        """Whether it ended with a model and predictions (done, or cancelled after an epoch)."""
        return self.record.model is not None and not self.live

    @property
    def withheld(self) -> bool:
        """Whether it belongs to a sweep and nobody looked at its test images: see TrialRecord."""
        return self.record.trial is not None and self.record.trial.withheld

    @functools.cached_property
    def scores(self) -> dict[str, Interval] | None:
        """On its test images, by keys of evaluation.SCORES; None without a model, and while it
        waits or trains: what was scored before is not what it will be worth.
        """
        found = self.record.evaluation
        return found.to_scores() if found is not None and not self.live else None

    @property
    def leaking(self) -> bool:
        """Whether its split let test images, or others of their lesions, into the training."""
        return self.record.split.leaking

    @functools.cached_property
    def shipped(self) -> bool:
        """Whether it ships with HAM Lab: it can be read, asked and exported, and never changed."""
        return ships(self.folder)

    @property
    def synthetic(self) -> bool:
        """Whether it was trained on synthetic data, so that it knows nothing of real lesions."""
        return self.record.data.synthetic

    @functools.cached_property
    def title(self) -> str:
        """For people: the one they gave it, else `own_title`; what was trained on synthetic data
        says so.
        """
        return (self.notes.title or self.own_title) + (f" ({SYNTHETIC})" if self.synthetic else "")

    @functools.cached_property
    def own_title(self) -> str:
        """From the settings: "CNN, as described, seed 1", or "CNN, as described (ships with HAM
        Lab)".
        """
        return (
            f"{self.short_title} ({SHIPS})"
            if self.shipped
            else f"{self.short_title}, seed {self.config.seed}"
        )

    @functools.cached_property
    def short_title(self) -> str:
        """ "CNN, as described": model and recipe alone."""
        return config_title(self.config)


# ------------------------------------------------------------------------------ reading


def read_folder(folder: Path | str, alive: bool | None = None) -> Run:
    """The run; `alive` says whether somebody trains it, where the caller knows."""
    run = _read_version(str(folder), *_versions(str(folder)))
    if run.state == "running" and not (_is_alive(run.folder) if alive is None else alive):
        # the trainer may have ended between the two looks
        run = _read_version(str(folder), *_versions(str(folder)))
        if run.state == "running":
            return dataclasses.replace(
                run,
                status=msgspec.structs.replace(run.status, state="interrupted", seconds_left=None),
            )
    return run


def _versions(folder: str) -> tuple[_Version, _Version, _Version | None]:
    """What tells that status.json, config.json or notes.json was written anew. Raises StoreError.

    The status comes first, here and in the reading: a training writes its result before its end,
    so whoever sees the end sees the result.
    """
    found = []
    for name in ("status.json", "config.json"):
        try:
            found.append(_version(f"{folder}/{name}"))
        except OSError:
            with reading(Path(folder, name)):
                raise
    try:
        notes = _version(f"{folder}/{notes_file.FILE}")
    except OSError:
        notes = None
    return found[0], found[1], notes


def _version(path: str) -> _Version:
    stat = os.stat(path)
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


# The version is part of every key: a file that was replaced is read again. The three files have
# their own caches because a training replaces status.json twice a second and config.json hardly
# ever. Folders are text here: 2,000 of them are listed, and making and hashing Paths took most
# of the time.


@functools.lru_cache(maxsize=8192)
def _read_version(folder: str, status: _Version, record: _Version, notes: _Version | None) -> Run:
    path = Path(folder)
    try:
        where = _read_status(folder, status)
    except io.DAMAGED as error:
        with reading(path / "config.json"):  # a newer version's status need not be ours
            check_format(io.read_json(path / "config.json"), f"Run {path.name}")
        with reading(path / "status.json"):
            raise error
    try:
        content = _read_record(folder, record)
    except io.DAMAGED as error:
        with reading(path / "config.json"):
            raise error
    return Run(path.name, path, content, where, _read_notes(folder, notes) if notes else Notes())


@functools.lru_cache(maxsize=8192)
def _read_record(folder: str, version: _Version) -> RunRecord:
    return parse_record(io.read_bytes(f"{folder}/config.json"), f"Run {os.path.basename(folder)}")


@functools.lru_cache(maxsize=8192)
def _read_status(folder: str, version: _Version) -> Status:
    return parse_status(io.read_bytes(f"{folder}/status.json"))


@functools.lru_cache(maxsize=8192)
def _read_notes(folder: str, version: _Version) -> Notes:
    """A damaged file says so in `problem` and breaks nothing."""
    try:
        if version[1] > notes_file.MAX_BYTES:
            raise ValueError("it is too large")
        return Notes.from_dict(io.parse_json(io.read_bytes(f"{folder}/{notes_file.FILE}")))
    except StoreError as error:
        return Notes(problem=f"{notes_file.FILE} is damaged: {error}")
    except io.DAMAGED as error:
        return Notes(problem=f"{notes_file.FILE} is damaged: {error}.")


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
