"""The panel "Use the real data", run by Streamlit's own test driver, against a Kaggle on this
computer.
"""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from kaggle_standin import Kaggle, zip_of
from streamlit.testing.v1 import AppTest

from ham import config, data, io
from ham.data import METADATA_FILE, PIXEL_FILE, download, places
from ham.engine import Engine
from ham.report.words import job_in_words
from ham.ui import sources, visit
from tests.page_driver import open_page

ROOT = Path(__file__).parents[1]
NOTHING_CHOSEN = (None, getattr(data, "DEMO_SOURCE", None))
SECONDS = 60
USE_FOLDER = "FormSubmitter:choose_folder-Check and use this folder"


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(Engine, "start", lambda self: self)


@pytest.fixture(autouse=True)
def no_job_outlives_its_test():
    yield
    if (job := sources.data_work().job) is not None:
        job.stop()
        job.wait(30)


@pytest.fixture
def contents(small_folder) -> dict[str, bytes]:
    return {name: (small_folder / name).read_bytes() for name in (METADATA_FILE, PIXEL_FILE)}


@pytest.fixture
def kaggle(contents, monkeypatch, tmp_path):
    monkeypatch.setattr(download, "WAITS", (0.0,))
    for name in (
        "KAGGLE_API_TOKEN",
        "KAGGLE_USERNAME",
        "KAGGLE_KEY",
        "no_proxy",
        "NO_PROXY",
        "HTTP_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Kaggle(contents) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def held(monkeypatch):
    """A download that says it has 34 of 92 MB and waits: until it is stopped, or `held.set()`."""
    go_on = threading.Event()

    def work(photographs, report, stop):
        report(34_000_000, 92_000_000, f"Downloading {PIXEL_FILE}")
        while not go_on.wait(0.05):
            if stop.is_set():
                raise io.stopped()
        raise config.DataError("The download from Kaggle", "the test ended it.", "Try again.")

    monkeypatch.setattr(data, "download_ham10000", work)
    return go_on


def start_download(app: AppTest) -> None:
    app.checkbox(key="sources_accepted").check().run()
    app.button(key="sources_download").click().run()
    assert not app.exception


def ended(app: AppTest) -> AppTest:
    sources.data_work().job.wait(SECONDS)
    assert not sources.data_work().job.running
    app.run()
    assert not app.exception
    return app


def open_panel() -> AppTest:
    """Home with the line of the data in use opened, where there is one."""
    return open_page(behind=["sources_open"])


def words(elements) -> str:
    return "\n".join(element.value for element in elements).replace("\\", "")


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.main.button]


def bar(app: AppTest) -> str:
    return app.main.get("progress")[0].proto.text.replace("\\", "")


# ---------------------------------------------------------------------------- the download


def test_the_licence_comes_first(kaggle):
    app = open_panel()
    assert config.LICENCE in app.checkbox(key="sources_accepted").label
    assert config.CITATION in app.checkbox(key="sources_accepted").label
    assert app.button(key="sources_download").disabled
    app.checkbox(key="sources_accepted").check().run()
    assert not app.button(key="sources_download").disabled
    assert kaggle.asked == []


def test_one_click_fetches_the_data_checks_it_and_takes_it_into_use(kaggle):
    app = open_panel()
    start_download(app)
    ended(app)
    assert "the data set is whole, checked and in use" in words(app.success)
    assert "150 images of 75 lesions" in words(app.sidebar.caption)
    assert data.current_source() == places.data_folder() / "kaggle"
    app.button(key="sources_close").click().run()
    assert not app.success


def test_a_refusal_is_shown_with_the_way_by_hand_and_the_demo_set_stays(kaggle):
    kaggle.refusals = [403]
    app = open_panel()
    start_download(app)
    ended(app)
    assert "Kaggle refused it (403)" in words(app.error)
    assert "with a browser" in words(app.error)
    assert data.current_source() in NOTHING_CHOSEN
    assert "Download" in labels(app), "it can be tried again at once"


