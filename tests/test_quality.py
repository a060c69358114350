"""What is doubtful is found where it is, and not found where it is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ham.config import CLASS_INDEX
from ham.data import SEVERITIES, LesionDataset, quality_findings
from ham.data.quality import dark_corners, near_copies


def dataset_of(
    rows: list[tuple], images: np.ndarray | None = None, groups: list[int] | None = None
) -> LesionDataset:
    """Rows of (lesion_id, dx, dx_type, age, sex, site); seeded noise for images, lesions for
    groups.
    """
    metadata = pd.DataFrame(
        rows, columns=["lesion_id", "dx", "dx_type", "age", "sex", "localization"]
    )
    metadata.insert(1, "image_id", [f"IMAGE_{i}" for i in range(len(rows))])
    if images is None:
        images = np.random.default_rng(0).integers(60, 200, (len(rows), 28, 28, 3)).astype(np.uint8)
    labels = np.array(metadata["dx"].map(CLASS_INDEX), dtype=np.int64)
    found = pd.factorize(metadata["lesion_id"])[0].astype(np.int64)
    return LesionDataset(
        "test",
        "nowhere",
        True,
        images,
        labels,
        metadata,
        found if groups is None else np.array(groups),
        "fingerprint",
    )


def found(dataset: LesionDataset) -> dict:
    return {finding.key: finding for finding in quality_findings(dataset)}


CLEAN = [
    ("a", "mel", "histo", 41.0, "male", "back"),
    ("b", "nv", "histo", 52.0, "female", "face"),
    ("c", "bkl", "histo", 63.0, "male", "ear"),
    ("d", "nv", "histo", 38.0, "female", "back"),
    ("e", "mel", "histo", 77.0, "male", "face"),
]


def changed(row: int, **columns: object) -> LesionDataset:
    """CLEAN with this row's columns changed."""
    dataset = dataset_of(CLEAN)
    metadata = dataset.metadata.copy()
    for column, value in columns.items():
        metadata.loc[row, column] = value
    return dataclasses.replace(
        dataset, metadata=metadata, groups=pd.factorize(metadata["lesion_id"])[0]
    )


def test_data_without_doubts_have_none():
    assert quality_findings(dataset_of(CLEAN)) == []


@pytest.mark.parametrize(
    ("columns", "key", "rows"),
    [
        ({"age": np.nan}, "unknown age", [1]),
        ({"sex": "unknown"}, "unknown sex", [1]),
        ({"localization": "unknown"}, "unknown site", [1]),
        ({"age": 0.0}, "age zero", [1]),
        ({"dx_type": "consensus"}, "not histopathology", [1]),
        ({"lesion_id": "d"}, "several", [1, 3]),
    ],
)
def test_one_changed_entry_is_one_finding_with_its_images(columns, key, rows):
    findings = found(changed(1, **columns))
    assert findings[key].rows.tolist() == rows
    assert set(findings) <= {key, "contradicting metadata"}


def test_siblings_that_contradict_each_other_are_found_and_those_that_agree_are_not():
    same = ("x", "nv", "histo", 50.0, "male", "back")
    assert "contradicting metadata" not in found(dataset_of([same, same]))
    other = ("x", "nv", "histo", 50.0, "female", "back")
    findings = found(dataset_of([same, CLEAN[0], other]))
    assert findings["contradicting metadata"].rows.tolist() == [0, 2]
    assert findings["contradicting metadata"].title == "1 lesion has contradicting metadata"
    assert "contradicting diagnoses" not in findings
    two = found(dataset_of([same, ("x", "mel", "histo", 50.0, "male", "back")]))
    assert two["contradicting diagnoses"].severity == "high"


def test_lesions_are_grouped_over_two_ids_where_they_are_known_to_be_one():
    rows = [
        ("a", "nv", "histo", 41.0, "male", "back"),
        ("b", "nv", "histo", 41.0, "female", "back"),
        CLEAN[2],
    ]
    assert "several" not in found(dataset_of(rows))
    findings = found(dataset_of(rows, groups=[0, 0, 1]))
    assert (
        findings["several"].rows.tolist()
        == findings["contradicting metadata"].rows.tolist()
        == [0, 1]
    )


def test_the_published_pairs_are_found_by_their_image_ids():
    dataset = dataset_of(CLEAN)
    metadata = dataset.metadata.assign(
        image_id=["ISIC_0033421", "x", "ISIC_0033481", "ISIC_0033556", "y"]
    )
    pairs = found(dataclasses.replace(dataset, metadata=metadata))["pairs"]
    assert pairs.rows.tolist() == [2, 0]
    assert pairs.title == "1 pair shows one lesion under two lesion ids"


def test_a_method_that_only_one_class_has_names_the_class_and_one_that_two_have_does_not():
    rows = [
        ("a", "nv", "follow_up", 41.0, "male", "back"),
        ("b", "nv", "follow_up", 52.0, "male", "back"),
        ("c", "mel", "histo", 41.0, "male", "back"),
        ("d", "nv", "histo", 41.0, "male", "back"),
    ]
    leak = found(dataset_of(rows))["method"]
    assert leak.rows.tolist() == [0, 1]
    assert leak.why.startswith("Every follow_up is nv (2 images).")
    assert "method" not in found(
        dataset_of([*rows, ("e", "mel", "follow_up", 41.0, "male", "back")])
    )


