"""LesionDataset, its cache, and which data is in use.

The cache of a source folder is `HAM_HOME/cache/<folder>-<files>/`, that of the demo data
`HAM_HOME/cache/demo-<what it is made of>/`: `images.npy`, `metadata.csv` and `cache.json` with the
SHA-256 of both. It is written beside its place and renamed, so it is
there whole or not at all, and it is verified on every opening.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd

from ham import config, demo, hosting, io
from ham.config import CLASS_INDEX, DataError
from ham.data import names
from ham.data.metadata import COLUMN_TYPES, read_metadata
from ham.data.opening import open_source, speaking_of
from ham.data.pixels import read_images, refuse_unknown_rows
from ham.data.source import Report, Source
from ham.hosting import Act

log = logging.getLogger(__name__)

# stands for the built-in synthetic data; a folder of that name needs its whole path
DEMO_SOURCE = Path("demo")
DEMO_NAME = "Demo data"
CACHE_FORMAT = 3  # raised when what is cached changes: older caches are then not found
_CACHED = ("images.npy", "metadata.csv")
HAM10000_SIZE = (10_015, 7_470)  # images, lesions
#: Pairs of images that show one lesion under two lesion ids (Abhishek et al., Scientific Data
#: 12:196, 2025).
SAME_LESION = (
    ("0033481", "0033421"),
    ("0033556", "0032634"),
    ("0029152", "0033173"),
    ("0029036", "0027027"),
    ("0027820", "0028209"),
    ("0027689", "0032647"),
    ("0030906", "0024879"),
    ("0033391", "0034186"),
    ("0025226", "0030074"),
    ("0026087", "0025664"),
    ("0024736", "0029748"),
    ("0024770", "0027811"),
    ("0027162", "0029061"),
    ("0024602", "0032283"),
    ("0029625", "0024629"),
    ("0030000", "0031392"),
    ("0024437", "0031299"),
    ("0033374", "0033417"),
)


@dataclass(frozen=True, eq=False)
class LesionDataset:
    """Images of skin lesions with their diagnoses. Equal fingerprints mean equal content."""

    name: str  # "HAM10000", "Demo data", or the folder's name
    source: str  # the folder, or "demo"
    synthetic: bool  # drawn from a statistical model: no photograph of anyone
    images: np.ndarray  # uint8 (n, 28, 28, 3), RGB, 0-255, read-only
    labels: np.ndarray  # int64 (n,), index in CLASSES, read-only
    #: n rows: lesion_id, image_id, dx, dx_type, age (years, NaN: unknown), sex, localization;
    #: and, where the files tell it, source: the clinic and device an image comes from. What is
    #: not known is "unknown".
    metadata: pd.DataFrame
    # int64 (n,), 0..: images of one lesion share it, the known pairs of ids too; read-only
    groups: np.ndarray
    fingerprint: str  # SHA-256 of images and metadata
    originals: dict[str, str] = field(repr=False, default_factory=dict)  # image id -> photograph
    notes: tuple[str, ...] = ()  # what of the files was left out or not understood, in words

    @property
    def n_images(self) -> int:
        return len(self.images)

    @cached_property
    def n_lesions(self) -> int:
        """Distinct lesion ids; 18 more than groups in HAM10000."""
        return self.metadata["lesion_id"].nunique()

    @property
    def record(self) -> dict[str, object]:
        """What a run folder keeps of it, JSON-ready."""
        return {
            "name": self.name,
            "source": self.source,
            "synthetic": self.synthetic,
            "fingerprint": self.fingerprint,
            "n_images": self.n_images,
            "n_lesions": self.n_lesions,
        }

    def original(self, index: int) -> Path | None:
        """The photograph of this image, where there is one."""
        path = self.originals.get(self.metadata["image_id"].iloc[index])
        return Path(path) if path else None


def open_dataset(path: str | os.PathLike[str], report: Report | None = None) -> LesionDataset:
    """The data set in this folder or zip; from the cache when no file has changed. DEMO_SOURCE
    opens the built-in demo data.

    `report(done, total, what)` is called while files are read. Raises DataError.
    """
    if is_demo(path):
        return _demo_dataset()
    source = open_source(path, report)
    with speaking_of(source):
        found = _content(source, report)
    size = (len(found.metadata), found.metadata["lesion_id"].nunique())
    name = "HAM10000" if size == HAM10000_SIZE else names.shown(source.folder.name)
    return _assembled(found, name, str(source.chosen), originals=_originals(source, found.metadata))


def _content(source: Source, report: Report | None) -> _Content:
    stamp = _stamp(source)

    def read() -> _Content:
        found = _read(source, report)
        if _stamp(source) != stamp:
            raise DataError(
                f"The data folder {source.folder}",
                "a file in it changed while it was read.",
                "Open it again when nothing writes to it any more.",
            )
        return found

    return _cached(_sha256(os.fsencode(source.folder))[:12], stamp, read)


def _cached(name: str, stamp: Any, make: Callable[[], _Content]) -> _Content:
    """What the cache `name` holds, else what `make()` gives; another stamp, another cache."""
    folder = config.cache_folder()
    cache = folder / f"{name}-{_sha256(json.dumps([CACHE_FORMAT, stamp]).encode())[:20]}"
    with _one_at_a_time(folder / f"{name}.lock") as may_write:
        found = io.read_kept(cache, _read_cache, "the cache of the data set")
        if found is not None:
            return found
        made = make()
        if may_write and io.keep(cache, lambda draft: _write_cache(draft, made), "the data set"):
            _remove_others(cache, name)
            return io.read_kept(cache, _read_cache, "the cache of the data set") or made
        return made


@dataclass(frozen=True, eq=False)
class _Content:
    """What is read, and what is cached of it."""

    images: np.ndarray  # uint8 (n, 28, 28, 3)
    metadata: pd.DataFrame
    fingerprint: str
    notes: tuple[str, ...] = ()


def _read(source: Source, report: Report | None) -> _Content:
    metadata = read_metadata(source.metadata)
    refuse_unknown_rows(source, metadata)
    images = read_images(source, metadata, report)
    return _Content(images, metadata.table, _fingerprint(images, metadata.table), metadata.notes)


def _originals(source: Source, metadata: pd.DataFrame) -> dict[str, str]:
    """By the metadata's image ids, whatever the files are called."""
    found = (
        (image_id, source.photographs.get(names.image_key(image_id)))
        for image_id in metadata["image_id"]
    )
    return {image_id: image.path for image_id, image in found if image is not None}


