"""The built-in demo data set: 2,000 synthetic images of about 1,500 lesions that nobody has.

For a machine without data and network. Everything is drawn from `model.npz`, a statistical model
that benchmarks/build_demo.py fits to HAM10000: counts, means, covariances and quantiles, no
image and no row.

An image is four layers, at a pixel p with the coordinates (x, y) in -1..1:

    image(p) = skin(p) * vignette(p) + m(p) * lesion(p) + grain(p)      m = 1 / (1 + exp(-shape))

`skin` and `lesion` (its difference from the skin) are polynomials of degree 2 in each colour,
`shape` is a smooth field whose zero line is the lesion's border, `vignette` darkens the corners,
and `grain` is noise in three bands of frequency, inside and outside the lesion and along three
colours each. The 115 numbers that say all this are made normal one by one by their quantiles,
and are then jointly normal (a Gaussian copula) with random effects:

    z of an image = mean of its class + effect of its lesion + effect of the image

The covariance of a lesion's effect depends on the class, that of an image's effect does not;
both were estimated from the lesions with several images (Searle, Casella, McCulloch, Variance
Components, 1992, chapter 11). All arithmetic is float64, so that what the processor or the BLAS
rounds otherwise (1e-13) does not reach a byte.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ham import io
from ham.config import CODES, IMAGE_SIZE, ConfigError, DataError

MODEL_FILE = Path(__file__).parent / "model.npz"
N_IMAGES = 2000
MIN_IMAGES = 30  # of a class
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
CHUNK = 200  # images rendered at once: what fits into a processor's cache

#: What the 115 features are: name -> shape of its part of the vector, in this order.
FEATURES: dict[str, tuple[int, ...]] = {
    "shape": (60,),  # of the field's principal components
    "skin": (6, 3),  # polynomial, colour axis
    "vignette": (),
    "lesion": (6, 3),
    # log of the standard deviation: band (fine to coarse), inside or outside, colour axis
    "grain": (3, 2, 3),
}
N_FEATURES = sum(int(np.prod(shape)) for shape in FEATURES.values())
SATURATION = 6.0  # the shape is kept within this: m from 0.002 to 0.998
# pixels: band i is what a blur by [i] leaves and one by [i + 1] takes away
GRAIN_SIGMAS = (0.0, 0.8, 2.0, 5.0)


@dataclass(frozen=True, eq=False)
class DemoData:
    """Rows of both belong together; images of one lesion stand beside each other."""

    images: np.ndarray  # uint8 (n, 28, 28, 3), RGB, 0-255, read-only
    metadata: pd.DataFrame  # n rows of COLUMNS: age float64 (years, NaN: unknown), the rest text


@dataclass(frozen=True, eq=False)
class DemoModel:
    """What model.npz holds. Classes are in CLASSES order, features in the order of FEATURES."""

    codes: np.ndarray  # str (7,), the classes it was fitted for
    dx_types: np.ndarray  # str (t,)
    ages: np.ndarray  # float (a,), years, NaN: unknown
    sexes: np.ndarray  # str (s,)
    sites: np.ndarray  # str (l,)
    # int (7, t, k): real lesions of a class and dx_type with 1 to k images
    lesion_counts: np.ndarray
    patients: np.ndarray  # float (7, a, s, l): share of a class' lesions, smoothed
    class_means: np.ndarray  # float (7, 115)
    # float (7, 115, 115): times standard normals, the effect of a lesion
    lesion_factors: np.ndarray
    image_factor: np.ndarray  # float (115, 115): times standard normals, the effect of an image
    normal_scores: np.ndarray  # float (q,), ascending
    quantiles: np.ndarray  # float (q, 115): each feature's value at these normal scores
    shape_mean: np.ndarray  # float (784,)
    shape_basis: np.ndarray  # float (784, 60)
    # float (3, 3): columns are the colours that skin and lesion are told in
    colour_axes: np.ndarray
    grain_axes: np.ndarray  # float (3, 3): the same of the grain


def make_demo(seed: int = 0) -> DemoData:
    """The demo data set: the same bytes from the same seed on every machine, in about a second.

    2,000 images in HAM10000's class balance, none under 30. Raises ConfigError on a bad seed and
    DataError where the model's file is missing or damaged.
    """
    return synthesize(load_model(), seed)


def stamp() -> str:
    """SHA-256 of what the demo data set comes from: the model's file and this package's code."""
    digest = hashlib.sha256()
    for path in sorted([MODEL_FILE, *Path(__file__).parent.glob("*.py")]):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def load_model(path: str | os.PathLike[str] = MODEL_FILE) -> DemoModel:
    """The fitted model, floats as float64. Raises DataError."""
    what, todo = f"The demo data set's model {path}", "Install HAM Lab again: it comes with it."
    try:
        found = io.read_arrays(Path(path))
        arrays = {field.name: found[field.name] for field in dataclasses.fields(DemoModel)}
    except OSError as error:
        raise DataError(
            what, f"the file cannot be read ({error.strerror or error}).", todo
        ) from error
    except io.DAMAGED as error:
        raise DataError(what, f"the file is damaged ({error}).", todo) from error
    model = DemoModel(
        **{name: a.astype(np.float64) if a.dtype.kind == "f" else a for name, a in arrays.items()}
    )
    if tuple(model.codes) != CODES or model.class_means.shape != (len(CODES), N_FEATURES):
        raise DataError(
            what,
            f"it was fitted for {len(model.codes)} classes in another order or for other features "
            "than this version draws.",
            todo,
        )
    return model


def synthesize(model: DemoModel, seed: int = 0, n_images: int = N_IMAGES) -> DemoData:
    """A data set of so many images drawn from a model (at least 30 of each class). Raises
    ConfigError.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ConfigError(
            f"seed = {seed!r}", "it must be a whole number from 0 on.", "Choose another."
        )
    if n_images < MIN_IMAGES * len(CODES) * 2:
        raise ConfigError(
            f"n_images = {n_images}",
            f"no class would keep its share with {MIN_IMAGES} of each.",
            f"Ask for at least {MIN_IMAGES * len(CODES) * 2}.",
        )
    lesions = draw_lesions(model, n_images, np.random.default_rng([seed, 0]))
    rows = lesions.loc[lesions.index.repeat(lesions["n_images"])]
    features = draw_features(
        model, lesions["label"].to_numpy(), rows.index.to_numpy(), np.random.default_rng([seed, 1])
    )
    images = render(model, features, np.random.default_rng([seed, 2]))
    images.setflags(write=False)
    metadata = pd.DataFrame(
        {
            "lesion_id": [f"DEMO_L{lesion + 1:06d}" for lesion in rows.index],
            "image_id": [f"DEMO_{row + 1:07d}" for row in range(len(rows))],
            "dx": model.codes[rows["label"]],
            **{name: rows[name].to_numpy() for name in ("dx_type", "age", "sex", "localization")},
        }
    )
    return DemoData(
        images, metadata.astype({name: "float64" if name == "age" else "str" for name in COLUMNS})
    )


