"""One task of the lesson."""

from __future__ import annotations

import contextlib

import streamlit as st

from ham.config import HamError
from ham.lesson import Answers, Progress, Question, Task
from ham.ui import noted
from ham.ui.frame import link, plain


def show_task(number: int, task: Task, progress: Progress, answers: Answers) -> None:
    """What to do, what it shows and where; its question; once it is done what came out."""
    done = task.key in progress.done
    with st.container(border=True, gap="xsmall", key=f"lesson_task_{task.key}"):
        icon = ":green[:material/check_circle:]" if done else ":gray[:material/circle:]"
        st.header(
            f"{icon} {number}. {plain(task.title)}",
            anchor=False,
            help=f"{plain(task.explanation)}\n\nSource: {plain(task.source)}.",
        )
        left, right = st.columns([3, 2], gap="large")
        with left:
            st.markdown(plain(task.todo))
            st.markdown(f":gray[{plain(task.shows)}]")
            link(task.page, task.link, query_params=dict(task.address))
        with right:
            if task.question is not None:
                _ask(task, task.question, progress, answers)
            elif not done:
                st.caption(f"Ticked off on {task.page}, when it happens.")
            if done and task.told:
                st.markdown(f":material/lightbulb: {plain(task.expected(answers))}")
            elif done:
                st.markdown(f":material/lightbulb: {plain(task.discuss[0])}")


def _ask(task: Task, question: Question, progress: Progress, answers: Answers) -> None:
    """The question until it is answered."""
    key = f"lesson_{task.key}"

    def check() -> None:
        said = st.session_state.get(key)
        with contextlib.suppress(HamError):  # said below, where the page is drawn
            if said is not None and question.is_right(answers, said):
                noted.add(question.fact)

    if question.fact in progress.facts:
        if task.key not in progress.done:
            st.markdown(plain(task.still))
        return
    if task.key in progress.done:  # in another way
        return
    said = st.number_input(
        question.label,
        min_value=0.0 if question.percent else 0,
        max_value=100.0 if question.percent else 1_000_000,
        value=None,
        step=0.1 if question.percent else 1,
        format="%g" if question.percent else "%d",
        key=key,
        persist_state="session",
        on_change=check,
        placeholder="Type a number, then Enter",
    )
    if said is None:
        return
    if question.value(answers) is None:  # asked only now: it may have to be computed
        st.caption(plain(task.expected(answers)))
    else:
        st.caption(f":orange[Not {said:g}.] {plain(question.hint)}")
