"""The Comparison page's other half: groups of runs."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from ham import report
from ham.engine import Engine
from ham.report import RunName
from ham.store import Run
from ham.ui.comparison import groups as section
from tests.page_driver import open_page
from tests.test_groups import doubted_run, fold_run


@pytest.fixture(autouse=True)
def nobody_trains(monkeypatch) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)


@pytest.fixture
def folds() -> list[Run]:
    return [fold_run(fold, skill=4.0) for fold in range(5)]


def said(page: AppTest) -> str:
    kinds = ("header", "markdown", "caption", "info")
    return " ".join(one.value for kind in kinds for one in getattr(page.main, kind))


def opened(**query: str) -> AppTest:
    page = open_page("pages/comparison.py", **query)
    assert not page.exception
    return page


def test_without_own_groups_the_cross_validation_that_ships_is_compared() -> None:
    page = opened()
    page.segmented_control(key="comparison_what").set_value("Groups").run()
    assert not page.exception
    assert "No own runs make a group yet" in said(page)
    shown = page.multiselect(key="comparison_groups").value
    assert shown == ["ships-cnn-described", "ships-lstm-described", "ships-resnet-improved"]
    assert "over 5 pairs" in said(page)
    assert "Only the numbers of these groups are here" in said(page)
    assert "corrected resampled t-test (Nadeau, Bengio, 2003)" in said(page)
    assert page.query_params["groups"] == ",".join(shown)


def test_own_folds_stand_beside_others_with_their_difference_pooled(folds) -> None:
    others = [fold_run(fold, model="lstm") for fold in range(5)]
    ids = [group.id for group in report.find_groups([*folds, *others])]
    page = opened(groups=",".join(ids))
    assert "B · " in said(page)
    assert "pooled images" in " ".join(page.table[1].value.columns)
    page = open_tab(page, "Pooled folds")
    assert "40 images of 20 lesions, every image of the data tested once" in said(page)
    page = open_tab(page, "Members")
    links = page.dataframe[0].value["Run"].tolist()
    assert links[0].startswith("/comparison?runs=")


def open_tab(page: AppTest, title: str) -> AppTest:
    page.session_state["comparison_groups_tab"] = title
    page.run()
    assert not page.exception
    return page


def test_groups_without_a_pair_say_why(folds) -> None:
    [group] = report.find_groups(folds)
    page = opened(groups=f"{group.id},ships-cnn-described")
    assert "A and B cannot be compared" in page.info[0].value.replace("B and A", "A and B")
    assert "tested on different images" in page.info[0].value


def test_a_link_to_runs_opens_runs_again(folds) -> None:
    page = opened(groups="ships-cnn-described")
    page.query_params.pop("groups")
    page.query_params["runs"] = f"{folds[0].id},cnn-described"
    page.run()
    assert page.segmented_control(key="comparison_what").value == "Runs"


def test_no_group_chosen_says_what_to_do() -> None:
    page = opened(groups="ships-cnn-described")
    page.multiselect(key="comparison_groups").set_value([]).run()
    assert "Choose at least one group" in page.info[0].value


def test_the_document_has_null_where_nothing_is_pooled(folds) -> None:
    [group] = report.find_groups(folds)
    names = {RunName("A", "own"): group, RunName("B", "x"): report.shipped_groups()[0]}
    document = json.loads(section._document(names, {}))
    assert [bool(one["pooled"]) for one in document["groups"]] == [True, False]


def test_contradicted_labels_are_listed_and_never_called_wrong() -> None:
    [group] = report.find_groups([doubted_run(fold) for fold in range(5)])
    page = open_tab(opened(groups=group.id), "Doubtful labels")
    assert "2 labels are contradicted by the models: 2 mel." in said(page)
    tiles = " ".join(one.proto.body for one in page.get("html"))
    assert "wrong" not in tiles
    assert "label mel 1 %" in tiles
    assert "models nv 94 %" in tiles
    page = open_tab(opened(groups="ships-cnn-described"), "Doubtful labels")
    assert "with the folds of one seed" in said(page)
