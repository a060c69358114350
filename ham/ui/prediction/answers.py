"""What the chosen models say about the images: asked, shown, and taken away."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ham import prediction, store
from ham.config import CLASSES, ImageError
from ham.images import CheckedImage, data_url
from ham.prediction import (
    Answer,
    Known,
    Question,
    answer_table,
    as_html,
    as_records,
    as_table,
    doubt_in_words,
    explained,
    shorten,
    verdict,
)
from ham.report.words import count
from ham.ui.frame import download, errors, plain
from ham.ui.prediction.closer import look_closer
from ham.ui.prediction.images import dropped
from ham.ui.prediction.loading import load, load_gate
from ham.ui.prediction.models import short_labels
from ham.ui.prediction.pictures import show_pictures

_AT_ONCE = 16  # images that are asked about between two looks at what the visitor does
_ANSWERED = "prediction_answered"  # in the session: so many, of the images that are asked about
_THUMBNAIL = 56  # pixels
_MOST_ROWS = 6  # of the list that are seen without scrolling in it


# -------------------------------------------------------------------------------- ask


def ask(questions: Sequence[Question], runs: Sequence[store.Run]) -> list[Answer]:
    """Every question's answers; a run whose model cannot be loaded is named and left out.

    What was answered in this visit is not asked again, so a click meanwhile loses nothing.
    """
    prediction.warm_up()  # whoever opened this page will soon need it
    if not (questions and runs):
        return []
    predictors = load(runs)
    if not predictors:
        return []
    gate = load_gate()
    known: Known = st.session_state.setdefault("prediction_known", Known())
    box = st.empty()
    answers: list[Answer] = []
    for start in range(0, len(questions), _AT_ONCE):
        if start == _AT_ONCE:
            with box.container(horizontal=True, vertical_alignment="center"):
                place = st.empty()
                st.button("Stop", icon=":material/stop_circle:", on_click=_stop, key="stop_asking")
        if start:
            words = f"Asking the models: {start} of {len(questions)}"
            place.progress(start / len(questions), text=words)
        st.session_state[_ANSWERED] = start
        answers += prediction.answer(questions[start : start + _AT_ONCE], predictors, known, gate)
    box.empty()
    return answers


def _stop() -> None:
    """The images that were not answered yet go."""
    dropped().keep_first(st.session_state[_ANSWERED])


# -------------------------------------------------------------------------------- show


def show_refused(refused: Sequence[ImageError]) -> None:
    if not refused:
        return
    lines = [
        f"- **{plain(shorten(error.what))}**: {plain(error.why)} {plain(error.todo)}"
        for error in refused
    ]
    title = count(len(refused), "file was not answered", "files were not answered")
    st.error(f"{title}\n\n" + "\n".join(lines), icon=":material/block:")
    st.button("Close", type="tertiary", icon=":material/close:", on_click=dropped().refused.clear)


@st.fragment
@errors()
def show_answers(
    answers: Sequence[Answer],
    runs: Sequence[store.Run],
    refused: Sequence[ImageError],
    labels: dict[str, str],
) -> None:
    """Of several images a list, of which one is open; the open one's answer; downloads."""
    if not answers:
        return
    ids = [p.run_id for p in answers[0].predictions]
    names = short_labels(ids, labels)
    st.html(f"<style>{prediction.style()}</style>")
    if len(answers) > 1:
        st.markdown(summary(answers, labels))
        _list(answers, names)
    opened = dropped().opened
    shown = next((answer for answer in answers if answer.question.digest == opened), answers[-1])
    with st.container(border=True, gap="xsmall", key="prediction_open"):
        if _open(shown, names):
            look_closer(shown, {run.id: run for run in runs}, names)
    _downloads(answers, refused, labels, names)


def summary(answers: Sequence[Answer], labels: dict[str, str]) -> str:
    """ "4 images, 2 models: the models agree on 3."""
    models, agreed = len(answers[0].predictions), sum(answer.agree for answer in answers)
    found = f"{count(len(answers), 'image')}, {count(models, 'model')}"
    if models > 1:
        found += f": the models agree on {'all' if agreed == len(answers) else agreed or 'none'}"
    known = [answer for answer in answers if answer.question.truth is not None]
    if known:
        right = [
            sum(answer.predictions[k].label == answer.question.truth for answer in known)
            for k in range(models)
        ]
        found += ". Correct: " + "; ".join(
            f"{number} of {len(known)} by {plain(labels[p.run_id])}"
            for number, p in zip(right, answers[0].predictions, strict=True)
        )
    return f"{found}."


