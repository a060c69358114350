"""Where the data sets lie that HAM Lab fetched or unpacked itself.

A data set of our own is `HAM_HOME/data/<name>/`: its files, and `origin.json` that says where
they come from. It is written beside its place, checked as any other source is, and renamed:
there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import filelock

from ham import config, io
from ham.config import DataError
from ham.data.layout import METADATA_FILE, table_of
from ham.data.metadata import read_metadata
from ham.data.pixels import read_images, refuse_unknown_rows
from ham.data.source import Report, find_source

ORIGIN_FILE = "origin.json"
# left free beside what is written: for the cache of the data set, and for everybody else
SPARE_BYTES = 300_000_000


class CannotWrite(DataError):
    """The disk is full, or not ours to write on; what was to be written is not at fault."""


def data_folder() -> Path:
    return config.home_folder() / "data"


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Held while something is fetched or unpacked; what a killed process left half written is
    removed.

    Raises DataError where another process holds it, or nothing can be written.
    """
    lock = filelock.FileLock(data_folder() / ".lock")
    try:
        data_folder().mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise DataError(
            "This download or archive",
            "another window or process of HAM Lab is just getting data.",
            "Wait until it is done, or stop it there.",
        ) from error
    except OSError as error:
        raise io.cannot_write(data_folder(), error, CannotWrite) from error
    try:
        io.remove_drafts(data_folder())
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def new_folder(name: str) -> Iterator[tuple[Path, Path]]:
    """A draft to write into, and the folder of HAM_HOME/data that it becomes when nothing was
    raised: `name`, or `name-2` where there is one. For who holds `one_at_a_time`. Raises
    CannotWrite."""
    number = 1
    while (folder := data_folder() / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    with io.writing(data_folder(), CannotWrite), io.whole(folder) as draft:
        draft.mkdir()
        yield draft, folder


def place(draft: Path, origin: dict[str, str], report: Report, what: str) -> None:
    """Checks the draft as any source is checked, and writes its origin.

    `origin` has title and origin, in words. Errors say `what` where they would name the draft's
    folder. Raises DataError.
    """
    with named_instead(draft, what):
        source = find_source(draft)
        metadata = read_metadata(source.metadata)
        refuse_unknown_rows(source, metadata)
        read_images(source, metadata, report)
    counts = {"images": len(metadata.table), "lesions": int(metadata.table["lesion_id"].nunique())}
    io.write_json(draft / ORIGIN_FILE, {**origin, **counts})


@contextlib.contextmanager
def named_instead(draft: Path, what: str) -> Iterator[None]:
    """A DataError that would name the draft's folder says `what` instead."""
    try:
        yield
    except DataError as error:
        found, why, todo = error.what, error.why, error.todo
        for path in (
            str(draft.resolve()) + os.sep,
            str(draft.resolve()),
            str(draft) + os.sep,
            str(draft),
        ):
            new = f"{what}, " if path.endswith(os.sep) else what
            found, why, todo = (text.replace(path, new) for text in (found, why, todo))
        raise DataError(found.replace(f"The data folder {what}", what), why, todo) from error


def need_room(needed: int, what: str) -> None:
    """Raises DataError where less than `needed` bytes and a margin are free."""
    folder = data_folder().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise CannotWrite(
            what,
            f"it needs {in_bytes(needed + SPARE_BYTES)} of disk, and {in_bytes(free)} are free "
            f"where {data_folder()} is.",
            "Make room, or set HAM_HOME to a folder on a larger disk.",
        )


def in_bytes(count: float) -> str:
    """563277 -> "0.6 MB", 91820383 -> "92 MB", 5583457484 -> "5.6 GB"."""
    if count >= 999.5e6:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 9.95e6 else f"{count / 1e6:.1f} MB"


def own_folders() -> list[Path]:
    """The data sets in HAM_HOME/data."""
    if not data_folder().is_dir():
        return []
    found = (f for f in data_folder().iterdir() if not f.name.startswith(".") and f.is_dir())
    return sorted(
        f for f in found if any(table_of(name) == METADATA_FILE for name in os.listdir(f))
    )
