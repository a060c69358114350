"""The verb download: HAM10000 from Kaggle, checked and taken into use."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from ham.cli.writing import DONE, Progress
from ham.config import CITATION, KAGGLE_URL, LICENCE, ConfigError


def download(chosen: argparse.Namespace, out: TextIO) -> int:
    """Fetches HAM10000 from Kaggle (92 MB, no account needed) and takes it into use; its folder
    is the last line.
    """
    from ham import data

    folder = None if chosen.again else data.downloaded(chosen.photographs)
    if folder:
        print("It is here already (--again fetches it anew).", file=sys.stderr)
    else:
        _accept(chosen.accept_licence)
        folder = _fetch(chosen.photographs)
    if named := os.environ.get("HAM_DATA"):
        print(
            f"HAM_DATA names {named}, which stays in use: start without it to use what was "
            "downloaded.",
            file=sys.stderr,
        )
    else:
        data.use_source(folder)
    print(folder, file=out)
    return DONE


def _fetch(photographs: bool) -> Path:
    from ham.data.download import download_ham10000
    from ham.io import Pace

    pace = Pace()

    def report(done: int, total: int, what: str) -> None:
        pace.add(done, time.monotonic())
        progress.show(what, done, total, pace.seconds_left(total))

    with Progress() as progress:
        return download_ham10000(photographs, report)


def _accept(accepted: bool) -> None:
    """Raises ConfigError where nobody accepts the licence."""
    print(
        f"HAM10000, {KAGGLE_URL}\nLicence: {LICENCE}: no commercial use, and its authors are to "
        "be cited:\n"
        f"{CITATION}",
        file=sys.stderr,
    )
    if accepted:
        return
    if sys.stdin is not None and sys.stdin.isatty():
        print("Do you accept it? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise ConfigError(
        "The licence",
        "it was not accepted.",
        "Nothing was fetched. Answer y, or add --accept-licence.",
    )
