"""A file or a folder written whole or not at all, and what the disk refuses, in words."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from ham.config import FileError, HamError

if TYPE_CHECKING:  # a tenth of a second that --help does not need
    import numpy as np

_DRAFT = ".draft"
_WAITS = (0.001, 0.01, 0.05, 0.1)  # seconds
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A draft beside `path`, which takes its place when the block ends without an error.

    Nothing is there yet: the block makes a file or a folder of it. Whoever reads `path` finds what
    was there before or what was made, never a part, also after a crash; an old folder is gone for
    the moment between two renames. What is under construction when the block fails is removed.
    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}{_DRAFT}")
    try:
        yield draft
        if draft.is_dir():
            _replace_folder(draft, path)
        else:
            _replace_file(draft, path)
    finally:
        _remove(draft)


def _replace_file(draft: Path, path: Path) -> None:
    """Windows refuses while somebody reads `path`, which takes microseconds."""
    for wait_seconds in _WAITS:
        with contextlib.suppress(PermissionError):
            draft.replace(path)
            return
        time.sleep(wait_seconds)
    draft.replace(path)


def _replace_folder(draft: Path, path: Path) -> None:
    """A folder with content cannot be replaced: the old one steps aside first."""
    aside = draft.with_name(f"{draft.name.removesuffix(_DRAFT)}-old{_DRAFT}")
    old = path.is_dir() and not path.is_symlink()
    if old:
        path.rename(aside)
    try:
        draft.rename(path)
    except OSError:
        if old:
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """What killed processes left half made in `folder`; for who knows that nobody writes there
    now.
    """
    for left in folder.glob(f".*{_DRAFT}"):
        _remove(left)


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file whole, and makes its folder where there is none. Raises OSError."""
    with whole(path) as draft, open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """`json_bytes` as a whole file. Raises OSError."""
    write_file(path, json_bytes(content))


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A compressed .npz as a whole file. Raises OSError."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_file(path, buffer.getvalue())


def json_bytes(content: dict[str, Any]) -> bytes:
    """An entry a line: as good to read as an indented file, and parsed in half the time.

    Numbers that JSON has no word for become null; bytes of a path that are no text stay escaped.
    """
    lines = (
        f"{json.dumps(name)}: {json.dumps(_json_ready(value), allow_nan=False)}"
        for name, value in content.items()
    )
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _json_ready(value: object) -> object:
    if isinstance(value, dict):
        return {key: _json_ready(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@contextlib.contextmanager
def writing(
    path: Path, kind: type[HamError] = FileError, what: str = "", todo: str = ""
) -> Iterator[None]:
    """What the operating system refuses in the block, as an error of this `kind` about `path`.

    `what` and `todo` are said instead of "The folder <path>" and the usual way out. A lock that
    somebody else holds (filelock.Timeout) is passed on as it is.
    """
    try:
        yield
    except filelock.Timeout:  # an OSError too, but it says that somebody works there
        raise
    except OSError as error:
        raise cannot_write(path, error, kind, what, todo) from error


def cannot_write(
    path: Path, error: OSError, kind: type[HamError] = FileError, what: str = "", todo: str = ""
) -> HamError:
    """The error of `writing`, for who caught the OSError already."""
    what = what or f"The {'folder' if path.is_dir() else 'file'} {path}"
    if is_full(error):
        return kind(
            what,
            "the disk is full.",
            todo or "Make room, or set HAM_HOME to a folder on a larger disk, and try again.",
        )
    where = "" if str(path) in what else f" in {path}"
    return kind(
        what,
        f"it cannot be written{where} ({error.strerror or error}).",
        todo or "Give yourself the right to write there, or set HAM_HOME to another folder.",
    )


def is_full(error: OSError) -> bool:
    """Whether the disk, or the user's share of it, is full."""
    return error.errno in _FULL
