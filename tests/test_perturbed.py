"""Test images changed ten ways, what runs answer then, and how far they fall."""

from __future__ import annotations

import numpy as np
import pytest

from ham import prediction
from ham.charts import alt_text
from ham.charts.robustness import shuffled_scores, strength_curve
from ham.config import cache_folder
from ham.data import LesionDataset
from ham.engine import Engine
from ham.io import Stopped
from ham.lesson import Fact, Progress
from ham.prediction import (
    PERTURBATIONS,
    SHUFFLES,
    STRENGTHS,
    perturbed_answers,
    perturbed_images,
)
from ham.report import (
    Comparison,
    RunName,
    RunReport,
    arrangement_in_words,
    arrangement_of,
    robustness_in_words,
    robustness_of,
    run_names,
)
from ham.store import Predictions, Run
from ham.ui.comparison import asking, changed, shuffled
from tests.page_driver import comparison_part, open_page
from tests.run_factory import finished_run

KINDS = list(PERTURBATIONS)


@pytest.fixture
def images() -> np.ndarray:
    """A bright square on darker ground, and noise."""
    square = np.full((28, 28, 3), (180, 120, 90), np.uint8)
    square[5:20, 9:20] = (90, 50, 40)
    noise = np.random.default_rng(0).integers(0, 256, (28, 28, 3)).astype(np.uint8)
    return np.stack([square, noise])


@pytest.mark.parametrize("kind", KINDS)
def test_each_change_is_stronger_at_a_higher_level_and_the_same_each_time(kind, images) -> None:
    levels = [perturbed_images(images[:1], kind, level) for level in range(1, STRENGTHS + 1)]
    assert {found.dtype for found in levels} == {np.dtype(np.uint8)}
    away = [np.abs(found.astype(int) - images[:1]).mean() for found in levels]
    assert 0 < away[0] < away[1] < away[2] or kind in ("rotation", "jpeg")
    assert min(away) > 0
    assert np.array_equal(levels[0], perturbed_images(images[:1], kind, 1))
    assert np.array_equal(perturbed_images(images, kind, 1)[:1], levels[0])


def test_changes_do_what_they_say(images) -> None:
    darker = perturbed_images(images[:1], "brightness", 2)[0]
    assert darker[0, 0].tolist() == [126, 84, 63]  # 30 % less of 180, 120, 90
    warmer = perturbed_images(images[:1], "warmth", 1)[0]
    assert warmer[0, 0].tolist() == [194, 120, 83]  # 8 % more red, 8 % less blue
    hidden = perturbed_images(images[:1], "hidden", 3)[0]
    around = images[0].mean(axis=(0, 1)).round()
    assert (hidden[6:22, 6:22] == around).all()  # 60 % of 28 pixels: 16 in the middle
    assert np.array_equal(hidden[:6], images[0][:6])
    flatter = perturbed_images(images[1:], "contrast", 3)[0].astype(float)
    assert flatter.std() == pytest.approx(0.4 * images[1].astype(float).std(), rel=0.02)


def test_a_shuffle_keeps_what_it_says_and_each_image_has_an_order_of_its_own(images) -> None:
    noise = images[1]
    rows, columns, pixels = (perturbed_images(images, kind, 1)[1] for kind in SHUFFLES)

    def pieces(of: np.ndarray) -> list[bytes]:
        return sorted(piece.tobytes() for piece in of)

    assert pieces(rows) == pieces(noise)
    assert pieces(columns.swapaxes(0, 1)) == pieces(noise.swapaxes(0, 1))
    assert pieces(pixels.reshape(-1, 3)) == pieces(noise.reshape(-1, 3))
    assert pieces(pixels) != pieces(noise)
    for kind, found in zip(SHUFFLES, (rows, columns, pixels), strict=True):
        assert not np.array_equal(found, noise)
        assert np.array_equal(found, perturbed_images(images[1:], kind, 1)[0])
    marks = np.zeros((2, 28, 28, 3), np.uint8) + np.arange(28, dtype=np.uint8)[:, None, None]
    marks[1] += 100
    first, second = perturbed_images(marks, "rows", 1)[:, :, 0, 0].astype(int)
    assert not np.array_equal(first, second - 100)


