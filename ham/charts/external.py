"""Runs on images from elsewhere beside their own test images."""

from __future__ import annotations

import plotly.graph_objects as go

from ham.charts.base import new_figure, palette, run_style, spread_rows
from ham.evaluation import SCORES, SLICED, Interval, format_score
from ham.report import ExternalTest, RunName, unbroken


def external_scores(found: ExternalTest, dark: bool = False) -> go.Figure:
    """A row a score; of each run a filled mark with its 95 % interval on these images, and an open
    one on its own test images, joined by a line.
    """
    names = list(found.own)
    figure = new_figure(
        _title(found),
        _alt(found),
        dark,
        height=96 + len(SLICED) * (24 + 18 * len(names)),
        subtitle="Filled: these images. Open: the run's own test images. Bar: 95 % interval.",
        key={str(name): place for name, place in found.places.items()},
    )
    colors = palette(dark)
    for position, name in enumerate(names):
        there = found.compared.reports[name].evaluation.scores
        own = found.own[name].evaluation.scores
        rows = spread_rows(len(SLICED), position, len(names), 0.2)
        for key, row in zip(SLICED, rows, strict=True):
            figure.add_shape(
                type="line", x0=own[key].value, x1=there[key].value, y0=row, y1=row,
                layer="below", line={"color": colors.line, "width": 1, "dash": "dot"},
            )  # fmt: skip
        lower = [row + 0.16 / len(names) for row in rows]
        place = found.places[name]
        _add_marks(figure, name, place, own, lower, "own test images", True, dark)
        _add_marks(figure, name, place, there, rows, found.record.title, False, dark)
    figure.update_xaxes(title="Score, 0 to 1", range=[0, 1.02], tickformat=".1f")
    figure.update_yaxes(
        tickvals=list(range(len(SLICED))),
        ticktext=[SCORES[key].title for key in SLICED],
        range=[len(SLICED) - 0.45, -0.55],
        showgrid=False,
        tickfont={"color": colors.text},
    )
    return figure


def _add_marks(
    figure: go.Figure,
    name: RunName,
    position: int,
    scores: dict[str, Interval],
    rows: list[float],
    where: str,
    hollow: bool,
    dark: bool,
) -> None:
    color, _, symbol = run_style(position, dark)
    values = [scores[key] for key in SLICED]
    figure.add_scatter(
        x=[v.value for v in values],
        y=rows,
        mode="markers",
        name=f"{name}, {where}",
        opacity=0.7 if hollow else 1.0,
        marker={
            "color": palette(dark).ground if hollow else color,
            "symbol": symbol,
            "size": 8 if hollow else 10,
            "line": {"color": color, "width": 2 if hollow else 0},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [v.high - v.value for v in values],
            "arrayminus": [v.value - v.low for v in values],
            "color": color,
            "thickness": 1 if hollow else 2,
            "width": 0,
        },
        customdata=[f"{SCORES[key].title} {format_score(key, scores[key])}" for key in SLICED],
        hovertemplate=f"{name}, {where}<br>%{{customdata}}<extra></extra>",
    )


def _title(found: ExternalTest) -> str:
    accuracy = {
        name: one.evaluation.scores["accuracy"] for name, one in found.compared.reports.items()
    }
    best = max(accuracy, key=lambda name: accuracy[name].value)
    written = unbroken(format_score("accuracy", accuracy[best]))
    if len(accuracy) == 1:
        return f"Accuracy on {found.record.title}: {written}"
    return f"Accuracy on {found.record.title} is highest for {best.short}: {written}"


def _alt(found: ExternalTest) -> str:
    parts = [
        f"{name}: "
        + ", ".join(
            f"{SCORES[key].title} {format_score(key, one.evaluation.scores[key])}, own test images "
            f"{format_score(key, found.own[name].evaluation.scores[key])}"
            for key in SLICED
        )
        for name, one in found.compared.reports.items()
    ]
    return f"Scores on {found.record.title} with 95 % intervals. {'. '.join(parts)}."
