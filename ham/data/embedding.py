"""Where images lie beside those that look alike: features, neighbours, maps of the data set.

`image_features` are the first principal components of the images averaged to 14x14; their first two
are a map that is there at once. `tsne_map` takes a minute for HAM10000; `read_map` and `write_map`
keep what it found under HAM_HOME/cache, whole or not at all.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np

from ham import config, io
from ham.config import DataError

MAP_FORMAT = 1  # raised when what is cached changes: older maps are then not found
N_FEATURES = 50  # of the 588 values of a 14x14 image; they hold 97 % of the variance of HAM10000
LEAST_IMAGES = 10  # fewer have no map worth drawing
ITERATIONS = (250, 500)  # with early exaggeration and after it: openTSNE's defaults
_PERPLEXITY = 30
_REPORT_EVERY = 10  # iterations


def image_features(images: np.ndarray) -> np.ndarray:
    """Principal components of the images averaged to 14x14, float32 (n, k), k at most N_FEATURES.

    `images`: uint8 (n, 28, 28, 3). Distances between rows are distances between the small
    images, in grey levels (root of the sum of squares over 588 values), up to what the left-out
    components hold.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    corners = [images[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
    small = np.add.reduce(corners, dtype=np.uint16).reshape(len(images), -1).astype(np.float32) / 4
    k = min(N_FEATURES, *small.shape)
    if (small == small[0]).all():  # no variance to divide by
        return np.zeros((len(small), k), dtype=np.float32)
    # two threads that share their cores with a training were four times as slow
    with threadpool_limits(1):
        return PCA(k, svd_solver="covariance_eigh").fit_transform(small).astype(np.float32)


def nearest(features: np.ndarray, row: int, n: int | None = None) -> np.ndarray:
    """The rows of the `n` images most like this one (all by default), the nearest first, itself
    left out.
    """
    distances = np.square(features - features[row]).sum(axis=1)
    distances[row] = -1
    return np.argsort(distances, kind="stable")[1 : None if n is None else n + 1]


def tsne_map(
    features: np.ndarray, report: io.Report | None = None, stop: threading.Event | None = None
) -> np.ndarray:
    """t-SNE of the features, float32 (n, 2): images that look alike lie together, distances
    between heaps say little.

    van der Maaten and Hinton 2008, as openTSNE computes it (perplexity 30, started from the
    first two principal components, exact neighbours). `report` counts iterations. Raises
    DataError with fewer than LEAST_IMAGES images, io.Stopped soon after `stop` is set.
    """
    from openTSNE import TSNEEmbedding, affinity, initialization

    n = len(features)
    if n < LEAST_IMAGES:
        raise DataError(
            f"A map of {n} images",
            "there are too few of them to lie beside each other.",
            f"Use a data set of {LEAST_IMAGES} images or more.",
        )
    done, stop = 0, stop or threading.Event()

    def watch(iteration: int, error: float, embedding: np.ndarray) -> bool:
        if report:
            report(done + iteration, sum(ITERATIONS), "Making the t-SNE map")
        return stop.is_set()  # openTSNE then stops by an exception of its own

    threads = max(1, (os.cpu_count() or 2) - 1)  # the page goes on meanwhile
    near = affinity.PerplexityBasedNN(
        features,
        perplexity=min(_PERPLEXITY, (n - 1) / 3),
        method="exact",
        n_jobs=threads,
        random_state=0,
    )
    start = initialization.rescale(features[:, :2].astype(np.float64))
    points = TSNEEmbedding(
        start,
        near,
        n_jobs=threads,
        random_state=0,
        callbacks=[watch],
        callbacks_every_iters=_REPORT_EVERY,
    )
    for iterations, exaggeration, momentum in zip(ITERATIONS, (12, 1), (0.5, 0.8), strict=True):
        if stop.is_set():
            raise io.stopped()
        points = points.optimize(
            iterations, exaggeration=exaggeration, momentum=momentum, propagate_exception=False
        )
        if stop.is_set():
            raise io.stopped()
        done += iterations
    return np.asarray(points, dtype=np.float32)


# ------------------------------------------------------------------------------- cache


def map_file(fingerprint: str, method: str) -> Path:
    """Where the map of the data set with this fingerprint is kept."""
    return config.cache_folder() / f"map-{fingerprint[:20]}-{method}-{MAP_FORMAT}.npz"


def read_map(fingerprint: str, method: str, n_images: int) -> np.ndarray | None:
    """The map kept, float32 (n_images, 2); None where there is none or it is damaged."""

    def read(file: Path) -> np.ndarray:
        points = io.read_arrays(file)["points"]
        if (
            points.shape != (n_images, 2)
            or points.dtype != np.float32
            or not np.isfinite(points).all()
        ):
            raise ValueError(f"it holds {points.dtype} of shape {points.shape}")
        return points

    return io.read_kept(map_file(fingerprint, method), read, "the map of the images")


def write_map(fingerprint: str, method: str, points: np.ndarray) -> bool:
    """Keeps a map. False where it cannot be written (a full disk, say): it is then made again
    after a restart.
    """

    def write(draft: Path) -> None:
        io.write_arrays(draft, {"points": points.astype(np.float32)})

    return io.keep(map_file(fingerprint, method), write, "the map of the images")
