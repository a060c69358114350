"""The built-in demo data set: what is in it, that it is the same everywhere, and what its model
is fitted by.
"""

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy._core import _multiarray_umath as numpy_core

from benchmarks import build_demo
from ham import demo
from ham.config import CLASS_INDEX, CODES, ConfigError, DataError
from ham.data.metadata import METADATA_COLUMNS, read_metadata
from ham.data.source import METADATA_FILE

#: SHA-256 of the images and of the metadata as CSV, seed 0. They change with the model's file
#: and with the drawing; a run that was trained on another demo set cannot be compared with one
#: of this.
IMAGES_HASH = "dc817003fdf4fa5b242940a362f36cc92e1c1427b3ece3932cf8a27cd7474ce8"
METADATA_HASH = "8f0b4c81ab0c0c9a4271735666731a07f3ec80da44061d0d96a035cea1d846b7"
HASHES = """
import hashlib, ham.demo
made = ham.demo.make_demo()
metadata = made.metadata.to_csv(index=False).encode()
print(hashlib.sha256(made.images).hexdigest(), hashlib.sha256(metadata).hexdigest())
"""


@pytest.fixture(scope="module")
def model() -> demo.DemoModel:
    return demo.load_model()


@pytest.fixture(scope="module")
def made(model) -> demo.DemoData:
    return demo.make_demo()


# ------------------------------------------------------------------------ what is in it


def test_2000_images_in_the_class_balance_of_ham10000_and_none_under_30(made):
    """2,000 x 1,113 / 10,015 = 222.3 melanomas; 2,000 x 115 / 10,015 = 23 dermatofibromas become
    30.
    """
    assert made.images.shape == (2000, 28, 28, 3)
    assert made.images.dtype == np.uint8
    assert made.metadata["dx"].value_counts().to_dict() == {
        "nv": 1331,
        "mel": 222,
        "bkl": 219,
        "bcc": 103,
        "akiec": 65,
        "vasc": 30,
        "df": 30,
    }


def test_the_metadata_is_what_kaggles_reader_takes(made, tmp_path):
    made.metadata.to_csv(tmp_path / METADATA_FILE, index=False)
    assert demo.COLUMNS == METADATA_COLUMNS
    pd.testing.assert_frame_equal(read_metadata(tmp_path / METADATA_FILE).table, made.metadata)


def test_ids_cannot_be_taken_for_real_ones(made):
    assert made.metadata["image_id"].tolist() == [f"DEMO_{i:07d}" for i in range(1, 2001)]
    assert made.metadata["lesion_id"].str.fullmatch(r"DEMO_L\d{6}").all()


def test_as_many_images_have_siblings_as_in_ham10000(made):
    """There 44.9 % of the images, 79.3 % of the melanomas, and 10,015 images of 7,470 lesions:
    1,492 of 2,000.
    """
    several = made.metadata.groupby("lesion_id")["image_id"].transform("size") > 1
    assert several.mean() == pytest.approx(0.449, abs=0.02)
    assert several[made.metadata["dx"] == "mel"].mean() == pytest.approx(0.793, abs=0.03)
    assert made.metadata["lesion_id"].nunique() == pytest.approx(1492, abs=15)


def test_images_of_a_lesion_share_class_patient_and_way_of_diagnosis(made):
    shared = made.metadata.groupby("lesion_id")[
        ["dx", "dx_type", "age", "sex", "localization"]
    ].nunique(dropna=False)
    assert (shared == 1).all(axis=None)


def test_images_of_a_lesion_look_alike_and_are_not_the_same(made):
    """Siblings stand beside each other; the image 200 rows further is of another lesion, here of
    the same class.
    """
    images, dx = made.images.astype(float), made.metadata["dx"]
    lesion = made.metadata["lesion_id"]
    siblings = np.flatnonzero(lesion[:-1].to_numpy() == lesion[1:].to_numpy())
    strangers = np.flatnonzero(dx[:-200].to_numpy() == dx[200:].to_numpy())
    between_siblings = np.abs(images[siblings] - images[siblings + 1]).mean((1, 2, 3))
    between_strangers = np.abs(images[strangers] - images[strangers + 200]).mean((1, 2, 3))
    assert between_siblings.min() > 2
    assert between_siblings.mean() < 0.75 * between_strangers.mean()


