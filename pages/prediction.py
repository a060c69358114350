"""Prediction: drop an image and read, side by side, what each chosen model makes of it."""

import streamlit as st

from ham import ui
from ham.ui import prediction as sections

with ui.page(
    "Prediction", "What do the trained models see in an image, and how sure are they?"
) as found:
    models, labels = sections.runs_to_ask(found)
    if sections.playing():
        with st.container(horizontal=True, gap="small"):
            sections.play_button()
            runs = sections.choose_runs(models, labels)
        sections.play(runs, labels)
    else:
        left, right = st.columns([5, 7], gap="medium")
        with left:
            sections.drop_zone()
            with st.container(horizontal=True, gap="small"):
                runs = sections.choose_runs(models, labels)
                sections.camera()
        with right:
            sections.examples(runs, sections.play_button)
        questions, refused = sections.look()
        sections.show_refused(refused)
        sections.note_choice(runs)
        sections.show_answers(sections.ask(questions, runs), runs, refused, labels)
