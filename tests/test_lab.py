"""The leakage measurement without a page: what is trained, pooled, and said of it."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ham import data, engine, store
from ham.config import HamError, StoreError, TrainConfig
from ham.data import LeakageReport, make_split, open_dataset
from ham.engine import Estimate
from ham.evaluation import Interval, measure_leak
from ham.lab.leakage import (
    RUNS_EACH,
    TAG,
    Cell,
    ProtocolResult,
    TimeNeeded,
    answers_of,
    cancel,
    cells,
    class_table,
    control,
    different_versions,
    finding,
    lab_config,
    live_lab_runs,
    mean_report,
    measure,
    pairs,
    pairs_in_words,
    possible_protocols,
    recipe_in_words,
    reports,
    result_table,
    runs_before,
    seen_in_words,
    start,
    time_needed,
)
from tests.lab_runs import MEL, NV, PROTOCOLS, answers, invented
from tests.run_factory import edited_run, waiting_run


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No probe."""
    monkeypatch.setattr(engine, "estimate", lambda config, data: None)


# ----------------------------------------------------------------------------------- runs


def test_all_protocols_take_the_same_steps_and_differ_in_nothing_else(small_dataset):
    by_lesion, by_image, oversampled = (
        lab_config(protocol, 2, small_dataset) for protocol in PROTOCOLS
    )
    assert by_lesion.replace(split="image") == by_image
    # 150 images, 120 to train on, 2 batches of 64; 7 * 63 = 441 rows, 353 to train on, 6 batches
    assert (by_lesion.epochs, oversampled.epochs) == (20, round(20 * 2 / 6))
    assert oversampled.replace(split="lesion", epochs=20) == by_lesion
    assert by_lesion.seed == 2


def test_the_lab_finds_its_runs_by_settings_and_data(small_dataset, kaggle_folder):
    start(cells(small_dataset, PROTOCOLS, [0], store.list_runs()), small_dataset)
    assert [run.config.split for run in engine.queue()] == PROTOCOLS
    assert [run.title for run in engine.queue()] == [
        "Leakage lab: by lesion, seed 0",
        "Leakage lab: by image, seed 0",
        "Leakage lab: oversample, then split, seed 0",
    ]
    assert {run.notes.tags for run in engine.queue()} == {(TAG,)}
    found = cells(small_dataset, PROTOCOLS, [0, 1], store.list_runs())
    assert [cell.live for cell in found] == [True] * 3 + [False] * 3
    other = open_dataset(kaggle_folder(counts={"mel": 9, "nv": 30}))
    assert [cell.run for cell in cells(other, PROTOCOLS, [0], store.list_runs())] == [None] * 3
    assert live_lab_runs(store.list_runs())
    cancel(engine.queue())
    assert not live_lab_runs(store.list_runs())


def test_of_several_runs_of_one_training_the_finished_one_counts(small_dataset):
    done = invented(small_dataset, "image")
    waiting_run(lab_config("image", 0, small_dataset), small_dataset.record, now=time.time() + 60)
    assert cells(small_dataset, ["image"], [0], store.list_runs())[0].run.id == done.id


def test_a_training_of_the_same_settings_that_the_lab_did_not_start_counts_too(small_dataset):
    run = waiting_run(
        lab_config("lesion", 0, small_dataset).replace(recipe="improved"), small_dataset.record
    )
    waiting_run(TrainConfig(), small_dataset.record)
    assert [
        cell.run and cell.run.id for cell in cells(small_dataset, PROTOCOLS, [0], store.list_runs())
    ] == [
        run.id,
        None,
        None,
    ]
    assert not live_lab_runs(store.list_runs())  # it has no tag: the sidebar follows it


def test_starting_takes_up_what_did_not_finish_and_leaves_the_rest_alone(small_dataset):
    done = invented(small_dataset, "lesion")
    failed = waiting_run(lab_config("image", 0, small_dataset), small_dataset.record)
    store.write_status(
        failed,
        state="failed",
        epoch=3,
        ended=time.time(),
        error={"what": "The training", "why": "ran out of memory.", "todo": "Try again."},
    )
    start(cells(small_dataset, PROTOCOLS, [0], store.list_runs()), small_dataset)
    found = cells(small_dataset, PROTOCOLS, [0], store.list_runs())
    assert [cell.run.state for cell in found] == ["done", "queued", "queued"]
    assert [cell.run.id for cell in found[:2]] == [done.id, failed.id]


