"""What is in the data: classes, ages, sexes and sites. The tables are those of `ham.data.tables`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ham.charts.base import blend, ink_on, new_figure, palette
from ham.config import CLASSES, CODES

_CLASSES = dict(zip(CODES, CLASSES, strict=True))


def class_balance_chart(balance: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Images and lesions of each class, and the line that always answering the largest class reaches.

    `balance`: rows in CLASSES order, columns images, lesions. Classes without an image are left out.
    """
    balance = balance[balance["images"] > 0]
    images, lesions = balance["images"].to_numpy(), balance["lesions"].to_numpy()
    classes = [_CLASSES[code] for code in balance.index]
    titles, colors = [c.title for c in classes], [c.color for c in classes]
    shares = images / images.sum()
    largest, share = classes[int(images.argmax())], _percent(shares.max())
    alt = "Images and lesions by class: " + "; ".join(
        f"{title} {n:,} images of {m:,} lesions" for title, n, m in zip(titles, images, lesions, strict=True))
    figure = new_figure(
        f"{share} of images are {_inside(largest.title)}" if len(classes) > 1 else f"All are {_inside(titles[0])}",
        alt, dark, height=120 + 57 * len(classes),
        subtitle=f"Dashed: always answering {largest.code} is right for {share}" if len(classes) > 1 else "")
    for name, counts, opacity in (("images", images, 1.0), ("lesions", lesions, 0.45)):
        labels = [f"{n:,} {name}" + (f" ({_percent(share)})" if name == "images" else "")
                  for n, share in zip(counts, shares, strict=True)]
        ink = ink_on(largest.color) if name == "images" else palette(dark).text
        figure.add_bar(
            x=counts, y=titles, orientation="h", name=name, marker={"color": colors, "opacity": opacity},
            text=labels, textposition=["inside" if n > 0.6 * images.max() else "outside" for n in counts],
            insidetextanchor="start", insidetextfont={"color": ink}, outsidetextfont={"color": palette(dark).text},
            constraintext="none", cliponaxis=False, hovertemplate="%{y}: %{text}<extra></extra>")
    if len(classes) > 1:
        figure.add_vline(x=images.max(), line={"color": palette(dark).line, "dash": "dash", "width": 1.5},
                         layer="below")
    figure.update_xaxes(title="Count", range=[0, 1.03 * images.max()], tickformat=",", nticks=6)
    figure.update_yaxes(_class_axis(titles))
    figure.update_layout(barmode="group", bargap=0.22, bargroupgap=0.08)
    return figure


