"""The verb lesson: the guided lesson's sheet for who teaches it."""

from __future__ import annotations

import argparse
from typing import TextIO

from ham.cli.verbs import open_data
from ham.cli.writing import DONE


def lesson(chosen: argparse.Namespace, out: TextIO) -> int:
    """The teacher's sheet of the guided lesson, as Markdown with the answers of the data in use."""
    from ham.lesson import Answers, teachers_sheet

    print(teachers_sheet(Answers(open_data(chosen.data))), end="", file=out)
    return DONE
