"""Which of many files are a data set, told by their names: in a folder as in an archive.

Kaggle's names and the Dataverse's, as browsers, command lines and people leave them: in any
case, with " (1)", in a folder of their own name, packed on their own. Where something is
missing, `missing` says what is there and what would make it whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Generic, Protocol, TypeVar

from ham.config import KAGGLE_URL, DataError
from ham.data.names import shown

METADATA_FILE = "HAM10000_metadata.csv"
PIXEL_FILE = "hmnist_28_28_RGB.csv"
#: Archives that are named for what they are, and not opened.
CLOSED_ARCHIVES = (".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")
# what browsers and file managers add to a second file of a name
_AGAIN = r"(?:[ _-]?\(\d+\)| ?- ?copy| copy)?"
_TABLES = {
    METADATA_FILE: re.compile(
        rf"ham10000_metadata{_AGAIN}(\.(csv|tab|tsv|txt))?{_AGAIN}(\.gz)?", re.IGNORECASE
    ),
    PIXEL_FILE: re.compile(rf"hmnist_28_28_rgb{_AGAIN}(\.csv)?{_AGAIN}(\.gz)?", re.IGNORECASE),
}
_LISTED = 3  # names that a message lists
_IMAGES = "the folders HAM10000_images_part_1 and HAM10000_images_part_2"


class File(Protocol):
    """A file of a folder or of an archive."""

    @property
    def name(self) -> str:
        """Relative to the top, with forward slashes."""

    @property
    def image(self) -> bool:
        """Whether it is a photograph, as far as its name tells."""

    @property
    def size(self) -> int:
        """Bytes."""

    def identity(self) -> Hashable:
        """Equal for files of equal content, packed or not."""

    def copy(
        self, target: BinaryIO, limit: int, copied: Callable[[int], object] | None = None
    ) -> int:
        """Writes the content; counts bytes to `copied`."""


AnyFile = TypeVar("AnyFile", bound=File)


@dataclass(frozen=True)
class Layout(Generic[AnyFile]):
    """What was found. A data set is whole with its metadata and pixels or photographs."""

    home: str  # the folder with the metadata, relative to the top; "" is the top
    metadata: AnyFile | None
    pixels: AnyFile | None
    photographs: tuple[AnyFile, ...]

    @property
    def whole(self) -> bool:
        return self.metadata is not None and (self.pixels is not None or bool(self.photographs))


def table_of(name: str) -> str:
    """METADATA_FILE or PIXEL_FILE where a file of this name is one of these; else ""."""
    base = name.rsplit("/", 1)[-1]
    if base[:7].lower() not in ("ham1000", "hmnist_"):  # ten thousand names are looked at
        return ""
    return next((table for table, pattern in _TABLES.items() if pattern.fullmatch(base)), "")


def is_closed(name: str) -> bool:
    """Whether it is an archive of a kind that is not opened."""
    return name.lower().endswith(CLOSED_ARCHIVES)


def arrange(files: Sequence[AnyFile], what: str) -> Layout[AnyFile]:
    """The data set among the files, as far as it is there. Raises DataError where it cannot be
    told which it is.

    Copies of equal content count once. Of several data sets the one whose folder holds all
    others is taken.
    """
    tables: dict[str, list[AnyFile]] = {METADATA_FILE: [], PIXEL_FILE: []}
    for file in files:
        if table := table_of(file.name):
            tables[table].append(file)
    metadata = _only(tables[METADATA_FILE], METADATA_FILE, what)
    home = _home(metadata.name) if metadata else ""
    layout = Layout(home, metadata, None, ())
    # images beside its folder belong to it where none are below
    for scope in dict.fromkeys((home, "")):
        layout = Layout(
            home,
            metadata,
            _only([f for f in tables[PIXEL_FILE] if _below(f.name, scope)], PIXEL_FILE, what),
            tuple(f for f in files if f.image and _below(f.name, scope)),
        )
        if layout.whole:
            break
    return layout


def _home(name: str) -> str:
    """The folder of a table. One that is named like the table itself, as kagglehub makes it,
    does not count.
    """
    folder = name.rpartition("/")[0]
    return folder.rpartition("/")[0] if table_of(folder) else folder


def _below(name: str, folder: str) -> bool:
    return not folder or name.startswith(f"{folder}/")


def _only(found: list[AnyFile], table: str, what: str) -> AnyFile | None:
    """The one file of this table: the outermost, the plain before the packed. Raises DataError
    where several differ.
    """
    if not found:
        return None
    first, *others = sorted(
        found,
        key=lambda f: (
            _home(f.name).count("/") + bool(_home(f.name)),
            f.name.lower().endswith(".gz"),
            len(f.name),
            f.name,
        ),
    )
    home = _home(first.name)
    rivals = [f for f in others if _home(f.name) == home or not _below(f"{_home(f.name)}/", home)]
    if not (rivals := [f for f in rivals if _differ(f, first)]):
        return first
    homes = list(dict.fromkeys(_home(f.name) for f in (first, *rivals)))
    if len(homes) > 1:
        raise DataError(
            what,
            f"several folders in it hold a {table}: {_listed(home or '.' for home in homes)}.",
            "Choose one of these.",
        )
    raise DataError(
        what,
        f"several files in it are a {table}, and they differ: "
        f"{_listed(f.name for f in (first, *rivals))}.",
        "Keep the right one, and move the others away.",
    )


def _differ(one: File, other: File) -> bool:
    """A copy whose packing is damaged is none."""
    try:
        return one.identity() != other.identity()
    except DataError:
        return False


def _listed(names: Iterable[str]) -> str:
    names = [shown(name) for name in names]
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


# --------------------------------------------------------------------------- what is missing


def missing(
    layout: Layout[AnyFile],
    files: Sequence[AnyFile],
    what: str,
    place: str = "in it or in a folder below it",
    hint: str = "",
) -> DataError:
    """What is there, and what would make a data set of it. `hint` is a sentence for who knows
    more.
    """
    closed = [f.name for f in files if is_closed(f.name)]
    if closed and not hint:
        hint = (
            f"{shown(closed[0])} is an archive that HAM Lab does not open: unpack it there first."
        )
    if layout.metadata is not None:
        why = (
            f"there is neither {PIXEL_FILE} nor a folder of JPEGs or other images beside "
            f"{shown(layout.metadata.name)}; it holds {holds(files)}."
        )
        todo = f"Put {PIXEL_FILE}, or {_IMAGES}, beside it; {KAGGLE_URL} has them."
    elif layout.pixels is not None or layout.photographs:
        why = f"there is no {METADATA_FILE} {place}; it holds {holds(files)}."
        todo = (
            f"{METADATA_FILE} belongs there: it says which image shows what. {KAGGLE_URL} has it, "
            "and the Harvard Dataverse."
        )
    else:
        why = f"there is no {METADATA_FILE} {place}; it holds {holds(files)}."
        todo = f"Choose the folder, or the zip, that holds it; {KAGGLE_URL} has the data set."
    return DataError(what, why, f"{hint} {todo}".strip())


def holds(files: Sequence[File]) -> str:
    """ "21 images in HAM10000_images_part_1, notes.txt", or "nothing"."""
    counts: Counter[str] = Counter()
    for file in files:
        top, _, rest = file.name.partition("/")
        counts[f"{top}/" if rest else top] += 1
    listed = [
        shown(name)[:60]
        + (f" ({n:,} {'file' if n == 1 else 'files'})" if name.endswith("/") else "")
        for name, n in counts.items()
    ]
    text = ", ".join(listed[:_LISTED]) + (" …" if len(listed) > _LISTED else "")
    images = sum(file.image for file in files)
    counted = f"; {images:,} {'image' if images == 1 else 'images'} in all" if images > 1 else ""
    return (text or "nothing") + counted


def stem(name: str) -> str:
    """The folder that an archive of this name stands for: "a/x.csv.zip" -> "a/x.csv"."""
    return str(PurePosixPath(name).with_suffix("")) if name.lower().endswith(".zip") else name
