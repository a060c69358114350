"""The statistical model behind the built-in demo data set, and the evidence that it is good and
copies nothing.

    HAM_DATA=../shared/ham10000 python -m benchmarks.build_demo [--judge 3] [--check] [--sheet
    sheet.png]

Fits ham/demo/model.npz to HAM10000 (about a minute) and prints its size, the seconds a demo
takes, and how near its images come to real ones. `--judge 3` then trains that many CNNs on demo
sets of their own and one on as many real images, tests all on real images and prints their AUC;
the first is a fit to 4 of 5 lesions that is tested on the rest. `--check` fits nothing and
judges the file that ships. `--sheet` writes demo images beside real ones; it shows images of
HAM10000, so it is not for passing on.

What is fitted is described in ham/demo. Skin, lesion and border of each image are found by
alternating two steps: least squares for the polynomials where the mask is known, and the mask
from where each pixel's colour lies between skin and lesion. All is symmetric: every image counts
in its eight flips and quarter turns.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import ndtri
from sklearn.metrics import roc_auc_score

from ham import data, demo, io, training
from ham.config import CLASSES, CODES, IMAGE_SIZE, N_CLASSES, recipe_config
from ham.data import LesionDataset
from ham.models import DIHEDRAL, dihedral

PIXELS = IMAGE_SIZE**2
SHAPES = demo.FEATURES["shape"][0]
PRIOR_IMAGES = 200  # as many as the covariance of all classes counts for in that of each
# of the real deviation: real texture is hairs and spots, and noise as strong as they looks
# grainier
GRAIN = 0.6
# of the variance of shapes within a lesion; much of it is zoom, which a Gaussian cannot draw
SHAPE_EFFECT = 0.5
LEVELS = np.concatenate([[0.001, 0.003, 0.01], np.linspace(0.02, 0.98, 49), [0.99, 0.997, 0.999]])
# weight of the smoothed joint distribution of age, sex and site; the rest goes to their product
JOINT = 0.7
EPOCHS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--judge", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--sheet", type=Path)
    chosen = parser.parse_args()
    source = data.current_source()
    if data.is_demo(source):
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    dataset = data.open_dataset(source)
    if not chosen.check:
        began = time.monotonic()
        io.write_file(demo.MODEL_FILE, to_bytes(fit(dataset)))
        print(f"Fitted in {time.monotonic() - began:.0f} s.")
    model = demo.load_model()
    made = demo.make_demo()
    print(sizes(made))
    print(seconds())
    print(distances(made, dataset), flush=True)
    if chosen.sheet:
        sheet(made, dataset).save(chosen.sheet)
    if chosen.judge:
        judge(model, dataset, chosen.judge, chosen.epochs)


# ---------------------------------------------------------------------------------- fit


def fit(dataset: LesionDataset) -> demo.DemoModel:
    """The model of a data set's images and metadata; its lesions are told by `groups`."""
    images = dataset.images.reshape(-1, PIXELS, 3) / 255
    colour_axes = _axes(images)
    shape, coefficients = separate(images)
    skin, vignette, lesion = coefficients
    rest = images - demo.layers(demo.lesion_mask(shape), skin, vignette, lesion)
    grain_axes = _axes(rest)
    grain = grain_of(rest @ grain_axes, demo.lesion_mask(shape)) + np.log(GRAIN)
    shape_mean, shape_basis = shape_components(shape)
    views = [
        np.concatenate(
            [
                (_turn(shape.T, k).T - shape_mean) @ shape_basis,
                (_turned(k) @ (skin @ colour_axes)).reshape(len(images), -1),
                vignette[:, None],
                (_turned(k) @ (lesion @ colour_axes)).reshape(len(images), -1),
                grain.reshape(len(images), -1),
            ],
            axis=1,
        )
        for k in range(DIHEDRAL)
    ]
    features = np.stack(views, axis=1)  # (n, 8, 115)
    flat = features.reshape(-1, demo.N_FEATURES)
    quantiles, scores = np.quantile(flat, LEVELS, axis=0), ndtri(LEVELS)
    z = np.stack(
        [np.interp(flat[:, j], quantiles[:, j], scores) for j in range(demo.N_FEATURES)], axis=1
    )
    means, lesion_factors, image_factor = random_effects(
        z.reshape(features.shape), dataset.labels, dataset.groups
    )
    return demo.DemoModel(
        codes=np.array(CODES),
        **lesion_tables(dataset.metadata),
        class_means=means,
        lesion_factors=lesion_factors,
        image_factor=image_factor,
        normal_scores=scores,
        quantiles=quantiles,
        shape_mean=shape_mean,
        shape_basis=shape_basis,
        colour_axes=colour_axes,
        grain_axes=grain_axes,
    )


