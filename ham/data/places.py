"""Where data sets lie: those HAM Lab fetched or unpacked itself, and the folders chosen before.

A data set of our own is `HAM_HOME/data/<name>/`: its files, and `origin.json` that says where they come
from. It is written beside its place, checked as any other source is, and renamed: there whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from ham import config
from ham.config import DataError
from ham.data import dataset
from ham.data.metadata import read_metadata
from ham.data.pixels import read_images
from ham.data.source import METADATA_FILE, Report, find_source

ORIGIN_FILE = "origin.json"
REMEMBERED = 8  # folders chosen before
SPARE_BYTES = 300_000_000  # left free beside what is written: for the cache of the data set, and for everybody else
_DRAFT = ".draft"


class Stopped(DataError):
    """Whoever asked for it took it back."""


class CannotWrite(DataError):
    """The disk is full, or not ours to write on; what was to be written is not at fault."""


@dataclass(frozen=True)
class KnownSource:
    """A data set that can be chosen."""

    folder: Path | None  # None: the built-in demo data
    title: str
    origin: str
    in_use: bool
    there: bool  # a folder on a disk that is not plugged in is not


def data_folder() -> Path:
    return config.home_folder() / "data"


def known_sources() -> list[KnownSource]:
    """The demo data, our own folders, those chosen before; HAM_DATA's first where it is set."""
    try:
        current, readable = dataset.current_source(), True
    except DataError:  # the page says so beside this list, and choosing mends it
        current, readable = None, False
    named = os.environ.get("HAM_DATA")
    in_use = None if current is None or dataset.is_demo(current) else _resolved(current)
    own = {_resolved(folder): _own(folder) for folder in own_folders()}
    folders = {_resolved(Path(text)): (Path(text).name, f"Folder {text}") for text in _remembered()}
    if in_use is not None:
        folders = {in_use: (in_use.name, f"Folder {in_use}"), **folders}
    known = [KnownSource(None, "Demo data", "Made by HAM Lab, synthetic", in_use is None and readable, True)]
    known += [KnownSource(folder, *words, folder == in_use, _holds_data(folder))
              for folder, words in {**folders, **own}.items()]
    if named:
        known.sort(key=lambda source: not source.in_use)
        known[0] = KnownSource(in_use, known[0].title, "Named by the environment variable HAM_DATA", True,
                               known[0].there)
    return known


def use_source(path: str | os.PathLike | None) -> None:
    """Takes a folder, or the demo data (None), into use, and remembers the one before it and this one.

    Raises DataError where it holds no data set, or the choice cannot be written; what was in use then stays so.
    """
    try:
        before = dataset.current_source()
    except DataError:  # settings that cannot be read are replaced
        before = None
    dataset.choose_source(path)
    after = None if path is None or dataset.is_demo(Path(path)) else find_source(path).folder
    ours = _resolved(data_folder())
    chosen = [_resolved(folder) for folder in (after, before) if folder is not None and not dataset.is_demo(folder)]
    kept = [str(folder) for folder in chosen if ours not in folder.parents]
    remembered = list(dict.fromkeys([*kept, *_remembered()]))[:REMEMBERED]
    draft = _remembered_file().with_suffix(f".{os.getpid()}.draft")
    with contextlib.suppress(OSError):  # the choice itself is written; the list is a convenience
        draft.write_text(json.dumps(remembered, indent=1))
        draft.replace(_remembered_file())


