"""What is being fetched or unpacked: one job at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from ham import hosting, io
from ham.config import DataError
from ham.data.known import use_source
from ham.hosting import Act


class DataWork:
    """What is being fetched or unpacked, or was last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.job: io.Job[Path] | None = None

    @property
    def at_work(self) -> bool:
        job = self.job  # read once: another visitor may clear it
        return job is not None and job.running

    def start(self, title: str, work: Callable[[io.Report, threading.Event], Path]) -> None:
        """Raises DataError where something is under way already, AccessError."""
        hosting.require(Act.DATA)
        ready = (lambda folder: None) if os.environ.get("HAM_DATA") else use_source
        with self._lock:
            if self.job is not None and self.job.running:
                raise DataError(
                    title, f"{self.job.title} is not done yet.", "Wait for it, or stop it first."
                )
            self.job = io.Job(title, work, ready)

    def stop(self) -> None:
        """Asks what is under way to end. Raises AccessError."""
        hosting.require(Act.DATA)
        if self.job is not None:
            self.job.stop()

    def clear(self) -> None:
        with self._lock:
            if not self.at_work:
                self.job = None
