"""External tests: the chosen runs on labelled images from elsewhere, asked here or by
`python -m ham evaluate --keep`, and kept with them.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ham import charts, data, hosting, io, prediction, report, store
from ham.charts.external import external_scores
from ham.config import DataError, HamError, cache_folder
from ham.data import handed
from ham.hosting import Act
from ham.report import Comparison, ExternalTest
from ham.report.words import time_left
from ham.ui import rights, visit
from ham.ui.comparison.choice import drawing_lesions, in_rows
from ham.ui.current_data import opened_data
from ham.ui.frame import (
    chart,
    choose,
    download,
    errors,
    is_dark,
    plain,
    show_error,
    timed,
    whole_table,
)

_LOOK_AGAIN_SECONDS = 1.0
_NAMED, _DROPPED = "On this computer", "Drop files"
_ONE = "external"  # one at a time, whoever asks
_OPEN = "comparison_external_open"  # in the session: the form is
_MINE = "comparison_external_job"  # in the session: what this visitor asked for last
Labelled = Callable[[io.Report], tuple[Path, Path]]  # the images' folder, and their table


@st.cache_resource(show_spinner=False)
def _jobs() -> io.OneJob[str]:
    return io.OneJob()


def draw(compared: Comparison) -> None:
    """The tests that there are, one at a time, and the way to another one."""
    job = _jobs().of(_ONE)
    mine = st.session_state.get(_MINE) is job
    if job is not None and mine and job.result is not None:  # it is the one that is shown now
        del st.session_state[_MINE]
        st.session_state[_OPEN] = False
        st.session_state["comparison_external"] = job.result
    titles, problems = report.external_tests(compared)
    for problem in problems:
        st.warning(plain(problem), icon=":material/broken_image:")
    if titles:
        _show_one(compared, titles)
    else:
        st.markdown(
            "How good are these runs on images of another clinic? Any folder or zip of images with "
            "a table of their diagnoses is a further test; it is kept with the runs."
        )
    if job is not None and job.running:
        timed(lambda: _follow(job), lambda: not job.running, _LOOK_AGAIN_SECONDS)
        return
    if job is not None and mine:
        _say_why_not(job)
    st.session_state.setdefault(_OPEN, not titles)
    label = "Evaluate on other images"
    with st.expander(label, icon=":material/add_chart:", on_change="rerun", key=_OPEN):
        _form(compared)


# ------------------------------------------------------------------------------- shown


def _show_one(compared: Comparison, titles: dict[str, str]) -> None:
    if st.session_state.get("comparison_external") not in titles:
        st.session_state["comparison_external"] = next(iter(titles))
    name = st.selectbox(
        "External test",
        list(titles),
        format_func=titles.__getitem__,
        key="comparison_external",
        persist_state="session",
    )
    with drawing_lesions():
        found = _test(compared, name)
        for one in found.compared.reports.values():
            one.evaluation  # noqa: B018  (drawn while the spinner turns)
    _warn(compared, found)
    chart(external_scores(found, is_dark()), "comparison_external_scores")
    for run_name in found.own:
        st.markdown(f"**{plain(run_name)}**: {plain(report.drop_in_words(found, run_name))}")
    _matrices(found)
    whole_table(report.external_table(found), "Scores on these and on the own test images")
    _about(found)
    _files(found)


def _test(compared: Comparison, name: str) -> ExternalTest:
    reports = compared.reports
    versions = tuple(
        (str(n), one.run.id, store.predictions_version(one.run), store.external_version(one.run))
        for n, one in reports.items()
    )
    return _read_test(versions, name, compared)


@st.cache_resource(max_entries=10, show_spinner=False)
def _read_test(versions: tuple[object, ...], name: str, _compared: Comparison) -> ExternalTest:
    return report.external_test(_compared, name)


def _warn(compared: Comparison, found: ExternalTest) -> None:
    """What makes these scores mean less than they seem to."""
    knowing: dict[tuple[int, str], list[str]] = {}
    tested: list[str] = []
    for name, one in found.kept.items():
        known = _overlap(found.own[name].run, one)
        what = "training" if known.training else "validation"
        if n := known.training or known.validation:
            knowing.setdefault((n, what), []).append(plain(name.short))
        if known.test:
            tested.append(f"{known.test:,} of {name.short}")
    for (n, what), names in knowing.items():
        st.warning(
            f"**{', '.join(names)}:** {n:,} of these images are known: the same pixels or names "
            f"are in the {what} part. These scores flatter.",
            icon=":material/content_copy:",
        )
    notes = [report.missing_in_words(found)]
    if tested:
        notes.append(
            f"Own test images are among them, {', '.join(tested)}: the differences take these as "
            "other lesions."
        )
    left_out = [str(name) for name in compared.names if name not in found.own]
    if left_out:
        notes.append(
            f"Not asked about these images: {', '.join(left_out)}. Evaluate them again under the "
            "same name."
        )
    for note in filter(None, notes):
        st.caption(f":material/info: {plain(note)}")


def _overlap(run: store.Run, one: store.External) -> prediction.Overlap:
    found = opened_data()
    dataset = None if isinstance(found, DataError) else found
    versions = (store.predictions_version(run), dataset.fingerprint if dataset else "")
    return _known(versions, one.record.content, run, one, dataset)


@st.cache_data(max_entries=50, show_spinner=False)
def _known(
    versions: tuple[object, ...],
    content: str,
    _run: store.Run,
    _one: store.External,
    _dataset: data.LesionDataset | None,
) -> prediction.Overlap:
    return prediction.overlap(_run, _one, _dataset)


def _matrices(found: ExternalTest) -> None:
    by = choose("Count cells by", charts.MATRIX_BY, "comparison_external_by", "count")
    confusions = {n: one.evaluation.confusion for n, one in found.compared.reports.items()}
    figures = charts.confusion_matrices(confusions, by, is_dark())
    in_rows(found.compared, figures, "comparison_external_matrix")


def _about(found: ExternalTest) -> None:
    record = found.record
    made = time.strftime("%d %b %Y", time.localtime(record.made))
    st.caption(
        plain(
            f"{record.images}: {report.external_in_words(found)}; evaluated {made} by HAM Lab "
            f"{record.code_version}. Thresholds and temperature stay those of the run's own "
            "validation images. Differences are unpaired."
        ),
        help=plain(" ".join(record.notes)) or None,
    )


def _files(found: ExternalTest) -> None:
    name = found.record.name
    with st.container(horizontal=True, vertical_alignment="center"):
        download(
            "Scores (CSV)", lambda: report.scores_csv(found.compared), f"ham-lab-{name}-scores.csv"
        )
        download(
            "Predictions (CSV)",
            lambda: report.predictions_csv(found.compared),
            f"ham-lab-{name}-predictions.csv",
        )
        download(
            "JSON",
            lambda: json.dumps(report.external_record(found), indent=1, allow_nan=False),
            f"ham-lab-{name}.json",
        )
        if not hosting.may(Act.DELETE):
            return
        with st.popover("Remove", icon=":material/delete:", key="comparison_external_box"):
            st.markdown(
                f"Remove **{plain(found.record.title)}** from "
                f"{', '.join(n.short for n in found.own)}? The images themselves stay."
            )
            st.button(
                "Remove for good",
                type="primary",
                key="comparison_external_remove",
                on_click=_remove,
                args=([one.run for one in found.own.values()], name),
            )


def _remove(runs: Sequence[store.Run], name: str) -> None:
    """A callback."""
    for run in runs:
        store.delete_external(run, name)


def record(compared: Comparison) -> dict[str, object]:
    """What of it stands in the JSON of the comparison."""
    titles, _ = report.external_tests(compared)
    return {"external": report.external_records(compared, list(titles))} if titles else {}


# -------------------------------------------------------------------------------- asked


def _form(compared: Comparison) -> None:
    if rights.closed(Act.KEEP):
        return
    ways = (_NAMED, _DROPPED) if hosting.may(Act.FILES) else (_DROPPED,)
    way = choose(
        "Images from", ways, "comparison_external_way", ways[0],
        label_visibility="collapsed",
    )  # fmt: skip
    times = st.session_state.get("comparison_external_times", 0)  # a new key empties the fields
    files: list[UploadedFile] = []
    images = labels = ""
    if way == _NAMED:
        left, right = st.columns(2)
        images = left.text_input(
            "Folder or zip with images",
            key="comparison_external_images",
            persist_state="session",
            placeholder="for example ~/Downloads/ISIC_2019",
            help="On the computer that runs HAM Lab; searched to its depths.",
        )
        labels = right.text_input(
            "Table of their diagnoses",
            key="comparison_external_labels",
            persist_state="session",
            placeholder="the CSV in it",
            help="Columns image and dx, or one for each class as in ISIC's ground truth; a column "
            "lesion_id says which images show one lesion. Empty: the one CSV in the folder or zip.",
        )
    else:
        files = st.file_uploader(
            "Drop a zip of images, or images, and a CSV of their diagnoses",
            accept_multiple_files=True,
            max_upload_size=visit.MAX_UPLOAD_MB,
            key=f"comparison_external_files_{times}",
            help="Columns image and dx, or one for each class; lesion_id where images share a "
            "lesion. The CSV may be in the zip. The images are gone when the answers are there.",
        )
    title = st.text_input(
        "Name of the test",
        key=f"comparison_external_title_{times}",
        persist_state="session",
        placeholder="for example ISIC 2019",
        help="The answers are kept with the runs under it.",
    )
    n = len(compared.reports)
    pressed = st.button(
        f"Ask the {n} runs",
        type="primary",
        icon=":material/play_arrow:",
        key="comparison_external_start",
    )
    with errors():
        if pressed:
            st.session_state.pop(_MINE, None)
            _start(compared, title, images, labels, files)


def _start(
    compared: Comparison, title: str, images: str, labels: str, files: list[UploadedFile]
) -> None:
    hosting.require(Act.KEEP)
    hosting.refuse_full_disk("Another external test")
    store.external_name(title)
    runs = [one.run for one in compared.reports.values()]
    if files:
        visit.take(files)
        times = st.session_state.get("comparison_external_times", 0)
        st.session_state["comparison_external_times"] = times + 1
        names = ", ".join(file.name for file in files[:3]) + (", …" if len(files) > 3 else "")
        _jobs().start(_ONE, lambda: _dropped_job(runs, title, names, files))
    else:
        if not images.strip():
            raise DataError(
                "No images were named",
                "the field is empty.",
                "Type or paste the path of a folder or zip, or drop files.",
            )
        hosting.require(Act.FILES)
        _jobs().start(_ONE, lambda: _named_job(runs, title, images.strip(), labels.strip()))
    st.session_state[_MINE] = _jobs().of(_ONE)
    st.rerun()


def _named_job(runs: list[store.Run], title: str, images: str, labels: str) -> io.Job[str]:
    def labelled(tell: io.Report) -> tuple[Path, Path]:
        path = data.as_folder(images)
        if not path.exists():
            raise DataError(f"The path {data.shown(path)}", "there is nothing.", "Check its name.")
        table = data.as_folder(labels) if labels else handed.labels_of(path)
        return data.open_images(path, tell), table

    return io.Job(
        f"Asking about {title.strip()}", lambda report, stop: _ask(
            runs, title, (images, labels), labelled, io.stoppable(report, stop)
        )
    )  # fmt: skip


def _dropped_job(
    runs: list[store.Run], title: str, names: str, files: list[UploadedFile]
) -> io.Job[str]:
    place = cache_folder() / "handed"  # one job at a time; what a killed server left goes

    def labelled(tell: io.Report) -> tuple[Path, Path]:
        shutil.rmtree(place, ignore_errors=True)
        with io.writing(place, DataError):
            return handed.laid_out(files, place, tell)

    def work(report: io.Report, stop: threading.Event) -> str:
        try:
            return _ask(runs, title, (names, ""), labelled, io.stoppable(report, stop))
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return io.Job(f"Asking about {title.strip()}", work)


def _ask(
    runs: list[store.Run],
    title: str,
    named: tuple[str, str],
    labelled: Labelled,
    tell: io.Report,
) -> str:
    """The name under which it is kept then. Raises HamError."""
    tell(0, 0, "Looking for the images")
    folder, table = labelled(tell)
    found = data.find_labelled_images(folder, table)
    judged, parts = prediction.ask_labelled(
        runs,
        prediction.Predictor,
        found,
        _gate,
        tell,
        lambda judged: prediction.refuse_name(runs, title, judged),
    )
    judged.refuse_none(named[0])
    tell(0, 0, "Keeping the answers")
    kept = prediction.keep_external(
        runs, title, judged, parts, named[0], named[1] or data.shown(table.name)
    )
    return kept[0].record.name


def _gate() -> prediction.Gate | None:
    try:
        return prediction.gate()
    except HamError:  # its file is damaged: the Prediction page says so
        return None


def _follow(job: io.Job[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        left = time_left(job.seconds_left)
        text = f"{job.title}: {job.what}{f', {left}' if left else ''}"
        st.progress(job.share, text=plain(text))
        if hosting.may(Act.KEEP):
            st.button(
                "Stop", key="comparison_external_stop", icon=":material/stop:", on_click=job.stop
            )


def _say_why_not(job: io.Job[str]) -> None:
    """Until another is started."""
    if failure := job.failure():
        show_error(failure)
        st.session_state[_OPEN] = True
    elif job.error is not None:
        st.info("Stopped, as you asked. Nothing was kept.", icon=":material/stop_circle:")
