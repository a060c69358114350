"""The Lesson page, and what other pages note for it."""

import pytest

from ham.engine import Engine
from ham.lesson import TASKS, Fact, Progress
from ham.ui import noted
from tests.page_driver import open_page, said


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(Engine, "start", lambda self: self)


def field(page, key):
    return page.number_input(f"lesson_{key}")


def scripts(page) -> str:
    return "\n".join(one.proto.body for one in page.get("html") if noted._COOKIE in one.proto.body)


def go(page, script):
    page.switch_page(script).run()
    assert not page.exception
    return page


@pytest.mark.usefixtures("really_shipped")
def test_a_lesson_is_ticked_off_by_answers_and_by_what_happens_on_other_pages():
    page = open_page("pages/dataset.py")
    assert page.session_state["lesson_progress"] is None, "nobody has begun it"
    page = go(page, "pages/lesson.py")
    assert "0 of 7 done" in said(page)
    assert [h.value.split(". ", 1)[1] for h in page.header] == [task.title for task in TASKS]
    assert "Lesson:" not in said(page)
    assert "Start again" not in [b.label for b in page.button]

    field(page, "majority").set_value(50.0).run()
    assert "Not 50" in said(page)
    field(page, "majority").set_value(66.5).run()
    assert "Now look at the class balance itself" in said(page)
    assert "0 of 7 done" in said(page)
    field(page, "number").set_value(684).run()
    assert "684 of 1,003" in said(page)
    assert "Lesson: 1 of 7" in said(page)
    assert "majority_said" in scripts(page)
    assert not page.exception

    page = go(page, "pages/dataset.py")
    assert [toast.value for toast in page.toast] == ["Lesson: 2 of 7 tasks done"]
    assert "Lesson: 2 of 7" in said(page)
    page.run()
    assert not page.toast, "said once"
    assert not scripts(page)

    page = go(page, "pages/lesson.py")
    assert "2 of 7 done" in said(page)
    assert "1,331 of 2,000 images" in said(page)
    page.button("lesson_start_again").click().run()
    assert "0 of 7 done" in said(page)
    assert "Lesson:" not in said(page)
    assert field(page, "majority").value is None
    assert page.session_state["lesson_progress"].facts == frozenset()


@pytest.mark.parametrize(("at", "scrolls"), [("leakage", True), ("classes", False)])
def test_a_link_leads_to_a_place_on_the_dataset_page(at, scrolls):
    page = open_page("pages/dataset.py", at=at)
    bodies = [one.proto.body for one in page.get("html")]
    assert any("scrollIntoView" in body for body in bodies) is scrolls
    assert not dict(page.query_params)


@pytest.mark.usefixtures("really_shipped")
def test_a_comparison_notes_that_the_cnn_is_beaten_and_a_missed_melanoma_is_opened(monkeypatch):
    kept = {noted._COOKIE: "12.leak_said.nonsense"}
    monkeypatch.setattr(noted, "_cookies", lambda: kept)
    page = open_page(
        "pages/comparison.py", runs="cnn-described,resnet-improved", cell="cnn-described.mel.nv"
    )
    assert page.session_state["lesson_progress"] == Progress(
        12, frozenset({Fact.LEAK_SAID, Fact.CNN_BEATEN, Fact.MELANOMA_FOUND})
    )
    assert "Lesson: 3 of 7" in said(page)


def test_the_lesson_opens_where_the_data_cannot_be_used(kaggle_folder, monkeypatch):
    folder = kaggle_folder()
    (folder / "hmnist_28_28_RGB.csv").write_text("pixel0000,label\n1,2\n")
    monkeypatch.setenv("HAM_DATA", str(folder))
    page = open_page("pages/lesson.py")
    field(page, "leak").set_value(38.0).run()
    assert "The data in use cannot be split by image." in said(page)
    field(page, "sure").set_value(64.6).run()  # nothing ships in this test
    assert "it is about the run cnn-described" in said(page)
    assert not page.exception
