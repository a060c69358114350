"""Every run as a point: a score against a setting or a size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import new_figure, palette, say_why_empty

_LOG_FROM = 20.0  # times as large as the smallest: on a logarithmic axis


def score_scatter(
    x: pd.Series,
    y: pd.Series,
    names: Mapping[str, str],
    chosen: Sequence[str] = (),
    dark: bool = False,
) -> go.Figure:
    """A point a run; those chosen are filled.

    `x`, `y`: numbers by the run's id, named as the axes; runs that lack one have no point.
    `names`: what a run is called.
    """
    both = pd.DataFrame({"x": x, "y": y}).dropna()
    colors = palette(dark)
    alt = f"{y.name} against {x.name}, {len(both)} runs. " + "; ".join(
        f"{names[run]}: {x_} and {y_:.3g}"
        for run, x_, y_ in zip(both.index[:20], both.x[:20], both.y[:20], strict=True)
    )
    figure = new_figure(f"{y.name} against {str(x.name)[:1].lower()}{str(x.name)[1:]}", alt, dark)
    if both.empty:
        say_why_empty(figure, "No run has both numbers", dark)
        return figure
    filled = both.index.isin(list(chosen))
    figure.add_scatter(
        x=both.x,
        y=both.y,
        mode="markers",
        marker={
            "size": 11,
            "color": [colors.accent if on else colors.ground for on in filled],
            "line": {"color": colors.accent, "width": 2},
        },
        customdata=[[run, names[run]] for run in both.index],
        hovertemplate=f"%{{customdata[1]}}<br>{x.name} %{{x:,}}<br>{y.name} %{{y:.3g}}"
        "<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    wide = both.x.min() > 0 and both.x.max() > _LOG_FROM * both.x.min()
    figure.update_xaxes(title=str(x.name), type="log" if wide else "linear")
    figure.update_yaxes(title=str(y.name))
    figure.update_layout(clickmode="event+select")
    return figure
