"""What the chosen models say about the images: asked, shown a row an image, and taken away."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import streamlit as st

from ham import prediction, store
from ham.charts import probability_bars
from ham.config import CLASSES, IMAGE_SIZE, ImageError, StoreError
from ham.images import CheckedImage
from ham.prediction import (
    Answer,
    Prediction,
    Predictor,
    Question,
    as_records,
    as_table,
    predict,
    shorten,
)
from ham.report import MAX_RUNS, RunName
from ham.report.words import whole_percent
from ham.ui.frame import chart, download, is_dark, plain, show_error
from ham.ui.prediction.images import remove_button
from ham.ui.prediction.models import short_labels

PAGE_ROWS = 8
# pixels on the page: 28 x 7, so that a pixel seen is a whole number of screen pixels
SHOWN_SIZE = 196


def not_a_diagnosis() -> None:
    st.warning(
        "**Not a diagnosis.** The models learned from small dermatoscopic photographs of seven "
        "kinds of skin lesion. They name one of the seven for any picture at all, a photograph of "
        "a cat included, and can be sure and wrong. For a spot on your skin, see a doctor.",
        icon=":material/medical_information:",
    )


# ------------------------------------------------------------------------------ answers


def ask(questions: Sequence[Question], runs: Sequence[store.Run]) -> list[Answer]:
    """Every question's answers; a run whose model cannot be loaded is named and left out."""
    prediction.warm_up()  # whoever opened this page will soon need it
    if not (questions and runs):
        return []
    predictors = _load(runs)
    if not predictors:
        return []
    flat = predict([question.image for question in questions], predictors)
    width = len(predictors)
    return [
        Answer(question, tuple(flat[i * width : (i + 1) * width]))
        for i, question in enumerate(questions)
    ]


def _load(runs: Sequence[store.Run]) -> list[Predictor]:
    predictors = []
    with st.spinner("Loading the models, about 5 s the first time", show_time=True):
        for run in runs:
            try:
                version = run.record.model.sha256 if run.record.model else ""
                predictors.append(_predictor(run.id, version, run))
            except StoreError as error:
                show_error(error)
    return predictors


@st.cache_resource(max_entries=2 * MAX_RUNS, show_spinner=False)
def _predictor(run_id: str, sha256: str, _run: store.Run) -> Predictor:
    return Predictor(_run)


# -------------------------------------------------------------------------------- show


def show_refused(refused: Sequence[ImageError]) -> None:
    if not refused:
        return
    title = (
        "1 file was not answered"
        if len(refused) == 1
        else f"{len(refused)} files were not answered"
    )
    lines = [
        f"- **{plain(shorten(error.what))}**: {plain(error.why)} {plain(error.todo)}"
        for error in refused
    ]
    st.error(f"{title}\n\n" + "\n".join(lines), icon=":material/block:")