def test_cancelling_goes_on_where_one_has_ended_meanwhile(small_dataset):
    start(cells(small_dataset, PROTOCOLS, [0], store.list_runs()), small_dataset)
    first, second, third = engine.queue()
    store.write_status(first, state="done")
    cancel([first, second, third])
    assert [store.read_run(run.id).state for run in (second, third)] == ["cancelled", "cancelled"]


def test_the_answers_of_a_run_come_with_what_its_training_has_seen(small_dataset):
    run = invented(small_dataset, "image")
    found, seen = answers_of(run, small_dataset)
    split = make_split(small_dataset, "image")
    assert np.array_equal(found.lesions, small_dataset.groups[split.test])
    assert np.array_equal(seen, np.isin(found.lesions, small_dataset.groups[split.train]))
    assert 0 < seen.sum() < len(seen)


def test_a_run_that_another_version_split_is_refused(small_dataset):
    run = invented(small_dataset, "image")
    with pytest.raises(StoreError, match="another version of HAM Lab dealt them"):
        answers_of(edited_run(run, split={"fingerprint": "0" * 64}), small_dataset)
    (run.folder / "predictions.npz").write_bytes(b"no zip")
    with pytest.raises(HamError):
        answers_of(store.read_run(run.id), small_dataset)


def test_the_runs_of_several_seeds_are_pooled_and_compared_on_the_seeds_that_both_have(
    small_dataset,
):
    runs = [invented(small_dataset, "lesion", seed) for seed in (0, 1)] + [
        invented(small_dataset, "image", seed) for seed in (0, 1, 2)
    ]
    result = measure(runs, small_dataset)
    assert result.problems == ()
    by_lesion, by_image = result.protocols
    assert (by_lesion.seeds, by_image.seeds) == ((0, 1), (0, 1, 2))
    parts = [answers_of(run, small_dataset) for run in runs]
    assert by_image.leak.whole.n_images == sum(len(part) for part, _ in parts[2:])
    assert by_image.leak.seen.n_images == sum(seen.sum() for _, seen in parts[2:])
    assert by_image.leak.whole.n_lesions == len(
        set(np.concatenate([part.lesions for part, _ in parts[2:]]))
    )

    def right(pairs: list) -> float:
        return np.mean(
            np.concatenate([part.proba.argmax(axis=1) == part.y_true for part, _ in pairs])
        )

    assert by_image.above["accuracy"].value == pytest.approx(right(parts[2:4]) - right(parts[:2]))


def test_cells_say_how_they_stand(small_dataset):
    assert not Cell("image", 0, None).done
    assert Cell("image", 0, invented(small_dataset, "image")).done
    assert Cell("oversample", 1, None).title == "Oversample, then split, seed 1"
    assert Cell("oversample", 1, None).wanted
    assert not Cell("image", 0, invented(small_dataset, "image", seed=1)).wanted


def with_sources(folder: Path) -> Path:
    """The first 100 images are from graz, the others from wien."""
    file = folder / data.METADATA_FILE
    head, *lines = file.read_text().splitlines()
    clinics = [f"{line},{'graz' if n < 100 else 'wien'}" for n, line in enumerate(lines)]
    file.write_text("\n".join([f"{head},dataset", *clinics]))
    return folder


def test_data_with_sources_is_measured_by_the_same_three_protocols(kaggle_folder):
    dataset = open_dataset(with_sources(kaggle_folder()))
    assert "source" in data.available_splits(dataset)
    assert possible_protocols(dataset) == PROTOCOLS
    assert [*reports(dataset, [0])] == PROTOCOLS


def test_what_cannot_be_split_is_left_out_and_says_why(kaggle_folder):
    dataset = open_dataset(kaggle_folder(counts={"nv": 3, "df": 3}))
    assert possible_protocols(dataset) == ["image", "oversample"]
    found = reports(dataset, [0, 1])
    assert "too small for three parts by lesion" in found["lesion"]
    assert isinstance(found["image"], LeakageReport)


def test_steps_of_an_epoch_are_counted_by_hand(small_dataset, kaggle_folder):
    config = TrainConfig(batch_size=32)
    assert data.steps_an_epoch(config, small_dataset) == 4  # 120 of 150 images
    oversampled = config.replace(split="oversample")
    assert data.steps_an_epoch(oversampled, small_dataset) == 12  # 353 of 7 * 63 rows
    by_source = config.replace(split="source", fold=0)  # graz is the test: 45 of wien's 50
    assert data.steps_an_epoch(by_source, open_dataset(with_sources(kaggle_folder()))) == 2