def _axes(colours: np.ndarray) -> np.ndarray:
    """(3, 3): columns are the principal axes of colours (..., 3), the strongest first."""
    return np.linalg.eigh(np.cov(colours.reshape(-1, 3).T))[1][:, ::-1]


def separate(images: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """RGB 0-1 (n, 784, 3) -> shape (n, 784), (skin (n, 6, 3), vignette (n,), lesion (n, 6, 3))."""
    shape = first_shape(images)
    for _ in range(2):
        skin, black, lesion = _polynomials(images, shape)
        powers = demo.polynomial()
        difference = powers @ lesion
        share = (
            (images - powers @ skin - demo.corners()[:, None] * black[:, None]) * difference
        ).sum(-1)
        share /= (difference**2).sum(-1) + 2e-3
        shape = _tidy(0.7 * 4 * (2 * share - 1) + 0.3 * shape)
    skin, black, lesion = _polynomials(images, shape)
    vignette = -(black * skin[:, 0]).sum(-1) / (skin[:, 0] ** 2).sum(-1)
    return shape, (skin, vignette, lesion)


def first_shape(images: np.ndarray) -> np.ndarray:
    """Two clusters of pixels along each image's strongest colour axis; the lesion is the
    greener-poor or central.
    """
    radius = _radius()
    weight = np.exp(-0.5 * (radius / 10) ** 2)
    weight /= weight.sum()
    centred = images - (weight[:, None] * images).sum(1, keepdims=True)
    axis = np.linalg.eigh(np.einsum("npi,npj,p->nij", centred, centred, weight, optimize=True))[1][
        :, :, -1
    ]
    along = np.einsum("npi,ni->np", centred, axis)
    centre, ring = np.exp(-0.5 * (radius / 5) ** 2), ((radius > 9) & (radius < 14)).astype(float)
    contrast = (along @ centre / centre.sum() - along @ ring / ring.sum()) / (along.std(1) + 1e-6)
    # towards the lesion: central, less green
    along *= np.where(contrast - 1.5 * axis[:, 1] >= 0, 1, -1)[:, None]
    high = along.std(1)[:, None]
    low = -high
    for _ in range(8):
        lesion = np.abs(along - high) < np.abs(along - low)
        high, low = (
            ((along * w).sum(1) / (w.sum(1) + 1e-9))[:, None]
            for w in (lesion * weight, ~lesion * weight)
        )
    return _tidy(4 * (along - (low + high) / 2) / np.maximum((high - low) / 2, 0.01))


def _tidy(shape: np.ndarray) -> np.ndarray:
    """Bounded, slightly blurred, and never lesion in the corners, which the tube of the camera
    darkens.
    """
    corner = 3 * np.maximum(0, _radius() - (IMAGE_SIZE - 1) / 2)
    bounded = np.clip(shape, -demo.SATURATION, demo.SATURATION) - corner
    smooth = demo.blur(bounded.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 1), 0.6).reshape(shape.shape)
    return np.clip(smooth, -demo.SATURATION, demo.SATURATION)


def _radius() -> np.ndarray:
    line = np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2
    return np.hypot(*np.meshgrid(line, line)).ravel()


#: Ridge of the least squares, in pixels: what few pixels say of a gradient is not believed.
_SKIN_RIDGE, _BLACK_RIDGE, _LESION_RIDGE = (1e-3, 0.3, 0.3, 1, 1, 1), (0.3,), (0.5, 4, 4, 8, 8, 8)


