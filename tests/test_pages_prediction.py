"""The Prediction page, run by Streamlit's own test driver on small untrained models."""

import csv
import dataclasses
import io
import json
import re
import shutil
import zipfile

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button
from test_images import colorful
from test_prediction import encoded, finished_run, plain

from ham import config, data, prediction, report, store
from ham.config import CODES
from ham.engine import Engine
from ham.images import CheckedImage
from ham.lesson import Fact, Progress
from ham.prediction import Prediction, dropped
from ham.report import DecisionRule
from ham.report.words import whole_percent
from ham.ui.prediction import answers as answered
from ham.ui.prediction import closer, images, loading, models
from tests.page_driver import open_page, opened, said, words
from tests.run_factory import edited_run, history_row, waiting_run

RED, BLUE = plain((255, 0, 0)), plain((0, 0, 255))


@pytest.fixture(scope="module")
def loaded() -> dict[bytes, prediction.Predictor]:
    """By what a model's file holds; tracing one takes a second."""
    return {}


@pytest.fixture(autouse=True)
def fresh(loaded, monkeypatch):
    """No engine, nothing remembered from the test before but what the models' files hold."""

    def load_once(run: store.Run) -> prediction.Predictor:
        content = run.id.encode() + store.checked_model_path(run).read_bytes()
        if content not in loaded:
            loaded[content] = prediction.Predictor(run)
        return loaded[content]

    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(loading, "Predictor", load_once)
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def home_of_two_runs(tmp_path_factory):
    home = tmp_path_factory.mktemp("two_runs")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HAM_HOME", str(home))
        return home, [finished_run("cnn").id, finished_run("lstm").id]


@pytest.fixture
def two_runs(home_of_two_runs, ham_home):
    home, ids = home_of_two_runs
    shutil.copytree(home, ham_home)
    return [store.read_run(run_id) for run_id in ids]


def answered_in(app: AppTest) -> str:
    """The table of the open image's answers, as HTML; "" where there is none."""
    return "".join(h.value for h in app.get("html") if 'class="ham-answer"' in h.value)


def listed_in(app: AppTest) -> list[str]:
    """Names in the list of images."""
    tables = [frame.value for frame in app.dataframe if "Malignant" in frame.value]
    return tables[0]["Image"].tolist() if tables else []


def removal_buttons(app: AppTest) -> list[str]:
    return [button.key for button in app.button if button.label == "Remove"]


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, content, "") for name, content in files]).run()
    assert not app.exception
    return app


# --------------------------------------------------------------------------------- states


def test_without_a_model_the_page_leads_to_training():
    app = open_page("pages/prediction.py")
    assert "No trained model yet" in words(app.header)
    assert "Train a model" in [link.proto.label for link in app.main.get("page_link")]
    assert not app.file_uploader


def test_while_the_first_model_trains_the_page_says_so():
    waiting_run()
    assert "It can be asked here as soon as it ends." in words(
        open_page("pages/prediction.py").markdown
    )


@pytest.mark.usefixtures("two_runs")
def test_before_a_file_the_page_says_what_to_do_and_what_it_is_not():
    app = open_page("pages/prediction.py")
    assert "not a diagnosis" in said(app)
    assert app.file_uploader[0].label == "Drop images or a zip of them here, or paste one"
    assert not answered_in(app)
    assert not app.get("download_button")


# -------------------------------------------------------------------------------- answers


@pytest.mark.usefixtures("two_runs")
def test_in_read_only_mode_a_dropped_image_is_answered_and_not_kept(ham_home, monkeypatch):
    monkeypatch.setenv("HAM_READONLY", "1")
    before = sorted(path for path in ham_home.rglob("*") if path.is_file())
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    assert not app.error
    assert "LSTM" in answered_in(app)
    after = sorted(path for path in ham_home.rglob("*") if path.is_file())
    assert [path for path in after if "cache" not in path.parts] == before
    assert encoded(RED) not in [path.read_bytes() for path in after]


@pytest.mark.usefixtures("two_runs")
def test_every_run_answers_a_dropped_image_side_by_side():
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    table = answered_in(app)
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == ["Class", "LSTM", "CNN"]
    assert [c.name in table for c in config.CLASSES] == [True] * 7
    assert re.match(r"Both models say|The models disagree", words(app.header))
    assert [button.label for button in app.get("download_button")] == [
        "CSV",
        "JSON",
        "HTML with pictures",
    ]


