"""Answers as HTML: the table of one image, and one file of many with their pictures."""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from ham.config import APP_NAME, CLASSES, CODES, DISCLAIMER, IMAGE_SIZE, ImageError
from ham.evaluation import COVERAGE
from ham.images import data_url
from ham.prediction.answers import Answer, calls
from ham.prediction.predictor import Prediction
from ham.prediction.words import (
    call_explained,
    doubt_in_words,
    set_explained,
    set_in_words,
    verdict,
)
from ham.report.words import whole_percent

_LONGEST_BAR = 55  # per cent of a cell's width
_PICTURE = 320  # pixels, longest side in the file
_PAGE_STYLE = """:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1.5rem; }
section { border-top: 1px solid light-dark(#D7DCE1, #303742); margin-top: 1.5rem; padding-top: 1rem;
  display: grid; gap: 1rem 1.5rem; grid-template-columns: minmax(10rem, 20rem) 1fr; }
section > header { grid-column: 1 / -1; }
h2 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
figure { margin: 0 0 0.75rem; } figure img { border-radius: 6px; display: block; width: 100%; }
figure.ham-pixels img { image-rendering: pixelated; max-width: 10rem; }
figcaption, .ham-note { color: light-dark(#57606A, #A9B1BA); font-size: 0.85rem; }
@media (max-width: 40rem) { section { grid-template-columns: 1fr; } }"""


@functools.cache
def style() -> str:
    """The style of `answer_table`, CSS."""
    return Path(__file__).with_name("table.css").read_text("utf-8")


def answer_table(predictions: Sequence[Prediction], names: Mapping[str, str]) -> str:
    """One image's answers: a row a class, a column a run, bars of the calibrated probabilities,
    solid for the classes in the run's 90 % set; below, malignant in total, the call at the
    threshold with what it costs, the set in words. What the model gives uncalibrated is each
    cell's title.

    `names`: what heads a column, by run id.
    """
    head = "".join(f'<th scope="col">{html.escape(names[p.run_id])}</th>' for p in predictions)
    rows = "".join(_class_row(k, predictions) for k in range(len(CLASSES)))
    foot = (
        _row("Malignant in total", [_call(p) for p in predictions])
        + _row("Its threshold on test", [_cost(p) for p in predictions])
        + _row(f"{100 * COVERAGE:.0f}&nbsp;% set", [_set(p) for p in predictions])
    )
    return (
        f'<table class="ham-answer"><thead><tr><th scope="col">Class</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>"
    )


def _class_row(k: int, predictions: Sequence[Prediction]) -> str:
    own = CLASSES[k]
    first_benign = not own.malignant and CLASSES[k - 1].malignant
    kind = ' class="ham-first-benign"' if first_benign else ""
    cells = "".join(_bar(k, p) for p in predictions)
    return (
        f'<tr{kind}><th scope="row"><i style="background:{own.color}"></i>{own.name} '
        f"<small>{own.code}</small></th>{cells}</tr>"
    )


def _bar(k: int, p: Prediction) -> str:
    share, held = float(p.proba[k]), p.prediction_set
    outside = held is not None and CODES[k] not in held
    said = ' class="ham-said"' if k == p.label else ""
    calibrated = "calibrated" if p.rule.temperature is not None else "not calibrated"
    title = (
        f"{100 * share:.1f} % {calibrated}, {100 * float(p.raw[k]):.1f} % as the model gives it"
        f"{'; outside the 90 % set' if outside else ''}"
    )
    return (
        f'<td{said} title="{title}"><div><i{" class=ham-out" if outside else ""} '
        f'style="background:{CLASSES[k].color};width:{_LONGEST_BAR * share:.1f}%"></i>'
        f"{_percent(share)}</div></td>"
    )


