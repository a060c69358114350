"""Scores against how strongly the test images were changed, a small chart a kind of change."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from ham.charts.base import new_figure, run_style
from ham.report import ROBUSTNESS, Robustness, RunName


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
