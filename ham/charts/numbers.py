"""The numbers of a figure as a table, for those to whom a chart says nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

_TEXT = str.maketrans({"\N{MINUS SIGN}": "-"})


def number_table(figure: go.Figure) -> pd.DataFrame:
    """A row a point that the mouse could ask for: Series, the two axes by their titles, names
    before numbers, Value of a heat map's cell, From and To of an interval. Empty for a figure of
    pixels. An axis without a title is Row or Column where it has names, else Value, or x and y.
    """
    rows = [row for trace in figure.data for row in _rows(figure, trace)]
    table = pd.DataFrame(rows)
    if "Series" in table and table["Series"].nunique() < 2:
        table = table.drop(columns="Series")
    return table


def _rows(figure: go.Figure, trace: Any) -> Iterator[dict[str, object]]:
    if trace.type == "image" or trace.hoverinfo == "skip":
        return
    x, y = (_Axis(figure, trace, letter) for letter in "xy")
    series = {"Series": _plain(trace.name)} if trace.name else {}
    if trace.type == "heatmap":
        cells = _values(trace.z) if trace.text is None else _values(trace.text)  # z may be a shade
        for i, j in np.ndindex(np.shape(cells)):
            yield {**series, y.title: y.at(i), x.title: x.at(j), "Value": _number(cells[i][j])}
        return
    first, second = (y, x) if y.named and not x.named else (x, y)
    if first.named and second.title == second.letter:
        second.title = "Value"
    for place in range(max(x.length, y.length)):
        points = {first.title: first.at(place), second.title: second.at(place)}
        yield {**series, **points, **x.interval(place), **y.interval(place)}


class _Axis:
    """One axis of a trace: what stands at its points, in the words of its ticks."""

    def __init__(self, figure: go.Figure, trace: Any, letter: str) -> None:
        self.letter = letter
        self._points = _values(trace[letter])
        layout = figure.layout[(trace[f"{letter}axis"] or letter).replace(letter, f"{letter}axis")]
        self._error = getattr(trace, f"error_{letter}", None)
        self._ticks = {
            float(value): _plain(text)
            for value, text in zip(layout.tickvals or (), layout.ticktext or (), strict=False)
            if isinstance(value, int | float | np.number)
        }
        # rows of names: a run's dot lies a little beside its row
        self._rows = not all(_is_number(text) for text in self._ticks.values())
        self.named = self._rows or (self.length > 0 and isinstance(self._points[0], str))
        title = {"x": "Column", "y": "Row"}[letter] if self.named else letter
        self.title = _plain(layout.title.text) or title

    @property
    def length(self) -> int:
        return 0 if self._points is None else len(self._points)

    def at(self, place: int) -> object:
        if self._points is None or place >= self.length:
            return place if not self._ticks else self._ticks.get(float(place), place)
        value = self._points[place]
        if self._rows and isinstance(value, int | float | np.number):
            return self._ticks.get(float(round(float(value))), _number(value))
        return _plain(value) if isinstance(value, str) else _number(value)

    def interval(self, place: int) -> dict[str, object]:
        error = self._error
        if error is None or error.array is None or self._points is None:
            return {}
        value = float(self._points[place])
        above = float(_values(error.array)[place])
        below = above if error.arrayminus is None else float(_values(error.arrayminus)[place])
        return {"From": _number(value - below), "To": _number(value + above)}


def _values(values: Any) -> Any:
    """As they were given: a figure that was kept between two runs of a page, and so pickled, has
    its numbers as Plotly's typed arrays.
    """
    if not isinstance(values, dict):
        return values
    flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return flat.reshape([int(n) for n in str(values.get("shape", flat.size)).split(",")])


def _number(value: Any) -> object:
    """To four figures; what is no number as it is."""
    return float(f"{value:.4g}") if isinstance(value, int | float | np.number) else value


def _plain(text: str | None) -> str:
    """Without HTML."""
    parts = (text or "").replace("<br>", " ").split("<")
    return (parts[0] + "".join(part.partition(">")[2] for part in parts[1:])).strip()


def _is_number(text: str) -> bool:
    try:
        float(text.translate(_TEXT).replace(",", "").rstrip(" %"))
    except ValueError:
        return False
    return True
