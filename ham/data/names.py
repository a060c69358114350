"""Which file is which image: one matcher for metadata, labels and folders.

What a table calls `img/ISIC_0034321.JPG` and a disk `part_1/isic_0034321.jpeg` is one image:
folder in front, extension, case and Unicode form are no part of a name.
"""

from __future__ import annotations

import filecmp
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from ham.config import DataError

#: Endings of image files, also of those that are then refused by their true name. Dot left off.
IMAGE_ENDINGS = frozenset(
    {
        "jpg",
        "jpeg",
        "jpe",
        "jfif",
        "jif",
        "jfi",
        "pjpeg",
        "pjp",
        "png",
        "apng",
        "webp",
        "bmp",
        "dib",
        "gif",
        "tif",
        "tiff",
        "heic",
        "heif",
        "hif",
        "avif",
        "jp2",
        "j2k",
        "jpx",
        "jxl",
        "dcm",
        "dicom",
        "svg",
        "psd",
        "ppm",
        "pgm",
        "tga",
        "dng",
        "cr2",
        "cr3",
        "nef",
        "arw",
        "raf",
        "orf",
        "rw2",
        "pef",
        "srw",
        "raw",
    }
)
#: Other endings are not opened to see whether an image hides behind them.
_OTHER_ENDINGS = frozenset(
    {
        "csv",
        "tsv",
        "tab",
        "txt",
        "md",
        "json",
        "jsonl",
        "yaml",
        "yml",
        "xml",
        "html",
        "pdf",
        "npy",
        "npz",
        "zip",
        "gz",
        "tar",
        "rar",
        "7z",
        "py",
        "ipynb",
        "pkl",
        "h5",
        "hdf5",
        "keras",
        "parquet",
        "xlsx",
        "xls",
        "ods",
        "db",
        "sqlite",
        "log",
        "dvc",
        "ini",
        "toml",
        "bib",
        "doc",
        "docx",
        "mp4",
        "mov",
        "avi",
    }
)
_NO_IMAGES = {"__macosx", "@eadir", "$recycle.bin", "lost+found"}  # folders that systems make
_LONGEST_LINK = 1024  # bytes of a link's target
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")


class FoundImage(NamedTuple):  # made ten thousand at a time: a dataclass costs four times as much
    """One image of a folder: its file, and every other file of the same name."""

    path: str  # text, because ten thousand Path objects cost a quarter of a second
    others: tuple[str, ...] = ()
    folder: str = ""  # which the names in messages are relative to

    @property
    def paths(self) -> tuple[str, ...]:
        return self.path, *self.others

    @property
    def sizes_differ(self) -> bool:
        """Whether its files cannot be copies of each other, which is cheaper to ask than
        `conflict`.
        """
        sizes = {os.path.getsize(path) for path in self.paths if os.path.exists(path)}
        return len(sizes) > 1

    @property
    def conflict(self) -> str:
        """Why no file can be taken for this image, as a sentence; "" where one can.

        Copies of equal content are one image: Kaggle's own archive has every JPEG twice.
        They are read to know it.
        """
        for path in self.paths:
            if not os.path.exists(path):
                return f"{self._shown(path)} is a link to a file that is not here."
        different = [path for path in self.others if not _equal(self.path, path)]
        if not different:
            return ""
        listed = ", ".join(self._shown(path) for path in (self.path, *different)[:3])
        n = 1 + len(different)
        return f"{n} different files have this name: {listed}{', …' * (n > 3)}."

    def _shown(self, path: str) -> str:
        return shown(os.path.relpath(path, self.folder) if self.folder else path)


def image_key(text: str) -> str:
    """What makes two names the same image. "" where the text names none.

    >>> image_key("img\\\\ISIC_0034321.JPG")
    'isic_0034321'
    """
    name = image_name(text).casefold()
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def image_name(text: str) -> str:
    """The name of an image as people say it: no folder in front, no ending (nor two: a.jpg.png)."""
    name = text.strip().replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    while (parts := name.rpartition("."))[0] and parts[2].lower() in IMAGE_ENDINGS:
        name = parts[0]
    return name


def shown(path: str | os.PathLike[str]) -> str:
    """A path as it can be printed and stored: bytes that are no UTF-8 become a question mark."""
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def find_images(folder: str | os.PathLike[str]) -> dict[str, FoundImage]:
    """Every image file in this folder at any depth, by `image_key`. Raises DataError.

    Links are followed, but not upwards or to what was listed already. Hidden files are left out:
    some archives hold a `._` copy of every image. No image is opened here; a file without a
    known ending counts where it begins as an image does.
    """
    start = os.fspath(folder)
    try:
        if not os.path.isdir(start):
            raise DataError(
                f"The image folder {shown(start)}",
                "it is no folder that exists here.",
                "Check its name.",
            )
        return by_key((entry.path for entry in files_below(start) if is_image(entry)), start)
    except (OSError, ValueError) as error:  # no right to read it, a NUL in its name
        named = getattr(error, "filename", None) or start
        raise DataError(
            f"The image folder {shown(named)}",
            f"it cannot be read ({getattr(error, 'strerror', None) or error}).",
            "Give yourself the right to read it, or choose another folder.",
        ) from error


