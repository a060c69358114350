"""The split by source: one clinic is the test, and no lesion is on two sides."""

import dataclasses
import hashlib

import numpy as np
import pytest

from ham.config import CLASS_INDEX, SETTINGS, ConfigError, DataError, TrainConfig
from ham.data import (
    CLEAN_SPLITS,
    LEAKAGE_SPLITS,
    METADATA_FILE,
    SPLIT_TITLES,
    available_splits,
    leakage_report,
    make_split,
    open_dataset,
    sources,
)


def with_sources(dataset, names) -> object:
    """The data set with these sources, one an image."""
    return dataclasses.replace(dataset, metadata=dataset.metadata.assign(source=list(names)))


@pytest.fixture
def clinics(small_dataset):
    """75 lesions of 150 images: those of number 0, 3, 6 ... from Graz, 1, 4 ... from Wien, 2, 5
    ... from Bern.
    """
    return with_sources(small_dataset, np.array(["Graz", "Wien", "Bern"])[small_dataset.groups % 3])


def test_every_protocol_has_its_words_in_the_settings():
    (setting,) = (s for s in SETTINGS if s.name == "split")
    assert set(setting.choices) == set(SPLIT_TITLES) == {*LEAKAGE_SPLITS, "source", "published"}
    assert set(CLEAN_SPLITS) < set(SPLIT_TITLES)


def test_sources_are_numbered_by_their_images_and_alphabet_and_unknown_is_none(small_dataset):
    named = with_sources(small_dataset, ["a"] * 30 + ["c"] * 40 + ["b"] * 40 + ["unknown"] * 40)
    assert sources(named) == {"b": 40, "c": 40, "a": 30}
    assert sources(small_dataset) == {}
    assert available_splits(named) == tuple(SPLIT_TITLES)
    without = (*LEAKAGE_SPLITS, "published")
    assert available_splits(small_dataset) == without
    assert available_splits(with_sources(small_dataset, ["a"] * 149 + ["unknown"])) == without


def test_each_fold_tests_one_clinic_and_trains_on_the_others(clinics):
    source = clinics.metadata["source"].to_numpy()
    for fold, name in enumerate(sources(clinics)):
        split = make_split(clinics, "source", 0.2, 0.1, fold=fold)
        assert split.test.tolist() == np.flatnonzero(source == name).tolist()
        assert name not in set(source[split.train]) | set(source[split.validation])
        assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(
            range(150)
        )
        groups = [set(clinics.groups[part]) for part in (split.train, split.validation, split.test)]
        assert sum(len(group) for group in groups) == len(set().union(*groups))
        rest = len(split.train) + len(split.validation)
        assert len(split.validation) / rest == pytest.approx(0.2, abs=0.06)
        assert not split.leaking
        assert leakage_report(split).sibling == leakage_report(split).copies == 0


def test_the_seed_moves_validation_and_never_the_test(clinics):
    a, again, other = (make_split(clinics, "source", seed=seed, fold=1) for seed in (1, 1, 2))
    assert a.fingerprint == again.fingerprint != other.fingerprint
    assert a.test_fingerprint == again.test_fingerprint == other.test_fingerprint


def test_a_lesion_seen_in_two_clinics_is_on_one_side_and_unknown_sources_on_none(clinics):
    several = np.flatnonzero(np.bincount(clinics.groups) > 1)[0]
    rows = np.flatnonzero(clinics.groups == several)
    names = clinics.metadata["source"].to_numpy(copy=True)
    first, second = list(sources(clinics))[:2]
    names[rows] = [first] + ["elsewhere"] * (len(rows) - 1)
    nowhere = np.flatnonzero(names == second)[:3]
    names[nowhere] = "unknown"
    split = make_split(with_sources(clinics, names), "source")
    assert rows[0] in split.test
    dealt = np.concatenate([split.train, split.validation, split.test])
    assert not np.isin(rows[1:], dealt).any()
    assert not np.isin(nowhere, dealt).any()
    assert len(dealt) == 150 - len(rows[1:]) - 3


