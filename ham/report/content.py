"""What a report says, before anybody decides how it looks: headings, sentences, lists, commands,
tables. Model cards and the CLAIM checklist are made of it; Markdown is written here, HTML in
`ham.document`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


@dataclass(frozen=True)
class Code:
    """Lines to be typed as they stand."""

    text: str
    language: str = "sh"


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Rows:
    """A table: the first column heads its rows. Every cell is written as `str` does."""

    table: pd.DataFrame  # its index is left out
    caption: str
    prose: bool = False  # cells hold sentences: a narrow window shows them below each other


#: A sentence or more of plain text, or one of the above.
Part = str | Code | Bullets | Rows


@dataclass(frozen=True)
class Section:
    title: str
    parts: tuple[Part, ...]
    level: int = 2  # of its heading, below the document's own of level 1


def as_markdown(title: str, sections: list[Section]) -> str:
    """A document; what stands in it is shown as it is, whatever a user typed."""
    blocks = [f"# {_plain(title)}"]
    for section in sections:
        blocks.append(f"{'#' * section.level} {_plain(section.title)}")
        blocks += [_markdown(part) for part in section.parts]
    return "\n\n".join(blocks) + "\n"


def _markdown(part: Part) -> str:
    if isinstance(part, Code):
        return f"```{part.language}\n{part.text}\n```"
    if isinstance(part, Bullets):
        return "\n".join(f"- {_plain(item)}" for item in part.items)
    if isinstance(part, Rows):
        rows = [list(part.table), ["---"] * part.table.shape[1], *part.table.to_numpy().tolist()]
        return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)
    return _plain(part)


def _cell(cell: object) -> str:
    text = str(cell)
    return text if text == "---" else _plain(text)


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split(" ")).replace("\n", " "))
