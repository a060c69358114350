"""Where the files of a data set are, however they came here.

From Kaggle with a browser, its command line or a notebook, from the Harvard Dataverse, sorted
into a folder a class, linked from elsewhere: what counts are the names of files (`layout`), not
where they lie.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ham import io
from ham.config import KAGGLE_URL, DataError
from ham.data.layout import (
    METADATA_FILE,
    PIXEL_FILE,
    Layout,
    arrange,
    is_closed,
    missing,
    stem,
    table_of,
)
from ham.data.names import FoundImage, as_folder, by_key, files_below, is_image, shown
from ham.data.packed import Listed, Member, OnDisk, members

__all__ = ["FETCH", "METADATA_FILE", "PIXEL_FILE", "Packed", "Report", "Source", "find_source"]

Report = Callable[[int, int, str], None]  # done, total, what is being done

FETCH = f"Download the data set again from {KAGGLE_URL}, unpack it and choose its folder."
MOST_FILES = 300_000  # looked at below one folder; Kaggle's archive unpacks to 20,034
#: How the files begin that people take for a zip or a folder, and what they are.
_KINDS = (
    (b"7z\xbc\xaf'\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\xff\xd8\xff", "a JPEG"),
    (b"\x89PNG", "a PNG"),
)


@dataclass(frozen=True)
class Source:
    """Where the files of a data set are."""

    folder: Path  # that holds the metadata
    metadata: Path  # or the .zip or .gz that holds it alone
    pixels: Path | None  # the same of the pixel CSV; None where there is none
    photographs: dict[str, FoundImage]  # by names.image_key; empty where there are none
    archive: Path | None = None  # the zip, or the folder with zips, that it was unpacked from

    @property
    def chosen(self) -> Path:
        """What opens it again."""
        return self.archive or self.folder

    def stamp(self) -> list[tuple[str, int, int, int]]:
        """Relative name, size, time of change and of status change of every file: differs when a
        file does.
        """
        tables = [str(self.metadata), *([str(self.pixels)] if self.pixels else [])]
        photographs = [path for image in self.photographs.values() for path in image.paths]
        return stamp([*tables, *photographs], str(self.folder))


class Packed(DataError):
    """A zip, or a folder with zips, that holds a data set and can be read once it is unpacked."""

    def __init__(self, what: str, why: str, todo: str, path: Path, files: Sequence[str]):
        super().__init__(what, why, todo)
        self.path = path  # the zip, or the folder
        self.files = files  # the zip, or the folder's files that make up the data set

    def stamp(self) -> list[tuple[str, int, int, int]]:
        """As that of `Source`."""
        return stamp(self.files, str(self.path))


def stamp(files: Sequence[str], folder: str) -> list[tuple[str, int, int, int]]:
    """Relative name, size, time of change and of status change of each. A link that leads
    nowhere has -1.
    """
    found = []
    for path in files:
        try:
            stat = os.stat(path)
            found.append(
                (path.removeprefix(folder), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            )
        except FileNotFoundError:
            if not os.path.islink(path):
                raise
            found.append((path.removeprefix(folder), -1, 0, 0))
    return sorted(found)


def find_source(path: str | os.PathLike[str]) -> Source:
    """The data set in this folder, at any depth; in the folder of this file where it is one of a
    data set.

    Raises Packed where an archive must be unpacked first, and DataError, which says what is
    there and what would make a data set of it.
    """
    folder = as_folder(os.fspath(path))
    try:
        folder = folder.expanduser().resolve()
        if folder.is_file():
            return _of_file(folder)
        what = f"The data folder {shown(folder)}"
        if not folder.is_dir():
            raise DataError(
                what,
                "it is no folder that exists here.",
                "Check its name, or choose another folder.",
            )
        files = _listed(str(folder), what)
        layout = arrange(files, what)
        if layout.metadata is None or not layout.whole:
            return _packed(folder, files, what)
        return _source(folder / layout.home, layout.metadata, layout)
    # no right to read it, a NUL in it, no such ~user
    except (OSError, ValueError, RuntimeError) as error:
        named = getattr(error, "filename", None) or folder
        raise DataError(
            f"The data folder {shown(folder)}",
            f"{'it' if str(named) == str(folder) else shown(named)} cannot be read "
            f"({getattr(error, 'strerror', None) or shown(str(error))}).",
            "Give yourself the right to read it, or choose another folder.",
        ) from error


def _listed(folder: str, what: str) -> list[OnDisk]:
    """Its files. A table that is zipped on its own counts as a folder that holds it, as
    everywhere.
    """
    files, cut = [], len(folder.rstrip(os.sep)) + 1
    for entry in files_below(folder):
        name = entry.path[cut:].replace(os.sep, "/")
        if name[-4:].lower() == ".zip" and table_of(stem(name)):
            name = f"{stem(name)}/{stem(entry.name)}"
        files.append(OnDisk(name, entry.path, is_image(entry)))
        if len(files) > MOST_FILES:
            raise DataError(
                what,
                f"there are more than {MOST_FILES:,} files in it and below it.",
                "Choose the folder of the data set itself.",
            )
    return files


def _source(home: Path, metadata: OnDisk, layout: Layout[OnDisk]) -> Source:
    return Source(
        home,
        Path(metadata.path),
        Path(layout.pixels.path) if layout.pixels else None,
        by_key((file.path for file in layout.photographs), str(home)),
    )


def _packed(folder: Path, files: list[OnDisk], what: str) -> Source:
    """Raises Packed where the folder's zips make it whole, else DataError."""
    zips = [file for file in files if file.name.lower().endswith(".zip")]
    inside: list[Member] = []
    hint = ""
    with ExitStack() as stack:
        for file in zips:
            try:
                inside += members(
                    stack.enter_context(io.Archive(Path(file.path), ratio=None)), stem(file.name)
                )
            except io.ArchiveError as error:
                hint = f"{shown(file.name)} is of no use: {error.why}. Download it again."
        found: list[Listed] = [*files, *inside]
        layout = arrange(found, what)
        if not layout.whole:
            raise missing(layout, found, what, hint=hint or _hint(folder, files))
    used = [
        *(file.path for file in files if table_of(file.name) or file.image),
        *(file.path for file in zips),
    ]
    raise Packed(
        what,
        f"what it needs is packed in {', '.join(shown(file.name) for file in zips[:3])}.",
        "Unpack it there.",
        folder,
        used,
    )


