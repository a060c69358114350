"""The Dataset page: filters drive charts, grid and file; leakage in words; every empty state."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from ham import charts
from ham.config import CODES
from ham.data import LeakageReport, age_by_class, class_balance, count_by_class
from ham.engine import Engine
from ham.ui.dataset import Filters, in_order, leakage_in_words

ROOT = Path(__file__).parents[1]


@pytest.fixture
def open_page(small_folder, monkeypatch):
    """`open_page(folder)`: the page as a browser's first request of a fresh session finds it."""
    def open_it(folder: Path | None = small_folder) -> AppTest:
        monkeypatch.setattr(Engine, "start", lambda self: self)
        if folder:
            monkeypatch.setenv("HAM_DATA", str(folder))
        return AppTest.from_file(ROOT / "app.py", default_timeout=30).switch_page("pages/dataset.py").run()
    return open_it


def grid(page: AppTest) -> str:
    return next(html.value for html in page.get("html") if "ham-gallery" in html.value)


def shown_ids(page: AppTest) -> list[str]:
    return re.findall(r"<span>(TEST_\d+)</span>", grid(page))


def text(page: AppTest) -> str:
    return "\n".join(m.value for m in [*page.main.markdown, *page.main.caption, *page.main.info])


def drawn(page: AppTest) -> list:
    """The charts that filters drive, not those of the leakage lab."""
    return [figure for figure in page.get("plotly_chart") if "leakage" not in figure.key]


def alternative(page: AppTest, number: int) -> str:
    return page.get("plotly_chart")[number].proto.alt


# ------------------------------------------------------------------------------- page


def test_without_filters_everything_is_shown(open_page):
    page = open_page()
    assert not page.exception
    assert "**150** images of **75** lesions, all there are" in text(page)
    assert len(drawn(page)) == 4
    assert len(shown_ids(page)) == 24
    assert "Images 1 to 24 of 150" in text(page)
    assert "Clear filters" not in [b.label for b in page.button]


def test_filters_drive_summary_charts_and_grid(open_page):
    page = open_page()
    page.pills(key="dataset_classes").select("mel").run()
    assert not page.exception
    assert "**24** images of **12** lesions match: Melanoma \\(mel\\)" in text(page)
    assert alternative(page, 0) == "Images and lesions by class: Melanoma (mel) 24 images of 12 lesions"
    assert len(shown_ids(page)) == 24
    assert "nevus" not in grid(page)
    page.toggle(key="dataset_several").set_value(True).run()
    assert "lesions with several images" in text(page)
    assert 0 < len(shown_ids(page)) < 24


def test_filters_that_match_nothing_say_so_and_clearing_brings_everything_back(open_page):
    page = open_page()
    page.slider(key="dataset_ages").set_value((10, 40)).run()
    assert not page.exception
    assert "No image matches all of these filters" in text(page)
    assert drawn(page) == []
    page.button(key="dataset_clear").click().run()
    assert not page.exception
    assert "**150** images of **75** lesions, all there are" in text(page)
    assert page.slider(key="dataset_ages").value == (0, 70)


def test_paging_goes_through_all_images_once_and_a_filter_goes_back_to_the_first(open_page):
    page = open_page()
    seen = shown_ids(page)
    for number in range(2, 8):
        page.get("pagination")[0].set_value(number).run()
        seen += shown_ids(page)
    assert "Images 145 to 150 of 150" in text(page)
    assert len(seen) == len(set(seen)) == 150
    page.pills(key="dataset_classes").select("nv").run()
    assert "Images 1 to 24 of 63" in text(page)


def test_filters_outlast_a_visit_of_another_page(open_page):
    page = open_page()
    page.pills(key="dataset_classes").select("df").run()
    page.switch_page("app.py").run()
    page.switch_page("pages/dataset.py").run()
    assert not page.exception
    assert page.pills(key="dataset_classes").value == ["df"]
    assert "**9** images" in text(page)


