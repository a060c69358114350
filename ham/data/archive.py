"""A zip of the data set -> a checked folder of our own.

A zip from anywhere may be hostile or half there: everything is decided from its table of contents before
a byte is written, only the files that matter are unpacked, under names of our own making, and into a draft
folder that is gone again when anything is wrong.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ham.config import KAGGLE_URL, DataError
from ham.data.places import drafted, in_bytes, need_room, one_at_a_time, place, stoppable
from ham.data.source import METADATA_FILE, PIXEL_FILE, Report

MOST_ENTRIES = 200_000  # Kaggle's zip has 20,034
MOST_BYTES = {METADATA_FILE: 50_000_000, PIXEL_FILE: 1_000_000_000, "JPEG": 50_000_000}  # of one file
MOST_IN_ALL = 20_000_000_000
MOST_RATIO, RATIO_FROM_BYTES = 60, 50_000_000  # unpacked to packed: CSVs of pixels reach 5, JPEGs 1, bombs 1,000
BLOCK = 1 << 20
FETCH = f"Download the archive from {KAGGLE_URL} again, or unpack it yourself and choose the folder."


@dataclass(frozen=True)
class _Wanted:
    member: zipfile.ZipInfo
    target: str  # relative, at most one folder deep


def unpack(archive: Path | BinaryIO, name: str, report: Report | None = None,
           stop: threading.Event | None = None) -> Path:
    """The data set in a zip, checked, in a new folder of HAM_HOME/data; returns the folder.

    `archive` is a path or a seekable binary file, `name` the zip's name for people. `report(done, total, what)`
    counts bytes. Only the metadata, the pixel CSV and the JPEGs of the folder with the metadata are taken,
    each JPEG once. Raises DataError where the zip is refused and Stopped where `stop` was set; nothing is left
    behind then.
    """
    with one_at_a_time():
        title = Path(name).stem or "archive"
        return unpack_here(archive, name, safe_name(title), {"title": title, "origin": f"Unpacked from {name}"},
                           stoppable(report, stop))


def unpack_here(archive: Path | BinaryIO, shown: str, name: str, origin: dict[str, str], report: Report) -> Path:
    """`unpack` for who holds `one_at_a_time` already."""
    try:
        with zipfile.ZipFile(archive) as opened:
            wanted = _wanted(opened.infolist(), shown, _size(archive))
            total = sum(one.member.file_size for one in wanted)
            need_room(total, shown)
            with drafted() as draft:
                done = 0
                for one in wanted:
                    done = _write(opened, one, draft, done, total, report, shown)
                return place(draft, name, origin, report, shown)
    except zipfile.BadZipFile as error:
        raise _no_zip(archive, shown) from error
    except OSError as error:
        raise DataError(shown, f"the file cannot be read ({error.strerror or error}).", "Check that it is there and "
                        "that you may read it.") from error


def safe_name(title: str) -> str:
    """A folder's name: letters, digits, dots, dashes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", title)[:60].strip(".-") or "archive"


# ------------------------------------------------------------------ what is in it, what is not


def _wanted(members: list[zipfile.ZipInfo], shown: str, size: int) -> list[_Wanted]:
    if len(members) > MOST_ENTRIES:
        raise DataError(shown, f"it has {len(members):,} entries; Kaggle's has 20,034, and at most {MOST_ENTRIES:,} "
                        "are read.", FETCH)
    for member in members:
        if trick := _trick(member):
            raise DataError(f"{shown}, entry {member.filename[:100]!r}", f"{trick}: such an archive could write "
                            "anywhere on this computer.", f"Nothing was unpacked. {FETCH}")
    files = [m for m in members if not m.is_dir() and "__MACOSX" not in m.filename.split("/")]
    home = _home(files, shown)
    wanted = list(_chosen(files, home))
    names = {one.target for one in wanted}
    if PIXEL_FILE not in names and len(names) == 1:
        raise DataError(shown, f"there is neither {PIXEL_FILE} nor a folder of JPEGs beside {METADATA_FILE}.", FETCH)
    for one in wanted:
        _check(one, shown)
    total = sum(one.member.file_size for one in wanted)
    if total > MOST_IN_ALL or (total > RATIO_FROM_BYTES and total > MOST_RATIO * size):
        raise DataError(shown, f"its {in_bytes(size)} would unpack to {in_bytes(total)}, as no real data set does: "
                        "it looks like a zip bomb.", f"Nothing was unpacked. {FETCH}")
    return wanted


def _trick(member: zipfile.ZipInfo) -> str:
    """What makes an entry's name or kind dangerous; "" where nothing does. The name as it stands in the zip:
    zipfile itself cuts it at a NUL and turns the system's separators round."""
    name = getattr(member, "orig_filename", member.filename)
    parts = re.split(r"[/\\]", name)
    if "\0" in name:
        return "its name holds a NUL"
    if name.startswith(("/", "\\")):
        return "its path is absolute"
    if re.match(r"[A-Za-z]:", name):
        return "its path names a drive"
    if ".." in parts:
        return "its path leads out of the folder (..)"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if stat.S_ISLNK(kind):
        return "it is a symbolic link"
    if kind and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        return "it is a device or a pipe"
    return ""