@pytest.mark.usefixtures("two_runs")
def test_refused_files_are_listed_and_the_others_answered():
    app = drop(
        open_page("pages/prediction.py"),
        ("red.png", encoded(RED)),
        ("notes_1.png", b"no image"),
        ("blue.jpg", encoded(BLUE, "JPEG")),
        ("scan.dcm", bytes(128) + b"DICM" + bytes(64)),
    )
    assert "2 images, 2 models" in words(app.markdown)
    assert listed_in(app) == ["red.png", "blue.jpg"]
    refused = words(app.error)
    assert refused.startswith("2 files were not answered")
    assert "**notes\\_1.png**: this is a text file" in refused.replace("\\.", ".")
    assert "this is a DICOM file" in refused


@pytest.mark.usefixtures("two_runs")
def test_a_file_dropped_twice_is_answered_once():
    app = drop(open_page("pages/prediction.py"), ("a.png", encoded(RED)), ("b.png", encoded(RED)))
    assert not listed_in(app)
    assert "dropped as b.png too" in words(app.caption).replace("\\", "")
    assert not app.error


@pytest.mark.usefixtures("two_runs")
def test_the_images_of_a_zip_are_answered_and_what_is_none_is_named():
    zipped = packed(
        {
            "a/red.png": encoded(RED),
            "a/blue.jpg": encoded(BLUE, "JPEG"),
            "a/labels.csv": b"image,dx",
            "a/broken.png": encoded(RED)[:60],
            "a/more.zip": packed({"x.png": encoded(RED)}),
        }
    )
    app = drop(open_page("pages/prediction.py"), ("lesions.zip", zipped))
    assert listed_in(app) == ["a/red.png", "a/blue.jpg"]
    refused = words(app.error).replace("\\", "")
    assert "a/broken.png" in refused
    assert "a/more.zip**: this is a zip archive" in refused
    drop(app, ("cut.zip", zipped[:200]))
    assert "cut.zip" in words(app.error).replace("\\", "")
    assert listed_in(app) == ["a/red.png", "a/blue.jpg"]


@pytest.mark.usefixtures("two_runs")
def test_of_several_images_a_list_opens_one(monkeypatch):
    files = [(f"{i}.png", encoded(plain((20 * i, 0, 0)))) for i in range(3)]
    app = drop(open_page("pages/prediction.py"), *files)
    assert listed_in(app) == ["0.png", "1.png", "2.png"]
    assert "**2.png**" in words(app.markdown)  # the last one is open
    app.session_state["prediction_dropped"].opened = next(
        iter(app.session_state["prediction_dropped"].images)
    )
    app.run()
    assert "**0.png**" in words(app.markdown)
    app.button(key=removal_buttons(app)[0]).click().run()
    assert listed_in(app) == ["1.png", "2.png"]


@pytest.mark.usefixtures("two_runs")
def test_what_was_answered_is_not_asked_again(loaded, monkeypatch):
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    asked = []
    for predictor in loaded.values():
        proba = predictor.proba
        monkeypatch.setattr(
            predictor, "proba", lambda seen, proba=proba: (asked.append(len(seen)), proba(seen))[1]
        )
    app.run()
    assert asked == []
    drop(app, ("blue.png", encoded(BLUE)), ("again.png", encoded(RED)))
    assert asked == [1, 1]


def test_a_tampered_model_is_named_and_the_other_answers(two_runs):
    path = two_runs[0].folder / "model.keras"
    path.write_bytes(path.read_bytes() + b"\0")
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    assert "SHA" in words(app.error)
    assert re.findall(r'<th scope="col">(.*?)</th>', answered_in(app)) == ["Class", "LSTM"]


def test_a_deleted_run_is_gone_from_the_choice(two_runs):
    app = open_page("pages/prediction.py")
    assert app.multiselect[0].value == [two_runs[1].id, two_runs[0].id]
    store.delete_run(two_runs[0])
    app.run()
    assert not app.exception
    assert app.multiselect[0].value == [two_runs[1].id]


@pytest.mark.usefixtures("two_runs")
def test_without_a_chosen_model_the_page_asks_for_one():
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    app.multiselect[0].set_value([]).run()
    assert not app.exception
    assert "Choose at least one model" in words(app.info)
    assert not answered_in(app)


