"""What a recipe and its settings do, in small pictures beside them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ham.charts.setup import layer_blocks, learning_rate_by_epoch
from ham.config import IMAGE_SIZE, TrainConfig
from ham.data import LesionDataset, balanced_sample
from ham.images import data_url
from ham.models import MODELS, augment

_DRAWS = 3  # of an image
_IMAGES = 2
_GAP = 1  # pixels between them


def layers(config: TrainConfig) -> None:
    """The model's layers as blocks."""
    architecture = MODELS[config.model]
    st.html(layer_blocks(architecture.table(**config.model_settings), architecture.input_shape))


def images_and_rate(config: TrainConfig, dataset: LesionDataset) -> None:
    """What augmentation makes of images of the data in use, and the learning rate by epoch."""
    with st.container(horizontal=True, gap="small", key="train_pictures"):
        with st.container(gap="xsmall"):
            st.html(_augmented(dataset.fingerprint, config.augmentation, dataset))
            none = config.augmentation == "none"
            st.caption("No augmentation" if none else f"Original, {_DRAWS} augmented")
        with st.container(gap="xsmall"):
            st.html(learning_rate_by_epoch(config))
            st.caption("Learning rate")


@st.cache_data(max_entries=16, show_spinner=False)
def _augmented(fingerprint: str, kind: str, _dataset: LesionDataset) -> str:
    """A row an image: as it is, then as the training's own augmentation draws it, seeded."""
    rows = balanced_sample(_dataset, _IMAGES, seed=2)
    rng = np.random.default_rng(0)
    pictures = []
    for row in rows:
        image = _dataset.images[row]
        drawn = augment(np.repeat(image[None], _DRAWS, axis=0), kind, rng)
        pictures.append(side_by_side(np.stack([image, *np.rint(drawn).astype(np.uint8)])))
    alt = f"An image {IMAGE_SIZE} pixels wide and {_DRAWS} draws of its augmentation ({kind})"
    shown = "".join(f'<img src="{data_url(picture)}" alt="{alt}">' for picture in pictures)
    return f'<div class="ham-augmented">{shown}</div>'


def side_by_side(images: np.ndarray) -> np.ndarray:
    """uint8 (n, m, m, 3) -> uint8 (m, n * (m + gap) - gap, 4), RGBA: nothing between them."""
    n, size = images.shape[:2]
    apart = np.zeros((size, n, size + _GAP, 4), np.uint8)
    apart[:, :, :size, :3] = images.swapaxes(0, 1)
    apart[:, :, :size, 3] = 255
    return apart.reshape(size, -1, 4)[:, :-_GAP]
