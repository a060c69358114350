"""The sections of the Lesson page: how much is done, the seven tasks, what can be taken away.

task       one task: what to do, where, its question, what came out
"""

from __future__ import annotations

import html

import streamlit as st

from ham.config import DataError
from ham.data import LesionDataset
from ham.lesson import TASKS, Answers, Fact, Progress, leaking_run, teachers_sheet
from ham.store import Found
from ham.ui import noted
from ham.ui.current_data import opened_data
from ham.ui.frame import download
from ham.ui.lesson.task import show_task

__all__ = ["show_lesson"]


def show_lesson(found: Found) -> None:
    """The tasks in their order, ticked off by what this visitor did and what the store holds."""
    progress = noted.begin()
    if leaking_run(found.runs, progress.begun):
        noted.add(Fact.LEAK_TRAINED)
        progress = noted.begin()
    answers = _answers(opened_data())
    st.html(_steps(progress))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _standing(progress)
        download(
            "Teacher's sheet (.md)",
            lambda: teachers_sheet(answers),
            "ham-lab-lesson.md",
            help="Tasks, minutes, expected answers from the data in use, what to discuss, sources.",
        )
        if progress.facts:
            st.button(
                "Start again",
                icon=":material/restart_alt:",
                type="tertiary",
                key="lesson_start_again",
                on_click=_start_again,
            )
    for number, task in enumerate(TASKS, start=1):
        show_task(number, task, progress, answers)
    noted.say()


def _answers(dataset: LesionDataset | DataError) -> Answers:
    if isinstance(dataset, DataError):
        return _kept("", None)
    return _kept(dataset.fingerprint, dataset)


@st.cache_resource(max_entries=4, show_spinner=False)
def _kept(fingerprint: str, _dataset: LesionDataset | None) -> Answers:
    return Answers(_dataset)


def _standing(progress: Progress) -> None:
    left = [task for task in TASKS if task.key not in progress.done]
    if not left:
        words = "**All seven done.** Which of them would have fooled you a week ago?"
    else:
        minutes = sum(task.minutes for task in left)
        words = f"**{progress.in_words()} done**, about {minutes} minutes left."
    st.markdown(words, width="stretch")


def _steps(progress: Progress) -> str:
    """The tasks as a row of numbers, those that are done filled."""
    steps = "".join(
        f'<li class="{"done" if done else ""}" title="{html.escape(task.title)}">'
        f'<span role="img" aria-label="Task {number}, {"done" if done else "not done"}">'
        f"{'✓' if done else number}</span></li>"
        for number, task in enumerate(TASKS, start=1)
        for done in [task.key in progress.done]
    )
    return f'<ol class="ham-steps" aria-label="Tasks of the lesson">{steps}</ol>'


def _start_again() -> None:
    noted.start_again()
    for task in TASKS:
        st.session_state.pop(f"lesson_{task.key}", None)