class Brightness:
    """Answers nevus to bright images and melanoma to dark ones; counts what it is asked."""

    asked = 0

    def one_view(self, images: np.ndarray) -> np.ndarray:
        Brightness.asked += len(images)
        found = np.zeros((len(images), 7), np.float32)
        bright = images.reshape(len(images), -1).mean(axis=1) > 100
        found[np.arange(len(images)), np.where(bright, 3, 0)] = 1
        return found


def test_answers_are_kept_by_model_and_pixels_and_a_damaged_file_is_made_again(images) -> None:
    run, Brightness.asked = finished_run(), 0
    once = (1 + len(KINDS) * STRENGTHS) * 2

    def asked(images: np.ndarray) -> dict[str, np.ndarray]:
        return perturbed_answers([run], lambda run: Brightness(), images)[0]

    first = asked(images)
    assert {found.shape for found in first.values()} == {(STRENGTHS + 1, 2, 7)}
    assert Brightness.asked == once
    again = asked(images)
    assert Brightness.asked == once
    assert all(np.array_equal(first[kind], again[kind]) for kind in KINDS)
    asked(images[:1])
    assert Brightness.asked == once + once / 2
    for path in (cache_folder() / "perturbed").iterdir():
        path.write_bytes(b"damaged")
    assert np.array_equal(asked(images)["blur"], first["blur"])


def test_progress_is_told_and_a_stop_keeps_nothing(images) -> None:
    told = []

    def report(done: int, total: int, what: str) -> None:
        told.append((done, total, what))
        if done == 3:
            raise Stopped("Stopped", "as you asked.", "")

    with pytest.raises(Stopped):
        perturbed_answers([finished_run()], lambda run: Brightness(), images, report)
    whole = 1 + len(KINDS) * STRENGTHS
    assert told[0] == (1, whole, "Darker")
    assert told[2] == (3, whole, "Darker")


def test_scores_by_hand_and_what_changed(images) -> None:
    """Of two melanomas and two nevi all are correct; darker, both nevi are called melanoma."""
    eye = np.eye(7, dtype=np.float32)
    y_true = np.array([0, 0, 3, 3])
    test = Predictions(np.array(list("abcd")), np.arange(4), y_true, eye[y_true])
    dark = eye[np.array([y_true, y_true, [0, 0, 3, 0], [0, 3, 0, 0]])]
    found = robustness_of(test, {"brightness": dark, "blur": np.stack([eye[y_true]] * 4)})
    scores = found.scores["brightness"]
    assert [one.value for one in scores["accuracy"]] == [1, 1, 0.75, 0.25]
    assert [one.value for one in scores["malignant_sensitivity"]] == [1, 1, 1, 0.5]
    assert scores["accuracy"][2].low < 0.75 < scores["accuracy"][2].high
    assert found.flipped("brightness", 1).tolist() == []
    assert sorted(found.flipped("brightness", 3)) == [1, 2, 3]
    words = robustness_in_words(found, {"brightness": "Darker", "blur": "Blur"})
    assert words.startswith("falls furthest with darker: accuracy 25 %")
    assert "Blur costs least: 100 %" in words
    strengths = ["as it is", "1", "2", "3"]
    figure = strength_curve({RunName("A", "x"): found}, "brightness", "Darker", strengths)
    assert list(figure.data[0].y) == [100, 100, 75, 25]
    assert "A · x, 100 %, 100 %, 75 %, 25 %" in alt_text(figure)


