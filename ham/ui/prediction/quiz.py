"""You against the models: a test image, a guess, the truth and what each run said."""

from __future__ import annotations

import time
from collections.abc import Sequence

import streamlit as st

from ham import charts, prediction, store
from ham.config import CLASSES, CODES, DataError
from ham.data import LesionDataset
from ham.evaluation import Interval
from ham.prediction import YOU, Known, Quiz
from ham.ui.current_data import current_dataset
from ham.ui.frame import behind, chart, is_dark, plain, show_error, whole_table
from ham.ui.prediction.images import common_test_rows
from ham.ui.prediction.loading import load
from ham.ui.prediction.models import short_labels
from ham.ui.prediction.pictures import show_pictures

_KEY, _ON = "prediction_quiz", "prediction_quiz_on"


def playing() -> bool:
    """Whether the visitor plays rather than asks."""
    if "example" in st.query_params:  # a link asks about an image
        st.session_state[_ON] = False
    return bool(st.session_state.get(_ON))


def play_button() -> None:
    """From asking to playing, and back."""
    if playing():
        st.button("Back to asking", icon=":material/arrow_back:", on_click=_set, args=(False,))
    else:
        st.button(
            "You against the models",
            icon=":material/sports_esports:",
            type="tertiary",
            on_click=_set,
            args=(True,),
        )


def _set(on: bool) -> None:
    st.session_state[_ON] = on


def play(runs: Sequence[store.Run], labels: dict[str, str]) -> None:
    """The image asked now, or the one just answered; below, the running score."""
    try:
        dataset = current_dataset()
    except DataError as error:
        show_error(error)
        return
    game = _game(dataset, runs)
    if game is None:
        return
    names = short_labels([run.id for run in runs], labels)
    _image(dataset, game, runs, names)
    if game.asked:
        _scores(game, names)


def _game(dataset: LesionDataset, runs: Sequence[store.Run]) -> Quiz | None:
    """The one under way; a new one for other runs or other data."""
    about = (dataset.fingerprint, *(run.id for run in runs))
    kept: tuple[object, Quiz] | None = st.session_state.get(_KEY)
    if kept is not None and kept[0] == about:
        return kept[1]
    rows, why_not = common_test_rows(dataset, runs)
    if why_not or not runs:
        st.info(why_not or "Choose at least one model to play against.", icon=":material/info:")
        return None
    game = prediction.new_quiz(dataset, rows, seed=int(time.time()))
    st.session_state[_KEY] = (about, game)
    return game


def _keep(game: Quiz) -> None:
    st.session_state[_KEY] = (st.session_state[_KEY][0], game)


def _image(
    dataset: LesionDataset, game: Quiz, runs: Sequence[store.Run], names: dict[str, str]
) -> None:
    answered = st.session_state.get("prediction_quiz_shown") == game.asked and game.asked
    place = game.asked - 1 if answered else game.asked
    if place >= len(game.rows):
        st.success("Every test image was asked about.", icon=":material/check:")
        return
    row = int(game.rows[place])
    image = prediction.dataset_image(dataset, row)
    left, right = st.columns([9, 13], gap="medium")
    with left:
        show_pictures(image, f"Test image {place + 1}", "Photograph")
    with right:
        if answered:
            _truth(game, place, names)
        else:
            _ask(dataset, game, row, runs)


def _ask(dataset: LesionDataset, game: Quiz, row: int, runs: Sequence[store.Run]) -> None:
    st.header(f"Image {game.asked + 1}: what is it?", anchor=False)

    def guess(label: int) -> None:
        known: Known = st.session_state.setdefault("prediction_known", Known())
        image = prediction.dataset_image(dataset, row)
        said = prediction.predict([image], load(runs), known)
        _keep(game.guess(label, {p.run_id: p.label for p in said}))
        st.session_state["prediction_quiz_shown"] = game.asked + 1

    with st.container(horizontal=True, gap="small"):
        for label, own in enumerate(CLASSES):
            st.button(own.name, key=f"prediction_guess_{own.code}", on_click=guess, args=(label,))
    st.caption("Every class comes about as often as every other. The first three are malignant.")


def _truth(game: Quiz, place: int, names: dict[str, str]) -> None:
    true = int(game.truth[place])
    guesses = game.guesses[place]
    st.header(f"It is {CLASSES[true].name.lower()}", anchor=False)
    lines = []
    for who, name in {YOU: "You", **names}.items():
        if who in guesses:
            correct = guesses[who] == true
            mark = ":green[:material/check:]" if correct else ":red[:material/close:]"
            lines.append(f"- {mark} {plain(name)}: {CLASSES[guesses[who]].name.lower()}")
    st.markdown("\n".join(lines))
    with st.container(horizontal=True, gap="small"):
        st.button("Next image", type="primary", icon=":material/arrow_forward:", on_click=_next)
        st.button("Start again", type="tertiary", on_click=lambda: st.session_state.pop(_KEY))


def _next() -> None:
    st.session_state["prediction_quiz_shown"] = None


def _scores(game: Quiz, names: dict[str, str]) -> None:
    scores: dict[str, Interval] = {"You": game.score()}
    scores |= {name: game.score(run_id) for run_id, name in names.items()}
    chart(charts.quiz_scores(scores, game.asked, is_dark()), key="prediction_quiz_scores")
    table = game.by_class(list(names)).rename(columns={"n": "Images", YOU: "You", **names})
    table.index = [CLASSES[CODES.index(str(code))].name for code in table.index]
    behind(
        "By class",
        lambda: whole_table(table, "Correct answers by class"),
        "prediction_quiz_classes",
        ":material/table:",
    )
