"""A quiz asks every class as often, no lesion twice, and keeps the score of everybody."""

import numpy as np
import pytest

from ham.config import CLASS_INDEX, HamError
from ham.evaluation import proportion
from ham.prediction.quiz import YOU, Quiz, new_quiz

MEL, NV = CLASS_INDEX["mel"], CLASS_INDEX["nv"]


def test_images_are_of_every_class_in_turn_by_chance_and_of_no_lesion_twice(small_dataset):
    rows = np.arange(small_dataset.n_images)
    quiz = new_quiz(small_dataset, rows, seed=3)
    assert np.array_equal(quiz.truth, small_dataset.labels[quiz.rows])
    lesions = small_dataset.groups[quiz.rows]
    assert len(set(lesions)) == len(lesions) == small_dataset.groups.max() + 1
    early = np.bincount(quiz.truth[:28], minlength=7)
    assert early.min() >= 1
    assert early[NV] < 10  # of 150 images 63 are nevi: 12 of 28 as they come
    assert np.array_equal(quiz.rows, new_quiz(small_dataset, rows, seed=3).rows)
    assert not np.array_equal(quiz.rows, new_quiz(small_dataset, rows, seed=4).rows)


def test_only_the_rows_given_are_asked(small_dataset):
    quiz = new_quiz(small_dataset, np.array([5, 5, 80]), seed=0)
    assert sorted(quiz.rows.tolist()) == [5, 80]
    assert new_quiz(small_dataset, np.array([], int), seed=0).row is None


def test_the_score_runs_along_by_class_and_for_every_run():
    quiz = Quiz(rows=np.array([10, 11, 12]), truth=np.array([MEL, NV, NV]))
    assert (quiz.row, quiz.asked) == (10, 0)
    assert np.isnan(quiz.score().value)
    quiz = quiz.guess(MEL, {"a": NV}).guess(NV, {"a": NV, "b": NV})
    assert quiz.row == 12
    assert quiz.score() == proportion(2, 2)
    assert quiz.score().low == pytest.approx(0.342, abs=1e-3)  # Wilson: 2 / (2 + 1.96²)
    assert quiz.score("a") == proportion(1, 2)
    assert quiz.score("b") == proportion(1, 1)  # joined later
    quiz = quiz.guess(MEL, {"a": NV, "b": MEL})
    table = quiz.by_class(["a", "b"])
    assert table.index.tolist() == ["mel", "nv"]
    assert table.loc["mel"].to_dict() == {"n": 1, YOU: 1, "a": 0, "b": 0}
    assert table.loc["nv"].to_dict() == {"n": 2, YOU: 1, "a": 2, "b": 1}
    assert quiz.row is None
    with pytest.raises(HamError, match="every image was answered"):
        quiz.guess(MEL, {})
