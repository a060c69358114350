"""Calibration: reliability diagrams, prediction sets and the classes they cover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import (
    CLASS_TITLES,
    add_diagonal,
    add_intervals,
    new_figure,
    palette,
    run_key,
    run_style,
    score_text,
    spread_rows,
    with_note,
)
from ham.config import CODES, N_CLASSES
from ham.evaluation import COVERAGE, Interval, PredictionSets, percent
from ham.report import RunName, points


def reliability_diagrams(
    tables: dict[RunName, pd.DataFrame], errors: dict[RunName, float], dark: bool = False
) -> list[go.Figure]:
    """One diagram a run, all on the same axes, in the runs' own colours.

    `tables`: name -> rows of `ham.evaluation.reliability`; `errors`: its expected calibration
    error, 0 to 1.
    """
    return [
        _reliability(name, table, errors[name], position, dark)
        for position, (name, table) in enumerate(tables.items())
    ]


def _reliability(
    name: RunName, table: pd.DataFrame, error: float, position: int, dark: bool
) -> go.Figure:
    colors, (color, _, symbol) = palette(dark), run_style(position, dark)
    alt = (
        f"Reliability of {name}, expected calibration error {points(error)}. "
        + "; ".join(
            f"says {score_text(row.confidence)}, correct in {score_text(row.accuracy)} of {row.n:,}"
            for row in table.itertuples()
        )
        + "."
    )
    figure = new_figure(
        str(name),
        alt,
        dark,
        height=340,
        narrow=True,
        subtitle=f"Expected calibration error {points(error)}",
    )
    add_diagonal(figure, dark)
    for x, y, words, anchor in (
        (2, 97, "more often correct<br>than it says", "left"),
        (101, 4, "less often correct<br>than it says", "right"),
    ):
        figure.add_annotation(
            x=x,
            y=y,
            text=words,
            showarrow=False,
            xanchor=anchor,
            align=anchor,
            yanchor="top" if anchor == "left" else "bottom",
            font={"color": colors.muted, "size": 12},
        )
    figure.add_scatter(
        x=100 * table.confidence,
        y=100 * table.accuracy,
        mode="markers+lines",
        name=str(name),
        line={"color": color, "width": 1},
        marker={"color": color, "symbol": symbol, "size": 8},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": 100 * (table.high - table.accuracy),
            "arrayminus": 100 * (table.accuracy - table.low),
            "color": color,
            "thickness": 1.5,
            "width": 0,
        },
        customdata=[
            f"{row.n:,} images<br>says {score_text(row.confidence)} on average<br>correct in "
            f"{percent(Interval(row.accuracy, row.low, row.high))}"
            for row in table.itertuples()
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_xaxes(title="Probability of the predicted class, %", range=[-3, 103], dtick=20)
    figure.update_yaxes(title="Correct, %", range=[-3, 103], dtick=20)
    return figure


def set_sizes(sets: dict[RunName, PredictionSets], dark: bool = False) -> go.Figure:
    """How many classes the sets hold: a bar a size and run, in % of the test images."""
    means = {name: found.mean_size for name, found in sets.items()}
    best = min(means, key=means.__getitem__)
    alone = list(means.values()).count(means[best]) == 1 < len(means)
    title = (
        f"The sets of {best.short} are smallest: {means[best]:.1f} classes on average"
        if alone
        else f"The {'smallest ' * (len(set(means.values())) > 1)}sets hold {means[best]:.1f} "
        "classes on average"
    )
    shares = {name: 100 * found.sizes / max(found.sizes.sum(), 1) for name, found in sets.items()}
    alt = "Classes in a prediction set, share of the test images. " + " ".join(
        f"{name}, {means[name]:.2f} on average: "
        + ", ".join(
            f"{size} {score_text(share / 100)}" for size, share in enumerate(of_run, start=1)
        )
        + "."
        for name, of_run in shares.items()
    )
    largest = max(int(np.flatnonzero(found.sizes).max(initial=0)) for found in sets.values()) + 1
    figure = new_figure(title, alt, dark, height=400, key=run_key(sets))
    for position, (name, of_run) in enumerate(shares.items()):
        figure.add_bar(
            x=list(range(1, largest + 1)),
            y=of_run[:largest],
            name=str(name),
            marker={"color": run_style(position, dark)[0]},
            text=[score_text(share / 100) if share else "" for share in of_run[:largest]]
            if len(sets) < 3
            else None,
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            textfont={"color": palette(dark).text, "size": 12},
            customdata=[
                f"{n:,} images, {score_text(share / 100)}"
                for n, share in zip(sets[name].sizes[:largest], of_run[:largest], strict=True)
            ],
            hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(
        title="Classes in the set", tickvals=list(range(1, largest + 1)), showgrid=False
    )
    figure.update_yaxes(title="Test images, %", rangemode="tozero")
    figure.update_layout(bargroupgap=0.05)
    return figure


def set_coverage(
    sets: dict[RunName, PredictionSets], dark: bool = False, by_class: bool = False
) -> go.Figure:
    """How often the set holds the true class: all images, then class by class, with 95 %
    intervals. `by_class`: whether every class was aimed at by itself.
    """
    colors, rows = palette(dark), N_CLASSES + 1
    found = {
        name: [_covered(of_run.by_class.loc[code]) for code in CODES]
        for name, of_run in sets.items()
    }
    figure = new_figure(
        _coverage_title(found),
        _coverage_alt(sets, found),
        dark,
        height=90 + rows * (24 + 9 * len(sets)),
        key=run_key(sets),
        subtitle=f"Dashed: the {100 * COVERAGE:.0f} % aimed at "
        + ("for each class" if by_class else "over all images together"),
    )
    for position, (name, of_classes) in enumerate(found.items()):
        shares = [sets[name].coverage, *of_classes]
        texts = [
            f"{title}<br>{percent(share)}"
            for title, share in zip(["All test images", *CLASS_TITLES], shares, strict=True)
        ]
        add_intervals(
            figure,
            name,
            shares,
            texts,
            spread_rows(rows, position, len(sets), 0.13),
            position,
            100,
            dark,
        )
    figure.add_vline(
        x=100 * COVERAGE, line={"color": colors.line, "width": 1.5, "dash": "dash"}, layer="below"
    )
    first = next(iter(sets.values())).by_class
    counts = [int(first["n"].sum()), *first.loc[list(CODES), "n"]]
    figure.update_xaxes(title="True class is in the set, %", range=[-3, 103], dtick=20)
    figure.update_yaxes(
        tickvals=list(range(rows)),
        range=[rows - 0.5, -0.5],
        tickfont={"color": colors.text},
        ticktext=[
            with_note(title, f"{n:,} images", dark)
            for title, n in zip(["<b>All classes</b>", *CLASS_TITLES], counts, strict=True)
        ],
    )
    return figure


def _covered(row: pd.Series) -> Interval:
    return Interval(row["coverage"], row["low"], row["high"])


def _coverage_title(found: dict[RunName, list[Interval]]) -> str:
    """Names the class that is covered least by any run, and what every run reaches there."""
    values = {
        (name, k): share.value
        for name, of_run in found.items()
        for k, share in enumerate(of_run)
        if share.value == share.value
    }
    _, k = min(values, key=values.__getitem__)
    there = {name: of_run[k].value for name, of_run in found.items()}
    if len(there) > 3:  # too many to name
        span = dict.fromkeys(
            score_text(value) for value in (min(there.values()), max(there.values()))
        )
        return f"Coverage is lowest for {CODES[k]}: {' to '.join(span)}"
    return f"Coverage is lowest for {CODES[k]}: " + ", ".join(
        (f"{name.short} " if len(there) > 1 else "") + score_text(value)
        for name, value in there.items()
    )


def _coverage_alt(sets: dict[RunName, PredictionSets], found: dict[RunName, list[Interval]]) -> str:
    return "Share of the test images whose prediction set holds the true class. " + " ".join(
        f"{name}: all {percent(sets[name].coverage)}, "
        + ", ".join(
            f"{title} {percent(share)}" for title, share in zip(CLASS_TITLES, of_run, strict=True)
        )
        + "."
        for name, of_run in found.items()
    )
