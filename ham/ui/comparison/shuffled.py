"""The test images with their rows, columns or pixels shuffled: what each model needs to see."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import prediction, report, store
from ham.charts.robustness import shuffled_scores
from ham.config import CLASSES
from ham.images import data_url
from ham.prediction import SHUFFLES
from ham.report import ARRANGEMENT, Comparison, Robustness, RunName, answer_in_words
from ham.ui.comparison import asking
from ham.ui.comparison.asking import Found, TestImages, answers_to, test_images
from ham.ui.comparison.choice import drawing_lesions
from ham.ui.frame import chart, choose, is_dark, plain

_TITLES = {kind: way.title for kind, way in SHUFFLES.items()}


def shuffled_pixels(compared: Comparison) -> None:
    """One image in each state, the offer to ask about all of them, and what came out."""
    test = test_images(compared)
    if test is None:
        return
    place = _example(compared)
    pictures = st.container()
    label = f"Shuffle the {len(test.rows):,} test images and ask again"
    answers = answers_to(compared, test, SHUFFLES, "shuffled", label)
    with pictures:
        _states(compared, test, place, answers)
    if answers is not None:
        _show(compared, answers, test)


def measured(compared: Comparison) -> dict[RunName, Robustness]:
    """What has come out for these runs; empty where they were not asked."""
    return asking.measured(compared, "shuffled", _arrangement)


def _example(compared: Comparison) -> int:
    """Place of the image that is shown: of the class chosen the one of which A is surest."""
    y_true = compared.aligned[compared.names[0]].y_true
    there = [k for k in range(len(CLASSES)) if (y_true == k).any()]
    k = choose(
        "Class of the example",
        there,
        "comparison_shuffled_class",
        there[0],
        label_visibility="collapsed",
        format_func=lambda k: CLASSES[k].title,
    )
    proba = compared.aligned[compared.names[0]].proba[:, k]
    return int(np.where(y_true == k, proba, -1).argmax())


def _states(compared: Comparison, test: TestImages, place: int, answers: Found | None) -> None:
    image = test.images[place : place + 1]
    true = int(compared.aligned[compared.names[0]].y_true[place])
    shown = {"As it is": image[0]} | {
        title: prediction.perturbed_images(image, kind, 1)[0] for kind, title in _TITLES.items()
    }
    tiles = [
        f'<figure><img src="{data_url(pixels)}" alt="{CLASSES[true].title}, {title.lower()}, 28 by '
        f'28 pixels"><figcaption><b>{title}</b>{lines}</figcaption></figure>'
        for (title, pixels), lines in zip(
            shown.items(), _lines(compared, place, true, answers), strict=True
        )
    ]
    st.html(f'<div class="ham-cell">{"".join(tiles)}</div>')
    st.caption(
        "The same pixels each time. An LSTM that reads rows sees their order, a CNN needs "
        "neighbours: what falls to the majority class had used the arrangement, what remains is "
        "colour.",
        help="Each image has an order of its own, drawn from a seed made of its pixels, so that "
        "it is the same every time. Asked by one view of an image, also where a run takes the "
        "mean of eight. The models were trained on images as they are.",
    )


def _lines(compared: Comparison, place: int, true: int, answers: Found | None) -> list[str]:
    """What the runs answer to the image in each state, HTML; nothing before they were asked."""
    if answers is None:
        return [""] * (1 + len(SHUFFLES))
    asked = {name: answers[one.run.id] for name, one in compared.reports.items()}
    kinds = list(SHUFFLES)
    return [
        "".join(
            f"<span>{answer_in_words(name.letter, proba[kind][level, place], true)}</span>"
            for name, proba in asked.items()
        )
        for kind, level in ((kinds[0], 0), *((kind, 1) for kind in kinds))
    ]


def _show(compared: Comparison, answers: Found, test: TestImages) -> None:
    with drawing_lesions():
        found = asking.judged(compared, answers, test, _arrangement)
        majority = next(iter(compared.baselines.values())).scores
    score = choose(
        "Score",
        ARRANGEMENT,
        "comparison_shuffled_score",
        "balanced_accuracy",
        label_visibility="collapsed",
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        figure = shuffled_scores(found, _TITLES, score, majority[score].value, is_dark())
        chart(figure, "comparison_shuffled")
    with right:
        for name, one in found.items():
            words = report.arrangement_in_words(one, _TITLES, majority["balanced_accuracy"].value)
            st.markdown(f"**{plain(name)}** {words}")


@st.cache_data(max_entries=12, show_spinner=False)
def _arrangement(
    _test: store.Predictions, _answers: dict[str, np.ndarray], key: str, run_id: str
) -> Robustness:
    return report.arrangement_of(_test, _answers)
