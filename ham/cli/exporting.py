"""The verb export: a run's model as a file for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TextIO

from ham.cli.writing import DONE, Progress


def export(chosen: argparse.Namespace, out: TextIO) -> int:
    """A run's model as a file for other programs, checked to answer as the run does: images go
    in, probabilities come out, everything between is inside.
    """
    from ham import interchange, store

    run = store.read_run(chosen.run_id)
    with Progress() as progress:
        progress.show(f"Writing {run.id} as {chosen.format} and checking it")
        interchange.export_to(run, chosen.format, Path(chosen.to))
    print(chosen.to, file=out)
    return DONE