def test_dx_type_gives_the_class_away_as_in_ham10000(made):
    by_type = made.metadata.groupby("dx_type")["dx"].unique().map(set)
    assert by_type["follow_up"] == {"nv"}
    assert by_type["confocal"] <= {"bkl"}
    melanomas = made.metadata[made.metadata["dx"] == "mel"]
    assert set(melanomas["dx_type"]) == {"histo"}


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_whatever_the_seed_some_patients_are_unknown_and_some_newborn(model, seed):
    """In HAM10000 52 of 7,470 lesions have no age, 21 the age 0, 50 no sex and 203 no site."""
    lesions = demo.draw_lesions(model, 2000, np.random.default_rng([seed, 0]))
    assert 6 <= lesions["age"].isna().sum() <= 15
    assert 2 <= (lesions["age"] == 0).sum() <= 8
    assert 3 <= (lesions["sex"] == "unknown").sum() <= 20
    assert 30 <= (lesions["localization"] == "unknown").sum() <= 52


def test_patients_differ_between_classes_as_in_ham10000(made):
    """Medians there: nevi 45 years, basal cell carcinomas 70. On the face 61 of 5,403 nevi, 84
    of 228 akiec.
    """
    medians = made.metadata.groupby("dx")["age"].median()
    assert medians["nv"] == pytest.approx(45, abs=5)
    assert medians["bcc"] == pytest.approx(70, abs=5)
    on_face = (made.metadata["localization"] == "face").groupby(made.metadata["dx"]).mean()
    assert on_face["nv"] < 0.03 < 0.2 < on_face["akiec"]


def test_colours_differ_between_classes_as_in_ham10000(made):
    """At the centre, real vascular lesions have 32 grey levels more blue than green (purple),
    real nevi 0; the red of real melanomas is 140, that of real dermatofibromas 191.
    """
    centre = made.images[:, 11:17, 11:17].astype(float).mean((1, 2))
    red, green, blue = centre.T
    purple = pd.Series(blue - green).groupby(made.metadata["dx"]).mean()
    assert purple["vasc"] > purple["nv"] + 15
    red = pd.Series(red).groupby(made.metadata["dx"]).mean()
    assert red["df"] > red["mel"] + 25


# ------------------------------------------------------------------- the same everywhere


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(made, model):
    other = demo.synthesize(model, 1)
    assert hashlib.sha256(made.images).hexdigest() == IMAGES_HASH
    assert hashlib.sha256(made.metadata.to_csv(index=False).encode()).hexdigest() == METADATA_HASH
    assert (made.images != other.images).mean() > 0.9
    assert not made.images.flags.writeable


