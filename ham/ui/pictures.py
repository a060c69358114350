"""Photographs on disk as data URLs, for HTML that Streamlit has no element for."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import streamlit as st
from PIL import Image

from ham.images import data_url

_ORIGINAL_SIZE = (320, 240)  # at most; shown at half of it


_LEAST_WIDTH = 120  # pixels; a smaller photograph is enlarged, with its own pixels


class Photograph(NamedTuple):
    """A picture for the browser."""

    url: str  # data:image/jpeg;base64,...
    width: int  # pixels


def width_limit(photograph: Photograph) -> str:
    """A style attribute that keeps a photograph from being smoothed; none for a tiny one, whose
    pixels are enlarged.
    """
    return f' style="max-width: {photograph.width}px"' if photograph.width >= _LEAST_WIDTH else ""


def jpeg(path: str, size: tuple[int, int] = _ORIGINAL_SIZE) -> Photograph | None:
    """A photograph of at most this size in pixels; None where its file cannot be read any more."""
    try:
        return _thumbnail(path, os.stat(path).st_mtime_ns, size)
    except OSError:  # Pillow's errors about broken pictures are OSErrors too
        return None


@st.cache_data(max_entries=2_000, show_spinner=False)
def _thumbnail(path: str, changed: int, size: tuple[int, int]) -> Photograph:
    """A JPEG of at most `size`; `changed` only makes a changed file another entry."""
    with Image.open(path) as image:
        image.draft("RGB", size)
        image.thumbnail(size)
        return Photograph(data_url(np.asarray(image.convert("RGB")), "JPEG"), image.width)
