"""Scores by slice of the test images: a row a slice, as in a forest plot."""

from __future__ import annotations

import plotly.graph_objects as go

from ham.charts.base import new_figure, palette, run_key, run_style, spread_rows, with_note
from ham.evaluation import SCORES, Interval, format_score
from ham.report import LEAST_LESIONS, LEAST_OF_A_SIDE, RunName, SlicedRuns

_FAINT = 0.35  # opacity of what rests on too few lesions
_FEW_LESIONS = f" Faint: under {LEAST_LESIONS} lesions."
_FEW = {
    score: f" Faint: under {LEAST_LESIONS} lesions, or {LEAST_OF_A_SIDE} {sides}."
    for score, sides in (
        ("malignant_sensitivity", "malignant ones"),
        ("malignant_specificity", "benign ones"),
        ("malignant_auc", "malignant or benign ones"),
    )
}


def slice_forest(
    found: SlicedRuns, overall: dict[RunName, Interval], score: str, dark: bool = False
) -> go.Figure:
    """A row a slice, a dot a run with its 95 % interval; a line in each run's colour at its score
    on all test images, `overall`. Slices that are too small for the score are faint.

    `score`: a key of SLICED.
    """
    factor, unit = (100, ", %") if SCORES[score].percent else (1, "")
    colors, n = palette(dark), len(found.slices)
    few = len(found.told(score)) < n
    figure = new_figure(
        f"{SCORES[score].title} by {found.slicing.title.lower()}",
        _alt(found, score),
        dark,
        height=96 + n * (26 + 9 * len(found.runs)),
        subtitle="Bar: 95 % interval. Line: on all test images."
        + (_FEW.get(score, _FEW_LESIONS) if few else ""),
        key=run_key(found.runs),
    )
    for position, (name, of_run) in enumerate(found.runs.items()):
        color = run_style(position, dark)[0]
        at = factor * overall[name].value
        figure.add_shape(
            type="line", x0=at, x1=at, y0=-0.5, y1=n - 0.5, layer="below",
            line={"color": color, "width": 1.5, "dash": "dot"},
        )  # fmt: skip
        rows = spread_rows(n, position, len(found.runs), 0.14)
        values = [one.scores[score] for one in of_run]
        for faint in (False, True):
            chosen = [s for s, one in enumerate(found.slices) if one.small(score) is faint]
            _add_dots(figure, found, name, position, score, factor, chosen, rows, values, dark)
    muted = [
        with_note(
            f'<span style="color:{colors.muted}">{one.name}</span>'
            if one.small(score)
            else one.name,
            f"{one.n_lesions:,} lesions, {one.n_malignant:,} malignant images",
            dark,
        )
        for one in found.slices
    ]
    figure.update_xaxes(title=SCORES[score].title + unit, range=_range(found, score, factor))
    figure.update_yaxes(
        tickvals=list(range(n)),
        ticktext=muted,
        range=[n - 0.5, -0.5],
        showgrid=False,
        tickfont={"color": colors.text},
    )
    return figure


def _add_dots(
    figure: go.Figure,
    found: SlicedRuns,
    name: RunName,
    position: int,
    score: str,
    factor: int,
    chosen: list[int],
    rows: list[float],
    values: list[Interval],
    dark: bool,
) -> None:
    """The run's dots on the chosen slices, faint where these are small."""
    if not chosen:
        return
    color, _, symbol = run_style(position, dark)
    faint = found.slices[chosen[0]].small(score)
    figure.add_scatter(
        x=[factor * values[s].value for s in chosen],
        y=[rows[s] for s in chosen],
        mode="markers",
        name=str(name),
        opacity=_FAINT if faint else 1.0,
        marker={"color": color, "symbol": symbol, "size": 9},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [factor * (values[s].high - values[s].value) for s in chosen],
            "arrayminus": [factor * (values[s].value - values[s].low) for s in chosen],
            "color": color,
            "thickness": 2,
            "width": 0,
        },
        customdata=[
            f"{found.slices[s].name}: {format_score(score, values[s])}<br>"
            f"{found.slices[s].n_images:,} images of {found.slices[s].n_lesions:,} lesions"
            for s in chosen
        ],
        hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
    )


def _range(found: SlicedRuns, score: str, factor: int) -> list[float]:
    """From below the lowest limit, but for those of small slices, up to the best score there is."""
    lows = [
        of_run[s].scores[score].low
        for of_run in found.runs.values()
        for s in found.told(score)
        if of_run[s].scores[score].has_width
    ]
    low = max(0.0, min(lows, default=0.0) - 0.05)
    return [factor * low, factor * 1.02]


def _alt(found: SlicedRuns, score: str) -> str:
    parts = [
        f"{name}: "
        + ", ".join(
            f"{one.name} {format_score(score, of_run[s].scores[score])}"
            for s, one in enumerate(found.slices)
        )
        for name, of_run in found.runs.items()
    ]
    title = f"{SCORES[score].title} by {found.slicing.title.lower()}, with 95 % intervals"
    return f"{title}. {'. '.join(parts)}."
