"""A zip of the data set -> a checked folder of our own.

A zip from anywhere may be hostile or half there: everything is decided from its table of
contents before a byte of it is written, only the files that matter are unpacked, under names of
our own making, and into a draft that is gone again when anything is wrong. Zips in a zip, as the
Dataverse and Kaggle's command line make them, are unpacked within the same bounds, one level and
no deeper.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ham import hosting, images, io
from ham.config import KAGGLE_URL, DataError
from ham.data.layout import METADATA_FILE, PIXEL_FILE, arrange, missing, stem, table_of
from ham.data.names import image_key, shown
from ham.data.packed import (
    MOST_METADATA_BYTES,
    MOST_PIXEL_BYTES,
    Listed,
    Member,
    OnDisk,
    members,
)
from ham.data.places import in_bytes, need_room, new_folder, one_at_a_time, place
from ham.data.source import Report
from ham.hosting import Act

MOST_ENTRIES = 200_000  # Kaggle's zip has 20,034
#: Of one file, unpacked.
MOST_BYTES = {
    METADATA_FILE: MOST_METADATA_BYTES,
    PIXEL_FILE: MOST_PIXEL_BYTES,
    "image": images.MAX_BYTES,
}
MOST_IN_ALL = 20_000_000_000
# unpacked to packed: CSVs of pixels reach 5, JPEGs 1, bombs 1,000
MOST_RATIO, RATIO_FROM_BYTES = 60, 50_000_000
FETCH = (
    f"Download the archive from {KAGGLE_URL} again, or unpack it yourself and choose the folder."
)
UNPACK = "Unpack the archive yourself and choose the folder."
NOTHING = "Nothing was unpacked."


@dataclass(frozen=True)
class _Wanted:
    file: Listed
    target: str  # relative, with forward slashes


Choice = Callable[[Sequence[Listed], str], list[_Wanted]]


def unpack(
    archive: Path | BinaryIO,
    name: str,
    report: Report | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """The data set in a zip, checked, in a new folder of HAM_HOME/data; returns the folder.

    `archive` is a path or a seekable binary file, `name` the zip's name for people.
    `report(done, total, what)` counts bytes. Only the metadata, the pixel CSV and the images of
    the data set are taken, each image once. Raises DataError where the zip is refused and
    Stopped where `stop` was set, AccessError and LimitError; nothing is left behind then.
    """
    hosting.require(Act.DATA)
    hosting.refuse_full_disk("To unpack the data")
    name = shown(name)
    with one_at_a_time():
        title = Path(name).stem or "archive"
        return unpack_here(
            archive,
            name,
            safe_name(title),
            {"title": title, "origin": f"Unpacked from {name}"},
            io.stoppable(report, stop),
        )


def unpack_here(
    archive: Path | BinaryIO, shown_as: str, name: str, origin: dict[str, str], report: Report
) -> Path:
    """`unpack` for who holds `one_at_a_time` already."""
    with new_folder(name) as (draft, folder):
        fill(draft, archive, shown_as, data_set, report)
        place(draft, origin, report, shown_as)
    return folder


def safe_name(title: str) -> str:
    """A folder's name: letters, digits, dots, dashes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", title)[:60].strip(".-") or "archive"


def fill(
    draft: Path,
    archive: Path | BinaryIO | None,
    what: str,
    choice: Choice,
    report: Report,
    beside: Sequence[OnDisk] = (),
) -> None:
    """Writes what `choice` takes from an archive into the folder `draft`. Raises DataError.

    Without an archive, `beside` are the files of a folder, and its zips are the inner ones.
    """
    try:
        with ExitStack() as stack:
            size = sum(file.size for file in beside)
            files: list[Listed] = [*beside]
            if archive is not None:
                opened = _opened(archive, what, stack)
                size, files = opened.size, [*members(opened)]
            wanted = _chosen(files, choice, what, size, draft, stack, report)
            total = sum(one.file.size for one in wanted)
            _check(wanted, what, size)
            need_room(total, what)
            done = 0
            for one in wanted:
                done = _write(one, draft, done, total, report, what)
    except io.ArchiveError as error:
        raise refusal(what, error) from error


