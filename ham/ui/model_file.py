"""Runs' models as files for other programs, in a format to choose."""

from __future__ import annotations

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
    """A choice of format, and a button for each run under its words; `key` is of the place.

    In two clicks: a file that is made while it is downloaded could not say why it cannot be.
    """
    titles = {name: form.title for name, form in FORMATS.items()}
    chosen = choose("Format", titles, f"{key}_format", "keras", label_visibility="collapsed")
    form = FORMATS[chosen]
    missing = missing_packages(form)
    st.markdown(f":gray[{form.help}]")
    if missing:
        st.markdown("It needs packages that are not installed here:")
        st.code(install_command(missing), language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        asked = [run for words, run in runs.items() if _button(words, run, key, bool(missing))]
    made = f"{key}_made"
    for run in asked:
        st.session_state.pop(made, None)
        with st.spinner("Making and checking it"):
            st.session_state[made] = (chosen, run.id, exported(run, chosen))
    format_made, run_id, content = st.session_state.get(made, ("", "", b""))
    if format_made == chosen and run_id in {run.id for run in runs.values()}:
        name = f"ham-{run_id}{form.suffix}"
        label = f"Save {name} ({len(content) / 1000:,.0f} kB)"
        download(label, content, name, key=f"{key}_save", type="primary")


def _button(words: str, run: Run, key: str, disabled: bool) -> bool:
    return st.button(
        words, key=f"{key}_model_{run.id}", icon=":material/deployed_code:", disabled=disabled
    )
