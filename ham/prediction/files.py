"""The images that paths name: files, folders to their depths, zips."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ham import io
from ham.config import ImageError
from ham.images import A_ZIP, kind_of, read_file
from ham.prediction.dropped import BESIDE, Zipped, images_in

_UNPACK = "Unpack it, and name the folder."
_START = 4096  # bytes that tell a zip


@dataclass(frozen=True)
class OnDisk:
    """An image file, read when its turn comes."""

    name: str

    def getvalue(self) -> bytes:
        """Raises ImageError."""
        return read_file(self.name)


def find_images(paths: Sequence[str]) -> Iterator[OnDisk | Zipped | ImageError]:
    """What the paths name, in their order: a file as it is given, a folder's and a zip's files by
    name. Hidden ones and the tables and texts beside images are left out.

    An ImageError stands for a folder or zip without images, or one that cannot be read.
    """
    for path in paths:
        if os.path.isdir(path):
            yield from _in_folder(path)
        elif _is_zip(path):
            yield from _in_zip(path)
        else:
            yield OnDisk(path)


def _in_folder(folder: str) -> Iterator[OnDisk | ImageError]:
    found = False
    for place, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and not name.lower().endswith(BESIDE):
                found = True
                yield OnDisk(os.path.join(place, name))
    if not found:
        yield ImageError(folder, "no image is in this folder.", "Check the path.")


def _in_zip(path: str) -> Iterator[Zipped | ImageError]:
    """The zip is open for as long as its images are asked for, one after the other."""
    found: list[Zipped] = []
    try:
        with io.Archive(Path(path)) as archive:
            found = sorted(images_in(archive, f"{path}/"), key=lambda image: image.name)
            yield from found
    except io.ArchiveError as error:
        yield ImageError(path, f"{error.why}.", _UNPACK)
    except OSError as error:
        yield ImageError(path, f"it cannot be read ({error.strerror}).", _UNPACK)
    else:
        if not found:
            yield ImageError(path, "no image is in this zip.", "Check the path.")


def _is_zip(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return kind_of(file.read(_START), path) == A_ZIP
    except OSError:  # said when it is read
        return False


def content_of(file: OnDisk | Zipped) -> bytes:
    """The file's bytes. Raises ImageError."""
    try:
        return file.getvalue()
    except io.ArchiveError as error:
        raise ImageError(file.name, f"{error.why}.", _UNPACK) from error
    except OSError as error:
        why = f"it cannot be read ({error.strerror})."
        raise ImageError(file.name, why, "Check the path.") from error
