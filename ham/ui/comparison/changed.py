"""How far runs fall when the test images are changed: curves, and the answers that change."""

from __future__ import annotations

import html

import numpy as np
import streamlit as st

from ham import prediction, report, store
from ham.charts.base import key_line
from ham.charts.robustness import strength_curve
from ham.config import CODES
from ham.images import data_url
from ham.lesson import Fact
from ham.prediction import PERTURBATIONS, STRENGTHS
from ham.report import ROBUSTNESS, Comparison, Robustness, RunName
from ham.ui.comparison import asking
from ham.ui.comparison.asking import Found, TestImages, answers_to, test_images
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.frame import chart, choose, is_dark, plain
from ham.ui.noted import note

_SHOWN = 12  # images whose answer changed
_TITLES = {kind: way.title for kind, way in PERTURBATIONS.items()}


def changed_images(compared: Comparison) -> None:
    """The offer to change the test images, how far that is, and what came out."""
    st.markdown(
        "What if the same lesions had been photographed in other light, out of focus, turned, or "
        "with a dark rim? Ten changes of the test images at three strengths, and what the runs "
        "answer then."
    )
    test = test_images(compared)
    if test is None:
        return
    label = f"Change the {len(test.rows):,} test images and ask again"
    answers = answers_to(compared, test, PERTURBATIONS, "changed", label)
    if answers is not None:
        _show(compared, answers, test)


def measured(compared: Comparison) -> dict[RunName, Robustness]:
    """What has come out for these runs; empty where they were not asked."""
    return asking.measured(compared, "changed", _robustness)


# ------------------------------------------------------------------------------- found


def _show(compared: Comparison, answers: Found, test: TestImages) -> None:
    with drawing_lesions():
        found = asking.judged(compared, answers, test, _robustness)
    for name, one in found.items():
        st.markdown(f"**{plain(name)}** {report.robustness_in_words(one, _TITLES)}")
    score = choose(
        "Score", ROBUSTNESS, "comparison_changed_score", "accuracy", label_visibility="collapsed"
    )
    _curves(found, score)
    _flips(found, test)


@st.cache_data(max_entries=12, show_spinner=False)
def _robustness(
    _test: store.Predictions, _answers: dict[str, np.ndarray], key: str, run_id: str
) -> Robustness:
    return report.robustness_of(_test, _answers)


def _curves(found: dict[RunName, Robustness], score: str) -> None:
    keys = [key_line(html.escape(str(name)), i, is_dark()) for i, name in enumerate(found)]
    st.html(f"<div>{'&emsp;'.join(keys)}</div>")
    kinds = list(PERTURBATIONS)
    for start in range(0, len(kinds), 3):
        for column, kind in zip(st.columns(3), kinds[start : start + 3], strict=False):
            way = PERTURBATIONS[kind]
            strengths = ["as it is", *(way.in_words(n + 1) for n in range(STRENGTHS))]
            with column:
                figure = strength_curve(found, kind, way.title, strengths, score, is_dark())
                chart(figure, f"comparison_changed_{kind}")
    st.caption(
        "Done to the 28x28 pixels that the models see, and answered from one view of an image also "
        "where a run takes the mean of eight. Bars: 95 % intervals from draws of the test "
        "lesions. " + " ".join(f"{way.title}: {way.help}" for way in PERTURBATIONS.values())
    )


def _flips(found: dict[RunName, Robustness], test: TestImages) -> None:
    """Images whose predicted class is another one when they are changed."""
    st.markdown("**Changed answers**")
    of_kind, of_level, of_run = st.columns(3, gap="medium")
    kind = of_kind.selectbox(
        "Change", list(PERTURBATIONS), format_func=_TITLES.__getitem__, key="comparison_flip_kind"
    )
    level = of_level.selectbox(
        "Strength",
        range(1, STRENGTHS + 1),
        format_func=PERTURBATIONS[kind].in_words,
        key="comparison_flip_level",
    )
    by_text = {str(name): name for name in found}
    name = by_text[of_run.selectbox("Run", list(by_text), key="comparison_flip_run")]
    places = found[name].flipped(kind, level)
    n = len(test.rows)
    st.markdown(f"{len(places):,} of {n:,} answers change ({100 * len(places) / n:.0f} %).")
    shown = places[:_SHOWN]
    if not len(shown):
        return
    note(Fact.MODEL_FOOLED)
    images = test.images[shown]
    after = prediction.perturbed_images(images, kind, level)
    tiles = [
        _tile(
            images[i],
            after[i],
            test.ids[place],
            found[name].test.y_true[place],
            found[name].answers[kind][0][place],
            found[name].answers[kind][level][place],
        )
        for i, place in enumerate(shown)
    ]
    st.html(f'<div class="ham-cell">{"".join(tiles)}</div>')


def _tile(
    before: np.ndarray,
    after: np.ndarray,
    image_id: str,
    true: int,
    proba: np.ndarray,
    changed: np.ndarray,
) -> str:
    pictures = "".join(
        f'<img src="{data_url(image)}" alt="{words}, 28 by 28 pixels" style="width:50%">'
        for image, words in ((before, "As it is"), (after, "Changed"))
    )
    said = [f"{CODES[int(p.argmax())]} {100 * p.max():.0f} %" for p in (proba, changed)]
    return (
        f'<figure><div style="display:flex">{pictures}</div><figcaption>'
        f"<b>{html.escape(image_id)}</b><span>true {CODES[true]}</span>"
        f"<span>{said[0]} → {said[1]}</span></figcaption></figure>"
    )
