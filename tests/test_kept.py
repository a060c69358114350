"""Scores that are kept on disk: found again by content alone, made again where damaged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ham import io, report, store
from ham.evaluation import (
    Evaluation,
    Interval,
    compare,
    evaluate,
    evaluate_scores,
    majority_baseline,
)
from ham.report import Comparison, RunReport, comparison, kept, run_report
from tests.damage import damaged, json_entry
from tests.run_factory import edited_run, finished_run

N = 60


def answers(seed: int, lesion: np.ndarray | None = None) -> store.Predictions:
    """On the same images, whatever the seed."""
    images, model = np.random.default_rng(0), np.random.default_rng(seed)
    y_true = images.integers(0, 5, N)  # two classes are absent: some scores are NaN
    proba = model.dirichlet(np.ones(7), N).astype(np.float32)
    proba[np.arange(N), y_true] += 0.3
    proba /= proba.sum(axis=1, keepdims=True)
    names = np.array([f"image {i}" for i in range(N)])
    return store.Predictions(names, np.arange(N) // 2 if lesion is None else lesion, y_true, proba)


@pytest.fixture
def runs() -> list[store.Run]:
    return [finished_run(test=answers(seed), now=seed) for seed in (1, 2)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was computed, in order."""
    found: list[str] = []
    for module, one in (
        (comparison, compare),
        (run_report, evaluate),
        (run_report, evaluate_scores),
        (run_report, majority_baseline),
    ):

        def counted(*arguments: object, one=one) -> object:
            found.append(one.__name__)
            return one(*arguments)

        monkeypatch.setattr(module, one.__name__, counted)
    return found


def looked_at(runs: list[store.Run]) -> tuple[dict[str, Interval], Evaluation]:
    """As by a server that was started anew."""
    names = report.run_names(runs, {run.id: run.title for run in runs})
    compared = Comparison(names, [RunReport(run) for run in runs])
    [difference], [majority] = compared.differences.values(), compared.baselines.values()
    return difference.scores, majority


def rows(scores: dict[str, Interval]) -> list[tuple[float, float, float]]:
    return [(one.value, one.low, one.high) for one in scores.values()]


def files(home: Path) -> list[Path]:
    return sorted((home / "cache" / "intervals").iterdir())


def same(ours: Evaluation, theirs: Evaluation) -> None:
    assert (ours.n_images, ours.n_lesions) == (theirs.n_images, theirs.n_lesions)
    assert ours.scores.keys() == theirs.scores.keys()
    np.testing.assert_array_equal(rows(ours.scores), rows(theirs.scores))
    pd.testing.assert_frame_equal(ours.per_class, theirs.per_class)
    np.testing.assert_array_equal(ours.confusion, theirs.confusion)


def test_after_a_restart_nothing_is_drawn_again_and_every_digit_is_the_same(runs, drawn, ham_home):
    scores, majority = looked_at(runs)
    assert drawn == ["compare", "majority_baseline"]
    assert len(files(ham_home)) == 2
    again, same_majority = looked_at(runs)
    assert len(drawn) == 2
    assert again.keys() == scores.keys()
    np.testing.assert_array_equal(rows(again), rows(scores))  # NaN where it was
    same(same_majority, majority)


def test_an_evaluation_that_the_record_lacks_is_kept_too(runs, drawn):
    scores = io.read_json(runs[0].folder / "config.json")["evaluation"]["scores"]
    del scores["macro_auc"]
    run = edited_run(runs[0], evaluation={"scores": scores})
    test = store.read_predictions(run)["test"]
    for _ in range(2):
        same(RunReport(run).evaluation, evaluate(test.y_true, test.proba, test.lesion))
    assert drawn == ["evaluate_scores"]


def test_other_answers_other_lesions_and_other_draws_are_other_scores(runs, drawn, monkeypatch):
    looked_at(runs)
    others = [finished_run(test=answers(seed), now=10 + seed) for seed in (1, 3)]
    looked_at(others)
    assert drawn == ["compare", "majority_baseline", "compare"]  # the images are the same
    apart = [finished_run(test=answers(seed, np.arange(N)), now=20 + seed) for seed in (1, 2)]
    looked_at(apart)
    assert drawn[3:] == ["compare", "majority_baseline"]
    monkeypatch.setattr("ham.evaluation.intervals.RESAMPLES", 21)
    looked_at(runs)
    assert drawn[5:] == ["compare", "majority_baseline"]
    monkeypatch.setattr("ham.evaluation.version._code", lambda: "other code")
    looked_at(runs)
    assert drawn[7:] == ["compare", "majority_baseline"]


def test_names_of_lesions_tell_only_which_are_equal(ham_home):
    made = []

    def make() -> dict[str, Interval]:
        made.append(1)
        return {"accuracy": Interval(0.5, 0.4, 0.6)}

    for names in (["a", "b", "a"], ["x", "y", "x"], ["a", "b", "c"]):
        for kind in (object, str):
            kept.kept_intervals(make, "test", np.array(names, kind))
    assert len(made) == len(files(ham_home)) == 2


def test_a_damaged_file_is_made_again(runs, drawn, ham_home, caplog):
    scores, majority = looked_at(runs)
    for file in files(ham_home):
        whole = file.read_bytes()
        for content in damaged(whole, 40, 0, json_entry, json_entry):
            file.write_bytes(content)
            again, same_majority = looked_at(runs)
            np.testing.assert_array_equal(rows(again), rows(scores))
            same(same_majority, majority)
    assert len(drawn) > 70  # of 82: some are damaged where it does not matter
    assert "What drawing lesions gave" in caplog.text


def test_a_single_changed_digit_is_seen(runs, drawn, ham_home):
    scores, _ = looked_at(runs)
    for file in files(ham_home):
        content = json.loads(file.read_text())
        some = content["kept"].get("scores", content["kept"])["accuracy"]
        some["value"] += 0.001
        file.write_text(json.dumps(content))
    np.testing.assert_array_equal(rows(looked_at(runs)[0]), rows(scores))
    assert len(drawn) == 4


def test_where_nothing_can_be_kept_it_costs_nothing_but_time(runs, drawn, ham_home):
    (ham_home / "cache").mkdir(parents=True)
    (ham_home / "cache" / "intervals").write_text("a file where the folder should be")
    first, second = (looked_at(runs) for _ in range(2))
    np.testing.assert_array_equal(rows(first[0]), rows(second[0]))
    assert len(drawn) == 4


def test_of_many_those_asked_for_longest_ago_go(ham_home, monkeypatch):
    monkeypatch.setattr(kept, "MOST_FILES", 3)

    def ask(number: int) -> None:
        before = set(files(ham_home)) if (ham_home / "cache").exists() else set()
        kept.kept_intervals(
            lambda: {"accuracy": Interval(0.5, 0.4, 0.6)}, "test", np.array([number])
        )
        for path in set(files(ham_home)) - before:
            names[number] = path
            os.utime(path, (number, number))

    names: dict[int, Path] = {}
    for number in (1, 2, 3):
        ask(number)
    ask(1)  # it was asked for last
    ask(4)
    assert set(files(ham_home)) == {names[number] for number in (1, 3, 4)}
