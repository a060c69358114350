"""What a command leaves behind: its exit status, answers on standard output, progress and errors
on standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ham import io
from ham.config import HamError

DONE, SOME_REFUSED, WRONG_INPUT, BUG, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 70, 130, 141


class WrongUsage(HamError):
    """The command line itself."""


def show_error(error: HamError) -> None:
    print(f"{error.what}: {error.why}\n{error.todo}", file=sys.stderr)


@contextlib.contextmanager
def answers() -> Iterator[TextIO]:
    """Standard output for our answers alone: what libraries write there, their native code too,
    goes to standard error for the length of the block."""
    sys.stdout.flush()
    try:
        standard, errors = sys.stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):  # no real files, as under a test
        out = sys.stdout
        with contextlib.redirect_stdout(sys.stderr):
            yield out
        return
    ours = os.dup(standard)
    os.dup2(errors, standard)
    try:
        with (
            os.fdopen(os.dup(ours), "w", encoding="utf-8", errors="backslashreplace") as out,
            contextlib.redirect_stdout(sys.stderr),
        ):
            yield out
    finally:
        os.dup2(ours, standard)
        os.close(ours)


class Progress:
    """One line on standard error that moves; on a file, a line whenever its words change."""

    def __init__(self) -> None:
        self._moves = sys.stderr.isatty()
        self._last = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._moves and self._last:
            print("\r" + " " * len(self._last) + "\r", end="", file=sys.stderr, flush=True)

    def show(
        self, what: str, done: int = 0, total: int = 0, seconds_left: float | None = None
    ) -> None:
        left = f", {clock(seconds_left)} left" if seconds_left is not None else ""
        if not self._moves:
            if what != self._last:
                print(f"{what}{left}", file=sys.stderr, flush=True)
            self._last = what
            return
        line = f"{what}{f': {done:,} of {total:,}' if total else ''}{left}"
        print("\r" + line.ljust(len(self._last)), end="", file=sys.stderr, flush=True)
        self._last = line


def clock(seconds: float) -> str:
    """75 -> "1:15"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def write_file(path: str, text: str) -> None:
    """Raises FileError where it cannot be written."""
    with io.writing(Path(path)):
        io.write_file(Path(path), text.encode())


def write_json(document: object, out: TextIO) -> None:
    print(json.dumps(document, indent=1, allow_nan=False), file=out)


def write_table(rows: Sequence[tuple[str, ...]], out: TextIO) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(),
            file=out,
        )