def _opened(archive: Path | BinaryIO, what: str, stack: ExitStack) -> io.Archive:
    try:
        return stack.enter_context(io.Archive(archive, MOST_ENTRIES, ratio=None))
    except OSError as error:
        raise DataError(
            what,
            f"the file cannot be read ({error.strerror or error}).",
            "Check that it is there and that you may read it.",
        ) from error


def refusal(what: str, error: io.ArchiveError) -> DataError:
    """Why an archive is not taken, in words, and whether another copy of it would help."""
    where = f"{what}, entry {shown(error.entry)[:100]}" if error.entry else what
    if error.kind == "empty":
        return DataError(where, "the file is empty.", FETCH)
    if error.kind == "hostile":
        return DataError(
            where,
            f"{error.why}: such an archive could write anywhere on this computer.",
            f"{NOTHING} {FETCH}",
        )
    if error.kind in ("encrypted", "unknown method"):
        return DataError(
            where,
            f"{error.why}.",
            f"{UNPACK} Kaggle's own is neither encrypted nor packed unusually.",
        )
    if error.kind == "too many":
        return DataError(
            where,
            f"{error.why}; Kaggle's has 20,034.",
            f"{NOTHING} Choose an archive of the data set alone.",
        )
    return DataError(where, f"{error.why}.", FETCH)


# ------------------------------------------------------------------- what is in it, what is not


def _chosen(
    files: list[Listed],
    choice: Choice,
    what: str,
    size: int,
    draft: Path,
    stack: ExitStack,
    report: Report,
) -> list[_Wanted]:
    """What is taken of the files; of those in inner zips too, where they are not enough by
    themselves.
    """
    inner = [file for file in files if file.name.lower().endswith(".zip")]
    try:
        return choice(files, what)
    except DataError:
        if not inner:
            raise
    return choice([*files, *_unfolded(inner, what, size, len(files), draft, stack, report)], what)


def _unfolded(
    inner: list[Listed],
    what: str,
    size: int,
    entries: int,
    draft: Path,
    stack: ExitStack,
    report: Report,
) -> list[Member]:
    """The files in zips that lie in the archive, or in the folder; what must be written to look
    into them goes with `stack`. Raises DataError."""
    packed = [file for file in inner if not isinstance(file, OnDisk)]
    total, done = sum(file.size for file in packed), 0
    found: list[Member] = []
    _check_bounds(total, what, size)
    need_room(total, what)
    for number, file in enumerate(inner):
        path = draft / f".inner-{number}.zip"
        if isinstance(file, OnDisk):
            path = Path(file.path)
        else:
            stack.callback(path.unlink, missing_ok=True)
            done = _write(_Wanted(file, path.name), draft, done, total, report, what)
        try:
            opened = stack.enter_context(
                io.Archive(path, max(0, MOST_ENTRIES - entries), ratio=None)
            )
        except io.ArchiveError as error:
            name = shown(file.name)
            raise refusal(
                what,
                io.ArchiveError(
                    error.kind, error.why, f"{name}: {error.entry}" if error.entry else name
                ),
            ) from error
        entries += len(opened.entries)
        found += members(opened, stem(file.name))
    return found


def data_set(files: Sequence[Listed], what: str) -> list[_Wanted]:
    """The files of the data set among these, each image once: Kaggle's zip has every JPEG twice, in
    HAM10000_images_part_1 and ham10000_images_part_1. Raises DataError."""
    layout = arrange(files, what)
    if layout.metadata is None or not layout.whole:
        deeper = max(
            (f.name for f in files if f.name.lower().endswith(".zip") and isinstance(f, Member)),
            key=lambda name: name.count("/"),
            default="",
        )
        raise missing(
            layout,
            files,
            what,
            "in it",
            f"There is another archive in it, {shown(deeper)[:100]}: unpack it yourself and choose "
            "the folder."
            if deeper
            else "",
        )
    wanted = [_Wanted(layout.metadata, _table_target(layout.metadata, METADATA_FILE))]
    if layout.pixels is not None:
        wanted.append(_Wanted(layout.pixels, _table_target(layout.pixels, PIXEL_FILE)))
    cut = len(layout.home) + 1 if layout.home else 0
    inside = not cut or all(file.name.startswith(f"{layout.home}/") for file in layout.photographs)
    return [*wanted, *_images(layout.photographs, cut if inside else 0)]


