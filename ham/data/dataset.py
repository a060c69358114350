"""LesionDataset, its cache, and which data is in use.

The cache of a source folder is `HAM_HOME/cache/<folder>-<files>/`: `images.npy`, `metadata.csv`
and `cache.json` with the SHA-256 of both. It is written beside its place and renamed, so it is
there whole or not at all, and it is verified on every opening.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import filelock
import numpy as np
import pandas as pd

from ham import config, demo
from ham.config import CLASS_INDEX, DataError
from ham.data.metadata import METADATA_COLUMNS, read_metadata
from ham.data.pixels import read_images
from ham.data.source import Report, Source, find_source

log = logging.getLogger(__name__)

DEMO_SOURCE = Path("demo")  # stands for the built-in synthetic data; a folder of that name needs its whole path
DEMO_NAME = "Demo data"
CACHE_FORMAT = 2  # raised when what is cached changes: older caches are then not found
HAM10000_SIZE = (10_015, 7_470)  # images, lesions
#: Pairs of images that show one lesion under two lesion ids (Abhishek et al., Scientific Data 12:196, 2025).
SAME_LESION = (
    ("0033481", "0033421"), ("0033556", "0032634"), ("0029152", "0033173"), ("0029036", "0027027"),
    ("0027820", "0028209"), ("0027689", "0032647"), ("0030906", "0024879"), ("0033391", "0034186"),
    ("0025226", "0030074"), ("0026087", "0025664"), ("0024736", "0029748"), ("0024770", "0027811"),
    ("0027162", "0029061"), ("0024602", "0032283"), ("0029625", "0024629"), ("0030000", "0031392"),
    ("0024437", "0031299"), ("0033374", "0033417"),
)


@dataclass(frozen=True, eq=False)
class LesionDataset:
    """Images of skin lesions with their diagnoses. Equal fingerprints mean equal content."""

    name: str  # "HAM10000", "Demo data", or the folder's name
    source: str  # the folder, or "demo"
    synthetic: bool  # drawn from a statistical model: no photograph of anyone
    images: np.ndarray  # uint8 (n, 28, 28, 3), RGB, 0-255, read-only
    labels: np.ndarray  # int64 (n,), index in CLASSES, read-only
    metadata: pd.DataFrame  # n rows: lesion_id, image_id, dx, dx_type, age (years, NaN: unknown), sex, localization
    groups: np.ndarray  # int64 (n,), 0..: images of one lesion share it, the known pairs of ids too; read-only
    fingerprint: str  # SHA-256 of images and metadata
    originals: dict[str, str] = field(repr=False, default_factory=dict)  # image id -> JPEG

    @property
    def n_images(self) -> int:
        return len(self.images)

    @cached_property
    def n_lesions(self) -> int:
        """Distinct lesion ids; 18 more than groups in HAM10000."""
        return self.metadata["lesion_id"].nunique()

    @property
    def record(self) -> dict:
        """What a run folder keeps of it, JSON-ready."""
        return {"name": self.name, "source": self.source, "synthetic": self.synthetic, "fingerprint": self.fingerprint,
                "n_images": self.n_images, "n_lesions": self.n_lesions}

    def original(self, index: int) -> Path | None:
        """The JPEG of this image, where there is one."""
        path = self.originals.get(self.metadata["image_id"].iloc[index])
        return Path(path) if path else None


def open_dataset(path: str | os.PathLike, report: Report | None = None) -> LesionDataset:
    """The data set in this folder or one level down; from the cache when no file has changed. DEMO_SOURCE opens
    the built-in demo data.

    `report(done, total, what)` is called while files are read. Raises DataError.
    """
    if is_demo(path):
        return _demo_dataset()
    source = find_source(path)
    stamp = _stamp(source)
    folder_key = _sha256(str(source.folder).encode())[:12]
    cache = config.cache_folder() / f"{folder_key}-{_sha256(json.dumps([CACHE_FORMAT, stamp]).encode())[:20]}"
    with _one_at_a_time(config.cache_folder() / f"{folder_key}.lock") as may_write:
        cached = _read_cache(cache)
        if cached:
            return _dataset(source, *cached)
        metadata = read_metadata(source.metadata)
        images = read_images(source, metadata, report)
        if _stamp(source) != stamp:
            raise DataError(f"The data folder {source.folder}", "a file in it changed while it was read.",
                            "Open it again when nothing writes to it any more.")
        fingerprint = _fingerprint(images, metadata)
        if may_write and _write_cache(cache, images, metadata, fingerprint):
            _remove_others(cache, folder_key)
            cached = _read_cache(cache)
    return _dataset(source, *(cached or (images, metadata, fingerprint)))


def is_demo(path: str | os.PathLike) -> bool:
    return os.fspath(path) == str(DEMO_SOURCE)


@functools.cache  # the same every time, 5 MB, a second to make
def _demo_dataset() -> LesionDataset:
    made = demo.make_demo()
    return _assembled(made.images, made.metadata, _fingerprint(made.images, made.metadata), DEMO_NAME,
                      str(DEMO_SOURCE), synthetic=True)


def _dataset(source: Source, images: np.ndarray, metadata: pd.DataFrame, fingerprint: str) -> LesionDataset:
    size = (len(metadata), metadata["lesion_id"].nunique())
    name = "HAM10000" if size == HAM10000_SIZE else source.folder.name
    return _assembled(images, metadata, fingerprint, name, str(source.folder), originals=source.jpegs)


def _assembled(images: np.ndarray, metadata: pd.DataFrame, fingerprint: str, name: str, source: str, *,
               synthetic: bool = False, originals: dict[str, str] | None = None) -> LesionDataset:
    labels = np.array(metadata["dx"].map(CLASS_INDEX), dtype=np.int64)
    groups = _lesion_groups(metadata)
    for array in (images, labels, groups):
        array.setflags(write=False)
    return LesionDataset(name=name, source=source, synthetic=synthetic, images=images, labels=labels,
                         metadata=metadata, groups=groups, fingerprint=fingerprint, originals=originals or {})


def _lesion_groups(metadata: pd.DataFrame) -> np.ndarray:
    groups, _ = pd.factorize(metadata["lesion_id"])
    row_of = {image_id: row for row, image_id in enumerate(metadata["image_id"])}
    for pair in SAME_LESION:
        a, b = (row_of.get(f"ISIC_{number}") for number in pair)
        if a is not None and b is not None:
            groups[groups == groups[b]] = groups[a]
    return pd.factorize(groups)[0].astype(np.int64)


def _fingerprint(images: np.ndarray, metadata: pd.DataFrame) -> str:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images))
    digest.update(_canonical(metadata))
    return digest.hexdigest()


def _canonical(metadata: pd.DataFrame) -> bytes:
    return metadata.to_csv(index=False, lineterminator="\n").encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stamp(source: Source) -> list:
    try:
        return source.stamp()
    except OSError as error:
        raise DataError(str(error.filename), f"the file cannot be read ({error.strerror}).",
                        "Check that the data folder is complete, and open it again.") from error


# ------------------------------------------------------------------------------- cache


@contextlib.contextmanager
def _one_at_a_time(lock_file: Path) -> Iterator[bool]:
    """Whether the cache can be written; other processes that open the same folder wait meanwhile."""
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


def _read_cache(cache: Path) -> tuple[np.ndarray, pd.DataFrame, str] | None:
    """Images (a memory map), metadata and fingerprint; None where there is no cache or a damaged one."""
    if not cache.exists():
        return None
    try:
        index = json.loads((cache / "cache.json").read_text())
        for name in ("images.npy", "metadata.csv"):
            with open(cache / name, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != index["sha256"][name]:
                    raise ValueError(f"{name} is not what was written")
        images = np.load(cache / "images.npy", mmap_mode="r")
        types = {name: "float64" if name == "age" else "str" for name in METADATA_COLUMNS}
        metadata = pd.read_csv(cache / "metadata.csv", dtype=types, keep_default_na=False, na_values={"age": [""]})
        return images, metadata, index["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("The cache %s is damaged and will be rebuilt: %s", cache, error)
        return None


def _write_cache(cache: Path, images: np.ndarray, metadata: pd.DataFrame, fingerprint: str) -> bool:
    """False where it cannot be written (a full disk, say): the data set then stays in memory."""
    draft = None
    try:
        draft = Path(tempfile.mkdtemp(prefix=f"{cache.name}.", suffix=".draft", dir=cache.parent))
        array = io.BytesIO()
        np.save(array, images)
        contents = {"images.npy": array.getvalue(), "metadata.csv": _canonical(metadata)}
        index = {"fingerprint": fingerprint,
                 "sha256": {name: _sha256(content) for name, content in contents.items()}}
        for name, content in {**contents, "cache.json": json.dumps(index, indent=1).encode()}.items():
            (draft / name).write_bytes(content)
        if cache.exists():  # damaged
            shutil.rmtree(cache)
        draft.rename(cache)
        return True
    except OSError as error:
        log.warning("The cache %s cannot be written, the data set stays in memory: %s", cache, error)
        if draft:
            shutil.rmtree(draft, ignore_errors=True)
        return False


def _remove_others(cache: Path, folder_key: str) -> None:
    """Caches of earlier states of the same folder, and drafts of a process that was killed."""
    for other in cache.parent.glob(f"{folder_key}-*"):
        if other != cache:
            shutil.rmtree(other, ignore_errors=True)


# ------------------------------------------------------------------ which data is in use


def current_source() -> Path:
    """The environment's HAM_DATA, else the folder chosen on the page, else DEMO_SOURCE. Raises DataError."""
    chosen = os.environ.get("HAM_DATA") or _read_settings().get("data")
    return Path(chosen).expanduser() if chosen else DEMO_SOURCE


def choose_source(path: str | os.PathLike | None) -> None:
    """Remember this folder for the next start; DEMO_SOURCE or None means the demo data. Raises DataError where the
    folder holds no data set.
    """
    folder = None if path is None or is_demo(path) else str(find_source(path).folder)
    try:
        settings = _read_settings()
    except DataError:  # is replaced
        settings = {}
    file = _settings_file()
    draft = file.with_suffix(f".{os.getpid()}.draft")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({**settings, "data": folder}, indent=1))
        draft.replace(file)
    except OSError as error:
        raise DataError(f"The settings {file}", f"they cannot be written ({error.strerror}).",
                        "Make room or give yourself the right to write there, or set HAM_HOME.") from error


def _settings_file() -> Path:
    return config.home_folder() / "settings.json"


def _read_settings() -> dict:
    file = _settings_file()
    try:
        settings = json.loads(file.read_text())
        if not isinstance(settings, dict) or not isinstance(settings.get("data"), str | None):
            raise ValueError("no JSON object of settings")
        return settings
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"The settings {file}", f"they cannot be read ({error}).",
                        "Choose the data folder again, or delete the file.") from error
