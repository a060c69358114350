"""The Dataset page: filters drive charts, grid and file; leakage in words; every empty state."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from ham import data, io, prediction
from ham.charts import palette
from ham.config import CODES
from ham.data import (
    Filters,
    ImageSet,
    age_bands,
    age_by_class,
    balanced_sample,
    class_balance,
    count_by_class,
    siblings_of,
)
from ham.engine import Engine
from ham.ui.components import pressable
from ham.ui.dataset import files, unlike
from ham.ui.dataset import map as map_section
from ham.ui.dataset.gallery import in_order
from ham.ui.dataset.overview import _class_clicked
from tests.page_driver import html_of, pressed

ROOT = Path(__file__).parents[1]


@pytest.fixture
def open_page(small_folder, monkeypatch):
    """`open_page(folder)`: the page as a browser's first request of a fresh session finds it."""

    def open_it(folder: Path | None = small_folder) -> AppTest:
        map_section.maps.clear()  # as in a fresh server
        unlike.marking.clear()
        monkeypatch.setattr(Engine, "start", lambda self: self)
        if folder:
            monkeypatch.setenv("HAM_DATA", str(folder))
        return (
            AppTest.from_file(ROOT / "app.py", default_timeout=30)
            .switch_page("pages/dataset.py")
            .run()
        )

    return open_it


def grid(page: AppTest) -> str:
    return html_of(page, "dataset_grid")


def shown_ids(page: AppTest) -> list[str]:
    return re.findall(r"<span>(TEST_\d+)</span>", grid(page))


def open_tile(page: AppTest, number: int) -> None:
    pressed(page, "dataset_grid", re.findall('data-press="(.*?)"', grid(page))[number])


def chips(page: AppTest) -> list[str]:
    return [button.label for button in page.button if button.key.startswith("dataset_chip_")]


def filter_key(page: AppTest, name: str) -> str:
    """The key of a filter's widget, which is another after every change from outside."""
    return f"dataset_{name}_{page.session_state['dataset_filter_start'][0]}"


def pills(page: AppTest, name: str):
    return page.pills(key=filter_key(page, name))


def open_tab(page: AppTest, title: str) -> AppTest:
    page.session_state["dataset_tab"] = title
    return page.run()


def text(page: AppTest) -> str:
    return "\n".join(m.value for m in [*page.main.markdown, *page.main.caption, *page.main.info])


def drawn(page: AppTest) -> list:
    """The Plotly charts that filters drive, not those of the leakage lab."""
    return [figure for figure in page.get("plotly_chart") if "leakage" not in figure.key]


def first_view(page: AppTest) -> str:
    """The charts of the first view, HTML: the balance first."""
    others = [part.value for part in page.get("html") if 'class="ham-chart"' in part.value]
    return html_of(page, "dataset_balance") + "".join(others)


def alternative(page: AppTest, number: int) -> str:
    return page.get("plotly_chart")[number].proto.alt


# ------------------------------------------------------------------------------- page


def test_without_filters_everything_is_shown(open_page):
    page = open_page()
    assert not page.exception
    assert "**150** images of **75** lesions, the whole data set" in text(page)
    assert first_view(page).count("<figure") == 5
    assert drawn(page) == []
    assert len(shown_ids(page)) == 24
    assert "Images 1 to 24 of 150" in text(page)
    assert chips(page) == []
    assert "dataset_clear" not in {button.key for button in page.button}


def test_filters_drive_summary_charts_and_grid(open_page):
    page = open_page()
    pills(page, "classes").select("mel").run()
    assert not page.exception
    assert "**24** images of **12** lesions match: Melanoma \\(mel\\)" in text(page)
    balance = first_view(page).partition("</figure>")[0]
    assert 'aria-label="Images and lesions by class"' in balance
    assert balance.count("<li") == 1
    assert re.search("Melanoma .mel.<.*24 images .100 %.<.*12 lesions<", balance)
    assert len(shown_ids(page)) == 24
    assert "nevus" not in grid(page)
    page.toggle(key=filter_key(page, "several")).set_value(True).run()
    assert "lesions with several images" in text(page)
    assert 0 < len(shown_ids(page)) < 24


