"""Prediction: drop an image and read, side by side, what each chosen model makes of it."""

import streamlit as st

from ham import ui
from ham.ui import prediction as sections

with ui.page(
    "Prediction", "What do the trained models see in an image, and how sure are they?"
) as found:
    models, labels = sections.runs_to_ask(found)
    left, right = st.columns([5, 7], gap="medium")
    with left:
        sections.drop_zone()
        with st.container(horizontal=True, gap="small"):
            runs = sections.choose_runs(models, labels)
            sections.camera()
    with right:
        sections.examples(runs)
    sections.look()
    kept = sections.dropped()
    sections.show_refused(kept.refused)
    sections.note_choice(runs)
    answers = sections.ask(list(kept.questions()), runs)
    sections.show_answers(answers, kept.refused, labels)
