"""The guided lesson without a page: when a task is done, what is right, and the teacher's sheet."""

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest

from ham import cli, data, lesson, report, store
from ham.config import CODES, TrainConfig
from ham.evaluation import Interval
from ham.lab import leakage
from ham.lesson import DESCRIBED, TASKS, Answers, Fact, Progress
from ham.report import Comparison, RunReport, run_names
from ham.ui.comparison.details import TABS
from ham.ui.frame import MENU
from ham.ui.prediction import closer
from tests.run_factory import finished_run

pytestmark = pytest.mark.usefixtures("really_shipped")
BY_KEY = {task.key: task for task in TASKS}


@pytest.fixture(scope="module")
def answers():
    return Answers(data.open_dataset(data.DEMO_SOURCE))


# --------------------------------------------------------------------------- when done


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.key)
def test_a_task_is_done_by_all_facts_of_a_way_and_by_no_fewer(task):
    assert not task.is_done(())
    for way in task.ways:
        assert task.is_done(way)
        assert not any(task.is_done(way - {fact}) for fact in way)
        assert not task.is_done(set(Fact) - frozenset.union(*task.ways))


def test_every_fact_counts_for_a_task_and_every_question_for_its_own():
    assert set(Fact) == {fact for task in TASKS for way in task.ways for fact in way}
    for task in TASKS:
        if task.question:
            assert any(task.question.fact in way for way in task.ways)


def test_progress_counts_tasks_and_not_facts():
    progress = Progress.new(now=1_790_000_000.9)
    assert (progress.begun, progress.in_words(), progress.done) == (1_790_000_000, "0 of 7", ())
    progress = progress.with_fact(Fact.MAJORITY_SAID)
    assert progress.in_words() == "0 of 7", "the class balance was not looked at"
    progress = progress.with_fact(Fact.BALANCE_SEEN).with_fact(Fact.LEAK_TRAINED)
    assert (progress.in_words(), progress.done) == ("2 of 7", ("majority", "leak"))


def test_a_new_beginning_is_later_even_within_a_second():
    first = Progress.new(now=100.2).with_fact(Fact.LEAK_SAID)
    assert Progress.new(now=100.9, after=first) == Progress(101)
    assert Progress.new(now=150.0, after=first) == Progress(150)


def test_progress_is_read_as_it_was_written_and_nonsense_is_none():
    progress = Progress(12, frozenset({Fact.CNN_BEATEN, Fact.LEAK_SAID}))
    assert progress.to_text() == "12.cnn_beaten.leak_said"
    assert Progress.from_text(progress.to_text()) == progress
    assert Progress.from_text("12.cnn_beaten.<script>.LEAK_SAID") == Progress(
        12, frozenset({Fact.CNN_BEATEN})
    )
    for nonsense in ("", ".", "leak_said", "-1", "1e3.leak_said", "²", 30 * "9"):
        assert Progress.from_text(nonsense) is None, nonsense


# ----------------------------------------------------------------------- what is noted


def compared(*ids: str) -> Comparison:
    by_id = {run.id: run for run in store.reference_runs()}
    runs = [by_id[run_id] for run_id in ids]
    return Comparison(
        run_names(runs, {run.id: run.title for run in runs}), list(map(RunReport, runs))
    )


def test_the_described_cnn_is_beaten_beyond_chance_or_not_at_all():
    assert lesson.beaten(compared(DESCRIBED, "resnet-improved"))
    assert not lesson.beaten(compared(DESCRIBED, "lstm-described"))  # worse
    assert not lesson.beaten(compared("lstm-described", "resnet-improved"))  # another is beaten


@pytest.mark.parametrize(
    ("low", "leaking", "beaten"),
    [(0.01, False, True), (-0.01, False, False), (0.01, True, False)],
)
def test_a_larger_number_is_not_enough_and_a_leaking_split_does_not_count(low, leaking, beaten):
    first = SimpleNamespace(config=TrainConfig(), leaking=False)
    found = report.Difference({"balanced_accuracy": Interval(0.02, low, 0.03)}, None)
    runs = SimpleNamespace(
        first=SimpleNamespace(run=first),
        differences={"B": found},
        reports={"B": SimpleNamespace(run=SimpleNamespace(leaking=leaking))},
    )
    assert lesson.beaten(runs) is beaten


def test_a_missed_melanoma_is_one_taken_for_benign():
    missed = {
        (CODES[true], CODES[predicted])
        for true in range(7)
        for predicted in range(7)
        if lesson.missed_melanoma(true, predicted)
    }
    assert missed == {("mel", "nv"), ("mel", "bkl"), ("mel", "vasc"), ("mel", "df")}