# ------------------------------------------------------------------------------ lesions


def draw_lesions(model: DemoModel, n_images: int, rng: np.random.Generator) -> pd.DataFrame:
    """A row a lesion, in random order: label (index in CLASSES), dx_type, age, sex,
    localization, n_images.
    """
    parts = []
    for label, count in enumerate(class_sizes(model, n_images)):
        dx_type, sizes = _sizes(model.lesion_counts[label], count, rng)
        age, sex, site = np.unravel_index(
            systematic(model.patients[label], len(sizes), rng), model.patients[label].shape
        )
        parts.append(
            pd.DataFrame(
                {
                    "label": label,
                    "dx_type": model.dx_types[dx_type],
                    "age": model.ages[age],
                    "sex": model.sexes[sex],
                    "localization": model.sites[site],
                    "n_images": sizes,
                }
            )
        )
    lesions = pd.concat(parts, ignore_index=True)
    return lesions.iloc[rng.permutation(len(lesions))].reset_index(drop=True)


def class_sizes(model: DemoModel, n_images: int) -> list[int]:
    """Images of each class: its share of the real images, at least MIN_IMAGES; the largest class
    gives way.
    """
    real = model.lesion_counts.sum(axis=1) @ np.arange(1, model.lesion_counts.shape[2] + 1)
    sizes = [max(MIN_IMAGES, round(n_images * share)) for share in (real / real.sum()).tolist()]
    sizes[int(real.argmax())] += n_images - sum(sizes)
    return sizes