def test_images_have_words_and_stand_crisp_beside_their_originals(open_page):
    page = open_page()
    assert grid(page).count("image-rendering: pixelated") == 1
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
    file.write_text(file.read_text().replace(",male,", ",<b>x</b>,").replace(",female,", ",<b>x</b>,"))
    page = open_page(folder)
    assert not page.exception
    assert "&lt;b&gt;x&lt;/b&gt;" in grid(page)
    assert "<b>x" not in grid(page)


def test_the_leakage_of_three_protocols_is_told_in_sentences(open_page):
    told = text(open_page())
    assert "No test image shows a lesion that training has seen." in told
    assert re.search(r"\d+ % of the test images and \d+ % of the melanoma images show a lesion", told)
    assert re.search(r"\d+ % of the test rows are exact copies of training rows", told)


def test_a_data_set_too_small_to_split_says_why_in_place_of_a_figure(open_page, kaggle_folder):
    page = open_page(kaggle_folder(counts={"nv": 3, "df": 3}))
    assert not page.exception
    assert "too small for three parts by lesion" in text(page)


def test_without_data_the_page_says_how_to_get_it(open_page):
    page = open_page(None)
    assert not page.exception
    assert "kaggle.com" in text(page)
    assert len(page.get("plotly_chart")) == 0


def test_faulty_data_are_told_and_nothing_is_drawn(open_page, kaggle_folder):
    folder = kaggle_folder(counts={"mel": 6, "nv": 9})
    (folder / "HAM10000_metadata.csv").write_text("lesion,image\n")
    page = open_page(folder)
    assert not page.exception
    assert any("line 1" in error.value for error in page.error)
    assert len(page.get("plotly_chart")) == 0


def test_the_page_never_imports_tensorflow():
    code = ("import sys; from ham import ui; from ham.ui import dataset; from ham import data; "
            "print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras')])")
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


# ------------------------------------------------------------------ filters and orders


def test_each_filter_matches_what_it_names(small_dataset):
    metadata = small_dataset.metadata
    assert len(Filters().rows(small_dataset)) == 150
    assert len(Filters(classes=("mel", "df")).rows(small_dataset)) == 24 + 9
    for filters, column, values in ((Filters(sexes=("male",)), "sex", {"male"}),
                                    (Filters(sites=("back", "face")), "localization", {"back", "face"}),
                                    (Filters(ages=(40, 60)), "age", {45.0})):
        rows = filters.rows(small_dataset)
        assert set(metadata[column].iloc[rows]) == values
        assert len(rows) == metadata[column].isin(values).sum()
    assert len(Filters(methods=("follow_up",)).rows(small_dataset)) == 0
    several = Filters(several=True).rows(small_dataset)
    sizes = np.bincount(small_dataset.groups)
    assert len(several) == sizes[sizes > 1].sum()


def test_filters_are_told_in_words():
    assert Filters().in_words() == ""
    everything = Filters(("mel",), ("male", "unknown"), ("back",), ("follow_up",), (40, 60), True)
    assert everything.in_words() == ("Melanoma (mel), male or sex unknown, back, follow-up, 40 to 60 years, "
                                     "lesions with several images")


@pytest.mark.parametrize("order", ["mixed", "lesion", "age"])
def test_every_order_holds_each_row_once_and_is_the_same_every_time(small_dataset, order):
    rows = Filters(classes=("mel", "nv")).rows(small_dataset)
    ordered = in_order(small_dataset, rows, order)
    assert sorted(ordered) == rows.tolist()
    assert np.array_equal(ordered, in_order(small_dataset, rows, order))


def test_by_lesion_keeps_a_lesions_images_together_and_by_age_puts_the_unknown_last(small_dataset):
    rows = np.arange(small_dataset.n_images)
    groups = small_dataset.groups[in_order(small_dataset, rows, "lesion")]
    assert (np.diff(groups) != 0).sum() == len(set(groups)) - 1
    ages = small_dataset.metadata["age"].to_numpy()[in_order(small_dataset, rows, "age")]
    known = ages[~np.isnan(ages)]
    assert np.array_equal(known, np.sort(known))
    assert np.isnan(ages[len(known):]).all()


