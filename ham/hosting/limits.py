"""How much may be asked of a server: declared once, read from the environment when it counts."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ham.config import ConfigError, LimitError, home_folder, runs_folder

_CHANGE = "Whoever runs the server can change that with"


@dataclass(frozen=True)
class Limit:
    """A number that an environment variable sets; 0 is no limit."""

    variable: str
    default: float
    words: str

    @property
    def value(self) -> float:
        """Raises ConfigError where the variable holds no number from 0 on."""
        text = os.environ.get(self.variable, "").strip()
        try:
            found = float(text) if text else self.default
        except ValueError:
            found = -1.0
        if not 0 <= found < float("inf"):
            raise ConfigError(
                f"{self.variable} = {text!r}",
                "it must be a number, 0 for no limit.",
                f"Correct it, or leave it out: it is {self.default:g} then.",
            )
        return found


QUEUE = Limit("HAM_MAX_QUEUE", 200, "runs that wait or train, of all together")
QUEUE_EACH = Limit("HAM_MAX_QUEUE_EACH", 50, "runs that wait or train, of one visitor")
FREE = Limit("HAM_MIN_FREE_GB", 1, "GB left free on the disk; with less nothing new is begun")
RUNS = Limit("HAM_MAX_RUNS_GB", 0, "GB that the runs folder may hold")
LIMITS = (QUEUE, QUEUE_EACH, FREE, RUNS)


def refuse_full_queue(live: int, own: int | None, more: int = 1) -> None:
    """Raises LimitError where `more` runs would make the queue too long.

    `live` runs wait or train, `own` of them for who acts; None for who is no visitor.
    """
    counted = ((QUEUE, live, "the queue takes"), (QUEUE_EACH, own, "a visitor may have"))
    for limit, there, takes in counted:
        most = limit.value
        if not most or there is None or there + more <= most:
            continue
        raise LimitError(
            "One more run" if more == 1 else f"{more} more runs",
            f"{takes} {most:g} runs that wait or train, and {there} are there.",
            f"Wait until some have ended, or cancel some. {_CHANGE} {limit.variable}.",
        )


def refuse_full_disk(what: str) -> None:
    """Raises LimitError where the disk is too full, or the runs folder too large, to begin
    `what`.
    """
    free, least = _free_gb(), FREE.value
    if free < least:
        raise LimitError(
            what,
            f"only {free:.1f} GB of disk are free, and {least:g} must stay free.",
            f"Delete what nobody needs. {_CHANGE} {FREE.variable}.",
        )
    most = RUNS.value
    if most and (held := _held_gb(runs_folder())) >= most:
        raise LimitError(
            what,
            f"the runs hold {held:.1f} GB, and {most:g} are allowed.",
            f"Delete runs that nobody needs. {_CHANGE} {RUNS.variable}.",
        )


def _free_gb() -> float:
    folder = home_folder().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e9


def _held_gb(folder: Path) -> float:
    """Of all files in it; one that goes while we look counts nothing."""
    held = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                held += os.stat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return held / 1e9