def test_the_panel_stays_open_when_the_message_of_an_error_is_closed_and_not_after_a_success(
    kaggle,
):
    kaggle.refusals = [403]
    app = open_panel()
    for open_after in (True, False):
        start_download(app)
        ended(app)
        app.button(key="sources_close").click().run()
        assert not app.error
        assert not app.success
        assert app.session_state["sources_open"] is open_after


def test_progress_speaks_of_bytes_to_every_visitor_and_after_a_refresh(held):
    start_download(open_panel())
    for _ in ("a refresh", "another visitor"):
        app = open_panel()
        assert bar(app).startswith(f"Downloading {PIXEL_FILE}: 34 MB of 92 MB")
        assert app.main.get("progress")[0].proto.value == 36
        assert "Stop" in labels(app)
        assert not app.checkbox, "a second download cannot be started"


@pytest.mark.parametrize("script", ["pages/dataset.py", "pages/training.py", "pages/comparison.py"])
def test_every_page_shows_in_the_sidebar_how_far_a_download_is(script, held):
    assert "Download from Kaggle" not in words(open_page(script).sidebar.markdown)
    start_download(open_panel())
    app = open_page(script)
    assert "Download from Kaggle" in words(app.sidebar.markdown)
    assert [shown.proto.text for shown in app.sidebar.get("progress")] == ["37 %"]


def test_stopping_says_so_and_keeps_what_has_arrived(held, ham_home):
    (ham_home / "downloads").mkdir(parents=True)
    (ham_home / "downloads" / "x").write_bytes(bytes(3_500_000))
    app = open_panel()
    start_download(app)
    app.button(key="sources_stop").click().run()
    ended(app)
    assert "was stopped, as you asked" in words(app.info)
    assert "3.5 MB of an earlier download have arrived" in words(app.caption)
    assert "Go on downloading" in labels(app)


def test_only_one_job_runs_at_a_time_for_all_visitors(held):
    first, second = open_panel(), open_panel()
    second.checkbox(key="sources_accepted").check().run()
    start_download(first)
    second.button(key="sources_download").click().run()  # its page was drawn before the first began
    assert "Download from Kaggle is not done yet" in words(second.error)
    assert sources.data_work().job.running


def test_with_ham_data_set_a_download_is_kept_and_not_taken_into_use(
    kaggle, monkeypatch, kaggle_folder
):
    named = kaggle_folder("named", counts={"nv": 6, "mel": 4})
    monkeypatch.setenv("HAM_DATA", str(named))
    app = open_panel()
    start_download(app)
    ended(app)
    assert f"HAM_DATA={places.data_folder() / 'kaggle'}" in words(app.success)
    assert "10 images" in words(app.sidebar.caption)
    monkeypatch.delenv("HAM_DATA")
    assert data.current_source() in NOTHING_CHOSEN


def test_the_whole_archive_says_what_disk_it_needs():
    app = open_panel()
    app.segmented_control(key="sources_what").set_value("Photographs as well").run()
    assert "5.6 GB: 8.5 GB of disk meanwhile, 2.9 GB afterwards" in words(app.caption)


@pytest.mark.parametrize(
    ("done", "total", "what", "seen", "said"),
    [
        (0, 0, "Asking Kaggle", [], "Asking Kaggle …"),
        (500_000, 0, "Downloading x", [], "Downloading x: 0.5 MB"),
        (
            34_000_000,
            92_000_000,
            "Downloading x",
            [(0, 14_000_000), (10, 34_000_000)],
            "Downloading x: 34 MB of 92 MB · 2.0 MB a second · about 30 s left",
        ),
        (30, 40, "Reading JPEGs", [(0, 0), (2, 30)], "Reading JPEGs: 75 %"),
    ],
)
def test_progress_in_words(done, total, what, seen, said):
    job = io.Job("x", lambda report, stop: Path())
    job.wait(SECONDS)
    job.done, job.total, job.what = done, total, what
    for second, count in seen:
        job.pace.add(count, second)
    assert job_in_words(job) == said


# -------------------------------------------------------------------------------- a zip


