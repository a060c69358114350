"""What is found against what it costs: ROC curves of malignant against benign, and of each
class.
"""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import (
    add_diagonal,
    area_text,
    new_figure,
    run_key,
    run_style,
    score_text,
)
from ham.config import LesionClass
from ham.evaluation import Interval, OperatingPoint, decimal
from ham.report import RunName

Point = tuple[float, float, str]  # false alarms and sensitivity, 0 to 1, and words


def malignant_roc_curves(
    curves: dict[RunName, pd.DataFrame],
    aucs: dict[RunName, Interval],
    chosen: dict[RunName, OperatingPoint],
    by_class: dict[RunName, OperatingPoint],
    dark: bool = False,
) -> go.Figure:
    """Malignant against benign, a curve a run.

    `curves`: name -> rows of `ham.evaluation.malignant_roc`; `chosen`: at the threshold of
    validation, where there is one; `by_class`: where the predicted class decides.
    """
    best, alone = _best({name: area.value for name, area in aucs.items()})
    title = (
        f"AUC is highest for {best.short}: {decimal(aucs[best])}"
        if alone
        else f"AUC {decimal(aucs[best])}"
    )
    alt = "ROC curves, malignant against benign. " + " ".join(
        f"{name}: AUC {decimal(aucs[name])}; "
        + (f"{_words(chosen[name])} at the threshold of validation; " if name in chosen else "")
        + f"{_words(by_class[name])} by the predicted class."
        for name in curves
    )
    note = (
        f"{_areas({name: area.value for name, area in aucs.items()})}Filled: threshold chosen on "
        "validation. Open: by the predicted class."
    )
    return _roc(
        curves,
        title,
        alt,
        note,
        "False positive rate, %: benign predicted as malignant",
        "Sensitivity, %",
        [{name: _point(point) for name, point in points.items()} for points in (chosen, by_class)],
        dark,
    )


def class_roc_curves(
    of: LesionClass,
    curves: dict[RunName, pd.DataFrame],
    aucs: dict[RunName, float],
    predicted: dict[RunName, tuple[float, float]],
    dark: bool = False,
) -> go.Figure:
    """One class against the rest, a curve a run.

    `curves`: name -> rows of `ham.evaluation.class_roc`; `predicted`: share of the other images
    and of the class's own that are predicted as this class.
    """
    best, alone = _best(aucs)
    title = (
        f"AUC for {of.code} is highest for {best.short}: {area_text(aucs[best])}"
        if alone
        else f"AUC for {of.code}: {area_text(aucs[best])}"
    )
    alt = f"ROC curves, {of.title} against the rest. " + " ".join(
        f"{name}: AUC {area_text(aucs[name])}, predicted for {score_text(found)} of its images and "
        f"for {score_text(cost)} of the others."
        for name, (cost, found) in predicted.items()
    )
    points = {
        name: (
            cost,
            found,
            f"by the predicted class<br>{score_text(found)} found, {score_text(cost)} of the "
            "others",
        )
        for name, (cost, found) in predicted.items()
    }
    return _roc(
        curves,
        title,
        alt,
        f"{_areas(aucs)}Open: by the predicted class.",
        f"False positive rate, %: others predicted as {of.code}",
        f"Recall of {of.code}, %",
        [{}, points],
        dark,
    )


def _roc(
    curves: dict[RunName, pd.DataFrame],
    title: str,
    alt: str,
    note: str,
    x_title: str,
    y_title: str,
    marks: list[dict[RunName, Point]],
    dark: bool,
) -> go.Figure:
    """`marks`: the filled and the open marks of the runs."""
    figure = new_figure(title, alt, dark, height=440, subtitle=note, key=run_key(curves))
    add_diagonal(figure, dark)
    for position, (name, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=100 * curve["false_alarms"],
            y=100 * curve["sensitivity"],
            mode="lines",
            name=str(name),
            line={"color": run_style(position, dark)[0], "width": 2},
            hovertemplate=f"{name.short}: %{{y:.0f}} % found, %{{x:.0f}} % false "
            "alarms<extra></extra>",
        )
    for position, name in enumerate(curves):  # after all lines, so that none crosses a mark
        color, _, symbol = run_style(position, dark)
        for points, mark in zip(marks, (symbol, f"{symbol}-open"), strict=True):
            if name in points:
                cost, found, words = points[name]
                figure.add_scatter(
                    x=[100 * cost],
                    y=[100 * found],
                    mode="markers",
                    name=str(name),
                    marker={
                        "color": color,
                        "symbol": mark,
                        "size": 13,
                        "line": {"width": 2, "color": color},
                    },
                    customdata=[words],
                    hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
                )
    figure.update_xaxes(title=x_title, range=[-2, 102], dtick=20)
    figure.update_yaxes(title=y_title, range=[-2, 103], dtick=20)
    return figure


def _point(point: OperatingPoint) -> Point:
    how = (
        "by the predicted class"
        if point.threshold is None
        else f"malignant from {100 * point.threshold:.1f} % on"
    )
    return 1 - point.specificity.value, point.sensitivity.value, f"{how}<br>{_words(point)}"


def _words(point: OperatingPoint) -> str:
    return (
        f"{point.n_malignant - point.missed:,} of {point.n_malignant:,} malignant images found, "
        f"{point.false_alarms:,} of {point.n_benign:,} benign ones called malignant"
    )


def _areas(aucs: dict[RunName, float]) -> str:
    """ "AUC: A 0.87, B 0.81. " where there are several."""
    return (
        "AUC: " + ", ".join(f"{name.short} {area_text(area)}" for name, area in aucs.items()) + ". "
        if len(aucs) > 1
        else ""
    )


def _best(aucs: dict[RunName, float]) -> tuple[RunName, bool]:
    """The run with the highest AUC, and whether it is the only one of several."""
    best = max(aucs, key=lambda name: aucs[name] if aucs[name] == aucs[name] else -1.0)
    return best, list(aucs.values()).count(aucs[best]) == 1 < len(aucs)
