"""JSON, arrays and hashes: read within bounds, and what reading a damaged file raises."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ham.io.archive import Archive

if TYPE_CHECKING:  # a tenth of a second that --help does not need
    import numpy as np

#: What reading a damaged JSON, .npz, CSV, zip or Keras file raises. A single flipped bit
#: reaches code of theirs that expects whole files: header parsers (SyntaxError, TokenError,
#: struct.error), decompressors (zlib.error, LZMAError), methods and encryptions nobody has
#: (NotImplementedError and RuntimeError), sizes in the exabytes (MemoryError, OverflowError),
#: texts that are no numbers, and lists where objects were (TypeError, AttributeError,
#: LookupError).
DAMAGED: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    csv.Error,
)
# of all arrays of one file, unpacked; a training's checkpoint has some megabytes
MOST_ARRAY_BYTES = 1 << 30
_CHUNK = 65536  # bytes
_DEEPEST = 100  # JSON in JSON: whoever walks it takes a step down for each


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole file; a file object would cost more than the reading of a small one. Raises
    OSError.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        content = part = os.read(descriptor, _CHUNK)
        while len(part) == _CHUNK:
            part = os.read(descriptor, _CHUNK)
            content += part
        return content
    finally:
        os.close(descriptor)


def parse_json(content: bytes) -> dict[str, Any]:
    """A JSON object. Raises ValueError where it is none, or one nested too deep to be ours."""
    try:
        found = _parsed(content)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    # counting is quick, and most files have too few brackets to be deep
    if content.count(b"[") + content.count(b"{") > _DEEPEST and _is_deep(found):
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return found


def _parsed(content: bytes) -> object:
    try:
        # a list of 2,000 runs is mostly parsing: three times as fast as json
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        if b"\\ud" not in content:
            raise
        # the bytes of a path that are no text, as `json_bytes` escapes them: msgspec takes none
        return json.loads(content, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no number")


def _is_deep(found: dict[str, Any]) -> bool:
    level: list[dict[str, Any] | list[Any]] = [found]
    for _ in range(_DEEPEST):
        lists = [part.values() if isinstance(part, dict) else part for part in level]
        level = [part for parts in lists for part in parts if isinstance(part, dict | list)]
    return bool(level)


def read_json(path: Path) -> dict[str, Any]:
    """`parse_json` of a file. Raises OSError or ValueError."""
    return parse_json(read_bytes(path))


def read_arrays(path: Path, limit: int = MOST_ARRAY_BYTES) -> dict[str, np.ndarray]:
    """`parse_arrays` of a file. Raises one of DAMAGED."""
    return parse_arrays(read_bytes(path), limit)


def parse_arrays(content: bytes, limit: int = MOST_ARRAY_BYTES) -> dict[str, np.ndarray]:
    """Every array of an .npz file, by name. Raises one of DAMAGED.

    No pickle is ever read, all arrays together have at most `limit` bytes, and each must be as
    long as its header says: a header alone allocates nothing.
    """
    arrays: dict[str, np.ndarray] = {}
    with Archive(content) as archive:
        for entry in archive.entries:
            if not entry.name.endswith(".npy"):
                raise ValueError(f"it holds {entry.name[:80]!r}, which is no array")
            packed = archive.read(entry, limit)
            limit -= len(packed)
            name = entry.name.removesuffix(".npy")
            if name in arrays:
                raise ValueError(f"it holds {name} twice")
            arrays[name] = _parse_array(packed, name)
    return arrays


def _parse_array(packed: bytes, name: str) -> np.ndarray:
    import numpy as np

    file = io.BytesIO(packed)
    version = np.lib.format.read_magic(file)
    header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds a pickle")
    size = dtype.itemsize
    for length in shape:  # Python's own numbers: NumPy's would overflow
        size *= length
    if size != len(packed) - file.tell():
        raise ValueError(f"{name} is not as long as it says")
    return np.load(io.BytesIO(packed), allow_pickle=False)


def file_sha256(path: Path) -> str:
    """Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
