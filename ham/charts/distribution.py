"""Classes, ages, sexes, sites and ways of diagnosis, as HTML: drawn in a fraction of a Plotly
chart's time, read out row by row, as wide as its place.

Each is a `<figure>`: the finding, its note, and a list or a table whose rows are classes in the
order of CLASSES. The tables are those of `ham.data.tables`. Styled in ham/ui/distribution.css.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable

import pandas as pd

from ham.charts.base import blend, ink_on, palette, pct
from ham.config import CLASSES, CODES
from ham.report.words import count

_CLASSES = dict(zip(CODES, CLASSES, strict=True))
# neighbours in a bar differ
_METHOD_SHADES = {"histo": 1.0, "follow_up": 0.4, "consensus": 0.7, "confocal": 0.2}
_LESIONS_SHADE = 0.45  # of the class's colour
_MOST_TICKS = 6
_HEADROOM = 1.03  # of the count axis, beyond the longest bar
_INSIDE = 0.5  # a bar longer than this part of the axis has its label within
_YEARS = 10  # from tick to tick
_LEAST_LABELLED = 0.12  # share: narrower parts of a bar have no room for a number


def class_bars(balance: pd.DataFrame, dark: bool = False, pressable: bool = False) -> str:
    """Images and lesions of each class, and the line that always predicting the largest class
    reaches.

    `balance`: rows in CLASSES order, columns images, lesions. Classes without an image are left
    out. `pressable`: a row is a button, whose `data-press` is the class's code.
    """
    balance = balance[balance["images"] > 0]
    images = balance["images"].to_numpy()
    most, whole = int(images.max()), int(images.sum())
    largest = _CLASSES[balance.index[int(images.argmax())]]
    share, several = percent(most / whole), len(balance) > 1
    end = _HEADROOM * most
    rows = "".join(
        _class_row(code, int(row["images"]), int(row["lesions"]), whole, end, dark, pressable)
        for code, row in balance.iterrows()
    )
    step = _tick_step(end)
    ticks = [(n / end, f"{n:,}") for n in range(0, math.floor(end) + 1, step)]
    return _figure(
        f"{share} of images are {within_sentence(largest.title)}"
        if several
        else f"All are {within_sentence(largest.title)}",
        f"Dashed: always predicting {largest.code} is correct for {share}" if several else "",
        _plot(
            _list("Images and lesions by class", rows),
            ticks,
            "Count",
            most / end if several else None,
        ),
        dark,
    )


def _class_row(
    code: str, images: int, lesions: int, whole: int, end: float, dark: bool, pressable: bool
) -> str:
    lesion_class = _CLASSES[code]
    pale = blend(((0.0, palette(dark).ground), (1.0, lesion_class.color)), _LESIONS_SHADE)
    bars = _bar(
        images / end, lesion_class.color, f"{count(images, 'image')} ({percent(images / whole)})"
    )
    bars += _bar(lesions / end, pale, count(lesions, "lesion"))
    row = f'<span class="ham-name">{lesion_class.title}</span><span class="ham-bars">{bars}</span>'
    if not pressable:
        return f'<li class="ham-row">{row}</li>'
    return (
        f'<li><button type="button" class="ham-row" data-press="{code}" title="A click shows only '
        f'{within_sentence(lesion_class.title)}">{row}</button></li>'
    )


def _bar(share: float, color: str, label: str) -> str:
    """`share`: of the axis."""
    within = share > _INSIDE
    place = f"left:0;color:{ink_on(color)}" if within else f"left:{pct(share)}"
    return (
        f'<span><u style="width:{pct(share)};background:{color}"></u><em style="{place}">{label}'
        "</em></span>"
    )


def age_boxes(ages: pd.DataFrame, missing: int, zero: int, dark: bool = False) -> str:
    """Median, middle half and 5 to 95 % of the ages of each class with a known age.

    `ages`: rows in CLASSES order, columns known, p5, q1, median, q3, p95 (years). `missing`,
    `zero`: images without an age, and with age 0.
    """
    known = ages[ages["known"] > 0]
    doubts = (f"{missing:,} unknown" * bool(missing), f"{zero:,} given as 0" * bool(zero))
    note = "; ".join(filter(None, ("Middle half and 5 to 95 %", ", ".join(filter(None, doubts)))))
    if known.empty:
        return _figure("No age is known", "; ".join(filter(None, doubts)), "", dark)
    end = _YEARS * max(1, math.ceil(known["p95"].max() / _YEARS))
    rows = "".join(_age_row(code, row, end, dark) for code, row in known.iterrows())
    ticks = [(age / end, str(age)) for age in range(0, end + 1, _YEARS)]
    drawn = _plot(_list("Age by class", rows), ticks, "Age in years")
    return _figure(_age_finding(known), note, drawn, dark)


def _age_row(code: str, row: pd.Series, end: float, dark: bool) -> str:
    title, color = _CLASSES[code].title, _CLASSES[code].color
    said = (
        f"median {row['median']:g} years, middle half {row.q1:g} to {row.q3:g}, 5 to 95 %: "
        f"{row.p5:g} to {row.p95:g}; {count(int(row.known), 'image')}"
    )
    fill = blend(((0.0, palette(dark).ground), (1.0, color)), 0.35)
    box = (
        f'<i style="left:{pct(row.p5 / end)};width:{pct((row.p95 - row.p5) / end)}"></i>'
        f'<u style="left:{pct(row.q1 / end)};width:{pct((row.q3 - row.q1) / end)};'
        f'background:{fill}"></u><b style="left:{pct(row["median"] / end)}"></b>'
    )
    return (
        f'<li class="ham-row" title="{title}: {said}"><span class="ham-name">{title}</span>'
        f'<span class="ham-box" role="img" aria-label="{said}" style="color:{color}">{box}</span>'
        "</li>"
    )


def _age_finding(known: pd.DataFrame) -> str:
    youngest, oldest = known["median"].idxmin(), known["median"].idxmax()
    low, high = (f"{known['median'][code]:g}" for code in (youngest, oldest))
    if low == high:
        return f"The median age is {low} years"
    return f"Median age: from {low} years ({youngest}) to {high} ({oldest})"


def sex_bars(counts: pd.DataFrame, dark: bool = False) -> str:
    """The shares of the sexes in each class. `counts`: a row a value of sex, a column a class."""
    counts = counts.loc[sorted(counts.index, key=lambda sex: (sex == "unknown", sex))]
    overall = (counts.sum(axis=1) / counts.to_numpy().sum()).drop("unknown", errors="ignore")
    finding = "No sex is known"
    if len(overall):
        finding = f"{percent(overall.max())} of the images are of {overall.idxmax()} patients"
    known = {"female": palette(dark).accent, "male": blend(palette(dark).sequential, 0.4)}
    return _share_bars(counts, finding, "Sex by class", str.capitalize, known, dark)


def method_bars(
    counts: pd.DataFrame, words: Callable[[str], str] = str.capitalize, dark: bool = False
) -> str:
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
        finding = f"{percent(overall.max())} diagnosed by {words(overall.idxmax()).lower()}"
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
) -> str:
    """A stacked bar a class: the shares of a column's values. A value without a colour is grey."""
    counts = counts.loc[:, counts.sum() > 0]
    rest = blend(((0.0, palette(dark).ground), (1.0, palette(dark).line)), 0.45)
    named = {value: (html.escape(words(value)), colors.get(value, rest)) for value in counts.index}
    key = "".join(
        f'<span class="ham-key"><i style="background:{color}"></i>{name}</span>'
        for name, color in named.values()
    )
    rows = "".join(_share_row(code, column, named) for code, column in counts.items())
    ticks = [(at / 100, str(at)) for at in range(0, 101, 25)]
    drawn = _plot(_list(what, rows), ticks, "Share of the class's images, %")
    return _figure(finding, key, drawn, dark)


