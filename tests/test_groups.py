"""Runs that differ in seed or fold alone: mean and spread, differences of two groups, one pool."""

from __future__ import annotations

import json
import math
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from ham import report, store
from ham.charts.groups import group_scores
from ham.config import TrainConfig
from ham.evaluation import SCORES, compare, corrected_t_test, evaluate, spread
from ham.report import (
    CORRECTED,
    PAIRED,
    Group,
    Member,
    NotComparable,
    NotPooled,
    RunName,
    compare_groups,
    find_groups,
    pool,
    shipped_groups,
)
from ham.store import Predictions, Run, read_predictions
from tests.run_factory import DATA, edited_run, evaluation_of, finished_run

A, B = RunName("A", "one"), RunName("B", "two")


# ---------------------------------------------------------------------------- numbers


def test_mean_and_spread_are_those_of_pandas() -> None:
    values = np.array([0.71, 0.735, math.nan, 0.698, 0.72])
    found, series = spread(values), pd.Series(values)
    assert found.n == series.count() == 4
    assert (found.mean, found.sd) == pytest.approx((series.mean(), series.std()), abs=1e-12)
    assert (found.low, found.high) == (series.min(), series.max())
    assert spread(np.array([0.5])).n == 1
    assert math.isnan(spread(np.array([0.5])).sd)
    assert spread(np.array([math.nan])).n == 0


def test_without_a_correction_it_is_the_paired_t_test_of_statsmodels() -> None:
    from statsmodels.stats.weightstats import DescrStatsW

    differences = np.array([0.021, -0.004, 0.013, 0.009, 0.017])
    found, theirs = corrected_t_test(differences, 0.0), DescrStatsW(differences)
    low, high = theirs.tconfint_mean()
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=1e-12)
    assert found.p == pytest.approx(theirs.ttest_mean(0)[1], abs=1e-12)


def test_the_corrected_test_by_hand() -> None:
    """Five folds, test a quarter of training: s = 0.02, error = 0.02 sqrt(1/5 + 1/4) = 0.01342.

    Mean 0.03, t = 2.236 with 4 degrees of freedom: p 0.089, against 0.0285 without the correction;
    t(4) at 0.975 is 2.776.
    """
    step = 0.02 * math.sqrt(4 / 10)  # of -2 ... 2, whose squares sum to 10
    differences = 0.03 + step * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    found = corrected_t_test(differences, 0.25)
    half = 2.7764451 * 0.02 * math.sqrt(0.45)
    assert found.n == 5
    assert found.difference.value == pytest.approx(0.03)
    assert found.difference.low == pytest.approx(0.03 - half, abs=1e-8)
    assert found.difference.high == pytest.approx(0.03 + half, abs=1e-8)
    assert found.p == pytest.approx(0.0890, abs=5e-5)
    assert corrected_t_test(differences, 0.0).p == pytest.approx(0.0285, abs=5e-5)


def test_one_pair_and_pairs_that_agree_have_no_interval() -> None:
    for differences in ([0.1], [0.1, 0.1, 0.1], [0.2, math.nan]):
        found = corrected_t_test(np.array(differences), 0.25)
        assert found.difference.value == pytest.approx(differences[0])
        assert not found.difference.has_width
        assert math.isnan(found.p)


# ----------------------------------------------------------------------------- groups

IMAGES = 40


