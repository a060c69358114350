"""The data set in use, opened once for all visitors of this server.

Opening JPEGs takes a minute the first time. It goes on in a thread of its own, so that a click
meanwhile, which makes Streamlit run the page again, finds the work where it is.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import streamlit as st

from ham import data, io
from ham.config import DataError, cache_folder

# how long a look at the source's files holds: 10,000 JPEGs take a tenth of a second
_LOOK_AGAIN_SECONDS = 5.0
_PATIENCE_SECONDS = 0.4  # a memory map is open before this; only what takes longer gets a bar


class _Opened:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple = ()
        self._opening: io.Job[data.LesionDataset] | None = None
        self._looked: tuple[Path | None, float] = (None, 0.0)

    def opening(self, folder: Path) -> io.Job[data.LesionDataset]:
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


def _open(folder: Path) -> io.Job[data.LesionDataset]:
    return io.Job("Opening the data", lambda report, stop: data.open_dataset(folder, report=report))


def _stamp(folder: Path) -> list | float:
    """Differs when a file of the source does. Raises DataError."""
    if data.is_demo(folder):
        return []
    try:
        return data.source_stamp(folder)
    except OSError:  # a file went away meanwhile: opening says which
        return time.monotonic()


@st.cache_resource
def _opened() -> _Opened:
    return _Opened()


def current_dataset() -> data.LesionDataset:
    """The data set in use, the demo data where none is chosen; a bar while it is opened.

    Raises DataError where its files cannot be used.
    """
    folder = data.current_source()
    opening = _opened().opening(folder)
    opening.wait(_PATIENCE_SECONDS)
    if opening.running:
        _watch(opening)
    return opening.outcome()


def opened_data() -> data.LesionDataset | DataError:
    """The data set in use, or why it cannot be used."""
    try:
        return current_dataset()
    except DataError as error:
        return error


def _watch(opening: io.Job) -> None:
    place = st.empty()
    while opening.running:
        what = opening.what if opening.total else opening.title
        place.progress(
            opening.share,
            text=f"{what}: {opening.done:,} of {opening.total:,}" if opening.done else f"{what} …",
        )
        opening.wait(0.2)
    place.empty()
