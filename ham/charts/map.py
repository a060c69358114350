"""The map of the images: a point an image, images that look alike near each other."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ham.charts.base import (
    CLASS_COLORS,
    NOTE_HEIGHT,
    NOTE_WIDTH,
    new_figure,
    palette,
    plot_config,
)
from ham.config import CLASS_INDEX, CODES


def image_map(
    points: np.ndarray,
    labels: np.ndarray,
    image_ids: np.ndarray,
    rows: np.ndarray,
    title: str,
    note: str = "",
    marked: np.ndarray | None = None,
    dark: bool = False,
) -> go.Figure:
    """The images `rows` on a map, in the colours of their classes, the rare classes on top.

    `points`: float (n, 2) of the whole data set, `labels`: int (n,), `image_ids`: text (n,),
    `rows`: int (m,). `marked`: rows to stand out, as if they had been chosen on the map. Every
    point carries its row as customdata, which `selected_rows` reads.
    """
    present = [CODES[label] for label in np.unique(labels[rows])]
    key = _color_key({code: CLASS_COLORS[code] for code in present})
    figure = new_figure(
        title,
        f"{title}. {len(rows):,} images of the classes {', '.join(present)}, each a point beside "
        "those that look alike.",
        dark,
        height=620,
        subtitle=note,
    )
    subtitle = figure.layout.title.subtitle
    subtitle.text = f"{subtitle.text}<br>{key}" if note else key
    figure.layout.margin.t += NOTE_HEIGHT * (1 + key.count("<br>"))
    by_size = sorted(present, key=lambda code: -np.count_nonzero(labels[rows] == CLASS_INDEX[code]))
    for code in by_size:
        own = rows[labels[rows] == CLASS_INDEX[code]]
        figure.add_scattergl(
            x=points[own, 0].astype(np.float32),
            y=points[own, 1].astype(np.float32),
            mode="markers",
            name=code,
            marker={
                "color": CLASS_COLORS[code],
                "size": 6 if len(rows) > 3_000 else 8,
                "opacity": 0.8,
                "line": {"width": 0},
            },
            customdata=own.astype(np.int32),
            text=image_ids[own],
            selectedpoints=None if marked is None else np.flatnonzero(np.isin(own, marked)),
            selected={"marker": {"opacity": 1.0}},
            unselected={"marker": {"opacity": 0.12}},
            hovertemplate=f"%{{text}}<br>{code}<extra></extra>",
        )
    # the map has no units: one scale for both ways, and room around the whole data set,
    # filtered or not
    low, high = points.min(axis=0), points.max(axis=0)
    low, high = low - 0.03 * (high - low), high + 0.03 * (high - low)
    hidden = {"showticklabels": False, "showgrid": False, "title": ""}
    figure.update_xaxes(range=[float(low[0]), float(high[0])], **hidden)
    figure.update_yaxes(range=[float(low[1]), float(high[1])], **hidden)
    figure.update_layout(
        dragmode="lasso",
        hovermode="closest",
        newselection={"line": {"color": palette(dark).accent, "width": 2}},
        activeselection={"fillcolor": palette(dark).accent, "opacity": 0.1},
    )
    return figure


def _color_key(colors: dict[str, str]) -> str:
    """Names after squares of their colours, for a figure's subtitle; it breaks where a phone
    ends.
    """
    lines: list[list[str]] = [[]]
    length = 0
    for name, color in colors.items():
        if length and length + len(name) + 5 > NOTE_WIDTH:
            lines.append([])
            length = 0
        lines[-1].append(f'<span style="color:{color}">■</span> {html.escape(name)}')
        length += len(name) + 5
    return "<br>".join("   ".join(line) for line in lines)


def selected_rows(selection: Mapping[str, Any]) -> np.ndarray:
    """The rows that box, lasso or click chose: `selection` is that of Streamlit's plotly_chart.
    Ascending, int64.
    """
    rows = {
        int(point["customdata"])
        for point in selection.get("points", ())
        if point.get("customdata") is not None
    }
    return np.array(sorted(rows), dtype=np.int64)


def map_config(image_format: str = "png") -> dict[str, object]:
    """`plot_config` with the tools that choose points and that move the map."""
    return plot_config("dataset-map", image_format) | {
        "modeBarButtonsToRemove": ["autoScale2d", "sendChartToCloud"]
    }
