"""What an answer rests on, drawn over the photograph; and how an answer moves along a slider."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from ham.charts.base import (
    CLASS_TITLES,
    new_figure,
    palette,
    run_key,
    run_style,
    with_note,
)
from ham.config import CLASSES, CODES
from ham.images import data_url
from ham.report import RunName

_PICTURE_SIDE = 300  # pixels that a photograph under a map has
_FADED = 0.45  # of the photograph's grey goes to the ground: the map stands out
_OPAQUE = 0.85
_LEAST_RANGE = 0.01  # of a probability: less is not blown up to full colour
PANELS = ("This run", "Random weights")


def map_pair(
    picture: np.ndarray,
    maps: Sequence[np.ndarray],
    falls: Sequence[float],
    of: str,
    relative: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Two maps over one photograph in grey: of the run, and of its architecture with random
    weights.

    `picture`: uint8 (h, w, 3). `maps`: the two, float (28, 28), by how much hiding a place lowers
    the probability, -1 to 1; or `relative`, 0 to 1 without a unit (Grad-CAM). `falls`: how far the
    run's probability falls, -1 to 1, when the brightest tenth of the first map, of the second,
    and a random tenth are hidden; NaN of a blank map. `of`: whose probability ("Melanoma (mel)").
    Each map has its own scale.
    """
    colors = palette(dark)
    against, ground, speaks_for = (color for _, color in colors.diverging)
    figure = new_figure(
        _finding(of, falls[0]),
        _alt_of_maps(of, maps, falls, relative),
        dark,
        height=300,
        narrow=True,
        subtitle=_note(falls[2], relative),
    )
    scale = [[0.0, _clear(ground, 0)], [1.0, _clear(speaks_for, _OPAQUE)]]
    if not relative:
        scale = [
            [0.0, _clear(against, _OPAQUE)],
            [0.5, _clear(ground, 0)],
            [1.0, _clear(speaks_for, _OPAQUE)],
        ]
    source = _faded(picture, colors.ground)
    for i, (values, fall) in enumerate(zip(maps, falls, strict=False)):
        axis = str(i + 1) if i else ""
        top = 1.0 if relative else max(float(np.abs(values).max()), _LEAST_RANGE)
        n = len(values)
        _add_picture(figure, source, n, f"x{axis}", f"y{axis}")
        figure.add_heatmap(
            z=np.round(values if relative else 100 * values, 2),
            x0=0.5,
            y0=0.5,
            dx=1,
            dy=1,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            zmin=0 if relative else -100 * top,
            zmax=1 if relative else 100 * top,
            zsmooth="best",
            colorscale=scale,
            showscale=False,
            hovertemplate=f"{PANELS[i]}<br>"
            + ("%{z:.2f} of the strongest" if relative else "%{z:+.1f} points when it is there")
            + "<extra></extra>",
        )
        figure.update_layout(
            {
                f"xaxis{axis}": _bare(n)
                | {
                    "domain": [0.52 * i, 0.52 * i + 0.48],
                    "constrain": "domain",
                    "anchor": f"y{axis}",
                    "title": {
                        "text": with_note(PANELS[i], _points(fall), dark),
                        "font": {"color": colors.text},
                        "standoff": 4,
                    },
                },
                f"yaxis{axis}": _bare(n)
                | {
                    "range": [n, 0],
                    "anchor": f"x{axis}",
                    "scaleanchor": f"x{axis}",
                    "scaleratio": picture.shape[0] / picture.shape[1],
                    "constrain": "domain",
                    "constraintoward": "top",
                },
            }
        )
    return figure


