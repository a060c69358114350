"""Learning curves of one run, live or ended, or of several runs laid over each other; recall by
epoch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import new_figure, palette, run_key, run_style, say_why_empty, score_text
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