def _list(answers: Sequence[Answer], names: dict[str, str]) -> None:
    """A row an image; a click on one opens its answer."""
    table = pd.DataFrame([_list_row(answer, names) for answer in answers])
    bar = st.column_config.ProgressColumn(
        "Malignant",
        help="Malignant probability, mean over the models; click to sort.",
        min_value=0.0,
        max_value=100.0,
        format="%.0f %%",
    )
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        height=35 + 46 * min(len(table), _MOST_ROWS),
        row_height=46,
        column_config={"Picture": st.column_config.ImageColumn(width=60), "Malignant": bar},
        key="prediction_list",
        selection_mode="single-row",
        on_select=lambda: _open_row(answers),
        alt="The images, each with what the models say",
    )


def _list_row(answer: Answer, names: dict[str, str]) -> dict[str, object]:
    question = answer.question
    truth = {} if question.truth is None else {"True class": CLASSES[question.truth].name}
    return {
        "Picture": _thumbnail(question.digest, question.image),
        "Image": shorten(question.image.name),
        "Malignant": None if answer.doubt else 100 * answer.malignant,
        **{
            names[p.run_id]: "–" if answer.doubt else CLASSES[p.label].name
            for p in answer.predictions
        },
        **truth,
        **({"Doubt": answer.doubt} if answer.doubt else {}),
    }


@st.cache_data(max_entries=2_000, show_spinner=False)
def _thumbnail(digest: str, _image: CheckedImage) -> str:
    return data_url(_image.original, "JPEG", _THUMBNAIL)


def _open_row(answers: Sequence[Answer]) -> None:
    rows = st.session_state["prediction_list"]["selection"]["rows"]
    if rows:
        dropped().open(answers[rows[0]].question.digest)


def _open(answer: Answer, names: dict[str, str]) -> bool:
    """One image's answer: the verdict, its pictures, every model's probabilities; where the
    image is none that the models can be asked about only if the visitor wants it all the same.
    Returns whether it was shown.
    """
    question = answer.question
    st.header(plain(doubt_in_words(answer) or verdict(answer, names)), anchor=False)
    with st.container(key="prediction_answer"):
        left, right = st.columns([9, 13], gap="medium")
    with left:
        st.markdown(heading(question, answer))
        show_pictures(question.image)
        for note in question.image.notes:
            st.caption(f":material/info: {plain(note)}")
    with right:
        shown = answer.doubt is None or st.toggle(
            "Show the answer all the same", key=f"prediction_doubted_{question.digest[:16]}"
        )
        if shown:
            with st.container(key="prediction_doubted" if answer.doubt else None):
                st.html(answer_table(answer.predictions, names))
        with st.container(horizontal=True, gap="medium"):
            if shown:
                _worth(answer, names)
            key = f"prediction_remove_{question.digest[:16]}"
            if st.button("Remove", key=key, type="tertiary", icon=":material/close:"):
                dropped().remove(question.digest)
                st.rerun()
    return shown


def _worth(answer: Answer, names: dict[str, str]) -> None:
    with st.popover("What these numbers are worth", icon=":material/help:", type="tertiary"):
        for p in answer.predictions:
            st.markdown(f"**{plain(names[p.run_id])}.** {plain(explained(p))}")


def heading(question: Question, answer: Answer) -> str:
    """The file's name and size; where the true class is known, it and who is correct."""
    image = question.image
    text = f"**{plain(shorten(image.name))}** :gray[{image.size[0]:,} x {image.size[1]:,} pixels]"
    if question.truth is None:
        return text
    true = CLASSES[question.truth]
    badge = ":orange-badge[malignant]" if true.malignant else ":blue-badge[benign]"
    right = sum(p.label == question.truth for p in answer.predictions)
    return (
        f"{text}  \nTrue class: **{true.title}** {badge} · {right} of "
        f"{count(len(answer.predictions), 'model')} correct"
    )


# ----------------------------------------------------------------------------- download


def _downloads(
    answers: Sequence[Answer],
    refused: Sequence[ImageError],
    labels: dict[str, str],
    names: dict[str, str],
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        download(
            "CSV",
            lambda: as_table(answers, labels, refused).to_csv(index=False),
            "ham-lab-answers.csv",
        )
        download(
            "JSON",
            lambda: json.dumps(as_records(answers, refused), indent=1),
            "ham-lab-answers.json",
        )
        download(
            "HTML with pictures", lambda: as_html(answers, names, refused), "ham-lab-answers.html"
        )
        if len(answers) > 1 and st.button(
            f"Remove all {len(answers)}",
            key="prediction_remove_all",
            type="tertiary",
            icon=":material/delete_sweep:",
        ):
            dropped().remove_all()
            st.rerun()