def is_demo(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path) == str(DEMO_SOURCE)


@functools.cache  # the same every time, 5 MB
def _demo_dataset() -> LesionDataset:
    content = _cached("demo", demo.stamp(), _make_demo)
    return _assembled(content, DEMO_NAME, str(DEMO_SOURCE), synthetic=True)


def _make_demo() -> _Content:
    made = demo.make_demo()
    return _Content(made.images, made.metadata, _fingerprint(made.images, made.metadata))


def _assembled(
    content: _Content,
    name: str,
    source: str,
    *,
    synthetic: bool = False,
    originals: dict[str, str] | None = None,
) -> LesionDataset:
    images, metadata = content.images, content.metadata
    labels = np.array(metadata["dx"].map(CLASS_INDEX), dtype=np.int64)
    groups = _lesion_groups(metadata)
    for array in (images, labels, groups):
        array.setflags(write=False)
    return LesionDataset(
        name=name,
        source=source,
        synthetic=synthetic,
        images=images,
        labels=labels,
        metadata=metadata,
        groups=groups,
        fingerprint=content.fingerprint,
        originals=originals or {},
        notes=content.notes,
    )


def _lesion_groups(metadata: pd.DataFrame) -> np.ndarray:
    groups, _ = pd.factorize(metadata["lesion_id"])
    row_of = {names.image_key(image_id): row for row, image_id in enumerate(metadata["image_id"])}
    for pair in SAME_LESION:
        a, b = (row_of.get(f"isic_{number}") for number in pair)
        if a is not None and b is not None:
            groups[groups == groups[b]] = groups[a]
    return pd.factorize(groups)[0].astype(np.int64)


def _fingerprint(images: np.ndarray, metadata: pd.DataFrame) -> str:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(_canonical(metadata))
    return digest.hexdigest()


