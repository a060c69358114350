"""What runs answered on labelled images from elsewhere, kept with them.

A run's are in `external/<name>.npz` of its folder; those of a run that ships, which is never
written, in HAM_HOME/external/<run id>. One file holds the answers and, as JSON, where they come
from, so it is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from ham import hosting, io
from ham.config import StoreError, home_folder
from ham.hosting import Act
from ham.io import Count, Text, Time, typed
from ham.store import runs
from ham.store.folder import Run
from ham.store.results import EXTERNAL as FOLDER
from ham.store.results import Predictions, check_part

MAX_BYTES = 16 * 2**20  # of a file; 10,000 images have 1 MB
MOST = 20  # of a run
MEMBER = re.compile(rf"{FOLDER}/([a-z0-9][a-z0-9_-]{{0,39}})\.npz")  # in a bundle
_MOST_ARRAYS = 64 * 2**20
_TITLE_LENGTH = 80
_AGAIN = "Remove it, and evaluate these images again."


class ExternalRecord(Struct, frozen=True, kw_only=True):
    """Where answers come from."""

    name: Text  # of the file
    title: Text  # for people
    images: Text  # the folder or zip, as it was named
    labels: Text  # their table
    content: Text  # SHA-256 of what was judged: pixels, classes, lesions
    model: Text  # SHA-256 of the model that answered
    made: Time
    code_version: Text  # of HAM Lab
    n_labelled: Count  # images of the models' classes that the table names
    n_missing: Count = 0
    n_unreadable: Count = 0
    n_unlabelled: Count = 0
    notes: tuple[Text, ...] = ()  # what a reader of the scores should know


@dataclass(frozen=True, eq=False)
class External:
    """A run's answers on labelled images from elsewhere."""

    record: ExternalRecord
    part: Predictions
    pixels: np.ndarray  # uint64 (n,), `pixel_keys` of the images: equal where their pixels are


def pixel_keys(images: np.ndarray) -> np.ndarray:
    """The first 8 bytes of the SHA-256 of each image's pixels, uint64 (n,).

    `images`: uint8 (n, 28, 28, 3).
    """
    digests = [hashlib.sha256(image.tobytes()).digest()[:8] for image in images]
    return np.frombuffer(b"".join(digests), np.uint64)


def external_name(title: str) -> str:
    """The file's name for what people called it: "ISIC 2019" -> "isic-2019". Raises StoreError."""
    name = re.sub(r"[^a-z0-9_]+", "-", title.strip().lower()).strip("-_")[:40].strip("-_")
    if not name or len(title.strip()) > _TITLE_LENGTH or not title.strip().isprintable():
        raise StoreError(
            f"The name {title.strip()[:40]!r}",
            f"it must have a letter or digit, and at most {_TITLE_LENGTH} characters in one line.",
            "Give it a short name, such as the clinic or the data set.",
        )
    return name


# ------------------------------------------------------------------------------- write


def write_external(run: Run, found: External) -> None:
    """Keeps the answers with the run; the same images under the same name take the place of
    earlier ones.

    Raises StoreError where the name is taken by other images, the run has no model any more or
    the disk refuses, AccessError; then nothing has changed.
    """
    hosting.require(Act.KEEP)
    hosting.refuse_full_disk("Another external test")
    with _held(run) as now:
        if now.record.model is None or now.record.model.sha256 != found.record.model:
            raise StoreError(
                f"Run {run.id}",
                "its model is another one than that which answered.",
                "Evaluate the images again.",
            )
        refuse_other(now, found.record.name, found.record.content)
        path = _path(now, found.record.name)
        with io.writing(path, StoreError, f"The external test {found.record.title}"):
            io.write_arrays(path, _arrays(found))


def refuse_other(run: Run, name: str, content: str) -> None:
    """Raises StoreError where the run keeps answers on other images under this name, or too
    many.
    """
    path = _path(run, name)
    if not path.exists() and len(_files(run)) >= MOST:
        raise StoreError(
            f"Run {run.id}",
            f"it keeps {MOST} external tests, and more are not kept.",
            "Remove one of them first.",
        )
    if path.exists() and not _is_of(path, run, content):
        raise StoreError(
            f"The name {name!r}",
            f"run {run.id} keeps a test on other images under it.",
            "Choose another name, or remove that test first.",
        )


def _is_of(path: Path, run: Run, content: str) -> bool:
    """Whether the file may be replaced: it is of the same images, or cannot be read."""
    try:
        return _read(path, run).record.content == content
    except StoreError:
        return True


