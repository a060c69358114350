"""Test images changed ten ways, what runs answer then, and how far they fall."""

from __future__ import annotations

import numpy as np
import pytest

from ham import prediction
from ham.charts import alt_text
from ham.charts.robustness import strength_curve
from ham.config import cache_folder
from ham.data import LesionDataset
from ham.engine import Engine
from ham.io import Stopped
from ham.prediction import PERTURBATIONS, STRENGTHS, perturbed_answers, perturbed_images
from ham.report import RunName, robustness_in_words, robustness_of
from ham.store import Predictions
from ham.ui.comparison import changed as section
from tests.page_driver import open_page
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


# -------------------------------------------------------------------------------- page


def test_the_page_asks_in_the_background_and_shows_curves_and_changed_answers(
    small_dataset: LesionDataset, small_folder, monkeypatch
) -> None:
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
    runs = [finished_run(None, test, data=small_dataset.record) for _ in range(2)]
    section._jobs.clear()
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    page.session_state["comparison_tab"] = "Changed images"
    page.run()
    page.button(key="comparison_changed_start").click().run()
    [job] = section._jobs()._jobs.values()
    job.wait(60)
    page.run()
    assert not page.exception
    said = " ".join(one.value for one in page.main.markdown)
    assert "falls furthest with" in said
    assert "of 30 answers change" in said
    alts = [chart.proto.alt for chart in page.get("plotly_chart")]
    assert sum(alt.startswith("Accuracy at strengths") for alt in alts) == len(KINDS)
    assert "Changed, 28 by 28 pixels" in " ".join(one.proto.body for one in page.get("html"))


def test_without_the_images_the_page_says_why(monkeypatch) -> None:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    runs = [finished_run() for _ in range(2)]
    page = open_page("pages/comparison.py", runs=",".join(run.id for run in runs))
    page.session_state["comparison_tab"] = "Changed images"
    page.run()
    assert any("are not in the data in use" in one.value for one in page.info)