def _share_row(code: str, counts: pd.Series, named: dict[str, tuple[str, str]]) -> str:
    title, whole = _CLASSES[code].title, int(counts.sum())
    parts, said = "", []
    for value, n in counts.items():
        (name, color), share = named[value], n / whole
        said.append(f"{percent(share)} {name.lower()}")
        if n:
            label = f"{100 * share:.0f} %" if share >= _LEAST_LABELLED else ""
            parts += (
                f'<span style="width:{pct(share)};background:{color};color:{ink_on(color)}" '
                f'title="{title}: {name}, {count(n, "image")}, '
                f'{percent(share)}">{label}</span>'
            )
    return (
        f'<li class="ham-row"><span class="ham-name">{title}</span>'
        f'<span class="ham-shares" role="img" aria-label="{", ".join(said)}">{parts}</span></li>'
    )


def site_table(counts: pd.DataFrame, dark: bool = False) -> str:
    """Where on the body each class was found. `counts`: a row a site, the most frequent first; a
    column a class.
    """
    counts = counts.loc[:, counts.sum() > 0]
    shares = counts / counts.sum()
    top = counts.index[0]
    overall = percent(counts.loc[top].sum() / counts.to_numpy().sum())
    head = "".join(
        f'<th scope="col"><abbr title="{_CLASSES[code].title}">{code}</abbr></th>'
        for code in counts
    )
    highest = shares.to_numpy().max()
    rows = ""
    for site in counts.index:
        name = html.escape(site.capitalize())
        cells = "".join(
            _site_cell(code, name, int(counts.loc[site, code]), share, share / highest, dark)
            for code, share in shares.loc[site].items()
        )
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    return _figure(
        f"The most frequent site: {top} ({overall})",
        "Share of each class's images, %",
        '<table class="ham-sites" aria-label="Site by class, in % of each class\'s images">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table>",
        dark,
    )


