"""The test accuracy of the last epochs, where it was watched, beside the reported number."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from ham.charts.base import add_band, new_figure, palette, run_key, run_style
from ham.report import RunName
from ham.report.published import Draws


def watched_epochs(
    found: Mapping[RunName, Draws],
    last_epochs: Mapping[RunName, int],
    reported: Mapping[RunName, float],
    dark: bool = False,
) -> go.Figure:
    """A line a training over its last epochs, and each reported number as a dashed line.

    `found`: of a run, or of several trainings under one name, drawn as their band and median.
    `last_epochs`: number of the last epoch; `reported`: 0 to 1, of those that have one.
    """
    figure = new_figure(
        "Any of these epochs could have been reported",
        _alt(found, last_epochs, reported),
        dark,
        height=320,
        subtitle="Accuracy on the test part, by epoch. Dashed: as it was reported.",
        key=run_key(found),
    )
    for position, (name, draws) in enumerate(found.items()):
        trainings, epochs = draws.values.shape
        x = np.arange(last_epochs[name] - epochs + 1, last_epochs[name] + 1)
        color = run_style(position, dark)[0]
        if trainings > 1:
            add_band(figure, x, 100 * draws.values, color)
        figure.add_scatter(
            x=x,
            y=100 * np.median(draws.values, axis=0),
            name=name.short,
            mode="lines+markers",
            marker={"color": color, "size": 5},
            line={"color": color, "width": 2},
            hovertemplate=f"{name.short} %{{y:.1f}} %<extra></extra>",
        )
    for place, (value, names) in enumerate(sorted(_by_value(reported).items())):
        position = list(found).index(names[0])
        figure.add_hline(
            y=100 * value,
            line={"color": run_style(position, dark)[0], "width": 1.5, "dash": "dash"},
            annotation={
                "text": f"{100 * value:.2f} % reported",
                "font": {"color": palette(dark).text, "size": 13},
                "xanchor": "right",
                # the lowest below its line, so that two that are close can be read
                "yanchor": "bottom" if place or len(reported) == 1 else "top",
            },
            annotation_position="top right",
        )
    figure.update_xaxes(title="Epoch", tickformat="d")
    figure.update_yaxes(title="Accuracy, %")
    figure.update_layout(hovermode="x unified")
    return figure


def _by_value(reported: Mapping[RunName, float]) -> dict[float, list[RunName]]:
    """Runs of one model share a line."""
    found: dict[float, list[RunName]] = {}
    for name, value in reported.items():
        found.setdefault(value, []).append(name)
    return found


def _alt(
    found: Mapping[RunName, Draws],
    last_epochs: Mapping[RunName, int],
    reported: Mapping[RunName, float],
) -> str:
    parts = []
    for name, draws in found.items():
        epochs = draws.values.shape[1]
        first = last_epochs[name] - epochs + 1
        words = f"{name}, epochs {first} to {last_epochs[name]}: {100 * draws.low:.1f} % to "
        words += f"{100 * draws.high:.1f} %, at the end {100 * float(draws.last.mean()):.1f} %"
        if name in reported:
            words += f", reported {100 * reported[name]:.2f} %"
        parts.append(words)
    return f"Test accuracy by epoch: {'; '.join(parts)}."