def images_alone(files: Sequence[Listed], what: str) -> list[_Wanted]:
    """Every image, each once. Raises DataError where there is none."""
    wanted = _images([file for file in files if file.image], 0)
    if not wanted:
        raise DataError(
            what,
            "there is no image in it.",
            "Choose the zip, or the folder, that holds the images.",
        )
    return wanted


def _table_target(file: Listed, table: str) -> str:
    return table + (".gz" if file.name.lower().endswith(".gz") else "")


def _images(found: Sequence[Listed], cut: int) -> list[_Wanted]:
    """Each once, those in Kaggle's folders first. `cut` letters of their names are the data
    set's own folder.
    """

    def order(file: Listed) -> tuple[bool, str]:
        return not file.name[cut:].lower().startswith("ham10000_images"), file.name

    wanted: list[_Wanted] = []
    seen: set[tuple[object, ...]] = set()
    targets: set[str] = set()
    for file in sorted(found, key=order):
        identity = image_key(file.name), *_content(file)
        if identity in seen:
            continue
        seen.add(identity)
        target = _target(file.name[cut:])
        number = 1
        while target.casefold() in targets:  # names that differ in what a disk does not tell apart
            number += 1
            target = f"more-{number}/{_target(file.name[cut:])}"
        targets.add(target.casefold())
        wanted.append(_Wanted(file, target))
    return wanted


def _content(file: Listed) -> tuple[object, ...]:
    """What tells two images of one name apart, before any is read: files of a folder are
    compared when opened.
    """
    return (file.size, file.entry.info.CRC) if isinstance(file, Member) else (file.path,)


def _target(name: str) -> str:
    """A name that every disk takes, and that still names the same image."""
    *folders, base = PurePosixPath(name).parts
    title, dot, ending = base.rpartition(".")
    clean = _clean(title if dot else base)
    return "/".join(
        [
            *(safe_name(folder) for folder in folders[-3:]),
            f"{clean}.{ending.lower()}" if dot else clean,
        ]
    )


def _clean(title: str) -> str:
    kept = (
        c if c not in '<>:"|?*\\/' and unicodedata.category(c)[0] != "C" else "-"
        for c in shown(title)
    )
    text = "".join(kept)
    while len(text.encode()) > 200:
        text = text[:-1]
    return text.strip(". ") or "image"


def _check(wanted: list[_Wanted], what: str, size: int) -> None:
    for one in wanted:
        where = f"{what}, entry {shown(one.file.name)[:100]}"
        if isinstance(one.file, Member) and one.file.entry.encrypted:
            raise DataError(
                where,
                "it is encrypted.",
                "Unpack the archive yourself with its password and choose the folder. Kaggle's own "
                "is not encrypted.",
            )
        if one.file.size > (limit := _limit(one)):
            raise DataError(
                where,
                f"it would unpack to {in_bytes(one.file.size)}; at most {in_bytes(limit)} are read "
                "of such a file.",
                f"{NOTHING} {FETCH}",
            )
    _check_bounds(sum(one.file.size for one in wanted), what, size)


def _check_bounds(total: int, what: str, size: int) -> None:
    if total > MOST_IN_ALL or (total > RATIO_FROM_BYTES and total > MOST_RATIO * size):
        raise DataError(
            what,
            f"its {in_bytes(size)} would unpack to {in_bytes(total)}, as no real data set does: it "
            "looks like a zip bomb.",
            f"{NOTHING} {FETCH}",
        )


def _limit(one: _Wanted) -> int:
    if one.target.startswith(".inner-"):
        return MOST_IN_ALL
    return MOST_BYTES.get(
        table_of(one.target) if "/" not in one.target else "", MOST_BYTES["image"]
    )


# ---------------------------------------------------------------------------- unpacking


def _write(one: _Wanted, draft: Path, done: int, total: int, report: Report, what: str) -> int:
    target = draft / one.target
    target.parent.mkdir(parents=True, exist_ok=True)

    def copied(count: int) -> None:
        nonlocal done
        done += count
        report(done, total, f"Unpacking {what}")

    with open(target, "wb") as file:
        one.file.copy(file, _limit(one), copied)
    return done
