"""What the probabilities are worth: Brier score and log loss in their parts, each class's
calibration.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import add_diagonal, new_figure, palette, run_key, run_style, score_text
from ham.config import LesionClass
from ham.evaluation import SCORES, Decomposition, Interval, percent
from ham.report import RunName

_LINES = 5  # of equal score


def score_parts(
    found: Mapping[RunName, Mapping[str, Mapping[str, Decomposition]]],
    score: str = "brier",
    dark: bool = False,
) -> go.Figure:
    """Miscalibration to the right, discrimination upwards: a mark a run before and after the
    temperature, on lines of equal score (Dimitriadis, Gneiting, Jordan, Vogel, International
    J. of Forecasting 40:1101, 2024).

    `found`: of each run `RunReport.decompositions`, all on the same images.
    """
    colors = palette(dark)
    marks = {name: {stage: of[score] for stage, of in one.items()} for name, one in found.items()}
    every = [one for stages in marks.values() for one in stages.values()]
    best = SCORES[score].best({name: stages["before"].score for name, stages in marks.items()})
    word, value = SCORES[score].title, marks[best]["before"].score
    title = (
        f"{word} is {SCORES[score].superlative} for {best.short}: {value:.3f}"
        if len(marks) > 1
        else f"{word} {value:.3f}"
    )
    alt = f"{word}: miscalibration minus discrimination plus uncertainty. " + " ".join(
        f"{name}: "
        + "; ".join(
            f"{stage} {one.score:.3f} = {one.miscalibration:.3f} - {one.discrimination:.3f} + "
            f"{one.uncertainty:.3f}"
            for stage, one in stages.items()
        )
        + "."
        for name, stages in marks.items()
    )
    note = "Open: as the model gives them. Filled: after the temperature. Grey: equal scores."
    figure = new_figure(title, alt, dark, height=420, subtitle=note, key=run_key(found))
    uncertainty = every[0].uncertainty
    x_high = 1.25 * max(one.miscalibration for one in every) + 1e-3
    y_low = min(one.discrimination for one in every)
    y_high = max(one.discrimination for one in every)
    room = max(0.15 * (y_high - y_low), 0.6 * x_high)
    y_low, y_high = max(0.0, y_low - room), y_high + room
    for level in _levels(uncertainty - y_high, uncertainty + x_high - y_low):
        # discrimination = uncertainty + miscalibration - score
        left, right = uncertainty - level, uncertainty + x_high - level
        figure.add_scatter(
            x=[0, x_high],
            y=[left, right],
            mode="lines",
            line={"color": colors.grid, "width": 1.5},
            hoverinfo="skip",
        )
        if y_low < right < y_high:
            figure.add_annotation(
                x=x_high,
                y=right,
                text=f"{level:.3g}",
                showarrow=False,
                xanchor="right",
                yanchor="bottom",
                font={"color": colors.muted, "size": 12},
            )
    for position, (name, stages) in enumerate(marks.items()):
        color, _, symbol = run_style(position, dark)
        ends = list(stages.items())
        figure.add_scatter(
            x=[one.miscalibration for _, one in ends],
            y=[one.discrimination for _, one in ends],
            mode="markers+lines",
            name=str(name),
            line={"color": color, "width": 1},
            marker={
                "color": color,
                "symbol": [f"{symbol}-open" if stage == "before" else symbol for stage, _ in ends],
                "size": 13,
                "line": {"width": 2, "color": color},
            },
            customdata=[
                f"{'as given' if stage == 'before' else 'after the temperature'}<br>{word} "
                f"{one.score:.3f}<br>miscalibration {one.miscalibration:.3f}, by chance about "
                f"{one.by_chance:.3f}<br>discrimination {one.discrimination:.3f}"
                for stage, one in ends
            ],
            hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(title="Miscalibration: less is better", range=[0, x_high], showgrid=False)
    figure.update_yaxes(
        title="Discrimination: more is better", range=[y_low, y_high], showgrid=False
    )
    return figure


def _levels(low: float, high: float) -> np.ndarray:
    """Round scores between two, about _LINES of them."""
    rough = (high - low) / _LINES
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough))
    return np.arange(np.ceil(low / step), high / step + 1e-9) * step


def class_calibration(
    of: LesionClass, tables: Mapping[RunName, pd.DataFrame], n: int, dark: bool = False
) -> go.Figure:
    """One class: what the runs say against how often it is so; a dot a bin of isotonic
    regression, the larger the more images.

    `tables`: of each run rows of `evaluation.class_reliability`; `n`: test images of the class.
    """
    alt = f"Calibration of {of.title}, {n:,} test images. " + " ".join(
        f"{name}: "
        + "; ".join(
            f"says {score_text(row.said)}, is so in {score_text(row.observed)} of {row.n:,}"
            for row in table.itertuples()
        )
        + "."
        for name, table in tables.items()
    )
    figure = new_figure(of.title, alt, dark, height=300, narrow=True, subtitle=f"{n:,} test images")
    add_diagonal(figure, dark)
    for position, (name, table) in enumerate(tables.items()):
        color, _, symbol = run_style(position, dark)
        figure.add_scatter(
            x=100 * table["said"],
            y=100 * table["observed"],
            mode="markers+lines",
            name=str(name),
            line={"color": color, "width": 1.5},
            marker={
                "color": color,
                "symbol": symbol,
                "size": np.clip(3 * np.sqrt(np.sqrt(table["n"])), 4, 14),
                "opacity": 0.85,
            },
            customdata=[
                f"{row.n:,} images from {score_text(row.lowest)} to {score_text(row.highest)}<br>"
                f"{of.code}: {percent(Interval(row.observed, row.low, row.high))}"
                for row in table.itertuples()
            ],
            hovertemplate=f"{name.short}: %{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(title=f"Probability of {of.code}, %", range=[-3, 103], dtick=25)
    figure.update_yaxes(title=f"Images of {of.code}, %", range=[-3, 103], dtick=25)
    return figure