def test_every_filter_has_a_chip_that_takes_it_alone_away(open_page):
    page = open_page()
    pills(page, "classes").select("mel").run()
    pills(page, "classes").select("nv").run()
    pills(page, "sexes").select("male").run()
    page.slider(key=filter_key(page, "ages")).set_value((40, 70)).run()
    page.text_input(key=filter_key(page, "query")).set_value(" test_ ").run()
    assert chips(page) == [
        "Melanoma \\(mel\\)",
        "Melanocytic nevus \\(nv\\)",
        "Male",
        "40 to 70 years",
        "Id contains test\\_",
    ]
    page.button(key="dataset_chip_classes_mel").click().run()
    page.button(key="dataset_chip_ages_").click().run()
    assert chips(page) == ["Melanocytic nevus \\(nv\\)", "Male", "Id contains test\\_"]
    assert pills(page, "classes").value == ["nv"]
    assert page.slider(key=filter_key(page, "ages")).value == (0, 70)
    for key in ("dataset_chip_classes_nv", "dataset_chip_sexes_male", "dataset_chip_query_"):
        page.button(key=key).click().run()
    assert "the whole data set" in text(page)


def test_filters_that_match_nothing_say_so_and_clearing_brings_everything_back(open_page):
    page = open_page()
    page.slider(key=filter_key(page, "ages")).set_value((10, 40)).run()
    assert not page.exception
    assert "No image matches all of these filters" in text(page)
    assert drawn(page) == []
    assert first_view(page) == ""
    page.button(key="dataset_clear").click().run()
    assert not page.exception
    assert "**150** images of **75** lesions, the whole data set" in text(page)
    assert page.slider(key=filter_key(page, "ages")).value == (0, 70)


def test_paging_goes_through_all_images_once_and_a_filter_goes_back_to_the_first(open_page):
    page = open_page()
    seen = shown_ids(page)
    for number in range(2, 8):
        page.get("pagination")[0].set_value(number).run()
        seen += shown_ids(page)
    assert "Images 145 to 150 of 150" in text(page)
    assert len(seen) == len(set(seen)) == 150
    pills(page, "classes").select("nv").run()
    assert "Images 1 to 24 of 63" in text(page)


def test_filters_outlast_a_visit_of_another_page(open_page):
    page = open_page()
    pills(page, "classes").select("df").run()
    page.switch_page("app.py").run()
    page.switch_page("pages/dataset.py").run()
    assert not page.exception
    assert pills(page, "classes").value == ["df"]
    assert "**9** images" in text(page)


def test_another_data_set_starts_without_filters(open_page, kaggle_folder, monkeypatch):
    page = open_page()
    pills(page, "classes").select("df").run()
    open_tile(page, 0)
    monkeypatch.setenv("HAM_DATA", str(kaggle_folder(counts={"mel": 6, "nv": 9})))
    page.run()
    assert not page.exception
    assert "**15** images" in text(page)
    assert chips(page) == []
    assert page.get("dialog") == []


def test_a_clicked_class_of_the_balance_becomes_the_filter_and_nothing_else_does(monkeypatch):
    taken, told = [], {}
    monkeypatch.setattr("ham.ui.dataset.overview.show_classes", taken.append)
    monkeypatch.setattr(
        "ham.ui.components.component", lambda script: lambda **asked: told.update(asked)
    )
    clicks = {"balance": SimpleNamespace(pressed="mel")}
    monkeypatch.setattr("streamlit.session_state", clicks)
    pressable("<button data-press='mel'>", "balance", _class_clicked)
    told["on_pressed_change"]()
    assert taken == [["mel"]]
    for stranger in ("all", None, ["nv"]):
        clicks["balance"].pressed = stranger
        told["on_pressed_change"]()
    assert taken == [["mel"]]


def test_the_numbers_behind_the_charts_stand_in_tables(open_page):
    page = open_page()
    assert len(page.dataframe) == 0
    page.session_state["dataset_tables"] = True
    page.run()
    assert page.dataframe[0].value.loc["Melanoma (mel)"].tolist() == [24, 12, 16.0]
    for by in ("age", "sex", "localization", "dx_type"):
        page.segmented_control(key="dataset_table").set_value(by).run()
        assert not page.exception
        assert page.dataframe[0].value["All"].sum() == 150
    page.segmented_control(key="dataset_table").set_value("quartiles").run()
    assert page.dataframe[0].value["images of known age"].sum() < 150
    page.session_state["dataset_tables"] = False
    page.session_state["frame_numbers"] = True
    page.run()
    assert [part.value.index.name for part in page.dataframe] == [
        *("Class", "Site"),
        *("Class", "Sex", "Way of diagnosis"),
    ]


