"""The seven probabilities of one image, one run or several on one axis."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ham.charts.base import (
    CLASS_TITLES,
    class_rows,
    new_figure,
    palette,
    run_key,
    run_style,
    score_text,
)
from ham.config import CLASSES, N_CLASSES
from ham.report import RunName


def probability_bars(probas: dict[RunName, np.ndarray], dark: bool = False) -> go.Figure:
    """A row a class with its name, code and whether it is malignant; a bar a run.

    `probas`: name of the run -> its probabilities, (7,), in CLASSES order. One run is drawn in
    the classes' colours, several in the runs' own.
    """
    colors = palette(dark)
    figure = new_figure(
        _title(probas),
        _alt(probas),
        dark,
        height=90 + N_CLASSES * (26 + 16 * len(probas)),
        key=run_key(probas),
    )
    for position, (name, proba) in enumerate(probas.items()):
        marker = {
            "color": [c.color for c in CLASSES]
            if len(probas) == 1
            else run_style(position, dark)[0]
        }
        figure.add_bar(
            x=[100 * float(p) for p in proba],
            y=list(range(N_CLASSES)),
            orientation="h",
            name=str(name),
            marker=marker,
            text=[score_text(float(p)) for p in proba],
            textposition="outside",
            cliponaxis=False,
            textfont={"color": colors.text, "size": 12},
            textangle=0,
            customdata=[
                f"{title}<br>{100 * float(p):.1f} %"
                for title, p in zip(CLASS_TITLES, proba, strict=True)
            ],
            hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
        )
    figure.add_hline(
        y=next(i for i, c in enumerate(CLASSES) if not c.malignant) - 0.5,
        line={"color": colors.grid, "width": 1.5},
        layer="below",
    )
    figure.update_xaxes(
        title="Probability the model gives, %", range=[0, 112], tickvals=[0, 25, 50, 75, 100]
    )
    class_rows(figure, ["malignant" if c.malignant else "benign" for c in CLASSES], dark)
    figure.update_yaxes(showgrid=False)
    figure.update_layout(barmode="group", bargap=0.3, bargroupgap=0.05)
    return figure


def _title(probas: dict[RunName, np.ndarray]) -> str:
    answers = {name: int(np.argmax(proba)) for name, proba in probas.items()}
    if len(answers) == 1:
        name, k = next(iter(answers.items()))
        return f"{CLASS_TITLES[k]}, {score_text(float(probas[name][k]))}"
    if len(set(answers.values())) == 1:
        k = next(iter(answers.values()))
        shares = [float(proba[k]) for proba in probas.values()]
        span = " to ".join(dict.fromkeys(score_text(share) for share in (min(shares), max(shares))))
        return f"All {len(probas)} runs answer {CLASS_TITLES[k]}, {span}"
    return "The runs disagree: " + ", ".join(
        f"{name.short} {CLASSES[k].code}" for name, k in answers.items()
    )


def _alt(probas: dict[RunName, np.ndarray]) -> str:
    return "Probabilities by class. " + " ".join(
        f"{name}: "
        + ", ".join(
            f"{c.title} ({'malignant' if c.malignant else 'benign'}) {score_text(float(p))}"
            for c, p in zip(CLASSES, proba, strict=True)
        )
        + "."
        for name, proba in probas.items()
    )