def by_key(paths: Iterable[str], folder: str) -> dict[str, FoundImage]:
    """Image files by `image_key`; messages name them relative to the folder."""
    images: dict[str, FoundImage] = {}
    for path in paths:
        key = image_key(path[path.rfind(os.sep) + 1 :])
        seen = images.get(key)
        images[key] = (
            FoundImage(path, (), folder)
            if seen is None
            else seen._replace(others=(*seen.others, path))
        )
    return images


def refuse_conflicts(folder: str | os.PathLike[str], found: Iterable[FoundImage]) -> None:
    """Raises a DataError that names the folders whose files contradict each other."""
    conflicting = [image for image in found if image.conflict]
    if not conflicting:
        return
    first = conflicting[0]
    parents = dict.fromkeys(os.path.dirname(first._shown(path)) or "." for path in first.paths)
    n = len(conflicting)
    why = f"of {n:,} {'image' if n == 1 else 'images'} there is no one file: {first.conflict}"
    todo = "Restore the missing files, or make the links anew."
    if len(first.paths) > 1:
        todo = (
            f"Move all but the photographs out of the data folder: only one of "
            f"{' and '.join(parents)} can hold them."
        )
        masks = [parent for parent in parents if _looks_like_masks(parent)]
        if masks and len(masks) < len(parents):
            todo += f" {masks[0]} looks like masks."
    raise DataError(f"The data folder {shown(folder)}", why, todo)


def _looks_like_masks(folder: str) -> bool:
    return any(word in folder.casefold() for word in ("mask", "segment", "ground", "superpixel"))


# ------------------------------------------------------------------------------ listing


def files_below(start: str) -> Iterator[os.DirEntry[str]]:
    """Every file that is not hidden, at any depth, in a fixed order: what lies in the folder itself
    before what links lead to. Links that lead nowhere are among them. Raises OSError.
    """
    waiting, linked = [start], list[str]()
    seen: set[str] = set()
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop(0)
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        folders = []
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if entry.name.casefold() in _NO_IMAGES:
                    continue
                if not entry.is_symlink():
                    folders.append(entry.path)
                elif not _is_inside(real, os.path.realpath(entry.path)):
                    linked.append(entry.path)
            elif (target := _link_as_text(folder, entry)) and not _is_inside(
                real, os.path.realpath(target)
            ):
                linked.append(target)
            else:
                yield entry
        waiting += reversed(folders)  # the first in the alphabet is taken next


def _link_as_text(folder: str, entry: os.DirEntry[str]) -> str:
    """The folder that a link leads to which git wrote as a text file, as where links cannot be
    made; else "".
    """
    if "." in entry.name or not entry.is_file() or not 0 < entry.stat().st_size <= _LONGEST_LINK:
        return ""
    try:
        with open(entry.path, "rb") as file:
            content = os.fsdecode(file.read())
    except OSError:  # no link as far as anyone can tell
        return ""
    if "\0" in content or "\n" in content or os.path.isabs(content):
        return ""
    target = os.path.join(folder, content)
    return target if os.path.isdir(target) else ""


def _is_inside(folder: str, above: str) -> bool:
    return os.path.join(folder, "").startswith(os.path.join(above, ""))


def is_image(entry: os.DirEntry[str]) -> bool:
    """By its ending; a file whose ending says nothing is looked into."""
    ending = entry.name.rpartition(".")[2].lower()
    if ending in IMAGE_ENDINGS:
        return entry.is_file() or entry.is_symlink()  # no pipe or device; a broken link is told
    if ending in _OTHER_ENDINGS or not entry.is_file():
        return False
    try:
        with open(entry.path, "rb") as file:
            return file.read(16).startswith(_MAGIC)
    except OSError:  # no image of ours as far as anyone can tell
        return False


def _equal(one: str, other: str) -> bool:
    if os.path.samefile(one, other):
        return True
    return filecmp.cmp(one, other, shallow=False)


def as_folder(text: str) -> Path:
    """The folder a user typed or pasted, "~" for the home, or file:// as file managers copy it.
    Quotes around it and blanks beside it are left off, unless there is a folder of just that
    name.
    """
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    if bare.lower().startswith("file://"):
        bare = os.fsdecode(unquote_to_bytes(urlsplit(bare).path))
    return Path(text if os.path.exists(text) else bare).expanduser()
