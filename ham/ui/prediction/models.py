"""Which of the trained models answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from ham import store
from ham.config import MODEL_TITLES
from ham.report import MAX_RUNS, validation_score
from ham.report import labels as labels_of
from ham.store import Found
from ham.ui.frame import link, model_cards, plain

KEY = "prediction_runs"


def runs_to_ask(found: Found) -> tuple[list[store.Run], dict[str, str]]:
    """Every run that can answer, and its label; without any the page ends here."""
    if not found.models:
        _no_model(found.live)
        st.stop()
    return found.models, labels_of(found.models)


def choose_runs(runs: Sequence[store.Run], labels: dict[str, str]) -> list[store.Run]:
    """The runs that answer: a button with their names, behind which others are chosen."""
    by_id = {run.id: run for run in runs}
    now = st.session_state.get(KEY)
    if now is None:
        now = [run.id for run in asked_at_first(runs)]
    names = short_labels([run_id for run_id in now if run_id in by_id], labels)
    title = ", ".join(names.values()) if names else "Choose models"
    with st.popover(plain(title), icon=":material/model_training:", key="prediction_models"):
        chosen = st.multiselect(
            "Models that answer",
            list(by_id),
            default=[run_id for run_id in now if run_id in by_id],
            format_func=labels.__getitem__,
            key=KEY,
            persist_state="session",
            max_selections=MAX_RUNS,
            placeholder="Choose one or several",
            help="At first, of each kind of model the run with the highest balanced accuracy on "
            "its validation images; runs on a leaking split come last. Models that ship with HAM "
            "Lab answer until you have trained one on real data, and can be added then.",
        )
        answering = [by_id[run_id] for run_id in chosen]
        model_cards(answering, "prediction")
    return answering


def note_choice(runs: Sequence[store.Run]) -> None:
    """A word where no run is chosen, and on runs that never met a photograph."""
    if not runs:
        st.info("Choose at least one model to get answers.", icon=":material/arrow_upward:")
    if synthetic := [run.title for run in runs if run.synthetic]:
        st.caption(
            f":orange[:material/science:] {plain('; '.join(synthetic))}: learned from synthetic "
            "images alone, so the answer to a photograph of a real lesion shows how the page works "
            "and nothing else."
        )


def short_labels(run_ids: Sequence[str], labels: dict[str, str]) -> dict[str, str]:
    """For a chart's key: "CNN" where only one of these runs is a CNN, else the whole label."""
    kinds = {run_id: labels[run_id].partition(",")[0] for run_id in run_ids}
    counts = Counter(kinds.values())
    return {run_id: kind if counts[kind] == 1 else labels[run_id] for run_id, kind in kinds.items()}


def asked_at_first(runs: Sequence[store.Run]) -> list[store.Run]:
    """Of each model the best on validation: the test part chooses nothing.

    Runs that ship are asked only where there are no others of real lesions, runs of synthetic
    data only where there is nothing else.
    """
    real = [run for run in runs if not run.synthetic]
    runs = [run for run in real if not run.shipped] or real or list(runs)

    def quality(run: store.Run) -> tuple[object, ...]:
        return (
            not run.leaking,
            validation_score(run),
            run.status.created,
        )

    return [
        max(of_model, key=quality)
        for model in MODEL_TITLES
        if (of_model := [run for run in runs if run.config.model == model])
    ]


def _no_model(live: list[store.Run]) -> None:
    with st.container(border=True):
        st.header("No trained model yet", anchor=False)
        if live:
            st.markdown("One is being trained. It can be asked here as soon as it ends.")
            link("Training", "Watch it train")
        else:
            st.markdown(
                "Train an LSTM or a CNN first; the recipe *Quick look* takes about a minute. Then "
                "drop an image here and read what each model makes of it."
            )
            link("Training", "Train a model")