def age_chart(ages: pd.DataFrame, missing: int, zero: int, dark: bool = False) -> go.Figure:
    """Median, middle half and 5 to 95 % of the ages of each class with a known age.

    `ages`: rows in CLASSES order, columns known, p5, q1, median, q3, p95 (years). `missing`, `zero`:
    images without an age, and with age 0.
    """
    known = ages[ages["known"] > 0]
    titles = [_CLASSES[code].title for code in known.index]
    doubts = ", ".join(filter(None, (f"{missing:,} unknown" * bool(missing), f"{zero:,} given as 0" * bool(zero))))
    alt = "Age by class, in years: " + "; ".join(
        f"{_CLASSES[code].title} median {row['median']:g}, middle half {row.q1:g} to {row.q3:g}"
        for code, row in known.iterrows())
    figure = new_figure(_age_finding(known), alt, dark, height=135 + 37 * max(len(known), 1),
                        subtitle="; ".join(filter(None, ("Middle half and 5 to 95 %", doubts))))
    for code, row in known.iterrows():
        lesion_class = _CLASSES[code]
        figure.add_box(
            y=[lesion_class.title], orientation="h", q1=[row.q1], median=[row["median"]], q3=[row.q3],
            lowerfence=[row.p5], upperfence=[row.p95], width=0.55, line={"color": lesion_class.color, "width": 2},
            fillcolor=blend(((0.0, palette(dark).ground), (1.0, lesion_class.color)), 0.35), hoverinfo="skip",
            name=lesion_class.title)
        figure.add_scatter(  # a box of given quantiles hovers in five places; one text is enough
            x=[row["median"]], y=[lesion_class.title], mode="markers", marker={"size": 18, "opacity": 0},
            hovertemplate=f"{lesion_class.title}<br>median {row['median']:g} years<br>middle half {row.q1:g} to "
                          f"{row.q3:g}<br>5 to 95 %: {row.p5:g} to {row.p95:g}<br>{row.known:,.0f} images"
                          "<extra></extra>")
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
    counts = counts.loc[sorted(counts.index, key=lambda sex: (sex == "unknown", sex)), counts.sum() > 0]
    titles = [_CLASSES[code].title for code in counts]
    shares = counts / counts.sum()
    overall = (counts.sum(axis=1) / counts.to_numpy().sum()).drop("unknown", errors="ignore")
    finding = "No sex is known"
    if len(overall):
        finding = f"{_percent(overall.max())} of the images are of {overall.idxmax()} patients"
    alt = "Sex by class: " + "; ".join(
        f"{_CLASSES[code].title} " + ", ".join(f"{_percent(share)} {sex}" for sex, share in shares[code].items())
        for code in counts)
    figure = new_figure(finding, alt, dark, height=130 + 40 * len(titles), subtitle=" ".join(counts.index))
    known = {"female": palette(dark).accent, "male": blend(palette(dark).sequential, 0.4)}
    rest = blend(((0.0, palette(dark).ground), (1.0, palette(dark).line)), 0.45)
    figure.layout.title.subtitle.text = "   ".join(  # the key: a legend would be cut off on a phone
        f'<span style="color:{known.get(sex, rest)}">■</span> {sex.capitalize()}' for sex in counts.index)
    for sex in counts.index:
        color = known.get(sex, rest)
        figure.add_bar(
            x=100 * shares.loc[sex], y=titles, orientation="h", name=sex.capitalize(),
            marker={"color": color, "line": {"color": palette(dark).ground, "width": 1}},
            text=[f"{100 * share:.0f} %" if share >= 0.12 else "" for share in shares.loc[sex]],
            textposition="inside", insidetextanchor="middle", textangle=0, insidetextfont={"color": ink_on(color)},
            customdata=counts.loc[sex], hovertemplate=f"%{{y}}<br>{sex}: %{{customdata:,}} images, %{{x:.1f}} %"
                                                      "<extra></extra>")
    figure.update_layout(barmode="stack", margin={"r": 20})
    figure.update_xaxes(title="Share of the class's images, %", range=[0, 100], tickvals=[0, 25, 50, 75, 100])
    figure.update_yaxes(_class_axis(titles))
    return figure


def site_chart(counts: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Where on the body each class was found. `counts`: a row a site, the most frequent first; a column a class."""
    counts = counts.loc[:, counts.sum() > 0]
    titles = [_CLASSES[code].title for code in counts]
    shares = 100 * counts / counts.sum()
    top = counts.index[0]
    alt = "Site by class, the most frequent site of each: " + "; ".join(
        f"{_CLASSES[code].title} {shares[code].idxmax()} {shares[code].max():.0f} %" for code in counts)
    figure = new_figure(f"The most frequent site: {top} ({_percent(counts.loc[top].sum() / counts.to_numpy().sum())})",
                        alt, dark, height=200 + 24 * len(counts), subtitle="Share of each class's images, %")
    figure.add_heatmap(
        x=titles, y=[site.capitalize() for site in counts.index], z=shares.to_numpy(), zmin=0, showscale=False,
        colorscale=[list(stop) for stop in palette(dark).sequential], xgap=2, ygap=2,
        text=np.vectorize(_cell)(shares.to_numpy()), texttemplate="%{text}", textfont={"size": 12},
        customdata=counts.to_numpy(), hovertemplate="%{x}<br>%{y}: %{customdata:,} images, %{z:.1f} %<extra></extra>")
    figure.update_xaxes(side="bottom", tickangle=-40, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklabelstandoff=6)
    return figure


def _class_axis(titles: list[str]) -> dict:
    return {"autorange": "reversed", "showgrid": False, "categoryorder": "array", "categoryarray": titles,
            "ticklabelstandoff": 6}


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
