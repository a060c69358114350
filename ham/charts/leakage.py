"""The leakage lab: what training has seen of 100 test images, and what a leak does to the
scores.
"""

from __future__ import annotations

import html
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ham.charts.base import add_intervals, blend, new_figure, palette, spread_rows
from ham.evaluation import SCORES, Interval, format_score

#: What training has seen of a test image, the most telling first.
SEEN = ("the very same image", "another photograph of the lesion", "nothing of the lesion")
#: The kinds of test image that a score can be of, in their order; each has its colour and symbol.
KINDS = ("All test images, as published", "Lesion not seen in training", "Lesion seen in training")


@dataclass(frozen=True)
class SeenShares:
    """Of the test images of one kind ("All images", "Melanoma"), 0 to 1."""

    title: str
    copies: float  # whose very image is in training
    siblings: float  # of which training has another photograph of the lesion only

    @property
    def icons(self) -> tuple[int, int, int]:
        """Of 100, by SEEN; what is there at all is at least one, and so is what is left."""
        copies, siblings, rest = hundred(
            (self.copies, self.siblings, 1 - self.copies - self.siblings)
        )
        return copies, siblings, rest


def hundred(shares: tuple[float, ...]) -> tuple[int, ...]:
    """Whole numbers that add up to 100, nearest to the shares (the largest remainders go up);
    none of what is more than nothing becomes 0.
    """
    wanted = 100 * np.clip(np.array(shares, float), 0, 1)
    counts = np.floor(wanted + 1e-9).astype(int)
    for place in np.argsort(counts - wanted, kind="stable")[: 100 - counts.sum()]:
        counts[place] += 1
    for place in np.flatnonzero((wanted > 1e-9) & (counts == 0)):
        counts[counts.argmax()] -= 1
        counts[place] = 1
    return tuple(int(n) for n in counts)


def seen_colors(dark: bool = False) -> tuple[str, str, str]:
    """The colours of SEEN: amber, strong where the leak is, and grey."""
    colors = palette(dark)
    amber = colors.diverging[0][1]
    ground = ((0.0, colors.ground), (1.0, amber))
    return amber, blend(ground, 0.5), blend(((0.0, colors.ground), (1.0, colors.line)), 0.3)


def seen_waffle(kinds: list[SeenShares], dark: bool = False) -> str:
    """HTML: a square of 100 icons for each kind of test image, coloured by what training has seen
    of it. Styled by `.ham-waffle` in ham/ui.
    """
    counted = [kind.icons for kind in kinds]
    known = [100 - icons[2] for icons in counted]
    title = f"{known[0]} of 100 test images seen" if any(known) else "No test image seen"
    shades = seen_colors(dark)
    squares = []
    for kind, icons, n in zip(kinds, counted, known, strict=True):
        told = ", ".join(f"{n} {words}" for n, words in zip(icons, SEEN, strict=True))
        name = html.escape(kind.title)
        cells = "".join(
            f'<i style="background:{color}"></i>' * n
            for n, color in zip(icons, shades, strict=True)
        )
        squares.append(
            f'<figure><div role="img" title="{told}" aria-label="{name}, of 100: {told}">{cells}'
            f"</div><figcaption>{name}<small>{n} of 100 seen</small></figcaption></figure>"
        )
    return f'<div class="ham-waffle"><b>{title}</b>{"".join(squares)}</div>'


def leak_scores(
    scores: dict[str, dict[str, tuple[Interval, str]]], key: str, dark: bool = False
) -> go.Figure:
    """A row a protocol: its published score, and the same model on lesions that training has,
    and has not, seen.

    `scores`: title of the protocol -> kind (of KINDS) -> score (0 to 1) and what it rests on, in
    words; a kind that a protocol has not is left out. `key`: of SCORES.
    """
    name, titles, colors = SCORES[key].title, list(scores), palette(dark)
    drawn = [kind for kind in KINDS if any(kind in found for found in scores.values())]
    alt = f"{name} with 95 % intervals. " + " ".join(
        f"{title}: "
        + ", ".join(
            f"{kind[0].lower()}{kind[1:]} {format_score(key, found[kind][0])}"
            for kind in KINDS
            if kind in found
        )
        + "."
        for title, found in scores.items()
    )
    figure = new_figure(
        f"{name}: published, and on new lesions",
        alt,
        dark,
        height=110 + 72 * len(titles),
        key={kind: KINDS.index(kind) for kind in drawn},
    )
    for kind in drawn:
        having = [(row, scores[title]) for row, title in enumerate(titles) if kind in scores[title]]
        values = [found[kind] for _, found in having]
        add_intervals(
            figure,
            kind,
            [value for value, _ in values],
            [f"{name} {format_score(key, value)}<br>{words}" for value, words in values],
            [row + _offset(kind, found) for row, found in having],
            KINDS.index(kind),
            100,
            dark,
        )
    figure.update_xaxes(title=f"{name}, %, with 95 % interval", range=[-1, 101], dtick=20)
    figure.update_yaxes(
        tickvals=list(range(len(titles))),
        ticktext=titles,
        showgrid=False,
        range=[len(titles) - 0.45, -0.55],
        tickfont={"color": colors.text},
        ticklabelstandoff=6,
    )
    return figure


def _offset(kind: str, found: Collection[str]) -> float:
    """Where in its row the dot of this kind lies, among those that the row has."""
    here = [other for other in KINDS if other in found]
    return spread_rows(1, here.index(kind), len(here))[0]
