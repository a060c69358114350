"""A closer look at one answer: why, what if, and like which training images."""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from ham import charts, prediction, store
from ham.config import CLASSES, HamError
from ham.data import LesionDataset
from ham.images import CheckedImage, data_url
from ham.lesson import Fact
from ham.prediction import (
    SLIDERS,
    Answer,
    Change,
    Explanation,
    FeatureSpace,
    Neighbour,
    Predictor,
    Reasons,
    answer_table,
)
from ham.report import RunName
from ham.ui.current_data import current_dataset
from ham.ui.frame import chart, choose, errors, is_dark, plain, show_error, tabs
from ham.ui.noted import note
from ham.ui.pictures import jpeg
from ham.ui.prediction.loading import predictor_of
from ham.ui.prediction.pictures import show_pictures

WHY, WHAT_IF, LIKE = "Why", "What if", "Like which"
_ABOUT = {
    WHY: "What each answer rests on, beside the same map of a model that has learned nothing.",
    WHAT_IF: "Change the photograph and see how little it takes to change the answer.",
    LIKE: "The training images that each model takes for most like this one.",
}


def look_closer(answer: Answer, runs: Mapping[str, store.Run], names: dict[str, str]) -> None:
    """Three ways, of which the chosen one is drawn."""
    if (wanted := st.query_params.get("closer")) in _ABOUT:  # asked for by a link
        del st.query_params["closer"]
        st.session_state["prediction_closer"] = wanted
    chosen = st.segmented_control(
        "Look closer", list(_ABOUT), key="prediction_closer", persist_state="session"
    )
    if chosen is None:
        return
    st.caption(_ABOUT[chosen])
    asked = [runs[p.run_id] for p in answer.predictions]
    image = answer.question.image
    if chosen == WHY:
        _why(image, asked, names)
    elif chosen == WHAT_IF:
        _what_if(answer, asked, names)
    else:
        _like_which(image, asked, names)


# --------------------------------------------------------------------------------- why


def _why(image: CheckedImage, runs: Sequence[store.Run], names: dict[str, str]) -> None:
    of = choose(
        "Probability of",
        {False: "The predicted class", True: "Malignant in total"},
        "prediction_why_of",
        False,
    )
    drawn = {names[run.id]: functools.partial(_why_run, image, run, of) for run in runs}
    if len(runs) == 1:
        _why_run(image, runs[0], of)
    else:
        tabs(drawn, "prediction_why")


def _why_run(image: CheckedImage, run: store.Run, malignant: bool) -> None:
    version = run.record.model.sha256 if run.record.model else ""
    with st.spinner("Hiding one place after the other, about a second", show_time=True):
        found = _explanation(run.id, version, image.seen, predictor_of(run))
    reasons = found.malignant if malignant else found.named
    of = "Malignant" if malignant else CLASSES[found.label].title
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Occlusion:** where hiding a place lowers the probability.")
        _map(image, reasons, of, run.id)
    with right:
        if reasons.rows is not None:
            st.markdown("**Rows:** it reads the image from top to bottom; which row counts.")
            rows, falls = reasons.rows, reasons.rows.falls
            figure = charts.row_bars(
                image.original,
                (rows.trained, rows.random_weights),
                (falls.brightest, falls.random_weights, falls.random_tenth),
                of,
                is_dark(),
            )
            chart(figure, key=f"prediction_rows_{run.id}")
        elif reasons.grad_cam is not None:
            st.markdown("**Grad-CAM:** where a small change would raise the probability.")
            _map(image, reasons, of, run.id, gradients=True)
        else:
            st.caption(f":material/info: {plain(found.no_grad_cam)}")


def _map(
    image: CheckedImage, reasons: Reasons, of: str, run_id: str, gradients: bool = False
) -> None:
    evidence = reasons.grad_cam if gradients and reasons.grad_cam else reasons.occlusion
    falls = evidence.falls
    figure = charts.map_pair(
        image.original,
        (evidence.trained, evidence.random_weights),
        (falls.brightest, falls.random_weights, falls.random_tenth),
        of,
        relative=gradients,
        dark=is_dark(),
    )
    chart(figure, key=f"prediction_{'gradients' if gradients else 'occlusion'}_{run_id}")