def test_a_dropped_zip_is_unpacked_checked_and_in_use(contents):
    app = open_panel()
    app.file_uploader(key="sources_zip_0").set_value(
        ("my set.zip", zip_of(contents), "application/zip")
    ).run()
    ended(app)
    assert "Unpacking my set.zip" in words(app.success)
    assert "150 images of 75 lesions" in words(app.sidebar.caption)
    assert app.file_uploader(key="sources_zip_1").value is None, "the uploader is empty again"


def test_a_bad_zip_is_refused_in_words_and_leaves_nothing_behind():
    app = open_panel()
    app.file_uploader(key="sources_zip_0").set_value(
        ("x.zip", zip_of({"../evil": b"x"}), "application/zip")
    ).run()
    ended(app)
    assert "leads out of the folder" in words(app.error)
    assert [path.name for path in places.data_folder().iterdir()] == [".lock"]
    assert data.current_source() in NOTHING_CHOSEN


def test_a_zip_on_this_computer_is_named_like_a_folder(contents, tmp_path):
    path = tmp_path / "Kaggle's archive.ZIP"
    path.write_bytes(zip_of(contents))
    app = open_panel()
    app.text_input[0].input(str(path))
    app.button(key=USE_FOLDER).click().run()
    ended(app)
    assert "150 images of 75 lesions" in words(app.sidebar.caption)


def test_a_folder_with_zips_in_it_is_unpacked_in_the_background(contents, tmp_path):
    folder = tmp_path / "from Kaggle"
    folder.mkdir()
    for number, (name, content) in enumerate(contents.items()):
        (folder / f"archive ({number}).zip").write_bytes(zip_of({name: content}))
    app = open_panel()
    app.text_input[0].input(f"'{folder}'")
    app.button(key=USE_FOLDER).click().run()
    ended(app)
    assert "150 images of 75 lesions" in words(app.sidebar.caption)
    assert data.current_source() == folder.resolve()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_folder_whose_name_is_no_text_is_shown(kaggle_folder, monkeypatch):
    folder = kaggle_folder("data", counts={"nv": 6, "mel": 4})
    folder = folder.rename(folder.parent / os.fsdecode(b"b\xe4d"))
    monkeypatch.setenv("HAM_DATA", str(folder))
    app = open_panel()
    assert not app.exception
    assert "10 images" in words(app.sidebar.caption)
    data.use_source(folder)
    monkeypatch.delenv("HAM_DATA")
    assert not open_panel().exception
    monkeypatch.setenv("HAM_DATA", str(folder / "gone"))
    app = open_panel()
    assert not app.exception
    assert "b\ufffdd" in words(app.error)


@pytest.mark.parametrize(("way", "number"), [("drop", 1), ("name", 2)])
def test_after_an_error_the_way_that_was_tried_is_in_front(tmp_path, way, number):
    app, bad = open_panel(), zip_of({"notes.txt": b"x"})
    assert front_tab(app) == 0
    if way == "drop":
        app.file_uploader(key="sources_zip_0").set_value(("x.zip", bad, "application/zip")).run()
    else:
        (tmp_path / "x.zip").write_bytes(bad)
        app.text_input[0].input(str(tmp_path / "x.zip"))
        app.button(key=USE_FOLDER).click().run()
    ended(app)
    assert app.error
    assert front_tab(app) == number


def front_tab(app: AppTest) -> int:
    return app.main.get("tab_container")[0].proto.tab_container.default_tab_index


@pytest.mark.parametrize("whole", [True, False])
def test_a_zip_that_was_taken_is_held_by_nobody_once_it_is_unpacked_or_refused(
    contents, whole, monkeypatch
):
    taken, take = [], visit.take
    monkeypatch.setattr(visit, "take", lambda files: (taken.extend(files), take(files)))
    app, content = open_panel(), zip_of(contents if whole else {"notes.txt": b"x"})
    app.file_uploader(key="sources_zip_0").set_value(("my set.zip", content, "")).run()
    ended(app)
    assert [file.closed for file in taken] == [True]


