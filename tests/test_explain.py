"""Maps are bright where an answer rests, and the number beside them tells whether they say
anything.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from ham import config, store
from ham.config import CLASS_INDEX, TrainConfig
from ham.data import DEMO_SOURCE, open_dataset
from ham.models import DIHEDRAL, MODELS, dihedral
from ham.prediction import Predictor
from ham.prediction.explanation import (
    class_target,
    explain,
    falls,
    malignant_target,
    occlusion_maps,
    row_weights,
)
from ham.prediction.gradients import grad_cam, turned_back, why_no_grad_cam
from ham.prediction.hiding import (
    brightest_tenth,
    hide,
    patches,
    random_tenths,
    row_bands,
    shares,
)
from ham.prediction.untrained import random_weights
from ham.report import DecisionRule

MEL, NV = CLASS_INDEX["mel"], CLASS_INDEX["nv"]


class Corner:
    """Sure of a melanoma as far as the first 8x8 pixels are white, else of a nevus."""

    rule = DecisionRule("corner")

    def proba(self, images):
        found = np.zeros((len(images), 7), np.float32)
        found[:, MEL] = images[:, :8, :8].mean(axis=(1, 2, 3)) / 255
        found[:, NV] = 1 - found[:, MEL]
        return found


@pytest.fixture
def lit_corner():
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[:8, :8] = 255
    return seen


# ------------------------------------------------------------------------------- hiding


def test_what_is_hidden_does_not_shine_through_and_the_rest_stays():
    noise = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    place = patches()[60]
    other = np.where(place[..., None], 255 - noise, noise)
    hidden = hide(noise, place[None])[0]
    assert np.array_equal(hidden, hide(other, place[None])[0])
    assert np.array_equal(hidden[~place], noise[~place])
    assert not np.array_equal(hidden[place], noise[place])


def test_one_colour_stays_that_colour_under_every_patch():
    seen = np.full((28, 28, 3), (200, 130, 7), np.uint8)
    assert (hide(seen, patches()) == seen).all()


def test_a_place_is_filled_with_what_lies_around_it():
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[:, 14:] = 200  # black beside grey
    place = np.zeros((1, 28, 28), bool)
    place[0, 10:18, 16:24] = True  # all grey around it, black farther off
    filled = hide(seen, place)[0][place[0]]
    assert filled.min() > 150


def test_every_pixel_and_every_row_is_hidden_at_every_size_and_counts_once():
    assert patches().any(axis=0).all()
    assert {int(np.sqrt(p.sum())) for p in patches()} == {4, 7, 10}
    for kind, n in (("patches", 784), ("rows", 28)):
        assert shares(kind).shape[0] == n
        assert np.allclose(shares(kind).sum(axis=1), 1)
    assert row_bands()[0].sum() == 28
    assert row_bands()[28 + 5].sum() == 3 * 28
    assert row_bands()[28].sum() == 2 * 28  # at the upper edge


def test_the_brightest_tenth_is_78_pixels_or_three_rows_or_nothing():
    values = np.arange(784.0).reshape(28, 28)
    assert brightest_tenth(values).sum() == 78
    assert brightest_tenth(values)[-1].all()
    rows = brightest_tenth(np.arange(28.0))
    assert np.flatnonzero(rows.all(axis=1)).tolist() == [25, 26, 27]
    assert not rows[:25].any()
    assert not brightest_tenth(np.ones((28, 28))).any()


@pytest.mark.parametrize(("kind", "pixels"), [("patches", 78), ("rows", 84)])
def test_random_tenths_are_as_large_and_lie_everywhere(kind, pixels):
    tenths = random_tenths(kind)
    assert (tenths.sum(axis=(1, 2)) == pixels).all()
    assert len({tenth.tobytes() for tenth in tenths}) == len(tenths) == 10
    if kind == "rows":
        assert (tenths.all(axis=2) == tenths.any(axis=2)).all()
    else:  # hangs together: most pixels have a neighbour to the right
        assert (tenths[:, :, :-1] & tenths[:, :, 1:]).sum() > 0.6 * tenths.sum()


# ---------------------------------------------------------------------------- occlusion


def test_a_map_is_bright_where_the_answer_rests_and_nothing_elsewhere(lit_corner):
    targets = np.stack([class_target(MEL), class_target(NV)])
    mel, nv = occlusion_maps(Corner(), lit_corner, targets)
    assert mel.shape == (28, 28)
    assert mel.dtype == np.float32
    assert mel[:8, :8].min() > mel[18:].max() == mel[:, 18:].max() == 0
    assert np.unravel_index(mel.argmax(), mel.shape) < (8, 8)
    assert np.allclose(nv, -mel, atol=1e-6)  # what speaks for one speaks against the other


def test_malignant_is_the_sum_of_its_classes(lit_corner):
    named, malignant = occlusion_maps(
        Corner(), lit_corner, np.stack([class_target(MEL), malignant_target()])
    )
    assert np.allclose(named, malignant)
    assert malignant_target().tolist() == [True, True, True, False, False, False, False]


def test_hiding_the_white_corner_takes_all_of_the_answer():
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[:4, :4] = 255  # a quarter of the corner
    place = np.zeros((2, 28, 28), bool)
    place[0, :4, :4] = True
    found = falls(Corner(), seen, place, class_target(MEL)[None])
    assert found[0].tolist() == pytest.approx([0.25, 0])  # black around it; nothing hidden


def test_falls_are_those_of_the_calibrated_probability():
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[:4, :4] = 255  # a melanoma at 1/4, a nevus at 3/4
    place = np.zeros((1, 28, 28), bool)
    place[0, :4, :4] = True
    cooled = Corner()
    cooled.rule = DecisionRule("corner", temperature=2.0)  # roots: 1 to the root of 3
    assert falls(cooled, seen, place, class_target(MEL)[None]) == pytest.approx(
        1 / (1 + 3**0.5), abs=1e-3
    )


def test_rows_that_carry_the_answer_weigh_and_the_others_do_not():
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[3] = 255
    weights = row_weights(Corner(), seen, class_target(MEL)[None])[0]
    assert weights.shape == (28,)
    assert weights.argmax() == 3
    assert weights[10:].tolist() == [0] * 18


# ----------------------------------------------------------------------------- Grad-CAM


def network(last_kernel, places=28, views="none"):
    """Passes red on, averages it, and weighs the average for each class."""
    import keras

    inputs = keras.Input((28, 28, 3))
    red = keras.layers.Conv2D(1, 1, use_bias=False)(inputs)
    small = keras.layers.AveragePooling2D(28 // places)(red) if places < 28 else red
    mean = keras.layers.GlobalAveragePooling2D()(small)
    model = keras.Model(inputs, keras.layers.Dense(7, "softmax")(mean))
    model.layers[1].set_weights([np.array([1, 0, 0], np.float32).reshape(1, 1, 3, 1)])
    model.layers[-1].set_weights([np.array([last_kernel], np.float32), np.zeros(7, np.float32)])
    return SimpleNamespace(
        model=model,
        architecture=MODELS["cnn"],
        config=TrainConfig(model="cnn").replace(test_time_augmentation=views),
    )


@pytest.mark.parametrize("views", ["none", "dihedral"])
def test_grad_cam_of_a_network_that_looks_for_red_is_the_red(views):
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[2:6, 20:25, 0] = 200
    seen[:, :, 2] = 90  # blue is nothing to it
    seen[10, 3, 0] = 100
    found = grad_cam(
        network([1, 0, 0, 0, 0, 0, 0], views=views),
        seen,
        np.stack([class_target(MEL), class_target(NV)]),
    )
    assert np.allclose(found[0], seen[..., 0] / 200, atol=1e-5)
    assert not found[1].any()  # red speaks against all others


def test_grad_cam_looks_at_the_last_layer_with_places():
    seen = np.zeros((28, 28, 3), np.uint8)
    seen[:4, :4, 0] = 200
    seven = network([1, 0, 0, 0, 0, 0, 0], places=7)
    assert why_no_grad_cam(seven) == ""
    found = grad_cam(seven, seen, class_target(MEL)[None])[0]
    assert found[:2, :2].min() > 0.99
    assert found[8:].max() == 0
    two = network([1, 0, 0, 0, 0, 0, 0], places=2)  # then the convolution before it
    assert np.allclose(grad_cam(two, seen, class_target(MEL)[None])[0], seen[..., 0] / 200)


def test_every_view_is_turned_back():
    values = np.random.default_rng(0).random((28, 28, 1))
    for number in range(DIHEDRAL):
        turned = dihedral(values[None], number)[0, :, :, 0]
        assert np.array_equal(turned_back(turned, number), values[..., 0]), number


# ------------------------------------------------------------------------ random weights


@pytest.fixture(scope="module")
def predictors(tiny_runs):
    return {run.config.model: Predictor(run) for run in tiny_runs}


def test_random_weights_are_those_of_the_same_layers_and_the_same_each_time(predictors):
    trained = predictors["cnn"]
    random_weights.cache_clear()
    one = random_weights(trained)
    assert random_weights(trained) is one
    random_weights.cache_clear()
    again = random_weights(trained)
    before, after = trained.model.get_weights(), one.model.get_weights()
    assert [w.shape for w in before] == [w.shape for w in after]
    assert not np.allclose(before[0], after[0])
    assert all(np.array_equal(a, b) for a, b in zip(after, again.model.get_weights(), strict=True))
    assert len({float(w.flat[0]) for w in after if w.ndim == 4}) == 6  # each layer its own draw
    statistics = one.model.get_layer(trained.model.layers[3].name)
    assert not np.asarray(statistics.moving_mean).any()
    assert np.allclose(one.proba(np.zeros((2, 28, 28, 3), np.uint8)).sum(axis=1), 1, atol=1e-5)


def test_an_explanation_has_what_its_architecture_allows(predictors, small_dataset):
    seen = small_dataset.images[0]
    cnn, lstm = explain(predictors["cnn"], seen), explain(predictors["lstm"], seen)
    for found, predictor in ((cnn, predictors["cnn"]), (lstm, predictors["lstm"])):
        proba = predictor.rule.calibrated(predictor.proba(seen[None]))[0]
        assert found.label == proba.argmax()
        assert found.named.probability == pytest.approx(proba.max())
        assert found.malignant.probability == pytest.approx(proba[:3].sum())
        assert found.named.occlusion.trained.shape == (28, 28)
        assert np.isfinite(found.named.occlusion.falls.random_tenth)
    assert cnn.named.rows is None
    assert cnn.no_grad_cam == ""
    assert cnn.named.grad_cam is not None
    assert lstm.named.grad_cam is None
    assert "row by row" in lstm.no_grad_cam
    assert lstm.malignant.rows.random_weights.shape == (28,)


def test_a_map_that_is_the_same_everywhere_has_no_brightest_tenth(predictors, monkeypatch):
    even = np.full((1, 7), 1 / 7, np.float32)
    predictor = predictors["lstm"]
    monkeypatch.setattr(predictor, "proba", lambda images: np.repeat(even, len(images), axis=0))
    found = explain(predictor, np.zeros((28, 28, 3), np.uint8)).named.occlusion
    assert not found.trained.any()
    assert np.isnan(found.falls.brightest)
    assert found.falls.random_tenth == 0


def test_a_run_that_ships_is_moved_more_by_its_map_than_by_chance(monkeypatch):
    for module in (store.bundle, store.files, store.runs):
        monkeypatch.setattr(module, "reference_folder", config.reference_folder)
    predictor = Predictor(store.read_run("cnn-described"))
    images = open_dataset(DEMO_SOURCE).images[:400:80]
    found = [explain(predictor, seen).named.occlusion.falls for seen in images]
    brightest = np.mean([one.brightest for one in found])
    assert brightest > 2 * np.mean([one.random_tenth for one in found])
    assert brightest > 2 * np.mean([one.random_weights for one in found])
