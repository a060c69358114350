"""The described architectures, held against the description layer by layer, and our own."""

from __future__ import annotations

import numpy as np
import pytest

from ham.config import TrainConfig
from ham.models import CHANNEL_MEAN, CHANNEL_STD, DIHEDRAL, MODELS, dihedral

LSTM = [
    ((28, 128), 109056),
    ((28, 128), 0),
    ((28, 64), 49408),
    ((28, 64), 0),
    ((32,), 12416),
    ((32,), 0),
    ((7,), 231),
]
CNN = [
    ((24, 24, 30), 2280),
    ((22, 22, 30), 8130),
    ((22, 22, 30), 120),
    ((11, 11, 30), 0),
    ((9, 9, 20), 5420),
    ((7, 7, 15), 2715),
    ((5, 5, 15), 2040),
    ((5, 5, 15), 30),
    ((2, 2, 15), 0),
    ((1, 1, 10), 610),
    ((10,), 0),
    ((10,), 21),
    ((256,), 2816),
    ((256,), 1024),
    ((256,), 0),
    ((128,), 32896),
    ((7,), 903),
]


@pytest.mark.parametrize(
    ("name", "table", "trainable", "fixed"), [("lstm", LSTM, 171111, 0), ("cnn", CNN, 58412, 593)]
)
def test_every_layers_output_shape_and_parameter_count_is_the_described_one(
    name, table, trainable, fixed
) -> None:
    model = MODELS[name].build()
    # after the input
    assert [(layer.output.shape[1:], layer.count_params()) for layer in model.layers[1:]] == table
    assert model.count_params() == trainable + fixed
    assert sum(int(np.prod(v.shape)) for v in model.trainable_weights) == trainable
    assert MODELS[name].parameter_count() == (trainable, fixed)


def test_layers_are_of_the_described_kinds_with_their_rates() -> None:
    lstm, cnn = MODELS["lstm"].build(), MODELS["cnn"].build()
    assert [type(layer).__name__ for layer in lstm.layers[1:]] == ["LSTM", "Dropout"] * 3 + [
        "Dense"
    ]
    assert [layer.rate for layer in lstm.layers if hasattr(layer, "rate")] == [0.5, 0.5, 0.5]
    assert [type(layer).__name__ for layer in cnn.layers[1:]] == [
        "Conv2D",
        "Conv2D",
        "BatchNormalization",
        "MaxPooling2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "GroupNormalization",
        "MaxPooling2D",
        "Conv2D",
        "Flatten",
        "Normalization",
        "Dense",
        "BatchNormalization",
        "Dropout",
        "Dense",
        "Dense",
    ]
    convolutions = [layer for layer in cnn.layers if type(layer).__name__ == "Conv2D"]
    assert {(layer.padding, layer.activation.__name__) for layer in convolutions} == {
        ("valid", "relu")
    }
    assert [
        layer.groups for layer in cnn.layers if type(layer).__name__ == "GroupNormalization"
    ] == [3]
    assert [layer.rate for layer in cnn.layers if type(layer).__name__ == "Dropout"] == [0.1]
    assert [
        layer.activation.__name__ for layer in cnn.layers if type(layer).__name__ == "Dense"
    ] == ["relu", "relu", "softmax"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("lstm", {"units_1": 5, "units_2": 3, "units_3": 2, "dropout_1": 0.0}),
        (
            "cnn",
            {
                "filters_1": 2,
                "filters_2": 5,
                "filters_3": 4,
                "filters_4": 7,
                "filters_5": 6,
                "filters_6": 3,
                "units_1": 11,
                "units_2": 13,
                "dropout": 0.5,
            },
        ),
        (
            "resnet",
            {"filters_1": 3, "filters_2": 5, "filters_3": 4, "filters_4": 9, "dropout": 0.0},
        ),
        ("resnet", {}),
    ],
)
def test_the_arithmetic_counts_what_keras_counts_at_other_settings(
    name: str, settings: dict
) -> None:
    model = MODELS[name].build(**settings)
    trainable, fixed = MODELS[name].parameter_count(**settings)
    assert sum(int(np.prod(v.shape)) for v in model.trainable_weights) == trainable
    assert model.count_params() == trainable + fixed


