"""t-SNE maps of the images, made in the background, one at a time, and kept."""

from __future__ import annotations

import threading

import numpy as np

from ham import io
from ham.data.dataset import LesionDataset
from ham.data.embedding import read_map, tsne_map, write_map


class Maps:
    """The t-SNE maps made or read since the server started, the last two data sets' at most.

    One is made at a time, whoever asks: it goes on while visitors click, come and go.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, np.ndarray] = {}
        self._jobs: io.OneJob[tuple[np.ndarray, bool]] = io.OneJob()

    def points(self, dataset: LesionDataset) -> np.ndarray | None:
        with self._lock:
            making = self.making(dataset)
            found = making.result[0] if making and making.result else None
            if found is None:
                found = self._made.get(dataset.fingerprint)
            if found is None:
                found = read_map(dataset.fingerprint, "tsne", dataset.n_images)
            if found is not None:
                self._made = dict([*self._made.items(), (dataset.fingerprint, found)][-2:])
            return found

    def making(self, dataset: LesionDataset) -> io.Job[tuple[np.ndarray, bool]] | None:
        """Its result: the points, and whether they could be written."""
        return self._jobs.of(dataset.fingerprint)

    def start(self, dataset: LesionDataset, features: np.ndarray) -> None:
        self._jobs.start(dataset.fingerprint, lambda: _make(dataset.fingerprint, features))


def _make(fingerprint: str, features: np.ndarray) -> io.Job[tuple[np.ndarray, bool]]:
    def work(report: io.Report, stop: threading.Event) -> tuple[np.ndarray, bool]:
        points = tsne_map(features, report, stop)
        points.setflags(write=False)
        return points, write_map(fingerprint, "tsne", points)

    return io.Job("The t-SNE map", work)