def _canonical(metadata: pd.DataFrame) -> bytes:
    return metadata.to_csv(index=False, lineterminator="\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stamp(source: Source) -> list[tuple[str, int, int, int]]:
    try:
        return source.stamp()
    except OSError as error:
        raise DataError(
            str(error.filename),
            f"the file cannot be read ({error.strerror}).",
            "Check that the data folder is complete, and open it again.",
        ) from error


# ------------------------------------------------------------------------------- cache


@contextlib.contextmanager
def _one_at_a_time(lock_file: Path) -> Iterator[bool]:
    """Whether the cache can be written; other processes that open the same folder wait
    meanwhile.
    """
    lock = filelock.FileLock(lock_file)
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        log.warning("No cache of the data set can be kept in %s: %s", lock_file.parent, error)
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _read_cache(cache: Path) -> _Content:
    """The images as a memory map. Raises one of io.DAMAGED."""
    for name in (*_CACHED, "cache.json"):
        if not (cache / name).exists():
            raise ValueError(f"{name} is missing")
    index = io.read_json(cache / "cache.json")
    if _seal({name: entry for name, entry in index.items() if name != "seal"}) != index["seal"]:
        raise ValueError("cache.json is not what was written")
    for name in _CACHED:
        if io.file_sha256(cache / name) != index["sha256"][name]:
            raise ValueError(f"{name} is not what was written")
    metadata = pd.read_csv(
        cache / "metadata.csv", dtype=COLUMN_TYPES, keep_default_na=False, na_values={"age": [""]}
    )
    return _Content(
        np.load(cache / "images.npy", mmap_mode="r"),
        metadata,
        str(index["fingerprint"]),
        tuple(map(str, index["notes"])),
    )


def _write_cache(draft: Path, content: _Content) -> None:
    draft.mkdir()
    np.save(draft / "images.npy", content.images)
    (draft / "metadata.csv").write_bytes(_canonical(content.metadata))
    index = {
        "fingerprint": content.fingerprint,
        "notes": list(content.notes),
        "sha256": {name: io.file_sha256(draft / name) for name in _CACHED},
    }
    io.write_json(draft / "cache.json", {**index, "seal": _seal(index)})


def _seal(index: dict[str, Any]) -> str:
    """Of what stands beside it in cache.json: a fingerprint with a flipped bit would part runs
    that belong together.
    """
    return _sha256(io.json_bytes(index))


def _remove_others(cache: Path, folder_key: str) -> None:
    """Caches of earlier states of the same folder, and drafts of a process that was killed."""
    for pattern in (f"{folder_key}-*", f".{folder_key}-*"):
        for other in cache.parent.glob(pattern):
            if other != cache:
                shutil.rmtree(other, ignore_errors=True)


# ------------------------------------------------------------------ which data is in use


def current_source() -> Path:
    """The environment's HAM_DATA, else the folder chosen on the page, else DEMO_SOURCE. Raises
    DataError.
    """
    chosen = os.environ.get("HAM_DATA") or _read_settings().get("data")
    return names.as_folder(chosen) if chosen else DEMO_SOURCE


def choose_source(path: str | os.PathLike[str] | None) -> Path | None:
    """Remember this folder or zip for the next start; DEMO_SOURCE or None means the demo data.
    Returns what is remembered. Raises DataError where it holds no data set, AccessError.
    """
    hosting.require(Act.DATA)
    chosen = None if path is None or is_demo(path) else open_source(path).chosen
    try:
        settings = _read_settings()
    except DataError:  # is replaced
        settings = {}
    file = _settings_file()
    with io.writing(file, DataError, f"The settings {file}"):
        io.write_json(file, {**settings, "data": str(chosen) if chosen else None})
    return chosen


def _settings_file() -> Path:
    return config.home_folder() / "settings.json"


def _read_settings() -> dict[str, Any]:
    file = _settings_file()
    try:
        settings = io.read_json(file)
        if not isinstance(settings.get("data"), str | None):
            raise ValueError("the data folder is no text")
        return settings
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except io.DAMAGED as error:
        # the whole folder is closed to us: nothing can have been chosen
        if not os.access(file.parent, os.X_OK):
            return {}
        raise DataError(
            f"The settings {file}",
            f"they cannot be read ({error}).",
            "Choose the data folder again, or delete the file.",
        ) from error
