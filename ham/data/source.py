"""Where the files of a data set in Kaggle's layout are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ham.config import KAGGLE_URL, DataError

Report = Callable[[int, int, str], None]  # done, total, what is being done

METADATA_FILE = "HAM10000_metadata.csv"
PIXEL_FILE = "hmnist_28_28_RGB.csv"
FETCH = f"Download the data set again from {KAGGLE_URL}, unpack it and choose its folder."


@dataclass(frozen=True)
class Source:
    """Where the files of a data set are. `pixels` is None without a CSV, `jpegs` empty without JPEGs."""

    folder: Path
    metadata: Path
    pixels: Path | None
    jpegs: dict[str, str]  # image id -> file; text, because ten thousand Path objects cost a quarter of a second

    def stamp(self) -> list[tuple[str, int, int, int]]:
        """Relative name, size, time of change and of status change of every file: differs when a file does."""
        files = [str(self.metadata), *([str(self.pixels)] if self.pixels else []), *self.jpegs.values()]
        stats = [(path.removeprefix(str(self.folder)), os.stat(path)) for path in files]
        return sorted((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats)


def find_source(path: str | os.PathLike) -> Source:
    """The data set in this folder or one level down. Raises DataError."""
    folder = Path(path)
    try:
        folder = folder.expanduser().resolve()
        if not folder.is_dir():
            raise DataError(f"The data folder {folder}", "it is no folder that exists here.",
                            "Check its name, or choose another folder.")
        found = [f for f in [folder, *_subfolders(folder)] if (f / METADATA_FILE).is_file()]
        if not found:
            raise DataError(f"The data folder {folder}", f"there is no {METADATA_FILE} in it or one level down.", FETCH)
        if len(found) > 1 and found[0] != folder:
            raise DataError(f"The data folder {folder}", f"several folders in it hold a {METADATA_FILE}: "
                            f"{', '.join(f.name for f in found)}.", "Choose one of these.")
        home = found[0]
        pixels = home / PIXEL_FILE if (home / PIXEL_FILE).is_file() else None
        jpegs = _find_jpegs(home)
    except (OSError, ValueError, RuntimeError) as error:  # no right to read it, a NUL in it, no such ~user
        raise DataError(f"The data folder {folder}", f"it cannot be read ({error}).",
                        "Give yourself the right to read it, or choose another folder.") from error
    if pixels is None and not jpegs:
        raise DataError(f"The data folder {home}", f"there is neither {PIXEL_FILE} nor a folder of JPEGs beside "
                        f"{METADATA_FILE}.", FETCH)
    return Source(home, home / METADATA_FILE, pixels, jpegs)


def _subfolders(folder: Path) -> list[Path]:
    """Kaggle's image folders first: their JPEGs win over others of the same name."""
    folders = [f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")]
    return sorted(folders, key=lambda f: (not f.name.lower().startswith("ham10000_images"), f.name))


def _find_jpegs(home: Path) -> dict[str, str]:
    jpegs: dict[str, str] = {}
    for folder in [*_subfolders(home), home]:
        for name in sorted(os.listdir(folder)):
            stem, extension = os.path.splitext(name)
            if extension.lower() in (".jpg", ".jpeg"):
                jpegs.setdefault(stem, os.path.join(folder, name))
    return jpegs