def _polynomials(
    images: np.ndarray, shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skin (n, 6, 3), corners (n, 3) and lesion (n, 6, 3) that explain the images best, by ridge
    regression.
    """
    powers, found = demo.polynomial(), []
    ridge = np.diag([*_SKIN_RIDGE, *_BLACK_RIDGE, *_LESION_RIDGE])
    outside = np.concatenate([powers, demo.corners()[:, None]], axis=1)
    for start in range(0, len(images), 500):
        m = demo.lesion_mask(shape[start : start + 500])[..., None]
        design = np.concatenate(
            [np.broadcast_to(outside, (len(m), *outside.shape)), m * powers], axis=2
        )
        transposed = design.transpose(0, 2, 1)
        found.append(
            np.linalg.solve(transposed @ design + ridge, transposed @ images[start : start + 500])
        )
    found = np.concatenate(found)
    return found[:, :6], found[:, 6], found[:, 7:]


def grain_of(rest: np.ndarray, m: np.ndarray) -> np.ndarray:
    """(n, 3, 2, 3): log of the deviation of what is left, by band, inside or outside, colour
    axis.
    """
    found = np.empty((len(rest), *demo.FEATURES["grain"]))
    for band, fields in enumerate(demo.bands(rest.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3))):
        squares = fields.reshape(rest.shape) ** 2
        for side, weight in enumerate((m + 1e-3, 1 - m + 1e-3)):
            variance = np.einsum("np,npc->nc", weight, squares) / weight.sum(1)[:, None]
            found[:, band, side] = 0.5 * np.log(variance + 1e-6)
    return found


def shape_components(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (784,) and leading principal axes (784, 60) of the shapes in all eight views."""
    mean = sum(_turn(shape.mean(0)[:, None], k)[:, 0] for k in range(DIHEDRAL)) / DIHEDRAL
    covariance = sum(
        (turned := _turn(shape.T, k) - mean[:, None]) @ turned.T for k in range(DIHEDRAL)
    )
    return mean, np.linalg.eigh(covariance)[1][:, ::-1][:, :SHAPES]


def _turn(fields: np.ndarray, view: int) -> np.ndarray:
    """View `view` of the images in the columns of (784, n)."""
    return (
        dihedral(fields.T.reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 1), view)
        .reshape(fields.shape[1], PIXELS)
        .T
    )


def _turned(view: int) -> np.ndarray:
    """(6, 6): a polynomial's coefficients -> those of its view."""
    powers = demo.polynomial()
    return np.linalg.lstsq(powers, _turn(powers, view), rcond=None)[0]


def random_effects(
    z: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Class means (7, p), factors of lesion effects (7, p, p) and of image effects (p, p) of z
    (n, 8, p).
    """
    _, n_views, p = z.shape
    means = np.stack([z[labels == label].mean((0, 1)) for label in range(N_CLASSES)])
    covariances = [np.cov(z[labels == label].reshape(-1, p).T) for label in range(N_CLASSES)]
    pooled = np.mean(covariances, axis=0)
    sizes = np.bincount(groups)
    of_lesion = np.zeros((len(sizes), n_views, p))
    np.add.at(of_lesion, groups, z)
    several = sizes[groups] > 1
    within = (z - (of_lesion / np.maximum(sizes, 1)[:, None, None])[groups])[several].reshape(-1, p)
    image = within.T @ within / (n_views * (several.sum() - (sizes > 1).sum()))
    calm = np.ones(p)
    calm[:SHAPES] = np.sqrt(SHAPE_EFFECT)
    image *= calm[:, None] * calm
    lesion = []
    for covariance, count in zip(
        covariances, np.bincount(labels, minlength=N_CLASSES), strict=True
    ):
        shrunk = (count * covariance + PRIOR_IMAGES * pooled) / (count + PRIOR_IMAGES)
        lesion.append(_root(shrunk - image))
    return means, np.stack(lesion), _root(image)


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root, negative variances (of a difference of estimates) taken as
    none.
    """
    variances, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.maximum(variances, 0)) @ axes.T


def lesion_tables(metadata: pd.DataFrame) -> dict[str, np.ndarray]:
    """How many lesions of each kind there are, and the smoothed joint distribution of their
    patients.
    """
    lesions = metadata.drop_duplicates("lesion_id")
    sizes = metadata.groupby("lesion_id").size()[lesions["lesion_id"]].to_numpy()
    labels = lesions["dx"].map(list(CODES).index).to_numpy()
    dx_types, sexes, sites = (
        np.unique(lesions[name]) for name in ("dx_type", "sex", "localization")
    )
    ages = np.append(np.nan, np.unique(lesions["age"].dropna()))
    counts = np.zeros((N_CLASSES, len(dx_types), sizes.max()), np.int64)
    np.add.at(counts, (labels, np.searchsorted(dx_types, lesions["dx_type"]), sizes - 1), 1)
    patients = np.zeros((N_CLASSES, len(ages), len(sexes), len(sites)))
    age = np.where(lesions["age"].isna(), 0, 1 + np.searchsorted(ages[1:], lesions["age"]))
    np.add.at(
        patients,
        (
            labels,
            age,
            np.searchsorted(sexes, lesions["sex"]),
            np.searchsorted(sites, lesions["localization"]),
        ),
        1,
    )
    patients /= patients.sum((1, 2, 3), keepdims=True)
    return {
        "dx_types": dx_types.astype("U"),
        "ages": ages,
        "sexes": sexes.astype("U"),
        "sites": sites.astype("U"),
        "lesion_counts": counts,
        "patients": smooth(patients, ages),
    }


