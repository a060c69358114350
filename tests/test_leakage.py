"""The leakage lab: what stands on both sides of a split, what that does to the scores, and the
runs that measure it.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ham import charts, data, engine, evaluation, store
from ham.charts.base import DARK, LIGHT, contrast
from ham.charts.leakage import hundred
from ham.config import CODES, StoreError, TrainConfig
from ham.data import Split, make_split, pairs_across, seen_in_training
from ham.engine import Engine, Estimate
from ham.evaluation import (
    Interval,
    evaluate,
    evaluate_recalls,
    measure_leak,
    unpaired_difference,
)
from ham.lab.leakage import EXPLANATION, cells, lab_config, start
from ham.store import Run
from tests.lab_runs import BCC, MEL, NV, PROTOCOLS, answers, invented
from tests.page_driver import open_page, said
from tests.run_factory import waiting_run


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, small_folder: Path) -> None:
    """The small data set in use, no worker, no probe, nothing remembered from the test before."""
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(engine, "estimate", lambda config, data: None)
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    st.cache_data.clear()
    st.cache_resource.clear()


def split_of(train: list[int], test: list[int], groups: list[int], labels: list[int]) -> Split:
    return Split(
        "image",
        np.array(train),
        np.array([], int),
        np.array(test),
        np.array(labels),
        np.array(groups),
        0,
        "",
        "",
    )


# -------------------------------------------------------------------- pairs across a split


def test_what_training_has_seen_of_each_test_row_is_counted_by_hand():
    # rows 0-5 of the lesions 0, 0, 1, 1, 2, 3; row 4 is in both parts
    split = split_of([0, 2, 4], [1, 3, 4, 5], [0, 0, 1, 1, 2, 3], [MEL, MEL, MEL, MEL, NV, NV])
    lesion, image = seen_in_training(split)
    assert lesion.tolist() == [True, True, True, False]
    assert image.tolist() == [False, False, True, False]
    report = data.leakage_report(split)
    assert (report.copies, report.copies_mel) == (0.25, 0.0)
    assert {tuple(pair) for pair in pairs_across(split).tolist()} == {(1, 0), (3, 2), (4, 4)}


def test_a_pair_is_of_one_lesion_across_the_two_parts_and_no_test_image_comes_twice(small_dataset):
    for protocol in PROTOCOLS:
        split = make_split(small_dataset, protocol)
        found = pairs_across(split)
        assert np.isin(found[:, 0], split.test).all()
        assert np.isin(found[:, 1], split.train).all()
        assert np.array_equal(small_dataset.groups[found[:, 0]], small_dataset.groups[found[:, 1]])
        assert len(np.unique(found[:, 0])) == len(found)
        seen, _ = seen_in_training(split)
        assert set(found[:, 0]) == set(split.test[seen])  # every image that leaks has its pair
    # oversampled: a copy where there is one, else a sibling
    copied = np.isin(found[:, 0], split.train)
    assert np.array_equal(found[copied, 0], found[copied, 1])
    assert copied.any()


def test_the_lesion_split_has_no_pair_and_other_seeds_give_other_orders(small_dataset):
    assert pairs_across(make_split(small_dataset, "lesion")).shape == (0, 2)
    split = make_split(small_dataset, "oversample")
    first, again, other = (pairs_across(split, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sorted(first[:, 0]) == sorted(other[:, 0])


# --------------------------------------------------------------------------------- scores


def test_scores_without_the_aucs_are_those_of_evaluate_with_the_same_intervals():
    random = np.random.default_rng(0)
    y_true, lesions = random.integers(0, 7, 200), random.integers(0, 90, 200)
    found = answers(y_true, np.where(random.random(200) < 0.6, y_true, NV), lesions)
    whole = evaluate(found.y_true, found.proba, found.lesions, resamples=200)
    ours = evaluate_recalls(found, resamples=200)
    for key in ("accuracy", "balanced_accuracy"):
        assert ours[key] == pytest.approx(whole.scores[key])
    assert [ours[code].value for code in CODES] == pytest.approx(whole.per_class["recall"].tolist())


def test_a_recall_is_counted_by_hand_and_a_class_without_images_has_none():
    found = evaluate_recalls(
        answers([MEL, MEL, NV, NV], [MEL, NV, NV, NV], [0, 1, 2, 3]), resamples=50
    )
    assert found["accuracy"].value == 0.75
    assert found["mel"].value == 0.5
    assert found["balanced_accuracy"].value == 0.75
    assert np.isnan(found["bcc"].value)


def test_the_difference_of_two_sets_is_over_the_classes_that_both_have():
    ours = answers([MEL, MEL, NV, BCC], [MEL, MEL, NV, NV], [0, 1, 2, 3])  # mel 1, nv 1, bcc 0
    theirs = answers([MEL, MEL, NV], [MEL, NV, NV], [4, 5, 6])  # mel 0.5, nv 1
    found = unpaired_difference(ours, theirs, resamples=200)
    assert found["balanced_accuracy"].value == 0.25  # not 2/3 - 3/4
    assert found["accuracy"].value == pytest.approx(3 / 4 - 2 / 3)
    assert found["mel"].value == 0.5
    assert np.isnan(found["bcc"].value)
    back = unpaired_difference(theirs, ours, resamples=200)
    assert back["balanced_accuracy"].value == -0.25


def test_the_interval_of_a_difference_leaves_zero_out_where_it_is_sure_and_not_where_it_is_not():
    lesions = list(range(100))
    good = answers([NV] * 100, [NV] * 90 + [MEL] * 10, lesions)
    bad = answers([NV] * 100, [NV] * 50 + [MEL] * 50, [100 + n for n in lesions])
    near = answers([NV] * 100, [NV] * 89 + [MEL] * 11, [100 + n for n in lesions])
    assert unpaired_difference(good, bad, 500)["accuracy"].low > 0.2
    unsure = unpaired_difference(good, near, 500)["accuracy"]
    assert unsure.low < 0 < unsure.high


def test_lesions_on_both_sides_are_drawn_for_both():
    same = answers([NV] * 40, [NV] * 20 + [MEL] * 20, list(range(40)))
    assert unpaired_difference(same, same, 100)["accuracy"] == Interval(0, math.nan, math.nan)


def test_a_leak_is_measured_by_hand():
    # training has seen the lesions of the first four: all right; of the other four half
    found = measure_leak(
        answers([MEL, NV] * 4, [MEL, NV, MEL, NV, MEL, NV, NV, MEL], range(8)),
        np.array([True] * 4 + [False] * 4),
        resamples=100,
    )
    assert (found.whole.n_images, found.seen.n_images, found.unseen.n_lesions) == (8, 4, 4)
    assert found.seen.scores["accuracy"].value == 1
    assert found.unseen.scores["accuracy"].value == 0.5
    assert found.gap["balanced_accuracy"].value == 0.5
    assert found.gap_classes == ("mel", "nv")
    assert found.seen.support == {"mel": 2, "nv": 2}


@pytest.mark.parametrize("seen", [True, False])
def test_where_everything_or_nothing_was_seen_there_is_no_gap(seen: bool):
    found = measure_leak(answers([MEL, NV], [MEL, NV], [0, 1]), np.array([seen] * 2), resamples=50)
    assert found.gap is None
    assert (found.seen is None, found.unseen is None) == (not seen, seen)


def test_nothing_to_score_is_refused():
    with pytest.raises(evaluation.EvaluationError, match="no image"):
        measure_leak(answers([], [], []), np.array([], bool))


# --------------------------------------------------------------------------------- charts


@pytest.mark.parametrize(
    ("shares", "icons"),
    [
        ((0, 0.388, 0.612), (0, 39, 61)),
        ((0.855, 0.045, 0.1), (86, 4, 10)),
        ((0, 0, 1), (0, 0, 100)),
        ((0.999, 0.001, 0), (99, 1, 0)),
        ((1 / 3, 1 / 3, 1 / 3), (34, 33, 33)),
        ((0.996, 0.002, 0.002), (98, 1, 1)),
    ],
)
def test_shares_become_a_hundred_icons_and_what_is_there_at_all_is_seen(
    shares: tuple, icons: tuple
):
    found = hundred(shares)
    assert sum(found) == 100
    assert found == icons


def leak_chart(dark: bool) -> go.Figure:
    high, low = Interval(0.7, 0.6, 0.8), Interval(0.4, 0.3, 0.5)
    return charts.leak_scores(
        {
            "By lesion": {charts.KINDS[0]: (low, "9 images")},
            "By image": dict(
                zip(charts.KINDS, ((high, "9"), (low, "5"), (high, "4")), strict=True)
            ),
        },
        "balanced_accuracy",
        dark,
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_figure_has_a_title_words_for_those_who_cannot_see_it_and_its_ground(dark: bool):
    figure = leak_chart(dark)
    assert max(map(len, figure.layout.title.text.split("<br>"))) <= 52
    assert len(charts.alt_text(figure)) > 40
    assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).ground


def test_a_waffle_has_an_icon_for_each_of_a_hundred_images():
    shown = charts.seen_waffle(
        [charts.SeenShares("All images", 0.5, 0.25), charts.SeenShares("Melanoma", 0, 1)]
    )
    first, second = (
        [square.count(color) for color in charts.seen_colors()]
        for square in shown.split("<figure>")[1:]
    )
    assert first == [50, 25, 25]
    assert second == [0, 100, 0]
    assert "<b>75 of 100 test images seen</b>" in shown
    assert (
        'aria-label="Melanoma, of 100: 0 the very same image, 100 another photograph of the lesion'
        in shown
    )
    clean = charts.seen_waffle([charts.SeenShares("All images", 0, 0)])
    assert "<b>No test image seen</b>" in clean


@pytest.mark.parametrize("dark", [False, True])
def test_the_three_colours_of_the_icons_stand_apart(dark: bool):
    ground, (copy, sibling, unseen) = (DARK if dark else LIGHT).ground, charts.seen_colors(dark)
    assert contrast(copy, ground) >= 4.5
    assert contrast(copy, sibling) >= 1.8
    assert contrast(sibling, unseen) >= 1.2
    assert len({copy, sibling, unseen, ground}) == 4


def test_the_chart_of_the_scores_leaves_out_what_a_protocol_has_not():
    figure = leak_chart(False)
    rows = {trace.name: list(zip(trace.y, trace.x, strict=True)) for trace in figure.data}
    assert rows[charts.KINDS[0]][0] == (0, 40)  # alone in its row, in the middle of it
    assert [x for _, x in rows[charts.KINDS[1]]] == [40]
    assert [x for _, x in rows[charts.KINDS[2]]] == [70]
    assert "By image: all test images, as published 70 % (60 to 80)" in charts.alt_text(figure)


# ----------------------------------------------------------------------------------- page


def lab() -> None:
    import os

    from ham import data, store
    from ham.ui.dataset import show_leakage_lab

    show_leakage_lab(data.open_dataset(os.environ["HAM_DATA"]), store.find_runs())


def open_lab() -> AppTest:
    """The section alone: a fifth of the page's time. What links to another page needs
    `open_page`.
    """
    found = AppTest.from_function(lab, default_timeout=60).run()
    assert not found.exception
    return found


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def test_three_protocols_are_shown_with_real_pairs_and_others_at_a_click(small_dataset):
    page = open_lab()
    assert html(page).count('<div class="ham-waffle">') == len(PROTOCOLS)
    assert "Mean of 5 random splits" in said(page)
    pairs = pairs_across(make_split(small_dataset, "image"))
    ids = small_dataset.metadata["image_id"]
    shown = html(page)
    for test, train in pairs[:3]:
        assert f"Test: {ids[test]}, 28 by 28" in shown
        assert f"Training: {ids[train]}, 28 by 28" in shown
    assert f"{len(pairs)} test images have another photograph of their lesion in training" in said(
        page
    )
    page.button(key="leakage_other_pairs").click().run()
    assert f"Test: {ids[pairs[3][0]]}, 28 by 28" in html(page)
    assert f"Test: {ids[pairs[0][0]]}, 28 by 28" not in html(page)
    page.segmented_control(key="leakage_pairs_of").set_value("oversample").run()
    assert "The very same image" in html(page)


def test_without_any_sibling_the_lab_says_so(kaggle_folder, monkeypatch):
    folder = kaggle_folder(counts={"mel": 12, "nv": 12})  # classes of one size: nothing is repeated
    file = folder / data.METADATA_FILE
    head, *lines = file.read_text().splitlines()
    file.write_text(
        "\n".join(
            [head, *(f"LESION_{n:04d}," + line.split(",", 1)[1] for n, line in enumerate(lines))]
        )
    )
    monkeypatch.setenv("HAM_DATA", str(folder))
    page = open_lab()
    assert said(page).count("No test image shows a lesion that training has seen.") == 2
    assert "0 % of the test rows are exact copies" in said(page)
    assert "no lesion has several images, and none is repeated" in said(page)
    assert 'class="ham-pairs"' not in html(page)


def test_where_no_split_is_possible_the_reason_stands_in_its_place_and_nothing_can_be_trained(
    kaggle_folder, monkeypatch
):
    monkeypatch.setenv("HAM_DATA", str(kaggle_folder(counts={"nv": 2})))
    page = open_lab()
    assert said(page).count("too small for three parts") == 3
    assert "Mean of 5 random splits" not in said(page)
    assert 'class="ham-seen"' not in html(page)
    assert "can be split by none of the protocols" in said(page)
    assert not page.button


def test_where_one_split_is_impossible_the_others_are_measured(kaggle_folder, monkeypatch):
    monkeypatch.setenv("HAM_DATA", str(kaggle_folder(counts={"nv": 3, "df": 3})))
    page = open_lab()
    assert "too small for three parts by lesion" in said(page)
    page.button(key="leakage_open").click().run()
    page.button(key="leakage_start").click().run()
    assert [run.config.split for run in engine.queue()] == ["image", "oversample"]


def test_the_minutes_stand_before_the_click_that_starts_the_trainings(small_dataset, monkeypatch):
    page = open_lab()
    assert not engine.queue()
    page.button(key="leakage_open").click().run()
    assert "**3 trainings** · measuring how long that takes here" in said(page)
    # 10 s an epoch of 2 steps and 5 s to begin: 3 * 40 steps (2 * 20, 2 * 20, 6 * 7 = 42) of 5
    # s and 3 beginnings
    monkeypatch.setattr(engine, "estimate", lambda config, data: Estimate(10.0, 205.0, 10**9))
    assert "**3 trainings** · **about 10 min** here" in said(page.run())  # 122 * 5 + 15 = 625 s
    page.button(key="leakage_start").click().run()
    assert not page.exception
    assert [run.config.split for run in engine.queue()] == PROTOCOLS
    assert "leakage_start" not in [button.key for button in page.button]


def test_three_runs_of_each_are_nine_trainings_and_are_found_again_after_a_restart(small_dataset):
    page = open_lab()
    page.button(key="leakage_open").click().run()
    page.segmented_control(key="leakage_runs_each").set_value(3).run()
    assert "**9 trainings**" in said(page)
    page.button(key="leakage_start").click().run()
    assert sorted({run.config.seed for run in engine.queue()}) == [0, 1, 2]
    again = open_lab()  # a new session
    assert again.segmented_control(key="leakage_runs_each").value == 3
    assert said(again).count(": :gray[waits]") == 9


def test_what_trains_shows_its_progress_and_everything_can_be_cancelled(small_dataset):
    start(cells(small_dataset, PROTOCOLS, [0], store.list_runs()), small_dataset)
    first, *others = engine.queue()
    with store.claim(first):
        store.write_status(
            first, state="running", phase="training", epoch=2, steps=2, seconds_left=138.0
        )
        page = open_lab()
        assert [p.proto.text for p in page.get("progress")] == ["Epoch 3 of 20 · about 2 min left"]
        page.button(key="leakage_cancel").click().run()
        assert not page.exception
        assert store.cancel_requested(first)
        assert [store.read_run(run.id).state for run in others] == ["cancelled", "cancelled"]
        assert page.button(key="leakage_cancel").label == "Stopping"


def test_what_failed_says_why_and_is_taken_up_with_what_is_missing(small_dataset):
    invented(small_dataset, "lesion")
    run = waiting_run(lab_config("image", 0, small_dataset), small_dataset.record)
    store.write_status(
        run,
        state="failed",
        ended=time.time(),
        error={"what": "The training", "why": "ran out of memory.", "todo": "Try again."},
    )
    page = open_page("pages/dataset.py")
    assert "ran out of memory" in said(page)
    assert "What came out so far (1 of 3 trainings)" in said(page)
    button = page.button(key="leakage_start")
    assert button.label == "Train the 2 that are missing"
    button.click().run()
    assert {
        store.read_run(run.id).state,
        *(waiting.config.split for waiting in engine.queue()),
    } == {"queued", "image", "oversample"}


def test_a_full_disk_at_the_start_is_told_and_keeps_what_is_queued(small_dataset, monkeypatch):
    submit, calls = engine.submit, []

    def second_fails(config: TrainConfig, record: dict) -> Run:
        calls.append(config.split)
        if len(calls) == 2:
            raise StoreError("The run folder", "the disk is full.", "Free some space.")
        return submit(config, record)

    monkeypatch.setattr(engine, "submit", second_fails)
    page = open_lab()
    page.button(key="leakage_open").click().run()
    page.button(key="leakage_start").click().run()
    assert "the disk is full" in said(page)
    assert [run.config.split for run in engine.queue()] == ["lesion"]
    page.run()
    assert page.button(key="leakage_start").label == "Train the 2 that are missing"


def test_the_measured_gap_stands_with_its_interval_for_all_protocols(small_dataset):
    for protocol in PROTOCOLS:
        invented(small_dataset, protocol)
    page = open_page("pages/dataset.py")
    told = said(page)
    assert "**What came out**" in told
    assert told.count("- **By lesion**: ") == told.count("- **By image**: ") == 1
    assert "publishes a balanced accuracy of" in told
    assert "leakage_balanced_accuracy" in [figure.key for figure in page.get("plotly_chart")]
    table = page.table[0].value
    assert table["Split"].tolist() == [data.SPLIT_TITLES[protocol][0] for protocol in PROTOCOLS]
    assert table["Seen minus not seen"][1].startswith("+75\N{NO-BREAK SPACE}points (")
    assert table["Seen minus not seen"][1].endswith(" over 2 of 7 classes")
    assert EXPLANATION in [element.value for element in page.markdown]
    assert "leakage_start" not in [button.key for button in page.button]


def test_a_damaged_result_is_told_and_the_others_are_shown(small_dataset):
    for protocol in ("lesion", "image"):
        run = invented(small_dataset, protocol)
    (run.folder / "predictions.npz").write_bytes(b"no zip")
    page = open_page("pages/dataset.py")
    assert len(page.error) == 1
    assert "- **By lesion**: " in said(page)
    assert "- **By image**: " not in said(page)


@pytest.mark.parametrize("tagged", [True, False])
def test_the_page_has_one_timer_the_labs_for_its_own_runs_and_the_sidebars_for_others(
    small_dataset, tagged
):
    if tagged:
        start(cells(small_dataset, ["image"], [0], store.list_runs()), small_dataset)
    else:
        waiting_run(TrainConfig(), small_dataset.record)
    page = open_page("pages/dataset.py")
    in_sidebar = "\n".join(caption.value for caption in page.sidebar.caption)
    assert ("1 run waits" in in_sidebar) is not tagged
    assert ("By image, seed 0: :gray[waits]" in said(page)) is tagged
