"""Data, models, try an image: a picture, the live state and one button each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from ham import hosting, store
from ham.charts.home import best_models, small_class_balance
from ham.config import CLASSES, IMAGE_SIZE, N_CLASSES, DataError
from ham.data import LesionDataset, balanced_sample
from ham.hosting import Act
from ham.images import data_url
from ham.report import BestRun, best_runs
from ham.report.words import count, whole_percent
from ham.store import Found
from ham.ui.frame import engine, plain, said_above


@dataclass(frozen=True)
class Card:
    icon: str
    headline: str
    draw: Callable[[], object]  # the picture
    text: str  # what is the case
    button: str
    script: str


def show_cards(dataset: LesionDataset | DataError, found: Found) -> None:
    """The button of the next sensible step is the coloured one."""
    models = found.models
    own = [run for run in models if not run.shipped]
    # on the demo data the next step is an image: a model that ships answers at once
    step = None
    if isinstance(dataset, LesionDataset):
        asks = own or dataset.synthetic or not hosting.may(Act.TRAIN)
        step = 2 if models and asks else 1
    drawn = (
        _data_card(dataset),
        _models_card(found, own, len(models) - len(own)),
        _image_card(dataset, models),
    )
    with st.container(key="home_cards"):
        columns = st.columns(3)
    for number, (column, card) in enumerate(zip(columns, drawn, strict=True)):
        with column:
            _draw(card, number, primary=number == step)


def _draw(card: Card, number: int, primary: bool) -> None:
    with st.container(border=True, height="stretch", gap="xsmall", key=f"home_card_{number}"):
        st.header(card.headline, icon=card.icon, anchor=False)
        card.draw()
        st.container(height="stretch").markdown(card.text)
        if st.button(
            card.button,
            key=f"go_{card.script}",
            type="primary" if primary else "secondary",
            width="stretch",
        ):
            st.switch_page(card.script)


def _nothing() -> object:
    """No picture."""
    return None


# -------------------------------------------------------------------------------- data


def _data_card(dataset: LesionDataset | DataError) -> Card:
    icon, button, script = ":material/photo_library:", "Explore the data", "pages/dataset.py"
    if isinstance(dataset, DataError):
        text = "Its files have a problem, named above."
        return Card(icon, "Cannot be used", _nothing, text, button, script)
    counts = np.bincount(dataset.labels, minlength=N_CLASSES)
    largest = CLASSES[int(counts.argmax())].name.lower()
    share = whole_percent(counts.max() / dataset.n_images)
    text = f"{dataset.n_lesions:,} lesions. Always predicting {largest} has an accuracy of {share}."
    return Card(
        icon,
        f"{dataset.n_images:,} images",
        lambda: st.html(small_class_balance(counts)),
        text,
        button,
        script,
    )


# ------------------------------------------------------------------------------ models


def _models_card(found: Found, own: Sequence[store.Run], shipped: int) -> Card:
    # one text: of a tuple Streamlit hashes every item for itself, 50 ms for 2,000 runs
    best = _best("\n".join(f"{run.id} {run.status.ended}" for run in found.models), found.models)
    text = _state(found.runs)
    if best:
        what = "Best run of each: balanced accuracy, 95 % interval. Dashed: always one class."
        text = f"{what}  \n{text}"
    return Card(
        ":material/model_training:",
        f"{count(len(own), 'model')} trained" if own else "No model trained yet",
        (lambda: st.html(best_models(best))) if best else _nothing,
        text + (f" {_ships(shipped)} with HAM Lab." if shipped else ""),
        "Train a model",
        "pages/training.py",
    )


def _state(runs: Sequence[store.Run]) -> str:
    """What the engine does."""
    running = next((run for run in runs if run.state == "running"), None)
    waiting = sum(run.state == "queued" for run in runs)
    problem = engine().problem
    if hosting.read_only():
        return "This server trains nothing: it is read-only."
    if running:
        text = f"Training **{plain(running.title)}**."
    elif problem is not None and not said_above(problem):
        text = f":orange[:material/error:] {plain(problem)}"
    elif waiting:
        text = "The training engine is starting."
    else:
        text = "The training engine is idle."
    return text + (f" {count(waiting, 'run waits', 'runs wait')}." if waiting else "")


def _ships(shipped: int) -> str:
    return f"{count(shipped, 'trained model ships', 'trained models ship')}"


@st.cache_resource(max_entries=4, show_spinner=False)
def _best(ended: str, _runs: Sequence[store.Run]) -> list[BestRun]:
    return best_runs(_runs)


# ------------------------------------------------------------------------- try an image


def _image_card(dataset: LesionDataset | DataError, models: Sequence[store.Run]) -> Card:
    icon, button, script = ":material/image_search:", "Try an image", "pages/prediction.py"
    headline, text = "Needs a model", "Once one is trained, drop a photograph and see its answer."
    if models:
        headline = f"{count(len(models), 'model')} ready"
        text = (
            f"{IMAGE_SIZE}x{IMAGE_SIZE} pixels are what the models see. Drop a photograph, and "
            "every model answers."
        )

    def draw() -> object:
        return (
            None if isinstance(dataset, DataError) else st.html(_seen(dataset.fingerprint, dataset))
        )

    return Card(icon, headline, draw, text, button, script)


@st.cache_data(max_entries=4, show_spinner=False)
def _seen(fingerprint: str, _dataset: LesionDataset) -> str:
    """An image of the first class and one of the largest as a model sees them."""
    largest = np.bincount(_dataset.labels).argmax()
    one_each = balanced_sample(_dataset, N_CLASSES, seed=1)
    labels = _dataset.labels[one_each]
    rows = dict.fromkeys((one_each[0], one_each[labels == largest][0]))
    figures = [
        f'<figure><img src="{data_url(_dataset.images[row])}" alt="">'
        f"<figcaption>{CLASSES[_dataset.labels[row]].name}</figcaption></figure>"
        for row in rows
    ]
    return f'<div class="ham-seen-as">{"".join(figures)}</div>'
