"""The one palette, the light and the dark template, and how every figure is laid out.

Colours of the classes come from `config.CLASSES`; everything else that has a colour has it here.
A figure carries its textual alternative in `layout.meta["alt"]` (`alt_text(figure)` reads it).
Show figures with Streamlit's own theme off, so that these templates act:
`st.plotly_chart(figure, theme=None, config=plot_config("file-name"), alt=alt_text(figure))`.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ham.config import CLASSES, N_CLASSES
from ham.evaluation import Interval
from ham.report import RunName

FONT = '"Source Sans", "Source Sans Pro", "Source Sans 3", sans-serif'
TITLE_WIDTH, NOTE_WIDTH = 46, 56  # characters of a line in 328 px
NARROW_TITLE_WIDTH, NARROW_NOTE_WIDTH = 36, 48  # in 272 px, the least that style.css leaves
TITLE_HEIGHT, NOTE_HEIGHT = 21, 18  # px a line
_BAND = 0.14  # opacity of a band
TITLE_LIFT = 11  # px by which Plotly draws a title too high for each line beyond the first

#: The classes' own colours, by code; the same on light and dark ground.
CLASS_COLORS: dict[str, str] = {c.code: c.color for c in CLASSES}
#: "Melanoma (mel)", in the order of CLASSES.
CLASS_TITLES: tuple[str, ...] = tuple(c.title for c in CLASSES)


@dataclass(frozen=True)
class Palette:
    """Colours of one ground. Text reaches WCAG AA (4.5 to 1) on it, lines and marks 3 to 1."""

    ground: str
    text: str
    muted: str  # axis labels, notes
    grid: str
    line: str  # reference lines, such as the majority baseline
    accent: str
    runs: tuple[str, ...]  # one colour a run, the baseline first; none is a class colour
    sequential: tuple[tuple[float, str], ...]  # counts and shares: one hue, the ground at zero
    diverging: tuple[tuple[float, str], ...]  # differences: the ground at zero


LIGHT = Palette(
    ground="#FFFFFF",
    text="#1F2937",
    muted="#57606A",
    grid="#E8EBEE",
    line="#6B7280",
    accent="#0F766E",
    runs=("#0F766E", "#4F46E5", "#B45309", "#BE185D", "#4D7C0F", "#475569"),
    sequential=(
        (0.0, "#FFFFFF"),
        (0.25, "#CFEAE5"),
        (0.5, "#82C5BB"),
        (0.75, "#369287"),
        (1.0, "#0B5650"),
    ),
    diverging=((0.0, "#B45309"), (0.5, "#FFFFFF"), (1.0, "#0F766E")),
)
DARK = Palette(
    ground="#0E1117",
    text="#E6E9ED",
    muted="#A9B1BA",
    grid="#242A33",
    line="#9AA3AD",
    accent="#2DD4BF",
    runs=("#2DD4BF", "#A5B4FC", "#FBBF24", "#F9A8D4", "#BEF264", "#CBD5E1"),
    sequential=(
        (0.0, "#0E1117"),
        (0.25, "#123B3A"),
        (0.5, "#14665F"),
        (0.75, "#1E9C8D"),
        (1.0, "#5FE9D7"),
    ),
    diverging=((0.0, "#FBBF24"), (0.5, "#0E1117"), (1.0, "#2DD4BF")),
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "pentagon")
GLYPHS = ("●", "◆", "■", "▲", "✖", "⬟")  # the same in text


def palette(dark: bool = False) -> Palette:
    return DARK if dark else LIGHT


def run_style(position: int, dark: bool = False) -> tuple[str, str, str]:
    """Colour, line dash and marker symbol of the run at this position; they repeat after six."""
    colors = palette(dark).runs
    return (
        colors[position % len(colors)],
        DASHES[position % len(DASHES)],
        SYMBOLS[position % len(SYMBOLS)],
    )


def pct(share: float) -> str:
    """Of a width or a height, for a picture in HTML: "12.50%"."""
    return f"{100 * share:.2f}%"


def template(dark: bool = False) -> go.layout.Template:
    """White or near-black ground, light grid, no frame, titles at the left."""
    colors = palette(dark)
    axis = {
        "gridcolor": colors.grid,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "automargin": True,
        "tickfont": {"color": colors.muted, "size": 13},
        "title": {"font": {"color": colors.muted, "size": 13}, "standoff": 8},
    }
    layout = go.Layout(
        paper_bgcolor=colors.ground,
        plot_bgcolor=colors.ground,
        colorway=list(colors.runs),
        font={"family": FONT, "color": colors.text, "size": 13},
        title={
            "x": 0.0,
            "xanchor": "left",
            "xref": "container",
            "y": 1.0,
            "yanchor": "top",
            "yref": "container",
            "pad": {"t": 8, "l": 4},
            "font": {"size": 16, "color": colors.text, "weight": 600},
            "subtitle": {"font": {"size": 13, "color": colors.muted, "weight": 400}},
        },
        xaxis=axis | {"ticklabelstandoff": 4},  # else its first label touches that of the y axis
        yaxis=axis,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.0,
            "yanchor": "bottom",
            "title": {"text": ""},
            "font": {"color": colors.text},
            "bgcolor": "rgba(0,0,0,0)",
        },
        hoverlabel={
            "bgcolor": colors.ground,
            "bordercolor": colors.line,
            "font": {"family": FONT, "color": colors.text, "size": 13},
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": colors.muted, "activecolor": colors.accent},
        coloraxis={
            "colorscale": [list(stop) for stop in colors.sequential],
            "colorbar": {"outlinewidth": 0, "thickness": 10, "tickfont": {"color": colors.muted}},
        },
        margin={"l": 8, "r": 8, "t": 48, "b": 8},
        bargap=0.25,
        dragmode=False,
    )
    return go.layout.Template(layout=layout)


TEMPLATES: dict[bool, go.layout.Template] = {False: template(False), True: template(True)}
_CHECKED = {dark: made.to_plotly_json() for dark, made in TEMPLATES.items()}


class _Figure(go.Figure):
    """One that nobody listens to: Plotly works out after every `update_...` which listeners it
    concerns, which took a third of the time of a chart.
    """

    @contextlib.contextmanager
    def batch_update(self) -> Iterator[None]:
        yield

    def _relayout_child(self, child: object, prop: str, val: object) -> None:
        pass

    def _restyle_child(self, child: object, prop: str, val: object) -> None:
        pass


def new_figure(
    title: str,
    alt: str,
    dark: bool = False,
    height: int = 360,
    subtitle: str = "",
    key: dict[str, int] | None = None,
    narrow: bool = False,
) -> go.Figure:
    """An empty figure in our style: the title (finding or question), its note, its alternative
    text.

    Long titles are broken into lines that fit a phone; the top margin leaves them room. `key`
    (name -> position of the run, see `run_style`) stands under the title, a line a run in its
    colour: unlike Plotly's legend it neither takes width from the axes nor is cut off. `height`
    is without it. `narrow`: the figure shares the page's width with two others.
    """
    lines = _wrap(title, NARROW_TITLE_WIDTH if narrow else TITLE_WIDTH)
    notes = [
        *_wrap(subtitle, NARROW_NOTE_WIDTH if narrow else NOTE_WIDTH),
        *(key_line(name, position, dark) for name, position in (key or {}).items()),
    ]
    words = {"text": "<br>".join(lines), "pad": {"t": 8 + TITLE_LIFT * (len(lines) - 1)}}
    figure = _Figure(
        layout={
            "height": height + NOTE_HEIGHT * len(key or {}),
            "showlegend": False,
            "meta": {"alt": alt},
            "margin": {"t": 22 + TITLE_HEIGHT * len(lines) + NOTE_HEIGHT * len(notes)},
            "title": words | ({"subtitle": {"text": "<br>".join(notes)}} if notes else {}),
        }
    )
    # Plotly would check it anew in every figure: three quarters of what an empty one costs
    figure.layout._props["template"] = _CHECKED[bool(dark)]
    return figure


def key_line(name: str, position: int, dark: bool) -> str:
    """A run's mark in its colour and its name, HTML."""
    color, _, symbol = run_style(position, dark)
    return f'<span style="color:{color}">{GLYPHS[SYMBOLS.index(symbol)]}</span>  {name}'