def test_an_image_row_becomes_an_lstm_step_of_28_rgb_pixels() -> None:
    images = np.zeros((1, 28, 28, 3), np.uint8)
    images[0, 3, 5] = (255, 51, 0)  # row 3, column 5
    steps = MODELS["lstm"].prepare(images, "unit")
    assert steps.shape == (1, 28, 84)
    assert steps[0, 3, 15:18] == pytest.approx([1.0, 0.2, 0.0])
    assert steps.sum() == pytest.approx(1.2)
    assert MODELS["cnn"].prepare(images, "unit")[0, 3, 5] == pytest.approx([1.0, 0.2, 0.0])


def test_standard_scaling_puts_the_mean_colour_at_zero_and_a_deviation_more_at_one() -> None:
    images = np.zeros((1, 28, 28, 3), np.uint8)
    # 194.7, 139.3, 145.5; 35.5, 38.4, 42.6 more
    images[0, 0, 0], images[0, 0, 1] = (195, 139, 146), (230, 178, 188)
    scaled = MODELS["cnn"].prepare(images, "standard")
    assert scaled.dtype == np.float32
    assert scaled[0, 0, 0] == pytest.approx([0, 0, 0], abs=0.02)
    assert scaled[0, 0, 1] == pytest.approx([1, 1, 1], abs=0.02)


def test_the_scaling_is_that_of_the_real_pixels(real_dataset) -> None:
    pixels = real_dataset.images.reshape(-1, 3)
    assert pixels.mean(axis=0) == pytest.approx(CHANNEL_MEAN, abs=0.1)
    assert pixels.std(axis=0) == pytest.approx(CHANNEL_STD, abs=0.1)


@pytest.mark.parametrize("name", MODELS)
def test_an_untrained_model_answers_with_seven_probabilities(name: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 3), dtype=np.uint8)
    proba = MODELS[name].build().predict_on_batch(MODELS[name].prepare(images, "unit"))
    assert proba.shape == (4, 7)
    assert proba.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_the_residual_network_stays_within_200_000_parameters() -> None:
    assert sum(MODELS["resnet"].parameter_count()) <= 200_000


def test_the_eight_dihedral_views_are_all_there_are_and_the_first_is_the_image() -> None:
    image = np.arange(28 * 28 * 3, dtype=np.uint8).reshape(1, 28, 28, 3)
    views = [dihedral(image, number) for number in range(DIHEDRAL)]
    assert np.array_equal(views[0], image)
    assert {view.tobytes() for view in views} == {
        np.rot90(mirror, k, axes=(1, 2)).tobytes()
        for mirror in (image, image[:, :, ::-1])
        for k in range(4)
    }
    assert len({view.tobytes() for view in views}) == 8


def test_test_time_augmentation_is_the_mean_over_the_views_of_each_image() -> None:
    def brightest_half(batch: np.ndarray) -> np.ndarray:
        """mel where the upper half of the image is brighter than the lower, else nv."""
        upper = batch[:, :14].mean(axis=(1, 2, 3)) > batch[:, 14:].mean(axis=(1, 2, 3))
        return np.eye(7)[np.where(upper, 0, 3)]

    images = np.zeros((2, 28, 28, 3), np.uint8)
    # one bright corner: it is in the upper half in four of the eight views
    images[0, :14, :14] = 255
    images[1, 13:15, 13:15] = 255  # in the middle: never
    cnn = MODELS["cnn"]
    once, turned = TrainConfig(), TrainConfig(test_time_augmentation="dihedral")
    assert cnn.proba(brightest_half, images, once)[:, [0, 3]].tolist() == [[1, 0], [0, 1]]
    assert cnn.proba(brightest_half, images, turned)[:, [0, 3]].tolist() == [[0.5, 0.5], [0, 1]]
    assert cnn.proba(brightest_half, images, turned).dtype == np.float32


def test_the_table_of_an_architecture_says_what_keras_builds() -> None:
    for architecture in MODELS.values():
        table = architecture.table()
        assert table[-1].shape == (7,)
        assert (
            sum(row.trainable + row.fixed for row in table) == architecture.build().count_params()
        )
    assert [(row.shape, row.trainable + row.fixed) for row in MODELS["cnn"].table()] == CNN
    assert [row.title for row in MODELS["lstm"].table()] == [
        "LSTM 128",
        "Dropout 0.5",
        "LSTM 64",
        "Dropout 0.5",
        "LSTM 32",
        "Dropout 0.5",
        "Dense 7, softmax",
    ]
    assert [row.shape for row in MODELS["resnet"].table() if row.title.startswith("Residual")] == [
        (14, 14, 32),
        (7, 7, 64),
        (4, 4, 80),
    ]
