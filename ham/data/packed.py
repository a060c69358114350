"""Files on the disk and in archives alike: listed, compared, and their content read.

A zip in a folder, or in a zip, is listed as a folder of its own name: `x.csv.zip` of Kaggle's
command line holds `x.csv/x.csv`. One level, no deeper.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

from ham import io
from ham.config import DataError
from ham.data.layout import METADATA_FILE, stem, table_of
from ham.data.names import IMAGE_ENDINGS, shown

MOST_METADATA_BYTES = 50_000_000  # Kaggle's has 563,277
MOST_PIXEL_BYTES = 1_000_000_000  # Kaggle's has 91,820,383
BLOCK = 1 << 20
BROKEN = (gzip.BadGzipFile, zlib.error, EOFError, io.ArchiveError)


class OnDisk(NamedTuple):
    """A file in a folder."""

    name: str
    path: str
    image: bool

    @property
    def size(self) -> int:
        return os.stat(self.path).st_size

    def identity(self) -> Hashable:
        found = os.stat(self.path)
        return _identity(self.path, found.st_size, found.st_mtime_ns)

    def copy(
        self, target: BinaryIO, limit: int, copied: Callable[[int], object] | None = None
    ) -> int:
        done = 0
        with open(self.path, "rb") as file:
            while block := file.read(BLOCK):
                done += len(block)
                if done > limit:
                    raise io.ArchiveError(
                        "too large", f"it has more than {limit:,} bytes", self.name
                    )
                target.write(block)
                if copied:
                    copied(len(block))
        return done


@dataclass(frozen=True)
class Member:
    """A file in an archive, whose name is that of its archive, as a folder, and its own."""

    name: str
    archive: io.Archive
    entry: io.Entry

    @property
    def image(self) -> bool:
        return self.name.rpartition(".")[2].lower() in IMAGE_ENDINGS

    @property
    def size(self) -> int:
        return self.entry.size

    def identity(self) -> Hashable:
        return self.entry.size, self.entry.info.CRC

    def copy(
        self, target: BinaryIO, limit: int, copied: Callable[[int], object] | None = None
    ) -> int:
        return self.archive.copy(self.entry, target, limit, copied)


Listed = OnDisk | Member


def members(archive: io.Archive, folder: str = "") -> list[Member]:
    """The files of an archive; `folder` is put in front of their names."""
    return [
        Member(f"{folder}/{entry.name}" if folder else entry.name, archive, entry)
        for entry in archive.entries
    ]


@functools.lru_cache(maxsize=64)
def _identity(path: str, size: int, changed: int) -> tuple[int, int]:
    """Bytes and CRC-32 of the unpacked content: what a zip says of its entries."""
    checksum = count = 0
    with opened(Path(path)) as file:
        while block := file.read(BLOCK):
            checksum, count = zlib.crc32(block, checksum), count + len(block)
    return count, checksum


# ---------------------------------------------------------------------- one table, packed or not


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The content of a table that may be packed on its own, as .gz or .zip. Raises OSError, and
    DataError where the packing is damaged or holds something else."""
    try:
        if path.suffix.lower() == ".zip":
            with tempfile.SpooledTemporaryFile(MOST_METADATA_BYTES) as content:
                _unpack_table(path, content)
                yield content
        elif path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as unpacked:
                yield unpacked
        else:
            with open(path, "rb") as file:
                yield file
    except BROKEN as error:
        why = (
            error.why
            if isinstance(error, io.ArchiveError)
            else f"it is damaged ({error or type(error).__name__})"
        )
        raise DataError(
            shown(path), f"{why}.", f"Fetch {shown(path.name)} again, or unpack it yourself."
        ) from error


def read_metadata_bytes(path: Path) -> bytes:
    """The content of the metadata. Raises DataError."""
    try:
        with opened(path) as file:
            content = file.read(MOST_METADATA_BYTES + 1)
    except OSError as error:
        raise DataError(
            shown(path),
            f"the file cannot be read ({error.strerror or error}).",
            "Check that it is there and that you may read it.",
        ) from error
    if len(content) > MOST_METADATA_BYTES:
        raise DataError(
            shown(path),
            f"it has more than {MOST_METADATA_BYTES:,} bytes; Kaggle's has 563,277.",
            f"Check that it is {METADATA_FILE}.",
        )
    return content


def _unpack_table(path: Path, content: IO[bytes]) -> None:
    wanted = table_of(stem(path.name))
    with io.Archive(path, ratio=None) as archive:
        found = [entry for entry in archive.entries if table_of(entry.name) == wanted]
        if len(found) != 1:
            raise io.ArchiveError("content", f"it holds {len(found)} files of this name")
        archive.copy(found[0], content, MOST_PIXEL_BYTES)
    content.seek(0)
