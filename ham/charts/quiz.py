"""You against the models: the running score of each, with its interval."""

from __future__ import annotations

import plotly.graph_objects as go

from ham.charts.base import new_figure, palette
from ham.evaluation import Interval, percent


def quiz_scores(scores: dict[str, Interval], asked: int, dark: bool = False) -> go.Figure:
    """A row each, the first is the person: share of the images that each got right.

    `scores`: name -> share with its interval, NaN before the first answer; `asked`: images so far.
    """
    colors = palette(dark)
    you, *_ = scores
    best = max((one.value for name, one in scores.items() if name != you), default=float("nan"))
    own = scores[you].value
    lead = "ahead of" if own > best else "level with" if own == best else "behind"
    images = f"{asked} image{'' if asked == 1 else 's'}"
    title = f"After {images}: {you} {lead} the best model" if asked and best == best else images
    words = {name: percent(one) for name, one in scores.items()}
    figure = new_figure(
        title,
        f"Share of correct answers after {images}. "
        + ". ".join(f"{name}: {text}" for name, text in words.items())
        + ".",
        dark,
        height=96 + 34 * len(scores),
    )
    for row, (name, one) in enumerate(scores.items()):
        color = colors.accent if name == you else colors.line
        figure.add_scatter(
            x=[100 * one.value],
            y=[row],
            mode="markers",
            marker={"color": color, "size": 11, "symbol": "diamond" if name == you else "circle"},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (one.high - one.value)],
                "arrayminus": [100 * (one.value - one.low)],
                "color": color,
                "thickness": 2,
                "width": 0,
            },
            hovertemplate=f"{name}<br>{words[name]}<extra></extra>",
        )
    figure.update_xaxes(title="Correct, %", range=[-2, 102], tickvals=[0, 25, 50, 75, 100])
    figure.update_yaxes(
        tickvals=list(range(len(scores))),
        ticktext=list(scores),
        range=[len(scores) - 0.5, -0.5],
        tickfont={"color": colors.text},
        showgrid=False,
    )
    return figure
