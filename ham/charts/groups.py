"""Groups of runs: the scores of their members, and their learning curves as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import add_band, new_figure, palette, run_key, run_style, say_why_empty
from ham.charts.training import CURVES
from ham.evaluation import SCORES
from ham.report import Group, RunName, spread_in_words

_ROW = 56  # pixels a group


def group_scores(
    groups: Mapping[RunName, Group], score: str = "balanced_accuracy", dark: bool = False
) -> go.Figure:
    """A row a group: a dot a run, the mean as a line across and one standard deviation as a bar.

    `score`: a key of SCORES.
    """
    factor, unit = (100, " %") if SCORES[score].percent else (1, "")
    figure = new_figure(
        _title(groups, score),
        _alt(groups, score),
        dark,
        height=96 + _ROW * len(groups),
        subtitle="Dot: a run on its own test part. Line: mean. Bar: one standard deviation.",
        key=run_key(groups),
    )
    for row, (name, group) in enumerate(groups.items()):
        color, _, symbol = run_style(row, dark)
        values, found = factor * group.values(score), group.spreads[score]
        figure.add_scatter(
            x=values,
            y=[row] * len(values),
            mode="markers",
            name=str(name),
            marker={"color": color, "symbol": symbol, "size": 9, "opacity": 0.75},
            customdata=[f"seed {m.config.seed}, fold {m.config.fold}" for m in group.members],
            hovertemplate=f"{name.short}, %{{customdata}}<br>%{{x:.4g}}{unit}<extra></extra>",
        )
        if found.n > 1:
            mean, sd = factor * found.mean, factor * found.sd
            figure.add_shape(
                type="rect", x0=mean - sd, x1=mean + sd, y0=row - 0.14, y1=row + 0.14,
                fillcolor=color, opacity=0.18, line={"width": 0},
            )  # fmt: skip
            figure.add_shape(
                type="line", x0=mean, x1=mean, y0=row - 0.3, y1=row + 0.3,
                line={"color": color, "width": 3},
            )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(groups))),
        ticktext=[name.short for name in groups],
        range=[len(groups) - 0.5, -0.5],
        showgrid=False,
        tickfont={"color": palette(dark).text},
    )
    figure.update_xaxes(title=SCORES[score].title + (", %" if unit else ""))
    if not any(group.spreads[score].n for group in groups.values()):
        say_why_empty(figure, "These runs ended before this score was computed", dark)
    return figure


def _title(groups: Mapping[RunName, Group], score: str) -> str:
    means = {name: group.spreads[score].mean for name, group in groups.items()}
    known = {name: mean for name, mean in means.items() if mean == mean}
    if len(known) < 2:
        return f"{SCORES[score].title} of every run"
    best = SCORES[score].best(known)
    words = spread_in_words(score, groups[best].spreads[score]).partition(" (")[0]
    unit = "\N{NO-BREAK SPACE}%" if SCORES[score].percent else ""
    return (
        f"Mean {SCORES[score].word} is {SCORES[score].superlative} for {best.short}: {words}{unit}"
    )


def _alt(groups: Mapping[RunName, Group], score: str) -> str:
    parts = [
        f"{name}, {len(group.members)} runs, {spread_in_words(score, group.spreads[score])}"
        for name, group in groups.items()
    ]
    return f"{SCORES[score].title}, mean, standard deviation and range: {'; '.join(parts)}."


def group_curves(
    histories: Mapping[RunName, Sequence[pd.DataFrame]],
    metric: str = "loss",
    dark: bool = False,
) -> go.Figure:
    """Validation by epoch: the mean of a group's runs as a line, from lowest to highest as a band.

    `histories`: of each group those of its runs, columns as in `ham.store.HISTORY_COLUMNS`, none
    of them empty. `metric`: a key of CURVES. Where some have ended early, the others go on.
    """
    word, axis_title, factor, unit = CURVES[metric]
    figure = new_figure(
        f"Validation {word} by epoch",
        f"Validation {word} by epoch of {'; '.join(map(str, histories))}: mean and range.",
        dark,
        height=320,
        subtitle="Line: mean of the runs. Band: from the lowest to the highest.",
        key=run_key(histories),
    )
    for position, (name, runs) in enumerate(histories.items()):
        color = run_style(position, dark)[0]
        values = factor * by_epoch(runs, f"validation_{metric}")
        x = np.arange(1, values.shape[1] + 1)
        add_band(figure, x, values, color)
        figure.add_scatter(
            x=x,
            y=np.nanmean(values, axis=0),
            mode="lines" if len(x) > 1 else "markers",
            name=name.short,
            line={"color": color, "width": 2.5},
            hovertemplate=f"{name.short} %{{y:.4g}}{unit}<extra></extra>",
        )
    figure.update_xaxes(title="Epoch", tickformat="d")
    figure.update_yaxes(title=axis_title, rangemode="normal")
    figure.update_layout(hovermode="x unified")
    return figure


def by_epoch(runs: Sequence[pd.DataFrame], column: str) -> np.ndarray:
    """float64 (runs, epochs), NaN after a run's end."""
    values = np.full((len(runs), max(len(history) for history in runs)), np.nan)
    for row, history in enumerate(runs):
        values[row, : len(history)] = history[column]
    return values
