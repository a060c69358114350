"""Learning curves of one run, live or ended, or of several runs laid over each other; recall by
epoch.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import (
    new_figure,
    palette,
    pct,
    run_key,
    run_style,
    say_why_empty,
    score_text,
)
from ham.config import CLASSES, LesionClass
from ham.report import RunName

#: What can be drawn: title, axis title, factor, unit written after a value.
CURVES: dict[str, tuple[str, str, float, str]] = {
    "loss": ("loss", "Loss (cross-entropy)", 1, ""),
    "accuracy": ("accuracy", "Accuracy, %", 100, " %"),
    "balanced_accuracy": ("balanced accuracy", "Balanced accuracy, %", 100, " %"),
}


def learning_curves(
    histories: dict[RunName, pd.DataFrame],
    metric: str = "loss",
    best_epochs: dict[RunName, int | None] | None = None,
    epochs: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """One metric by epoch: validation as a full line, training dotted, the chosen epoch as a ring.

    `histories`: name -> the run's history (columns as in `ham.store.HISTORY_COLUMNS`; may be
    empty while the first epoch runs). `metric`: a key of CURVES. `best_epochs`: the epoch each
    run restored; the one of lowest validation loss where unknown. `epochs`: how far the axis
    goes, so that a live curve grows into it.
    """
    word, axis_title, factor, unit = CURVES[metric]
    ended = {name: history for name, history in histories.items() if len(history)}
    best = {
        name: _best_epoch(history, (best_epochs or {}).get(name)) for name, history in ended.items()
    }
    points = {name: _at(history, best[name], metric) * factor for name, history in ended.items()}
    figure = new_figure(
        _title(word, best, points, unit, ended),
        _alt(word, best, points, unit, ended),
        dark,
        height=340,
        subtitle="Line: validation. Dotted: training. Ring: the epoch kept." if ended else "",
        key=run_key(histories),
    )
    for position, (name, history) in enumerate(histories.items()):
        if name in ended:
            _add_run(figure, name, history, metric, factor, unit, position, len(histories), dark)
            _add_best(figure, name, best[name], points[name], unit, position, dark)
    last = max([epochs or 1, *(int(history["epoch"].max()) for history in ended.values())])
    figure.update_xaxes(
        title="Epoch",
        range=[0.5, last + max(0.5, 0.02 * last)],
        tickformat="d",
        nticks=min(last + 1, 12),
    )
    figure.update_yaxes(title=axis_title, rangemode="normal")
    figure.update_layout(hovermode="x unified")
    if ended:
        _add_labels(figure, dark)
    else:
        say_why_empty(figure, "The first epoch is not over yet.", dark)
    return figure


def loss_picture(
    name: RunName, history: pd.DataFrame, best_epoch: int | None, dark: bool = False
) -> str:
    """HTML: the loss of `learning_curves` as a still picture, for a page that need not load what
    draws charts. `history`: one epoch or more.
    """
    best = _best_epoch(history, best_epoch)
    point = _at(history, best, "loss")
    epochs = history["epoch"].to_numpy(float)
    values = history[["validation_loss", "loss"]].to_numpy(float)
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    ticks = _ticks(low, high)
    bottom, top = min(ticks[0], low), max(ticks[-1], high)
    last = max(epochs[-1], 2)

    def across(epoch: float) -> float:
        return (epoch - 1) / (last - 1)

    def down(value: float) -> float:
        return (top - value) / (top - bottom)

    color = run_style(0, dark)[0]
    lines = "".join(
        f'<polyline points="{_points(epochs, column, across, down)}" {style}/>'
        for column, style in zip(
            values.T,
            ('stroke-width="2.5"', 'stroke-width="1.5" stroke-dasharray="2 3" opacity="0.75"'),
            strict=True,
        )
    )
    grid = palette(dark).grid
    ruled = "".join(
        f'<path d="M0 {100 * down(tick):.2f}H100" stroke="{grid}" stroke-width="1"/>'
        for tick in ticks
    )
    # stretched to its place; its lines are not
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="600" height="150" '
        'preserveAspectRatio="none"><style>* {vector-effect: non-scaling-stroke}</style>'
        f'{ruled}<g fill="none" stroke="{color}" stroke-linejoin="round">{lines}</g></svg>'
    )
    source = base64.b64encode(drawn.encode()).decode()
    sides = "".join(f'<span style="top:{pct(down(tick))}">{tick:g}</span>' for tick in ticks)
    points, kept = {name: point}, {name: best}
    title = _title("loss", kept, points, "", {name: history})
    alt = _alt("loss", kept, points, "", {name: history})
    ring = (
        f'<i style="left:{pct(across(best))};top:{pct(down(point))};border-color:{color}"></i>'
        if np.isfinite(point)
        else ""
    )
    return (
        f'<figure class="ham-loss"><figcaption><b>{html.escape(title)}</b><span>Line: validation. '
        "Dotted: training. Ring: the epoch kept.</span></figcaption>"
        f"<div>{sides}<div><img "
        f'src="data:image/svg+xml;base64,{source}" alt="{html.escape(alt)}">{ring}</div></div>'
        f"<p><span>1</span><span>Epoch</span><span>{last:g}</span></p></figure>"
    )


def _points(
    epochs: np.ndarray,
    values: np.ndarray,
    across: Callable[[float], float],
    down: Callable[[float], float],
) -> str:
    """Those that are known, for an SVG's line; one alone is a short one."""
    known = [(x, y) for x, y in zip(epochs, values, strict=True) if np.isfinite(y)]
    places = [f"{100 * across(x):.2f},{100 * down(y):.2f}" for x, y in known]
    if len(known) == 1:
        (x, y) = known[0]
        places.append(f"{100 * across(x) + 1:.2f},{100 * down(y):.2f}")
    return " ".join(places)


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers from one at or below `low` to one at or above `high`."""
    rough = max(high - low, 1e-6) / 3
    unit = 10.0 ** np.floor(np.log10(rough))
    step = unit * next(round_ for round_ in (1, 2, 5, 10) if round_ * unit >= rough)
    first, last = np.floor(low / step), np.ceil(high / step)
    return [float(round(n * step, 10)) for n in np.arange(first, max(last, first + 1) + 1)]


def _add_run(
    figure: go.Figure,
    name: RunName,
    history: pd.DataFrame,
    metric: str,
    factor: float,
    unit: str,
    position: int,
    runs: int,
    dark: bool,
) -> None:
    color = run_style(position, dark)[0]
    digits = ".3f" if not unit else ".1f"
    for part, column, line in (
        ("validation", f"validation_{metric}", {"width": 2.5}),
        ("training", metric, {"width": 1.5, "dash": "dot"}),
    ):
        y = history[column] * factor
        label = f"{name.short} {part}" if runs > 1 else part
        figure.add_scatter(
            x=history["epoch"],
            y=y,
            name=label,
            mode="lines" if len(history) > 1 else "markers",
            line={"color": color, **line},
            marker={"color": color},
            opacity=1 if part == "validation" else 0.75,
            meta=part if runs == 1 else name.short if part == "validation" else None,
            hovertemplate=f"{label} %{{y:{digits}}}{unit}<extra></extra>",
        )


def _add_labels(figure: go.Figure, dark: bool) -> None:
    """Direct labels at the ends of the lines, kept apart; of several runs the full lines only,
    by their letters.
    """
    lines = [trace for trace in figure.data if trace.meta and np.isfinite(trace.y[-1])]
    values = [value for trace in figure.data for value in trace.y if np.isfinite(value)]
    gap, free = (0.07 * (max(values) - min(values)) if values else 0.0), -np.inf
    for trace in sorted(lines, key=lambda trace: trace.y[-1]):
        free = max(trace.y[-1], free + gap)
        figure.add_annotation(
            x=trace.x[-1],
            y=free,
            text=trace.meta,
            showarrow=False,
            xanchor="left",
            xshift=8,
            font={"color": trace.line.color},
        )
    longest = max((len(trace.meta) for trace in lines), default=0)
    figure.update_layout(margin={"r": 14 + 7 * longest})


def _add_best(
    figure: go.Figure, name: RunName, epoch: int, value: float, unit: str, position: int, dark: bool
) -> None:
    color = run_style(position, dark)[0]
    figure.add_scatter(
        x=[epoch],
        y=[value],
        mode="markers",
        hoverinfo="skip",
        name=f"{name} chosen",
        marker={
            "size": 12,
            "symbol": "circle-open",
            "color": color,
            "line": {"width": 2.5, "color": color},
        },
    )


def _best_epoch(history: pd.DataFrame, known: int | None) -> int:
    if known is not None and (history["epoch"] == known).any():
        return int(known)
    losses = history["validation_loss"].to_numpy(float)
    return int(
        history["epoch"].iloc[int(np.nanargmin(losses)) if np.isfinite(losses).any() else -1]
    )


def _at(history: pd.DataFrame, epoch: int, metric: str) -> float:
    return float(history.loc[history["epoch"] == epoch, f"validation_{metric}"].iloc[-1])


def _title(
    word: str,
    best: dict[RunName, int],
    points: dict[RunName, float],
    unit: str,
    histories: dict[RunName, pd.DataFrame],
) -> str:
    if not points:
        return f"How does the {word} change?"
    winner = (min if word == "loss" else max)(points, key=points.__getitem__)
    value = _written(points[winner], unit)
    if len(points) == 1:
        # not always kept
        lowest = word == "loss" and points[winner] <= histories[winner]["validation_loss"].min()
        return (
            f"Validation loss is lowest at epoch {best[winner]}: {value}"
            if lowest
            else f"Validation {word} {value} at epoch {best[winner]}"
        )
    return f"{'Lowest' if word == 'loss' else 'Highest'} validation {word}: {winner.short}, {value}"


def _alt(
    word: str,
    best: dict[RunName, int],
    points: dict[RunName, float],
    unit: str,
    histories: dict[RunName, pd.DataFrame],
) -> str:
    if not points:
        return f"Learning curve of the {word}, still empty."
    return (
        f"Learning curves, {word} by epoch: "
        + "; ".join(
            f"{name}, {_epochs(histories[name])}, validation {word} {_written(points[name], unit)} "
            f"at the chosen epoch {best[name]}"
            for name in points
        )
        + "."
    )


def _epochs(history: pd.DataFrame) -> str:
    return "1 epoch" if len(history) == 1 else f"{len(history)} epochs"


def _written(value: float, unit: str) -> str:
    return f"{value:.1f}{unit}" if unit else f"{value:.3f}"


# ---------------------------------------------------------------------- recall by epoch


def recall_by_epoch(
    history: pd.DataFrame, epochs: int | None = None, dark: bool = False
) -> go.Figure:
    """Recall of every class on validation, by epoch; the malignant classes as thick lines.

    `history`: columns as in `ham.store.HISTORY_COLUMNS`; recalls are 0 to 1, NaN where
    validation has no image of the class. `epochs`: how far the axis goes.
    """
    lines = {
        c: 100 * history[f"recall_{c.code}"]
        for c in CLASSES
        if history[f"recall_{c.code}"].notna().any()
    }
    last = {c: float(y.iloc[-1]) / 100 for c, y in lines.items()}
    figure = new_figure(
        _recall_title(history, last),
        _recall_alt(history, last),
        dark,
        height=340,
        subtitle="Share of a class's validation images predicted correctly. Thick: malignant."
        if lines
        else "",
    )
    # what matters is drawn on top
    for c, y in sorted(lines.items(), key=lambda item: item[0].malignant):
        figure.add_scatter(
            x=history["epoch"],
            y=y,
            name=c.code,
            mode="lines" if len(history) > 1 else "markers",
            line={"color": c.color, "width": 3.5 if c.malignant else 1.5},
            opacity=1 if c.malignant else 0.8,
            marker={"color": c.color, "size": 9 if c.malignant else 6},
            hovertemplate=f"{c.title} %{{y:.0f}} %<extra></extra>",
        )
    end = max(epochs or 1, int(history["epoch"].max()) if len(history) else 1)
    figure.update_xaxes(
        title="Epoch",
        range=[0.5, end + max(0.5, 0.02 * end)],
        tickformat="d",
        nticks=min(end + 1, 12),
    )
    figure.update_yaxes(title="Recall on validation, %", range=[-3, 103])
    figure.update_layout(hovermode="x unified", margin={"r": 72})
    if lines:
        _add_class_labels(figure, int(history["epoch"].iloc[-1]), last, dark)
    else:
        say_why_empty(figure, "The first epoch is not over yet.", dark)
    return figure


def _add_class_labels(
    figure: go.Figure, epoch: int, last: dict[LesionClass, float], dark: bool
) -> None:
    """The code at the end of its line, in the text's colour beside a dot in the class's own;
    kept apart.
    """
    gap, places = 7.0, list[float]()
    upwards = sorted(last, key=last.__getitem__)
    for c in upwards:
        places.append(max(100 * last[c], places[-1] + gap if places else 0.0))
    over = max(0.0, places[-1] - 100)  # pushed together from above where the top is full
    for i in reversed(range(len(places))):
        places[i] = min(places[i], places[i + 1] - gap if i + 1 < len(places) else places[i] - over)
    for c, place in zip(upwards, places, strict=True):
        words = f"<b>{c.code}</b>" if c.malignant else c.code
        figure.add_annotation(
            x=epoch,
            y=place,
            showarrow=False,
            xanchor="left",
            xshift=8,
            text=f'<span style="color:{c.color}">●</span> {words}',
            font={"color": palette(dark).text},
        )


def _recall_title(history: pd.DataFrame, last: dict[LesionClass, float]) -> str:
    if not last:
        return "Which classes does it recognise?"
    high, low = max(last, key=last.__getitem__), min(last, key=last.__getitem__)
    return (
        f"Epoch {history['epoch'].iloc[-1]}: recall is highest for {high.code} "
        f"({score_text(last[high])}), lowest for {low.code} ({score_text(last[low])})"
    )


def _recall_alt(history: pd.DataFrame, last: dict[LesionClass, float]) -> str:
    if not last:
        return "Recall of every class by epoch, still empty."
    return (
        f"Recall on validation by epoch, {_epochs(history)}; in the last one: "
        + ", ".join(f"{c.title} {score_text(value)}" for c, value in last.items())
        + "."
    )