def test_the_choice_of_runs_survives_a_visit_to_another_page(two_runs):
    app = open_page("pages/prediction.py")
    app.multiselect[0].set_value([two_runs[0].id]).run()
    app.switch_page("app.py").run()
    app.switch_page("pages/prediction.py").run()
    assert app.multiselect[0].value == [two_runs[0].id]


# ----------------------------------------------------------------- what a visit has dropped


@pytest.fixture
def looked_at(monkeypatch) -> list[str]:
    """The names of the files that were decoded, in order."""
    names, check = [], dropped.check_image
    monkeypatch.setattr(
        dropped, "check_image", lambda name, data: (names.append(name), check(name, data))[1]
    )
    return names


@pytest.mark.usefixtures("two_runs")
def test_dropped_images_are_there_after_a_look_at_another_page_and_are_not_decoded_again(looked_at):
    app = drop(
        open_page("pages/prediction.py"), ("red.png", encoded(RED)), ("blue", encoded(BLUE, "JPEG"))
    )
    before = words(app.markdown)
    assert "2 images, 2 models" in before
    app.switch_page("pages/comparison.py").run()
    app.switch_page("pages/prediction.py").run()
    assert not app.exception
    assert words(app.markdown) == before
    assert looked_at == ["red.png", "blue"]


@pytest.mark.usefixtures("two_runs")
def test_one_drop_adds_to_another_and_images_are_removed_one_by_one_or_all(looked_at):
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    drop(app, ("blue.png", encoded(BLUE)), ("again.png", encoded(RED)), ("no.png", b"no image"))
    assert listed_in(app) == ["red.png", "blue.png"]
    assert "dropped as again.png too" in words(app.caption).replace("\\", "")  # the open one
    assert looked_at == ["red.png", "blue.png", "no.png"]
    app.button(key=removal_buttons(app)[0]).click().run()
    assert "**blue.png**" in words(app.markdown).replace("\\", "")
    assert "**red.png**" not in words(app.markdown).replace("\\", "")
    drop(app, ("red.png", encoded(RED)))
    app.button(key="prediction_remove_all").click().run()
    assert not answered_in(app)
    assert not listed_in(app)
    assert not app.error
    assert not app.exception


@pytest.mark.usefixtures("two_runs")
def test_a_drop_says_only_what_it_refused_itself():
    app = drop(open_page("pages/prediction.py"), ("no.png", b"no image"))
    assert "no.png" in words(app.error).replace("\\", "")
    drop(app, ("red.png", encoded(RED)))
    assert not app.error
    drop(app, ("no.png", b"no image"))
    assert words(app.error).startswith("1 file was not answered")
    next(button for button in app.button if button.label == "Close").click().run()
    assert not app.error
    assert answered_in(app)


@pytest.mark.usefixtures("two_runs")
def test_a_click_while_images_are_looked_at_loses_none(monkeypatch):
    check, asked = dropped.check_image, []

    def impatient(name, data):
        asked.append(name)
        if len(asked) == 2:  # as Streamlit does when the visitor clicks somewhere
            raise StopException
        return check(name, data)

    monkeypatch.setattr(dropped, "check_image", impatient)
    app = drop(
        open_page("pages/prediction.py"),
        *((f"{i}.png", encoded(plain((i, 0, 0)))) for i in (10, 20, 30)),
    )
    assert not answered_in(app)
    app.run()
    assert listed_in(app) == ["10.png", "20.png", "30.png"]
    assert asked == ["10.png", "20.png", "20.png", "30.png"]


@pytest.mark.usefixtures("two_runs")
def test_looking_can_be_stopped_and_what_was_looked_at_stays(monkeypatch):
    check, asked = dropped.check_image, []

    def slow(name, data):
        asked.append(name)
        if len(asked) == 2:  # the visitor presses Stop: Streamlit ends this run of the page
            raise StopException
        return check(name, data)

    monkeypatch.setattr(dropped, "check_image", slow)
    app = drop(
        open_page("pages/prediction.py"),
        *((f"{i}.png", encoded(plain((i, 0, 0)))) for i in (10, 20, 30)),
    )
    next(button for button in app.button if button.label == "Stop").click().run()
    assert asked == ["10.png", "20.png"]
    assert "**10.png**" in words(app.markdown)
    assert not app.session_state["prediction_dropped"].waiting