def test_the_time_is_that_of_the_steps_left(small_dataset, monkeypatch):
    wanted = cells(small_dataset, PROTOCOLS, RUNS_EACH[1], store.list_runs())
    assert time_needed(wanted, small_dataset, store.list_runs()) == TimeNeeded(None, measuring=True)
    monkeypatch.setattr(engine, "estimate", lambda config, data: Estimate(problem="no memory."))
    assert time_needed(wanted, small_dataset, store.list_runs()) == TimeNeeded(None)
    # 10 s an epoch of 2 steps and 5 s to begin: 2 * 20 + 2 * 20 + 6 * 7 = 122 steps of 5 s, 3 * 5 s
    monkeypatch.setattr(engine, "estimate", lambda config, data: Estimate(10.0, 205.0, 10**9))
    assert time_needed(wanted, small_dataset, store.list_runs()).seconds == 625
    # as past runs took comes first
    monkeypatch.setattr(engine, "seconds_a_step", lambda config, runs: 0.5)
    assert time_needed(wanted, small_dataset, store.list_runs()).seconds == 61
    run = waiting_run(lab_config("image", 0, small_dataset), small_dataset.record)
    store.write_status(run, state="cancelled", epoch=3)
    resumed = cells(small_dataset, PROTOCOLS, RUNS_EACH[1], store.list_runs())
    assert time_needed(resumed, small_dataset, store.list_runs()).seconds == 61 - 3 * 2 * 0.5


def test_runs_before_are_those_that_the_queue_takes_first(small_dataset):
    first = engine.submit(TrainConfig(), small_dataset.record)
    start(cells(small_dataset, ["lesion", "image"], [0], store.list_runs()), small_dataset)
    runs = store.find_runs().runs
    own = [run.id for run in live_lab_runs(store.list_runs())]
    assert runs_before(own, runs) == 1
    assert runs_before(own[1:], runs) == 2
    assert runs_before([first.id], runs) == 0
    assert runs_before(["none"], runs) == 0
    with store.claim(store.read_run(own[1])):
        store.write_status(store.read_run(own[1]), state="running")
        assert runs_before(own[1:], store.find_runs().runs) == 0  # what trains comes first


def test_a_damaged_result_is_a_problem_and_the_others_are_measured(small_dataset):
    by_lesion, by_image = (invented(small_dataset, name) for name in ("lesion", "image"))
    (by_image.folder / "predictions.npz").write_bytes(b"no zip")
    result = measure([by_lesion, by_image], small_dataset)
    assert [one.protocol for one in result.protocols] == ["lesion"]
    assert len(result.problems) == 1
    assert by_image.id in str(result.problems[0])


# -------------------------------------------------------------------------------- shares


def test_a_sentence_names_the_share_that_matters():
    report = LeakageReport(100, 10, sibling=0.384, sibling_mel=0.68, copies=0.86)
    assert seen_in_words("image", report) == (
        "38 % of the test images and 68 % of the melanoma images show a lesion that training has "
        "seen."
    )
    assert seen_in_words("oversample", report) == (
        "86 % of the test rows are exact copies of training rows."
    )
    no_melanoma = LeakageReport(100, 0, 0.5, math.nan, 0.0)
    assert seen_in_words("image", no_melanoma) == (
        "50 % of the test images show a lesion that training has seen."
    )
    clean = LeakageReport(100, 10, 0.0, 0.0, 0.0)
    assert seen_in_words("lesion", clean) == (
        "No test image shows a lesion that training has seen."
    )


def test_the_mean_of_a_share_is_over_the_splits_that_have_it():
    found = mean_report(
        [LeakageReport(10, 2, 0.4, 0.5, 0.1), LeakageReport(20, 0, 0.2, math.nan, 0.3)]
    )
    assert (found.n_test, found.sibling_mel) == (15, 0.5)
    assert found.sibling == pytest.approx(0.3)
    assert math.isnan(found.copies_mel)