def _hint(folder: Path, files: list[OnDisk]) -> str:
    """What somebody who stands beside would see."""
    above = folder.parent
    if any(
        table_of(name) == METADATA_FILE for name in os.listdir(above) if os.access(above, os.R_OK)
    ):
        return f"{METADATA_FILE} lies in the folder above: choose {shown(above)}."
    for file in files:
        if file.name.lower().endswith((".csv", ".tsv", ".tab", ".txt")) and not table_of(file.name):
            with open(file.path, "rb") as table:
                header = table.readline(2_000).lower()
            if b"image_id" in header and b"lesion_id" in header and b"dx" in header:
                return (
                    f"{shown(file.name)} has the columns of the metadata: name it {METADATA_FILE}."
                )
    return ""


# ----------------------------------------------------------------------- a file instead of a folder


def _of_file(path: Path) -> Source:
    if table_of(path.name) or table_of(stem(path.name)):
        return find_source(path.parent)
    what = f"The file {shown(path)}"
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith(b"PK") or path.suffix.lower() == ".zip":
        raise Packed(
            what, "it is a zip archive.", "Unpack it, and choose its folder.", path, [str(path)]
        )
    kind = (
        "a tar archive"
        if start[257:262] == b"ustar"
        else next((kind for magic, kind in _KINDS if start.startswith(magic)), "")
    )
    if start.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        raise DataError(
            what,
            "it is a web page: what was saved is the page of a download, not the download.",
            f"Sign in where it was to come from, or download it from {KAGGLE_URL}, "
            "and choose the zip.",
        )
    if is_closed(path.name) or kind.endswith(("archive", "file")):
        raise DataError(
            what,
            f"it is {kind or 'an archive of another kind'}, which HAM Lab does not open.",
            "Unpack it yourself and choose the folder, or pack the files as a zip.",
        )
    raise DataError(
        what,
        f"it is {kind or 'a file'}, not a folder or a zip.",
        f"Choose the folder that holds {METADATA_FILE}, or a zip of it.",
    )