@st.cache_data(max_entries=100, show_spinner=False)
def _explanation(run_id: str, version: str, seen: np.ndarray, _predictor: Predictor) -> Explanation:
    return prediction.explain(_predictor, seen)


# ------------------------------------------------------------------------------ what if


@st.fragment
@errors()
def _what_if(answer: Answer, runs: Sequence[store.Run], names: dict[str, str]) -> None:
    image = answer.question.image
    values = {}
    for column, (name, slider) in zip(3 * [*st.columns(3)], SLIDERS.items(), strict=False):
        values[name] = column.slider(
            f"{slider.label}, {slider.unit.strip()}",
            float(slider.low),
            float(slider.high),
            float(slider.neutral),
            float(slider.step),
            format="%g",
            key=f"prediction_change_{name}",
            help=slider.help,
        )
    change = Change(**values)
    predictors = [predictor_of(run) for run in runs]
    seen = prediction.changed_pixels(image.original, change)
    changed = CheckedImage(
        image.name, prediction.changed_picture(image.original, change), seen, image.size
    )
    left, right = st.columns([9, 13], gap="medium")
    with left:
        show_pictures(changed, title="Changed")
    said = prediction.predict([changed], predictors)
    right.html(answer_table(said, names))
    shown = choose(
        "Along",
        {name: slider.label for name, slider in SLIDERS.items()},
        "prediction_along",
        "brightness",
    )
    curve = prediction.along(image.original, change, shown, predictors)
    probas = {
        RunName("", names[run.id]): proba for run, proba in zip(runs, curve.proba, strict=True)
    }
    figure = charts.slider_curve(
        curve.slider.label,
        curve.slider.unit,
        curve.values,
        curve.present,
        probas,
        None,
        is_dark(),
    )
    chart(figure, key="prediction_curve")
    named = {p.run_id: p.label for p in answer.predictions}
    if change != Change() and any(p.label != named[p.run_id] for p in said):
        note(Fact.MODEL_FOOLED)


# --------------------------------------------------------------------------- like which


def _like_which(image: CheckedImage, runs: Sequence[store.Run], names: dict[str, str]) -> None:
    dataset = current_dataset()
    lesion = prediction.lesion_of(dataset, image.seen)
    for run in runs:
        st.markdown(f"**{plain(names[run.id])}**")
        predictor = predictor_of(run)
        try:
            with st.spinner("Looking at its training images, the first time some seconds"):
                space = _space(run.id, dataset.fingerprint, predictor, run, dataset)
        except HamError as error:
            show_error(error)
            continue
        own = prediction.features(predictor, image.seen[np.newaxis])[0]
        found = space.nearest(own, lesion=lesion)
        st.html(f'<div class="ham-cell">{"".join(_tile(dataset, one) for one in found)}</div>')
        st.caption(f"The nearest is {found[0].in_words}." if found and found[0].in_words else "")


@st.cache_resource(max_entries=12, show_spinner=False)
def _space(
    run_id: str, fingerprint: str, _predictor: Predictor, _run: store.Run, _dataset: LesionDataset
) -> FeatureSpace:
    return prediction.feature_space(_predictor, _run, _dataset)


def _tile(dataset: LesionDataset, found: Neighbour) -> str:
    name = html.escape(str(dataset.metadata["image_id"].iloc[found.row]))
    path, own = dataset.original(found.row), CLASSES[found.label]
    photograph = jpeg(str(path)) if path else None
    source = photograph.url if photograph else data_url(dataset.images[found.row])
    return (
        f'<figure><img src="{source}" alt="{own.title}, training image {name}"><figcaption>'
        f'<b><i style="background:{own.color}"></i>{own.title}</b><span>{name}</span>'
        f"<span>distance {found.distance:.2f}</span></figcaption></figure>"
    )
