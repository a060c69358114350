"""What Streamlit's own elements cannot do: scripts of ours in the browser that tell what was
clicked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st


@functools.cache
def component(script: Path) -> Any:
    """The component of a JavaScript module; its style sheet lies beside it. Without one the page's
    styles hold in it.
    """
    style = script.with_suffix(".css")
    css = style.read_text() if style.exists() else None
    return st.components.v2.component(
        f"ham_{script.stem}", js=script.read_text(), css=css, isolate_styles=css is not None
    )


def pressable(html: str, key: str, pressed: Callable[[str], None]) -> None:
    """Shows our own HTML. A click or Enter on a button in it calls `pressed` with its `data-press`,
    which anybody can send: what is none of ours has to be refused there.
    """

    def told() -> None:
        pressed(str(st.session_state[key].pressed))

    component(Path(__file__).with_name("pressable.js"))(key=key, data=html, on_pressed_change=told)
