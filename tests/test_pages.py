"""The frame and Home, run by Streamlit's own test driver, and every page opened by it."""

import json
import re
import subprocess
import sys
import time
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ham import config, prediction, store
from ham.engine import Engine
from ham.report.words import ago, done_share, progress_text, time_left
from ham.ui import frame, home
from tests.page_driver import last_runs, open_page, words
from tests.run_factory import EVALUATION, waiting_run
from tests.run_factory import finished_run as made_run

ROOT = Path(__file__).parents[1]
PAGES = [entry for entry in frame.MENU if (ROOT / entry.script).exists()]
SECONDS = 60  # before a page counts as hanging, on a busy machine


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    """Pages start the engine; these tests only look at what pages show."""
    monkeypatch.setattr(Engine, "start", lambda self: self)


@pytest.fixture
def data_in_use(small_folder, monkeypatch):
    monkeypatch.setenv("HAM_DATA", str(small_folder))


# ------------------------------------------------------------------------------- frame


@pytest.mark.usefixtures("data_in_use")
@pytest.mark.parametrize("script", [entry.script for entry in PAGES])
def test_every_page_shows_the_data_in_use_and_ends_with_the_disclaimer(script):
    app = open_page(script)
    assert "150 images of 75 lesions" in words(app.sidebar.caption)
    assert app.main.caption[-1].value.startswith(config.DISCLAIMER)
    assert [notice.proto.popover.label for notice in app.get("popover")][:1] == [config.DISCLAIMER]
    assert "For a spot on your skin, see a doctor" in words(app.markdown)


@pytest.mark.parametrize("script", [entry.script for entry in PAGES])
def test_where_no_data_is_chosen_every_page_is_whole_on_the_demo_data_and_says_so(script):
    app = open_page(script)
    assert not app.error
    assert words(app.caption).count(config.DISCLAIMER) >= 1
    assert "Demo data** :orange-badge[synthetic]" in words(app.sidebar.markdown)
    assert "Synthetic demo data" in words(app.markdown)
    assert not app.info


@pytest.mark.usefixtures("data_in_use")
def test_real_data_has_no_badge_and_no_notice():
    app = open_page()
    assert "synthetic" not in words(app.sidebar.markdown)
    assert "Synthetic demo data" not in words(app.markdown)


def test_the_menu_links_every_page_there_is():
    labels = [link.proto.label for link in open_page().sidebar.get("page_link")]
    assert labels == [entry.title for entry in PAGES]


def test_the_live_run_is_shown_with_epoch_and_time_left():
    run = waiting_run(config.TrainConfig(epochs=8))
    with store.claim(run):
        store.write_status(
            run, state="running", phase="training", epoch=2, step=5, steps=10, seconds_left=130.0
        )
        app = open_page()
    assert run.title in words(app.sidebar.markdown).replace("\\", "")
    progress = app.sidebar.get("progress")[0].proto
    assert (progress.text, progress.value) == ("Epoch 3 of 8 · about 2 min left", 31)


def test_nothing_live_shows_nothing():
    assert not open_page().sidebar.get("progress")


def test_waiting_runs_are_counted():
    for seed in range(2):
        waiting_run(config.TrainConfig(seed=seed))
    assert "2 runs wait" in words(open_page().sidebar.caption)


def an_app_that_raises():
    from ham import ui
    from ham.config import DataError

    with ui.page("Home", "What?"):
        raise DataError("data_*.csv", "is **empty**.", "Download $1$ again.")


def test_an_error_is_shown_once_as_plain_text_with_its_three_parts_and_the_footer_follows(
    monkeypatch,
):
    # there are no pages beside an app from a function
    monkeypatch.setattr(frame, "_menu", lambda: None)
    app = AppTest.from_function(an_app_that_raises, default_timeout=SECONDS)
    app.run()
    assert not app.exception
    [error] = app.error
    assert error.value == r"**data\_\*.csv:** is \*\*empty\*\*.  " + "\n" + r"Download \$1\$ again."
    assert config.DISCLAIMER in words(app.caption)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "about 5 s left"),
        (42, "about 40 s left"),
        (56, "about 1 min left"),
        (150, "about 2 min left"),
        (3599, "about 1 h 00 min left"),
        (4300, "about 1 h 12 min left"),
    ],
)
def test_time_left_is_said_no_more_exactly_than_it_is_known(seconds, text):
    assert time_left(seconds) == text


def test_progress_says_what_a_run_does_before_its_first_epoch():
    status = store.Status(
        state="running", epochs=3, created=0, order=0, phase="starting TensorFlow"
    )
    assert progress_text(status) == "Starting TensorFlow"
    assert done_share(status) == 0