# ------------------------------------------------------------------------ other views


def test_looks_show_a_mean_image_of_each_class_and_their_colours(open_page):
    page = open_tab(open_page(), "Looks")
    assert not page.exception
    means = next(html.value for html in page.get("html") if 'class="ham-means"' in html.value)
    assert re.findall(r"Mean of (\d+) images of", means) == ["24", "15", "12", "63", "18", "9", "9"]
    assert len(drawn(page)) == 2
    pills(page, "classes").select("vasc").run()
    assert "Colours by class" in alternative(page, 0)
    assert "Melanoma" not in alternative(page, 0)


def test_every_doubt_opens_its_images_in_the_gallery_in_its_order_and_a_chip_takes_them_away(
    open_page, small_dataset
):
    page = open_tab(open_page(), "Data quality")
    assert not page.exception
    pills(page, "classes").select("df").run()
    page.button(key="dataset_finding_several").click().run()
    findings = {finding.key: finding for finding in data.quality_findings(small_dataset)}
    rows = findings["several"].rows
    assert f"**{len(rows)}** images" in text(page)  # the filter on df gave way
    assert shown_ids(page) == small_dataset.metadata["image_id"].iloc[rows[:24]].tolist()
    assert page.selectbox(key="dataset_order").value == "found"
    assert chips(page) == [findings["several"].title]
    page.button(key="dataset_chip_images_").click().run()
    assert "the whole data set" in text(page)
    assert page.selectbox(key="dataset_order").value == "mixed"


class RedGate:
    """Stops what is redder than it is green, by far."""

    def look(self, pictures):
        means = [picture.mean(axis=(0, 1)) for picture in pictures]
        reason = "it looks like a photograph of something else"
        return [
            prediction.Likeness(False, reason, -float(red - green))
            if red - green > 60
            else prediction.Likeness(True, None, 1.0)
            for red, green, _ in means
        ]


def test_images_that_are_no_dermatoscopic_photographs_are_looked_for_when_asked(
    open_page, small_dataset, monkeypatch
):
    monkeypatch.setattr(prediction, "gate", RedGate)
    page = open_tab(open_page(), "Data quality")
    assert "dataset_finding_unlike" not in {button.key for button in page.button}
    page.button(key="dataset_unlike_start").click().run()
    unlike.marking().making(small_dataset).wait(30)
    page.run()
    assert not page.exception
    marks = prediction.kept_marks(small_dataset)
    assert 0 < len(marks.rows) < 150
    assert "dataset_unlike_start" not in {button.key for button in page.button}
    assert f"{len(marks.rows)} images do not look like dermatoscopic photographs" in text(page)
    assert f"photograph of something else \\({len(marks.rows)}\\)" in text(page)
    page.button(key="dataset_finding_unlike").click().run()
    ids = small_dataset.metadata["image_id"]
    assert shown_ids(page) == ids.iloc[marks.rows[:24]].tolist()
    monkeypatch.setattr(prediction, "gate", None)  # a fresh server reads what is kept
    page = open_tab(open_page(), "Data quality")
    assert page.button(key="dataset_finding_unlike")


def test_where_every_image_passes_the_search_the_page_says_so(open_page, small_dataset):
    page = open_tab(open_page(), "Data quality")
    page.button(key="dataset_unlike_start").click().run()
    unlike.marking().making(small_dataset).wait(30)
    page.run()
    assert any("All 150 images look like" in caption.value for caption in page.caption)


def test_the_search_is_stopped_or_told_of_where_it_fails_and_can_begin_again(
    open_page, small_dataset, monkeypatch
):
    def until_stopped(dataset, gate, report, stop):
        while not stop.wait(0.01):
            report(32, 150, "Looking at the images")
        raise io.stopped()

    monkeypatch.setattr("ham.prediction.marks.unlike_training", until_stopped)
    page = open_tab(open_page(), "Data quality")
    page.button(key="dataset_unlike_start").click().run()
    making = unlike.marking().making(small_dataset)
    assert making.running
    page.button(key="dataset_unlike_stop").click().run()
    making.wait(10)
    page.run()
    assert not page.error
    monkeypatch.setattr(prediction, "gate", lambda: 1 / 0)
    page.button(key="dataset_unlike_start").click().run()
    unlike.marking().making(small_dataset).wait(10)
    page.run()
    assert "The search for other images" in page.error[0].value
    assert page.button(key="dataset_unlike_start")