def test_words_for_sites_that_hold_others_are_found_only_beside_those():
    trunk, face = (
        ("a", "nv", "histo", 41.0, "male", "trunk"),
        ("b", "mel", "histo", 41.0, "male", "face"),
    )
    assert "site trunk" not in found(dataset_of([trunk, face]))
    both = found(dataset_of([trunk, face, ("c", "nv", "histo", 41.0, "male", "chest")]))[
        "site trunk"
    ]
    assert both.rows.tolist() == [0]
    assert "overlaps chest" in both.why


def test_rounded_ages_are_noted_without_images():
    rows = [
        (str(i), "nv", "histo", age, "male", "back") for i, age in enumerate([35.0, 40.0, 55.0])
    ]
    assert found(dataset_of(rows))["rounded"].title == "All ages are multiples of 5"
    assert found(dataset_of(rows))["rounded"].n_images == 0
    assert "rounded" not in found(dataset_of([*rows, ("x", "nv", "histo", 41.0, "male", "back")]))


def test_a_class_of_less_than_two_percent_is_small():
    rows = [(str(i), "df" if i == 0 else "nv", "histo", 41.0, "male", "back") for i in range(51)]
    assert found(dataset_of(rows))["small classes"].rows.tolist() == [0]
    assert "small classes" not in found(dataset_of(rows[:50]))  # 1 of 50 is 2 %


def test_equal_and_nearly_equal_images_are_told_apart_and_from_different_ones():
    images = np.random.default_rng(0).integers(60, 200, (5, 28, 28, 3)).astype(np.uint8)
    images[3] = images[1]
    images[4] = images[0] + 2  # 2 grey levels on average: under 3
    assert near_copies(images).tolist() == [[1, 3], [0, 4]]
    findings = found(dataset_of(CLEAN, images))
    assert findings["identical"].rows.tolist() == [1, 3]
    assert findings["identical"].severity == "high"
    assert findings["near"].rows.tolist() == [0, 4]
    assert "which a split by lesion does not keep together: 1." in findings["near"].why
    images[4] = images[0] + 3
    assert near_copies(images).tolist() == [[1, 3]]
    assert near_copies(images[:1]).shape == (0, 2)


def test_dark_corners_are_counted_and_two_are_a_finding():
    images = np.full((2, 28, 28, 3), 150, np.uint8)
    images[0, :2, :2] = images[0, -2:, -2:] = 39
    images[1, :2, -2:] = 39
    images[1, -2:, :2] = 40
    assert dark_corners(images).tolist() == [2, 1]
    noisy = np.random.default_rng(0).integers(60, 200, (6, 28, 28, 3)).astype(np.uint8)
    noisy[0, :2, :2] = noisy[0, -2:, -2:] = 0
    finding = found(dataset_of([*CLEAN, ("f", "nv", "histo", 41.0, "male", "ear")], noisy))[
        "corners"
    ]
    assert finding.rows.tolist() == [0]
    assert "50.0 % of mel, 0.0 % of nv" in finding.why


def test_images_of_one_grey_have_hardly_any_contrast():
    images = np.random.default_rng(0).integers(0, 255, (5, 28, 28, 3)).astype(np.uint8)
    images[2] = 128
    assert found(dataset_of(CLEAN, images))["contrast"].rows.tolist() == [2]


def test_the_gravest_come_first(small_dataset):
    order = [SEVERITIES.index(finding.severity) for finding in quality_findings(small_dataset)]
    assert order == sorted(order)
    assert len(set(order)) > 1


def test_the_real_data_hold_what_their_literature_says(real_dataset):
    findings = found(real_dataset)
    assert {key: finding.n_images for key, finding in findings.items()} == {
        "method": 3773,
        "several": 4531,
        "pairs": 36,
        "identical": 4,
        "near": 22,
        "contradicting metadata": 19,
        "not histopathology": 4675,
        "small classes": 257,
        "corners": 512,
        "unknown age": 57,
        "unknown site": 234,
        "age zero": 39,
        "unknown sex": 57,
        "site trunk": 1404,
        "site acral": 7,
        "rounded": 0,
        "contrast": 37,
    }
    assert findings["pairs"].title == "18 pairs show one lesion under two lesion ids"


def test_several_sources_are_told_with_the_class_that_one_gives_away():
    dataset = dataset_of(CLEAN)
    assert "sources" not in found(dataset)
    one = dataclasses.replace(
        dataset, metadata=dataset.metadata.assign(source=["wien"] * 4 + ["unknown"])
    )
    assert "sources" not in found(one)
    named = ["wien", "bern", "wien", "bern", "wien"]
    two = dataclasses.replace(dataset, metadata=dataset.metadata.assign(source=named))
    finding = found(two)["sources"]
    assert finding.title == "The images come from 2 sources"
    assert "100.0 % of the images of bern are nv" in finding.why


def test_what_was_left_out_of_the_files_is_told():
    dataset = dataset_of(CLEAN)
    assert "left out" not in found(dataset)
    assert (
        found(dataclasses.replace(dataset, notes=("2 rows left out.",)))["left out"].why
        == "2 rows left out."
    )
