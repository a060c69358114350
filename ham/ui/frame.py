"""What every page stands in: the menu, the data in use, the live run, the title, the footer.

`page` is the first call of every page. It relies on nothing that another page has run, so a
direct link to any page as the first request of a fresh server shows the same frame.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import mimetypes
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ham import charts, hosting, io, prediction, store
from ham.charts.numbers import number_table
from ham.charts.sign import logo, page_icon
from ham.config import (
    APP_NAME,
    CITATION,
    DISCLAIMER,
    KAGGLE_URL,
    LICENCE,
    DataError,
    HamError,
    dashboard_folder,
    home_folder,
    runs_folder,
)
from ham.data import LesionDataset, shown
from ham.engine import Engine
from ham.lab.sweep import Drivers
from ham.report import RunReport, labels, model_card
from ham.report.words import done_share, progress_text
from ham.store import Found
from ham.ui import noted, rights, visit
from ham.ui.current_data import opened_data
from ham.ui.data_jobs import data_work

_WARM_UP_SECONDS = 10.0  # after the first page of a server, which is drawn without TensorFlow
_LIVE_SECONDS = 2.0  # how often live runs are read again
_NUMBERS = "frame_numbers"  # in the session: whether every chart has its table
_MOST_NUMBERS = 400  # pixels; more of them scroll
_NOT_A_DIAGNOSIS = (
    "The models learned from small dermatoscopic photographs of seven kinds of skin lesion and "
    "know nothing else. Many pictures of other things are stopped, not all, and an answer can be "
    "sure and wrong. For a spot on your skin, see a doctor."
)
_SYNTHETIC = (
    "Its images were drawn by a statistical model of HAM10000; none is a photograph of anyone. "
    "What is measured on them says nothing about skin lesions, and runs trained on them are "
    "marked. The Home page gets the real data."
)
_FOOTER = f"{DISCLAIMER}. Data: [HAM10000]({KAGGLE_URL}), {CITATION}, {LICENCE}."
_HEADING = re.compile(r"^(#+ )", re.MULTILINE)
_SAID = "frame_said"  # in the session: what stands above the sections of the page
Option = TypeVar("Option")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#$|~:+!-])")


@dataclass(frozen=True)
class MenuEntry:
    title: str
    script: str  # path from `dashboard_folder`
    icon: str


MENU: tuple[MenuEntry, ...] = (
    MenuEntry("Home", "app.py", ":material/home:"),
    MenuEntry("Dataset", "pages/dataset.py", ":material/photo_library:"),
    MenuEntry("Training", "pages/training.py", ":material/model_training:"),
    MenuEntry("Comparison", "pages/comparison.py", ":material/balance:"),
    MenuEntry("Prediction", "pages/prediction.py", ":material/image_search:"),
    MenuEntry("Lesson", "pages/lesson.py", ":material/school:"),
)


class _EndOfPage(Exception):
    """What is above says all there is to say."""


@contextlib.contextmanager
def page(
    title: str, question: str, *, follows: Callable[[Found], bool] = lambda found: False
) -> Iterator[Found]:
    """Draws the frame; the block draws the page from the runs that this yields, read once. A
    HamError raised in it is shown once, in words.

    `title` is the entry's in MENU, `question` one sentence on what the page answers. `follows`:
    whether the page itself shows the live run, with a timer of its own; the sidebar then leaves
    it out: one timer a page.
    """
    st.set_page_config(
        page_title=APP_NAME if title == "Home" else f"{title} · {APP_NAME}",
        page_icon=page_icon(),
        layout="wide",
        menu_items={"About": f"**{APP_NAME}**\n\n{_FOOTER}"},
    )
    visit.begin()
    rights.begin()
    st.html(_style())
    st.html(f"<script>{_script()}</script>", unsafe_allow_javascript=True)
    st.logo(logo(), size="large")
    if not rights.admitted():
        footer()
        st.stop()
    engine()
    found = store.find_runs()
    _leave_what_stays_out_of_collections()
    follows_runs = follows(found)
    with st.sidebar:
        with st.container(gap="xsmall"):
            _menu()
            say_lesson = noted.line()
        data_place, live_place = st.container(gap="xsmall"), st.container(gap="xsmall")
        noted.say()  # what the callbacks before this run have added
        st.session_state[_NUMBERS] = st.toggle(
            "Numbers below charts",
            st.session_state.get(_NUMBERS, False),
            help="Each chart's numbers as a table below it.",
        )
        rights.show_person()
    st.title(APP_NAME if title == "Home" else title, anchor=False)
    st.markdown(f":gray[{question}]")
    notices = st.container(horizontal=True, gap="medium", key="frame_notices")
    _notice(notices, DISCLAIMER, _NOT_A_DIAGNOSIS)
    if closed := rights.notice():
        _notice(notices, *closed)
    body = st.container()
    footer()  # before the body runs, so that nothing that ends a script early loses it
    with body:
        _say_above(found)
        dataset = opened_data()
        with data_place:
            _data_in_use(dataset)
        with live_place:
            if not follows_runs:  # there every folder stands with its reason
                _left_out(len(found.problems))
            _under_way(None if follows_runs else found)
        if isinstance(dataset, LesionDataset) and dataset.synthetic:
            _notice(notices, "Synthetic demo data", _SYNTHETIC)
        with errors():
            yield found
        say_lesson()  # the page may have added to it


@functools.cache  # once a server
def _leave_what_stays_out_of_collections() -> None:
    """Streamlit collects garbage after every page: 50 ms, with 2,000 runs 80, for what is imported
    and read by now and will not be garbage.
    """
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Shows a HamError raised in the block. A fragment needs its own: it runs outside `page`.

    Also a decorator, nearest to the function: `@st.fragment` above `@errors()`.
    """
    try:
        yield
    except HamError as error:
        show_error(error)
    except _EndOfPage:
        pass


