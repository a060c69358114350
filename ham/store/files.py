"""Files of a run folder: replaced whole, and damaged ones told of as StoreError."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path

import filelock
import numpy as np
import orjson

from ham.config import StoreError, reference_folder

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)  # what reading a damaged file raises


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file whole: after a crash it holds the old content or the new, never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(2)}")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_json(path: Path, content: dict) -> None:
    write_file(path, json_bytes(content))


def json_bytes(content: dict) -> bytes:
    """An entry a line: as good to read as an indented file, and parsed in half the time."""
    ready = _json_ready(content)
    lines = (f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in ready.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Replaces an .npz file whole."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_file(path, buffer.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an .npz file, and no pickle. Raises one of `DAMAGED`."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def parse_json(content: bytes) -> dict:
    """Raises ValueError where it is no JSON object, or one nested too deep to be ours."""
    found = orjson.loads(content)  # a list of 2,000 runs is mostly parsing: three times as fast as json
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    return found


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ships(folder: Path) -> bool:
    """Whether a run folder is one of those that ship with HAM Lab."""
    return folder.parent == reference_folder()


def damaged(path: Path, why: str) -> StoreError:
    return StoreError(f"Run {path.parent.name}", f"{path.name} is damaged: {why}.", "Delete the run or train it again.")


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong with this file in the block, as a StoreError."""
    try:
        yield
    except FileNotFoundError as error:
        raise damaged(path, "it is missing") from error
    except DAMAGED as error:
        raise damaged(path, str(error)) from error


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the operating system refuses in the block, as a StoreError about this run folder.

    Every change of a run folder stands in such a block, so here is where one that ships is kept as it is.
    """
    if ships(folder):
        raise StoreError(f"Run {folder.name}", "it ships with HAM Lab and cannot be changed.",
                         "Train it again with its settings: that run is your own.")
    try:
        yield
    except filelock.Timeout:  # an OSError too, but says that somebody works there
        raise
    except OSError as error:
        raise StoreError(f"Run {folder.name}", f"{folder.parent} cannot be written ({error.strerror or error}).",
                         "Free some space or name another folder in HAM_HOME, then try again.") from error


def _json_ready(value: object) -> object:
    """Numbers that JSON has no word for become null."""
    if isinstance(value, dict):
        return {key: _json_ready(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