def test_pairs_are_told_by_what_they_are():
    siblings, copies = np.array([[1, 2], [3, 4]]), np.array([[5, 5], [6, 6]])
    assert pairs_in_words(siblings) == (
        "2 test images have another photograph of their lesion in training"
    )
    assert pairs_in_words(copies) == "2 different test images are in training themselves"
    assert pairs_in_words(np.concatenate([copies, siblings])) == (
        "2 different test images are in training themselves, 2 more have another photograph of "
        "their lesion there"
    )


def test_pairs_are_those_of_the_splits_that_can_be_made(small_dataset, kaggle_folder):
    found = pairs(small_dataset, 0)
    assert [*found] == PROTOCOLS
    assert not len(found["lesion"])
    assert np.array_equal(found["image"], data.pairs_across(make_split(small_dataset, "image")))
    few = open_dataset(kaggle_folder(counts={"nv": 3, "df": 3}))
    assert [*pairs(few, 0)] == ["image", "oversample"]


# --------------------------------------------------------------------------------- words


RIGHT = [MEL, NV] * 50
HALF = [MEL, NV, NV, MEL] * 25
FIRST_HALF = [True] * 100 + [False] * 100


def of_protocol(
    protocol: str,
    y_true: list[int],
    answered: list[int],
    seen: list[bool],
    above: Interval | None = None,
) -> ProtocolResult:
    """Every image of a lesion of its own."""
    found = answers(y_true, answered, range(len(y_true)))
    leak = measure_leak(found, np.array(seen), resamples=200)
    return ProtocolResult(protocol, (0,), leak, {"balanced_accuracy": above} if above else None)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Without the spaces that keep a score on one line."""
    return table.map(lambda words: words.replace("\N{NO-BREAK SPACE}", " "))


def row(one: ProtocolResult) -> dict[str, str]:
    return plain(result_table([one])).iloc[0].to_dict()


def test_the_clean_protocol_says_that_its_lesions_are_new():
    one = of_protocol("lesion", [MEL, NV] * 20, [MEL, NV] * 20, [False] * 40)
    assert finding(one) == (
        "**By lesion**: training has seen no test lesion, so the score is for new lesions."
    )
    assert row(one) == {
        "Split": "By lesion",
        "Published": "100 % (89 to 100)",
        "Lesion seen": "–",
        "Lesion not seen": "100 % (89 to 100)",
        "Seen minus not seen": "–",
        "Published minus by lesion": "–",
        "Images": "40 (0 seen)",
    }


def test_a_gap_beyond_chance_and_one_within_are_told_apart():
    above = Interval(0.1, -0.02, 0.2)
    sure = of_protocol("image", RIGHT * 2, RIGHT + HALF, FIRST_HALF, above)
    assert finding(sure) == (
        "**By image**: the model scores higher on lesions that training has seen, more than chance "
        "explains."
    )
    cells_of = row(sure)
    assert cells_of["Published minus by lesion"] == "+10 points (−2 to +20)"
    assert cells_of["Lesion seen"] == "100.0 % (95.0 to 100.0)"
    assert cells_of["Lesion not seen"].startswith("50 % (")
    assert cells_of["Seen minus not seen"].startswith("+50 points (+")
    assert cells_of["Images"] == "200 (100 seen)"
    none = of_protocol("image", RIGHT * 2, HALF * 2, FIRST_HALF)
    assert finding(none) == (
        "**By image**: no clear difference between seen and new lesions: the interval of the gap "
        "includes zero."
    )
    assert row(none)["Seen minus not seen"].startswith("0 points (−")


def test_a_gap_the_other_way_and_one_of_too_few_lesions_are_told():
    lower = of_protocol("image", RIGHT * 2, HALF + RIGHT, FIRST_HALF)
    assert "scores lower on lesions that training has seen, more than chance" in finding(lower)
    few = of_protocol("image", [NV, NV], [NV, MEL], [True, False])
    assert "too few lesions to tell a gap from chance" in finding(few)
    assert row(few)["Seen minus not seen"] == "+100 points"


def test_where_classes_are_missing_on_one_side_no_gap_over_all_of_them_is_claimed():
    y_true = [MEL, NV, NV, NV] * 10
    one = of_protocol("oversample", y_true, y_true, [True, True, False, False] * 10)
    assert finding(one) == (
        "**Oversample, then split**: seen and new lesions can be compared in 1 of 2 classes only, "
        "so the score on new lesions is unknown."
    )
    assert not one.whole_gap
    found = row(one)
    assert found["Lesion not seen"].endswith(" over 1 of 2 classes")
    assert found["Seen minus not seen"].endswith(" over 1 of 2 classes")
    assert "over" not in found["Lesion seen"] + found["Published"]
    assert found["Images"] == "40 (20 seen)"
    apart = row(of_protocol("image", [MEL, NV], [MEL, NV], [True, False]))  # no class on both sides
    assert apart["Seen minus not seen"] == "–"


def test_where_training_has_seen_every_test_lesion_the_score_says_nothing_about_new_ones():
    one = of_protocol("oversample", [MEL, NV], [MEL, NV], [True, True])
    assert finding(one) == (
        "**Oversample, then split**: training has seen the lesion of every test image, so the "
        "score says nothing about new lesions."
    )
    assert row(one)["Lesion not seen"] == row(one)["Seen minus not seen"] == "–"
    clean = of_protocol("image", [MEL, NV], [MEL, NV], [False, False])
    assert "training has seen no test lesion" in finding(clean)


def test_the_table_has_a_row_a_protocol():
    found = [of_protocol(name, [MEL, NV], [MEL, NV], [True, False]) for name in PROTOCOLS]
    assert result_table(found)["Split"].tolist() == [data.SPLIT_TITLES[p][0] for p in PROTOCOLS]


def test_recalls_stand_by_class_with_the_images_they_rest_on():
    leak = of_protocol("image", [MEL, MEL, NV, NV], [MEL, NV, NV, NV], [True, False] * 2).leak
    by_class = plain(class_table(leak)).set_index("Class")
    assert by_class.index.tolist() == ["Melanoma (mel)", "Melanocytic nevus (nv)"]
    first = by_class.iloc[0]
    assert (first["Lesion seen"], first["Images"]) == ("100 %", "1")
    assert (first["Lesion not seen"], first["Images "]) == ("0 %", "1")
    assert first["Seen minus not seen"] == "+100 points"
    one_side = of_protocol("image", [MEL, NV, NV], [MEL, NV, NV], [True, True, False]).leak
    assert class_table(one_side)["Lesion not seen"].tolist()[0] == "–"
    all_seen = plain(class_table(of_protocol("image", [MEL, NV], [MEL, NV], [True, True]).leak))
    assert all_seen["Lesion not seen"].tolist() == ["–", "–"]
    assert all_seen["Images "].tolist() == ["0", "0"]
    assert all_seen["Seen minus not seen"].tolist() == ["–", "–"]


def test_the_control_compares_lesions_of_one_and_of_several_photographs():
    found = answers([NV] * 8, [NV] * 6 + [MEL] * 2, range(8))
    several = measure_leak(found, np.array([True] * 4 + [False] * 4), 100)
    by_lesion = of_protocol("lesion", [NV] * 8, [NV] * 8, [False] * 8)
    assert control([by_lesion]) == ""
    words = control([dataclasses.replace(by_lesion, several=several)])
    assert "several photographs score 100 % (51 to 100), n = 4," in words
    assert "those with one 50 % (" in words
    assert ": +50 points (" in words
    two_classes = of_protocol("lesion", [MEL, NV], [MEL, NV], [False] * 2)
    assert control([dataclasses.replace(two_classes, several=several)]) == ""


def test_what_is_trained_stands_in_a_sentence(small_dataset):
    words = recipe_in_words(PROTOCOLS, small_dataset)
    assert "20 epochs (7 where rows are repeated, which makes as many steps)" in words
    assert "batches of 64, 10 % of the images for the test and 10 % to choose" in words
    assert "repeated" not in recipe_in_words(["lesion", "image"], small_dataset)


def test_runs_of_different_versions_are_told(small_dataset):
    runs = [invented(small_dataset, name) for name in ("lesion", "image")]
    same = [Cell(run.config.split, 0, run) for run in runs]
    assert not different_versions(same)
    other = edited_run(runs[1], code_version="0.0.1")
    assert different_versions([same[0], Cell("image", 0, other)])


def test_a_score_in_a_table_is_broken_before_its_interval_only():
    one = of_protocol(
        "image", [MEL, NV, NV, NV] * 10, [MEL, NV] * 20, [True, True, False, False] * 10
    )
    found = result_table([one]).iloc[0]
    assert found["Published"].count(" ") == 1
    assert " (" in found["Published"]
    assert found["Lesion not seen"].endswith(" over 1 of 2 classes")
    assert class_table(one.leak)["Lesion seen"][0].startswith("100\N{NO-BREAK SPACE}%")