def test_the_map_is_there_at_once_and_follows_the_filters(open_page):
    page = open_tab(open_page(), "Map")
    assert not page.exception
    assert "150 images of the classes mel, bcc" in alternative(page, 0)
    pills(page, "classes").select("mel").run()
    assert "24 images of the classes mel, each" in alternative(page, 0)


def test_what_is_chosen_on_the_map_is_a_filter_beside_the_others(open_page, monkeypatch):
    page = open_tab(open_page(), "Map")
    pills(page, "classes").select("mel").run()
    state = {
        "dataset_map_0": {
            "selection": {"points": [{"customdata": 3}, {"customdata": 1}, {"x": 0.0}]}
        },
        "dataset_chosen": page.session_state["dataset_chosen"],
        "dataset_filter_start": page.session_state["dataset_filter_start"],
    }
    monkeypatch.setattr("streamlit.session_state", state)
    map_section._brushed("dataset_map_0")
    chosen = state["dataset_chosen"]
    assert chosen.images.rows.tolist() == [1, 3]
    assert chosen.classes == ("mel",)
    assert state["dataset_brushed"] == "dataset_map_0"


def test_the_tsne_map_is_made_in_the_background_kept_and_shown(open_page, small_dataset):
    page = open_tab(open_page(), "Map")
    page.segmented_control(key="dataset_map_by").set_value("tsne").run()
    assert not page.exception
    assert "The two largest differences" in alternative(page, 0)  # meanwhile
    page.button(key="dataset_tsne_start").click().run()
    map_section.maps().making(small_dataset).wait(30)
    page.run()
    assert not page.exception
    assert "Images beside those that look most like them" in alternative(page, 0)
    assert data.read_map(small_dataset.fingerprint, "tsne", 150).shape == (150, 2)
    assert "dataset_tsne_start" not in {button.key for button in page.button}


def test_a_tsne_map_that_was_stopped_can_be_made_again(open_page, small_dataset, monkeypatch):
    def until_stopped(features, report, stop):
        while not stop.wait(0.01):
            report(5, 750, "")
        raise io.stopped()

    monkeypatch.setattr("ham.data.maps.tsne_map", until_stopped)
    page = open_tab(open_page(), "Map")
    page.segmented_control(key="dataset_map_by").set_value("tsne").run()
    page.button(key="dataset_tsne_start").click().run()
    assert page.button(key="dataset_tsne_stop")
    making = map_section.maps().making(small_dataset)
    assert making.running
    page.button(key="dataset_tsne_stop").click().run()
    making.wait(10)
    page.run()
    assert not page.exception
    assert page.button(key="dataset_tsne_start").label == "Make it again"


def test_a_tsne_map_that_fails_is_told_with_what_to_do(open_page, small_dataset, monkeypatch):
    def broken(features, report, stop):
        raise MemoryError("no room")

    monkeypatch.setattr("ham.data.maps.tsne_map", broken)
    page = open_tab(open_page(), "Map")
    page.segmented_control(key="dataset_map_by").set_value("tsne").run()
    page.button(key="dataset_tsne_start").click().run()
    map_section.maps().making(small_dataset).wait(10)
    page.run()
    assert [error.value for error in page.error] == [
        "**The t\\-SNE map:** it ended early \\(MemoryError\\: no room\\).  \nUse the map "
        "by principal "
        "components below, or try again."
    ]
    assert len(drawn(page)) == 1


def test_a_handful_of_images_has_no_map(open_page, kaggle_folder):
    page = open_tab(open_page(kaggle_folder(counts={"mel": 3, "nv": 6})), "Map")
    assert not page.exception
    assert "9 images are too few for a map." in text(page)


# ---------------------------------------------------------------------------- details