def _sizes(
    counts: np.ndarray, n_images: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(dx_type, images) of as many lesions of a class as have `n_images` images together."""
    images = np.arange(1, counts.shape[1] + 1)
    mean = (counts @ images).sum() / counts.sum()
    dx_type, size = np.divmod(systematic(counts, round(n_images / mean), rng), counts.shape[1])
    sizes = images[size]
    missing = n_images - int(sizes.sum())
    # the draw came out a few images short or long: lesions of one image, or the largest cut
    if missing > 0:
        single = systematic(counts[:, 0], missing, rng)
        return np.append(dx_type, single), np.append(sizes, np.ones(missing, int))
    for _ in range(-missing):
        sizes[sizes.argmax()] -= 1
    return dx_type, sizes


def systematic(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n flat indices in random order, each as often as its weight says, to within one draw.

    Systematic sampling (Madow, Annals of Mathematical Statistics 20:333, 1949): equal steps
    along the weights laid end to end, from a random start. A run of neighbouring cells gets its
    share to within one draw as well, so what is rare in truth (an unknown age) is rare here and
    not missing by chance.
    """
    ends = np.cumsum(weights.ravel(), dtype=np.float64)
    points = (np.arange(n) + rng.random()) * (ends[-1] / n)
    return rng.permutation(np.minimum(np.searchsorted(ends, points, side="right"), len(ends) - 1))


# ------------------------------------------------------------------------------- images


def draw_features(
    model: DemoModel, labels: np.ndarray, lesion_of: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """float64 (n, 115): features of the images of lesions with these labels, `lesion_of` (n,)
    indexes them.
    """
    effects = rng.standard_normal((len(labels), N_FEATURES))
    for label, factor in enumerate(model.lesion_factors):
        effects[labels == label] = effects[labels == label] @ factor.T + model.class_means[label]
    z = (
        effects[lesion_of]
        + rng.standard_normal((len(lesion_of), N_FEATURES)) @ model.image_factor.T
    )
    columns = [
        np.interp(z[:, j], model.normal_scores, model.quantiles[:, j]) for j in range(N_FEATURES)
    ]
    return np.stack(columns, axis=1)


def render(model: DemoModel, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (n, 28, 28, 3), RGB of float64 (n, 115) features; the grain is drawn from `rng`."""
    images = np.empty((len(features), IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    for start in range(0, len(features), CHUNK):
        part = split_features(features[start : start + CHUNK])
        m = lesion_mask(part["shape"] @ model.shape_basis.T + model.shape_mean)
        smooth = layers(
            m,
            part["skin"] @ model.colour_axes.T,
            part["vignette"],
            part["lesion"] @ model.colour_axes.T,
        )
        grains = grain(rng, part["grain"], m) @ model.grain_axes.T
        images[start : start + CHUNK] = np.clip(np.rint(255 * (smooth + grains)), 0, 255).reshape(
            -1, *images.shape[1:]
        )
    return images


def split_features(features: np.ndarray) -> dict[str, np.ndarray]:
    """(n, 115) -> the parts of FEATURES by name, each (n, *its shape)."""
    parts, start = {}, 0
    for name, shape in FEATURES.items():
        end = start + int(np.prod(shape))
        parts[name] = features[:, start:end].reshape(-1, *shape)
        start = end
    return parts


def lesion_mask(shape: np.ndarray) -> np.ndarray:
    """The share of lesion in each pixel, 0-1."""
    return 1 / (1 + np.exp(-np.clip(shape, -SATURATION, SATURATION)))


def layers(m: np.ndarray, skin: np.ndarray, vignette: np.ndarray, lesion: np.ndarray) -> np.ndarray:
    """RGB 0-1 (n, 784, 3) without grain: masks (n, 784), polynomials (n, 6, 3) in RGB, vignettes
    (n,).
    """
    powers = polynomial()
    # black takes a share of the skin's colour
    dark = corners()[:, None] * (vignette[:, None] * skin[:, 0])[:, None, :]
    return powers @ skin - dark + m[..., None] * (powers @ lesion)


def polynomial() -> np.ndarray:
    """float64 (784, 6): 1, x, y, x², xy, y² at each pixel, x and y from -0.96 to 0.96."""
    x, y = _coordinates()
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def corners() -> np.ndarray:
    """float64 (784,): grows with the sixth power of the distance from the centre; about 3.2 in a
    corner.
    """
    x, y = _coordinates()
    return (x * x + y * y) ** 3 / 2


def _coordinates() -> tuple[np.ndarray, np.ndarray]:
    """x and y of each pixel, (784,) each."""
    line = (np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2) / (IMAGE_SIZE / 2)
    y, x = np.meshgrid(line, line, indexing="ij")
    return x.ravel(), y.ravel()


def grain(rng: np.random.Generator, log_deviations: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Gaussian noise (n, 784, 3) along the grain's colour axes with these logs of its deviation
    (n, 3, 2, 3).
    """
    n, deviations = len(m), np.exp(log_deviations)
    white = rng.standard_normal((n, IMAGE_SIZE, IMAGE_SIZE, 3))
    total = np.zeros((n, IMAGE_SIZE**2, 3))
    for band, (fields, unit) in enumerate(zip(bands(white), band_deviations(), strict=True)):
        inside, outside = deviations[:, band, 0, None], deviations[:, band, 1, None]
        total += fields.reshape(n, -1, 3) / unit * (outside + m[..., None] * (inside - outside))
    return total


def bands(fields: np.ndarray) -> list[np.ndarray]:
    """(n, 28, 28, c) as differences of Gaussian blurs, fine to coarse (Burt, Adelson, IEEE
    Trans. Comm. 31:532).
    """
    blurred = [blur(fields, sigma) for sigma in GRAIN_SIGMAS]
    return [fine - coarse for fine, coarse in itertools.pairwise(blurred)]


def band_deviations() -> list[float]:
    """Root mean square over the pixels of each band's deviation, for white noise of deviation 1.

    A band is P f P' - Q f Q' with the blurs P and Q, so its variance summed over the pixels is
    tr(PP')² - 2 tr(PQ')² + tr(QQ')².
    """
    kernels = [_kernel(sigma) for sigma in GRAIN_SIGMAS]
    return [
        float(
            np.sqrt(
                ((p * p).sum() ** 2 - 2 * (p * q).sum() ** 2 + (q * q).sum() ** 2) / IMAGE_SIZE**2
            )
        )
        for p, q in itertools.pairwise(kernels)
    ]


def blur(fields: np.ndarray, sigma: float) -> np.ndarray:
    """(n, 28, 28, c) blurred by a Gaussian of `sigma` pixels, whose weights are scaled to sum to
    1 at the edges.
    """
    if sigma == 0:
        return fields
    kernel, (n, rows, *_) = _kernel(sigma), fields.shape
    down = (kernel @ fields.reshape(n, rows, -1)).reshape(fields.shape)
    return kernel @ down  # along the columns: of each (columns, channels) matrix


def _kernel(sigma: float) -> np.ndarray:
    if sigma == 0:
        return np.eye(IMAGE_SIZE)
    steps = np.arange(IMAGE_SIZE)
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / sigma) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)
