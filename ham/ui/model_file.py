"""Runs' models as files for other programs, in a format to choose."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import streamlit as st

from ham.interchange import FORMATS, exported, install_command, missing_packages
from ham.store import Run
from ham.ui.frame import choose, download, errors

HELP = (
    "An image goes in, probabilities come out: scaling is inside, and the file says its classes. "
    "Made when asked for, in some seconds, and checked on 100 images to answer as the run does."
)


@st.fragment
@errors()
def as_files(runs: Mapping[str, Run], key: str) -> None:
    """A choice of format, and a button for each run under its words; `key` is of the place."""
    titles = {name: form.title for name, form in FORMATS.items()}
    chosen = choose("Format", titles, f"{key}_format", "keras", label_visibility="collapsed")
    form = FORMATS[chosen]
    missing = missing_packages(form)
    st.markdown(f":gray[{form.help}]")
    if missing:
        st.markdown("It needs packages that are not installed here:")
        st.code(install_command(missing), language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        for words, run in runs.items():
            download(
                words,
                functools.partial(exported, run, chosen),
                f"ham-{run.id}{form.suffix}",
                key=f"{key}_model_{run.id}",
                disabled=bool(missing),
            )