def _home(files: list[zipfile.ZipInfo], shown: str) -> PurePosixPath:
    """The folder in the zip that holds the metadata."""
    homes = [PurePosixPath(m.filename).parent for m in files if PurePosixPath(m.filename).name == METADATA_FILE]
    if len(homes) == 1:
        return homes[0]
    if homes:
        raise DataError(shown, f"several folders in it hold a {METADATA_FILE}: {', '.join(map(str, homes[:5]))}.",
                        "Unpack it yourself and choose one of these.")
    inner = next((m.filename for m in files if m.filename.lower().endswith((".zip", ".tar", ".gz", ".7z", ".rar"))), "")
    if inner:
        raise DataError(shown, f"there is no {METADATA_FILE} in it, but another archive, {inner[:100]}.",
                        "Unpack the outer one yourself and drop the inner one, or choose the folder.")
    seen = (", ".join(m.filename[:60] for m in files[:3]) or "nothing") + (" …" if len(files) > 3 else "")
    raise DataError(shown, f"there is no {METADATA_FILE} in it; it holds {seen}.", FETCH)


def _chosen(files: list[zipfile.ZipInfo], home: PurePosixPath) -> Iterable[_Wanted]:
    """The files that matter. Kaggle's zip has every JPEG twice, in HAM10000_images_part_1 and ham10000_images_part_1:
    each is taken once, from Kaggle's folders before others, as `find_source` would."""
    jpegs = []
    for member in files:
        path = PurePosixPath(member.filename)
        if path.parent == home and path.name in (METADATA_FILE, PIXEL_FILE):
            yield _Wanted(member, path.name)
        elif path.suffix.lower() in (".jpg", ".jpeg") and home in (path.parent, path.parent.parent):
            folder = "" if path.parent == home else path.parent.name
            jpegs.append((not folder.lower().startswith("ham10000_images"), folder, path, member))
    seen = set()
    for _, folder, path, member in sorted(jpegs, key=lambda jpeg: jpeg[:3]):
        if path.stem not in seen:
            seen.add(path.stem)
            place_in = f"{safe_name(folder)}/" if folder else ""
            yield _Wanted(member, f"{place_in}{safe_name(path.stem)}.jpg")


def _check(one: _Wanted, shown: str) -> None:
    where = f"{shown}, entry {one.member.filename[:100]}"
    if one.member.flag_bits & 0x1:
        raise DataError(where, "it is encrypted.", "Unpack the archive yourself with its password and choose the "
                        "folder. Kaggle's own is not encrypted.")
    limit = MOST_BYTES.get(one.target, MOST_BYTES["JPEG"])
    if one.member.file_size > limit:
        raise DataError(where, f"it would unpack to {in_bytes(one.member.file_size)}; at most {in_bytes(limit)} are "
                        "read of such a file.", f"Nothing was unpacked. {FETCH}")


# ---------------------------------------------------------------------------- unpacking


def _write(opened: zipfile.ZipFile, one: _Wanted, draft: Path, done: int, total: int, report: Report,
           shown: str) -> int:
    target = draft / one.target
    target.parent.mkdir(exist_ok=True)
    try:
        with opened.open(one.member) as packed, open(target, "wb") as file:
            while block := packed.read(BLOCK):
                file.write(block)
                done += len(block)
                report(done, total, f"Unpacking {shown}")
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{shown}, entry {one.member.filename[:100]}", f"it is damaged ({error}).", FETCH) from error
    except (NotImplementedError, RuntimeError) as error:  # a compression, or an encryption, that zipfile does not know
        raise DataError(f"{shown}, entry {one.member.filename[:100]}", f"it cannot be unpacked here ({error}).",
                        "Unpack the archive yourself and choose the folder.") from error
    return done


def _no_zip(archive: Path | BinaryIO, shown: str) -> DataError:
    if _size(archive) == 0:
        return DataError(shown, "the file is empty.", FETCH)
    if _start(archive).startswith(b"PK"):
        return DataError(shown, f"its end is missing: it has {in_bytes(_size(archive))}, and the download or copy "
                         "broke off.", FETCH)
    return DataError(shown, "it is no zip archive.", FETCH)


def _size(archive: Path | BinaryIO) -> int:
    if isinstance(archive, Path):
        return archive.stat().st_size
    return archive.seek(0, os.SEEK_END)


def _start(archive: Path | BinaryIO) -> bytes:
    if isinstance(archive, Path):
        with open(archive, "rb") as file:
            return file.read(4)
    archive.seek(0)
    return archive.read(4)
