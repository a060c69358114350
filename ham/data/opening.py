"""Data sets and images opened from wherever they are: a zip is as good as a folder.

What is packed is unpacked once, into HAM_HOME/cache/unpacked, whole or not at all, and again
when the zip has changed. `HAM_DATA`, `--data` and `--images` all come through here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import filelock

from ham import config, io
from ham.data import archive
from ham.data.layout import table_of
from ham.data.names import as_folder, files_below, find_images, shown
from ham.data.packed import OnDisk
from ham.data.places import CannotWrite, named_instead
from ham.data.source import Packed, Report, Source, find_source, stamp

MOST_KEPT = 4  # unpacked archives; those not used for longest go
_STAMP = "stamp.json"


def open_source(path: str | os.PathLike[str], report: Report | None = None) -> Source:
    """`find_source`, after unpacking what must be. Raises DataError."""
    try:
        return find_source(path)
    except Packed as packed:
        folder = _unpacked(packed.path, packed.files, archive.data_set, report)
        with named_instead(folder, shown(packed.path)):
            return dataclasses.replace(find_source(folder), archive=packed.path)


def is_packed(path: str | os.PathLike[str]) -> bool:
    """Whether something must be unpacked before it can be read. Raises DataError."""
    try:
        find_source(path)
    except Packed:
        return True
    return False


def source_stamp(path: str | os.PathLike[str]) -> list[tuple[str, int, int, int]]:
    """Differs when a file of the data set does; nothing is unpacked for it. Raises DataError,
    OSError.
    """
    try:
        return find_source(path).stamp()
    except Packed as packed:
        return packed.stamp()


def open_images(path: str | os.PathLike[str], report: Report | None = None) -> Path:
    """The folder of these images: itself, or what is in this zip, or in the zips of a folder
    without images of its own. Raises DataError."""
    chosen = as_folder(os.fspath(path))
    if chosen.is_file() and _is_zip(chosen):
        return _unpacked(chosen.resolve(), [str(chosen.resolve())], archive.images_alone, report)
    if chosen.is_dir() and not find_images(chosen):
        zips = [
            entry.path for entry in files_below(str(chosen)) if entry.name.lower().endswith(".zip")
        ]
        if zips:
            return _unpacked(chosen.resolve(), zips, archive.images_alone, report)
    return chosen


@contextlib.contextmanager
def speaking_of(source: Source) -> Iterator[None]:
    """Errors name the archive that was chosen, not where it was unpacked to."""
    with (
        named_instead(source.folder, shown(source.archive))
        if source.archive
        else contextlib.nullcontext()
    ):
        yield


# ---------------------------------------------------------------------------- unpacked once


def _unpacked(
    path: Path, files: Sequence[str], choice: archive.Choice, report: Report | None
) -> Path:
    """The folder that keeps what `choice` takes from a zip, or from the files of a folder.
    Raises DataError.
    """
    name = hashlib.sha256(os.fsencode(path) + choice.__name__.encode()).hexdigest()[:12]
    place = config.cache_folder() / "unpacked" / name
    # a changed right or link is no other content
    now = [list(entry[:3]) for entry in stamp(files, str(path))]
    title = archive.safe_name(path.stem)
    with io.writing(place, CannotWrite):
        place.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(place.with_suffix(".lock")):
            if io.read_kept(place / _STAMP, io.read_json, "what was unpacked") != {"files": now}:
                _unpack(path, files, place, title, choice, report)
                io.write_json(place / _STAMP, {"files": now})
            with contextlib.suppress(OSError):  # a disk that can only be read
                os.utime(place / _STAMP)
        _remove_oldest(place)
    return place / title


def _unpack(
    path: Path,
    files: Sequence[str],
    place: Path,
    title: str,
    choice: archive.Choice,
    report: Report | None,
) -> None:
    what = shown(path.name)
    tell = io.stoppable(report, None)
    # of a process that was killed: nobody else writes here now
    for left in place.parent.glob(f".{place.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    with io.whole(place) as draft:
        (draft / title).mkdir(parents=True)
        if path.is_file():
            archive.fill(draft / title, path, what, choice, tell)
        else:
            names = ((os.path.relpath(file, path).replace(os.sep, "/"), file) for file in files)
            beside = [
                OnDisk(name, file, not table_of(name) and not name.lower().endswith(".zip"))
                for name, file in names
            ]
            archive.fill(draft / title, None, what, choice, tell, beside)


def _remove_oldest(place: Path) -> None:
    """What was unpacked from archives that were not used for longest; never the one just used."""
    kept = sorted(
        place.parent.glob(f"*/{_STAMP}"), key=lambda file: file.stat().st_mtime, reverse=True
    )
    for file in kept[MOST_KEPT:]:
        if file.parent != place:
            shutil.rmtree(file.parent, ignore_errors=True)


def _is_zip(path: Path) -> bool:
    with open(path, "rb") as file:
        return path.suffix.lower() == ".zip" or file.read(2) == b"PK"
