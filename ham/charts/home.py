"""The small charts of the Home page, as HTML: it grows with the card, is read out as text, and
needs none of Plotly's code in the browser, which takes longer to load than the whole page.

They have no title: the card that they stand in has one. Styled in ham/ui/home.css.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from ham.charts.base import pct
from ham.config import CLASSES, MODEL_TITLES
from ham.report import BestRun


def small_class_balance(counts: np.ndarray) -> str:
    """Images of each class. `counts`: int (7,) in CLASSES order."""
    most, total = max(int(counts.max()), 1), max(int(counts.sum()), 1)
    rows = "".join(
        f'<li title="{c.title}: {n:,} images, {100 * n / total:.1f} %"><span>{c.name}</span>'
        f'<div><u style="width:{100 * n / most:.2f}%;background:{c.color}"></u></div>'
        f"<b>{n:,}</b></li>"
        for c, n in zip(CLASSES, counts.tolist(), strict=True)
    )
    return f'<ul class="ham-balance" aria-label="Images by class">{rows}</ul>'


def best_models(found: Sequence[BestRun]) -> str:
    """Balanced accuracy with its interval, a row a run, and what always predicting one class
    reaches. `found`: at least one.
    """
    one_class = 100 * found[0].one_class
    rows = "".join(_row(one, one_class) for one in found)
    ticks = "".join(
        f'<span style="left:{at}%">{at}{" %" if at == 100 else ""}</span>'
        for at in range(0, 101, 25)
    )
    return (
        '<ul class="ham-best" aria-label="Balanced accuracy on the test images; always one class '
        f'{one_class:.0f} %">{rows}</ul><div class="ham-best-axis" aria-hidden="true">'
        f"<div>{ticks}</div></div>"
    )


def _row(one: BestRun, one_class: float) -> str:
    model = MODEL_TITLES[one.run.config.model]
    recipe = one.run.short_title.removeprefix(f"{model}, ")
    score = one.balanced_accuracy
    words, bar = f"{100 * score.value:.0f} %", ""
    if score.has_width:
        words += f" ({100 * score.low:.0f} to {100 * score.high:.0f})"
        bar = f'<u style="left:{pct(score.low)};width:{pct(score.high - score.low)}"></u>'
    name = html.escape(model)
    note = f"<small>{html.escape(recipe)}</small>" if recipe != model else ""
    return (
        f'<li title="{html.escape(one.run.title)}: {words}"><span>{name}{note}</span>'
        f'<div><s style="left:{one_class:.2f}%"></s>{bar}<i style="left:{pct(score.value)}"></i>'
        f'<b style="left:{pct(score.value)}">{words}</b></div></li>'
    )