def _row(title: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="row">{title}</th>{"".join(cells)}</tr>'


def _call(p: Prediction) -> str:
    threshold, share = p.rule.malignant_threshold, _percent(p.malignant)
    if threshold is None:
        return f"<td>{share}</td>"
    kind = "malignant" if calls(p) else "benign"
    return (
        f'<td>{share} <span class="ham-{kind}">{kind}</span> '
        f"<small>from {_percent(threshold)} on</small></td>"
    )


def _cost(p: Prediction) -> str:
    explained = html.escape(call_explained(p))
    if (point := p.rule.point) is None:
        return f"<td><small>{explained}</small></td>"
    return (
        f'<td title="{explained}"><small>sensitivity {_percent(point.sensitivity.value)}, '
        f"specificity {_percent(point.specificity.value)}</small></td>"
    )


def _percent(share: float) -> str:
    """ "63 %", kept on one line, as HTML."""
    return html.escape(whole_percent(share)).replace(" ", "&nbsp;")


def _set(p: Prediction) -> str:
    words = set_in_words(p.prediction_set) if p.prediction_set else set_explained(p)
    return f'<td title="{html.escape(set_explained(p))}">{html.escape(words)}</td>'


# --------------------------------------------------------------------------- one file


def as_html(
    answers: Sequence[Answer],
    names: Mapping[str, str],
    refused: Sequence[ImageError] = (),
    more: Mapping[int, str] | None = None,
) -> str:
    """All answers with their pictures in one file that needs nothing else.

    `more`: HTML that stands below an answer, by its place among them.
    """
    sections = [answer_section(a, names, (more or {}).get(i, "")) for i, a in enumerate(answers)]
    return whole_page(sections, answers[0].predictions if answers else (), names, refused)


def whole_page(
    sections: Sequence[str],
    predictions: Sequence[Prediction],
    names: Mapping[str, str],
    refused: Sequence[ImageError] = (),
) -> str:
    """The file from its sections (`answer_section`); `predictions` are any image's, whose runs'
    rules are explained.
    """
    left_out = "".join(
        f"<li><b>{html.escape(e.what)}</b>: {html.escape(f'{e.why} {e.todo}')}</li>"
        for e in refused
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Answers · {APP_NAME}</title><style>{_PAGE_STYLE}\n{style()}</style></head><body>"
        f"<h1>Answers</h1><p>{html.escape(DISCLAIMER)}.</p>{_worth(predictions, names)}"
        f"{''.join(sections)}"
        f"{f'<h2>Not answered</h2><ul>{left_out}</ul>' if left_out else ''}</body></html>"
    )


def answer_section(answer: Answer, names: Mapping[str, str], more: str = "") -> str:
    """One image: its pictures, the verdict, the table, and `more` HTML below it."""
    image, truth = answer.question.image, answer.question.truth
    name = html.escape(image.name)
    known = f" · true class: {CLASSES[truth].name}" if truth is not None else ""
    original = (
        ""
        if image.original is image.seen
        else f'<figure><img src="{data_url(image.original, "JPEG", _PICTURE)}" alt="{name}">'
        "</figure>"
    )
    notes = "".join(f'<p class="ham-note">{html.escape(str(note))}</p>' for note in image.notes)
    table = answer_table(answer.predictions, names) + more
    return (
        f"<section><header><h2>{name}</h2>"
        f'<span class="ham-note">{image.size[0]:,} x {image.size[1]:,} pixels{known}</span>'
        f"<p><b>{html.escape(doubt_in_words(answer) or verdict(answer, names))}</b></p></header>"
        f"<div>{original}"
        f'<figure class="ham-pixels"><img src="{data_url(image.seen)}" alt="{name}, as the models '
        f'see it"><figcaption>What the models see: {IMAGE_SIZE} x {IMAGE_SIZE}</figcaption>'
        f"</figure>{notes}</div>"
        f"<div>{_doubted(table) if answer.doubt else table}</div></section>"
    )


def _doubted(table: str) -> str:
    return (
        "<details><summary>Show the answer all the same</summary>"
        f'<div style="opacity:0.5">{table}</div></details>'
    )


def _worth(predictions: Sequence[Prediction], names: Mapping[str, str]) -> str:
    """What sets and thresholds of each run are worth; "" without runs."""
    if not predictions:
        return ""
    lines = "".join(
        f"<li><b>{html.escape(names[p.run_id])}</b>: {html.escape(explained(p))}</li>"
        for p in predictions
    )
    return f"<details><summary>What these numbers are worth</summary><ul>{lines}</ul></details>"


def explained(p: Prediction) -> str:
    """What the run's calibration, set and threshold are worth, in sentences."""
    if p.rule.temperature is None:
        return " ".join(p.rule.missing)
    calibrated = f"Its probabilities have a temperature of {p.rule.temperature:.2f}."
    parts = [calibrated, set_explained(p), *([call_explained(p)] if p.rule.point else [])]
    return " ".join([*parts, *p.rule.missing])