def test_leakage_sentences_name_the_share_that_matters():
    report = LeakageReport(n_test=100, n_test_mel=10, sibling=0.384, sibling_mel=0.68, copies=0.86)
    assert leakage_in_words("image", report) == (
        "38 % of the test images and 68 % of the melanoma images show a lesion that training has seen.")
    assert leakage_in_words("oversample", report) == "86 % of the test rows are exact copies of training rows."
    no_melanoma = LeakageReport(100, 0, 0.5, float("nan"), 0.0)
    assert leakage_in_words("image", no_melanoma) == "50 % of the test images show a lesion that training has seen."


# ------------------------------------------------------------------- tables and charts


TABLE = pd.DataFrame({
    "lesion_id": ["a", "a", "b", "c", "d"], "dx": ["mel", "mel", "nv", "nv", "nv"],
    "age": [50.0, 60.0, 0.0, 40.0, np.nan], "sex": ["male", "male", "female", "unknown", "male"],
    "localization": ["back", "back", "face", "back", "ear"],
})


def test_tables_count_by_class_in_class_order():
    assert class_balance(TABLE).loc[["mel", "nv", "df"]].to_numpy().tolist() == [[2, 1], [3, 3], [0, 0]]
    sites = count_by_class(TABLE, "localization")
    assert sites.columns.tolist() == list(CODES)
    assert sites["nv"].to_dict() == {"back": 1, "ear": 1, "face": 1}
    assert sites.index[0] == "back"
    ages = age_by_class(TABLE)
    assert ages["known"].tolist() == [2, 0, 0, 2, 0, 0, 0]
    assert ages.loc["mel", ["q1", "median", "q3"]].tolist() == [52.5, 55, 57.5]
    assert np.isnan(ages.loc["df", "median"])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("rows", [slice(None), slice(2), slice(4, 5)])
def test_charts_are_drawn_of_many_classes_of_one_and_of_one_image_without_age(rows, dark):
    table = TABLE.iloc[rows]
    figures = [charts.class_balance_chart(class_balance(table), dark),
               charts.age_chart(age_by_class(table), int(table["age"].isna().sum()), 0, dark),
               charts.sex_chart(count_by_class(table, "sex"), dark),
               charts.site_chart(count_by_class(table, "localization"), dark)]
    assert all(figure.layout.title.text and charts.alt_text(figure) for figure in figures)


def test_chart_titles_say_the_finding():
    balance = charts.class_balance_chart(class_balance(TABLE))
    assert balance.layout.title.text == "60.0 % of images are melanocytic nevus (nv)"
    assert balance.layout.title.subtitle.text == "Dashed: always answering nv is right for 60.0 %"
    ages = charts.age_chart(age_by_class(TABLE), missing=1, zero=1)
    assert ages.layout.title.text == "Median age: from 20 years (nv) to 55 (mel)"
    assert ages.layout.title.subtitle.text == "Middle half and 5 to 95 %; 1 unknown, 1 given as 0"
    sexes, sites = (count_by_class(TABLE, column) for column in ("sex", "localization"))
    assert charts.sex_chart(sexes).layout.title.text == "60.0 % of the images are of male patients"
    assert charts.site_chart(sites).layout.title.text == "The most frequent site: back (60.0 %)"
    one = charts.class_balance_chart(class_balance(TABLE.iloc[:2]))
    assert one.layout.title.text == "All are melanoma (mel)"
    assert one.layout.shapes == ()


# --------------------------------------------------------------------------- real data


def test_the_real_data_are_filtered_by_class(open_page, real_data, real_dataset, real_home, monkeypatch):
    monkeypatch.setenv("HAM_HOME", str(real_home))
    page = open_page(real_data)
    assert not page.exception
    assert "**10,015** images of **7,470** lesions" in text(page)
    page.pills(key="dataset_classes").select("mel").run()
    assert "**1,113** images of **614** lesions" in text(page)