def test_markdown_in_a_name_is_shown_as_it_is():
    assert frame.plain("a_b*[x](y) :red[z] $1") == r"a\_b\*\[x\]\(y\) \:red\[z\] \$1"


# -------------------------------------------------------------------------------- data


def test_a_data_set_that_changes_on_disk_is_read_again(kaggle_folder, monkeypatch):
    monkeypatch.setattr("ham.data.current._LOOK_AGAIN_SECONDS", 0.0)
    folder = kaggle_folder(counts={"nv": 6, "mel": 4})
    monkeypatch.setenv("HAM_DATA", str(folder))
    app = open_page()
    assert "10 images" in words(app.sidebar.caption)
    kaggle_folder(counts={"nv": 7, "mel": 4})
    app.run()
    assert "11 images" in words(app.sidebar.caption)


def test_broken_data_is_named_on_home_and_mending_it_is_enough(kaggle_folder, monkeypatch):
    monkeypatch.setattr("ham.data.current._LOOK_AGAIN_SECONDS", 0.0)
    folder = kaggle_folder(counts={"nv": 6, "mel": 4})
    pixels = folder / "hmnist_28_28_RGB.csv"
    good = pixels.read_text()
    pixels.write_text(good.replace("pixel0000", "first"))
    monkeypatch.setenv("HAM_DATA", str(folder))
    app = open_page()
    assert "line 1" in app.error[0].value
    assert len(app.error) == 1
    assert "Cannot be used" in words(app.header)
    assert not app.get("plotly_chart")
    pixels.write_text(good)
    app.run()
    assert not app.error
    assert "10 images" in words(app.sidebar.caption)


def test_a_folder_is_checked_before_it_is_taken(small_folder, tmp_path):
    app = open_page(behind=["sources_open"])
    app.text_input[0].input(str(tmp_path / "nowhere"))
    app.button(key="FormSubmitter:choose_folder-Check and use this folder").click().run()
    assert "nowhere" in app.error[0].value
    assert not (config.home_folder() / "settings.json").exists()
    app.text_input[0].input(f'"{small_folder}"')
    app.button(key="FormSubmitter:choose_folder-Check and use this folder").click().run()
    assert not app.error
    assert "150 images" in words(app.sidebar.caption)


# ------------------------------------------------------------- folders that cannot be used


def every_page() -> list[AppTest]:
    return [open_page(entry.script) for entry in PAGES]


def a_file(home: Path) -> Path:
    home.write_text("no folder")
    return home


def below_a_file(home: Path) -> Path:
    return a_file(home) / "home"


def on_no_disk(home: Path) -> Path:
    return Path("/proc/nowhere")


@pytest.mark.parametrize("spoiled", [a_file, below_a_file, on_no_disk])
def test_a_home_that_cannot_be_written_is_said_once_on_every_page_which_opens_on_the_demo_data(
    spoiled, tmp_path, monkeypatch
):
    monkeypatch.setenv("HAM_HOME", str(spoiled(tmp_path / "elsewhere")))
    for app in every_page():
        [error] = [error.value.replace("\\", "") for error in app.error]
        assert "HAM Lab's folder" in error
        assert "it cannot be written" in error
        assert "HAM_HOME set to another folder" in error
        assert "Demo data" in words(app.sidebar.markdown)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda runs: runs.write_text("no folder"),
        lambda runs: runs.symlink_to(runs.parent / "runs"),
    ],
)
def test_a_runs_folder_that_cannot_be_read_is_said_once_on_every_page(spoil, ham_home):
    ham_home.mkdir(exist_ok=True)
    spoil(ham_home / "runs")
    for app in every_page():
        [error] = [error.value.replace("\\", "") for error in app.error]
        assert str(ham_home / "runs") in error
        assert "delete" not in error.lower()
        assert app.main.caption[-1].value.startswith(config.DISCLAIMER)


def test_what_the_frame_has_said_is_not_said_again_by_the_engine_or_a_section(
    ham_home, monkeypatch
):
    ham_home.mkdir(exist_ok=True)
    (ham_home / "runs").write_text("no folder")
    problem = store.find_runs().unreadable
    made = Engine.__init__

    def with_problem(self: Engine, **beside: object) -> None:
        made(self, **beside)
        self.problem = problem

    monkeypatch.setattr(Engine, "__init__", with_problem)
    for script in ("app.py", "pages/training.py"):
        app = open_page(script)
        assert len(app.error) == 1
        assert problem.why not in words(app.main.markdown).replace("\\", "")