@pytest.mark.usefixtures("two_runs")
def test_asking_can_be_stopped_and_what_was_answered_stays(monkeypatch):
    monkeypatch.setattr(answered, "_AT_ONCE", 1)
    asked, answer_some = [], prediction.answer

    def slow(questions, *more):
        asked.append(len(questions))
        if len(asked) == 3:  # the visitor presses Stop
            raise StopException
        return answer_some(questions, *more)

    monkeypatch.setattr(prediction, "answer", slow)
    app = drop(
        open_page("pages/prediction.py"),
        *((f"{i}.png", encoded(plain((i, 0, 0)))) for i in (10, 20, 30, 40)),
    )
    press(app, "Stop")
    assert listed_in(app) == ["10.png", "20.png"]
    assert answered_in(app)


@pytest.mark.usefixtures("two_runs")
def test_one_visitor_does_not_see_what_another_dropped():
    drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    assert "red.png" not in said(open_page("pages/prediction.py")).replace("\\", "")


@pytest.mark.usefixtures("two_runs")
def test_streamlits_own_copy_of_a_dropped_file_goes_at_once(monkeypatch):
    managers, made = [], MemoryUploadedFileManager.__init__
    monkeypatch.setattr(
        MemoryUploadedFileManager,
        "__init__",
        lambda self, endpoint: (managers.append(self), made(self, endpoint))[1],
    )
    drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)), ("no.png", b"no image"))
    assert managers
    assert [files for manager in managers for files in manager.file_storage.values() if files] == []


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("phone.HEIC", b"\0\0\0\x18ftypheic" + bytes(64), "HEIC"),
        ("scan.dcm", bytes(128) + b"DICM" + bytes(64), "DICOM"),
        ("report.pdf", b"%PDF-1.7" + bytes(64), "PDF"),
        ("clip.MOV", b"\0\0\0\x14ftypqt  " + bytes(64), "video"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        ("notes", b"no image", "text file"),
    ],
)
def test_any_file_may_be_dropped_and_is_refused_by_its_true_name(name, content, kind):
    app = open_page("pages/prediction.py")
    assert not app.file_uploader[0].proto.type
    drop(app, (name, content))
    assert kind in words(app.error).replace("\\", "")
    assert words(app.error).startswith("1 file was not answered")


@pytest.mark.usefixtures("two_runs")
def test_every_format_is_answered_also_without_an_extension_or_a_type():
    kinds = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
    files = [
        (f"photograph {i}", encoded(plain((20 * i, 0, 0)), kind)) for i, kind in enumerate(kinds)
    ]
    app = drop(open_page("pages/prediction.py"), *files)
    assert "6 images, 2 models" in words(app.markdown)
    assert not app.error


# ------------------------------------------------------------------------------- examples


def predictions_of(dataset, rows) -> store.Predictions:
    rows = np.asarray(rows)
    return store.Predictions(
        dataset.metadata["image_id"].to_numpy()[rows].astype(str),
        dataset.groups[rows],
        dataset.labels[rows],
        np.full((len(rows), 7), 1 / 7, np.float32),
    )


def run_tested_on(dataset, rows, model="cnn") -> store.Run:
    return finished_run(model, test=predictions_of(dataset, rows), data=dataset.record)


def test_examples_come_from_the_test_images_of_every_chosen_run(small_dataset):
    runs = [
        run_tested_on(small_dataset, range(10, 20)),
        run_tested_on(small_dataset, range(15, 30), "lstm"),
    ]
    rows, why_not = images.common_test_rows(small_dataset, runs)
    assert rows.tolist() == [15, 16, 17, 18, 19]
    assert why_not == ""


def test_runs_without_a_common_test_image_have_no_examples(small_dataset):
    runs = [
        run_tested_on(small_dataset, range(10)),
        run_tested_on(small_dataset, range(10, 20), "lstm"),
    ]
    rows, why_not = images.common_test_rows(small_dataset, runs)
    assert len(rows) == 0
    assert "share no test image" in why_not


def test_runs_of_other_data_have_no_examples(small_dataset):
    rows, why_not = images.common_test_rows(small_dataset, [finished_run()])
    assert len(rows) == 0
    assert "other data" in why_not


def example_buttons(app: AppTest) -> list[Button]:
    return [button for button in app.button if button.label.startswith("Ask about ")]


