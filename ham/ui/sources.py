"""Use the real data: the sources there are, the download from Kaggle, a zip dropped on the page,
a folder.

What takes long runs in a thread of the server, one at a time for all visitors: it survives a
refresh and leaving the page, and every page that draws the panel shows how far it is.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ham import data, hosting, io
from ham.config import CITATION, KAGGLE_URL, LICENCE, DataError, HamError, home_folder
from ham.data.download import ARCHIVE_BYTES, PHOTOGRAPHS_BYTES, arrived_bytes
from ham.data.places import in_bytes
from ham.hosting import Act
from ham.report.words import job_in_words
from ham.ui import rights, visit
from ham.ui.data_jobs import data_work
from ham.ui.frame import behind, choose, errors, plain, show_error, timed

_LOOK_SECONDS = 1.0  # how often a running job is looked at
_DOWNLOAD = "Download from Kaggle"
_PIXELS, _PHOTOGRAPHS = "28x28 images", "Photographs as well"
_WAYS = _FETCH, _DROPPED, _NAMED = (
    ":material/download: Download",
    ":material/folder_zip: Drop a zip",
    ":material/folder_open: Name a folder or zip",
)


# ------------------------------------------------------------------------------- panel


def panel(heading: str = "Use the real data", primary: bool = True) -> None:
    """Which data is in use, what else there is, and three ways to get it; while one is under
    way, how far it is.

    `primary`: to get data is the page's next step. Without a heading it stands in a frame of
    somebody else's.
    """
    job = data_work().job
    with st.container(border=bool(heading)):
        if heading:
            st.header(heading, anchor=False)
        _say_what_happened()
        if job is not None and job.running:
            timed(lambda: _watch(job), lambda: not job.running, _LOOK_SECONDS)
            return
        if rights.closed(Act.DATA):
            return
        if job is not None:
            _ended(job)
        _known()
        # what was tried last is tried again after an error
        kaggle, archive, folder = st.tabs(_WAYS, default=st.session_state.get("sources_way"))
        with kaggle:
            _download(primary)
        with archive:
            _drop()
        with folder:
            _by_hand()
            choose_folder(primary=primary)


def section(found: data.LesionDataset | DataError) -> None:
    """The panel where a page has more to show than it: open where no data can be used, or a job
    is under way.
    """
    if isinstance(found, DataError):
        show_error(found)
        panel("Use other data")
    elif not hosting.may(Act.DATA):
        rights.closed(Act.DATA)
    elif data_work().job is not None:
        panel("Data in use", primary=False)
    else:
        label = (
            "This is the demo data: use the real data"
            if found.synthetic
            else "Data in use, and other data"
        )
        behind(label, lambda: panel("", primary=False), "sources_open", ":material/database:")


def choose_folder(heading: str = "", primary: bool = True) -> None:
    """A field for a folder, or a zip on this computer, checked before it is taken."""
    if named := os.environ.get("HAM_DATA"):
        st.caption(
            f"The environment variable `HAM_DATA` names {plain(named)}. To choose a folder on this "
            "page, start HAM Lab without it."
        )
        return
    if heading:
        st.header(heading, anchor=False)
    with st.form("choose_folder", border=False):
        text = st.text_input(
            "Folder or zip with the data",
            placeholder="for example ~/Downloads/ham10000",
            help="A folder, the folder above it, or Kaggle's archive.zip, on the "
            "computer that runs HAM Lab.",
        )
        pressed = st.form_submit_button(
            "Check and use this folder",
            type="primary" if primary else "secondary",
            icon=":material/folder_open:",
        )
    with errors():
        if pressed:
            if not text.strip():
                raise DataError(
                    "No folder was named", "the field is empty.", "Type or paste the folder's path."
                )
            path = data.as_folder(text)
            if path.is_file() and data.is_packed(path):
                st.session_state["sources_way"] = _NAMED
                data_work().start(
                    f"Unpacking {path.name}",
                    lambda report, stop: data.unpack(path, path.name, report, stop),
                )
            elif data.is_packed(path):
                st.session_state["sources_way"] = _NAMED
                data_work().start(
                    f"Unpacking what is in {path.name}",
                    lambda report, stop: data.open_source(path, io.stoppable(report, stop)).chosen,
                )
            else:
                data.use_source(path)
            st.rerun()


# ------------------------------------------------------------------- what is under way, or ended


def _watch(job: io.Job[Any]) -> None:
    st.markdown(f"**{plain(job.title)}**")
    st.progress(job.share, text=plain(job_in_words(job)))
    if not hosting.may(Act.DATA):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stopping …" if job.stopping else "Stop",
            icon=":material/stop_circle:",
            disabled=job.stopping,
            key="sources_stop",
            on_click=_try,
            args=(data_work().stop,),
        )
        kept = " What has arrived is kept when it is stopped." if job.title == _DOWNLOAD else ""
        st.caption(f"It goes on when you leave this page or close it.{kept}")


def _ended(job: io.Job[Any]) -> None:
    if job.error is not None and not isinstance(job.error, HamError):
        data_work().clear()  # shown once: the page is usable again after a reload
        raise job.error
    decided = bool(os.environ.get("HAM_DATA"))
    if isinstance(job.error, io.Stopped):
        st.info(
            f"**{plain(job.title)}** was stopped, as you asked. The data in use has not changed.",
            icon=":material/stop_circle:",
        )
    elif job.error is not None:
        show_error(job.error)
    elif decided and job.result is not None:
        st.success(
            f"**{plain(job.title)}:** the data set is whole and checked. `HAM_DATA` decides what "
            f"is in use: start HAM Lab without it, or with `HAM_DATA={data.shown(job.result)}`.",
            icon=":material/check_circle:",
        )
    else:
        st.success(
            f"**{plain(job.title)}:** the data set is whole, checked and in use.",
            icon=":material/check_circle:",
        )
    st.button(
        "Close this message",
        icon=":material/close:",
        type="tertiary",
        on_click=_close,
        args=(job,),
        key="sources_close",
    )


def _close(job: io.Job[Any]) -> None:
    """A callback. After an error the panel stays open: there is another try to make."""
    data_work().clear()
    st.session_state["sources_open"] = job.error is not None


def _say_what_happened() -> None:
    """What a callback of the last run has to say, once."""
    if (error := st.session_state.pop("sources_error", None)) is not None:
        show_error(error)


def _try(action: Callable[[], None]) -> None:
    """For callbacks: what they raise is shown by the run that follows."""
    try:
        action()
    except HamError as error:
        st.session_state["sources_error"] = error


# ------------------------------------------------------------------------ the sources there are


def _known() -> None:
    """Each source with its state, and a button that takes it into use."""
    decided = bool(os.environ.get("HAM_DATA"))
    with st.container(gap="small"):
        for number, source in enumerate(data.known_sources()):
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
            ):
                badge = " :green-badge[:material/check: in use]" if source.in_use else ""
                missing = "" if source.there else " · not there now"
                st.markdown(
                    f"**{plain(source.title)}**{badge}  \n:gray[{plain(source.origin)}{missing}]",
                    width="content",
                )
                if not source.in_use:
                    st.button(
                        f"Use {plain(source.title)}",
                        key=f"sources_use_{number}",
                        on_click=_try,
                        args=(lambda folder=source.folder: data.use_source(folder),),
                        disabled=decided or not source.there,
                        help="HAM_DATA decides; start HAM Lab without it." if decided else None,
                    )


# ----------------------------------------------------------------------------- three ways


def _download(primary: bool) -> None:
    st.markdown(
        f"From [Kaggle]({KAGGLE_URL}), without an account: `{data.METADATA_FILE}` and "
        f"`{data.PIXEL_FILE}`, "
        "92 MB, are all that the models see. A lost connection is tried again and goes on "
        "where it was."
    )
    what = choose("What to fetch", (_PIXELS, _PHOTOGRAPHS), "sources_what", _PIXELS)
    photographs = what == _PHOTOGRAPHS
    if photographs:
        needed = ARCHIVE_BYTES + PHOTOGRAPHS_BYTES
        st.caption(
            f"Kaggle's whole archive, {in_bytes(ARCHIVE_BYTES)}: {in_bytes(needed)} of disk "
            f"meanwhile, {in_bytes(PHOTOGRAPHS_BYTES)} afterwards; {in_bytes(_free())} are free. "
            "The photographs are shown beside the 28x28 images."
        )
    if there := arrived_bytes():
        st.caption(f"{in_bytes(there)} of an earlier download have arrived: it goes on from there.")
    elif data.downloaded(photographs):
        st.caption("It is here already, in the list above.")
    accepted = st.checkbox(
        f"I accept the licence, {LICENCE}: no commercial use, and the authors are cited "
        f"({CITATION}). Kaggle's page lists it as CC BY-NC-SA 4.0.",
        key="sources_accepted",
        persist_state="session",
    )
    label = (
        "Go on downloading"
        if there
        else "Download again"
        if data.downloaded(photographs)
        else "Download"
    )

    def start() -> None:
        st.session_state["sources_way"] = _FETCH
        _try(
            lambda: data_work().start(
                _DOWNLOAD, lambda report, stop: data.download_ham10000(photographs, report, stop)
            )
        )

    st.button(
        label,
        icon=":material/download:",
        type="primary" if primary else "secondary",
        disabled=not accepted,
        key="sources_download",
        help=None if accepted else "Accept the licence first.",
        on_click=start,
    )


def _drop() -> None:
    times = st.session_state.get("sources_dropped", 0)  # a new key empties the field
    key = f"sources_zip_{times}"

    def dropped() -> None:
        file = st.session_state.get(key)
        # a browser may send a file once more that was taken already, while its field is being
        # removed
        if file is not None and st.session_state.get("sources_dropped", 0) == times:
            visit.take([file])
            st.session_state["sources_dropped"] = times + 1
            st.session_state["sources_way"] = _DROPPED
            _try(lambda: data_work().start(f"Unpacking {file.name}", unpack(file)))

    def unpack(file: UploadedFile) -> Callable[[io.Report, threading.Event], Path]:
        def work(report: io.Report, stop: threading.Event) -> Path:
            with file:  # closed at the end, its bytes go
                return data.unpack(file, file.name, report, stop)

        return work

    st.file_uploader(
        "Drop a zip of the data set's files here",
        key=key,
        max_upload_size=visit.MAX_UPLOAD_MB,
        on_change=dropped,
        help="It is checked before anything is written; only the files of the data set are "
        "unpacked.",
    )
    st.caption(
        f"The two files that are enough, `{data.METADATA_FILE}` and `{data.PIXEL_FILE}`, "
        "have about 30 MB "
        f"zipped. Kaggle's whole archive, {in_bytes(ARCHIVE_BYTES)}, is more than a field "
        "takes: say where on "
        "this computer it lies, under **Name a folder or zip**."
    )


def _by_hand() -> None:
    st.markdown(
        f"By hand: download the data set from [Kaggle]({KAGGLE_URL}), with a browser, and name its "
        "zip, or the folder you unpacked it into. Two files are enough. Or name the folder in the "
        "environment variable `HAM_DATA` before the start."
    )


def _free() -> int:
    """Bytes free where the data goes; its folder may not exist yet."""
    folder = home_folder().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
