"""Prediction: drop an image and read, side by side, what each chosen model makes of it."""

from ham import ui
from ham.ui import prediction as sections

with ui.page(
    "Prediction", "What do the trained models see in an image, and how sure are they?"
) as found:
    sections.not_a_diagnosis()
    runs, labels = sections.choose_runs(found)
    questions, refused = sections.choose_images(runs)
    sections.show_refused(refused)
    answers = sections.ask(questions, runs)
    sections.show_answers(answers, refused, labels)
