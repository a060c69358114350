"""A zip that nobody vouches for: looked through and unpacked without believing what it says of
itself; and the writing of one.

Whoever unpacks decides from `entries`, before a byte is written, what to take and under which
names of their own making. Sizes are those that were counted, a table of contents is bounded
before it is parsed, and an entry that could lead out of a folder refuses the whole archive.
"""

from __future__ import annotations

import contextlib
import errno
import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

MOST_ENTRIES = 200_000  # Kaggle's archive has 20,034
# unpacked to packed: deflate reaches 1,000 on zeros, CSVs of pixels 5, photographs 1
MOST_RATIO = 100
# bytes that may unpack from anything: a short log that repeats itself is no bomb
RATIO_FROM = 1 << 20
_BLOCK = 1 << 20
_ENTRY_BYTES = 400  # of the table of contents, for an entry with a long name and its extra fields
_END, _END_SIZE = b"PK\x05\x06", 22
_END_64, _END_64_SIZE, _LOCATOR_64_SIZE = b"PK\x06\x06", 56, 20
_LONGEST_COMMENT = 65_535
#: Entries that Finder and Windows add by themselves, beside every name that begins with a dot.
_LITTER = ("__macosx", "thumbs.db", "desktop.ini")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
)


class ArchiveError(ValueError):
    """Why an archive, or an entry of it, cannot be taken.

    `kind`: empty, not a zip, cut short, too many, hostile, encrypted, unknown method, too large
    or damaged. `entry`: the name of the entry that is at fault, "" for the archive. `why`: a
    clause that goes on from "it ...".
    """

    def __init__(self, kind: str, why: str, entry: str = ""):
        super().__init__(f"{entry}: {why}" if entry else why)
        self.kind, self.why, self.entry = kind, why, entry


@dataclass(frozen=True)
class Entry:
    """A plain file in an archive."""

    name: str  # with forward slashes, relative, without "." and ".."
    size: int  # bytes unpacked, as the archive says
    info: zipfile.ZipInfo = field(repr=False, compare=False)

    @property
    def encrypted(self) -> bool:
        return bool(self.info.flag_bits & 1)


class Archive:
    """A zip in a file, a seekable binary file or in memory; a context manager.

    `entries` are its plain files, in its order: folders, and what Finder or Windows add, are
    left off. At most `most_entries` are listed, and all that is read together may be `ratio`
    times the size of the archive plus RATIO_FROM bytes (None: only the limits of each reading
    count). Raises ArchiveError, and OSError where the file itself cannot be read.
    """

    def __init__(
        self,
        source: Path | BinaryIO | bytes,
        most_entries: int = MOST_ENTRIES,
        ratio: int | None = MOST_RATIO,
    ):
        self._own = isinstance(source, Path | bytes)
        if isinstance(source, bytes):
            source = io.BytesIO(source)
        elif isinstance(source, Path):
            source = source.open("rb")
        self._file: BinaryIO = source
        try:
            self.size = self._file.seek(0, os.SEEK_END)
            self._left = None if ratio is None else RATIO_FROM + ratio * self.size
            _check_end(self._file, self.size, most_entries)
            with _broken("", "its table of contents is damaged"):
                self._zip = zipfile.ZipFile(self._file)
            self.entries = tuple(_entries(self._zip.infolist(), most_entries))
        except BaseException:
            self._close_file()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()
        self._close_file()

    def read(self, entry: Entry, limit: int) -> bytes:
        """The entry's content. Raises ArchiveError where it is damaged or has more than `limit`
        bytes.
        """
        content = io.BytesIO()
        self.copy(entry, content, limit)
        return content.getvalue()

    def copy(
        self,
        entry: Entry,
        target: IO[bytes],
        limit: int,
        copied: Callable[[int], object] | None = None,
    ) -> int:
        """Writes the entry's content, a block at a time; returns how many bytes it has.

        `copied(bytes)` is called after every block with what that block had. Raises ArchiveError
        where the entry is damaged, encrypted or has more than `limit` bytes, and what `target`
        and `copied` raise.
        """
        done = 0
        for block in self._blocks(entry):
            done += len(block)
            if done > limit:
                raise ArchiveError(
                    "too large", f"it unpacks to more than {limit:,} bytes", entry.name
                )
            self._count(len(block), entry)
            target.write(block)
            if copied:
                copied(len(block))
        return done

    def _blocks(self, entry: Entry) -> Iterator[bytes]:
        if entry.encrypted:
            raise ArchiveError("encrypted", "it is encrypted", entry.name)
        with _broken(entry.name, "it is damaged"):
            member = self._zip.open(entry.info)
        with member:
            while True:
                with _broken(entry.name, "it is damaged"):
                    block = member.read(_BLOCK)
                if not block:
                    return
                yield block

    def _count(self, size: int, entry: Entry) -> None:
        if self._left is None:
            return
        self._left -= size
        if self._left < 0:
            raise ArchiveError(
                "too large",
                f"it unpacks to more than {MOST_RATIO} times the size of the archive",
                entry.name,
            )

    def _close_file(self) -> None:
        if self._own:
            self._file.close()