def fold_run(fold: int, seed: int = 0, skill: float = 2.0, model: str = "cnn", **more) -> Run:
    """Tested on every fifth of 40 images, two a lesion; the surer the more skill."""
    rows = np.arange(IMAGES)[fold::5]
    rng = np.random.default_rng(int(100 * skill) + fold)
    y_true = rows // 2 % 7
    logits = rng.normal(size=(len(rows), 7))
    logits[np.arange(len(rows)), y_true] += skill
    proba = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    test = Predictions(np.array([f"I{row}" for row in rows]), rows // 2, y_true, proba)
    config = TrainConfig().replace(model=model, fold=fold, seed=seed, test_fraction=0.2)
    split = {"test_fingerprint": f"{seed} {fold}", "n_train": 28, "n_test": 8}
    return finished_run(config, test, data=DATA | {"n_images": IMAGES}, split=split, **more)


@pytest.fixture
def folds() -> list[Run]:
    return [fold_run(fold) for fold in range(5)]


def test_runs_that_differ_in_fold_or_seed_alone_are_a_group(folds) -> None:
    other = fold_run(0, model="lstm")
    seeds = [fold_run(0, seed, model="resnet") for seed in (1, 2)]
    by_title = {group.title: group for group in find_groups([*folds, other, *seeds])}
    assert set(by_title) == {"CNN, as described, 5 folds", "ResNet, as described, 2 seeds"}
    group = by_title["CNN, as described, 5 folds"]
    assert [member.config.fold for member in group.members] == [0, 1, 2, 3, 4]
    expected = [(run.scores or {})["accuracy"].value for run in folds]
    assert group.values("accuracy").tolist() == expected
    assert group.spreads["accuracy"].mean == pytest.approx(pd.Series(expected).mean())
    assert group.test_parts == 5


def test_other_settings_data_or_unfinished_runs_are_no_members(folds) -> None:
    elsewhere = edited_run(fold_run(1), data={"fingerprint": "other"})
    later = edited_run(fold_run(2), training_version=7)
    stopped = store.write_status(fold_run(3), state="cancelled")
    slower = finished_run(TrainConfig(fold=4, test_fraction=0.2, learning_rate=0.1))
    assert find_groups([folds[0], elsewhere, later, stopped, slower]) == []


def test_of_a_repeated_training_the_newest_counts_and_its_group_keeps_its_name(folds) -> None:
    [before] = find_groups(folds)
    again = fold_run(0, now=folds[0].status.created + 1000)
    [after] = find_groups([*folds, again])
    assert (before.id, before.title) == (after.id, after.title)
    assert after.runs[0].id == again.id
    assert len(after.members) == 5


def test_a_tag_makes_a_group_of_any_runs_but_no_second_one_of_the_same(folds) -> None:
    mixed = [
        store.write_notes(run, tags=("Mine", "all"))
        for run in (folds[0], fold_run(0, model="lstm"))
    ]
    tagged = [store.write_notes(run, tags=("all",)) for run in folds[1:]]
    found = find_groups([*mixed, *tagged])
    assert [group.tag for group in found if group.tag] == ["mine", "all"]
    assert next(g for g in found if g.tag == "all").title == "Tag all, 6 runs"
    same = [store.write_notes(run, tags=("only",)) for run in folds]
    assert [group.tag for group in find_groups(same)] == [""]


def test_a_score_that_a_record_lacks_is_computed(folds) -> None:
    evaluation = evaluation_of(read_predictions(folds[0])["test"])
    del evaluation["scores"]["macro_auc"]
    old = edited_run(folds[0], evaluation={"scores": evaluation["scores"]})
    test = read_predictions(old)["test"]
    expected = evaluate(test.y_true, test.proba, test.lesion).scores["macro_auc"].value
    [group] = find_groups([old, *folds[1:]])
    assert group.members[0].scores["macro_auc"] == pytest.approx(expected, nan_ok=True)


# ----------------------------------------------------------------------------- pooled


def test_folds_that_cover_the_data_are_one_pool_with_every_image_once(folds) -> None:
    [group] = find_groups(folds)
    found = pool(group)
    assert (found.n_images, found.covers) == (IMAGES, True)
    parts = [read_predictions(run)["test"] for run in group.runs]
    y_true, proba = (np.concatenate([getattr(p, n) for p in parts]) for n in ("y_true", "proba"))
    right = proba.argmax(axis=1) == y_true
    assert found.evaluation.scores["accuracy"].value == pytest.approx(right.mean())
    [some] = find_groups(folds[:4])
    assert not pool(some).covers


def test_seeds_and_numbers_alone_are_not_pooled(folds) -> None:
    [seeds] = find_groups([fold_run(0), fold_run(0, seed=1)])
    with pytest.raises(NotPooled, match="not the folds of one seed"):
        pool(seeds)
    with pytest.raises(NotPooled, match="only its numbers"):
        pool(shipped_groups()[0])
    config = TrainConfig(split="source", fold=1)
    twice = [finished_run(TrainConfig(split="source")), finished_run(config)]
    [overlapping] = find_groups(twice)
    with pytest.raises(NotPooled, match="in the test part of several"):
        pool(overlapping)


# ------------------------------------------------------------------------- differences


def test_folds_are_compared_by_the_corrected_test_and_by_their_images(folds) -> None:
    better = [fold_run(fold, skill=4.0, model="lstm") for fold in range(5)]
    [theirs], [ours] = find_groups(folds), find_groups(better)
    found = compare_groups(ours, theirs)
    differences = ours.values("accuracy") - theirs.values("accuracy")
    assert (found.pairs, found.method) == (5, CORRECTED)
    assert found.scores["accuracy"] == corrected_t_test(differences, 8 / 28)
    parts = [
        tuple(read_predictions(run)["test"] for run in pair)
        for pair in zip(ours.runs, theirs.runs, strict=True)
    ]
    pooled = compare(
        np.concatenate([a.y_true for a, _ in parts]),
        np.concatenate([a.proba for a, _ in parts]),
        np.concatenate([b.proba for _, b in parts]),
        np.concatenate([a.lesion for a, _ in parts]),
    )
    for score in SCORES:
        assert found.pooled[score].value == pytest.approx(pooled[score].value, abs=1e-12)
    words = report.group_difference_in_words("B", "A", found, "accuracy")
    assert words.startswith("B minus A: accuracy +")
    assert "over 5 pairs" in words


def test_seeds_on_one_test_part_have_the_paired_test_which_tells_of_trainings_only() -> None:
    def seeds(model: str, *accuracies: float) -> Group:
        members = tuple(
            Member(TrainConfig(model=model, seed=seed), {"accuracy": value}, "same", 80, 20)
            for seed, value in enumerate(accuracies)
        )
        return Group(model, model.upper(), members)

    found = compare_groups(seeds("cnn", 0.7, 0.8, 0.72), seeds("lstm", 0.6, 0.72, 0.65))
    assert found.method == PAIRED
    assert found.scores["accuracy"] == corrected_t_test(np.array([0.1, 0.08, 0.07]), 0.0)
    assert found.sure("accuracy")
    assert found.pooled == {}
    assert "only the numbers are here" in found.not_pooled
    words = report.group_difference_in_words("A", "B", found, "macro_auc")
    assert "share 0 trainings with this score" in words
    same = compare_groups(seeds("cnn", 0.7, 0.8), seeds("lstm", 0.6, 0.7))
    assert "by the same in all 2 pairs" in report.group_difference_in_words(
        "A", "B", same, "accuracy"
    )


def test_what_has_no_pair_is_refused_in_words(folds) -> None:
    [group] = find_groups(folds)
    [other] = find_groups([fold_run(0, seed, model="lstm") for seed in (8, 9)])
    with pytest.raises(NotComparable, match="share no seed and fold"):
        compare_groups(other, group)
    with pytest.raises(NotComparable, match="tested on different images"):
        compare_groups(group, shipped_groups()[0])
    tagged = [
        store.write_notes(run, tags=("t",)) for run in (fold_run(0), fold_run(0, model="lstm"))
    ]
    [of_tag] = find_groups(tagged)
    with pytest.raises(NotComparable, match="one seed and fold"):
        compare_groups(of_tag, group)


# ------------------------------------------------------------------------------- ships


def test_the_cross_validation_that_ships_is_nine_groups_of_five_folds() -> None:
    found = {group.id: group for group in shipped_groups()}
    assert len(found) == 9
    assert {len(group.members) for group in found.values()} == {5}
    cnn, lstm = found["ships-cnn-described"], found["ships-lstm-described"]
    best = found["ships-resnet-improved"]
    assert cnn.title == "CNN, as described, 5 folds (ships with HAM Lab)"
    assert sum(member.n_test for member in cnn.members) == 10_015
    difference = compare_groups(best, lstm)
    assert (difference.pairs, difference.method) == (5, CORRECTED)
    assert difference.sure("balanced_accuracy")


def test_the_folds_that_ship_say_what_the_stored_results_say() -> None:
    from benchmarks.accuracy import CELLS, FOLDS, read

    shipped = {(fold.cell, fold.config.fold): fold for fold in store.shipped_folds()}
    assert len(shipped) == len(CELLS) * FOLDS
    for cell in CELLS:
        for fold in range(FOLDS):
            stored, one = read(cell, fold), shipped[cell.name, fold]
            views = one.config.test_time_augmentation
            assert one.scores == stored["views"][views]["scores"]
            assert one.config.fingerprint == stored["config_fingerprint"]
            assert one.test_fingerprint == stored["test_fingerprint"]
            assert one.n_test == stored["n_test"]


def test_damaged_folds_that_ship_are_left_out_and_logged(monkeypatch, tmp_path, caplog) -> None:
    (tmp_path / "folds.json").write_text('{"folds": [{"cell": "x"}]}')
    monkeypatch.setattr(store.folds, "reference_folder", lambda: tmp_path)
    assert store.shipped_folds() == ()
    assert "is left out" in caplog.text


# --------------------------------------------------------------------------- documents


def test_tables_csv_and_json_hold_the_same_numbers(folds) -> None:
    [group] = find_groups(folds)
    table = report.spread_table({A: group, B: shipped_groups()[0]})
    found = group.spreads["accuracy"]
    words = f"{100 * found.mean:.1f} ± {100 * found.sd:.1f}"
    assert table["A · one"]["Accuracy, %"].replace("\N{NO-BREAK SPACE}", " ").startswith(words)
    assert table["A · one"]["Runs"] == "5"
    csv = pd.read_csv(StringIO(report.members_csv({A: group})))
    assert csv["accuracy"].tolist() == pytest.approx(group.values("accuracy").tolist())
    assert csv["run"].tolist() == [run.id for run in group.runs]
    better = [fold_run(fold, skill=4.0, model="lstm") for fold in range(5)]
    [other] = find_groups(better)
    difference = compare_groups(other, group)
    answers = pool(group).answers
    pooled = evaluate(answers.y_true, answers.proba, answers.lesion, resamples=20)
    document = report.groups_document([group, other], {other.id: difference}, {group.id: pooled})
    json.dumps(document, allow_nan=False)
    first, second = document["groups"]
    assert document["schema"] == "ham-lab groups 1"
    assert first["scores"]["accuracy"]["mean"] == pytest.approx(found.mean)
    assert first["pooled"]["n_images"] == IMAGES
    assert (first["difference"], second["difference"]["pairs"]) == (None, 5)
    assert second["difference"]["method"] == CORRECTED
    paired = report.paired_table(A, {B: difference})
    assert list(paired.columns) == ["B minus A, over 5 pairs", "B minus A, pooled images"]


# ------------------------------------------------------------------------------ doubts


def doubted_run(fold: int) -> Run:
    """Folds of 100 images whose models are sure and correct, but for two images of melanoma that
    they are sure are nevi.
    """
    rows = np.arange(100)[fold::5]
    y_true = rows // 5 % 7
    answer = np.where(np.isin(rows, [0, 1]), 3, y_true)  # rows 0 to 4 are melanomas
    proba = np.full((len(rows), 7), 0.01, np.float32)
    proba[np.arange(len(rows)), answer] = 0.94
    test = Predictions(np.array([f"I{row}" for row in rows]), rows, y_true, proba)
    config = TrainConfig(fold=fold, test_fraction=0.2)
    split = {"test_fingerprint": f"d {fold}", "n_train": 70, "n_test": 20}
    return finished_run(config, test, data=DATA | {"n_images": 100}, split=split)


def test_labels_that_the_folds_contradict_are_listed_with_both_probabilities() -> None:
    [group] = find_groups([doubted_run(fold) for fold in range(5)])
    found = report.doubtful_labels(group)
    assert sorted(found["image_id"]) == ["I0", "I1"]
    assert set(found["label"]) == {"mel"}
    assert set(found["answer"]) == {"nv"}
    assert found["p_label"].tolist() == pytest.approx([0.01, 0.01])
    assert found["p_answer"].tolist() == pytest.approx([0.94, 0.94])


def test_folds_that_agree_with_every_label_doubt_none(folds) -> None:
    sure = [fold_run(fold, skill=40.0) for fold in range(5)]
    [group] = find_groups(sure)
    assert report.doubtful_labels(group).empty
    with pytest.raises(NotPooled):
        report.doubtful_labels(shipped_groups()[0])


def test_folds_that_ship_without_a_newer_score_have_a_dash_there_and_nothing_fails() -> None:
    groups = {
        RunName(letter, group.title): group
        for letter, group in zip("AB", report.shipped_groups(), strict=False)
    }
    first, second = groups.values()
    assert (first.spreads["accuracy"].n, first.spreads["brier"].n) == (5, 0)
    table = report.spread_table(groups)
    assert set(table.loc["Brier score"]) == set(table.loc["Log loss"]) == {"–"}
    difference = report.compare_groups(second, first)
    assert difference.scores["log_loss"].n == 0
    assert "share 0 trainings" in report.group_difference_in_words("B", "A", difference, "brier")
    document = report.groups_document([first, second], {second.id: difference}, {})
    assert document["groups"][0]["members"][0]["brier"] is None
    figure = group_scores(groups, "log_loss")
    assert "before this score was computed" in figure.layout.annotations[0].text


def test_of_a_score_that_is_better_low_the_lowest_mean_is_named() -> None:
    config = TrainConfig()
    groups = {
        RunName(letter, letter): report.Group(
            letter,
            letter,
            tuple(
                report.Member(config.replace(seed=seed), {"brier": value}, "t", 1, 1)
                for seed in (0, 1)
            ),
        )
        for letter, value in (("A", 0.3), ("B", 0.2))
    }
    assert "Mean Brier score is lowest for B" in group_scores(groups, "brier").layout.title.text