def test_without_sources_the_split_is_refused_in_words(small_dataset):
    with pytest.raises(DataError, match="has no column source"):
        make_split(small_dataset, "source")
    with pytest.raises(DataError, match="fewer than two sources"):
        make_split(with_sources(small_dataset, ["a"] * 150), "source")


def test_a_fold_beyond_the_sources_is_refused_with_their_names(clinics):
    with pytest.raises(ConfigError, match="fold = 3: the sources are 0 .*, 1 .*, 2 .*"):
        make_split(clinics, "source", fold=3)


def test_sources_too_small_to_train_on_are_refused(small_dataset):
    with pytest.raises(
        DataError, match="the sources beside a are too small for training and validation"
    ):
        make_split(with_sources(small_dataset, ["a"] * 149 + ["b"]), "source")
    one_lesion = with_sources(small_dataset, np.where(small_dataset.groups == 0, "b", "a"))
    with pytest.raises(DataError, match="the sources beside a are too small"):
        make_split(one_lesion, "source")


def test_the_fold_of_a_source_does_not_depend_on_the_test_share():
    assert TrainConfig(split="source", fold=3, test_fraction=0.4).fold == 3
    with pytest.raises(ConfigError, match="fold = 3 must be less than 2"):
        TrainConfig(split="lesion", fold=3, test_fraction=0.4)


def test_the_originals_column_is_all_it_takes(kaggle_folder):
    folder = kaggle_folder()
    lines = (folder / METADATA_FILE).read_text().splitlines()
    marked = [f"{line},{'vidir' if int(line[7:11]) % 2 else 'rosendahl'}" for line in lines[1:]]
    (folder / METADATA_FILE).write_text("\n".join([f"{lines[0]},dataset", *marked]))
    for _ in range(2):  # as read, and from the cache
        dataset = open_dataset(folder)
        assert set(sources(dataset)) == {"rosendahl", "vidir"}
        assert len(make_split(dataset, "source").test) == max(sources(dataset).values())


# ------------------------------------------------------------------------- as published


def test_the_published_split_is_that_of_scikit_learn_and_is_watched(small_dataset):
    """As the public notebooks deal: train_test_split(test_size=0.2, random_state=42)."""
    split = make_split(small_dataset, "published", seed=3)
    rows = np.random.RandomState(42).permutation(150)  # what scikit-learn draws: test first
    assert split.test.tolist() == sorted(rows[:30])
    assert split.train.tolist() == sorted(rows[30:])
    assert split.validation.tolist() == split.test.tolist()
    assert split.leaking
    assert [name for name, _ in split.parts()] == ["train", "test"]
    assert 0 < leakage_report(split).sibling < 1


def test_nothing_moves_the_published_split(small_dataset):
    config = TrainConfig(split="published", test_fraction=0.1, validation_fraction=0.3, fold=2)
    assert (config.test_fraction, config.validation_fraction, config.fold) == (0.2, 0.2, 0)
    assert config.fingerprint == TrainConfig(split="published").fingerprint
    one, other = (make_split(small_dataset, "published", 0.1, 0.1, seed=seed) for seed in (1, 2))
    assert one.test_fingerprint == other.test_fingerprint


def test_one_image_cannot_be_split_as_published(small_dataset):
    alone = dataclasses.replace(small_dataset, images=small_dataset.images[:1])
    with pytest.raises(DataError, match="too small for a training and a test part"):
        make_split(alone, "published")


def test_the_published_test_rows_of_the_real_data(real_dataset):
    """2,003 images by the hash of their names; always answering nevus is correct for 0.6680."""
    split = make_split(real_dataset, "published")
    assert (len(split.train), len(split.test)) == (8_012, 2_003)
    known = "14ffd30bef36994b3a2623d0a5bda3df47debe704d314d5add6ea88a44fa7718"
    assert split.test_fingerprint == known
    names = sorted(real_dataset.metadata["image_id"].to_numpy()[split.test])
    assert hashlib.sha256("\n".join(names).encode()).hexdigest() == known
    nevus = (split.labels[split.test] == CLASS_INDEX["nv"]).mean()
    assert round(float(nevus), 4) == 0.6680
