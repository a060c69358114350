"""The sections of the Home page: three cards, each with its live state and one button; the last
runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from ham import store
from ham.config import CLASSES, DataError
from ham.data import SPLIT_TITLES, LesionDataset
from ham.report.words import accuracy_in_words, ago, state_in_words
from ham.store import Found
from ham.ui import sources
from ham.ui.current_data import opened_data
from ham.ui.frame import engine, plain, said_above

LAST_RUNS = 8


@dataclass(frozen=True)
class Card:
    icon: str
    title: str
    headline: str
    text: str
    button: str
    script: str


def cards(found: Found) -> None:
    """Data, Models, Try an image; the button of the next sensible step is the coloured one."""
    dataset = opened_data()
    _cards(dataset, found)
    sources.section(dataset)


def last_runs(found: Found) -> None:
    """The newest runs, whatever became of them. The sidebar follows the live one, and draws the
    page again when a run begins or ends."""
    st.subheader("Last runs", anchor=False)
    runs = found.runs
    if not runs and found.unreadable is not None:  # said above
        return
    if not runs:
        st.markdown(
            ":gray[Nothing has been trained yet. Runs appear here as soon as they are queued.]"
        )
        return
    now = time.time()
    table = pd.DataFrame(
        [
            {
                "Run": run.title,
                "State": state_in_words(run),
                "Split": SPLIT_TITLES[run.config.split][0],
                "Test accuracy": accuracy_in_words(run),
                "Created": ago(now - run.status.created),
                "Id": run.id,
            }
            for run in runs[:LAST_RUNS]
        ]
    )
    st.dataframe(table, hide_index=True, width="stretch", height="content", key="last_runs")
    if len(runs) > LAST_RUNS:
        st.caption(f"The newest {LAST_RUNS} of {len(runs)} runs.")


def _cards(dataset: LesionDataset | DataError, found: Found) -> None:
    models = found.models
    own = [run for run in models if not run.shipped]
    # on the demo data the next step is an image: a model that ships answers at once
    step = None
    if not isinstance(dataset, DataError):
        step = 2 if own or (models and dataset.synthetic) else 1
    drawn = (
        _data_card(dataset),
        _models_card(found.runs, own, len(models) - len(own)),
        _image_card(models),
    )
    for number, (column, card) in enumerate(zip(st.columns(3, gap="medium"), drawn, strict=True)):
        with column:
            _draw(card, primary=number == step)


# ------------------------------------------------------------------------------- cards


def _data_card(found: LesionDataset | DataError) -> Card:
    icon, title, button, script = (
        ":material/photo_library:",
        "Data",
        "Explore the data",
        "pages/dataset.py",
    )
    if isinstance(found, DataError):
        return Card(
            icon, title, "Cannot be used", "Its files have a problem, named below.", button, script
        )
    counts = np.bincount(found.labels, minlength=len(CLASSES))
    largest = CLASSES[int(counts.argmax())]
    badge = " :orange-badge[synthetic]" if found.synthetic else ""
    return Card(
        icon,
        title,
        f"{found.n_images:,} images",
        f"{plain(found.name)}{badge} · {found.n_lesions:,} lesions. "
        f"{counts.max() / found.n_images:.0%} of the images are {largest.name.lower()}: a "
        "model that always "
        "says so is right that often.".replace("%", "\N{NO-BREAK SPACE}%"),
        button,
        script,
    )


def _models_card(runs: list[store.Run], own: list[store.Run], shipped: int) -> Card:
    icon, title, button, script = (
        ":material/model_training:",
        "Models",
        "Train a model",
        "pages/training.py",
    )
    running = next((run for run in runs if run.state == "running"), None)
    waiting = sum(run.state == "queued" for run in runs)
    headline = f"{len(own)} trained" if own else "None trained yet"
    problem = engine().problem
    if running:
        text = f"Training **{plain(running.title)}**."
    elif problem is not None and not said_above(problem):
        text = f":orange[:material/error:] {plain(problem)}"
    elif waiting:
        text = "The training engine is starting."
    else:
        text = (
            "An LSTM, a CNN and a ResNet, each with your own settings, watched live as they train. "
            "The training engine is idle."
        )
    if waiting:
        text += f" {waiting} {'run waits' if waiting == 1 else 'runs wait'}."
    if shipped:
        ships = "1 trained model ships" if shipped == 1 else f"{shipped} trained models ship"
        text += f" {ships} with HAM Lab."
    return Card(icon, title, headline, text, button, script)


def _image_card(models: list[store.Run]) -> Card:
    if not models:
        headline, text = (
            "Needs a model",
            "Drop a photograph and read seven probabilities, once a model is trained.",
        )
    else:
        headline = f"{len(models)} {'model' if len(models) == 1 else 'models'} ready"
        text = (
            "Drop a photograph: every model answers side by side, and you see the 28x28 "
            "image that it saw."
        )
    return Card(
        ":material/image_search:",
        "Try an image",
        headline,
        text,
        "Try an image",
        "pages/prediction.py",
    )


def _draw(card: Card, primary: bool) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f":gray[{card.icon} {card.title}]")
        st.subheader(card.headline, anchor=False)
        st.container(height="stretch").markdown(card.text)
        if st.button(
            card.button,
            key=f"go_{card.script}",
            type="primary" if primary else "secondary",
            width="stretch",
        ):
            st.switch_page(card.script)
