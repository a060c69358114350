"""The file: every section, written by the templates, with the figures and Plotly's script."""

from __future__ import annotations

import functools
import json
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ham
from ham import charts
from ham.config import APP_NAME, DISCLAIMER, HamError
from ham.document.parts import Charts, Fold, Heading, Lead, Pictures, Piece, Subject
from ham.document.sections import SECTIONS
from ham.report import Bullets, Code, Rows

if TYPE_CHECKING:
    from jinja2 import Environment

_STRONG = re.compile(r"\*\*(.+)\*\*")
_TEMPLATES = Path(__file__).parent / "templates"


def comparison_html(subject: Subject, now: datetime) -> str:
    """What is known of the runs compared, as one file. A section that cannot be made says why.

    May raise StoreError, where a run's files are damaged.
    """
    drawn = _Drawn()
    sections = []
    for number, (title, make) in enumerate(SECTIONS.items(), start=1):
        try:
            body = drawn.written(list(make(subject)))
        except HamError as error:
            body = drawn.written([f"{error.what}: {error.why}"])
        sections.append({"id": f"section-{number}", "title": title, "body": body})
    names = subject.compared.names
    few = " and ".join(name.title for name in names)
    return (
        _environment()
        .get_template("report.html")
        .render(
            title=few if len(names) < 3 else f"{len(names)} runs",
            names=[str(name) for name in names],
            date=now.strftime("%Y-%m-%d %H:%M"),
            version=ham.__version__,
            app=APP_NAME,
            disclaimer=DISCLAIMER,
            sections=sections,
            style=(_TEMPLATES / "report.css").read_text("utf-8"),
            script=(_TEMPLATES / "report.js").read_text("utf-8"),
            plotly=charts.plotly_script(),
            figures=_in_script("{" + ",".join(drawn.figures) + "}"),
            config=_in_script(json.dumps(charts.plot_config())),
        )
    )


class _Drawn:
    """Pieces written one after another; the figures on the way are numbered and kept."""

    def __init__(self) -> None:
        self.figures: list[str] = []  # '"figure-1": [light, dark]'

    def written(self, pieces: list[Piece]) -> str:
        """HTML."""
        return "".join(self._one(piece) for piece in pieces)

    def _one(self, piece: Piece) -> str:
        write = functools.partial(_write, "parts.html")
        if isinstance(piece, str):
            return write("paragraph", piece)
        if isinstance(piece, Code):
            return write("code", piece.text)
        if isinstance(piece, Bullets):
            return write("bullets", piece.items)
        if isinstance(piece, Lead):
            return write("lead", piece.text)
        if isinstance(piece, Heading):
            return write("heading", piece.text, piece.level)
        if isinstance(piece, Pictures):
            return write("pictures", piece.pictures)
        if isinstance(piece, Rows):
            cells = [[_cell(cell) for cell in row] for row in piece.table.to_numpy().tolist()]
            return write("table", piece.caption, list(map(str, piece.table)), cells, piece.prose)
        if isinstance(piece, Fold):
            return write("fold", piece.title, _safe(self.written(list(piece.parts))))
        return write("charts", self._charts(piece), piece.columns)

    def _charts(self, piece: Charts) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for light, dark in zip(piece.draw(False), piece.draw(True), strict=True):
            name = f"figure-{len(self.figures) + 1}"
            drawn = f"[{charts.figure_json(light)},{charts.figure_json(dark)}]"
            self.figures.append(f'"{name}":{drawn}')
            height = int(light.layout.height or 360)
            found.append({"id": name, "alt": charts.alt_text(light), "height": height})
        return found


def _cell(cell: object) -> tuple[str, bool]:
    """Its text, and whether it is bold."""
    text = "–" if cell is None else str(cell)
    strong = _STRONG.fullmatch(text)
    return (strong[1], True) if strong else (text, False)


def _write(template: str, macro: str, *given: object) -> str:
    module = _environment().get_template(template).module
    return str(getattr(module, macro)(*given))


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _safe(html: str) -> str:
    """HTML of our own, not to be escaped again."""
    from markupsafe import Markup

    return Markup(html)


def _in_script(text: str) -> str:
    """JSON that no script element ends in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