def test_an_example_is_asked_about_with_one_click_and_shown_with_its_true_class(
    small_dataset, small_folder, monkeypatch
):
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    run_tested_on(small_dataset, range(20))  # the first 24 images of the small data are melanoma
    app = open_page("pages/prediction.py")
    assert len(example_buttons(app)) == images.EXAMPLES == 8
    before = [button.label for button in example_buttons(app)]
    example_buttons(app)[0].click().run()
    assert not app.exception
    assert "True class: **Melanoma (mel)**" in words(app.markdown)
    assert "of 1 model correct" in words(app.markdown)
    next(button for button in app.button if button.label == "Others").click().run()
    assert [button.label for button in example_buttons(app)] != before
    assert answered_in(app)


@pytest.mark.usefixtures("two_runs")
def test_models_of_real_data_may_be_asked_about_any_image_of_the_demo_data():
    app = open_page("pages/prediction.py")
    example_buttons(app)[3].click().run()
    example_buttons(app)[4].click().run()
    assert not app.exception
    assert len(listed_in(app)) == 2
    assert "Correct: " in words(app.markdown)
    assert "Synthetic demo data" in said(app)


def test_the_examples_show_every_class_that_the_test_images_have():
    demo = data.open_dataset("demo")
    drawn = images._drawn(demo, np.arange(demo.n_images), 0)
    assert len(drawn) == len(set(drawn)) == images.EXAMPLES
    assert set(demo.labels[drawn].tolist()) == set(range(7))


def test_a_model_of_the_demo_data_is_asked_about_its_test_images_only():
    demo = data.open_dataset("demo")
    own, real = run_tested_on(demo, [3, 5]), finished_run()
    assert images.common_test_rows(demo, [own, real])[0].tolist() == [3, 5]
    assert len(images.common_test_rows(demo, [real])[0]) == demo.n_images


def test_models_of_synthetic_data_are_asked_last_and_with_a_warning(two_runs):
    lstm, cnn = two_runs
    edited_run(lstm, data={"synthetic": True})
    app = open_page("pages/prediction.py")
    assert app.multiselect[0].value == [cnn.id]
    assert "learned from synthetic" not in words(app.caption)
    app.multiselect[0].set_value([lstm.id]).run()
    assert "(synthetic data): learned from synthetic images alone" in words(app.caption).replace(
        "\\", ""
    )


# -------------------------------------------------------------------------------- doubt


class ClosedGate:
    """Stops red pictures."""

    def look(self, pictures):
        return [
            prediction.Likeness(False, "it is one flat colour", -1.0)
            if picture[0, 0, 0] > picture[0, 0, 2]
            else prediction.Likeness(True, None, 1.0)
            for picture in pictures
        ]


@pytest.mark.usefixtures("two_runs")
def test_what_is_no_lesion_gets_its_reason_before_any_class_and_an_answer_only_on_demand(
    monkeypatch,
):
    monkeypatch.setattr(prediction, "gate", ClosedGate)
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    assert words(app.header).replace("\\", "") == (
        "This does not look like a dermatoscopic photograph like those that the models learned "
        "from: it is one flat colour."
    )
    assert not answered_in(app)
    assert "Look closer" not in [one.label for one in app.segmented_control]
    app.toggle[0].set_value(True).run()
    assert answered_in(app)
    assert "Look closer" in [one.label for one in app.segmented_control]
    drop(app, ("blue.png", encoded(BLUE)))
    assert answered_in(app)
    table = app.dataframe[0].value
    assert table["Doubt"].tolist()[0] == "it is one flat colour"
    assert np.isnan(table["Malignant"]).tolist() == [True, False]
    assert (table["CNN"] == "–").tolist() == [True, False]


@pytest.mark.usefixtures("two_runs")
def test_a_damaged_gate_is_told_of_and_the_models_answer(monkeypatch):
    def damaged():
        raise config.StoreError("The gate's file", "it is damaged.", "Install HAM Lab again.")

    monkeypatch.setattr(prediction, "gate", damaged)
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    assert "The gate's file" in words(app.error)
    assert answered_in(app)


# -------------------------------------------------------------------------- closer looks


def look_closer(app: AppTest, way: str) -> AppTest:
    control = next(one for one in app.segmented_control if one.label == "Look closer")
    control.set_value(way).run()
    assert not app.exception
    return app


def charts_of(app: AppTest) -> list[str]:
    return [
        re.findall(r"prediction_([a-z]+)", chart.proto.id)[-1] for chart in app.get("plotly_chart")
    ]


