"""The colours of the images by class, and all charts of a data set in one file. The tables are
those of `ham.data.tables`."""

from __future__ import annotations

import html
from collections.abc import Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import PLOT_CONFIG, new_figure, palette
from ham.charts.distribution import within_sentence
from ham.config import CLASSES, CODES

_CLASSES = dict(zip(CODES, CLASSES, strict=True))


def ribbon_chart(ribbons: np.ndarray, medians: np.ndarray, dark: bool = False) -> go.Figure:
    """The mean colours of each class's images, from the darkest to the lightest, in these colours.

    `ribbons`: uint8 (7, steps, 3) of `color_ribbons`; `medians`: float (7,), median lightness of
    each class (0-255), NaN where it has no image.
    """
    present = np.flatnonzero(~np.isnan(medians))
    titles = [CLASSES[i].title for i in present]
    shown = ribbons[present]
    darkest, lightest = (CLASSES[find(medians)].title for find in (np.nanargmin, np.nanargmax))
    finding = (
        f"{within_sentence(darkest)} is the darkest class, {within_sentence(lightest)} the lightest"
        if len(present) > 1
        else f"The colours of {within_sentence(titles[0])}"
    )
    alt = "Colours by class, of the image in the middle from dark to light: " + "; ".join(
        f"{CLASSES[i].title} red {r}, green {g}, blue {b}"
        for i, (r, g, b) in zip(
            present, ribbons[present, ribbons.shape[1] // 2].tolist(), strict=True
        )
    )
    figure = new_figure(
        finding[0].upper() + finding[1:],
        alt,
        dark,
        height=110 + 40 * len(present),
        subtitle="Mean colour of each whole image, skin included",
    )
    figure.update_layout(margin={"r": 20})
    figure.add_image(
        z=shown,
        x0=50 / shown.shape[1],
        dx=100 / shown.shape[1],
        hovertemplate="%{x:.0f} % of the class's images are darker<br>red %{z[0]}, green %{z[1]}, "
        "blue %{z[2]}<extra></extra>",
    )
    for row in range(1, len(present)):  # a line of the ground between two classes
        figure.add_hline(y=row - 0.5, line={"color": palette(dark).ground, "width": 6})
    figure.update_xaxes(
        title="Images from dark to light, %",
        range=[0, 100],
        showgrid=False,
        tickvals=[0, 25, 50, 75, 100],
        scaleanchor=False,
        constrain="range",
    )
    figure.update_yaxes(
        tickvals=list(range(len(present))),
        ticktext=titles,
        showgrid=False,
        range=[len(present) - 0.5, -0.5],
        scaleanchor=False,
        constrain="range",
        ticklabelstandoff=6,
    )
    return figure


CHANNEL_COLORS = {"red": "#D1495B", "green": "#3A9D5D", "blue": "#4C7BD9"}


def channel_chart(channels: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Median, middle half and 5 to 95 % of the images' mean red, green and blue, by class.

    `channels`: MultiIndex (dx, channel), columns images, p5, q1, median, q3, p95 (0-255).
    """
    codes = [code for code in CODES if code in channels.index.get_level_values("dx")]
    titles = [_CLASSES[code].title for code in codes]
    medians = channels["median"].unstack("channel").loc[codes]
    gap = (medians["red"] - medians["blue"]).round()
    most, least = gap.idxmax(), gap.idxmin()
    finding = (
        f"Red exceeds blue most in {most} ({gap[most]:.0f}), least in {least} ({gap[least]:.0f})"
        if len(codes) > 1
        else f"Red exceeds blue by {gap[most]:.0f} of 255"
    )
    alt = "Median red, green and blue by class: " + "; ".join(
        f"{_CLASSES[code].title} {medians.loc[code, 'red']:.0f}, {medians.loc[code, 'green']:.0f}, "
        f"{medians.loc[code, 'blue']:.0f}"
        for code in codes
    )
    figure = new_figure(
        finding,
        alt,
        dark,
        height=110 + 40 * len(codes),
        subtitle="Median, middle half and 5 to 95 % of the images' mean colour",
    )
    for place, (channel, color) in enumerate(CHANNEL_COLORS.items()):
        table = channels.xs(channel, level="channel").loc[codes]
        rows = [row + 0.24 * (place - 1) for row in range(len(codes))]
        for low, high, width in (("p5", "p95", 1.5), ("q1", "q3", 5)):
            figure.add_scatter(
                x=np.column_stack([table[low], table[high], np.full(len(codes), np.nan)]).ravel(),
                y=np.repeat(rows, 3),
                mode="lines",
                line={"color": color, "width": width},
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=table["median"],
            y=rows,
            mode="markers",
            name=channel,
            marker={
                "color": color,
                "size": 9,
                "line": {"color": palette(dark).ground, "width": 1.5},
            },
            customdata=np.column_stack(
                [
                    titles,
                    table.drop(columns="images").round().astype(int).astype(str),
                    [f"{n:,}" for n in table["images"]],
                ]
            ),
            hovertemplate=f"%{{customdata[0]}}, {channel}<br>median %{{customdata[3]}}"
            "<br>middle half %{customdata[2]} to %{customdata[4]}<br>5 to 95 %: %{customdata[1]} "
            "to %{customdata[5]}<br>%{customdata[6]} images<extra></extra>",
        )
    figure.update_xaxes(
        title="Red, green, blue (0 to 255)", range=[0, 256], tickvals=[0, 50, 100, 150, 200, 250]
    )
    figure.update_yaxes(
        tickvals=list(range(len(codes))),
        ticktext=titles,
        range=[len(codes) - 0.5, -0.5],
        showgrid=False,
        ticklabelstandoff=6,
    )
    return figure


def charts_html(
    drawn: Iterable[str | go.Figure], title: str, style: str, dark: bool = False
) -> str:
    """One HTML file of these charts, HTML as it is and figures as they hover and zoom on the page;
    it needs no network.

    `style`: the style sheet of those of HTML. Plotly's code is in it, which takes 5 MB.
    """
    figures, bodies = 0, []
    for one in drawn:
        if not isinstance(one, str):
            one = one.to_html(full_html=False, include_plotlyjs=not figures, config=PLOT_CONFIG)
            figures += 1
        bodies.append(one)
    colors = palette(dark)
    return (
        '<!doctype html><html lang="en"><head><meta '
        f'charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
        f'<body style="background:{colors.ground};color:{colors.text};font-family:sans-serif;'
        f'margin:2rem auto;max-width:60rem;padding:0 1rem"><main><h1>{html.escape(title)}</h1>'
        f"{''.join(bodies)}</main></body></html>"
    )