def smooth(patients: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Shares (7, ages, sexes, sites): known ages from 5 on spread to their neighbours, then
    mixed with independence.
    """
    known = np.flatnonzero(ages > 0)
    spread = np.eye(len(ages))
    kernel = np.maximum(0, 2 - np.abs(known[:, None] - known)) / 4.0  # 1/4, 1/2, 1/4
    spread[np.ix_(known, known)] = kernel / kernel.sum(axis=0)  # nothing is lost at the ends
    joint = np.einsum("ab,kbsl->kasl", spread, patients)
    independent = np.einsum(
        "ka,ks,kl->kasl", joint.sum((2, 3)), joint.sum((1, 3)), joint.sum((1, 2))
    )
    return JOINT * joint + (1 - JOINT) * independent


def to_bytes(model: demo.DemoModel) -> bytes:
    """model.npz: half precision where three digits do."""
    half = (
        "patients",
        "class_means",
        "lesion_factors",
        "image_factor",
        "shape_mean",
        "shape_basis",
    )
    arrays = {
        name: value.astype(np.float16) if name in half else value
        for name, value in vars(model).items()
    }
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


# ----------------------------------------------------------------------------- evidence


def sizes(made: demo.DemoData) -> str:
    table = data.class_balance(made.metadata)
    by_class = ", ".join(f"{code} {row.images} of {row.lesions}" for code, row in table.iterrows())
    return (
        f"model.npz: {demo.MODEL_FILE.stat().st_size / 2**20:.2f} MiB. {len(made.images):,} "
        "images of "
        f"{made.metadata['lesion_id'].nunique():,} lesions: {by_class}."
    )


def seconds(times: int = 5) -> str:
    """Of make_demo in fresh processes, the import of ham.demo left out."""
    script = (
        "import time; from ham.demo import make_demo; t = time.perf_counter(); make_demo(); "
        "print(time.perf_counter() - t, time.process_time())"
    )
    shown = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(times)
    ]
    wall = sorted(float(line[0]) for line in shown)
    return (
        f"make_demo() takes {statistics.median(wall):.2f} s ({wall[0]:.2f} to {wall[-1]:.2f}, "
        f"median of {times} "
        f"fresh processes; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)."
    )


def distances(made: demo.DemoData, dataset: LesionDataset, n: int = 2000) -> str:
    """Root mean square difference in grey levels to the nearest real image in any of its eight
    views.

    Demo images, and for comparison as many real images to those of other lesions of the same
    size of set.
    """
    rows = np.random.default_rng(0).permutation(len(dataset.images))[:n]
    demo_nearest = nearest(made.images, np.full(len(made.images), -1), dataset)
    real_nearest = nearest(dataset.images[rows], dataset.groups[rows], dataset)
    lines = [
        "Grey levels (root mean square) to the nearest real image, in any of 8 views:",
        f"{'':28}minimum   1 %   5 %  median",
    ]
    for name, found in (
        ("demo to real", demo_nearest),
        ("real to real, other lesion", real_nearest),
    ):
        lines.append(
            f"{name:28}{found.min():7.1f} "
            + " ".join(f"{v:5.1f}" for v in np.percentile(found, [1, 5, 50]))
        )
    return "\n".join(lines)


def nearest(images: np.ndarray, groups: np.ndarray, dataset: LesionDataset) -> np.ndarray:
    """Distance of each image to the nearest of the data set that is not of its own group, (n,)."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    best = np.full(len(images), np.inf)
    for view in range(DIHEDRAL):
        real = dihedral(dataset.images, view).reshape(dataset.n_images, -1).astype(np.float32)
        squares = (real**2).sum(1)
        for start in range(0, len(flat), 500):
            part = flat[start : start + 500]
            distance = (part**2).sum(1)[:, None] + squares - 2 * part @ real.T
            distance[groups[start : start + 500, None] == dataset.groups] = np.inf
            best[start : start + 500] = np.minimum(best[start : start + 500], distance.min(1))
    return np.sqrt(np.maximum(best, 0) / flat.shape[1])


def sheet(
    made: demo.DemoData, dataset: LesionDataset, per_class: int = 12, zoom: int = 4
) -> Image.Image:
    """A row a class: demo images left, real ones right."""
    rng, rows = np.random.default_rng(0), []
    demo_labels = made.metadata["dx"].map(list(CODES).index).to_numpy()
    for label in range(len(CLASSES)):
        left, right = (
            images[rng.choice(np.flatnonzero(labels == label), per_class, replace=False)]
            for images, labels in ((made.images, demo_labels), (dataset.images, dataset.labels))
        )
        gap = np.full((1, IMAGE_SIZE, IMAGE_SIZE, 3), 255, np.uint8)
        rows.append(np.concatenate([*left, *gap, *right], axis=1))
    picture = Image.fromarray(np.concatenate(rows))
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)