def row_bars(
    picture: np.ndarray,
    rows: Sequence[np.ndarray],
    falls: Sequence[float],
    of: str,
    dark: bool = False,
) -> go.Figure:
    """How much hiding each row lowers the probability, a bar a row beside the photograph; a dot
    a row for random weights.

    `rows`: of the run and of random weights, float (28,), -1 to 1; the rest as `map_pair`.
    """
    colors = palette(dark)
    against, _, speaks_for = (color for _, color in colors.diverging)
    trained, untrained = (100 * np.asarray(values, float) for values in rows)
    n = len(trained)
    figure = new_figure(
        _finding(of, falls[0], "its three strongest rows"),
        f"{of}. Rows from the top: hiding row {int(trained.argmax()) + 1} of {n} lowers the "
        f"probability most, by {trained.max():.1f} points; with random weights row "
        f"{int(untrained.argmax()) + 1}, by {untrained.max():.1f} points.",
        dark,
        height=330,
        narrow=True,
        subtitle=f"Three random rows: {_points(falls[2])}. Bars: this run. Dots: random weights.",
    )
    _add_picture(figure, data_url(np.asarray(_small(picture)), "JPEG"), n, "x", "y")
    figure.add_scatter(x=[0], y=[n / 2], mode="markers", marker={"opacity": 0}, hoverinfo="skip")
    middle = np.arange(n) + 0.5
    figure.add_bar(
        x=np.round(trained, 2),
        y=middle,
        orientation="h",
        xaxis="x2",
        marker={"color": [speaks_for if v >= 0 else against for v in trained]},
        customdata=np.arange(1, n + 1),
        hovertemplate="Row %{customdata}<br>%{x:+.1f} points<extra>This run</extra>",
    )
    figure.add_scatter(
        x=np.round(untrained, 2),
        y=middle,
        mode="markers",
        xaxis="x2",
        marker={"color": colors.line, "size": 4},
        customdata=np.arange(1, n + 1),
        hovertemplate="Row %{customdata}<br>%{x:+.1f} points<extra>Random weights</extra>",
    )
    top = 1.1 * max(float(np.abs([trained, untrained]).max()), 100 * _LEAST_RANGE)
    low = min(0.0, 1.1 * float(np.min([trained, untrained])))
    figure.update_layout(
        bargap=0.1,
        xaxis=_bare(n) | {"domain": [0, 0.38], "title": {"text": "The photograph"}},
        yaxis=_bare(n) | {"range": [n, 0]},
        xaxis2={
            "domain": [0.42, 1],
            "anchor": "y",
            "range": [low, top],
            "title": {"text": "Fall when the row is hidden, points"},
            "zeroline": True,
            "zerolinecolor": colors.line,
        },
    )
    return figure


def slider_curve(
    label: str,
    unit: str,
    values: np.ndarray,
    present: int,
    probas: dict[RunName, np.ndarray],
    shown: int | None,
    dark: bool = False,
) -> go.Figure:
    """The probability of one class, or of the malignant ones together (`shown` None), along a
    slider: a line a run, with a mark on either side where its answer becomes another class.

    `values`: (steps,), ascending; `present`: the step where the slider stands; `probas`: float
    (steps, 7), by run.
    """
    colors = palette(dark)
    columns = [i for i, c in enumerate(CLASSES) if (c.malignant if shown is None else i == shown)]
    named = "Malignant" if shown is None else CLASS_TITLES[shown]
    labels = {name: proba.argmax(axis=1) for name, proba in probas.items()}
    title = _flip_title(label, unit, values, present, labels)
    figure = new_figure(
        title,
        f"{title}. Probability of {named} along {label.lower()}. "
        + " ".join(
            f"{name}: {100 * lines.min():.0f} to {100 * lines.max():.0f} %, "
            f"{100 * lines[present]:.0f} % now."
            for name, lines in ((n, p[:, columns].sum(axis=1)) for n, p in probas.items())
        ),
        dark,
        height=260,
        key=run_key(probas),
        narrow=True,
    )
    for position, (name, proba) in enumerate(probas.items()):
        color, dash, symbol = run_style(position, dark)
        line = 100 * proba[:, columns].sum(axis=1)
        codes = [CODES[k] for k in labels[name]]
        figure.add_scatter(
            x=values,
            y=np.round(line, 1),
            mode="lines",
            name=str(name),
            line={"color": color, "dash": dash, "width": 2},
            customdata=codes,
            hovertemplate=f"{name}<br>{label} %{{x:g}}{unit}: %{{y:.0f}} %<br>"
            "answers %{customdata}<extra></extra>",
        )
        turns = _turns(labels[name], present)
        figure.add_scatter(
            x=values[turns],
            y=np.round(line[turns], 1),
            mode="markers+text",
            marker={"color": color, "symbol": symbol, "size": 9},
            text=[codes[i] for i in turns],
            textposition="top center",
            textfont={"color": color, "size": 12},
            cliponaxis=False,
            hoverinfo="skip",
        )
    figure.add_vline(
        x=float(values[present]), line={"color": colors.line, "width": 1.5, "dash": "dot"}
    )
    figure.update_xaxes(
        title=f"{label}, {unit.strip()}",
        range=[float(values[0]), float(values[-1])],
        ticklabelstandoff=9,  # a label at the corner
    )
    figure.update_yaxes(title=f"{named}, %", range=[0, 105], tickvals=[0, 25, 50, 75, 100])
    return figure


