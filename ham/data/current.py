"""The opening of the data set in use: begun anew where its files have changed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from ham import io
from ham.config import cache_folder
from ham.data.dataset import LesionDataset, is_demo, open_dataset
from ham.data.opening import source_stamp

# how long a look at the source's files holds: 10,000 JPEGs take a tenth of a second
_LOOK_AGAIN_SECONDS = 5.0


class OpenedData:
    """One a server. It is opened once, in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._opening: io.Job[LesionDataset] | None = None
        self._looked: tuple[Path | None, float] = (None, 0.0)

    def opening(self, folder: Path) -> io.Job[LesionDataset]:
        """The opening of the folder as its files are now. Raises DataError."""
        with self._lock:
            seen, when = self._looked
            fresh = seen == folder and time.monotonic() - when < _LOOK_AGAIN_SECONDS
            if not (fresh and self._opening):
                key = (cache_folder(), folder, _stamp(folder))
                self._looked = (folder, time.monotonic())
                if key != self._key or self._opening is None:
                    self._key, self._opening = key, _open(folder)
            return self._opening


def _open(folder: Path) -> io.Job[LesionDataset]:
    return io.Job("Opening the data", lambda report, stop: open_dataset(folder, report=report))


def _stamp(folder: Path) -> object:
    """Differs when a file of the source does. Raises DataError."""
    if is_demo(folder):
        return []
    try:
        return source_stamp(folder)
    except OSError:  # a file went away meanwhile: opening says which
        return time.monotonic()