def test_what_a_shuffle_costs_by_hand_and_in_words() -> None:
    """Of a melanoma and three nevi, each a lesion, all are correct; shuffled, all are called
    nevus.
    """
    eye = np.eye(7, dtype=np.float32)
    y_true = np.array([0, 3, 3, 3] * 5)
    test = Predictions(np.arange(20).astype(str), np.arange(20), y_true, eye[y_true])
    fallen = np.stack([eye[y_true], eye[np.full(20, 3)]])
    found = arrangement_of(test, {"rows": fallen[[0, 0]], "pixels": fallen})
    assert [one.value for one in found.scores["pixels"]["balanced_accuracy"]] == [1, 0.5]
    assert [one.value for one in found.scores["pixels"]["accuracy"]] == [1, 0.75]
    titles = {"rows": "Rows shuffled", "pixels": "All pixels shuffled"}
    words = arrangement_in_words(found, titles, 0.5)
    assert "with rows shuffled, 50 %" in words
    assert words.endswith(
        "no more than the 50 % of always naming one class: all it knew was in the arrangement."
    )
    kept = arrangement_of(test, {"rows": fallen[[0, 0]], "pixels": fallen[[0, 0]]})
    assert arrangement_in_words(kept, titles, 0.5).endswith(
        "naming one class: what remains is colour."
    )
    names = {RunName("A", "x"): found, RunName("B", "y"): kept}
    figure = shuffled_scores(names, titles, "accuracy", 0.75)
    assert list(figure.data[0].x) == [100, 100, 75]
    assert figure.layout.shapes[0].x0 == 75
    assert "A · x: as they are 100 %" in alt_text(figure)
    assert "majority class: 75 %" in alt_text(figure)


# -------------------------------------------------------------------------------- page


def two_runs(small_dataset: LesionDataset, small_folder, monkeypatch) -> list[Run]:
    """On the same 30 images of the data in use, and any run answers as Brightness."""
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setenv("HAM_DATA", str(small_folder))
    monkeypatch.setattr(prediction, "Predictor", lambda run: Brightness())
    rows = np.arange(0, 150, 5)
    proba = Brightness().one_view(small_dataset.images[rows])
    test = Predictions(
        small_dataset.metadata["image_id"].to_numpy(dtype=str)[rows],
        small_dataset.groups[rows],
        small_dataset.labels[rows],
        proba,
    )
    asking.jobs.clear()
    return [finished_run(None, test, data=small_dataset.record) for _ in range(2)]


def test_the_page_asks_in_the_background_and_shows_curves_and_changed_answers(
    small_dataset: LesionDataset, small_folder, monkeypatch
) -> None:
    runs = two_runs(small_dataset, small_folder, monkeypatch)
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    comparison_part(page, "Changed images")
    page.button(key="comparison_changed_start").click().run()
    [job] = asking.jobs("changed")._jobs.values()
    job.wait(60)
    page.session_state["lesson_progress"] = Progress(0)
    page.run()
    assert not page.exception
    assert page.session_state["lesson_progress"].facts == {Fact.MODEL_FOOLED}
    said = " ".join(one.value for one in page.main.markdown)
    assert "falls furthest with" in said
    assert "of 30 answers change" in said
    alts = [chart.proto.alt for chart in page.get("plotly_chart")]
    assert sum(alt.startswith("Accuracy at strengths") for alt in alts) == len(KINDS)
    assert "Changed, 28 by 28 pixels" in " ".join(one.proto.body for one in page.get("html"))
    # what the report takes with it
    named = run_names(runs, {run.id: run.title for run in runs})
    compared = Comparison(named, [RunReport(run) for run in runs])
    assert list(changed.measured(compared)) == named
    assert shuffled.measured(compared) == {}


def test_the_page_shows_an_image_in_each_state_and_what_the_runs_lose(
    small_dataset: LesionDataset, small_folder, monkeypatch
) -> None:
    runs = two_runs(small_dataset, small_folder, monkeypatch)
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    comparison_part(page, "Shuffled pixels")
    pictures = [one.proto.body for one in page.get("html") if "28 by 28 pixels" in one.proto.body]
    assert pictures[-1].count("<img") == 1 + len(SHUFFLES)
    assert "<span>" not in pictures[-1]
    page.button(key="comparison_shuffled_start").click().run()
    [job] = asking.jobs("shuffled")._jobs.values()
    job.wait(60)
    page.run()
    assert not page.exception
    said = " ".join(one.value for one in page.main.markdown)
    assert said.count("with all pixels shuffled") == 2
    assert any("<span>A: " in one.proto.body for one in page.get("html"))
    alts = [chart.proto.alt for chart in page.get("plotly_chart")]
    assert sum(alt.startswith("Balanced accuracy as the test images are") for alt in alts) == 1


def test_without_the_images_the_page_says_why(monkeypatch) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    runs = [finished_run() for _ in range(2)]
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    comparison_part(page, "Changed images")
    assert any("are not in the data in use" in one.value for one in page.info)
