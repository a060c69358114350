"""How the engine works on this machine: HAM_HOME/engine.json."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from ham import hosting, io
from ham.config import EngineError, StoreError, home_folder
from ham.hosting import Act

_UNREADABLE: tuple[type[Exception], ...] = (*io.DAMAGED, EngineError)
MAX_WORKERS = max(1, min(4, os.cpu_count() or 1))


@dataclass(frozen=True)
class EngineSettings:
    workers: int = 1  # runs that train at the same time, 1 to 4, over every server of this HAM_HOME
    resume_by_itself: bool = False  # take up every interrupted run without being asked

    def __post_init__(self) -> None:
        if (
            isinstance(self.workers, bool)
            or not isinstance(self.workers, int)
            or not 1 <= self.workers <= 4
        ):
            raise EngineError(
                f"workers = {self.workers!r}",
                "it must be a whole number from 1 to 4.",
                "Choose one of these.",
            )
        if not isinstance(self.resume_by_itself, bool):
            raise EngineError(
                f"resume_by_itself = {self.resume_by_itself!r}",
                "it must be true or false.",
                "Choose one of these.",
            )


def settings() -> EngineSettings:
    """As saved; the defaults where nothing readable is."""
    try:
        return EngineSettings(**io.read_json(_path()))
    except _UNREADABLE:
        return EngineSettings()


def save_settings(chosen: EngineSettings) -> None:
    """Raises StoreError where HAM_HOME cannot be written, AccessError."""
    hosting.require(Act.SETTINGS)
    with io.writing(_path(), StoreError):
        io.write_json(_path(), dataclasses.asdict(chosen))


def _path() -> Path:
    return home_folder() / "engine.json"