# ----------------------------------------------------------------------- our own folders


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Held while something is fetched or unpacked; what a killed process left half written is removed.

    Raises DataError where another process holds it, or nothing can be written.
    """
    lock = filelock.FileLock(data_folder() / ".lock")
    try:
        data_folder().mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise DataError("This download or archive", "another window or process of HAM Lab is just getting data.",
                        "Wait until it is done, or stop it there.") from error
    except OSError as error:
        raise cannot_write(data_folder(), error) from error
    try:
        for left in data_folder().glob(f".*{_DRAFT}"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def drafted() -> Iterator[Path]:
    """An empty folder to write into; it is gone afterwards unless `place` has renamed it. Raises DataError."""
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=".", suffix=_DRAFT, dir=data_folder()))
        yield folder
    except OSError as error:
        raise cannot_write(data_folder(), error) from error
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def place(draft: Path, name: str, origin: dict[str, str], report: Report, shown: str) -> Path:
    """Checks the draft as any source is checked, and gives it a place as `name`, or `name-2` where there is one.

    `origin` has title and origin, in words. Errors say `shown` where they would name the draft's folder.
    Raises DataError.
    """
    try:
        source = find_source(draft)
        metadata = read_metadata(source.metadata).table
        read_images(source, metadata, report)
    except Stopped:
        raise
    except DataError as error:
        hidden = [str(draft.resolve()) + os.sep, str(draft.resolve()), str(draft) + os.sep, str(draft)]
        what, why = error.what, error.why
        for path in hidden:
            new = f"{shown}, " if path.endswith(os.sep) else shown
            what, why = what.replace(path, new), why.replace(path, new)
        raise DataError(what.replace(f"The data folder {shown}", shown), why, error.todo) from error
    counts = {"images": len(metadata), "lesions": int(metadata["lesion_id"].nunique())}
    (draft / ORIGIN_FILE).write_text(json.dumps({**origin, **counts}, indent=1))
    draft.chmod(0o755)  # mkdtemp's is for the owner alone
    number = 1
    while (folder := data_folder() / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    draft.rename(folder)
    return folder


def need_room(needed: int, what: str) -> None:
    """Raises DataError where less than `needed` bytes and a margin are free."""
    free = shutil.disk_usage(data_folder()).free
    if free < needed + SPARE_BYTES:
        raise CannotWrite(what, f"it needs {in_bytes(needed + SPARE_BYTES)} of disk, and {in_bytes(free)} are free "
                          f"where {data_folder()} is.", "Make room, or set HAM_HOME to a folder on a larger disk.")


def cannot_write(folder: Path, error: OSError) -> CannotWrite:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return CannotWrite(f"The folder {folder}", "the disk is full.",
                           "Make room, or set HAM_HOME to a folder on a larger disk, and try again.")
    return CannotWrite(f"The folder {folder}", f"it cannot be written ({error.strerror or error}).",
                       "Give yourself the right to write there, or set HAM_HOME to another folder.")


def stoppable(report: Report | None, stop: threading.Event | None) -> Report:
    """A report that raises Stopped once the event is set."""
    def tell(done: int, total: int, what: str) -> None:
        if stop is not None and stop.is_set():
            raise stopped()
        if report:
            report(done, total, what)
    return tell


def stopped() -> Stopped:
    return Stopped("Stopped", "as you asked; the data in use has not changed.",
                   "Start again whenever you like: a download goes on where it stopped.")


def in_bytes(count: float) -> str:
    """563277 -> "0.6 MB", 91820383 -> "92 MB", 5583457484 -> "5.6 GB"."""
    if count >= 999.5e6:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 9.95e6 else f"{count / 1e6:.1f} MB"


def own_folders() -> list[Path]:
    """The data sets in HAM_HOME/data."""
    if not data_folder().is_dir():
        return []
    found = [f for f in data_folder().iterdir() if not f.name.startswith(".") and (f / METADATA_FILE).is_file()]
    return sorted(found)


def _own(folder: Path) -> tuple[str, str]:
    try:
        words = json.loads((folder / ORIGIN_FILE).read_text())
        return str(words["title"]), f"{words['origin']}, {words['images']:,} images"
    except (OSError, ValueError, KeyError, TypeError):  # somebody put it there by hand
        return folder.name, f"Folder {folder}"


def _holds_data(folder: Path) -> bool:
    """Whether `find_source` would find metadata, without listing ten thousand JPEGs."""
    try:
        return (folder / METADATA_FILE).is_file() or any(
            (below / METADATA_FILE).is_file() for below in folder.iterdir() if below.is_dir())
    except OSError:
        return False


def _resolved(folder: Path) -> Path:
    try:
        return folder.expanduser().resolve()
    except (OSError, RuntimeError, ValueError):
        return folder


def _remembered_file() -> Path:
    return config.home_folder() / "folders.json"


def _remembered() -> list[str]:
    try:
        found = json.loads(_remembered_file().read_text())
    except (OSError, ValueError):
        return []
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
