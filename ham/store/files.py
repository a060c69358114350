"""Files of a run folder: what cannot be read or written there, as a StoreError about the run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ham import hosting, io
from ham.config import StoreError, reference_folder
from ham.hosting import Act


class DamagedRunError(StoreError):
    """A run whose folder, or a file in it, is not what a training leaves."""


class NewerRunError(StoreError):
    """A run that only a newer version of HAM Lab can read."""


def ships(folder: Path) -> bool:
    """Whether a run folder is one of those that ship with HAM Lab."""
    return folder.parent == reference_folder()


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong with this file of a run folder in the block, as a StoreError.

    A file that is missing or damaged is a DamagedRunError. What the system refuses (no right to
    read it, a disk that fails) says nothing about the run, and so never that it may be deleted.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise damaged(path, "it is missing") from error
    except IsADirectoryError as error:
        raise damaged(path, "it is a folder") from error
    except OSError as error:
        raise StoreError(
            f"Run {path.parent.name}",
            f"{path} cannot be read ({error.strerror or error}).",
            "Give yourself the right to read it, or see whether its disk is well.",
        ) from error
    except io.DAMAGED as error:
        raise damaged(path, str(error) or type(error).__name__) from error


def damaged(path: Path, why: str) -> DamagedRunError:
    return DamagedRunError(
        f"Run {path.parent.name}",
        f"{path.name} is damaged: {why}.",
        "Install HAM Lab again." if ships(path.parent) else "Delete the run or train it again.",
    )


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the system refuses in the block, as a StoreError about this run folder.

    Every change of a run folder stands in such a block, so here is where one that ships is kept
    as it is, and where who may not change runs is refused (AccessError).
    """
    hosting.require(Act.TRAIN)
    if ships(folder):
        raise StoreError(
            f"Run {folder.name}",
            "it ships with HAM Lab and cannot be changed.",
            "Train it again with its settings: that run is your own.",
        )
    with io.writing(folder, StoreError, f"Run {folder.name}"):
        yield
