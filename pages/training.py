"""Training: set up a run, put it into the queue, watch it."""

import streamlit as st

from ham import ui
from ham.ui import run_list, training

with ui.page(
    "Training",
    "Train a model with your own settings and watch what it learns.",
    follows=lambda found: True,
) as found:
    top, middle, below = st.container(key="train_columns"), st.container(), st.container()
    with below:  # drawn first: past runs are there without data too
        run_list.all_runs(found)
    with middle:
        training.sweeps(found)
    with top:
        dataset = ui.need_dataset()
        left, right = st.columns([5, 6], gap="large")
        with left:
            config = training.form(dataset)
            chosen = training.several(config, dataset)
        with right:
            training.start_panel(config, chosen, dataset, found)
            training.queue_and_live_run(found)
