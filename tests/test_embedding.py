"""Features and neighbours by hand-made images, t-SNE with its progress and its stop, maps kept
whole or not at all.
"""

from __future__ import annotations

import errno
import os
import threading

import numpy as np
import pytest

from ham import io
from ham.config import DataError
from ham.data import image_features, nearest, read_map, tsne_map, write_map
from ham.data.embedding import ITERATIONS, map_file

POINTS = np.arange(20, dtype=np.float32).reshape(10, 2)


def flat(*greys: int) -> np.ndarray:
    """Images of one grey each."""
    return np.array(greys, np.uint8)[:, None, None, None] * np.ones((28, 28, 3), np.uint8)


def test_distances_of_features_are_those_of_the_images_at_14x14():
    features = image_features(flat(10, 20, 50))
    assert features.dtype == np.float32
    assert features.shape == (3, 3)
    distances = np.linalg.norm(features[:, None] - features[None], axis=2)
    unit = np.sqrt(14 * 14 * 3)  # one grey level apart in every value
    assert distances == pytest.approx(
        unit * np.array([[0, 10, 40], [10, 0, 30], [40, 30, 0]]), rel=1e-3, abs=0.05
    )


def test_two_by_two_pixels_are_averaged_before():
    checkered, grey = np.zeros((1, 28, 28, 3), np.uint8), flat(100)
    checkered[:, ::2, ::2] = checkered[:, 1::2, 1::2] = 200
    assert image_features(np.concatenate([checkered, grey])) == pytest.approx(
        np.zeros((2, 2)), abs=1e-3
    )


def test_the_nearest_come_first_and_the_image_itself_is_left_out():
    features = image_features(flat(10, 22, 50, 15))
    assert nearest(features, 0).tolist() == [3, 1, 2]
    assert nearest(features, 2, n=1).tolist() == [1]


def test_an_exact_copy_is_the_nearest_and_the_image_is_still_left_out():
    assert nearest(image_features(flat(10, 200, 10)), 2).tolist() == [0, 1]


def test_tsne_keeps_two_heaps_apart_and_counts_its_steps():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(0, 1, (30, 5)), rng.normal(50, 1, (30, 5))]).astype(
        np.float32
    )
    steps = []
    points = tsne_map(features, lambda done, total, what: steps.append((done, total)))
    assert points.shape == (60, 2)
    assert points.dtype == np.float32
    between = np.linalg.norm(points[:30].mean(axis=0) - points[30:].mean(axis=0))
    within = max(
        np.linalg.norm(part - part.mean(axis=0), axis=1).max()
        for part in (points[:30], points[30:])
    )
    assert between > 2 * within
    assert steps[-1] == (750, 750)
    assert {total for _, total in steps} == {sum(ITERATIONS)}
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_tsne_stops_soon_after_it_is_asked_to():
    steps, stop = [], threading.Event()

    def third(done, total, what):
        steps.append(done)
        if len(steps) == 3:
            stop.set()

    with pytest.raises(io.Stopped):
        tsne_map(np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32), third, stop)
    assert len(steps) <= 4
    with pytest.raises(io.Stopped):
        tsne_map(POINTS, stop=stop)


def test_ten_images_have_a_map_and_nine_are_refused_in_words():
    assert tsne_map(np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)).shape == (
        10,
        2,
    )
    with pytest.raises(DataError, match="too few of them"):
        tsne_map(POINTS[:9])


def test_a_kept_map_is_read_again_and_another_data_sets_is_not():
    assert read_map("f" * 64, "tsne", 10) is None
    assert write_map("f" * 64, "tsne", POINTS)
    assert np.array_equal(read_map("f" * 64, "tsne", 10), POINTS)
    assert read_map("e" * 64, "tsne", 10) is None
    assert read_map("f" * 64, "tsne", 11) is None  # not of as many images
    # and no draft
    assert [path.suffix for path in map_file("f" * 64, "tsne").parent.iterdir()] == [".npz"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: b"no map" * 100,
        lambda content: content[:60] + bytes([content[60] ^ 255]) + content[61:],
    ],
)
def test_a_damaged_map_is_none(damage, caplog):
    write_map("f" * 64, "tsne", POINTS)
    file = map_file("f" * 64, "tsne")
    file.write_bytes(damage(file.read_bytes()))
    assert read_map("f" * 64, "tsne", 10) is None
    assert "is damaged and will be made again" in caplog.text


def test_a_full_disk_keeps_nothing_and_breaks_nothing(monkeypatch, caplog):
    def full(*args: object, **settings: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez_compressed", full)
    assert not write_map("f" * 64, "tsne", POINTS)
    assert list(map_file("f" * 64, "tsne").parent.iterdir()) == []
    assert "cannot be kept" in caplog.text


def test_the_real_data_have_siblings_for_neighbours(real_dataset):
    features = image_features(real_dataset.images)
    row = real_dataset.metadata.index[real_dataset.metadata["image_id"] == "ISIC_0029861"][0]
    first = nearest(features, row, n=1)[0]
    assert real_dataset.metadata["image_id"][first] == "ISIC_0024366"  # its exact copy