def delete_external(run: Run, name: str) -> None:
    """Raises StoreError where the disk refuses, AccessError; nothing happens where there is
    none.
    """
    hosting.require(Act.DELETE)
    path = _path(run, name)
    with io.writing(path, StoreError):
        path.unlink(missing_ok=True)


def _arrays(found: External) -> dict[str, np.ndarray]:
    about = msgspec.json.encode(found.record)
    fields = Predictions.__dataclass_fields__
    return {
        "about": np.frombuffer(about, np.uint8),
        "pixels": found.pixels,
        **{name: getattr(found.part, name) for name in fields},
    }


@contextlib.contextmanager
def _held(run: Run) -> Iterator[Run]:
    """The run as it is now that nobody trains or deletes it."""
    if run.shipped:
        yield run
        return
    with runs.claim(run) as mine:
        if mine is None:
            raise StoreError(
                f"Run {run.id}", "it is being trained.", "Wait until it has ended, or cancel it."
            )
        yield mine


# -------------------------------------------------------------------------------- read


def find_external(run: Run) -> tuple[list[External], list[StoreError]]:
    """What a run keeps, by title, and why others cannot be read. Never raises."""
    found, problems = [], []
    for path in _files(run):
        try:
            found.append(_read(path, run))
        except StoreError as error:
            problems.append(error)
    return sorted(found, key=lambda one: (one.record.title.casefold(), one.record.name)), problems


def external_version(run: Run) -> tuple[object, ...]:
    """Changes when what the run keeps does."""
    found: list[object] = []
    for path in _files(run):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((path.name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


def _read(path: Path, run: Run) -> External:
    what = f"The external test {path.stem} of {run.title}"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("it is too large")
        found = parse_external(path.read_bytes(), path.stem)
    except io.DAMAGED as error:
        why = f"it cannot be read ({error or type(error).__name__})."
        raise StoreError(what, why, _AGAIN) from error
    if run.record.model is not None and found.record.model != run.record.model.sha256:
        raise StoreError(what, "it was answered by an earlier model of this run.", _AGAIN)
    return found


def parse_external(content: bytes, name: str) -> External:
    """What such a file of this name holds. Raises one of io.DAMAGED."""
    arrays = io.parse_arrays(content, _MOST_ARRAYS)
    wanted = {"about", "pixels", *Predictions.__dataclass_fields__}
    if set(arrays) != wanted:
        raise ValueError("it holds other arrays than ours")
    about, pixels = arrays.pop("about"), arrays.pop("pixels")
    if about.dtype != np.uint8 or about.ndim != 1:
        raise ValueError("it does not say where it comes from")
    record = typed(io.parse_json(about.tobytes()), ExternalRecord)
    part = Predictions(**arrays)
    check_part(part)
    if pixels.dtype != np.uint64 or pixels.shape != part.y_true.shape:
        raise ValueError("its arrays do not fit together")
    if record.name != name:
        raise ValueError(f"it is of the name {record.name[:40]!r}")
    return External(record, part, pixels)


# ------------------------------------------------------------------------------ bundles


def members(run: Run) -> dict[str, bytes]:
    """What of it goes into the run's bundle, by MEMBER names; what cannot be read stays out."""
    found, _ = find_external(run)
    paths = {one.record.name: _path(run, one.record.name) for one in found}
    return {f"{FOLDER}/{name}.npz": path.read_bytes() for name, path in sorted(paths.items())}


def add_members(run: Run, given: dict[str, bytes]) -> list[str]:
    """Writes those of a bundle that the run does not have; their names. Raises StoreError."""
    added = []
    for member, content in given.items():
        path = _folder(run) / member.rpartition("/")[2]
        if not path.exists():
            with io.writing(path, StoreError):
                io.write_file(path, content)
            added.append(path.stem)
    return added


# ------------------------------------------------------------------------------- inside


def _folder(run: Run) -> Path:
    return home_folder() / FOLDER / run.id if run.shipped else run.folder / FOLDER


def _path(run: Run, name: str) -> Path:
    return _folder(run) / f"{name}.npz"


def _files(run: Run) -> list[Path]:
    try:
        return sorted(
            path for path in _folder(run).iterdir() if MEMBER.fullmatch(f"{FOLDER}/{path.name}")
        )
    except OSError:  # none was kept, or the folder is not ours to read
        return []
