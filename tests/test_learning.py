"""Findings about a history: each rule fires where it should and only there."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from ham.config import CODES
from ham.evaluation.learning import Finding, findings

HEALTHY = [0.9, 0.8, 0.7, 0.6, 0.5]


def history(
    loss: list[float], validation: list[float] | None = None, **recalls: list[float]
) -> pd.DataFrame:
    """Recalls that are not named are 0.5 throughout."""
    rows = {
        "epoch": range(1, len(loss) + 1),
        "loss": loss,
        "validation_loss": validation or loss,
        "learning_rate": 0.01,
        **{f"recall_{code}": recalls.get(code, [0.5] * len(loss)) for code in CODES},
    }
    return pd.DataFrame(rows)


def recalls(
    epochs: int, answer: str, right: float = 1.0, others: float = 0.0
) -> dict[str, list[float]]:
    return {code: [right if code == answer else others] * epochs for code in CODES}


def kinds(table: pd.DataFrame) -> list[str]:
    return [finding.kind for finding in findings(table)]


def only(table: pd.DataFrame) -> Finding:
    [finding] = findings(table)
    return finding


@pytest.mark.parametrize("epochs", [0, 1, 2, 5])
def test_a_healthy_training_has_no_findings_however_young(epochs: int) -> None:
    assert findings(history(HEALTHY[:epochs])) == []


def test_a_loss_that_is_no_number_is_said_with_its_epoch_and_a_smaller_rate() -> None:
    found = only(history([0.9, 0.8, math.nan, math.nan]))
    assert (found.kind, found.serious) == ("not_a_number", True)
    assert "since epoch 3" in found.what
    assert "0.001" in found.todo
    assert kinds(history([0.9, 0.8], [0.9, math.inf])) == ["not_a_number"]
    assert kinds(history([0.9, 0.8], [0.9, 50.0])) == []


def test_a_model_that_always_answers_nevus_is_told_with_its_recalls() -> None:
    found = only(history(HEALTHY, **recalls(5, "nv", 0.99, 0.01)))
    assert (found.kind, found.serious) == ("one_answer", True)
    assert "always predicts melanocytic nevus (nv)" in found.what
    assert "last 5 epochs" in found.what
    assert "at least 99 %" in found.what
    assert "at most 1 %" in found.what
    between = only(history(HEALTHY, **recalls(5, "nv", 0.996, 0.004))).what  # neither all nor none
    assert "at least 99 %" in between
    assert "at most 1 %" in between


def test_it_is_also_told_of_another_class() -> None:
    assert "always predicts dermatofibroma (df)" in only(history(HEALTHY, **recalls(5, "df"))).what


def test_two_epochs_of_one_answer_are_not_yet_always_and_a_third_class_ends_it() -> None:
    assert kinds(history(HEALTHY[:2], **recalls(2, "nv"))) == []
    assert kinds(history(HEALTHY[:3], **recalls(3, "nv"))) == ["one_answer"]
    assert kinds(history(HEALTHY, **{**recalls(5, "nv"), "mel": [0, 0, 0, 0, 0.1]})) == []
    assert kinds(history(HEALTHY, **{**recalls(5, "nv"), "mel": [0.1, 0.1, 0, 0, 0]})) == [
        "one_answer"
    ]


def test_a_change_from_one_single_answer_to_another_starts_the_count_again() -> None:
    changing = {**recalls(5, "bkl"), "nv": [1, 1, 1, 0, 0], "mel": [0, 0, 0, 1, 1], "bkl": [0] * 5}
    assert kinds(history(HEALTHY, **changing)) == []


def test_a_class_without_validation_images_has_no_say() -> None:
    absent = {**recalls(5, "nv"), "df": [math.nan] * 5}
    assert kinds(history(HEALTHY, **absent)) == ["one_answer"]
    assert kinds(history(HEALTHY, **dict.fromkeys(CODES, [math.nan] * 5))) == []


def test_over_fitting_is_dated_from_the_lowest_validation_loss() -> None:
    found = only(history([0.9, 0.7, 0.5, 0.4, 0.3], [1.0, 0.8, 0.85, 0.9, 1.0]))
    assert (found.kind, found.serious) == ("over_fitting", False)
    assert "since epoch 2" in found.what
    assert "from 0.800 to 1.000" in found.what
    assert "from 0.700 to 0.300" in found.what
    assert "More epochs will not help" in found.todo


@pytest.mark.parametrize(
    "validation",
    [
        [1.0, 0.8, 0.85, 0.9, 0.79],  # a new lowest at the end
        [1.0, 0.9, 0.8, 0.9, 1.0],  # two epochs only
        [1.0, 0.8, 0.81, 0.80, 0.81],  # within 2 % of the lowest
    ],
)
def test_a_validation_loss_that_comes_back_or_barely_rises_is_no_over_fitting(
    validation: list[float],
) -> None:
    assert kinds(history([0.9, 0.7, 0.5, 0.4, 0.3], validation)) == []


def test_a_validation_loss_that_rises_with_the_training_loss_is_no_over_fitting() -> None:
    assert kinds(history([0.9, 0.7, 0.8, 0.9, 0.95], [1.0, 0.8, 0.85, 0.9, 1.0])) == []


def test_a_training_loss_that_stands_still_is_told_and_one_that_falls_by_a_percent_is_not() -> None:
    found = only(history([1.95, 1.96, 1.94, 1.95]))
    assert (found.kind, found.serious) == ("learns_nothing", True)
    assert "was 1.950 in the first epoch and is 1.950 in epoch 4" in found.what
    assert kinds(history([1.95, 1.96, 1.95])) == []  # too early to tell
    assert kinds(history([2.0, 1.99, 1.98, 1.97])) == []
