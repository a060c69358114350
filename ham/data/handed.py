"""Labelled images as people hand them over: a folder or zip with its table, or dropped files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Protocol

from ham import io
from ham.config import DataError, cache_folder
from ham.data.archive import fill, images_alone, refusal, safe_name
from ham.data.names import files_below, shown
from ham.data.packed import MOST_METADATA_BYTES
from ham.data.source import Report

TABLES = (".csv", ".tsv", ".tab")
_GIVE = "Give the images, or one zip of them, and one CSV with the columns image and dx."


class File(Protocol):
    """What a browser has sent."""

    @property
    def name(self) -> str: ...

    def getvalue(self) -> bytes: ...


def labels_of(images: Path) -> Path:
    """The one table in this folder, or in this zip, from where it is copied to the cache. Raises
    DataError.
    """
    if images.is_dir():
        with io.writing(images, DataError, f"The folder {shown(images)}", "Name another one."):
            found = [entry.path for entry in files_below(str(images)) if _is_table(entry.name)]
        return Path(_the_one(shown(images), found))
    try:
        with io.Archive(images) as archive:
            return _table_in(archive, shown(images.name), cache_folder() / "labels")
    except io.ArchiveError as error:
        raise refusal(shown(images.name), error) from error
    except OSError as error:
        raise DataError(
            shown(images), f"it cannot be read ({error.strerror or error}).", "Check the path."
        ) from error


def laid_out(files: Sequence[File], place: Path, report: Report) -> tuple[Path, Path]:
    """A folder of images and a table of their labels, made of dropped files in the new folder
    `place`: images or one zip of them, and one table, beside them or in the zip.

    Nothing of a file's name becomes a path. Raises DataError, and OSError where the disk refuses.
    """
    zips = [file for file in files if file.getvalue()[:4].startswith(b"PK")]
    tables = [file for file in files if file not in zips and _is_table(file.name)]
    pictures = [file for file in files if file not in zips and file not in tables]
    what = "The dropped files"
    if len(zips) > 1 or (zips and pictures) or not (zips or pictures):
        why = "there is no image among them." if not zips else "there is more than one zip of them."
        raise DataError(what, why, _GIVE)
    folder = place / "images"
    folder.mkdir(parents=True)
    if zips:
        [packed] = zips
        fill(folder, BytesIO(packed.getvalue()), shown(packed.name), images_alone, report)
    for number, file in enumerate(pictures):
        report(number, len(pictures), "Writing the images")
        path = folder / _plain(file.name)
        if path.exists():  # of another folder: what differs under one name is told later
            path = folder / str(number) / path.name
        io.write_file(path, file.getvalue())
    if not tables and zips:
        try:
            with io.Archive(zips[0].getvalue()) as archive:
                return folder, _table_in(archive, shown(zips[0].name), place)
        except io.ArchiveError as error:
            raise refusal(shown(zips[0].name), error) from error
    name = _the_one(what, [file.name for file in tables])
    [table] = [file for file in tables if file.name == name]
    path = place / _plain(table.name)
    io.write_file(path, table.getvalue())
    return folder, path


def _table_in(archive: io.Archive, what: str, folder: Path) -> Path:
    entries = {entry.name: entry for entry in archive.entries if _is_table(entry.name)}
    name = _the_one(what, list(entries))
    content = archive.read(entries[name], MOST_METADATA_BYTES)
    stem, _, ending = Path(name).name.rpartition(".")
    path = folder / f"{safe_name(stem)}.{ending}"
    with io.writing(path, DataError):
        io.write_file(path, content)
    return path


def _the_one(what: str, tables: Sequence[str]) -> str:
    if len(tables) == 1:
        return tables[0]
    listed = ", ".join(shown(Path(name).name) for name in tables[:3])
    why = (
        f"it holds {len(tables)} tables, {listed}{', …' * (len(tables) > 3)}: which one are the "
        "labels is not said."
        if tables
        else "there is no CSV with the labels in it."
    )
    raise DataError(what, why, _GIVE if not tables else "Name the table, or remove the others.")


def _is_table(name: str) -> bool:
    return name.lower().endswith(TABLES)


def _plain(name: str) -> str:
    """The file's own name, without what leads elsewhere or no disk takes."""
    base = re.split(r"[/\\]", name)[-1]
    return re.sub(r'[\x00-\x1f<>:"|?*]', "_", base).lstrip(".")[-200:] or "image"