def show_answers(
    answers: Sequence[Answer], refused: Sequence[ImageError], labels: dict[str, str]
) -> None:
    """One row an image, a page at a time; all of them to be downloaded."""
    if not answers:
        return
    st.subheader("Answers", anchor=False)
    st.markdown(summary(answers, labels))
    pages = -(-len(answers) // PAGE_ROWS)
    page = st.pagination(pages, key="prediction_page") if pages > 1 else 1
    short = short_labels([p.run_id for p in answers[0].predictions], labels)
    first = (min(page, pages) - 1) * PAGE_ROWS
    for position, answer in enumerate(answers[first : first + PAGE_ROWS]):
        _row(answer, labels, short, position)
    _downloads(answers, refused, labels)


def summary(answers: Sequence[Answer], labels: dict[str, str]) -> str:
    """ "4 images, 2 models: the models agree on 3. Not a diagnosis."""
    models, agreed = len(answers[0].predictions), sum(answer.agree for answer in answers)
    found = (
        f"{len(answers)} image{'s' if len(answers) > 1 else ''}, {models} "
        f"model{'s' if models > 1 else ''}"
    )
    if models > 1 and len(answers) > 1:
        found += f": the models agree on {'all' if agreed == len(answers) else agreed or 'none'}"
    elif models > 1:
        found += f": the models {'agree' if agreed else 'disagree'}"
    if answers[0].question.truth is not None:
        right = [
            sum(answer.predictions[k].label == answer.question.truth for answer in answers)
            for k in range(models)
        ]
        found += ". Right answers: " + "; ".join(
            f"{count} of {len(answers)} by {plain(labels[p.run_id])}"
            for count, p in zip(right, answers[0].predictions, strict=True)
        )
    return f"{found}. :gray[Probabilities of small models, not a diagnosis.]"


def _row(answer: Answer, labels: dict[str, str], short: dict[str, str], position: int) -> None:
    image = answer.question.image
    with st.container(border=True):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(heading(answer.question), width="content")
            remove_button(answer.question)
        left, right = st.columns([9, 11], gap="medium")
        with left:
            with st.container(horizontal=True, gap="small"):
                _pictures(image, position)
            for note in image.notes:
                st.caption(f":material/info: {plain(note)}")
            with st.container(horizontal=True, gap="medium"):
                for p in answer.predictions:
                    st.markdown(
                        in_words(p, labels[p.run_id], answer.question.truth), width="content"
                    )
            if not answer.agree_on_malignant:
                st.markdown(
                    ":material/call_split: The models disagree even on whether it is malignant."
                )
        with right:
            probas = {RunName("", short[p.run_id]): p.proba for p in answer.predictions}
            chart(probability_bars(probas, is_dark()), key=f"probabilities_{position}")


def _pictures(image: CheckedImage, position: int) -> None:
    height, width = image.original.shape[:2]
    scale, name = SHOWN_SIZE / max(height, width), plain(shorten(image.name))
    if image.original is not image.seen:
        with st.container(
            key=f"original_{position}",
            width=SHOWN_SIZE,
            horizontal_alignment="center",
            gap="xsmall",
        ):
            st.image(image.original, width=max(1, round(width * scale)), alt=f"{name}, original")
            st.caption("Original", text_alignment="center")
    with st.container(key=f"seen_{position}", width=SHOWN_SIZE, gap="xsmall"):
        st.image(
            enlarged(image.seen),
            width=SHOWN_SIZE,
            alt=f"{name}, squashed to the {IMAGE_SIZE} by {IMAGE_SIZE} pixels that the models see",
        )
        st.caption(f"What the models see: {IMAGE_SIZE} x {IMAGE_SIZE}", text_alignment="center")


def heading(question: Question) -> str:
    """The file's name and size, and the true class where it is known."""
    image = question.image
    text = f"**{plain(shorten(image.name))}** :gray[{image.size[0]:,} x {image.size[1]:,} pixels]"
    if question.truth is None:
        return text
    return (
        f"{text}  \nTrue class: **{CLASSES[question.truth].title}** {_kind_badge(question.truth)}"
    )


def _kind_badge(label: int) -> str:
    return ":orange-badge[malignant]" if CLASSES[label].malignant else ":blue-badge[benign]"


def enlarged(seen: np.ndarray, times: int = 16) -> np.ndarray:
    """uint8 (28, 28, 3) -> (28 * times, 28 * times, 3), every pixel a square."""
    return seen.repeat(times, axis=0).repeat(times, axis=1)


def in_words(answer: Prediction, label: str, truth: int | None = None) -> str:
    """Whose answer, the answer, how sure."""
    mark = (
        ""
        if truth is None
        else (
            " :green[:material/check: right]"
            if truth == answer.label
            else " :red[:material/close: wrong]"
        )
    )
    malignant = float(answer.proba[[c.malignant for c in CLASSES]].sum())
    sure = whole_percent(float(answer.proba[answer.label]))
    return (
        f":gray[{plain(label)}]  \n**{CLASSES[answer.label].title}** "
        f"{_kind_badge(answer.label)}{mark}  \n"
        f"{sure} :gray[sure · {whole_percent(malignant)} malignant in total]"
    )


# ----------------------------------------------------------------------------- download


def _downloads(
    answers: Sequence[Answer], refused: Sequence[ImageError], labels: dict[str, str]
) -> None:
    with st.container(horizontal=True):
        table = as_table(answers, labels).to_csv(index=False)
        download("Answers as CSV", table, "ham-lab-answers.csv")
        records = json.dumps(as_records(answers, refused), indent=1)
        download("Answers as JSON", records, "ham-lab-answers.json")