@pytest.mark.usefixtures("two_runs")
def test_why_draws_maps_of_the_open_run_and_says_where_there_is_none():
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(colorful((90, 60)))))
    assert not charts_of(app)  # nothing is computed before it is asked for
    look_closer(app, closer.WHY)
    assert charts_of(app) == ["occlusion", "rows"]  # the LSTM
    opened(app, "prediction_why", "CNN")
    assert charts_of(app) == ["occlusion", "gradients"]


@pytest.mark.usefixtures("two_runs")
def test_what_if_asks_again_about_the_changed_photograph(monkeypatch):
    answers, answer = [], prediction.answer
    monkeypatch.setattr(
        prediction, "answer", lambda *of: answers.append(answer(*of)) or answers[-1]
    )
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(colorful((90, 60)))))
    look_closer(app, closer.WHAT_IF)
    before, after = re.findall(r"<table.*?</table>", answered_in(app))
    assert before == after  # nothing is changed yet
    assert charts_of(app) == ["curve"]
    next(slider for slider in app.slider if slider.label.startswith("Brightness")).set_value(
        -50.0
    ).run()
    assert not app.exception
    before, after = re.findall(r"<table.*?</table>", answered_in(app))
    assert before != after

    ask, named = prediction.predict, {p.run_id: p.raw for p in answers[0][0].predictions}
    app.session_state["lesson_progress"] = Progress(0)
    for roll, brightness, noted in ((1, 0.0, False), (0, -50.0, False), (1, -50.0, True)):
        monkeypatch.setattr(
            prediction,
            "predict",
            lambda images, predictors, roll=roll: [
                dataclasses.replace(p, raw=np.roll(named[p.run_id], roll))
                for p in ask(images, predictors)
            ],
        )
        app.slider(key="prediction_change_brightness").set_value(brightness).run()
        assert (Fact.MODEL_FOOLED in app.session_state["lesson_progress"].facts) is noted


@pytest.mark.usefixtures("two_runs")
def test_a_link_asks_about_an_example_and_opens_a_closer_look():
    app = open_page("pages/prediction.py", example="2", closer="What if")
    [question] = app.session_state["prediction_dropped"].questions()
    assert question.truth is not None
    assert charts_of(app) == ["curve"]
    assert not dict(app.query_params)


@pytest.mark.usefixtures("two_runs")
def test_like_which_says_where_the_training_images_are_not_at_hand():
    app = drop(open_page("pages/prediction.py"), ("red.png", encoded(RED)))
    look_closer(app, closer.LIKE)
    assert words(app.error).count("they are not in the data in use") == 2


def test_a_training_image_is_shown_with_diagnosis_and_distance(small_dataset):
    found = prediction.Neighbour(3, int(small_dataset.labels[3]), 1.234, 0.5)
    tile = closer._tile(small_dataset, found)
    assert CODES[small_dataset.labels[3]] in tile
    assert small_dataset.metadata["image_id"].iloc[3] in tile
    assert "distance 1.23" in tile


# ---------------------------------------------------------------------------------- quiz


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("two_runs")
def test_a_guess_shows_the_truth_and_what_each_run_said_and_is_counted():
    app = press(open_page("pages/prediction.py"), "You against the models")
    assert not app.file_uploader
    assert "Image 1: what is it?" in words(app.header)
    press(app, "Melanoma")
    truth = words(app.header)
    assert truth.startswith("It is ")
    said = next(one.value for one in app.markdown if ": melanoma" in one.value)
    assert said.splitlines()[0].endswith("You: melanoma")
    assert [line.rpartition("] ")[2].split(":")[0] for line in said.splitlines()][1:] == [
        "LSTM",
        "CNN",
    ]
    assert ("green" in said.splitlines()[0]) == (truth == "It is melanoma")
    assert charts_of(app) == ["quiz"]
    press(app, "Next image")
    assert "Image 2: what is it?" in words(app.header)
    press(app, "Dermatofibroma")
    assert app.session_state["prediction_quiz"][1].asked == 2
    press(app, "Start again")
    assert "Image 1: what is it?" in words(app.header)
    press(app, "Back to asking")
    assert app.file_uploader


# ------------------------------------------------------------------------ runs that ship


def test_on_a_fresh_machine_the_models_that_ship_answer_at_once(shipped):
    app = open_page("pages/prediction.py")
    assert app.multiselect[0].value == ["lstm-described", "cnn-described"]
    assert app.multiselect[0].options == [run.title for run in shipped]
    drop(app, ("red.png", encoded(RED)))
    assert re.findall(r'<th scope="col">(.*?)</th>', answered_in(app)) == ["Class", "LSTM", "CNN"]
    assert not app.error