def _wrap(text: str, width: int) -> list[str]:
    """Not within brackets: an interval stays together."""
    kept = re.sub(r"\([^)]{,24}\)", lambda found: found[0].replace(" ", "\0"), text)
    return [line.replace("\0", " ") for line in textwrap.wrap(kept, width)]


def with_note(title: str, note: str, dark: bool = False) -> str:
    """A tick label of two lines, the second small and muted."""
    return f'{title}<br><span style="color:{palette(dark).muted};font-size:11px">{note}</span>'


def run_key(runs: Iterable[RunName]) -> dict[str, int]:
    """Name -> position, for `new_figure`'s key; one run needs none."""
    places = {str(name): position for position, name in enumerate(runs)}
    return places if len(places) > 1 else {}


def class_rows(figure: go.Figure, notes: Iterable[str], dark: bool) -> None:
    """A row a class on the y axis, malignant first, with a note under each name."""
    titles = [with_note(title, note, dark) for title, note in zip(CLASS_TITLES, notes, strict=True)]
    figure.update_yaxes(
        tickvals=list(range(N_CLASSES)),
        range=[N_CLASSES - 0.5, -0.5],
        ticktext=titles,
        tickfont={"color": palette(dark).text},
    )


def spread_rows(rows: int, position: int, runs: int, step: float = 0.16) -> list[float]:
    """Where the dots of one run lie: around each row's middle, the first run on top, so that
    none hides another.
    """
    offset = 0.0 if runs == 1 else (position / (runs - 1) - 0.5) * min(0.6, step * runs)
    return [row + offset for row in range(rows)]