def test_an_image_opens_with_its_metadata_its_siblings_and_the_nearest(open_page, small_dataset):
    page = open_page()
    page.selectbox(key="dataset_order").set_value("lesion").run()
    assert page.get("dialog") == []
    row = 1  # the second lesion has two images, rows 1 and 2
    assert siblings_of(small_dataset, row).tolist() == [2]
    open_tile(page, 1)
    assert not page.exception
    dialog = page.get("dialog")[0]
    facts = "".join(html.value for html in dialog.get("html"))
    assert "<td>TEST_00001</td>" in facts
    assert "LESION_0001, 2 images" in facts
    assert "malignant" in facts
    assert "28 by 28 pixels" in facts
    assert "the photograph" in facts
    assert re.findall(r"<span>(TEST_\d+)</span>", html_of(dialog))[0] == "TEST_00002"
    nearest = re.findall('<button [^>]*data-press="(.*?)"', html_of(dialog, "dataset_nearest"))
    assert len(nearest) == 8
    pressed(page, "dataset_siblings", nearest[0])  # none of its own
    assert page.session_state["dataset_open"] == row
    pressed(page, "dataset_siblings", "TEST_00002")
    facts = "".join(html.value for html in page.get("dialog")[0].get("html"))
    assert "<td>TEST_00002</td>" in facts


def test_an_image_whose_dismissal_was_lost_does_not_open_again(open_page):
    for ask in (
        lambda page: pills(page, "classes").select("nv").run(),
        lambda page: open_tab(page, "Looks"),
    ):
        page = open_page()
        open_tile(page, 0)
        assert len(page.run().get("dialog")) == 1  # what runs by itself closes nothing
        ask(page)
        assert not page.exception
        assert page.get("dialog") == []


def test_details_sort_the_gallery_by_nearness_or_show_the_lesion_alone(open_page):
    page = open_page()
    page.selectbox(key="dataset_order").set_value("lesion").run()
    open_tile(page, 1)
    page.button(key="dataset_details_sort").click().run()
    assert not page.exception
    assert page.get("dialog") == []
    # itself, then its sibling, which looks like it
    assert shown_ids(page)[:2] == ["TEST_00001", "TEST_00002"]
    page.button(key="dataset_anchor_drop").click().run()
    assert page.selectbox(key="dataset_order").value == "mixed"
    page.selectbox(key="dataset_order").set_value("lesion").run()
    open_tile(page, 1)
    page.button(key="dataset_details_lesion").click().run()
    assert shown_ids(page) == ["TEST_00001", "TEST_00002"]
    assert chips(page) == ["Lesion LESION\\_0001"]


def test_an_original_that_has_gone_or_is_broken_leaves_the_small_image(open_page, kaggle_folder):
    folder = kaggle_folder(counts={"mel": 6, "nv": 9}, jpegs=True)
    page = open_page(folder)
    assert grid(page).count("ham-original") == 15
    originals = sorted(folder.rglob("*.jpg"))
    originals[0].unlink()
    originals[1].write_bytes(b"no picture")
    page.run()
    assert not page.exception
    assert grid(page).count("ham-original") == 13
    assert grid(page).count("ham-small") == 15


def test_images_have_words_and_stand_crisp_beside_their_originals(open_page):
    page = open_page()
    style = next(
        html.value for html in page.get("html") if ".ham-pictures .ham-small" in html.value
    )
    assert re.search(r"\.ham-small \{[^}]*image-rendering: pixelated", style)
    assert grid(page).count("28 by 28 pixels as the models see it") == 24
    assert grid(page).count("the original photograph") == 24
    page.segmented_control(key="dataset_view").set_value("small").run()
    assert grid(page).count("the original photograph") == 0


def test_a_data_set_without_jpegs_shows_the_small_images_alone(open_page, kaggle_folder):
    page = open_page(kaggle_folder(counts={"mel": 6, "nv": 9}))
    assert not page.exception
    assert grid(page).count("<img") == 15
    assert page.get("pagination") == []


def test_metadata_cannot_write_into_the_page(open_page, kaggle_folder):
    folder = kaggle_folder(counts={"mel": 6, "nv": 9})
    file = folder / "HAM10000_metadata.csv"
    file.write_text(
        file.read_text().replace(",male,", ",<b>x</b>,").replace(",female,", ",<b>x</b>,")
    )
    page = open_page(folder)
    assert not page.exception
    assert "&lt;b&gt;x&lt;/b&gt;" in grid(page)
    assert "<b>x" not in grid(page)