def test_another_processor_and_another_matrix_library_kernel_give_the_same_bytes():
    """A process of its own, without this processor's vector instructions in NumPy and with
    OpenBLAS' oldest kernel.
    """
    found = [name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__.get(name)]
    environment = os.environ | {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
    }
    shown = subprocess.run(
        [sys.executable, "-c", HASHES], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == [IMAGES_HASH, METADATA_HASH]


@pytest.mark.parametrize(("error", "changes"), [(1e-11, False), (1e-3, True)])
def test_what_a_machine_rounds_otherwise_does_not_reach_a_byte(model, error, changes):
    features = demo.draw_features(
        model, np.arange(7).repeat(10), np.arange(70), np.random.default_rng(0)
    )
    wrong = features * (1 + error * np.random.default_rng(1).standard_normal(features.shape))
    images, others = (demo.render(model, f, np.random.default_rng(2)) for f in (features, wrong))
    assert (images != others).any() == changes


# ------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True, None])
def test_a_seed_that_is_no_whole_number_is_refused(model, seed):
    with pytest.raises(ConfigError, match="whole number from 0"):
        demo.synthesize(model, seed)


def test_a_set_too_small_for_thirty_of_each_class_is_refused(model):
    with pytest.raises(ConfigError, match="at least 420"):
        demo.synthesize(model, 0, 419)
    assert len(demo.synthesize(model, 0, 420).images) == 420


def test_a_model_file_that_is_missing_or_damaged_is_named(tmp_path):
    whole = demo.MODEL_FILE.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "cut short": whole[:middle],
        "empty": b"",
        "text": b"no model",
        "a flipped byte": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.*damaged.*Install HAM Lab again"):
            demo.load_model(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        demo.load_model(tmp_path / "missing.npz")


@pytest.mark.parametrize(
    "changed", [{"codes": np.array(CODES[::-1])}, {"class_means": np.zeros((7, 9))}]
)
def test_a_model_fitted_for_other_classes_or_features_is_refused(model, tmp_path, changed):
    (tmp_path / "other.npz").write_bytes(build_demo.to_bytes(dataclasses.replace(model, **changed)))
    with pytest.raises(DataError, match="another order or for other features"):
        demo.load_model(tmp_path / "other.npz")


def test_an_archive_without_all_arrays_is_damaged(tmp_path):
    np.savez(tmp_path / "part.npz", codes=np.array(CODES))
    with pytest.raises(DataError, match="damaged"):
        demo.load_model(tmp_path / "part.npz")


# ------------------------------------------------------------------------ how it is drawn


def test_systematic_sampling_gives_each_cell_its_share():
    """4 draws at weights 1, 0 and 3: always one of the first and three of the last."""
    for seed in range(20):
        drawn = demo.systematic(np.array([[1, 0, 3]]), 4, np.random.default_rng(seed))
        assert sorted(drawn) == [0, 2, 2, 2]


def test_systematic_sampling_gives_a_share_of_half_a_draw_every_other_time():
    drawn = [
        len(demo.systematic(np.array([1, 1]), 1, np.random.default_rng(seed))) for seed in range(5)
    ]
    first = np.mean(
        [
            demo.systematic(np.array([1, 1]), 1, np.random.default_rng(seed))[0]
            for seed in range(400)
        ]
    )
    assert drawn == [1] * 5
    assert first == pytest.approx(0.5, abs=0.1)


def test_a_grey_skin_with_a_black_lesion_is_drawn_as_such():
    """Skin 0.5 everywhere; where the mask is 1, 0.4 less; a vignette of 0.1 takes 0.1 x 3.2 of
    the corner's 0.5.
    """
    m = np.zeros((1, 784))
    m[0, 14 * 28 + 14] = 1
    skin, lesion = np.zeros((1, 6, 3)), np.zeros((1, 6, 3))
    skin[0, 0], lesion[0, 0] = 0.5, -0.4
    drawn = demo.layers(m, skin, np.array([0.1]), lesion).reshape(28, 28, 3)
    assert drawn[14, 14] == pytest.approx([0.1] * 3, abs=1e-4)
    assert drawn[14, 10] == pytest.approx([0.5] * 3, abs=1e-3)
    assert drawn[0, 0] == pytest.approx([0.5 - 0.5 * 0.1 * (2 * (27 / 28) ** 2) ** 3 / 2] * 3)


def test_the_mask_is_half_on_the_border_and_saturates():
    assert demo.lesion_mask(np.array([0.0, 100.0, -100.0])) == pytest.approx(
        [0.5, 0.99753, 0.00247], abs=1e-5
    )


def test_grain_has_the_deviation_that_is_asked_for_inside_and_outside():
    """Left half lesion with 0.1, right half without any (exp(-20))."""
    m = np.tile(np.arange(28) < 14, (28, 1)).ravel()[None].repeat(100, 0).astype(float)
    logs = np.full((100, 3, 2, 3), -20.0)
    logs[:, 1, 0] = np.log(0.1)
    drawn = demo.grain(np.random.default_rng(0), logs, m).reshape(100, 28, 28, 3)
    assert drawn[:, :, :14].std() == pytest.approx(0.1, rel=0.05)
    assert np.abs(drawn[:, :, 14:]).max() < 1e-6


def test_bands_add_up_to_what_the_coarsest_blur_takes_away_and_leave_a_flat_field_alone():
    field = np.random.default_rng(0).standard_normal((2, 28, 28, 3))
    assert sum(demo.bands(field)) == pytest.approx(field - demo.blur(field, demo.GRAIN_SIGMAS[-1]))
    assert demo.blur(np.ones((1, 28, 28, 2)), 2.0) == pytest.approx(np.ones((1, 28, 28, 2)))


# ----------------------------------------------------------------------------- the model


def test_the_model_is_small_and_holds_no_table_with_a_row_a_real_image(model):
    """10,015 images, 7,470 lesions and a class' own numbers are no length of any array; counts
    are of lesions.
    """
    assert demo.MODEL_FILE.stat().st_size < 3 * 2**20
    assert demo.N_FEATURES == 60 + 18 + 1 + 18 + 18
    lengths = {name: value.shape for name, value in vars(model).items()}
    assert lengths == {
        "codes": (7,),
        "dx_types": (4,),
        "ages": (19,),
        "sexes": (3,),
        "sites": (15,),
        "lesion_counts": (7, 4, 6),
        "patients": (7, 19, 3, 15),
        "class_means": (7, 115),
        "lesion_factors": (7, 115, 115),
        "image_factor": (115, 115),
        "normal_scores": (55,),
        "quantiles": (55, 115),
        "shape_mean": (784,),
        "shape_basis": (784, 60),
        "colour_axes": (3, 3),
        "grain_axes": (3, 3),
    }
    assert model.lesion_counts.sum() == 7470
    # dermatofibromas: no mean is over fewer lesions
    assert model.lesion_counts.sum((1, 2)).min() == 73


def test_patients_are_smoothed_over_ages_and_towards_independence():
    """One lesion of a woman of 10 on the back, one of a man of 20 on the face, ages 0, 5, ..., 25.

    A half of the first stays at 10, a quarter each goes to 5 and 15; 0.7 of that is kept as it
    is, and 0.3 goes by the products of the margins: a woman of 10 on the back has 0.7 x 0.25 +
    0.3 x 0.25 x 0.5 x 0.5.
    """
    ages = np.array([np.nan, 0, 5, 10, 15, 20, 25])
    patients = np.zeros((1, 7, 2, 2))
    patients[0, 3, 0, 0] = patients[0, 5, 1, 1] = 0.5
    smoothed = build_demo.smooth(patients, ages)[0]
    assert smoothed.sum() == pytest.approx(1)
    assert smoothed[3, 0, 0] == pytest.approx(0.7 * 0.25 + 0.3 * 0.25 * 0.25)
    # a woman on the face: only by independence
    assert smoothed[3, 0, 1] == pytest.approx(0.3 * 0.25 * 0.25)
    assert smoothed[:2].sum() == 0  # unknown and 0 are no ages to spread to


def test_a_dark_disc_on_light_skin_is_separated():
    """Radius 7 at the centre, (0.3, 0.2, 0.2) on (0.8, 0.6, 0.6), with noise of 0.01."""
    rng = np.random.default_rng(0)
    inside = (build_demo._radius() < 7)[None, :, None]
    images = np.where(inside, [0.3, 0.2, 0.2], [0.8, 0.6, 0.6]) + 0.01 * rng.standard_normal(
        (3, 784, 3)
    )
    shape, (skin, vignette, lesion) = build_demo.separate(images)
    m = demo.lesion_mask(shape) > 0.5
    assert (m & inside[..., 0]).sum() / (m | inside[..., 0]).sum() > 0.9
    assert skin[:, 0] == pytest.approx(np.full((3, 3), [0.8, 0.6, 0.6]), abs=0.05)
    assert (skin + lesion)[:, 0] == pytest.approx(np.full((3, 3), [0.3, 0.2, 0.2]), abs=0.08)
    assert np.abs(vignette).max() < 0.05
    drawn = demo.layers(demo.lesion_mask(shape), skin, vignette, lesion)
    assert np.abs(drawn - images).mean() < 0.03


@pytest.mark.parametrize("view", range(8))
def test_the_polynomial_of_a_turned_image_is_the_turned_polynomial(view):
    coefficients = np.random.default_rng(view).standard_normal((6, 1))
    field = demo.polynomial() @ coefficients
    assert demo.polynomial() @ (build_demo._turned(view) @ coefficients) == pytest.approx(
        build_demo._turn(field, view)
    )


def test_variance_between_and_within_lesions_is_told_apart():
    """600 lesions of two images in one class; effects of deviation 2 of a lesion, 1 of an image,
    means 0 to 6.

    Of the within part of the first 60 features, the shape's, half is kept.
    """
    rng, p = np.random.default_rng(0), 62
    groups = np.arange(7 * 600).repeat(2)
    labels = groups // 600
    effects = 2 * rng.standard_normal((7 * 600, 1, p))[groups] + rng.standard_normal(
        (len(groups), 1, p)
    )
    means, lesion, image = build_demo.random_effects(
        effects + labels[:, None, None], labels, groups
    )
    assert means.mean(1) == pytest.approx(np.arange(7), abs=0.1)
    assert np.diag(image @ image).mean() == pytest.approx((60 * 0.5 + 2) / 62, rel=0.03)
    assert np.diag(lesion[3] @ lesion[3].T)[60:].mean() == pytest.approx(4, rel=0.1)


def test_a_turned_copy_of_a_real_image_is_found_and_the_own_lesion_is_not_counted(small_dataset):
    first = small_dataset.images[:1]
    copy = np.rot90(first, 1, axes=(1, 2))
    assert build_demo.nearest(copy, np.array([-1]), small_dataset)[0] == pytest.approx(0, abs=0.1)
    own = small_dataset.groups[:1]
    assert build_demo.nearest(copy, own, small_dataset)[0] > 3


def test_what_ships_was_fitted_to_the_real_data(real_dataset, model):
    """The tables come out again; and discriminants learnt from the demo's pixels tell real
    classes apart.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.metrics import roc_auc_score

    tables = build_demo.lesion_tables(real_dataset.metadata)
    assert (tables["lesion_counts"] == model.lesion_counts).all()
    assert np.abs(tables["patients"] - model.patients).max() < 1e-4

    def coarse(images: np.ndarray) -> np.ndarray:
        return images.reshape(-1, 7, 4, 7, 4, 3).mean((2, 4)).reshape(len(images), -1)

    made = demo.make_demo()
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(
        coarse(made.images), made.metadata["dx"].map(CLASS_INDEX)
    )
    proba = fitted.predict_proba(coarse(real_dataset.images))
    assert np.mean([roc_auc_score(real_dataset.labels == k, proba[:, k]) for k in range(7)]) > 0.75
