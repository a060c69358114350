"""Runs side by side: headline scores, differences, confusion matrices, scores by class."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import (
    CLASS_TITLES,
    add_intervals,
    area_text,
    blend,
    class_rows,
    ink_on,
    new_figure,
    palette,
    run_key,
    run_style,
    score_text,
    spread_rows,
)
from ham.charts.matrix import FIRST_BENIGN, MATRIX_BY, main_confusion, shades, written
from ham.config import CLASSES, CODES, N_CLASSES
from ham.evaluation import SCORES, Interval, format_difference, format_score
from ham.report import CLASS_SCORES, RunName

HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc")
#: How the baselines are drawn, in their order: word for the note, dash.
_BASELINES = (("Dotted", "dot"), ("Dashed", "dash"))


def headline_scores(
    scores: dict[RunName, dict[str, Interval]],
    baselines: dict[str, dict[str, Interval]] | None = None,
    keys: tuple[str, ...] = HEADLINE,
    dark: bool = False,
) -> go.Figure:
    """A row a score, a dot a run with its 95 % interval; the baselines as bars across the rows.

    `scores`, `baselines`: name of the run or baseline -> its scores by key, 0 to 1.
    """
    first, colors, baselines = keys[0], palette(dark), baselines or {}
    best = SCORES[first].best({name: found[first].value for name, found in scores.items()})
    alone = sum(found[first].value == scores[best][first].value for found in scores.values()) == 1
    title = (
        f"{SCORES[first].title} is {SCORES[first].superlative} for {best.short}: "
        f"{format_score(first, scores[best][first])}"
        if alone and len(scores) > 1
        else f"{SCORES[first].title} {format_score(first, scores[best][first])}"
    )
    alt = "Scores with 95 % intervals. " + " ".join(
        f"{name}: "
        + ", ".join(f"{SCORES[key].title} {format_score(key, found[key])}" for key in keys)
        + "."
        for name, found in [*scores.items(), *baselines.items()]
    )
    figure = new_figure(
        title,
        alt,
        dark,
        height=110 + len(keys) * (24 + 15 * len(scores)),
        key=run_key(scores),
        subtitle=" ".join(
            f"{word}: {name[0].lower()}{name[1:]}."
            for (word, _), name in zip(_BASELINES, baselines, strict=False)
        ),
    )
    for position, (name, found) in enumerate(scores.items()):
        add_intervals(
            figure,
            name,
            [found[key] for key in keys],
            [format_score(key, found[key]) for key in keys],
            spread_rows(len(keys), position, len(scores)),
            position,
            1,
            dark,
        )
    for (_, dash), (baseline, found) in zip(_BASELINES, baselines.items(), strict=False):
        for row, key in enumerate(keys):
            figure.add_shape(
                type="line",
                x0=found[key].value,
                x1=found[key].value,
                y0=row - 0.42,
                y1=row + 0.42,
                line={"color": colors.line, "width": 2, "dash": dash},
                layer="below",
            )
        figure.add_scatter(
            x=[found[key].value for key in keys],
            y=list(range(len(keys))),
            mode="markers",
            name=baseline,
            showlegend=False,
            marker={"size": 16, "opacity": 0},
            customdata=[f"{SCORES[key].title} {format_score(key, found[key])}" for key in keys],
            hovertemplate=f"{baseline}<br>%{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(
        title="Score, 0 to 1, with 95 % interval", range=[0, 1.01], tickformat=".1f"
    )
    figure.update_yaxes(
        tickvals=list(range(len(keys))),
        ticktext=[SCORES[key].title for key in keys],
        showgrid=False,
        range=[len(keys) - 0.45, -0.55],
        tickfont={"color": colors.text},
    )
    return figure


def score_differences(
    differences: dict[RunName, dict[str, Interval]],
    baseline: RunName,
    keys: tuple[str, ...] = HEADLINE,
    dark: bool = False,
) -> go.Figure:
    """How far each run is above or below the baseline on the same images, with paired 95 %
    intervals.

    `differences`: name -> run minus baseline by key. Runs keep the colours they have where the
    baseline is drawn as the first.
    """
    first, colors = keys[0], palette(dark)
    sure = [
        (name, key)
        for name, found in differences.items()
        for key in keys
        if found[key].low > 0 or found[key].high < 0
    ]
    if not sure:
        title = f"No difference to {baseline.short} is beyond chance"
    else:
        name, key = max(
            sure, key=lambda pair: (pair[1] == first, abs(differences[pair[0]][pair[1]].value))
        )
        title = (
            f"{SCORES[key].title}, {name.short} against {baseline.short}: "
            f"{format_difference(key, differences[name][key])}"
        )
    alt = f"Differences to {baseline} with 95 % intervals. " + " ".join(
        f"{name}: "
        + ", ".join(f"{SCORES[key].title} {format_difference(key, found[key])}" for key in keys)
        + "."
        for name, found in differences.items()
    )
    places = {str(name): order + 1 for order, name in enumerate(differences)}
    figure = new_figure(
        title,
        alt,
        dark,
        height=110 + len(keys) * (24 + 15 * len(differences)),
        key=places if len(places) > 1 else {},
    )
    for order, (name, found) in enumerate(differences.items()):
        add_intervals(
            figure,
            name,
            [found[key] for key in keys],
            [format_difference(key, found[key]) for key in keys],
            spread_rows(len(keys), order, len(differences)),
            order + 1,
            100,
            dark,
        )
    figure.add_vline(x=0, line={"color": colors.line, "width": 1.5}, layer="below")
    reach = max(
        [
            1.0,
            *(
                100 * abs(x)
                for found in differences.values()
                for key in keys
                for x in (found[key].value, found[key].low, found[key].high)
                if np.isfinite(x)
            ),
        ]
    )
    figure.update_xaxes(
        title=f"Difference to {baseline.short} in points of 100",
        range=[-1.08 * reach, 1.08 * reach],
    )
    figure.update_yaxes(
        tickvals=list(range(len(keys))),
        ticktext=[SCORES[key].title for key in keys],
        showgrid=False,
        range=[len(keys) - 0.45, -0.55],
        tickfont={"color": colors.text},
    )
    return figure


def confusion_matrices(
    confusions: dict[RunName, np.ndarray], by: str = "count", dark: bool = False
) -> list[go.Figure]:
    """One matrix a run, all on one colour scale; `by`: a key of MATRIX_BY.

    `confusions`: name -> int (7, 7), rows true, columns predicted. Shares run from 0 to 100 %;
    counts up to the largest of all runs, the colour following their square root, so that rare
    classes show at all.
    """
    largest = max(int(np.max(matrix)) for matrix in confusions.values()) if by == "count" else 0
    return [
        _confusion_matrix(name, np.asarray(matrix), by, largest, dark)
        for name, matrix in confusions.items()
    ]


def _confusion_matrix(
    name: RunName, counts: np.ndarray, by: str, largest: int, dark: bool
) -> go.Figure:
    colors = palette(dark)
    shade, texts = shades(counts, by, largest), written(counts, by)
    figure = new_figure(
        str(name),
        _matrix_alt(name, counts),
        dark,
        height=470,
        subtitle=main_confusion(counts),
        narrow=True,
    )
    true_total, predicted_total = counts.sum(axis=1), counts.sum(axis=0)
    hover = [
        [
            f"{true.title}<br>predicted as {predicted.title}<br>"
            f"{counts[i, j]:,} of {true_total[i]:,} true<br>"
            f"{counts[i, j]:,} of {predicted_total[j]:,} predicted"
            for j, predicted in enumerate(CLASSES)
        ]
        for i, true in enumerate(CLASSES)
    ]
    figure.add_heatmap(
        z=shade,
        text=counts,  # not shown: its table
        x=list(range(N_CLASSES)),
        y=list(range(N_CLASSES)),
        zmin=0,
        zmax=1,
        showscale=False,
        colorscale=[list(stop) for stop in colors.sequential],
        xgap=1,
        ygap=1,
        customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
    )
    inks = [[ink_on(blend(colors.sequential, share)) for share in row] for row in shade]
    line = {"type": "line", "line": {"color": colors.line, "width": 1.5}}
    end, border = N_CLASSES - 0.5, FIRST_BENIGN - 0.5
    figure.update_layout(  # all at once: one by one takes half a second
        annotations=[
            {
                "x": j,
                "y": i,
                "text": texts[i][j],
                "showarrow": False,
                "font": {"size": 13, "weight": 700 if i == j else 400, "color": inks[i][j]},
            }
            for i in range(N_CLASSES)
            for j in range(N_CLASSES)
            if texts[i][j]
        ],
        shapes=[
            {**line, "x0": -0.5, "x1": end, "y0": border, "y1": border},
            {**line, "y0": -0.5, "y1": end, "x0": border, "x1": border},
        ],
    )
    unit = "" if by == "count" else f" (cells: {MATRIX_BY[by]})"
    figure.update_xaxes(
        title=f"Predicted class{unit}",
        tickvals=list(range(N_CLASSES)),
        ticktext=list(CODES),
        showgrid=False,
        range=[-0.5, N_CLASSES - 0.5],
        tickangle=0,
        tickfont={"size": 12, "color": colors.text},
    )
    figure.update_yaxes(
        title="True class",
        tickvals=list(range(N_CLASSES)),
        showgrid=False,
        ticktext=["<br>".join(textwrap.wrap(title, 15)) for title in CLASS_TITLES],
        range=[N_CLASSES - 0.5, -0.5],
        tickfont={"size": 12, "color": colors.text},
    )
    return figure


def per_class_scores(
    per_class: dict[RunName, pd.DataFrame], score: str = "recall", dark: bool = False
) -> go.Figure:
    """A row a class, a dot a run. `per_class`: name -> `Evaluation.per_class`; `score`: a key of
    `report.CLASS_SCORES`.
    """
    word, factor = CLASS_SCORES[score]
    unit = ", %" if factor == 100 else ", one class against the rest"
    written = score_text if factor == 100 else area_text
    colors = palette(dark)
    values = pd.DataFrame({name: table[score] for name, table in per_class.items()}).reindex(CODES)
    support = next(iter(per_class.values()))["support"].reindex(CODES)
    figure = new_figure(
        _class_title(word, values, written),
        _class_alt(word, values, written),
        dark,
        height=120 + N_CLASSES * (24 + 8 * len(per_class)),
        key=run_key(per_class),
    )
    spread = values.dropna(how="all")
    for code, row in spread.iterrows():
        if len(per_class) > 1:
            y = CODES.index(code)
            figure.add_shape(
                type="line",
                x0=factor * row.min(),
                x1=factor * row.max(),
                y0=y,
                y1=y,
                layer="below",
                line={"color": colors.line, "width": 1.5},
            )
    for position, name in enumerate(per_class):
        color, _, symbol = run_style(position, dark)
        found = values[name]
        figure.add_scatter(
            x=factor * found,
            y=spread_rows(N_CLASSES, position, len(per_class), 0.1),
            name=str(name),
            mode="markers+text" if len(per_class) == 1 else "markers",
            marker={
                "color": color,
                "symbol": symbol,
                "size": 12,
                "line": {"color": colors.ground, "width": 1},
            },
            text=[written(v) for v in found],
            textposition="middle right",
            textfont={"color": colors.text},
            cliponaxis=False,
            customdata=[
                f"{title}<br>{word} {written(v)}<br>{n:,} test images"
                for title, v, n in zip(CLASS_TITLES, found, support, strict=True)
            ],
            hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(
        title=f"{word} on the test images{unit}",
        dtick=0.2 * factor,
        range=[-0.05 * factor, 1.05 * factor],
    )
    class_rows(figure, [f"{n:,} images" for n in support], dark)
    return figure


def _matrix_alt(name: RunName, counts: np.ndarray) -> str:
    right = "; ".join(
        f"{c.title} {counts[i, i]:,} of {counts[i].sum():,}" for i, c in enumerate(CLASSES)
    )
    return f"Confusion matrix of {name}. Correct: {right}. {main_confusion(counts).rstrip('.')}."


def _class_title(word: str, values: pd.DataFrame, written: Callable[[float], str]) -> str:
    if values.shape[1] == 1:
        found = values.iloc[:, 0].dropna()
        return (
            f"{word} by class"
            if found.empty
            else f"{word} is highest for {found.idxmax()} ({written(found.max())}), lowest for "
            f"{found.idxmin()} ({written(found.min())})"
        )
    spread = (values.max(axis=1) - values.min(axis=1)).dropna()
    if spread.empty or not spread.max():
        return f"{word} is the same for every class"
    code = spread.idxmax()
    low, high = values.loc[code].idxmin(), values.loc[code].idxmax()
    return (
        f"{word} differs most for {code}: {low.short} {written(values.loc[code, low])}, "
        f"{high.short} {written(values.loc[code, high])}"
    )


def _class_alt(word: str, values: pd.DataFrame, written: Callable[[float], str]) -> str:
    return f"{word} by class. " + " ".join(
        f"{name}: "
        + ", ".join(f"{c.title} {written(values.loc[c.code, name])}" for c in CLASSES)
        + "."
        for name in values.columns
    )