def test_the_leakage_of_three_protocols_is_told_in_sentences(open_page):
    told = text(open_page())
    assert "No test image shows a lesion that training has seen." in told
    assert re.search(
        r"\d+ % of the test images and \d+ % of the melanoma images show a "
        r"lesion",
        told,
    )
    assert re.search(r"\d+ % of the test rows are exact copies of training rows", told)


def test_a_data_set_too_small_to_split_says_why_in_place_of_a_figure(open_page, kaggle_folder):
    page = open_page(kaggle_folder(counts={"nv": 3, "df": 3}))
    assert not page.exception
    assert "too small for three parts by lesion" in text(page)


def test_without_data_the_page_shows_the_demo_data_marked_as_such(open_page):
    page = open_page(None)
    assert not page.exception
    assert "Synthetic demo data" in text(page)
    assert "the whole data set" in text(page)
    assert first_view(page).count("<figure") == 5


def test_faulty_data_are_told_and_nothing_is_drawn(open_page, kaggle_folder):
    folder = kaggle_folder(counts={"mel": 6, "nv": 9})
    (folder / "HAM10000_metadata.csv").write_text("lesion,image\n")
    page = open_page(folder)
    assert not page.exception
    assert any("line 1" in error.value for error in page.error)
    assert len(page.get("plotly_chart")) == 0
    assert first_view(page) == ""


# ------------------------------------------------------------------ filters and orders


def test_each_filter_matches_what_it_names(small_dataset):
    metadata = small_dataset.metadata
    assert len(Filters().rows(small_dataset)) == 150
    assert len(Filters(classes=("mel", "df")).rows(small_dataset)) == 24 + 9
    for filters, column, values in (
        (Filters(sexes=("male",)), "sex", {"male"}),
        (Filters(sites=("back", "face")), "localization", {"back", "face"}),
        (Filters(ages=(40, 60)), "age", {45.0}),
    ):
        rows = filters.rows(small_dataset)
        assert set(metadata[column].iloc[rows]) == values
        assert len(rows) == metadata[column].isin(values).sum()
    assert len(Filters(methods=("follow_up",)).rows(small_dataset)) == 0
    several = Filters(several=True).rows(small_dataset)
    sizes = np.bincount(small_dataset.groups)
    assert len(several) == sizes[sizes > 1].sum()
    assert Filters(query="test_0014").rows(small_dataset).tolist() == list(range(140, 150))
    assert Filters(query="LESION_0001").rows(small_dataset).tolist() == [1, 2]
    assert len(Filters(query="(").rows(small_dataset)) == 0  # no regular expression
    pointed_at = Filters(classes=("mel",), images=ImageSet("these", np.array([149, 3, 1])))
    assert pointed_at.rows(small_dataset).tolist() == [1, 3]
    assert len(pointed_at.rows(small_dataset, pointed_at=False)) == 24


def test_filters_are_told_in_words():
    assert Filters().in_words() == ""
    everything = Filters(
        ("mel",),
        ("male", "unknown"),
        ("back",),
        ("follow_up",),
        (40, 60),
        True,
        "0027",
        ImageSet("Chosen on the map", np.array([1])),
    )
    assert everything.in_words() == (
        "Melanoma (mel), male or sex unknown, back, follow-up, 40 to "
        "60 years, "
        "lesions with several images, id contains 0027, chosen on "
        "the map"
    )
    assert [chip.label for chip in everything.chips()] == [
        "Melanoma (mel)",
        "Male",
        "Sex unknown",
        "Back",
        "Follow-up",
        "40 to 60 years",
        "Several images",
        "Id contains 0027",
        "Chosen on the map",
    ]


@pytest.mark.parametrize(
    "order", ["mixed", "class", "lesion", "color", "light", "age", "near", "found"]
)
def test_every_order_holds_each_row_once_and_is_the_same_every_time(small_dataset, order):
    rows = Filters(classes=("mel", "nv")).rows(small_dataset)
    listed = np.arange(149, -1, -1)
    ordered = in_order(small_dataset, rows, order, anchor=5, listed=listed)
    assert sorted(ordered) == rows.tolist()
    assert np.array_equal(ordered, in_order(small_dataset, rows, order, anchor=5, listed=listed))