def timed(draw: Callable[[], None], ended: Callable[[], bool], seconds: float | None) -> None:
    """Draws now, and again every `seconds` and whenever something in it is used; the whole page
    anew once `ended()`.

    That is asked after drawing, and never while the page itself is drawn: `st.rerun` in the
    middle leaves out the buttons that come later, and the click that the page is drawn for would
    be lost.
    """
    page_drawn = False

    @st.fragment(run_every=seconds)
    @errors()
    def draw_again() -> None:
        nonlocal page_drawn
        first, page_drawn = not page_drawn, True
        draw()
        if not first and ended():
            st.rerun()

    draw_again()


def follow(found: Found, draw: Callable[[Found], None], seconds: float | None) -> None:
    """Draws the runs that were found; again every `seconds`, as they are then; the whole page
    anew where one came or went, began or ended.
    """
    now: Found | None = None

    def draw_now() -> None:
        nonlocal now
        now = store.find_runs() if now else found
        draw(now)

    timed(draw_now, lambda: _states(now or found) != _states(found), seconds)


def _states(found: Found) -> tuple[int, list[tuple[str, str]]]:
    return len(found.runs), [(run.id, run.state) for run in found.live]


def end_page() -> NoReturn:
    """Leaves the rest of the page's (or the fragment's) block out."""
    raise _EndOfPage


def show_error(error: HamError) -> None:
    """What came in, why it does not work, what to do next; nothing where the frame has said it
    already.
    """
    if not said_above(error):
        _show(error)


def said_above(error: HamError) -> bool:
    """Whether the frame says it on every page: sections need not repeat it."""
    return str(error) in st.session_state.get(_SAID, ())


def _show(error: HamError) -> None:
    st.error(
        f"**{plain(error.what)}:** {plain(error.why)}  \n{plain(error.todo)}",
        icon=":material/error:",
    )


def footer() -> None:
    st.space("medium")
    st.caption(_FOOTER)


def is_dark() -> bool:
    """Whether the reader's browser shows the dark theme."""
    return st.context.theme.type == "dark"


def chart(figure: Any, key: str, **options: Any) -> object:
    """Shows a figure of `charts` with its own template, toolbar and alternative text.

    `options` are st.plotly_chart's; returns what that returns. The toolbar saves `key`.png or .svg.
    """
    image_format = (st.session_state.get("chart_format") or "PNG").lower()
    config = charts.plot_config(key.replace("_", "-"), image_format)
    shown = st.plotly_chart(
        figure, theme=None, key=key, config=config, alt=charts.alt_text(figure), **options
    )
    numbers_below(figure, key)
    return shown


def numbers_wanted() -> bool:
    """Whether the visitor wants each chart's numbers as a table below it."""
    return bool(st.session_state.get(_NUMBERS))