def _turns(labels: np.ndarray, present: int) -> list[int]:
    """The nearest step on each side of the present one at which another class is named."""
    other = np.flatnonzero(labels != labels[present])
    return [*other[other < present][-1:].tolist(), *other[other > present][:1].tolist()]


# ------------------------------------------------------------------------------- words


def _finding(of: str, fall: float, tenth: str = "the map's brightest tenth") -> str:
    if math.isnan(fall):
        return f"{of}: the map is blank"
    return f"{of}: {_points(fall)} without {tenth}"


def _points(fall: float) -> str:
    """What becomes of a probability that falls by so much: "−31 points", "0 points"."""
    if math.isnan(fall):
        return "blank"
    rounded = round(-100 * fall)
    sign = "\N{MINUS SIGN}" if rounded < 0 else "+" if rounded > 0 else ""
    return f"{sign}{abs(rounded)} point{'' if abs(rounded) == 1 else 's'}"


def _note(chance: float, relative: bool) -> str:
    by_chance = f"A random tenth: {_points(chance)}. "
    if relative:
        return by_chance + "The more teal, the more a small change there raises it."
    return by_chance + "Teal: for it. Amber: against it."


def _alt_of_maps(
    of: str, maps: Sequence[np.ndarray], falls: Sequence[float], relative: bool
) -> str:
    parts = []
    for panel, values, fall in zip(PANELS, maps, falls, strict=False):
        row, column = divmod(int(np.argmax(values)), values.shape[1])
        place = f"{_third(row, len(values), 'top', 'bottom')} {_third(column, len(values))}"
        strongest = "" if relative else f", {100 * float(values.max()):.1f} points"
        parts.append(
            f"{panel}: blank."
            if math.isnan(fall)
            else f"{panel}: strongest at the {place}{strongest}; the run's probability "
            f"without its brightest tenth: {_points(fall)}."
        )
    return f"{of}. {' '.join(parts)} Without a random tenth: {_points(falls[2])}."


def _third(place: int, size: int, first: str = "left", last: str = "right") -> str:
    return (first, "middle", last)[min(3 * int(place) // size, 2)]


def _flip_title(
    label: str, unit: str, values: np.ndarray, present: int, labels: dict[RunName, np.ndarray]
) -> str:
    nearest: tuple[float, str] | None = None
    for name, own in labels.items():
        other = np.flatnonzero(own != own[present])
        if not len(other):
            continue
        away = np.abs(values[other] - values[present])
        step = other[int(away.argmin())]
        start = f"{name.letter} changes" if name.letter else "The answer changes"
        words = f"{start} from {CODES[own[present]]} to {CODES[own[step]]}"
        if nearest is None or away.min() < nearest[0]:
            number = f"{values[step]:g}".replace("-", "\N{MINUS SIGN}")
            nearest = float(away.min()), f"{words} at {label.lower()} {number}{unit}"
    return nearest[1] if nearest else f"No {label.lower()} in this range changes an answer"


# ----------------------------------------------------------------------------- pictures


def _bare(n: int) -> dict[str, object]:
    return {
        "range": [0, n],
        "showgrid": False,
        "showticklabels": False,
        "fixedrange": True,
    }


def _add_picture(figure: go.Figure, source: str, n: int, xref: str, yref: str) -> None:
    figure.add_layout_image(
        source=source,
        xref=xref,
        yref=yref,
        x=0,
        y=0,
        sizex=n,
        sizey=n,
        sizing="stretch",
        layer="below",
    )


def _small(picture: np.ndarray) -> Image.Image:
    image = Image.fromarray(picture)
    if max(image.size) < _PICTURE_SIDE:  # what the models see, where there is nothing else
        factor = _PICTURE_SIDE / max(image.size)
        size = tuple(round(factor * side) for side in image.size)
        return image.resize((size[0], size[1]), Image.Resampling.NEAREST)
    image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.LANCZOS)
    return image


def _faded(picture: np.ndarray, ground: str) -> str:
    grey = _small(picture).convert("L").convert("RGB")
    faded = Image.blend(grey, Image.new("RGB", grey.size, ground), _FADED)
    return data_url(np.asarray(faded), "JPEG")


def _clear(color: str, alpha: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
