"""What the page shows stands in its address: a link shows the same to whoever opens it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

import streamlit as st

Option = TypeVar("Option")

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


def follow_widgets(parsers: Mapping[str, Callable[[str], object]]) -> None:
    """Before the widgets "comparison_<name>" are drawn: takes over what the address asks for,
    where its parser raises no ValueError.
    """
    for name, parse in parsers.items():
        if text := asked(name):
            with contextlib.suppress(ValueError):
                st.session_state[f"comparison_{name}"] = parse(text)
                _first_seen()[name] = None  # what it would show by itself is not known


def say_widgets(names: Iterable[str]) -> None:
    """After they were drawn: what each shows, unless that is what it showed at first."""
    for name in names:
        value = st.session_state.get(f"comparison_{name}")
        first = _first_seen().setdefault(name, value) if value is not None else value
        say(name, "" if value == first else str(value))


def _first_seen() -> dict[str, object]:
    seen: dict[str, object] = st.session_state.setdefault("comparison_first_seen", {})
    return seen


def one_of(options: Iterable[Option]) -> Callable[[str], Option]:
    """A parser for what `str` gives of these options."""
    by_text = {str(option): option for option in options}

    def parse(text: str) -> Option:
        if text not in by_text:
            raise ValueError(f"{text} is none of {', '.join(by_text)}")
        return by_text[text]

    return parse


def forget(*names: str) -> None:
    """What the page shows no longer."""
    for name in names:
        say(name, "")