def numbers_below(figure: Any, key: str) -> None:
    """A figure's numbers as a table, where the visitor wants them."""
    if numbers_wanted():
        table = number_table(figure)
        if len(table):
            alt = f"The numbers of the chart above: {charts.alt_text(figure)}"
            height = min(35 * (len(table) + 1) + 3, _MOST_NUMBERS)
            st.dataframe(table, hide_index=True, height=height, alt=alt, key=f"{key}_numbers")


def choose(
    label: str, options: Iterable[Option], key: str, default: Option | None, **more: Any
) -> Option:
    """One of a few, always one, kept for the visit. `options` may map them to their words;
    `default` is None where the session's state has a choice already; `more` is
    st.segmented_control's. A choice that is none of them any more, or was asked for by a link in
    vain, is the default again.
    """
    listed = list(options)
    if key in st.session_state and st.session_state[key] not in listed:
        st.session_state[key] = listed[0] if default is None else default
    if isinstance(options, Mapping):
        more.setdefault("format_func", options.__getitem__)
    chosen = st.segmented_control(
        label, listed, default=default, required=True, key=key, persist_state="session", **more
    )
    return listed[0] if chosen is None else chosen


def link(page: str, label: str, **more: Any) -> None:
    """To another page, by its title in the menu; `more` is st.page_link's."""
    entry = next(entry for entry in MENU if entry.title == page)
    st.page_link(entry.script, label=label, icon=entry.icon, **more)


def download(
    label: str, content: str | bytes | Callable[[], str | bytes], file_name: str, **more: Any
) -> None:
    """A button that saves a file, made when it is asked for where `content` is a function; `more`
    is st.download_button's.
    """
    more = {"icon": ":material/download:", "key": f"download_{file_name}", **more}
    kind = mimetypes.guess_type(file_name)[0]
    st.download_button(label, content, file_name, kind, on_click="ignore", **more)


def whole_table(table: pd.DataFrame, alt: str, **more: Any) -> None:
    """A table as wide as its place and as high as its rows; `more` is st.dataframe's."""
    st.dataframe(table, width="stretch", height="content", alt=alt, **more)


def tabs(drawn: Mapping[str, Callable[[], object]], key: str) -> None:
    """A tab a title, of which only the open one is drawn."""
    places = st.tabs(list(drawn), on_change="rerun", key=key)
    for place, draw in zip(places, drawn.values(), strict=True):
        if place.open:
            with place:
                draw()


def behind(label: str, draw: Callable[[], object], key: str, icon: str | None = None) -> None:
    """A line to be opened; what is behind it is drawn only while it is open: a browser takes as
    long for what nobody sees as for the rest. Another label closes it (Streamlit 1.67).
    """
    with st.expander(label, icon=icon, on_change="rerun", key=key) as box:
        if box.open:
            draw()


def plain(text: object) -> str:
    """Text that Markdown shows as it is: file names, what a user typed."""
    return _MARKDOWN.sub(r"\\\1", shown(str(text)))


@st.fragment
@errors()
def model_cards(runs: Sequence[store.Run], key: str) -> None:
    """The runs' model cards, behind a line to be opened; each to be taken away."""
    if not runs:
        return
    label = "Model card" if len(runs) == 1 else "Model cards"
    behind(label, lambda: _model_cards(runs, key), f"{key}_cards", ":material/id_card:")


def _model_cards(runs: Sequence[store.Run], key: str) -> None:
    if len(runs) == 1:
        _model_card(runs[0], key)
        return
    names = {run.id: run.short_title for run in runs}
    titles = names if len(set(names.values())) == len(runs) else labels(runs)
    drawn = {plain(titles[run.id]): functools.partial(_model_card, run, key) for run in runs}
    tabs(drawn, f"{key}_card")


def _model_card(run: store.Run, key: str) -> None:
    card = model_card(RunReport(run))
    st.markdown(_HEADING.sub(r"#\1", card))  # below the page's own headings
    download("Model card (.md)", card, f"ham-lab-{run.id}.md", key=f"{key}_card_{run.id}")


@functools.cache
def _script() -> str:
    return Path(__file__).with_name("keyboard.js").read_text()


def _style() -> str:
    """The style sheets beside this module, together."""
    sheets = sorted(Path(__file__).parent.glob("*.css"))
    return f"<style>{''.join(sheet.read_text() for sheet in sheets)}</style>"


