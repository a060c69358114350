"""A sweep: the best so far, trials in parallel coordinates and against each setting, importance,
the curves of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from ham.charts.base import blend, new_figure, palette, say_why_empty

Value = int | float | str
_MOST_LINES = 150  # in parallel coordinates: the best ones


@dataclass(frozen=True)
class SweepPoint:
    """A trial."""

    number: int
    state: str  # waiting, running, complete, pruned, failed
    values: tuple[Value, ...]  # a setting each
    score: float | None  # of one that is complete
    curve: dict[int, float] = field(default_factory=dict)  # epoch -> score


@dataclass(frozen=True)
class SweepAxis:
    """A setting that is varied."""

    label: str
    log: bool = False
    choices: tuple[Value, ...] = ()  # of a list, in their order; () of a range


@dataclass(frozen=True)
class SweepScore:
    """What decides."""

    title: str  # "Validation accuracy"
    maximize: bool
    share: bool = True  # written in per cent

    def written(self, value: float) -> str:
        return f"{100 * value:.1f} %" if self.share else f"{value:.3f}"

    def shown(self, value: float) -> float:
        """On an axis."""
        return 100 * value if self.share else value

    @property
    def axis(self) -> str:
        return f"{self.title}, %" if self.share else self.title

    def best(self, points: Sequence[SweepPoint]) -> SweepPoint | None:
        """The complete one of the best score, the first of several."""
        done = [point for point in points if point.score is not None]
        sign = -1 if self.maximize else 1
        return min(done, key=lambda point: sign * (point.score or 0.0), default=None)


# ---------------------------------------------------------------------------- best so far


def best_so_far(
    points: Sequence[SweepPoint], score: SweepScore, trials: int, dark: bool = False
) -> go.Figure:
    """Every complete trial as a dot, the best until then as a line, pruned ones as crosses at the
    best they had. `trials`: how far the axis goes.
    """
    colors, best = palette(dark), score.best(points)
    done = [point for point in points if point.score is not None]
    pruned = [(p, _best_of(p, score)) for p in points if p.state == "pruned" and p.curve]
    title = "Which trial is the best?"
    alt = "Best score so far over the trials, still empty."
    if best is not None and best.score is not None:
        title = f"Best so far: trial {best.number}, {score.written(best.score)}"
        alt = (
            f"{score.title} by trial: {len(done)} complete, {len(pruned)} pruned; the best is "
            f"trial {best.number} with {score.written(best.score)}, the first had "
            f"{score.written(done[0].score or 0.0)}."
        )
    figure = new_figure(
        title,
        alt,
        dark,
        height=300,
        subtitle="Dots: complete. Crosses: pruned. Line: the best until then." if done else "",
    )
    if pruned:
        figure.add_scatter(
            x=[point.number for point, _ in pruned],
            y=[score.shown(value) for _, value in pruned],
            mode="markers",
            marker={"symbol": "x-thin", "size": 8, "line": {"color": colors.line, "width": 1.5}},
            customdata=[score.written(value) for _, value in pruned],
            hovertemplate="Trial %{x}, pruned: %{customdata}<extra></extra>",
        )
    if done:
        better = max if score.maximize else min
        steps: list[float] = []
        for point in done:
            value = score.shown(point.score or 0.0)
            steps.append(value if not steps else better(steps[-1], value))
        figure.add_scatter(
            x=[*(point.number for point in done), max(done[-1].number, len(points) - 1)],
            y=[*steps, steps[-1]],
            mode="lines",
            line={"color": colors.accent, "width": 2.5, "shape": "hv"},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[point.number for point in done],
            y=[score.shown(point.score or 0.0) for point in done],
            mode="markers",
            marker={"color": colors.accent, "size": 8, "opacity": 0.75},
            customdata=[score.written(point.score or 0.0) for point in done],
            hovertemplate="Trial %{x}: %{customdata}<extra></extra>",
        )
    else:
        say_why_empty(figure, "The first trial is not over yet.", dark)
    figure.update_xaxes(
        title="Trial", range=[-0.5, max(trials, 2) - 0.5], tickformat="d", nticks=12
    )
    figure.update_yaxes(title=score.axis)
    return figure


def _best_of(point: SweepPoint, score: SweepScore) -> float:
    """Of its epochs."""
    return (max if score.maximize else min)(point.curve.values())


# ------------------------------------------------------------------- parallel coordinates


def parallel_coordinates(
    points: Sequence[SweepPoint],
    axes: Sequence[SweepAxis],
    score: SweepScore,
    dark: bool = False,
) -> go.Figure:
    """A line a complete trial through its settings to its score: the better, the stronger.

    An axis goes from its lowest to its highest value among the trials, the score's best at the
    top.
    """
    done = [point for point in points if point.score is not None]
    sign = -1 if score.maximize else 1
    shown = sorted(done, key=lambda point: sign * (point.score or 0.0))[:_MOST_LINES]
    best = score.best(points)
    title = "Which settings do good trials share?"
    alt = "Parallel coordinates of the trials, still empty."
    if best is not None and best.score is not None:
        words = ", ".join(
            f"{axis.label.lower()} = {_written(value)}"
            for axis, value in zip(axes, best.values, strict=True)
        )
        title = f"Best trial: {words}"
        alt = (
            f"Parallel coordinates of {len(shown)} complete trials over "
            f"{', '.join(axis.label.lower() for axis in axes)} and {score.title.lower()}. The best "
            f"is trial {best.number}: {words}, {score.written(best.score)}."
        )
    left_out = f" The best {_MOST_LINES} of {len(done)}." if len(done) > len(shown) else ""
    figure = new_figure(
        title,
        alt,
        dark,
        height=340,
        subtitle=f"A line a complete trial; strong: a good score.{left_out}" if shown else "",
    )
    if not shown:
        say_why_empty(figure, "No trial is complete yet.", dark)
        return figure
    places = [_places([p.values[i] for p in shown], axis) for i, axis in enumerate(axes)]
    scores = _scaled([score.shown(point.score or 0.0) for point in shown], score.maximize)
    for row in reversed(range(len(shown))):  # the best on top
        _add_line(figure, shown[row], axes, score, [p[row] for p in places] + [scores[row]], dark)
    _axis_marks(figure, shown, axes, score, dark)
    return figure


def _add_line(
    figure: go.Figure,
    point: SweepPoint,
    axes: Sequence[SweepAxis],
    score: SweepScore,
    places: list[float],
    dark: bool,
) -> None:
    colors = palette(dark)
    words = "<br>".join(
        f"{axis.label}: {_written(value)}" for axis, value in zip(axes, point.values, strict=True)
    )
    ground = ((0.0, blend(((0.0, colors.ground), (1.0, colors.line)), 0.45)), (1.0, colors.accent))
    figure.add_scatter(
        x=list(range(len(places))),
        y=places,
        mode="lines",
        line={
            "color": blend(ground, places[-1]),
            "width": 1.2 + 1.8 * places[-1],
            "shape": "spline",
            "smoothing": 0.6,
        },
        hovertemplate=f"Trial {point.number}: {score.written(point.score or 0.0)}<br>{words}"
        "<extra></extra>",
    )


def _axis_marks(
    figure: go.Figure,
    shown: Sequence[SweepPoint],
    axes: Sequence[SweepAxis],
    score: SweepScore,
    dark: bool,
) -> None:
    """The axes as lines with their names below, and their values where they stand."""
    colors = palette(dark)
    ends: list[dict[float, str]] = []
    for i, axis in enumerate(axes):
        values = [point.values[i] for point in shown]
        places = _places(values, axis)
        marks = dict(zip(places, map(_written, values), strict=True))
        if not axis.choices:
            marks = {place: marks[place] for place in {min(marks), max(marks)}}
        ends.append(marks)
    scores = [point.score or 0.0 for point in shown]
    places = _scaled([score.shown(value) for value in scores], score.maximize)
    marks = dict(zip(places, map(score.written, scores), strict=True))
    ends.append({place: marks[place] for place in {min(marks), max(marks)}})
    for x, marks in enumerate(ends):
        figure.add_shape(
            type="line", x0=x, x1=x, y0=0, y1=1, line={"color": colors.line, "width": 1}
        )
        last = x == len(ends) - 1
        for place, words in marks.items():
            figure.add_annotation(
                x=x,
                y=place,
                text=words,
                showarrow=False,
                xanchor="right" if last else "left",
                xshift=-6 if last else 6,
                bgcolor=colors.ground,
                opacity=0.9,
                borderpad=1,
                font={"color": colors.text, "size": 12},
            )
    names = [*(axis.label for axis in axes), score.title]
    for x, name in enumerate(names):  # not as ticks: Plotly leaves out those at the ends
        figure.add_annotation(
            x=x,
            y=0,
            yshift=-12,
            text="<br>".join(_two_lines(name)),
            showarrow=False,
            xanchor="left" if x == 0 else "right" if x == len(names) - 1 else "center",
            align="left" if x == 0 else "right" if x == len(names) - 1 else "center",
            yanchor="top",
            font={"color": colors.text, "size": 13},
        )
    figure.update_xaxes(visible=False, range=[-0.05, len(names) - 0.95])
    figure.update_yaxes(visible=False, range=[-0.22, 1.06])
    figure.update_layout(hovermode="closest")


def _two_lines(name: str) -> list[str]:
    """At the space nearest to its middle."""
    spaces = [place for place, letter in enumerate(name) if letter == " "]
    if not spaces or len(name) < 12:
        return [name]
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return [name[:middle], name[middle + 1 :]]


def _places(values: Sequence[Value], axis: SweepAxis) -> list[float]:
    """0 to 1 on an axis."""
    if axis.choices:
        last = max(1, len(axis.choices) - 1)
        return [axis.choices.index(value) / last for value in values]
    numbers = [float(value) for value in values]
    return _scaled([math.log10(n) for n in numbers] if axis.log else numbers)


def _scaled(numbers: Sequence[float], upwards: bool = True) -> list[float]:
    """The lowest 0 and the highest 1, or the other way; all of one value in the middle."""
    low, high = min(numbers), max(numbers)
    if high == low:
        return [0.5] * len(numbers)
    places = [(number - low) / (high - low) for number in numbers]
    return places if upwards else [1 - place for place in places]


# --------------------------------------------------------------------- against one setting


def score_by_setting(
    points: Sequence[SweepPoint],
    place: int,
    axis: SweepAxis,
    score: SweepScore,
    dark: bool = False,
) -> go.Figure:
    """Every complete trial's score against its value of one setting, the best as a ring.

    `place`: the setting's among the values of a point.
    """
    done = [point for point in points if point.score is not None]
    colors, best = palette(dark), score.best(points)
    title, alt = axis.label, f"{score.title} against the {axis.label.lower()}, still empty."
    if best is not None and best.score is not None:
        title = f"{axis.label}: best at {_written(best.values[place])}"
        alt = (
            f"{score.title} of {len(done)} trials against the {axis.label.lower()}; the best has "
            f"{_written(best.values[place])} and {score.written(best.score)}."
        )
    figure = new_figure(title, alt, dark, height=240, narrow=True)
    if not done:
        say_why_empty(figure, "No trial is complete yet.", dark)
        return figure
    x = [_written(p.values[place]) if axis.choices else p.values[place] for p in done]
    figure.add_scatter(
        x=x,
        y=[score.shown(point.score or 0.0) for point in done],
        mode="markers",
        marker={"color": colors.accent, "size": 8, "opacity": 0.7},
        customdata=[[p.number, score.written(p.score or 0.0)] for p in done],
        hovertemplate=f"Trial %{{customdata[0]}}: %{{customdata[1]}}<br>{axis.label} %{{x}}"
        "<extra></extra>",
    )
    if best is not None and best.score is not None:
        figure.add_scatter(
            x=[_written(best.values[place]) if axis.choices else best.values[place]],
            y=[score.shown(best.score)],
            mode="markers",
            hoverinfo="skip",
            marker={
                "size": 15,
                "symbol": "circle-open",
                "line": {"width": 2, "color": colors.text},
                "color": colors.text,
            },
        )
    if axis.choices:
        figure.update_xaxes(
            type="category",
            categoryorder="array",
            categoryarray=[_written(choice) for choice in axis.choices],
            range=[-0.5, len(axis.choices) - 0.5],
        )
    elif axis.log:
        figure.update_xaxes(type="log", dtick=1, tickformat=".0e", exponentformat="e")
    figure.update_xaxes(title=axis.label)
    figure.update_yaxes(title=score.axis)
    return figure


# ----------------------------------------------------------------------------- importance


def setting_importance(shares: dict[str, float], dark: bool = False) -> go.Figure:
    """How much of the scores' variance each setting explains. `shares`: label -> 0 to 1, the
    largest first; empty where that cannot be told yet.
    """
    colors = palette(dark)
    title = "Which setting matters?"
    alt = "Importance of the settings, still empty."
    if shares:
        first = next(iter(shares))
        title = f"{first} explains {_per_cent(shares[first])} of the scores' variance"
        alt = "Share of the scores' variance that a setting explains: " + ", ".join(
            f"{name} {_per_cent(share)}" for name, share in shares.items()
        )
        alt += "."
    figure = new_figure(
        title,
        alt,
        dark,
        height=110 + 34 * max(2, len(shares)),
        subtitle="fANOVA over the complete trials; with few of them it is rough." if shares else "",
    )
    if not shares:
        say_why_empty(figure, "It is told from four complete trials of different scores on.", dark)
        return figure
    names, values = list(shares), [100 * share for share in shares.values()]
    figure.add_bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": colors.accent},
        text=[_per_cent(share) for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.0f} %<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", tickfont={"color": colors.text}, showgrid=False)
    figure.update_xaxes(title="Share of the variance, %", range=[0, max(values) * 1.15])
    return figure


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


# ---------------------------------------------------------------------------------- curves


def trial_curves(points: Sequence[SweepPoint], score: SweepScore, dark: bool = False) -> go.Figure:
    """The score by epoch of every trial, the best as the strong line, pruned ones dotted, those
    that train with a dot at their end.
    """
    drawn = [point for point in points if point.curve]
    colors, best = palette(dark), score.best(points)
    title, alt = "How do the trials learn?", "Learning curves of the trials, still empty."
    if drawn:
        live = sum(point.state == "running" for point in drawn)
        alt = f"{score.title} by epoch of {len(drawn)} trials, {live} of them training" + (
            f"; the best is trial {best.number}." if best is not None else "."
        )
    if best is not None and best.score is not None:
        title = f"Trial {best.number} keeps {score.written(best.score)}"
    figure = new_figure(
        title,
        alt,
        dark,
        height=340,
        subtitle="A line a trial, the mean over its seeds. Strong: the best. Dotted: pruned."
        if drawn
        else "",
    )
    if not drawn:
        say_why_empty(figure, "The first epoch is not over yet.", dark)
        return figure
    for point in sorted(drawn, key=lambda point: point is best):
        strong = point is best
        epochs, values = list(point.curve), [score.shown(value) for value in point.curve.values()]
        figure.add_scatter(
            x=epochs,
            y=values,
            mode="lines" if len(epochs) > 1 else "markers",
            line={
                "color": colors.accent if strong else colors.line,
                "width": 3 if strong else 1.2,
                "dash": "dot" if point.state == "pruned" else "solid",
            },
            marker={"color": colors.accent if strong else colors.line, "size": 6},
            opacity=1 if strong else 0.6,
            customdata=[score.written(value) for value in point.curve.values()],
            hovertemplate=f"Trial {point.number}, epoch %{{x}}: %{{customdata}}<extra></extra>",
        )
        if point.state == "running":
            figure.add_scatter(
                x=epochs[-1:],
                y=values[-1:],
                mode="markers",
                hoverinfo="skip",
                marker={"color": colors.text, "size": 7},
            )
    last = max(max(point.curve) for point in drawn)
    figure.update_xaxes(
        title="Epoch", range=[0.5, last + 0.5], tickformat="d", nticks=min(last + 1, 12)
    )
    figure.update_yaxes(title=score.axis)
    return figure


def _written(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
