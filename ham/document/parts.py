"""What a section is made of, beside the sentences, lists and tables of `ham.report.content`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ham.data import LesionDataset
from ham.report import Comparison, Part, Robustness, Rows, RunName


@dataclass(frozen=True, eq=False)
class Subject:
    """What the file is about."""

    compared: Comparison
    dataset: LesionDataset | None = None  # its pictures, where it is there
    why_no_pictures: str = ""  # where it is not
    #: What the runs answered to their test images changed and shuffled; empty where not asked.
    changed: Mapping[RunName, Robustness] = field(default_factory=dict)
    shuffled: Mapping[RunName, Robustness] = field(default_factory=dict)


@dataclass(frozen=True)
class Charts:
    """Figures of `ham.charts` side by side; `draw(dark)`."""

    draw: Callable[[bool], Sequence[Any]]
    columns: int = 1


@dataclass(frozen=True)
class Picture:
    url: str  # data:
    alt: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Pictures:
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Lead:
    """The sentence that matters most."""

    text: str


@dataclass(frozen=True)
class Heading:
    """Below a section's own; `level` 3 to 5."""

    text: str
    level: int = 3


@dataclass(frozen=True)
class Fold:
    """Shown when it is opened, and on paper."""

    title: str
    parts: tuple[Piece, ...]


Piece = Part | Charts | Pictures | Lead | Heading | Fold


def one_chart(draw: Callable[[bool], Any]) -> Charts:
    return Charts(lambda dark: [draw(dark)])


def rows(table: pd.DataFrame, caption: str) -> Rows:
    """A table of `ham.report` whose index heads its rows."""
    return Rows(table.reset_index(names=table.index.name or ""), caption)