def test_the_model_cards_of_the_chosen_models_can_be_read_and_taken_away(shipped):
    app = open_page("pages/prediction.py")
    assert [expander.label for expander in app.expander] == ["Model cards"]
    assert not app.get("download_button")
    opened(app, "prediction_cards")
    assert "## LSTM, as described" in words(app.markdown)
    opened(app, "prediction_card", "CNN, as described")
    assert "## CNN, as described" in words(app.markdown)
    assert [button.label for button in app.get("download_button")] == ["Model card (.md)"]
    app.multiselect[0].set_value(["cnn-described"]).run()
    assert [expander.label for expander in app.expander] == ["Model card"]
    opened(app, "prediction_cards")
    assert "## CNN, as described" in words(app.markdown)
    assert "## LSTM, as described" not in words(app.markdown)


def test_own_models_answer_first_and_those_that_ship_can_be_added(two_runs, shipped):
    app = open_page("pages/prediction.py")
    assert app.multiselect[0].value == [two_runs[1].id, two_runs[0].id]
    assert [expander.label for expander in app.expander] == ["Model cards"]
    app.multiselect[0].set_value([two_runs[0].id, "cnn-described"]).run()
    drop(app, ("red.png", encoded(RED)))
    assert answered_in(app).count('<th scope="col">') == 3


def test_test_images_of_a_model_that_ships_are_found_by_their_keys(
    shipped, own_copies, small_dataset
):
    rows, why_not = images.common_test_rows(small_dataset, [*shipped, *own_copies])
    test = store.read_predictions(own_copies[0])["test"]
    assert small_dataset.metadata["image_id"].iloc[rows].tolist() == test.image_id.tolist()
    assert why_not == ""


def test_another_copy_of_the_photographs_has_the_test_images_of_a_model_that_ships(
    shipped, small_dataset
):
    rows, _ = images.common_test_rows(small_dataset, shipped)
    other_copy = dataclasses.replace(small_dataset, fingerprint="other pixels")
    assert images.common_test_rows(other_copy, shipped)[0].tolist() == rows.tolist() != []
    others = dataclasses.replace(
        small_dataset,
        metadata=small_dataset.metadata.assign(
            image_id=[f"other {i}" for i in range(small_dataset.n_images)]
        ),
    )
    rows, why_not = images.common_test_rows(others, shipped)
    assert len(rows) == 0
    assert "other data" in why_not


# ---------------------------------------------------------------------------------- words


def answer(*labels: int, truth: int | None = None, name: str = "a.png") -> prediction.Answer:
    image = CheckedImage(
        name, np.zeros((28, 28, 3), np.uint8), np.zeros((28, 28, 3), np.uint8), (28, 28)
    )
    probas = [np.where(np.arange(7) == label, 0.7, 0.05).astype(np.float32) for label in labels]
    return prediction.Answer(
        prediction.Question(image, truth),
        tuple(
            Prediction(image, f"run-{i}", proba.astype(float), proba, DecisionRule(f"run-{i}"))
            for i, proba in enumerate(probas)
        ),
    )


LABELS = {"run-0": "CNN, seed 0", "run-1": "LSTM, seed 0"}
MEL, BCC, NV = CODES.index("mel"), CODES.index("bcc"), CODES.index("nv")


def test_agreement_is_counted():
    assert answer(MEL, MEL).agree
    assert not answer(MEL, BCC).agree
    assert answer(MEL, BCC).agree_on_malignant
    assert not answer(MEL, NV).agree_on_malignant


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([answer(MEL), answer(MEL)], "2 images, 1 model."),
        ([answer(MEL, NV), answer(NV, NV)], "2 images, 2 models: the models agree on 1."),
        ([answer(NV, NV), answer(NV, NV)], "2 images, 2 models: the models agree on all."),
        ([answer(MEL, NV), answer(NV, MEL)], "2 images, 2 models: the models agree on none."),
        (
            [answer(MEL, NV, truth=NV), answer(MEL, NV)],
            "2 images, 2 models: the models agree on none. Correct: 0 of 1 by CNN, seed 0; 1 of 1 "
            "by LSTM, seed 0.",
        ),
    ],
)
def test_the_summary_counts(answers, expected):
    assert answered.summary(answers, LABELS).replace("\\", "") == expected


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0 %"),
        (0.004, "<1 %"),
        (0.006, "1 %"),
        (0.634, "63 %"),
        (0.996, ">99 %"),
        (1.0, "100 %"),
    ],
)
def test_percents_are_whole_and_never_a_false_certainty(share, expected):
    assert whole_percent(share) == expected