def test_kaggles_archive_is_named_by_its_path_and_the_field_says_so():
    app = open_panel()
    [field] = [field for field in app.file_uploader if field.key.startswith("sources_zip")]
    assert field.proto.max_upload_size_mb == visit.MAX_UPLOAD_MB
    assert not field.proto.type, "what it is, is told from its content"
    assert "5.6 GB" in words(app.caption)
    assert "where on this computer it lies, under **Name a folder or zip**" in words(app.caption)


def test_what_is_no_zip_is_refused_in_words():
    app = open_panel()
    app.file_uploader(key="sources_zip_0").set_value(("archive", b"no zip at all", "")).run()
    ended(app)
    assert "no zip" in words(app.error)


# ------------------------------------------------------------------------ the sources there are


def test_one_click_switches_between_the_sources_there_are(kaggle_folder):
    for name, count in (("ten", 6), ("eleven", 7)):
        data.use_source(kaggle_folder(name, counts={"nv": count, "mel": 4}))
    app = open_panel()
    assert "11 images" in words(app.sidebar.caption)
    assert "**eleven** :green-badge[:material/check: in use]" in words(app.markdown)
    assert [label for label in labels(app) if label.startswith("Use ")] == [
        "Use Demo data",
        "Use ten",
    ]
    app.button(key="sources_use_2").click().run()
    assert "10 images" in words(app.sidebar.caption)
    assert [label for label in labels(app) if label.startswith("Use ")] == [
        "Use Demo data",
        "Use eleven",
    ]
    app.button(key="sources_use_0").click().run()
    assert data.current_source() in NOTHING_CHOSEN


def test_a_folder_that_has_gone_cannot_be_chosen_and_one_that_goes_is_said(kaggle_folder, tmp_path):
    data.use_source(kaggle_folder("usb", counts={"nv": 6, "mel": 4}))
    data.use_source(None)
    app = open_panel()
    (tmp_path / "usb").rename(tmp_path / "away")
    app.button(key="sources_use_1").click().run()
    assert "no folder that exists here" in words(app.error)
    assert "not there now" in words(app.markdown)
    assert app.button(key="sources_use_1").disabled


def test_ham_data_decides_and_the_buttons_say_so(kaggle_folder, monkeypatch):
    data.use_source(kaggle_folder("chosen", counts={"nv": 6, "mel": 4}))
    monkeypatch.setenv("HAM_DATA", str(kaggle_folder("named", counts={"nv": 7, "mel": 4})))
    app = open_panel()
    assert "Named by the environment variable HAM_DATA" in words(app.markdown)
    buttons = [button for button in app.main.button if button.label.startswith("Use ")]
    assert len(buttons) == 2
    assert all(button.disabled for button in buttons)


def test_data_that_cannot_be_used_is_said_beside_the_others(kaggle_folder):
    folder = kaggle_folder("broken", counts={"nv": 6, "mel": 4})
    data.use_source(folder)
    (folder / PIXEL_FILE).write_text("nothing")
    for script in ("app.py", "pages/dataset.py"):
        app = open_page(script)
        assert "line 1" in words(app.error)
        assert "Use other data" in words(app.header)
        assert "Use Demo data" in labels(app)


def test_a_job_that_failed_by_a_mistake_of_ours_is_no_secret():
    sources.data_work().start("x", lambda report, stop: {}["no"])
    sources.data_work().job.wait(SECONDS)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=SECONDS).run()
    assert "'no'" in app.exception[0].message
    assert not app.run().exception, "it is shown once"


def test_a_zip_file_that_is_a_folder_is_a_folder(kaggle_folder):
    folder = kaggle_folder("odd.zip", counts={"nv": 6, "mel": 4})
    assert not zipfile.is_zipfile(folder)
    app = open_panel()
    app.text_input[0].input(str(folder))
    app.button(key=USE_FOLDER).click().run()
    assert "10 images" in words(app.sidebar.caption)


def test_ham_data_may_name_a_zip(contents, tmp_path, monkeypatch):
    path = tmp_path / "my data.zip"
    path.write_bytes(zip_of(contents))
    monkeypatch.setenv("HAM_DATA", str(path))
    app = open_panel()
    assert not app.exception
    assert "150 images of 75 lesions" in words(app.sidebar.caption)