def test_orders_by_class_colour_lightness_nearness_and_as_listed_are_what_they_say(small_dataset):
    rows = np.arange(150)
    assert (np.diff(small_dataset.labels[in_order(small_dataset, rows, "class")]) >= 0).all()
    colors = small_dataset.images.mean(axis=(1, 2))
    light = (colors @ [0.2126, 0.7152, 0.0722])[in_order(small_dataset, rows, "light")]
    assert (np.diff(light) >= -1e-3).all()
    hues = data.hue(colors)[in_order(small_dataset, rows, "color")]
    assert (np.diff(hues) >= -1e-3).all()
    near = in_order(small_dataset, rows, "near", anchor=2)
    assert near[0] == 2
    assert small_dataset.groups[near[1]] == small_dataset.groups[2]
    assert in_order(
        small_dataset, np.array([1, 4]), "found", listed=np.array([9, 4, 1])
    ).tolist() == [4, 1]


def test_by_lesion_keeps_a_lesions_images_together_and_by_age_puts_the_unknown_last(small_dataset):
    rows = np.arange(small_dataset.n_images)
    groups = small_dataset.groups[in_order(small_dataset, rows, "lesion")]
    assert (np.diff(groups) != 0).sum() == len(set(groups)) - 1
    ages = small_dataset.metadata["age"].to_numpy()[in_order(small_dataset, rows, "age")]
    known = ages[~np.isnan(ages)]
    assert np.array_equal(known, np.sort(known))
    assert np.isnan(ages[len(known) :]).all()


# ------------------------------------------------------------------- tables and charts


TABLE = pd.DataFrame(
    {
        "lesion_id": ["a", "a", "b", "c", "d"],
        "dx": ["mel", "mel", "nv", "nv", "nv"],
        "age": [50.0, 60.0, 0.0, 40.0, np.nan],
        "sex": ["male", "male", "female", "unknown", "male"],
        "localization": ["back", "back", "face", "back", "ear"],
    }
)


def test_tables_count_by_class_in_class_order():
    assert class_balance(TABLE).loc[["mel", "nv", "df"]].to_numpy().tolist() == [
        [2, 1],
        [3, 3],
        [0, 0],
    ]
    sites = count_by_class(TABLE, "localization")
    assert sites.columns.tolist() == list(CODES)
    assert sites["nv"].to_dict() == {"back": 1, "ear": 1, "face": 1}
    assert sites.index[0] == "back"
    ages = age_by_class(TABLE)
    assert ages["known"].tolist() == [2, 0, 0, 2, 0, 0, 0]
    assert ages.loc["mel", ["q1", "median", "q3"]].tolist() == [52.5, 55, 57.5]
    assert np.isnan(ages.loc["df", "median"])


def test_ages_are_counted_by_decade_with_empty_ones_between_and_unknown_last():
    bands = age_bands(TABLE)
    assert bands.sum(axis=1).to_dict() == {
        "0 to 9": 1,
        "10 to 19": 0,
        "20 to 29": 0,
        "30 to 39": 0,
        "40 to 49": 1,
        "50 to 59": 1,
        "60 to 69": 1,
        "unknown": 1,
    }
    assert bands.loc["50 to 59", "mel"] == 1
    assert age_bands(TABLE.iloc[4:]).index.tolist() == ["unknown"]


def test_tables_to_read_have_titles_and_sums():
    table = data.count_table(TABLE.assign(dx_type="histo"), "localization")
    assert table.columns.tolist() == ["Melanoma (mel)", "Melanocytic nevus (nv)", "All"]
    assert table.loc["Back"].tolist() == [2, 1, 3]
    assert data.count_table(TABLE, "class").loc["Melanoma (mel)"].tolist() == [2, 1, 40.0]
    quartiles = data.count_table(TABLE, "quartiles")
    assert quartiles.loc["Melanoma (mel)"].tolist() == [2, 50.5, 52.5, 55, 57.5, 59.5]
    assert len(quartiles) == 2