def test_only_a_leaking_run_that_has_ended_since_counts():
    finished_run(now=1_000.0)  # by lesion
    assert not lesson.leaking_run(store.find_runs().runs, since=0)
    finished_run(TrainConfig(split="image"), now=1_000.0, split={"protocol": "image"})
    runs = store.find_runs().runs
    assert lesson.leaking_run(runs, since=1_060)
    assert not lesson.leaking_run(runs, since=1_061)


# ------------------------------------------------------------------------ what is right


def test_the_answers_about_the_data_are_its_own(answers):
    counts = np.bincount(answers.dataset.labels)
    share = 100 * counts.max() / counts.sum()
    question = BY_KEY["majority"].question
    assert round(share) == 67
    assert question.is_right(answers, round(share))
    assert question.is_right(answers, round(share, 1))
    assert not question.is_right(answers, share - 1)
    assert not question.is_right(answers, 100 / 7)

    shown = leakage.reports(answers.dataset, leakage.SHOWN_SEEDS)["image"]
    question = BY_KEY["leak"].question
    assert question.is_right(answers, round(100 * shown.sibling))
    assert not question.is_right(answers, round(100 * shown.sibling_mel))


def test_the_answers_about_the_described_cnn_are_those_of_its_predictions(answers):
    [run] = [run for run in store.reference_runs() if run.id == DESCRIBED]
    test = store.read_predictions(run)["test"]
    predicted = test.proba.argmax(axis=1)
    assert BY_KEY["number"].question.is_right(answers, (predicted == test.y_true).sum())
    assert not BY_KEY["number"].question.is_right(answers, (predicted != test.y_true).sum())
    melanoma = test.y_true == CODES.index("mel")
    benign = np.isin(predicted, [CODES.index(code) for code in ("nv", "bkl", "vasc", "df")])
    assert answers.melanomas == ((melanoma & benign).sum(), melanoma.sum())
    low = 100 * run.scores["accuracy"].low
    assert BY_KEY["sure"].question.is_right(answers, round(low, 1))
    assert not BY_KEY["sure"].question.is_right(answers, 100 * run.scores["accuracy"].value)


def test_of_data_that_cannot_be_used_nothing_is_right_and_it_is_said():
    none = Answers(None)
    for key in ("majority", "leak"):
        assert not BY_KEY[key].question.is_right(none, 67)
        assert "data in use cannot be" in BY_KEY[key].expected(none)


def test_data_that_cannot_be_split_by_image_are_not_asked_about(small_dataset):
    two = dataclasses.replace(small_dataset)
    answers = Answers(two)
    answers.leak = None  # as `reports` says in words of a data set that is too small
    assert not BY_KEY["leak"].question.is_right(answers, 0)
    assert BY_KEY["leak"].expected(answers) == "The data in use cannot be split by image."


# ----------------------------------------------------------------------------- places


def test_every_link_leads_to_what_there_is():
    pages = {entry.title for entry in MENU}
    shipped = {run.id for run in store.reference_runs()}
    for task in TASKS:
        assert task.page in pages
        assert set(filter(None, task.address.get("runs", "").split(","))) <= shipped
        assert task.address.get("tab", "Scores") in TABS
        assert task.address.get("closer", closer.WHAT_IF) == closer.WHAT_IF
        assert re.search(r"\d{4}", task.source), "a year"
        assert re.fullmatch(r"[A-Z][^.]*[^.\d]*(\.\d[^.]*)*\.", task.todo), "one sentence"


# ------------------------------------------------------------------------------- sheet


def test_the_sheet_has_tasks_minutes_answers_discussion_and_sources(answers):
    sheet = lesson.teachers_sheet(answers)
    assert f"{sum(task.minutes for task in TASKS)} minutes" in sheet
    for number, task in enumerate(TASKS, start=1):
        assert f"## {number}. {task.title} ({task.minutes} minutes)" in sheet
        for words in (task.todo, task.expected(answers), task.shows, task.source, *task.discuss):
            assert words in sheet
    assert "1,331 of 2,000 images are Melanocytic nevus (nv)" in sheet
    assert "68.2 % (64.4 to 71.4), from 1,003 test images of 756 lesions" in sheet
    assert "684 of 1,003 is 68.2 %" in sheet
    assert "LSTM, improved; CNN, improved; ResNet, improved" in sheet


def test_the_command_line_prints_the_same_sheet(answers, capsys):
    assert cli.main(["lesson"]) == 0
    assert capsys.readouterr().out == lesson.teachers_sheet(answers)
