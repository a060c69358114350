"""The data sets there are to choose from: the demo data, our own folders, those chosen before."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ham import config, hosting, io
from ham.config import DataError
from ham.data import dataset
from ham.data.names import shown
from ham.data.places import ORIGIN_FILE, data_folder, own_folders
from ham.hosting import Act

REMEMBERED = 8  # folders chosen before


@dataclass(frozen=True)
class KnownSource:
    """A data set that can be chosen."""

    folder: Path | None  # None: the built-in demo data
    title: str
    origin: str
    in_use: bool
    there: bool  # a folder on a disk that is not plugged in is not


def known_sources() -> list[KnownSource]:
    """The demo data, our own folders, those chosen before; HAM_DATA's first where it is set."""
    try:
        current, readable = dataset.current_source(), True
    except DataError:  # the page says so beside this list, and choosing mends it
        current, readable = None, False
    named = os.environ.get("HAM_DATA")
    in_use = None if current is None or dataset.is_demo(current) else _resolved(current)
    own = {_resolved(folder): _own(folder) for folder in own_folders()}
    folders = {_resolved(Path(text)): _words(Path(text)) for text in _remembered()}
    if in_use is not None:
        folders = {in_use: _words(in_use), **folders}
    known = [
        KnownSource(
            None, "Demo data", "Made by HAM Lab, synthetic", in_use is None and readable, True
        )
    ]
    known += [
        KnownSource(folder, *words, folder == in_use, _is_there(folder))
        for folder, words in {**folders, **own}.items()
    ]
    if named:
        known.sort(key=lambda source: not source.in_use)
        known[0] = KnownSource(
            in_use,
            known[0].title,
            "Named by the environment variable HAM_DATA",
            True,
            known[0].there,
        )
    return known


def use_source(path: str | os.PathLike[str] | None) -> None:
    """Takes a folder, or the demo data (None), into use, and remembers the one before it and
    this one.

    Raises DataError where it holds no data set, or the choice cannot be written, AccessError; what
    was in use then stays so.
    """
    hosting.require(Act.DATA)
    try:
        before = dataset.current_source()
    except DataError:  # settings that cannot be read are replaced
        before = None
    after = dataset.choose_source(path)
    ours = _resolved(data_folder())
    chosen = [
        _resolved(folder)
        for folder in (after, before)
        if folder is not None and not dataset.is_demo(folder)
    ]
    kept = [str(folder) for folder in chosen if ours not in folder.parents]
    remembered = list(dict.fromkeys([*kept, *_remembered()]))[:REMEMBERED]
    with contextlib.suppress(OSError):  # the choice itself is written; the list is a convenience
        io.write_json(_remembered_file(), {"folders": remembered})


def _own(folder: Path) -> tuple[str, str]:
    try:
        words = io.read_json(folder / ORIGIN_FILE)
        return str(words["title"]), f"{words['origin']}, {words['images']:,} images"
    except io.DAMAGED:  # somebody put it there by hand
        return _words(folder)


def _words(path: Path) -> tuple[str, str]:
    return shown(path.name), f"{'Archive' if _is_file(path) else 'Folder'} {shown(path)}"


def _is_there(path: Path) -> bool:
    """Whether there is something to look into, without listing ten thousand images."""
    try:
        return _is_file(path) or any(not name.startswith(".") for name in os.listdir(path))
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a NUL in its name
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
        found = json.loads(io.read_bytes(_remembered_file()))
        # a list, in earlier versions
        folders = found["folders"] if isinstance(found, dict) else found
        return [text for text in folders if isinstance(text, str)]
    except io.DAMAGED:
        return []
