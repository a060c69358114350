"""What is computed once for a data set and shared by all visitors of this server; arrays are
read-only.
"""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham import data


def colors(dataset: data.LesionDataset) -> np.ndarray:
    """The mean colour of every image, float32 (n, 3), RGB, 0-255."""
    return _colors(dataset.fingerprint, dataset)


def features(dataset: data.LesionDataset) -> np.ndarray:
    """`data.image_features` of every image."""
    return _features(dataset.fingerprint, dataset)


def findings(dataset: data.LesionDataset) -> list[data.Finding]:
    """`data.quality_findings`."""
    return _findings(dataset.fingerprint, dataset)


def shuffled(dataset: data.LesionDataset) -> np.ndarray:
    """All rows in an order that is mixed once and for all, int64 (n,)."""
    return _shuffled(dataset.n_images)


@st.cache_resource(max_entries=2, show_spinner=False)
def _colors(fingerprint: str, _dataset: data.LesionDataset) -> np.ndarray:
    return _fixed(data.mean_colors(_dataset.images))


@st.cache_resource(max_entries=2, show_spinner="Comparing the images with each other")
def _features(fingerprint: str, _dataset: data.LesionDataset) -> np.ndarray:
    return _fixed(data.image_features(_dataset.images))


@st.cache_resource(max_entries=2, show_spinner="Looking for what is doubtful")
def _findings(fingerprint: str, _dataset: data.LesionDataset) -> list[data.Finding]:
    return data.quality_findings(_dataset)


@st.cache_resource(max_entries=2, show_spinner=False)
def _shuffled(n_images: int) -> np.ndarray:
    return _fixed(np.random.default_rng(0).permutation(n_images))


def _fixed(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
