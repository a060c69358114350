"""The training images most like an image, never of its own lesion, and how usual that is."""

import dataclasses
import threading

import numpy as np
import pytest

from ham import io
from ham.config import StoreError
from ham.data import make_split, open_dataset
from ham.prediction import Predictor, neighbours
from ham.prediction.neighbours import (
    FeatureSpace,
    feature_space,
    features,
    lesion_of,
    trained_on,
)


@pytest.fixture(scope="module")
def run(tiny_runs):
    return next(run for run in tiny_runs if run.config.model == "cnn")


@pytest.fixture(scope="module")
def predictor(run):
    return Predictor(run)


@pytest.fixture
def space():
    """Four training images on a line, of three lesions; row 1 is not trained on."""
    return FeatureSpace(
        rows=np.array([0, 2, 3, 4]),
        features=np.array([[0, 0], [3, 4], [6, 8], [30, 40]], np.float32),
        usual=np.array([1, 4, 6, 20], np.float32),
        labels=np.array([0, 1, 2, 3, 4]),
        groups=np.array([7, 7, 8, 8, 9]),
    )


def test_the_nearest_come_first_with_diagnosis_distance_and_how_usual_that_is(space):
    found = space.nearest(np.zeros(2, np.float32), k=3)
    assert [(n.row, n.label) for n in found] == [(0, 0), (2, 2), (3, 3)]
    assert [n.distance for n in found] == pytest.approx([0, 5, 10])
    assert [n.nearer for n in found] == [0, 0.5, 0.75]
    assert found[0].in_words == "unusually near: 0 % of the validation images have a nearer one"
    assert found[1].in_words == "as near as usual: 50 % of the validation images have a nearer one"
    far = space.nearest(np.array([30, 70], np.float32), k=1)[0]
    assert far.in_words == "unusually far: 100 % of the validation images have a nearer one"
    alone = dataclasses.replace(space, usual=np.zeros(0, np.float32))
    assert alone.nearest(np.zeros(2, np.float32))[0].in_words == ""


def test_images_of_the_same_lesion_are_left_out(space):
    found = space.nearest(np.zeros(2, np.float32), lesion=7)
    assert [n.row for n in found] == [2, 3, 4]  # there are no five
    assert [n.row for n in space.nearest(np.zeros(2, np.float32), k=1, lesion=8)] == [0]


def test_the_last_layer_of_the_features_is_the_answer(predictor, small_dataset):
    images = small_dataset.images[:300]
    kernel, bias = predictor.model.layers[-1].get_weights()
    logits = features(predictor, images) @ kernel + bias
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(proba, predictor.proba(images), atol=1e-5)


def test_the_training_images_of_a_run_are_those_of_its_split(predictor, run, small_dataset):
    made = feature_space(predictor, run, small_dataset)
    split = trained_on(run, small_dataset)
    assert np.array_equal(made.rows, split.train)
    validation = features(predictor, small_dataset.images[split.validation])
    nearest = [made.nearest(one, k=1)[0].distance for one in validation]
    assert np.allclose(np.sort(nearest), made.usual, atol=1e-3)
    own = made.nearest(features(predictor, small_dataset.images[split.train[:1]])[0])
    assert own[0].row == split.train[0]
    lesion = lesion_of(small_dataset, small_dataset.images[split.train[0]])
    others = made.nearest(
        features(predictor, small_dataset.images[split.train[:1]])[0], lesion=lesion
    )
    assert lesion == small_dataset.groups[split.train[0]]
    assert lesion not in {int(small_dataset.groups[n.row]) for n in others}
    assert lesion_of(small_dataset, np.zeros((28, 28, 3), np.uint8)) is None


def test_they_are_kept_and_made_again_where_damaged(
    predictor, run, small_dataset, ham_home, monkeypatch, caplog
):
    first = feature_space(predictor, run, small_dataset)
    (file,) = (ham_home / "cache").glob("features-*.npz")
    with monkeypatch.context() as patch:
        patch.setattr(neighbours, "features", lambda *a: pytest.fail("they are kept"))
        again = feature_space(predictor, run, small_dataset)
    assert np.array_equal(first.features, again.features)
    arrays = io.read_arrays(file)
    io.write_arrays(file, arrays | {"features": arrays["features"][1:]})
    assert np.array_equal(feature_space(predictor, run, small_dataset).features, first.features)
    assert "made again" in caplog.text


def test_making_them_can_be_watched_and_stopped(predictor, run, small_dataset):
    told, stop = [], threading.Event()
    stop.set()
    with pytest.raises(io.Stopped):
        feature_space(predictor, run, small_dataset, stop=stop)
    feature_space(predictor, run, small_dataset, lambda *step: told.append(step))
    split = trained_on(run, small_dataset)
    images = len(split.train) + len(split.validation)
    assert told == [(0, images, "Looking at the training images")]


def test_other_data_is_refused_in_words(run, kaggle_folder, small_dataset):
    other = open_dataset(kaggle_folder(seed=1))
    with pytest.raises(StoreError, match=r"training images of .*not in the data in use \(data\)"):
        trained_on(run, other)


def test_a_run_that_ships_knows_its_images_in_another_copy_and_no_other(
    shipped, small_dataset, kaggle_folder
):
    """A copy whose pixels differ by a little has another fingerprint and the same names."""
    run = next(run for run in shipped if run.config.model == "cnn")
    copy = open_dataset(kaggle_folder(seed=1))  # the same names, other pixels
    assert copy.fingerprint != run.record.data.fingerprint
    assert np.array_equal(trained_on(run, copy).train, make_split(small_dataset).train)
    fewer = open_dataset(kaggle_folder("fewer", counts={"mel": 20, "nv": 30, "bkl": 12}))
    with pytest.raises(StoreError, match="not in the data in use"):
        trained_on(run, fewer)
    with pytest.raises(StoreError, match="not in the data in use"):
        trained_on(run, open_dataset(kaggle_folder("two", counts={"mel": 1, "nv": 1})))