def add_intervals(
    figure: go.Figure,
    name: RunName | str,
    values: list[Interval],
    texts: list[str],
    rows: list[float],
    position: int,
    factor: float,
    dark: bool,
) -> None:
    """The dots of one run with their intervals, in the run's colour and symbol."""
    color, _, symbol = run_style(position, dark)
    figure.add_scatter(
        x=[factor * v.value for v in values],
        y=rows,
        mode="markers",
        name=str(name),
        marker={"color": color, "symbol": symbol, "size": 10},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [factor * (v.high - v.value) for v in values],
            "arrayminus": [factor * (v.value - v.low) for v in values],
            "color": color,
            "thickness": 2,
            "width": 0,
        },
        customdata=texts,
        hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
    )


def add_band(figure: go.Figure, x: np.ndarray, values: np.ndarray, color: str) -> None:
    """Between the lowest and the highest of several lines, `values` float (lines, n), NaN where a
    line has ended.
    """
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    figure.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},{_BAND})",
        line={"width": 0},
        hoverinfo="skip",
        mode="lines",
    )


def add_diagonal(figure: go.Figure, dark: bool) -> None:
    """From 0 to 100 on both axes: where what is said is so, or where chance lies."""
    figure.add_shape(
        type="line",
        x0=0,
        y0=0,
        x1=100,
        y1=100,
        layer="below",
        line={"color": palette(dark).line, "width": 1.5, "dash": "dash"},
    )


def say_why_empty(figure: go.Figure, words: str, dark: bool) -> None:
    """No axes, and in their place why there is nothing to draw."""
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    figure.add_annotation(
        text=words,
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"color": palette(dark).muted, "size": 14},
    )


def score_text(value: float) -> str:
    """ "74 %", "<1 %" for the smallest, "–" where undefined."""
    if value != value:
        return "–"
    return "<1 %" if 0 < value < 0.005 else f"{100 * value:.0f} %"


def area_text(value: float) -> str:
    """ "0.86", "–" where undefined."""
    return "–" if value != value else f"{value:.2f}"


def alt_text(figure: go.Figure) -> str:
    """What the figure shows, in words, for those who cannot see it."""
    return (figure.layout.meta or {}).get("alt", "")


def plot_config(filename: str = "ham-lab", image_format: str = "png") -> dict[str, object]:
    """Plotly's `config`: a small toolbar whose camera saves a PNG (at twice the size) or an SVG.

    The toolbar's camera knows one format a chart, and Streamlit passes no JavaScript for a second
    button, so the page chooses the format. Nothing is ever sent to Plotly's cloud.
    """
    return {
        "displaylogo": False,
        "showSendToCloud": False,
        "responsive": True,
        "scrollZoom": False,
        "modeBarButtonsToRemove": [
            "zoom2d",
            "pan2d",
            "select2d",
            "lasso2d",
            "zoomIn2d",
            "zoomOut2d",
            "autoScale2d",
            "resetScale2d",
            "sendChartToCloud",
        ],
        "toImageButtonOptions": {
            "format": image_format,
            "filename": filename,
            "scale": 2 if image_format == "png" else 1,
        },
    }


PLOT_CONFIG = plot_config()


def ink_on(color: str) -> str:
    """Black or white, whichever reads better on this colour: one of them always reaches 4.5 to
    1.
    """
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, color))


def contrast(a: str, b: str) -> float:
    """WCAG 2.2 contrast ratio of two `#RRGGBB` colours, 1 to 21."""
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def blend(scale: tuple[tuple[float, str], ...], share: float) -> str:
    """The colour at `share` (0 to 1) of a colour scale, as Plotly interpolates it."""
    share = min(max(float(share), 0.0), 1.0)
    for (low, start), (high, end) in itertools.pairwise(scale):
        if share <= high:
            part = (share - low) / (high - low)
            mixed = (
                round(int(start[i : i + 2], 16) * (1 - part) + int(end[i : i + 2], 16) * part)
                for i in (1, 3, 5)
            )
            return "#" + "".join(f"{channel:02X}" for channel in mixed)
    return scale[-1][1]


def figure_json(figure: go.Figure) -> str:
    """Data and layout, for a script that draws it."""
    return figure.to_json()


def plotly_script() -> str:
    """Plotly's own JavaScript, 5 MB."""
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()