@dataclass(frozen=True)
class _AtWork:
    """What goes on in this server whoever looks: the engine, and beside it the sweeps."""

    engine: Engine
    drivers: Drivers

    def stop(self) -> None:
        self.engine.stop()
        self.drivers.stop()


def engine() -> Engine:
    """The one training engine of this server, watching the queue and driving the sweeps."""
    return _at_work(runs_folder()).engine


def sweep_problem(name: str) -> HamError | None:
    """Why a sweep does not go on here; None where nothing is wrong."""
    return _at_work(runs_folder()).drivers.problems.get(name)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=_AtWork.stop)
def _at_work(runs: Path) -> _AtWork:
    if os.environ.get("HAM_WARM_UP") != "off":
        prediction.warm_up(after=_WARM_UP_SECONDS)
    rights.warn_at_start()
    drivers = Drivers()
    watching = Engine(beside=drivers.look)
    return _AtWork(watching if hosting.read_only() else watching.start(), drivers)


# ----------------------------------------------------------------------------- sidebar


def _menu() -> None:
    for entry in MENU:
        if (dashboard_folder() / entry.script).exists():
            st.page_link(entry.script, label=entry.title, icon=entry.icon, width="stretch")


def _notice(place: DeltaGenerator, title: str, text: str) -> None:
    """What always holds: a few quiet words, the rest behind them for the mouse, Tab and Enter."""
    with place.popover(title, type="tertiary", key=f"frame_notice_{title[:5].lower()}"):
        st.markdown(f"**{title}.** {text}")


def _say_above(found: Found) -> None:
    """What is wrong with HAM Lab's own folders, once, above the sections of every page."""
    problems = [problem for problem in (_home_problem(), found.unreadable) if problem]
    st.session_state[_SAID] = tuple(map(str, problems))
    # else both for the same reason
    for problem in problems if home_folder().is_dir() else problems[:1]:
        _show(problem)


def _home_problem() -> HamError | None:
    """Why nothing can be kept on this computer; in read-only mode nothing has to be."""
    home = home_folder()
    if hosting.read_only():
        return None
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            error = OSError(error.errno, "a file stands in its place")
        return io.cannot_write(
            home,
            error,
            what=f"HAM Lab's folder {home}",
            todo="Give yourself the right to write there, or start HAM Lab with HAM_HOME set to "
            "another folder. Until then nothing is kept and no model can be trained; the demo data "
            "and the models that ship can be used.",
        )
    return None


def _data_in_use(found: LesionDataset | DataError) -> None:
    st.divider()
    if isinstance(found, DataError):
        st.markdown(":orange[:material/error:] **Data cannot be used**")
        st.caption(plain(found.what), help=plain(f"{found.why} {found.todo}"))
        return
    badge = " :orange-badge[synthetic]" if found.synthetic else ""
    st.markdown(f":gray[:material/database:] **{plain(found.name)}**{badge}")
    st.caption(f"{found.n_images:,} images of {found.n_lesions:,} lesions")


def _left_out(count: int) -> None:
    if count:
        st.caption(
            f":orange[:material/warning:] {count} {'run' if count == 1 else 'runs'} cannot "
            "be read. The "
            "Training page says why."
        )


def _under_way(found: Found | None) -> None:
    """What is being fetched and, where wanted, what trains, followed while there is any."""
    job = data_work().job
    fetched = job if job is not None and job.running else None
    if fetched or (found and found.live):
        st.divider()
    if found and found.live:
        follow(found, _live_runs, _LIVE_SECONDS)
    if fetched:
        timed(lambda: _job(fetched), lambda: not fetched.running, _LIVE_SECONDS)


def _job(job: io.Job[Any]) -> None:
    if job.running:
        st.markdown(f":gray[:material/download:] **{plain(job.title)}**")
        share = min(1.0, job.done / job.total) if job.total else 0.0
        st.progress(share, text=f"{share:.0%}".replace("%", " %") if job.total else plain(job.what))


def _live_runs(found: Found) -> None:
    live = found.live
    running = next((run for run in live if run.state == "running"), None)
    waiting = len(live) - (running is not None)
    if running:
        status = running.status
        st.markdown(f":gray[:material/model_training:] **{plain(running.title)}**")
        st.progress(done_share(status), text=progress_text(status))
    if waiting:
        st.caption(f"{waiting} {'run waits' if waiting == 1 else 'runs wait'}")
        if engine().problem is not None:
            st.caption(
                ":orange[:material/error:] Training cannot start now: the Training page says why."
            )