@pytest.mark.parametrize("script", [entry.script for entry in PAGES])
def test_settings_that_cannot_be_read_are_told_on_every_page(script, ham_home):
    ham_home.mkdir(exist_ok=True)
    (ham_home / "settings.json").write_text("{")
    app = open_page(script)
    assert "settings.json" in words(app.sidebar.caption).replace("\\", "")
    assert len(app.error) <= 1


# -------------------------------------------------------------------------------- home


def finished_run(seed: int = 1, value: float = 0.75) -> store.Run:
    score = {"value": value, "low": value - 0.02, "high": value + 0.02}
    return made_run(
        config.TrainConfig(seed=seed, split="image"),
        now=time.time() - 7200,
        evaluation=EVALUATION | {"scores": EVALUATION["scores"] | {"accuracy": score}},
    )


def test_home_on_the_demo_data_says_how_to_get_the_real_data():
    app = open_page(behind=["sources_open"])
    assert config.KAGGLE_URL in words(app.markdown)
    assert "HAM_DATA" in words(app.markdown)
    assert "Nothing has been trained yet" in words(app.markdown)


@pytest.mark.usefixtures("data_in_use")
def test_home_names_the_majority_and_its_share():
    text = words(open_page().markdown)
    assert "Always predicting melanocytic nevus has an accuracy of 42 %." in text


@pytest.mark.usefixtures("data_in_use")
def test_home_begins_with_two_images_of_each_class_each_opening_its_details():
    app = open_page()
    band = json.loads(app.get("bidi_component")[0].proto.json)
    tiles = re.findall(r'data-press="(\w+)".*?aria-label="(.*?): details of (\w+)"', band)
    assert [title for _, title, _ in tiles] == [c.title for c in config.CLASSES for _ in range(2)]
    assert all(pressed == named for pressed, _, named in tiles)
    details = open_page("pages/dataset.py", image=tiles[2][0])
    table = words(details.get("html"))
    assert f"<td>{tiles[2][0]}</td>" in table
    assert config.CLASSES[1].title in table


@pytest.mark.usefixtures("data_in_use")
def test_a_pressed_image_of_the_band_leads_to_its_details_and_no_other_name_does(monkeypatch):
    led = []
    monkeypatch.setattr("streamlit.switch_page", lambda *to, **more: led.append((to, more)))
    for name in ("TEST_00005", "ISIC_0", None):
        monkeypatch.setattr("ham.ui.home.band.pressable", lambda _html, _key, told, n=name: told(n))
        assert not open_page().exception
    assert led == [(("pages/dataset.py",), {"query_params": {"image": "TEST_00005"}})]


@pytest.mark.usefixtures("data_in_use")
def test_an_address_that_names_no_image_of_the_data_opens_none():
    app = open_page("pages/dataset.py", image="ISIC_0")
    assert "dataset_open" not in app.session_state
    assert "is not in the data in use" in app.toast[0].value


def test_home_draws_the_best_run_of_each_model_once_there_is_one(shipped):
    page = open_page()
    assert next(link.proto.label for link in page.main.get("page_link")).startswith("New here?")
    drawn = words(page.get("html"))
    assert drawn.count('<ul class="ham-balance"') == drawn.count('<ul class="ham-best"') == 1
    # Plotly's code takes the browser longer than the page
    assert not page.get("plotly_chart")


@pytest.mark.usefixtures("data_in_use")
@pytest.mark.parametrize(
    ("trained", "coloured"), [(False, "Train a model"), (True, "Try an image")]
)
def test_the_button_of_the_next_step_is_the_coloured_one(trained, coloured):
    if trained:
        finished_run()
    assert [button.label for button in open_page().button if button.proto.type == "primary"] == [
        coloured
    ]


def test_last_runs_show_state_split_and_accuracy_with_its_interval():
    finished_run()
    assert [one[:-1] for one in last_runs(open_page())] == [
        ["Run", "State", "Test accuracy", "Split", "Created"],
        ["CNN, as described, seed 1", "Done", "75.0 % (73.0 to 77.0)", "By image", "2 hours ago"],
    ]


def test_only_the_newest_runs_are_listed_and_the_others_counted():
    for seed in range(home.LAST_RUNS + 2):
        finished_run(seed)
    app = open_page()
    assert len(last_runs(app)) == 1 + home.LAST_RUNS
    assert f"The newest {home.LAST_RUNS} of {home.LAST_RUNS + 2} runs" in words(app.caption)