def test_long_names_keep_their_start_and_end():
    assert prediction.shorten("a" * 60) == "a" * 60
    assert prediction.shorten("start" + "x" * 200 + "end.jpg").startswith("start")
    assert prediction.shorten("start" + "x" * 200 + "end.jpg").endswith("end.jpg")
    assert len(prediction.shorten("x" * 300)) == 60


def test_a_chart_names_runs_by_their_kind_of_model_where_that_tells_them_apart():
    runs = [finished_run("cnn"), finished_run("cnn"), finished_run("lstm")]
    labels = report.labels(runs)
    assert models.short_labels([runs[0].id, runs[2].id], labels) == {
        runs[0].id: "CNN",
        runs[2].id: "LSTM",
    }
    assert models.short_labels([runs[0].id, runs[1].id], labels) == {
        run.id: labels[run.id] for run in runs[:2]
    }


def validated_run(model: str, score: float, **entries: object) -> store.Run:
    history = [history_row(1, validation_balanced_accuracy=score)]
    return finished_run(model, history=history, **entries)


def test_of_each_model_the_best_on_validation_answers_first():
    worse, best = (
        validated_run("cnn", 0.3),
        validated_run("cnn", 0.4),
    )
    leaking = validated_run("cnn", 0.9, split={"leaking": True})
    lstm = validated_run("lstm", 0.2)
    assert [run.id for run in models.asked_at_first([worse, best, leaking, lstm])] == [
        lstm.id,
        best.id,
    ]
    assert [run.id for run in models.asked_at_first([leaking])] == [leaking.id]


def test_the_downloads_hold_every_answer_and_every_refusal():
    answers = [answer(MEL, NV, truth=NV), answer(NV, NV, name="b,c.png")]
    table = prediction.as_table(answers, LABELS)
    rows = list(csv.DictReader(io.StringIO(table.to_csv(index=False))))
    assert [(r["image"], r["label"], r["true_label"]) for r in rows] == [
        ("a.png", "mel", "nv"),
        ("a.png", "nv", "nv"),
        ("b,c.png", "nv", ""),
        ("b,c.png", "nv", ""),
    ]
    assert float(rows[0]["p_mel"]) == pytest.approx(0.7)
    refused = [config.ImageError("x.gif", "it moves.", "Stop it.")]
    records = json.loads(json.dumps(prediction.as_records(answers, refused)))
    assert len(records) == 5
    assert records[0]["probabilities"]["mel"] == pytest.approx(0.7)
    assert records[0] == prediction.as_record(answers[0].predictions[0], NV)
    assert records[-1] == {
        "image": "x.gif",
        "run": None,
        "label": None,
        "probabilities": None,
        "raw_probabilities": None,
        "prediction_set": None,
        "malignant": None,
        "like_training": None,
        "notes": [],
        "error": "it moves. Stop it.",
    }


def test_a_drop_of_too_many_files_answers_the_first_two_hundred():
    dropped = prediction.Dropped()
    for i in range(202):
        dropped.look_at(f"{i}.png", encoded(plain((i, 0, 0), size=(28, 28))))
    assert len(list(dropped.questions())) == prediction.MAX_IMAGES == 200
    assert [error.what for error in dropped.refused] == ["200.png", "201.png"]
    dropped.remove_all()
    assert not list(dropped.questions())
    assert not dropped.refused


def test_an_example_that_is_clicked_while_a_drop_is_looked_at_stays_open():
    kept = prediction.Dropped()
    mine, example = plain((90, 60, 60), size=(28, 28)), plain((60, 90, 60), size=(28, 28))
    kept.look_at("first.png", encoded(mine))
    first = kept.opened
    kept.show_example(dropped.check_image("example.png", encoded(example)), truth=5)
    clicked = kept.opened
    assert clicked != first
    kept.look_at("second.png", encoded(plain((200, 90, 60), size=(28, 28))))
    assert kept.opened == clicked
    kept.take([])  # the next drop is opened again
    kept.look_at("third.png", encoded(plain((20, 90, 200), size=(28, 28))))
    assert kept.opened not in (first, clicked)