# -------------------------------------------------------------------------------- judge


def judge(model: demo.DemoModel, dataset: LesionDataset, seeds: int, epochs: int) -> None:
    """The macro AUC on real images of the improved CNN trained on demo sets, and on as many real
    images.
    """
    print(
        f"Judge: the CNN, recipe improved with {epochs} epochs and the default split by lesion "
        "(1,600 of 2,000 "
        "images train it), tested on real images. No CNN is shown an image that it is tested "
        "on, but the demo is "
        "fitted to all of them; only the last line's is not. Macro one-vs-rest ROC AUC, by "
        "class:"
    )
    print(f"{'':44}macro   " + " ".join(f"{code:>5}" for code in CODES), flush=True)
    everything = np.arange(dataset.n_images)
    shares = []
    for seed in range(seeds):
        made = as_dataset(demo.synthesize(model, seed), f"demo {seed}")
        shares.append(
            _line(
                f"demo seed {seed}, {dataset.n_images:,} real images",
                made,
                dataset,
                everything,
                seed,
                epochs,
            )
        )
    print(
        f"Mean {np.mean(shares):.3f}, from {min(shares):.3f} to {max(shares):.3f} over {seeds} "
        "seeds (of demo and "
        "CNN).",
        flush=True,
    )
    rows = as_balanced(dataset, demo.class_sizes(model, demo.N_IMAGES))
    others = np.flatnonzero(~np.isin(dataset.groups, dataset.groups[rows]))
    _line(
        f"2,000 real images, {len(others):,} of other lesions",
        subset(dataset, rows),
        dataset,
        others,
        0,
        epochs,
    )
    held_out = np.random.default_rng(1).permutation(dataset.groups.max() + 1)[
        : dataset.groups.max() // 5
    ]
    tested = np.isin(dataset.groups, held_out)
    refitted = fit(subset(dataset, np.flatnonzero(~tested)))
    _line(
        f"demo fitted without these {tested.sum():,}",
        as_dataset(demo.synthesize(refitted), "refitted"),
        dataset,
        np.flatnonzero(tested),
        0,
        epochs,
    )


def _line(
    name: str, made: LesionDataset, dataset: LesionDataset, rows: np.ndarray, seed: int, epochs: int
) -> float:
    from ham.prediction import Predictor

    began = time.process_time()
    run = training.train(recipe_config("improved", "cnn", epochs=epochs, seed=seed), made)
    proba, y_true = Predictor(run).proba(dataset.images[rows]), dataset.labels[rows]
    by_class = [roc_auc_score(y_true == label, proba[:, label]) for label in range(N_CLASSES)]
    print(
        f"{name:44}{np.mean(by_class):.3f}   "
        + " ".join(f"{auc:.3f}" for auc in by_class)
        + f"   ({(time.process_time() - began) / 60:.1f} processor minutes)",
        flush=True,
    )
    return float(np.mean(by_class))


def as_dataset(made: demo.DemoData, name: str) -> LesionDataset:
    labels = made.metadata["dx"].map(list(CODES).index).to_numpy()
    return LesionDataset(
        name,
        "benchmarks.build_demo",
        True,
        made.images,
        labels,
        made.metadata,
        pd.factorize(made.metadata["lesion_id"])[0],
        hashlib.sha256(made.images).hexdigest(),
    )


def subset(dataset: LesionDataset, rows: np.ndarray) -> LesionDataset:
    images = np.ascontiguousarray(dataset.images[rows])
    return LesionDataset(
        "part of HAM10000",
        dataset.source,
        False,
        images,
        dataset.labels[rows],
        dataset.metadata.iloc[rows].reset_index(drop=True),
        pd.factorize(dataset.groups[rows])[0],
        hashlib.sha256(images).hexdigest(),
    )


def as_balanced(dataset: LesionDataset, counts: list[int]) -> np.ndarray:
    """Rows of whole lesions with so many images of each class, to within the last lesion's
    images.
    """
    rows, order = [], np.random.default_rng(2).permutation(dataset.groups.max() + 1)
    for label, count in enumerate(counts):
        of_class = np.flatnonzero(dataset.labels == label)
        of_class = of_class[np.argsort(order[dataset.groups[of_class]], kind="stable")]
        rows.append(of_class[:count])
    return np.sort(np.concatenate(rows))


if __name__ == "__main__":
    main()
