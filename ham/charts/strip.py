"""The headline scores at a glance: a panel a score, a mark and its interval a run.

HTML, which grows with the window and is read out as text.
"""

from __future__ import annotations

import html
import math

from ham.charts.base import GLYPHS, palette, run_style
from ham.evaluation import SCORES, Interval, format_score
from ham.report import RunName


def score_strip(
    scores: dict[RunName, dict[str, Interval]],
    baseline: tuple[str, dict[str, Interval]],
    keys: tuple[str, ...],
    dark: bool = False,
) -> str:
    """Panels of the scores in `keys`, on their whole range; the baseline, (title, scores), as a
    dashed line. Styled by `.ham-strip` in ham/ui.
    """
    panels = "".join(_panel(scores, baseline, key, dark) for key in keys)
    title = baseline[0]
    note = html.escape(f"Bars: 95 % intervals. Dashed: {title[:1].lower()}{title[1:]}.")
    return f'<div class="ham-strip">{panels}</div><p class="ham-strip-note">{note}</p>'


def _panel(
    scores: dict[RunName, dict[str, Interval]],
    baseline: tuple[str, dict[str, Interval]],
    key: str,
    dark: bool,
) -> str:
    floor = baseline[1][key]
    line = (
        f'<s style="left:{_place(key, floor.value)};border-color:{palette(dark).line}"></s>'
        if math.isfinite(floor.value)
        else ""
    )
    rows = "".join(
        _row(name, found[key], key, position, line, dark)
        for position, (name, found) in enumerate(scores.items())
    )
    return f"<section><b>{html.escape(SCORES[key].title)}</b>{rows}</section>"


def _row(name: RunName, found: Interval, key: str, position: int, line: str, dark: bool) -> str:
    color, glyph = run_style(position, dark)[0], GLYPHS[position % len(GLYPHS)]
    words = html.escape(format_score(key, found))
    value, bracket, interval = words.partition(" (")
    if not math.isfinite(found.value):
        drawn = ""
    else:
        low, high = (found.low, found.high) if found.has_width else (found.value, found.value)
        width = f"calc({_place(key, high)} - {_place(key, low)})"
        drawn = (
            f'<u style="left:{_place(key, low)};width:{width};background:{color}"></u>'
            f'<i style="left:{_place(key, found.value)};color:{color}">{glyph}</i>'
        )
    return (
        f'<div title="{html.escape(str(name))}: {words}">'
        f"<em>{html.escape(name.short)}</em><div>{line}{drawn}</div>"
        f'<span>{value}<span class="ham-unseen">{bracket}{interval}</span></span></div>'
    )


def _place(key: str, value: float) -> str:
    score = SCORES[key]
    return f"{100 * (value - score.low) / (score.high - score.low):.2f}%"