def _site_cell(code: str, site: str, n: int, share: float, shade: float, dark: bool) -> str:
    ground = blend(palette(dark).sequential, shade)
    return (
        f'<td style="background:{ground};color:{ink_on(ground)}" title="{_CLASSES[code].title}: '
        f'{site}, {count(n, "image")}, {percent(share)}">{_cell(share)}</td>'
    )


# ------------------------------------------------------------------------------ what all have


def _figure(finding: str, note: str, drawn: str, dark: bool) -> str:
    """`finding` is text, `note` and `drawn` are HTML."""
    colors = palette(dark)
    style = (
        f"--ham-ground:{colors.ground};--ham-muted:{colors.muted};--ham-grid:{colors.grid};"
        f"--ham-line:{colors.line}"
    )
    said = f"<p>{note}</p>" if note else ""
    return (
        f'<figure class="ham-chart" style="{style}"><figcaption><b>{html.escape(finding)}</b>{said}'
        f"</figcaption>{drawn}</figure>"
    )


def _list(what: str, rows: str) -> str:
    return f'<ul aria-label="{what}">{rows}</ul>'


def _plot(
    rows: str, ticks: Iterable[tuple[float, str]], title: str, dashed: float | None = None
) -> str:
    """Rows on an axis. `ticks`: place (0 to 1) and label; `dashed`: place of a reference line."""
    lines = "".join(f'<i style="left:{pct(at)}"><span>{label}</span></i>' for at, label in ticks)
    if dashed is not None:
        lines += f'<s style="left:{pct(dashed)}"></s>'
    return (
        f'<div class="ham-plot"><div class="ham-axis" aria-hidden="true">{lines}</div>{rows}</div>'
        f'<p class="ham-axis-title">{title}</p>'
    )


def _tick_step(end: float) -> int:
    """1, 2 or 5 times a power of ten: the least that leaves at most _MOST_TICKS steps."""
    power = 10 ** max(0, math.floor(math.log10(end / _MOST_TICKS)))
    return next(k * power for k in (1, 2, 5, 10, 20) if end / (k * power) <= _MOST_TICKS)


def _cell(share: float) -> str:
    """Nothing for nothing, and no digit too many."""
    if not share > 0:
        return ""
    percents = 100 * share
    return f"{percents:.0f}" if percents >= 0.95 else "&lt;1"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.9995 else "100 %"


def within_sentence(title: str) -> str:
    """A class title within a sentence."""
    return title[0].lower() + title[1:]
