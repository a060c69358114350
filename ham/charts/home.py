"""The small charts of the Home page. They have no title: the card that they stand in has one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from ham.charts.base import new_figure, palette, with_note
from ham.config import CLASSES, MODEL_TITLES
from ham.report import BestRun

_HEIGHT = 190
_ROOM = 1.32  # of the longest bar: the number stands behind it


def small_class_balance(counts: np.ndarray, dark: bool = False) -> go.Figure:
    """Images of each class. `counts`: int (7,) in CLASSES order."""
    alt = "Images by class: " + "; ".join(
        f"{c.title} {n:,}" for c, n in zip(CLASSES, counts, strict=True)
    )
    figure = new_figure("", alt, dark, height=_HEIGHT)
    figure.add_bar(
        x=counts,
        y=[c.name for c in CLASSES],
        orientation="h",
        marker={"color": [c.color for c in CLASSES]},
        text=[f"{n:,}" for n in counts],
        textposition="outside",
        textfont={"color": palette(dark).muted, "size": 12},
        cliponaxis=False,
        customdata=100 * counts / max(counts.sum(), 1),
        hovertemplate="%{y}: %{x:,} images, %{customdata:.1f} %<extra></extra>",
    )
    figure.update_xaxes(visible=False, range=[0, _ROOM * max(counts.max(), 1)])
    figure.update_yaxes(
        autorange="reversed", showgrid=False, tickfont={"size": 12}, ticklabelstandoff=4
    )
    figure.update_layout(bargap=0.3, margin={"t": 4, "b": 4, "l": 0, "r": 0})
    return figure


def best_models(found: Sequence[BestRun], dark: bool = False) -> go.Figure:
    """Balanced accuracy with its interval, a row a run, and what always predicting one class
    reaches. `found`: at least one.
    """
    colors = palette(dark)
    factor, rows = 100, list(range(len(found)))
    scores = [one.balanced_accuracy for one in found]
    words = [
        f"{factor * s.value:.0f} % ({factor * s.low:.0f} to {factor * s.high:.0f})"
        if s.has_width
        else f"{factor * s.value:.0f} %"
        for s in scores
    ]
    one_class = factor * found[0].one_class
    alt = (
        "Balanced accuracy on the test images: "
        + "; ".join(f"{one.run.title} {text}" for one, text in zip(found, words, strict=True))
        + f"; always one class {one_class:.0f} %"
    )
    figure = new_figure("", alt, dark, height=_HEIGHT)
    figure.add_scatter(
        x=[factor * s.value for s in scores],
        y=rows,
        mode="markers+text",
        text=words,
        textposition="top center",
        textfont={"color": colors.text, "size": 12},
        cliponaxis=False,
        marker={"color": colors.accent, "size": 10},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [factor * (s.high - s.value) if s.has_width else 0 for s in scores],
            "arrayminus": [factor * (s.value - s.low) if s.has_width else 0 for s in scores],
            "color": colors.accent,
            "thickness": 2,
            "width": 0,
        },
        customdata=[one.run.title for one in found],
        hovertemplate="%{customdata}<br>%{text}<extra></extra>",
    )
    figure.add_vline(x=one_class, line={"color": colors.line, "dash": "dash", "width": 1.5})
    titles = []
    for one in found:
        model = MODEL_TITLES[one.run.config.model]
        recipe = one.run.short_title.removeprefix(f"{model}, ")
        titles.append(with_note(model, recipe, dark))
    figure.update_xaxes(
        range=[0, 108],
        tickvals=[0, 25, 50, 75, 100],
        ticktext=["0", "25", "50", "75", "100 %"],
        tickfont={"size": 12},
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=titles,
        range=[len(found) - 0.6, -0.75],
        showgrid=False,
        tickfont={"color": colors.text, "size": 13},
        ticklabelstandoff=4,
    )
    figure.update_layout(margin={"t": 4, "b": 4, "l": 0, "r": 4})
    return figure
