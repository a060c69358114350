"""A result kept on disk: taken where it is whole, made again where it is not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ham.io.atomic import whole
from ham.io.damage import DAMAGED

log = logging.getLogger(__name__)

Result = TypeVar("Result")


def read_kept(path: Path, read: Callable[[Path], Result], what: str) -> Result | None:
    """What `read(path)` finds in a file or folder; None where there is none or it is damaged.

    `read` raises one of DAMAGED (ValueError for content that is not meant) where it must be made
    again; the log then says so, with `what` it is ("the map of the images").
    """
    if not path.exists():
        return None
    try:
        return read(path)
    except FileNotFoundError:  # gone meanwhile
        return None
    except DAMAGED as error:
        log.warning(
            "%s in %s is damaged and will be made again: %s", _sentence(what), path, _words(error)
        )
        return None


def keep(path: Path, write: Callable[[Path], object], what: str) -> bool:
    """Whether it could be kept: `write(draft)` makes a file or folder that then takes the place
    of `path`.

    A disk that is full or read-only costs the next one who asks the making, and a line in the log.
    """
    try:
        with whole(path) as draft:
            write(draft)
    except OSError as error:
        log.warning("%s cannot be kept in %s: %s", _sentence(what), path, _words(error))
        return False
    return True


def kept(
    path: Path,
    read: Callable[[Path], Result],
    make: Callable[[], Result],
    write: Callable[[Result, Path], object],
    what: str,
) -> Result:
    """What is kept in `path`, else what `make()` gives, which is then kept where the disk allows
    it.
    """
    found = read_kept(path, read, what)
    if found is None:
        found = make()
        keep(path, lambda draft: write(found, draft), what)
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
