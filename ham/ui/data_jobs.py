"""What is being fetched or unpacked: one job a server, which every page shows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from ham import data, io
from ham.config import DataError, home_folder


class _DataWork:
    """What is being fetched or unpacked, or was last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.job: io.Job | None = None

    @property
    def at_work(self) -> bool:
        job = self.job  # read once: another visitor may clear it
        return job is not None and job.running

    def start(self, title: str, work: Callable[[io.Report, threading.Event], Path]) -> None:
        """Raises DataError where something is under way already."""
        ready = (lambda folder: None) if os.environ.get("HAM_DATA") else data.use_source
        with self._lock:
            if self.job is not None and self.job.running:
                raise DataError(
                    title, f"{self.job.title} is not done yet.", "Wait for it, or stop it first."
                )
            self.job = io.Job(title, work, ready)

    def clear(self) -> None:
        with self._lock:
            if not self.at_work:
                self.job = None


@st.cache_resource(max_entries=4, show_spinner=False)
def _data_work(home: Path) -> _DataWork:
    return _DataWork()


def data_work() -> _DataWork:
    """What goes on with data on this server."""
    return _data_work(home_folder())