def packed(members: dict[str, bytes], after: bytes = b"") -> bytes:
    """A zip of these files by name; the same files give the same bytes, whenever and wherever.

    With `after` it stands behind these bytes, and zip programs find it there.
    """
    buffer = io.BytesIO(after)
    with zipfile.ZipFile(buffer, "a" if after else "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)  # dated 1980
            entry.external_attr, entry.create_system = (stat.S_IFREG | 0o644) << 16, 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content, compresslevel=6)
    return buffer.getvalue()


@contextlib.contextmanager
def _broken(entry: str, why: str) -> Iterator[None]:
    """What zipfile raises on what is no whole zip, as an ArchiveError."""
    try:
        yield
    except ArchiveError:
        raise
    except NotImplementedError as error:
        raise ArchiveError(
            "unknown method", f"it is packed in a way that is not known here ({error})", entry
        ) from error
    except RuntimeError as error:  # zipfile's word for a password that is missing or wrong
        raise ArchiveError("encrypted", f"it is encrypted ({error})", entry) from error
    except _BROKEN as error:
        raise ArchiveError("damaged", f"{why} ({error or type(error).__name__})", entry) from error
    except OSError as error:
        # a decompressor's own, or a place before the file's start
        if error.errno in (None, errno.EINVAL):
            raise ArchiveError("damaged", f"{why} ({error})", entry) from error
        raise


# -------------------------------------------------------------------- the table of contents


def _entries(members: list[zipfile.ZipInfo], most_entries: int) -> Iterator[Entry]:
    if len(members) > most_entries:
        raise _too_many(len(members), most_entries)
    for member in members:
        written = getattr(member, "orig_filename", member.filename)  # zipfile cuts it at a NUL
        if trick := _trick(member, written):
            raise ArchiveError("hostile", trick, written)
    for member in members:
        name = "/".join(
            part for part in re.split(r"[/\\]", member.filename) if part not in ("", ".")
        )
        folder = member.is_dir() or member.filename.endswith("\\")
        if name and not folder and not _is_litter(name):
            yield Entry(name, member.file_size, member)


def _is_litter(name: str) -> bool:
    parts = name.lower().split("/")
    return any(part.startswith(".") or part in _LITTER for part in parts)


def _trick(member: zipfile.ZipInfo, name: str) -> str:
    """What makes an entry's name or kind dangerous; "" where nothing does."""
    if "\0" in name:
        return "its name holds a NUL"
    if name.startswith(("/", "\\")):
        return "its path is absolute"
    if re.match(r"[A-Za-z]:", name):
        return "its path names a drive"
    if ".." in re.split(r"[/\\]", name):
        return "its path leads out of the folder (..)"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if stat.S_ISLNK(kind):
        return "it is a symbolic link"
    if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        return "it is a device or a pipe"
    return ""


def _too_many(found: int, most: int) -> ArchiveError:
    return ArchiveError("too many", f"it has {found:,} entries, and at most {most:,} are read")


def _check_end(file: BinaryIO, size: int, most_entries: int) -> None:
    """The zip has its end record, and a table of contents that can be parsed without taking the
    memory away.
    """
    if not size:
        raise ArchiveError("empty", "it is empty")
    start = max(0, size - _END_SIZE - _LONGEST_COMMENT)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END_SIZE if tail[-_END_SIZE:].startswith(_END) else tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        file.seek(0)
        if file.read(2) == b"PK":
            raise ArchiveError("cut short", "its end is missing: the download or copy broke off")
        raise ArchiveError("not a zip", "it is no zip archive")
    entries, directory = struct.unpack_from("<HL", tail, at + 10)
    large = start + at - _LOCATOR_64_SIZE - _END_64_SIZE
    if large >= 0:  # zipfile takes a zip64 record there before this one
        file.seek(large)
        record = file.read(_END_64_SIZE)
        if record.startswith(_END_64):
            entries, directory = struct.unpack_from("<QQ", record, 32)
    if entries > most_entries or directory > most_entries * _ENTRY_BYTES:
        raise _too_many(max(entries, directory // _ENTRY_BYTES), most_entries)