def test_colours_of_classes_by_hand():
    images = np.zeros((3, 28, 28, 3), np.uint8)
    images[0], images[1], images[2, :14] = (200, 100, 0), (100, 100, 100), 200
    colors, labels = data.mean_colors(images), np.array([0, 0, 3])
    assert colors.tolist() == [[200, 100, 0], [100, 100, 100], [100, 100, 100]]
    assert data.lightness(colors)[1] == pytest.approx(100, abs=1e-3)
    assert data.hue(
        np.array([[255, 0, 0], [255, 255, 0], [255, 0, 255], [90, 90, 90]])
    ) == pytest.approx([0, 60, -60, 0])
    assert data.mean_images(images, labels)[0, 0, 0].tolist() == [150, 100, 50]
    assert not data.mean_images(images, labels)[1].any()
    ribbons = data.color_ribbons(colors, labels, steps=2)
    assert ribbons[0].tolist() == [[100, 100, 100], [200, 100, 0]]  # luma 100, then 114
    assert data.color_ribbons(colors, labels, steps=4)[3].tolist() == [[100, 100, 100]] * 4
    channels = data.channels_by_class(colors, labels)
    assert channels.loc[("mel", "red"), ["images", "median"]].tolist() == [2, 150]
    assert channels.index.get_level_values("dx").unique().tolist() == ["mel", "nv"]


# ---------------------------------------------------------------------------- downloads


def test_the_metadata_of_what_is_shown_come_as_csv_in_the_columns_of_the_file(
    small_dataset, small_folder
):
    rows = np.array([0, 7])
    lines = files.metadata_csv(small_dataset, rows).splitlines()
    original = (small_folder / "HAM10000_metadata.csv").read_text().splitlines()
    assert lines == [original[0], original[1], original[8]]


def test_all_charts_come_as_one_html_file_that_needs_no_network(small_dataset):
    page = files.charts_html(small_dataset, "a <b>word</b>", np.arange(150), dark=False)
    assert page.count('class="plotly-graph-div"') == 2
    assert page.count('<figure class="ham-chart"') == 5
    assert ".ham-bars" in page  # their style
    assert "<button" not in page
    assert f"background:{palette().ground};" in page
    assert "42.0 % of images are melanocytic nevus (nv)" in page
    assert "a &lt;b&gt;word&lt;/b&gt;" in page
    assert not re.search(r"<(script|link)[^>]+(src|href)=", page)
    one = files.charts_html(small_dataset, "", np.array([3]), dark=True)
    assert one.count('class="plotly-graph-div"') == 2
    assert one.count('<figure class="ham-chart"') == 5
    assert f"background:{palette(dark=True).ground};" in one


def test_the_toolbar_saves_what_the_switch_says(open_page):
    page = open_tab(open_page(), "Looks")
    formats = {
        json.loads(chart.proto.config)["toImageButtonOptions"]["format"]
        for chart in page.get("plotly_chart")
    }
    assert formats == {"png"}
    page.segmented_control(key="chart_format").set_value("SVG").run()
    open_tab(page, "Map")
    assert (
        json.loads(page.get("plotly_chart")[0].proto.config)["toImageButtonOptions"]["format"]
        == "svg"
    )


# --------------------------------------------------------------------------- real data


def test_the_real_data_are_filtered_by_class(
    open_page, real_data, real_dataset, real_home, monkeypatch
):
    monkeypatch.setenv("HAM_HOME", str(real_home))
    page = open_page(real_data)
    assert not page.exception
    assert "**10,015** images of **7,470** lesions" in text(page)
    pills(page, "classes").select("mel").run()
    assert "**1,113** images of **614** lesions" in text(page)
    open_tab(page, "Map")
    assert not page.exception
    assert "1,113 images of the classes mel" in alternative(page, 0)
    open_tab(page, "Data quality")
    page.button(key="dataset_finding_pairs").click().run()
    assert not page.exception
    assert "**36** images of **36** lesions" in text(page)


def test_a_balanced_sample_has_each_class_as_often_and_no_lesion_twice(small_dataset) -> None:
    rows = balanced_sample(small_dataset, 14)
    assert small_dataset.labels[rows].tolist() == [label for label in range(7) for _ in range(2)]
    assert len(set(small_dataset.groups[rows])) == 14
    assert balanced_sample(small_dataset, 14).tolist() == rows.tolist()
    assert balanced_sample(small_dataset, 14, seed=1).tolist() != rows.tolist()
    # 15 of each class where it has as many lesions
    labels, groups = small_dataset.labels, small_dataset.groups
    lesions = [len(set(groups[labels == label])) for label in range(7)]
    counts = np.bincount(labels[balanced_sample(small_dataset, 100)], minlength=7)
    assert counts.tolist() == [min(15, n) for n in lesions]
    assert max(lesions) > 15
