"""What is in the data: classes, ages, sexes, sites, ways of diagnosis, colours. The tables are
those of `ham.data.tables`."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import NOTE_HEIGHT, NOTE_WIDTH, PLOT_CONFIG, blend, ink_on, new_figure, palette
from ham.config import CLASSES, CODES

_CLASSES = dict(zip(CODES, CLASSES, strict=True))
# neighbours in a bar differ
_METHOD_SHADES = {"histo": 1.0, "follow_up": 0.4, "consensus": 0.7, "confocal": 0.2}


def class_balance_chart(balance: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Images and lesions of each class, and the line that always predicting the largest class
    reaches.

    `balance`: rows in CLASSES order, columns images, lesions. Classes without an image are left
    out.
    """
    balance = balance[balance["images"] > 0]
    images, lesions = balance["images"].to_numpy(), balance["lesions"].to_numpy()
    classes = [_CLASSES[code] for code in balance.index]
    titles, colors = [c.title for c in classes], [c.color for c in classes]
    shares = images / images.sum()
    largest, share = classes[int(images.argmax())], _percent(shares.max())
    alt = "Images and lesions by class: " + "; ".join(
        f"{title} {n:,} images of {m:,} lesions"
        for title, n, m in zip(titles, images, lesions, strict=True)
    )
    figure = new_figure(
        f"{share} of images are {_inside(largest.title)}"
        if len(classes) > 1
        else f"All are {_inside(titles[0])}",
        alt,
        dark,
        height=120 + 57 * len(classes),
        subtitle=f"Dashed: always predicting {largest.code} is correct for {share}"
        if len(classes) > 1
        else "",
    )
    for name, counts, opacity in (("images", images, 1.0), ("lesions", lesions, 0.45)):
        labels = [
            f"{n:,} {name}" + (f" ({_percent(share)})" if name == "images" else "")
            for n, share in zip(counts, shares, strict=True)
        ]
        ink = ink_on(largest.color) if name == "images" else palette(dark).text
        figure.add_bar(
            x=counts,
            y=titles,
            orientation="h",
            name=name,
            marker={"color": colors, "opacity": opacity},
            text=labels,
            textposition=["inside" if n > 0.6 * images.max() else "outside" for n in counts],
            insidetextanchor="start",
            insidetextfont={"color": ink},
            outsidetextfont={"color": palette(dark).text},
            constraintext="none",
            cliponaxis=False,
            customdata=list(balance.index),
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    if len(classes) > 1:
        figure.add_vline(
            x=images.max(),
            line={"color": palette(dark).line, "dash": "dash", "width": 1.5},
            layer="below",
        )
    figure.update_xaxes(title="Count", range=[0, 1.03 * images.max()], tickformat=",", nticks=6)
    figure.update_yaxes(_class_axis(titles))
    figure.update_layout(barmode="group", bargap=0.22, bargroupgap=0.08)
    return figure


def age_chart(ages: pd.DataFrame, missing: int, zero: int, dark: bool = False) -> go.Figure:
    """Median, middle half and 5 to 95 % of the ages of each class with a known age.

    `ages`: rows in CLASSES order, columns known, p5, q1, median, q3, p95 (years). `missing`,
    `zero`: images without an age, and with age 0.
    """
    known = ages[ages["known"] > 0]
    titles = [_CLASSES[code].title for code in known.index]
    doubts = ", ".join(
        filter(None, (f"{missing:,} unknown" * bool(missing), f"{zero:,} given as 0" * bool(zero)))
    )
    alt = "Age by class, in years: " + "; ".join(
        f"{_CLASSES[code].title} median {row['median']:g}, middle half {row.q1:g} to {row.q3:g}"
        for code, row in known.iterrows()
    )
    figure = new_figure(
        _age_finding(known),
        alt,
        dark,
        height=135 + 37 * max(len(known), 1),
        subtitle="; ".join(filter(None, ("Middle half and 5 to 95 %", doubts))),
    )
    for code, row in known.iterrows():
        lesion_class = _CLASSES[code]
        figure.add_box(
            y=[lesion_class.title],
            orientation="h",
            q1=[row.q1],
            median=[row["median"]],
            q3=[row.q3],
            lowerfence=[row.p5],
            upperfence=[row.p95],
            width=0.55,
            line={"color": lesion_class.color, "width": 2},
            fillcolor=blend(((0.0, palette(dark).ground), (1.0, lesion_class.color)), 0.35),
            hoverinfo="skip",
            name=lesion_class.title,
        )
        figure.add_scatter(  # a box of given quantiles hovers in five places; one text is enough
            x=[row["median"]],
            y=[lesion_class.title],
            mode="markers",
            marker={"size": 18, "opacity": 0},
            hovertemplate=f"{lesion_class.title}<br>median {row['median']:g} years<br>middle half "
            f"{row.q1:g} to {row.q3:g}<br>5 to 95 %: {row.p5:g} to {row.p95:g}<br>{row.known:,.0f} "
            "images<extra></extra>",
        )
    figure.update_xaxes(title="Age in years", rangemode="tozero", dtick=10)
    figure.update_yaxes(_class_axis(titles))
    return figure


def _age_finding(known: pd.DataFrame) -> str:
    if known.empty:
        return "No age is known"
    youngest, oldest = known["median"].idxmin(), known["median"].idxmax()
    low, high = (f"{known['median'][code]:g}" for code in (youngest, oldest))
    if low == high:
        return f"The median age is {low} years"
    return f"Median age: from {low} years ({youngest}) to {high} ({oldest})"


def sex_chart(counts: pd.DataFrame, dark: bool = False) -> go.Figure:
    """The shares of the sexes in each class. `counts`: a row a value of sex, a column a class."""
    counts = counts.loc[sorted(counts.index, key=lambda sex: (sex == "unknown", sex))]
    overall = (counts.sum(axis=1) / counts.to_numpy().sum()).drop("unknown", errors="ignore")
    finding = "No sex is known"
    if len(overall):
        finding = f"{_percent(overall.max())} of the images are of {overall.idxmax()} patients"
    known = {"female": palette(dark).accent, "male": blend(palette(dark).sequential, 0.4)}
    return _share_bars(counts, finding, "Sex by class", str.capitalize, known, dark)


def method_chart(
    counts: pd.DataFrame, words: Callable[[str], str] = str.capitalize, dark: bool = False
) -> go.Figure:
    """How each class was diagnosed. `counts`: a row a value of dx_type, a column a class;
    `words` names a value.
    """
    overall = counts.sum(axis=1) / counts.to_numpy().sum()
    telling = [(method, row.idxmax()) for method, row in counts.iterrows() if (row > 0).sum() == 1]
    if len(telling) and (counts.sum() > 0).sum() > 1:
        said = [f"{words(method).lower()} means {code}" for method, code in telling]
        finding = f"{' and '.join(said[:2])}: the label leaks"
        finding = finding[0].upper() + finding[1:]
    else:
        finding = f"{_percent(overall.max())} diagnosed by {words(overall.idxmax()).lower()}"
    colors = {
        method: blend(palette(dark).sequential, shade) for method, shade in _METHOD_SHADES.items()
    }
    return _share_bars(counts, finding, "Way of diagnosis by class", words, colors, dark)


def _share_bars(
    counts: pd.DataFrame,
    finding: str,
    what: str,
    words: Callable[[str], str],
    colors: dict[str, str],
    dark: bool,
) -> go.Figure:
    """A stacked bar a class: the shares of a column's values. A value without a colour is grey."""
    counts = counts.loc[:, counts.sum() > 0]
    titles = [_CLASSES[code].title for code in counts]
    shares = counts / counts.sum()
    alt = f"{what}: " + "; ".join(
        f"{_CLASSES[code].title} "
        + ", ".join(
            f"{_percent(share)} {words(value).lower()}" for value, share in shares[code].items()
        )
        for code in counts
    )
    figure = new_figure(finding, alt, dark, height=130 + 40 * len(titles), subtitle="key")
    rest = blend(((0.0, palette(dark).ground), (1.0, palette(dark).line)), 0.45)
    key = color_key(  # a legend would be cut off on a phone
        {words(value): colors.get(value, rest) for value in counts.index}
    )
    figure.layout.title.subtitle.text = key
    figure.layout.margin.t += NOTE_HEIGHT * key.count("<br>")
    for value in counts.index:
        color = colors.get(value, rest)
        figure.add_bar(
            x=100 * shares.loc[value],
            y=titles,
            orientation="h",
            name=words(value),
            marker={"color": color, "line": {"color": palette(dark).ground, "width": 1}},
            text=[f"{100 * share:.0f} %" if share >= 0.12 else "" for share in shares.loc[value]],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            insidetextfont={"color": ink_on(color)},
            customdata=counts.loc[value],
            hovertemplate=f"%{{y}}<br>{words(value)}: %{{customdata:,}} images, %{{x:.1f}} "
            "%<extra></extra>",
        )
    figure.update_layout(barmode="stack", margin={"r": 20})
    figure.update_xaxes(
        title="Share of the class's images, %", range=[0, 100], tickvals=[0, 25, 50, 75, 100]
    )
    figure.update_yaxes(_class_axis(titles))
    return figure


def color_key(colors: dict[str, str]) -> str:
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


def site_chart(counts: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Where on the body each class was found. `counts`: a row a site, the most frequent first; a
    column a class.
    """
    counts = counts.loc[:, counts.sum() > 0]
    titles = [_CLASSES[code].title for code in counts]
    shares = 100 * counts / counts.sum()
    top = counts.index[0]
    alt = "Site by class, the most frequent site of each: " + "; ".join(
        f"{_CLASSES[code].title} {shares[code].idxmax()} {shares[code].max():.0f} %"
        for code in counts
    )
    figure = new_figure(
        f"The most frequent site: {top} "
        f"({_percent(counts.loc[top].sum() / counts.to_numpy().sum())})",
        alt,
        dark,
        height=200 + 24 * len(counts),
        subtitle="Share of each class's images, %",
    )
    figure.add_heatmap(
        x=titles,
        y=[site.capitalize() for site in counts.index],
        z=shares.to_numpy(),
        zmin=0,
        showscale=False,
        colorscale=[list(stop) for stop in palette(dark).sequential],
        xgap=2,
        ygap=2,
        text=np.vectorize(_cell)(shares.to_numpy()),
        texttemplate="%{text}",
        textfont={"size": 12},
        customdata=counts.to_numpy(),
        hovertemplate="%{x}<br>%{y}: %{customdata:,} images, %{z:.1f} %<extra></extra>",
    )
    figure.update_xaxes(side="bottom", tickangle=-40, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklabelstandoff=6)
    return figure


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
        f"{_inside(darkest)} is the darkest class, {_inside(lightest)} the lightest"
        if len(present) > 1
        else f"The colours of {_inside(titles[0])}"
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


def charts_html(figures: Iterable[go.Figure], title: str) -> str:
    """One HTML file of these figures, as they hover and zoom on the page; it needs no network.

    Plotly's code is in it, which takes 5 MB.
    """
    bodies = [
        figure.to_html(full_html=False, include_plotlyjs=position == 0, config=PLOT_CONFIG)
        for position, figure in enumerate(figures)
    ]
    return (
        '<!doctype html><html lang="en"><head><meta '
        f'charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"></head><body style="font-family: '
        "sans-serif; margin: 2rem auto; max-width: "
        f'60rem"><h1>{html.escape(title)}</h1>{"".join(bodies)}</body></html>'
    )


def _class_axis(titles: list[str]) -> dict[str, object]:
    return {
        "autorange": "reversed",
        "showgrid": False,
        "categoryorder": "array",
        "categoryarray": titles,
        "ticklabelstandoff": 6,
    }


def _cell(share: float) -> str:
    """Nothing for nothing, and no digit too many."""
    if not share > 0:
        return ""
    return f"{share:.0f}" if share >= 0.95 else "<1"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.9995 else "100 %"


def _inside(title: str) -> str:
    """A class title within a sentence."""
    return title[0].lower() + title[1:]
