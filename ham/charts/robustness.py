"""Scores against how strongly the test images were changed, a small chart a kind of change; and
with their rows, columns or pixels shuffled, a row a way.
"""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from ham.charts.base import add_intervals, new_figure, palette, run_key, run_style, spread_rows
from ham.evaluation import percent
from ham.report import ARRANGEMENT, ROBUSTNESS, Robustness, RunName


def strength_curve(
    found: Mapping[RunName, Robustness],
    kind: str,
    title: str,
    strengths: list[str],
    score: str = "accuracy",
    dark: bool = False,
) -> go.Figure:
    """A line a run over strengths 0 to 3, with 95 % intervals.

    `strengths`: words for strengths 0 to 3, on the axis; `score`: a key of ROBUSTNESS.
    """
    figure = new_figure(title, _alt(found, kind, title, score), dark, height=200, narrow=True)
    for position, (name, one) in enumerate(found.items()):
        values = one.scores[kind][score]
        color, dash, symbol = run_style(position, dark)
        offset = 0.06 * (position - (len(found) - 1) / 2)
        figure.add_scatter(
            x=[level + offset for level in range(len(values))],
            y=[100 * v.value for v in values],
            mode="lines+markers",
            name=name.short,
            line={"color": color, "width": 2, "dash": dash},
            marker={"color": color, "symbol": symbol, "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (v.high - v.value) for v in values],
                "arrayminus": [100 * (v.value - v.low) for v in values],
                "color": color,
                "thickness": 1.5,
                "width": 0,
            },
            hovertemplate=f"{name.short} %{{y:.1f}} %<extra></extra>",
        )
    figure.update_xaxes(tickvals=list(range(len(strengths))), ticktext=strengths, showgrid=False)
    figure.update_yaxes(range=[0, 100], nticks=5, ticksuffix=" %")
    return figure


def _alt(found: Mapping[RunName, Robustness], kind: str, title: str, score: str) -> str:
    parts = [
        f"{name}, " + ", ".join(f"{100 * v.value:.0f} %" for v in one.scores[kind][score])
        for name, one in found.items()
    ]
    return f"{ROBUSTNESS[score]} at strengths 0 to 3 of {title.lower()}: {'; '.join(parts)}."


def shuffled_scores(
    found: Mapping[RunName, Robustness],
    titles: Mapping[str, str],
    score: str,
    majority: float,
    dark: bool = False,
) -> go.Figure:
    """A row for the images as they are and one a way of shuffling, a dot a run with its 95 %
    interval; a line for what always naming the majority class scores.

    `titles`: by kind of shuffling; `score`: a key of ARRANGEMENT; `majority`: 0 to 1.
    """
    rows = ["As they are", *titles.values()]
    of_run = {
        name: [one.scores[next(iter(titles))][score][0]]
        + [one.scores[kind][score][-1] for kind in titles]
        for name, one in found.items()
    }
    texts = {name: [percent(one) for one in values] for name, values in of_run.items()}
    word = ARRANGEMENT[score]
    said = "; ".join(
        f"{name}: "
        + ", ".join(f"{row.lower()} {text}" for row, text in zip(rows, own, strict=True))
        for name, own in texts.items()
    )
    figure = new_figure(
        f"{word} with the arrangement gone",
        f"{word} as the test images are and shuffled. {said}. Always naming the majority class: "
        f"{100 * majority:.0f} %.",
        dark,
        height=330,
        subtitle="Dashed: always naming the majority class. Bars: 95 % intervals.",
        key=run_key(found),
    )
    colors = palette(dark)
    figure.add_vline(x=100 * majority, line={"color": colors.line, "dash": "dash", "width": 1.5})
    for position, (name, values) in enumerate(of_run.items()):
        places = spread_rows(len(rows), position, len(found))
        add_intervals(figure, name, values, texts[name], places, position, 100, dark)
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=rows,
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        tickfont={"color": colors.text},
    )
    figure.update_xaxes(title=f"{word}, %", range=[0, 100])
    return figure
