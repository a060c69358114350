"""What is being fetched or unpacked: one job a server, which every page shows."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ham import data
from ham.config import home_folder


@st.cache_resource(max_entries=4, show_spinner=False)
def _data_work(home: Path) -> data.DataWork:
    return data.DataWork()


def data_work() -> data.DataWork:
    """What goes on with data on this server."""
    return _data_work(home_folder())
