"""Lesson: seven tasks that check themselves off, for a first hour with the data and the models."""

from ham import ui
from ham.ui import lesson as sections

with ui.page("Lesson", "What can go wrong with a number, seen in seven tasks?") as found:
    sections.show_lesson(found)
