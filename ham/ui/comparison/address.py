"""What the page shows stands in its address: a link shows the same to whoever opens it."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st

_SAID = "comparison_said_"  # in the session: what this page wrote there itself


def asked(name: str) -> str:
    """What the address says under this name, where this page did not write it; else ""."""
    found = st.query_params.get(name, "")
    return "" if found == st.session_state.get(_SAID + name, "") else found


def say(name: str, value: str) -> None:
    """Puts it in the address; "" takes it out."""
    st.session_state[_SAID + name] = value
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def follow_choice(name: str, key: str, options: Collection[str]) -> None:
    """Before the widget `key` is drawn: takes over what the address asks for, if that is one of
    its options.
    """
    wanted = asked(name)
    if wanted in options:
        st.session_state[key] = wanted


def say_choice(name: str, key: str, default: str) -> None:
    """After the widget was drawn: what it shows, unless that is what it shows by itself."""
    value = st.session_state.get(key) or default
    say(name, "" if value == default else str(value))


def forget(*names: str) -> None:
    """What the page shows no longer."""
    for name in names:
        say(name, "")
