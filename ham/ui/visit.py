"""What a visit keeps in the server's memory goes when the visit ends.

By itself Streamlit (1.67) keeps an uploaded file as long as the visit, also when its field has
gone from the page, and a visit whose browser has gone until some later visit ends. Both are
mended here with what its runtime offers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import streamlit as st
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ham import images

# Of every field, because the server has one limit for all: server.maxUploadSize.
MAX_UPLOAD_MB = images.MAX_BYTES // 2**20


def begin() -> None:
    """At every run of a page: this visit is closed soon after its browser has gone."""
    context = get_script_run_ctx()
    if context is not None:
        _visit(context.session_id)


def take(files: Sequence[UploadedFile]) -> None:
    """Makes dropped files the caller's own: with the last reference to one, its bytes go."""
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for file in files:
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def _gone(session_id: str) -> None:
    """The browser's connection ended: Streamlit clears the visit's own cache, in its event loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # the cache was cleared by somebody else: the visit goes on
        return
    # a connection that was lost may come back; the server itself forgets after four times as long
    away = st.get_option("server.disconnectedSessionTTL") / 4
    loop.call_later(away, _close, session_id)


def _close(session_id: str) -> None:
    if not runtime.exists():
        return
    server = runtime.get_instance()
    if not server.is_active_session(session_id):  # it has not come back
        server.close_session(session_id)


@st.cache_resource(scope="session", show_spinner=False, on_release=_gone)
def _visit(session_id: str) -> str:
    return session_id
