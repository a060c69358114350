"""Which installation trained a run: an id of this HAM_HOME, in the record of every run made here.

A run that was imported has another's, so its pace tells nothing of this machine. The id is random:
it names nobody and no machine.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from ham import io
from ham.config import home_folder

if TYPE_CHECKING:
    from ham.store.folder import Run

_ID = re.compile(r"[0-9a-f]{16}")


def own_origin() -> str:
    """16 hex digits; another at every call where HAM_HOME cannot be written."""
    return io.kept(
        home_folder() / "origin",
        _read,
        lambda: secrets.token_hex(8),
        lambda found, draft: draft.write_text(found),
        "the id of this HAM_HOME",
    )


def trained_here(run: Run) -> bool:
    """Whether this HAM_HOME made the run; False for one that was imported, or ships."""
    return run.record.origin == own_origin()


def _read(path: Path) -> str:
    found = path.read_text()
    if not _ID.fullmatch(found):
        raise ValueError("it is no id")
    return found