def test_a_failed_run_says_why():
    run = waiting_run()
    store.write_status(
        run,
        state="failed",
        error={"what": "The training", "why": "ran out of memory.", "todo": "x"},
    )
    assert last_runs(open_page())[1][1] == "Failed: ran out of memory."


def test_a_name_of_a_run_is_no_html():
    store.write_notes(finished_run(), title="<b>bold</b> & more")
    assert last_runs(open_page())[1][0] == "<b>bold</b> & more"
    assert "<b>bold" not in words(open_page().get("html"))


def test_an_engine_that_cannot_start_is_said_on_home(monkeypatch):
    problem = config.EngineError("The training engine", "cannot start.", "Free some memory.")
    made = Engine.__init__

    def with_problem(self: Engine, **beside: object) -> None:
        made(self, **beside)
        self.problem = problem

    monkeypatch.setattr(Engine, "__init__", with_problem)
    assert "cannot start" in words(open_page().markdown)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (172_800, "2 days ago"),
    ],
)
def test_ago(seconds, text):
    assert ago(seconds) == text


def test_home_counts_the_models_that_ship_apart_and_an_image_can_be_tried_at_once(shipped):
    app = open_page()
    assert "No model trained yet" in words(app.header)
    assert "2 models ready" in words(app.header)
    assert "2 trained models ship with HAM Lab." in words(app.markdown)
    assert "Nothing has been trained yet" in words(app.markdown)
    coloured = [button.label for button in app.button if button.proto.type == "primary"]
    assert coloured[0] == "Try an image"
    finished_run()
    app.run()
    assert "1 model trained" in words(app.header)
    assert "3 models ready" in words(app.header)


@pytest.mark.usefixtures("data_in_use", "shipped")
def test_with_data_the_next_step_is_still_to_train_a_model_of_ones_own():
    assert [button.label for button in open_page().button if button.proto.type == "primary"] == [
        "Train a model"
    ]


# -------------------------------------------------------------------------- TensorFlow


def test_a_servers_first_page_has_tensorflow_loaded_some_seconds_later(monkeypatch):
    asked = []
    monkeypatch.setattr(prediction, "warm_up", lambda after: asked.append(after))
    monkeypatch.delenv("HAM_WARM_UP", raising=False)
    st.cache_resource.clear()
    open_page().run()
    assert asked == [frame._WARM_UP_SECONDS]
    monkeypatch.setenv("HAM_WARM_UP", "off")
    st.cache_resource.clear()
    open_page()
    assert len(asked) == 1


def test_no_page_but_prediction_imports_tensorflow_and_home_no_scipy(small_folder, tmp_path):
    script = """
import json, sys
from streamlit.testing.v1 import AppTest
from ham.engine import Engine
from ham.evaluation import intervals
from ham.ui import frame
from ham.ui.comparison import details
Engine.start = lambda self: self
frame._WARM_UP_SECONDS = 3600.0  # what comes later by itself is no page's doing
intervals.RESAMPLES = 20
# every area and every part of Comparison at once
details.tabs = lambda drawn, key: [draw() for draw in drawn.values()]
details.draw_area = lambda area, parts, runs: [draw(runs) for draw in parts.values()]
app = AppTest.from_file(sys.argv[1], default_timeout=60).run()
at_first = [name for name in ("scipy", "sklearn") if name in sys.modules]
for page in sys.argv[2:]:
    app.switch_page(page).run()
    assert not app.exception, app.exception
    if "comparison" in page:
        assert len(app.get("plotly_chart")) > 20
later = [name for name in ("tensorflow", "keras", "distributed") if name in sys.modules]
print(json.dumps(at_first + later))
"""
    pages = [entry.script for entry in PAGES if entry.title not in ("Home", "Prediction")]
    found = subprocess.run(
        [sys.executable, "-c", script, str(ROOT / "app.py"), *pages],
        cwd=ROOT,
        stdout=subprocess.PIPE,  # what goes wrong stands in the test's output
        text=True,
        check=True,
        env={"PATH": "", "HAM_HOME": str(tmp_path / "home"), "HAM_DATA": str(small_folder)},
    )
    assert json.loads(found.stdout.splitlines()[-1]) == []


def test_a_log_made_in_one_test_is_heard_in_the_next(capsys):
    from streamlit.logger import get_logger

    with redirect_stderr(StringIO()) as of_another_test:
        log = get_logger("ham.tests.another")
    of_another_test.close()
    log.warning("heard")
    assert capsys.readouterr().err.endswith("heard\n")
